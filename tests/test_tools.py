"""Tests of the search for programs that tests need."""

import os
import stat

from twisted.trial.unittest import SkipTest, SynchronousTestCase

from tests.tools import require_tool


class RequireToolTests(SynchronousTestCase):
    """A program that a test needs is found, or the test says why it did not run."""

    def setUp(self) -> None:
        """Make a folder with one program the whole search path."""
        folder = self.mktemp()
        os.mkdir(folder)
        self.path = os.path.join(folder, "there")
        with open(self.path, "w") as file:
            file.write("#!/bin/sh\n")
        os.chmod(self.path, stat.S_IRWXU)
        self.patch(os, "environ", {"PATH": folder})

    def test_found(self) -> None:
        """The path of the program is given."""
        self.assertEqual(require_tool(self, "there"), self.path)

    def test_missing(self) -> None:
        """A developer without the program sees a skipped test with the reason."""
        error = self.assertRaises(SkipTest, require_tool, self, "absent")
        self.assertEqual(str(error), "absent is not installed")

    def test_missing_where_all_is_installed(self) -> None:
        """Where everything should be installed the missing program is a failure."""
        os.environ["MITMTW_CI"] = "1"
        error = self.assertRaises(self.failureException, require_tool, self, "absent")
        self.assertEqual(str(error), "absent is not installed")
