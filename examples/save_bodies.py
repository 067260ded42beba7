"""
Save pictures to a folder. Files block, so that is done in a thread; the flow waits for it, the others do not.

    mitmtw run --script examples/save_bodies.py --set save_to=/tmp/pictures
"""

from pathlib import Path
from typing import Any

from mitmtw.addon import in_thread
from mitmtw.interfaces import ILoader
from mitmtw.model import HTTPFlow


class SaveBodies:
    """A handler in a thread works on a copy of the flow; what it changes there counts when it is done."""

    def load(self, loader: ILoader) -> None:
        """Declare the option."""
        loader.add_option("save_to", str, "pictures", "The folder, made when it is needed.")

    def configure(self, options: Any, updated: set[str]) -> None:
        """Take the option over."""
        self.folder = Path(options.save_to)

    @in_thread
    def response(self, flow: HTTPFlow) -> None:
        """Save what is a picture, under a name that no other flow has."""
        response = flow.response
        kind, _, ending = response.headers.get("Content-Type", "").partition("/") if response else ("", "", "")
        if response is not None and kind == "image" and response.content:
            self.folder.mkdir(parents=True, exist_ok=True)
            path = self.folder / f"{flow.id}.{ending if ending.isalnum() else 'bin'}"
            path.write_bytes(response.content)
            flow.metadata["saved_to"] = str(path)


addons = [SaveBodies()]
