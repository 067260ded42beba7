"""Tests for L{mitmtw._hooks.bridge}: the log as a hook."""

import threading
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorFromThreads
from twisted.logger import ILogObserver, Logger, LogPublisher
from twisted.python.failure import Failure
from typing_extensions import override
from zope.interface import directlyProvides
from zope.interface.verify import verifyObject

from mitmtw._hooks.bridge import QUEUE_LIMIT, LogBridge
from mitmtw.addon import LogEntry
from tests._hooks.fakes import HooksTestCase, addon


class BridgeTestCase(HooksTestCase):
    """Has a bridge that is started, and a log of its own."""

    @override
    def setUp(self) -> None:
        super().setUp()
        self.source = LogPublisher()
        self.publisher.addObserver(self.source)
        self.bridge = LogBridge(self.hooks, self.clock, self.source)
        self.bridge.start()
        self.addCleanup(self.bridge.stop)
        self.logger = Logger(namespace="elsewhere", observer=self.source)
        self.heard: list[str] = []

    def listen(self, entry: LogEntry) -> None:
        """A handler that notes the text."""
        self.heard.append(entry.msg)

    def turn(self) -> None:
        """Let the reactor turn until nothing is left to do at once."""
        for _ in range(20):
            self.clock.advance(0)


class DeliveryTests(BridgeTestCase):
    """From the log to the addons."""

    def test_observer(self) -> None:
        """It is an observer."""
        verifyObject(ILogObserver, self.bridge)

    def test_entries(self) -> None:
        """Text and level, in order, in a later turn."""
        entries: list[LogEntry] = []
        self.add(addon(log=entries.append))
        for level in ("debug", "info", "warn", "error", "critical"):
            getattr(self.logger, level)("{what} happened", what=level)
        self.assertEqual(entries, [])
        self.turn()
        self.assertEqual(
            [(entry.msg, entry.level) for entry in entries],
            [
                ("debug happened", "debug"),
                ("info happened", "info"),
                ("warn happened", "warn"),
                ("error happened", "error"),
                ("critical happened", "error"),
            ],
        )

    def test_failure(self) -> None:
        """A failure has its traceback in the text."""
        self.add(addon(log=self.listen))
        self.logger.failure("broken", Failure(ValueError("boom")))
        self.turn()
        self.assertIn("broken", self.heard[0])
        self.assertIn("ValueError: boom", self.heard[0])

    def test_no_text(self) -> None:
        """Events without a text are left out."""
        self.add(addon(log=self.listen))
        self.source({"log_format": "", "what": 1})
        self.source({"what": 1})
        self.turn()
        self.assertEqual(self.heard, [])

    def test_attached(self) -> None:
        """The log is observed only while somebody listens."""

        def observers() -> list[Any]:
            return list(self.source._observers)

        self.assertEqual(observers(), [])
        one = addon(log=self.listen)
        self.add(one)
        self.assertEqual(observers(), [self.bridge])
        self.hooks.remove(one)
        self.assertEqual(observers(), [])
        self.add(addon(name="other", log=self.listen))
        self.logger.info("dropped")
        self.bridge.stop()
        self.assertEqual(observers(), [])
        self.turn()
        self.assertEqual(self.heard, [])
        self.hooks.rebuild()
        self.assertEqual(observers(), [])

    def test_pending(self) -> None:
        """Entries wait while a handler is pending; all come, one after another."""
        answers: list[Deferred[None]] = []

        def log(entry: LogEntry) -> "Deferred[None]":
            self.listen(entry)
            answers.append(Deferred())
            return answers[-1]

        self.add(addon(log=log))
        for number in range(3):
            self.logger.info(str(number))
        self.turn()
        self.assertEqual(self.heard, ["0"])
        for number in range(3):
            answers[number].callback(None)
            self.turn()
        self.assertEqual(self.heard, ["0", "1", "2"])
        self.assertEqual(len(answers), 3)

    def test_threads(self) -> None:
        """An event of another thread is delivered in the reactor's."""
        calls: list[Any] = []
        self.clock.callFromThread = calls.append  # type: ignore[attr-defined]
        directlyProvides(self.clock, IReactorFromThreads)
        self.add(addon(log=self.listen))
        thread = threading.Thread(target=self.logger.info, args=("from afar",))
        thread.start()
        thread.join()
        self.assertEqual(self.clock.getDelayedCalls(), [])
        calls[0]()
        self.turn()
        self.assertEqual(self.heard, ["from afar"])


class OverflowTests(BridgeTestCase):
    """The queue is bounded."""

    def test_dropped(self) -> None:
        """Debug and info are dropped, and a warning counts them."""
        self.add(addon(log=self.listen))
        for number in range(QUEUE_LIMIT + 5):
            self.logger.info(str(number))
        self.turn()
        self.assertEqual(len(self.heard), QUEUE_LIMIT + 1)
        self.assertEqual(self.heard[-2], str(QUEUE_LIMIT - 1))
        self.assertTrue(self.heard[-1].startswith("5 log entries were dropped"))

    def test_warnings_stay(self) -> None:
        """A warning takes the place of the oldest entry of a lower level."""
        self.add(addon(log=self.listen))
        self.logger.warn("first")
        for number in range(QUEUE_LIMIT):
            self.logger.debug(str(number))
        self.logger.error("last")
        self.turn()
        self.assertEqual(self.heard[:2], ["first", "1"])
        self.assertEqual(self.heard[-2], "last")
        self.assertTrue(self.heard[-1].startswith("2 log entries"))

    def test_only_warnings(self) -> None:
        """Even when there are only warnings it has its bound: the oldest go."""
        self.add(addon(log=self.listen))
        for number in range(QUEUE_LIMIT + 2):
            self.logger.warn(str(number))
        self.turn()
        self.assertEqual(self.heard[0], "2")
        self.assertEqual(len(self.heard), QUEUE_LIMIT + 1)


class RecursionTests(BridgeTestCase):
    """What an addon logs while it handles an entry is not delivered to it."""

    def echo(self, name: str, *, wait: "Deferred[None] | None" = None) -> Any:
        """An addon that logs each entry again, after a wait if one is given."""

        async def log(entry: LogEntry) -> None:
            self.heard.append(f"{name}<{entry.msg}")
            if wait is not None:
                await wait
            self.logger.info(f"{name}:{entry.msg}")

        return addon(name=name, log=log)

    def test_alone(self) -> None:
        """One that logs what it hears hears nothing of that."""
        self.add(self.echo("a"))
        self.logger.info("x")
        self.turn()
        self.assertEqual(self.heard, ["a<x"])

    def test_two(self) -> None:
        """Two of them hear each other once, and then no more."""
        self.add(self.echo("a"), self.echo("b"))
        self.logger.info("x")
        self.turn()
        self.assertEqual(self.heard, ["a<x", "b<x", "b<a:x", "a<b:x"])

    def test_after_a_wait(self) -> None:
        """The same when they log only after a wait: a coroutine is known over its awaits."""
        waits: list[Deferred[None]] = [Deferred(), Deferred()]
        self.add(self.echo("a", wait=waits[0]), self.echo("b", wait=waits[1]))
        self.logger.info("x")
        self.turn()
        for wait in waits:
            wait.callback(None)
            self.turn()
        self.assertEqual(self.heard, ["a<x", "b<x", "b<a:x", "a<b:x"])
        self.logger.info("y")
        self.turn()
        self.assertIn("a<y", self.heard)

    def test_called_later(self) -> None:
        """An addon whose turn comes only after another one's wait: what it logs is still known to come of the entry."""
        answer: Deferred[None] = Deferred()
        waiter = addon(name="waiter", log=lambda entry: answer if entry.msg.startswith("a:") else None)
        self.add(self.echo("a"), waiter, addon(name="c", log=self._again))
        self.logger.info("x")
        self.turn()
        self.heard.clear()
        answer.callback(None)
        self.turn()
        self.assertEqual([text for text in self.heard if text.startswith("a<c:a:")], [])
        self.assertIn("c heard a:x", self.heard)

    def _again(self, entry: LogEntry) -> None:
        self.heard.append(f"c heard {entry.msg}")
        self.logger.info(f"c:{entry.msg}")

    def test_by_namespace(self) -> None:
        """While a Deferred of its is pending, entries under the name of the addon's module are taken for its own."""
        answer: Deferred[None] = Deferred()
        own = Logger(namespace=__name__ + ".Part", observer=self.source)

        def log(entry: LogEntry) -> "Deferred[None]":
            self.listen(entry)
            return answer

        self.add(addon(log=log))
        self.logger.info("x")
        self.turn()
        own.info("mine")
        self.logger.info("others")
        answer.callback(None)
        self.turn()
        self.assertEqual(self.heard, ["x", "others"])
        own.info("later")
        self.turn()
        self.assertEqual(self.heard, ["x", "others", "later"])

    def test_failure(self) -> None:
        """A handler that fails: the failure is logged, but not delivered to anybody."""

        def boom(entry: LogEntry) -> None:
            raise ValueError("boom")

        self.add(addon(log=boom), addon(name="other", log=self.listen))
        self.logger.info("x")
        self.turn()
        self.assertEqual(self.heard, ["x"])
        self.assertEqual(len(self.logged("error")), 1)
