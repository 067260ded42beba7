"""
An addon with an option that is checked, from the command line, config.toml, or while the proxy runs.

    mitmtw run --script examples/custom_option.py --set user_agent="my robot/1.0"
"""

from collections.abc import Set as AbstractSet
from typing import Any

from mitmtw.addon import OptionsError
from mitmtw.interfaces import ILoader
from mitmtw.model import HTTPFlow


class UserAgent:
    """Says what is asking."""

    def load(self, loader: ILoader) -> None:
        """The first event: options are declared here."""
        loader.add_option("user_agent", str, "mitmtw", "What is sent as User-Agent; empty = as it came.")

    def configure(self, options: Any, updated: AbstractSet[str]) -> None:
        """With C{OptionsError} the whole change is taken back; on startup the program ends with that message."""
        if "user_agent" in updated and not options.user_agent.isprintable():
            raise OptionsError("user_agent must not hold control characters")
        self.options = options

    def requestheaders(self, flow: HTTPFlow) -> None:
        """Options are attributes, with the values that they have now."""
        if self.options.user_agent:
            flow.request.headers["User-Agent"] = self.options.user_agent


addons = [UserAgent()]
