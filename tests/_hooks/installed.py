"""What tests of installed addons share: folders that look like installed packages."""

import sys
from pathlib import Path
from textwrap import dedent

import twisted.plugins
from twisted.trial.unittest import SynchronousTestCase
from typing_extensions import override

__all__ = ["InstalledTestCase"]

ADDON = """
    from mitmtw.options import Option

    class Strip:
        options = (Option("acme_keep", "str", "none", "What is kept."),)
        def request(self, flow):
            pass
"""


class InstalledTestCase(SynchronousTestCase):
    """Can install packages, of which nothing is left afterwards."""

    @override
    def setUp(self) -> None:
        self.patch(sys, "path", list(sys.path))
        self.patch(sys, "dont_write_bytecode", True)
        self.site = self.folder("site")
        before = set(sys.modules)
        self.addCleanup(self._forget, before)

    def _forget(self, modules: set[str]) -> None:
        for name in set(sys.modules) - modules:
            if name.startswith(("mitmtw_probe", "twisted.plugins.mitmtw_probe")):
                del sys.modules[name]
        for name in [name for name in vars(twisted.plugins) if name.startswith("mitmtw_probe")]:
            delattr(twisted.plugins, name)

    def folder(self, name: str) -> Path:
        """A new folder that is searched for modules."""
        folder = Path(self.mktemp()).absolute() / name
        folder.mkdir(parents=True)
        sys.path.insert(0, str(folder))
        return folder

    def write(self, name: str, text: str, site: Path | None = None) -> Path:
        """Write a file."""
        path = (site or self.site) / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(dedent(text))
        return path

    def offer(self, name: str, target: str, site: Path | None = None, dropin: str = "mitmtw_probe") -> Path:
        """Write a dropin that offers one addon."""
        text = f"from mitmtw.plugin import AddonMaker\none = AddonMaker({name!r}, {target!r}, description='Text.')\n"
        return self.write(f"twisted/plugins/{dropin}.py", text, site)

    def entry_point(self, line: str, package: str = "probe", site: Path | None = None) -> Path:
        """Write the metadata of a package with one entry point."""
        folder = f"{package}-1.0.dist-info"
        self.write(f"{folder}/METADATA", f"Metadata-Version: 2.1\nName: {package}\nVersion: 1.0\n", site)
        self.write(f"{folder}/top_level.txt", "mitmtw_probe_addon\n", site)
        return self.write(f"{folder}/entry_points.txt", f"[mitmtw.addons]\n{line}\n", site).parent

    def addon(self, text: str = ADDON) -> None:
        """Write the module of the addon C{mitmtw_probe_addon.Strip}."""
        self.write("mitmtw_probe_addon.py", text)
