"""Tests for L{mitmtw._layers.messages}."""

from typing import Any

from twisted.internet.defer import Deferred
from twisted.trial.unittest import SynchronousTestCase

from mitmtw._layers.messages import MessageQueue
from mitmtw.model import ClientConnection, TCPFlow
from tests._streams.fakes import FakeTransport, reading


class QueueCase(SynchronousTestCase):
    """A test of a queue."""

    def setUp(self) -> None:
        """A queue between two transports."""
        self.client = FakeTransport()
        self.server = FakeTransport()
        self.flow = TCPFlow(ClientConnection())
        self.queue = MessageQueue(self.flow, reading(self.client), reading(self.server))
        self.done: list[Any] = []
        self.cancelled: list[Any] = []

    def put(self, name: Any, pending: Deferred[Any] | None = None, from_client: bool = True, size: int = 1) -> None:
        """Put something whose name is in C{done} when it was done, and with a C{?} when it was asked about."""

        def ask() -> Deferred[Any] | None:
            self.done.append(f"{name}?")
            return pending

        self.queue.put(from_client, size, ask, lambda: self.done.append(name))

    def pending(self) -> Deferred[Any]:
        """Something to wait for."""
        return Deferred(self.cancelled.append)


class QueueTests(QueueCase):
    """One thing after another."""

    def test_at_once(self) -> None:
        """Without anything to wait for, in the turn it is put there."""
        self.put("a")
        self.put("b")
        self.assertEqual(self.done, ["a?", "a", "b?", "b"])
        self.assertTrue(self.queue.is_idle)

    def test_waits(self) -> None:
        """What comes later waits, of either side, and is not asked about before its turn."""
        pending = self.pending()
        self.put("a", pending)
        self.put("b", from_client=False)
        self.queue.put(True, 0, None, lambda: self.done.append("c"))
        self.assertEqual(self.done, ["a?"])
        self.assertFalse(self.queue.is_idle)
        pending.callback(None)
        self.assertEqual(self.done, ["a?", "a", "b?", "b", "c"])
        self.assertTrue(self.queue.is_idle)

    def test_fired_already(self) -> None:
        """Something that is over already is not waited for; many of these do not deepen the stack."""
        first = self.pending()
        self.put("first", first)
        for number in range(5000):
            fired: Deferred[Any] = Deferred()
            fired.callback(None)
            self.put(number, fired)
        first.callback(None)
        self.assertEqual(len(self.done), 2 * 5001)
        self.assertEqual(self.done[-1], 4999)

    def test_failure(self) -> None:
        """What fails was waited for like what does not."""
        pending = self.pending()
        self.put("a", pending)
        pending.errback(ZeroDivisionError())
        self.assertEqual(self.done, ["a?", "a"])
        self.flushLoggedErrors(ZeroDivisionError)

    def test_put_by_an_ask(self) -> None:
        """What a handler adds comes after what waits already."""
        pending = self.pending()

        def ask() -> Deferred[Any]:
            self.put("added")
            return pending

        self.put("first")
        self.queue.put(True, 1, ask, lambda: self.done.append("asked"))
        self.put("behind")
        pending.callback(None)
        self.assertEqual(self.done, ["first?", "first", "asked", "added?", "added", "behind?", "behind"])

    def test_put_by_an_act(self) -> None:
        """So does what is added while something is done, with and without having waited for it."""
        for is_pending in (False, True):
            self.done.clear()
            first, pending = self.pending(), self.pending()
            self.put("first", first)
            ask = [pending].pop if is_pending else None

            def act() -> None:
                self.put("added")
                self.done.append("acted")

            self.queue.put(True, 1, ask, act)
            self.put("behind")
            first.callback(None)
            if is_pending:
                pending.callback(None)
            self.assertEqual(self.done, ["first?", "first", "acted", "behind?", "behind", "added?", "added"])

    def test_stop(self) -> None:
        """Nothing happens any more: what is pending is cancelled, what waits and what comes is dropped."""
        pending = self.pending()
        self.put("a", pending)
        self.put("b")
        self.queue.stop()
        self.put("c")
        self.queue.stop()
        self.assertEqual((self.done, self.cancelled), (["a?"], [pending]))
        self.assertTrue(self.queue.is_stopped and self.queue.is_idle)

    def test_swallowed_cancellation(self) -> None:
        """A cancellation that is swallowed changes nothing, nor does a late answer."""
        pending: Deferred[Any] = Deferred(lambda deferred: deferred.callback("late"))
        self.put("a", pending)
        self.queue.stop()
        self.assertEqual(self.done, ["a?"])

    def test_stopped_by_an_ask(self) -> None:
        """A handler that ends all: what it wants to have waited for is cancelled, and nothing is done."""
        pending = self.pending()

        def ask() -> Deferred[Any]:
            self.queue.stop()
            return pending

        self.queue.put(True, 1, ask, lambda: self.done.append("a"))
        self.assertEqual((self.done, self.cancelled), ([], [pending]))

    def test_stopped_by_an_act(self) -> None:
        """What waits behind something that ends all is dropped."""
        pending = self.pending()
        self.put("a", pending)
        self.queue.put(True, 0, None, self.queue.stop)
        self.put("b")
        pending.callback(None)
        self.assertEqual(self.done, ["a?", "a"])

    def test_intercepted(self) -> None:
        """A flow that is intercepted by a handler is waited for until it is resumed, with or without a Deferred."""
        for pending in (None, self.pending()):
            self.done.clear()
            self.put("a", pending) if pending else None
            self.flow.intercept()
            if pending is None:
                self.put("a")
            else:
                pending.callback(None)
            self.put("b")
            self.assertEqual(self.done, ["a?"])
            self.flow.resume()
            self.assertEqual(self.done, ["a?", "a", "b?", "b"])

    def test_intercepted_again(self) -> None:
        """The next message may be intercepted as well."""
        self.flow.intercept()
        self.put("a")
        self.queue.put(True, 1, lambda: self.flow.intercept(), lambda: self.done.append("b"))
        self.flow.resume()
        self.assertEqual(self.done, ["a?", "a"])
        self.flow.resume()
        self.assertEqual(self.done, ["a?", "a", "b"])


class PressureTests(QueueCase):
    """How much waits: more than 64 KiB of a side, beside what is asked about, hold its reading."""

    def test_bound(self) -> None:
        """One byte more holds; what is asked about does not count; half of it done lets it read on."""
        pending, second = self.pending(), self.pending()
        self.put("a", pending, size=1 << 20)
        self.put("b", second, size=1)
        self.put("c", size=65535)
        self.assertEqual(self.client.take(), [])
        self.put("d", size=1)
        self.assertEqual(self.client.take(), ["pause"])
        pending.callback(None)
        self.assertEqual(self.client.take(), [])
        second.callback(None)
        self.assertEqual(self.client.take(), ["resume"])
        self.assertEqual(self.server.take(), [])

    def test_sides(self) -> None:
        """Each side counts for itself."""
        pending = self.pending()
        self.put("a", pending)
        self.put("b", size=60000)
        self.put("c", from_client=False, size=60000)
        self.assertEqual((self.client.take(), self.server.take()), ([], []))
        self.put("d", from_client=False, size=6000)
        self.assertEqual((self.client.take(), self.server.take()), ([], ["pause"]))
        pending.callback(None)
        self.assertEqual((self.client.take(), self.server.take()), ([], ["resume"]))

    def test_stop_lets_read(self) -> None:
        """A side that is held is read again when all is over, so that its end is noticed."""
        self.put("a", self.pending())
        self.put("b", size=70000)
        self.queue.stop()
        self.assertEqual(self.client.take(), ["pause", "resume"])
