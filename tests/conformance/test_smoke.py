"""A few cases of the Autobahn test suite, where it is installed."""

import os
import subprocess
from io import StringIO
from pathlib import Path

from twisted.trial.unittest import SkipTest, SynchronousTestCase

from tests.conformance.autobahn import CACHE, QUICK_CASES, QUICK_COUNT, perform
from tests.conformance.runs import Course, Run
from tests.conformance.suite import NoPython2, installed_suite


class SmokeTests(SynchronousTestCase):
    """
    Quick runs, one for each half of the suite.

    The suite is installed by C{make conformance}; with C{MITMTW_CI} set it is installed here. It cannot be where there
    is no Python 2.7.
    """

    def setUp(self) -> None:
        if not (CACHE / "suite").exists() and not os.environ.get("MITMTW_CI"):
            raise SkipTest("the Autobahn test suite is not installed; make conformance does it")
        try:
            python = installed_suite(CACHE)
        except NoPython2 as error:
            raise SkipTest(str(error)) from None
        except subprocess.CalledProcessError as error:
            raise self.failureException(f"the Autobahn test suite cannot be installed: {error}") from None
        self.course = Course(python, Path(self.mktemp()).absolute(), QUICK_CASES, (), QUICK_COUNT, has_html=False)

    def check(self, run: Run) -> None:
        """Do a run and its reference."""
        out = StringIO()
        self.assertTrue(perform(self.course, [run], out), out.getvalue())

    def test_server(self) -> None:
        """A server behind the proxy behaves as without it, or stricter, and no message is lost."""
        self.check(Run("server", "ws", "reverse", "counting"))

    def test_client(self) -> None:
        """A client behind the proxy behaves as without it, or stricter, and no message is lost."""
        self.check(Run("client", "ws", "absolute", "recreating"))
