"""Tests for what L{mitmtw.testing} is as a package."""

import subprocess
import sys
import tomllib
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

import mitmtw.testing

ROOT = Path(__file__).parents[2]


def modules_after(script: str) -> set[str]:
    """The modules that are there after a script was run by a new interpreter."""
    command = [sys.executable, "-c", f"import sys; {script}; print(*sys.modules)"]
    return set(subprocess.run(command, capture_output=True, text=True, check=True, cwd=ROOT).stdout.split())


class PackageTests(SynchronousTestCase):
    """The names, and what they cost."""

    def test_names(self) -> None:
        """Each name of C{__all__} is there, under its own name; others are not."""
        for name in mitmtw.testing.__all__:
            self.assertEqual(getattr(mitmtw.testing, name).__name__, name)
        self.assertRaises(AttributeError, getattr, mitmtw.testing, "no_such_name")

    def test_no_reactor(self) -> None:
        """All of it together imports no reactor."""
        self.assertNotIn("twisted.internet.reactor", modules_after("from mitmtw.testing import *"))

    def test_light(self) -> None:
        """The package alone, which pytest imports everywhere, imports neither the proxy nor OpenSSL."""
        modules = modules_after("import mitmtw.testing")
        self.assertFalse(modules & {"mitmtw.daemon", "mitmtw.model", "OpenSSL", "twisted.internet.defer"})

    def test_entry_point(self) -> None:
        """The plugin for pytest is named where pytest looks for it."""
        project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
        self.assertEqual(project["entry-points"]["pytest11"], {"mitmtw": "mitmtw.testing.pytest_plugin"})
