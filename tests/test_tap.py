"""Tests of the service of twistd."""

import io
import os
import sys
import types
from typing import Any

from twisted.application.service import IServiceMaker
from twisted.internet.error import CannotListenError
from twisted.internet.testing import MemoryReactorClock
from twisted.logger import LogLevel, globalLogPublisher
from twisted.plugin import IPlugin
from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyObject

from mitmtw import __version__, tap
from mitmtw.errors import AddonError, OptionsError
from mitmtw.settings import Settings
from tests.fake_daemon import FakeProxyService


class CommandLineTests(SynchronousTestCase):
    """The arguments are read, and mistakes end the program with one line."""

    def setUp(self) -> None:
        """Catch what is printed, and make a configuration directory."""
        self.stdout, self.stderr = io.StringIO(), io.StringIO()
        self.patch(sys, "stdout", self.stdout)
        self.patch(sys, "stderr", self.stderr)
        self.confdir = os.path.abspath(self.mktemp())
        os.mkdir(self.confdir)

    def parse(self, *arguments: str) -> Settings:
        """Read arguments."""
        options = tap.Options()
        options.parse_listener = self.parse_listener
        options.parseOptions(["--confdir", self.confdir, *arguments])
        return options.settings

    def parse_listener(self, text: str) -> None:
        """Refuse one listener."""
        if text == "bad":
            raise OptionsError("bad listener")

    def test_all_arguments(self) -> None:
        """Each argument reaches the settings, repeated ones in their order."""
        paths = [os.path.join(self.confdir, name) for name in ("a.py", "b.py")]
        for path in paths:
            open(path, "w").close()
        settings = self.parse(
            *("--listen", "one", "--listen=two", "--set", "hook_timeout=3", "--set=via_header"),
            *("-s", paths[0], "--script", paths[1]),
        )
        self.assertEqual((settings.listeners, settings.scripts), (["one", "two"], paths))
        self.assertEqual((settings.options.hook_timeout, settings.options.via_header), (3.0, True))
        self.assertEqual(settings.options.confdir, self.confdir)

    def test_mistakes(self) -> None:
        """Every mistake is one line and status 2, without the help that twistd would print."""
        for arguments, line in (
            (["--set", "absent=1"], "mitmtw: unknown option 'absent'\n"),
            (["--listen", "bad"], "mitmtw: bad listener\n"),
            (["--script", "absent.py"], "mitmtw: script 'absent.py': No such file or directory\n"),
            (["--bogus"], "mitmtw: option --bogus not recognized\n"),
            (["--listen"], "mitmtw: option --listen requires argument\n"),
            (["surplus"], "mitmtw: Wrong number of arguments.\n"),
        ):
            self.stderr.truncate(0)
            self.stderr.seek(0)
            error = self.assertRaises(SystemExit, self.parse, *arguments)
            self.assertEqual((error.code, self.stderr.getvalue(), self.stdout.getvalue()), (2, line, ""))

    def test_version(self) -> None:
        """The version is ours, not Twisted's."""
        error = self.assertRaises(SystemExit, self.parse, "--version")
        self.assertEqual((error.code, self.stdout.getvalue()), (0, f"mitmtw {__version__.public()}\n"))

    def test_help_names_every_argument(self) -> None:
        """The help describes each argument, in its own words."""
        usage = str(tap.Options())
        for part in ("--listen=", "-s, --script=", "--set=", "--confdir=", "mitmtw options"):
            self.assertIn(part, usage)


class ServiceTests(SynchronousTestCase):
    """The service is made, and a proxy that cannot start stops twistd."""

    def setUp(self) -> None:
        """Put a fake proxy into the place of the real one."""
        module: Any = types.ModuleType("mitmtw.daemon")
        module.ProxyService = FakeProxyService
        real = sys.modules.get("mitmtw.daemon")
        sys.modules["mitmtw.daemon"] = module
        self.addCleanup(self.restore, real)
        self.reactor = MemoryReactorClock()
        arguments = tap.Options()
        arguments.parse_listener = len
        arguments.parseOptions(["--confdir", self.mktemp(), "--listen", "one"])
        self.arguments = arguments
        self.events: list[Any] = []
        observer: Any = self.events.append
        globalLogPublisher.addObserver(observer)
        self.addCleanup(globalLogPublisher.removeObserver, observer)

    def restore(self, real: types.ModuleType | None) -> None:
        """Take the fake away."""
        del sys.modules["mitmtw.daemon"]
        if real is not None:
            sys.modules["mitmtw.daemon"] = real

    def critical(self) -> list[str]:
        """Give the texts of what was logged as critical."""
        found = [event for event in self.events if event.get("log_level") is LogLevel.critical]
        return [event["log_format"].format(**event) for event in found]

    def make(self) -> FakeProxyService:
        """Make the service on the memory reactor."""
        service = tap.service_on(self.reactor, self.arguments.settings)
        assert isinstance(service, FakeProxyService)
        return service

    def test_made_with_settings(self) -> None:
        """The service gets the reactor and all settings."""
        settings = self.arguments.settings
        self.assertEqual(self.make().made_with, (self.reactor, settings.options, ["one"], [], []))

    def test_make_service(self) -> None:
        """What twistd calls gives the service, on the reactor that is installed."""
        from twisted.internet import reactor  # noqa: TID251 - the one that is under test here

        service: Any = tap.makeService(self.arguments)
        self.assertIs(service.made_with[0], reactor)

    def test_cannot_start_before_the_reactor_runs(self) -> None:
        """A failure of a service that twistd starts before its reactor stops it once it runs, with a log entry."""
        service = self.make()
        service.failed.errback(CannotListenError("127.0.0.1", 80, OSError(13, "Permission denied")))
        self.assertFalse(self.reactor.hasStopped)
        self.reactor.run()
        self.assertTrue(self.reactor.hasStopped)
        self.assertEqual(
            self.critical(), ["cannot start: Couldn't listen on 127.0.0.1:80: [Errno 13] Permission denied."]
        )

    def test_cannot_start_while_the_reactor_runs(self) -> None:
        """A failure that comes later stops it at once; what an addon says cannot forge a log line."""
        service = self.make()
        self.reactor.running = True
        service.failed.errback(AddonError("a\nb"))
        self.assertTrue(self.reactor.hasStopped)
        self.assertEqual(self.critical(), ["cannot start: a\\x0ab"])

    def test_unforeseen_failure(self) -> None:
        """A mistake of ours is logged with its traceback."""
        service = self.make()
        self.reactor.running = True
        service.failed.errback(ZeroDivisionError("zero"))
        self.assertTrue(self.reactor.hasStopped)
        self.assertEqual(self.critical(), ["cannot start: ZeroDivisionError: zero"])
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 1)


class PluginTests(SynchronousTestCase):
    """twistd finds the service."""

    def test_dropin(self) -> None:
        """The plugin is a service maker that names our module."""
        from twisted.plugins import mitmtw_daemon

        maker = mitmtw_daemon.mitmtw
        verifyObject(IServiceMaker, maker)
        verifyObject(IPlugin, maker)
        self.assertEqual((maker.tapname, maker.module), ("mitmtw", "mitmtw.tap"))
        self.assertIs(maker.options, tap.Options)
        self.assertIs(maker.makeService, tap.makeService)
