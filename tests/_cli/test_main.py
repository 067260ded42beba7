"""Tests of the choice of commands."""

import io
import json
import os
import subprocess
import sys

from twisted.trial.unittest import SynchronousTestCase

from mitmtw import __version__
from mitmtw._cli.main import main


class MainTests(SynchronousTestCase):
    """The first argument is the command."""

    def run_main(self, *arguments: str) -> tuple[int, str, str]:
        """Give status and output of a command line."""
        out, err = io.StringIO(), io.StringIO()
        status = main(arguments, out, err)
        return status, out.getvalue(), err.getvalue()

    def test_version(self) -> None:
        """The version is printed."""
        self.assertEqual(self.run_main("--version"), (0, f"mitmtw {__version__.public()}\n", ""))

    def test_help(self) -> None:
        """All ways to ask for help give the list of commands, on standard output."""
        for arguments in (("--help",), ("-h",), ("help",)):
            status, out, err = self.run_main(*arguments)
            self.assertEqual((status, err), (0, ""))
            for command in ("run", "ca", "options"):
                self.assertIn(f"\n  {command} ", out)

    def test_mistakes(self) -> None:
        """An unknown command and none at all are one line and status 2."""
        self.assertEqual(self.run_main("rnu\x1b"), (2, "", "mitmtw: unknown command 'rnu\\x1b': see mitmtw --help\n"))
        self.assertEqual(self.run_main(), (2, "", "mitmtw: no command: see mitmtw --help\n"))

    def test_command_gets_the_rest(self) -> None:
        """What follows the command is the command's."""
        status, out, _ = self.run_main("options", "--json")
        self.assertEqual(status, 0)
        self.assertEqual(json.loads(out)[0]["owner"], "core")


class ProcessTests(SynchronousTestCase):
    """The command works as a process of its own."""

    def run_process(self, *arguments: str) -> tuple[int, str, str]:
        """Give status and output of C{python -m mitmtw}."""
        root = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
        done = subprocess.run(
            [sys.executable, *arguments],
            env={**os.environ, "PYTHONPATH": root},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        return done.returncode, done.stdout, done.stderr

    def test_module_and_status(self) -> None:
        """The exit status is the one that main gives, and a mistake is one line."""
        status, out, err = self.run_process("-m", "mitmtw", "run", "--set", "absent=1")
        self.assertEqual((status, out, err), (2, "", "mitmtw: unknown option 'absent'\n"))

    def test_reader_that_leaves(self) -> None:
        """Output that nobody reads any more is no traceback."""
        program = (
            "import os, sys; r, w = os.pipe(); os.close(r); os.dup2(w, 1)\n"
            "from mitmtw._cli.main import main; sys.exit(main(['options']))"
        )
        self.assertEqual(self.run_process("-c", program), (1, "", ""))

    def test_light_import(self) -> None:
        """Reading the plugin, as every Twisted program on the machine does, brings in no reactor and nothing heavy."""
        program = (
            "import sys, twisted.plugins.mitmtw_daemon, mitmtw\n"
            "heavy = ('twisted.internet.reactor', 'OpenSSL', 'cryptography', 'autobahn', 'mitmtw.model')\n"
            "print([name for name in heavy if name in sys.modules])"
        )
        self.assertEqual(self.run_process("-c", program), (0, "[]\n", ""))
