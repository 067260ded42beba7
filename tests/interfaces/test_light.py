"""Tests that the interfaces can be imported by everybody."""

import os
import subprocess
import sys

from twisted.trial.unittest import SynchronousTestCase

from mitmtw import interfaces
from mitmtw.interfaces import ADDON_INTERFACES


class LightTests(SynchronousTestCase):
    """Importing L{mitmtw.interfaces} costs other Twisted programs nothing."""

    def test_import(self) -> None:
        """It imports no reactor, no OpenSSL, and nothing of ours but interfaces."""
        script = "import sys, mitmtw.interfaces; print(*sorted(sys.modules))"
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
        command = [sys.executable, "-c", script]
        modules = subprocess.run(command, capture_output=True, text=True, check=True, env=environment).stdout.split()
        self.assertNotIn("twisted.internet.reactor", modules)
        self.assertNotIn("OpenSSL", modules)
        ours = [name for name in modules if name.startswith("mitmtw.") and not name.startswith("mitmtw.interfaces")]
        self.assertEqual([name for name in ours if name != "mitmtw._version"], [])

    def test_exported(self) -> None:
        """All interfaces of addons are re-exported by name."""
        for interface in ADDON_INTERFACES:
            self.assertIs(getattr(interfaces, interface.__name__), interface)
            self.assertIn(interface.__name__, interfaces.__all__)
