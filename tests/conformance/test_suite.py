"""Tests of finding a Python 2.7."""

import os
import sys
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from tests.conformance.suite import NoPython2, find_python2


class FindPython2Tests(SynchronousTestCase):
    """Tests of L{find_python2}, on a path of its own."""

    def setUp(self) -> None:
        self.path = Path(self.mktemp()).absolute()
        self.path.mkdir()
        self.patch(os, "environ", {"PATH": str(self.path)})

    def program(self, name: str, text: str) -> str:
        """Make a program on the path."""
        program = self.path / name
        program.parent.mkdir(parents=True, exist_ok=True)
        program.write_text(f"#!/bin/sh\n{text}\n", "utf-8")
        program.chmod(0o755)
        return str(program)

    def test_on_the_path(self) -> None:
        """The first that answers rightly is taken."""
        self.program("python2.7", "echo it is elsewhere; exit 127")
        good = self.program("python2", "exit 0")
        self.assertEqual(good, find_python2())

    def test_named(self) -> None:
        """What the environment names goes before the path."""
        self.program("python2.7", "exit 0")
        named = self.program("elsewhere/python", "exit 0")
        os.environ["MITMTW_PYTHON2"] = named
        self.assertEqual(named, find_python2())

    def test_among_the_versions_of_pyenv(self) -> None:
        """A version of pyenv that is not chosen is found all the same."""
        self.program("pyenv", f"echo {self.path}")
        good = self.program("versions/2.7.18/bin/python2.7", "exit 0")
        self.assertEqual(good, find_python2())

    def test_none(self) -> None:
        """A Python 3 under the old name is none, and what cannot be started isn't either."""
        os.environ["MITMTW_PYTHON2"] = str(self.path)
        self.program("python2", f'exec {sys.executable} "$@"')
        self.program("pyenv", "exit 1")
        self.assertRaises(NoPython2, find_python2)
