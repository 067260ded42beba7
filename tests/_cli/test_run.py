"""Tests of the proxy in the foreground."""

import io
from typing import Any

from twisted.internet.error import CannotListenError
from twisted.internet.testing import MemoryReactorClock
from twisted.logger import Logger, globalLogPublisher
from twisted.trial.unittest import SynchronousTestCase
from typing_extensions import override

from mitmtw._cli.run import run_on
from mitmtw.core_options import core_options
from mitmtw.errors import AddonError
from mitmtw.settings import Settings
from mitmtw.terminal import TerminalLog
from tests.fake_daemon import FakeProxyService


class ScriptedReactor(MemoryReactorClock):
    """Runs a function while it runs, then is told to stop as by a signal."""

    def __init__(self, while_running: Any = None) -> None:
        super().__init__()
        self.while_running = while_running

    @override
    def run(self) -> None:
        super().run()
        if self.while_running is not None:
            self.while_running()
        if not self.hasStopped:
            self.stop()
        for trigger, arguments, fields in self.triggers["before"]["shutdown"]:
            trigger(*arguments, **fields)


class RunTests(SynchronousTestCase):
    """The proxy runs till it is told to stop."""

    def setUp(self) -> None:
        """Make settings and a terminal."""
        self.settings = Settings(core_options(), ["one"], ["/script"])
        self.stderr = io.StringIO()
        self.log = TerminalLog("info", self.stderr)
        self.service: Any = None

    def make(self, *arguments: Any, **fields: Any) -> FakeProxyService:
        """Make the service and remember it."""
        service = FakeProxyService(*arguments, **fields)
        self.service = service
        return service

    def run_proxy(self, while_running: Any = None) -> int:
        """Run the proxy and give the status."""
        self.reactor = ScriptedReactor(while_running)
        return run_on(self.reactor, self.settings, self.log, self.stderr, self.make)

    def test_start_and_stop(self) -> None:
        """The service is started on the running reactor and stopped before it ends; the status is 0."""
        started: list[list[str]] = []
        status = self.run_proxy(lambda: started.append(list(self.service.calls)))
        self.assertEqual((status, started, self.service.calls), (0, [["start"]], ["start", "stop"]))
        self.assertEqual(self.service.made_with, (self.reactor, self.settings.options, ["one"], ["/script"], []))
        self.assertEqual(self.stderr.getvalue(), "")

    def test_cannot_start(self) -> None:
        """A failure of the start is one line and status 2, and the service is stopped."""
        globalLogPublisher.addObserver(self.log.observer)
        self.addCleanup(globalLogPublisher.removeObserver, self.log.observer)
        error = CannotListenError("127.0.0.1", 8080, OSError(98, "Address already in use"))
        status = self.run_proxy(lambda: self.service.failed.errback(error))
        line = "mitmtw: Couldn't listen on 127.0.0.1:8080: [Errno 98] Address already in use.\n"
        self.assertEqual((status, self.stderr.getvalue()), (2, line))
        self.assertEqual(self.service.calls, ["start", "stop"])

    def test_start_raises(self) -> None:
        """An exception of the start is the same as a failure told later."""
        self.patch(FakeProxyService, "start_error", AddonError("script x: no"))
        status = self.run_proxy()
        self.assertEqual((status, self.stderr.getvalue()), (2, "mitmtw: script x: no\n"))
        self.assertTrue(self.reactor.hasStopped)

    def test_start_raises_the_unforeseen(self) -> None:
        """A mistake of ours is named by its type, and logged as an error."""
        self.patch(FakeProxyService, "start_error", ZeroDivisionError("zero"))
        globalLogPublisher.addObserver(self.log.observer)
        self.addCleanup(globalLogPublisher.removeObserver, self.log.observer)
        self.assertEqual(self.run_proxy(), 2)
        self.assertIn("mitmtw: ZeroDivisionError: zero\n", self.stderr.getvalue())
        self.assertIn("\tTraceback (most recent call last):\n", self.stderr.getvalue())
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 1)

    def test_level_follows_the_option(self) -> None:
        """What is printed follows the option while the proxy runs."""
        log = Logger("space", observer=self.log.observer)

        def change() -> None:
            log.debug("one")
            self.settings.options.apply({"termlog_verbosity": "debug"})
            log.debug("two")
            self.settings.options.apply({"hook_timeout": 1})
            log.debug("three")

        self.run_proxy(change)
        self.assertEqual([line.split()[-1] for line in self.stderr.getvalue().splitlines()], ["two", "three"])
