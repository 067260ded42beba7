"""Tests of the reactor of mitmtw run, and of what is there when it is not."""

import sys
from select import EPOLLHUP, EPOLLIN, EPOLLOUT
from typing import Any
from unittest import skipUnless

from twisted.application.reactors import getReactorTypes
from twisted.internet import default
from twisted.internet.error import ConnectionLost
from twisted.trial.unittest import SynchronousTestCase

from mitmtw._net import epoll, reactor, transports
from mitmtw._net.epoll import PRIVATE_ATTRIBUTES, PromptReactor


class Poller:
    """Has events."""

    def __init__(self, *events: tuple[int, int]) -> None:
        self.events = list(events)
        self.asked: list[tuple[float, int]] = []
        self.error: OSError | None = None

    def poll(self, timeout: float, most: int) -> list[tuple[int, int]]:
        self.asked.append((timeout, most))
        if self.error is not None:
            raise self.error
        return self.events


class Selectable:
    """Is read and written."""

    def __init__(self, outcome: Any = None) -> None:
        self.outcome = outcome
        self.heard: list[str] = []

    def logPrefix(self) -> str:
        return "-"

    def fileno(self) -> int:
        return 1

    def doRead(self) -> Any:
        self.heard.append("read")
        if isinstance(self.outcome, BaseException) and not isinstance(self.outcome, ConnectionLost):
            raise self.outcome
        return self.outcome

    def doWrite(self) -> Any:
        self.heard.append("write")


class PollTests(SynchronousTestCase):
    """One turn of the reactor."""

    def poll(self, selectables: dict[int, Any], poller: Poller, timeout: float | None = 0.5) -> list[Any]:
        """Take a turn; @return: what was disconnected, why, and whether while reading."""
        made: Any = PromptReactor.__new__(PromptReactor)
        made._poller, made._selectables, made._reads = poller, selectables, set(selectables)
        gone: list[Any] = []
        made._disconnectSelectable = lambda *arguments: gone.append(arguments)
        made.doPoll(timeout)
        return gone

    def test_read(self) -> None:
        """Who can be read is read, one that an earlier event has closed is passed over."""
        one, two = Selectable(), Selectable()
        poller = Poller((1, EPOLLIN), (9, EPOLLIN), (2, EPOLLIN))
        self.assertEqual(self.poll({1: one, 2: two}, poller), [])
        self.assertEqual((one.heard, two.heard, poller.asked), (["read"], ["read"], [(0.5, 2)]))

    def test_for_ever(self) -> None:
        """Without a timeout it waits until there is an event."""
        poller = Poller()
        self.poll({}, poller, None)
        self.assertEqual(poller.asked, [(-1, 0)])

    def test_both(self) -> None:
        """All other events go Twisted's way."""
        one, two = Selectable(), Selectable()
        gone = self.poll({1: one, 2: two}, Poller((1, EPOLLIN | EPOLLOUT), (2, EPOLLHUP)))
        self.assertEqual((one.heard, two.heard), (["read", "write"], []))
        self.assertEqual([each[0] for each in gone], [two])

    def test_lost(self) -> None:
        """A read that ends the connection disconnects it, as one of reading."""
        why = ConnectionLost()
        one = Selectable(why)
        self.assertEqual(self.poll({1: one}, Poller((1, EPOLLIN))), [(one, why, True)])

    def test_defect(self) -> None:
        """An exception costs its own connection and is logged; the next one is served."""
        error = ZeroDivisionError()
        one, two = Selectable(error), Selectable()
        self.assertEqual(self.poll({1: one, 2: two}, Poller((1, EPOLLIN), (2, EPOLLIN))), [(one, error, True)])
        self.assertEqual(two.heard, ["read"])
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 1)

    def test_signal(self) -> None:
        """A signal ends the wait, other errors are defects."""
        poller = Poller()
        poller.error = InterruptedError(4, "signal")
        self.assertEqual(self.poll({}, poller), [])
        poller.error = OSError(9, "bad descriptor")
        self.assertRaises(OSError, self.poll, {}, poller)


class ChoiceTests(SynchronousTestCase):
    """Which reactor is installed."""

    def setUp(self) -> None:
        self.installed: list[Any] = []
        self.patch(reactor, "installReactor", self.installed.append)
        self.patch(default, "install", lambda: self.installed.append("default"))

        class Light:
            """Stands for the reactor: a real one opens descriptors."""

        for name in PRIVATE_ATTRIBUTES:
            setattr(Light, name, None)
        self.light: Any = Light
        self.patch(epoll, "PromptReactor", Light)

    def test_private_names(self) -> None:
        """The class has the private methods that we use."""
        for name in ("_disconnectSelectable", "_doReadOrWrite"):
            self.assertTrue(hasattr(PromptReactor, name), name)
        self.assertIs(PromptReactor.doIteration, PromptReactor.doPoll)

    @skipUnless(sys.platform.startswith("linux"), "epoll is Linux's")
    def test_quick(self) -> None:
        """On Linux it is ours."""
        reactor.install()
        self.assertIsInstance(self.installed[0], self.light)

    def test_other_system(self) -> None:
        """Elsewhere it is the default one."""
        self.patch(sys, "platform", "darwin")
        reactor.install()
        self.assertEqual(self.installed, ["default"])

    def test_missing_name(self) -> None:
        """With a Twisted that lacks a private name it is the default one."""
        self.patch(transports, "PRIVATE_NAMES", {PromptReactor: ("_no_such_name",)})
        reactor.install()
        self.assertEqual(self.installed, ["default"])

    def test_missing_attribute(self) -> None:
        """The same when the reactor itself lacks one."""
        del self.light._poller
        reactor.install()
        self.assertEqual(self.installed, ["default"])

    def test_plugin(self) -> None:
        """Twistd --reactor mitmtw finds it."""
        names = {each.shortName: each for each in getReactorTypes()}
        self.assertIn("mitmtw", names)
        names["mitmtw"].install()
        self.assertEqual(len(self.installed), 1)
