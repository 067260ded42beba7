"""One body on its way: kept, collected, joined, cut, and accounted for."""

from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from mitmtw._streams.body import Body, Collected
from mitmtw._streams.channel import CONSUMER, HIGH_WATER_BYTES
from mitmtw._wire.events import CHUNKED, LENGTH
from mitmtw.errors import BodyTooLarge, ClientGone, UpstreamClosed
from tests._streams.fakes import FakeTransport, Sink, reading


class BodyCase(SynchronousTestCase):
    """A body on a reading."""

    def setUp(self) -> None:
        self.transport = FakeTransport()
        self.reading = reading(self.transport)
        self.collected = Collected(1 << 30)

    def body(self, *pieces: bytes, length: int = -1) -> Body:
        """A body of which some has come."""
        body = Body(self.reading, LENGTH if length >= 0 else CHUNKED, length)
        for piece in pieces:
            body.feed(piece)
        return body


class KeepTests(BodyCase):
    """Nobody takes it yet."""

    def test_whole_at_once(self) -> None:
        """It can be taken when it is done, as often as one likes."""
        body = self.body(b"ab", b"cd")
        body.end([(b"X", b"1")])
        self.assertTrue(body.done)
        self.assertEqual((body.take(), body.take()), (b"abcd", b"abcd"))
        self.assertEqual((body.trailers, body.received), ([(b"X", b"1")], 4))

    def test_reading_is_held_beyond_the_mark(self) -> None:
        """64 KiB are kept, then reading is held."""
        body = self.body(b"x" * HIGH_WATER_BYTES)
        self.assertEqual(self.transport.take(), [])
        body.feed(b"y")
        self.assertEqual(self.transport.take(), ["pause"])

    def test_end_and_failure_exclude_each_other(self) -> None:
        """What comes second has no effect."""
        body = self.body(b"a")
        body.end([])
        body.fail(UpstreamClosed("x"))
        self.assertIsNone(body.error)
        body = self.body(b"a")
        body.fail(UpstreamClosed("x"))
        body.end([])
        body.feed(b"more")
        self.assertEqual((body.done, body.received), (False, 1))

    def test_maximum(self) -> None:
        """Beyond the maximum it fails, with the status it was told."""
        body = self.body()
        body.maximum, body.too_large_status = 5, 502
        body.feed(b"12345")
        self.assertIsNone(body.error)
        body.feed(b"6")
        self.assertIsInstance(body.error, BodyTooLarge)
        self.assertEqual(body.error and body.error.http_status, 502)


class CollectTests(BodyCase):
    """Kept wholly, however many reads it takes."""

    def test_whole_already(self) -> None:
        """There is nothing to wait for."""
        body = self.body(b"ab")
        body.end([])
        self.assertIsNone(body.collect(10, self.collected))
        self.assertEqual(self.collected.total, 0)

    def test_becomes_whole(self) -> None:
        """True when it is; its bytes are accounted for until it is released."""
        body = self.body(b"ab")
        deferred: Any = body.collect(10, self.collected)
        body.feed(b"cd")
        self.assertNoResult(deferred)
        self.assertEqual(self.collected.total, 4)
        body.end([])
        self.assertTrue(self.successResultOf(deferred))
        self.assertEqual(body.take(), b"abcd")
        body.release()
        body.release()
        self.assertEqual(self.collected.total, 0)

    def test_reading_goes_on(self) -> None:
        """A body that was held at the mark is read on."""
        body = self.body(b"x" * (HIGH_WATER_BYTES + 1))
        self.transport.take()
        body.collect(1 << 20, self.collected)
        self.assertEqual(self.transport.take(), ["resume"])

    def test_larger_than_the_limit(self) -> None:
        """False, reading is held, its account is closed; it can be joined, and nothing is lost."""
        body = self.body(b"ab")
        deferred: Any = body.collect(3, self.collected)
        body.feed(b"cd")
        self.assertFalse(self.successResultOf(deferred))
        self.assertEqual((self.collected.total, self.transport.take()), (0, ["pause"]))
        sink = Sink()
        body.join(sink)
        self.assertEqual((sink.received, self.transport.take()), (b"abcd", ["resume"]))

    def test_account_is_full(self) -> None:
        """At the start, or on the way: False, and the refusals are counted."""
        account = Collected(3)
        body = self.body(b"abcd")
        self.assertFalse(self.successResultOf(body.collect(100, account)))  # type: ignore[arg-type]
        self.assertEqual((account.total, account.refused), (0, 1))
        body = self.body(b"ab")
        deferred: Any = body.collect(100, account)
        self.assertNoResult(deferred)
        body.feed(b"cd")
        self.assertFalse(self.successResultOf(deferred))
        self.assertEqual((account.total, account.refused), (0, 2))

    def test_cut(self) -> None:
        """It fails; the account is closed when it is released."""
        body = self.body(b"ab")
        deferred: Any = body.collect(10, self.collected)
        body.fail(UpstreamClosed("x"))
        self.failureResultOf(deferred, UpstreamClosed)
        body.release()
        self.assertEqual(self.collected.total, 0)
        self.failureResultOf(body.collect(10, self.collected), UpstreamClosed)

    def test_cancelled(self) -> None:
        """Nobody waits any more: its end is no event."""
        body = self.body(b"ab")
        deferred: Any = body.collect(10, self.collected)
        deferred.addErrback(lambda _: None)
        deferred.cancel()
        body.end([])
        self.assertTrue(body.done)


class JoinTests(BodyCase):
    """Given on as it comes."""

    def test_all_at_once(self) -> None:
        """There is nothing to wait for."""
        body, sink = self.body(b"ab", b"cd"), Sink()
        body.end([])
        self.assertIsNone(body.join(sink))
        self.assertEqual((sink.pieces, sink.source), ([b"abcd"], None))

    def test_as_it_comes(self) -> None:
        """What was kept, then each piece, then the end."""
        body, sink = self.body(b"ab"), Sink()
        deferred: Any = body.join(sink)
        body.feed(b"cd")
        self.assertEqual((sink.pieces, sink.source), ([b"ab", b"cd"], body))
        self.assertNoResult(deferred)
        body.end([])
        self.successResultOf(deferred)
        self.assertIsNone(sink.source)

    def test_consumer_fills(self) -> None:
        """Reading is held while the consumer is full, also when it is full from the start."""
        body, sink = self.body(), Sink(fills_at=3)
        body.join(sink)
        body.feed(b"abc")
        self.assertEqual(self.transport.take(), ["pause"])
        sink.drain()
        self.assertEqual(self.transport.take(), ["resume"])
        body, sink = self.body(b"abc"), Sink(fills_at=3)
        body.join(sink)
        self.assertEqual(self.transport.take(), ["pause"])

    def test_cut(self) -> None:
        """It fails, and the consumer is left; one that was cut before gives what it has first."""
        body, sink = self.body(b"ab"), Sink()
        deferred: Any = body.join(sink)
        body.fail(UpstreamClosed("x"))
        self.failureResultOf(deferred, UpstreamClosed)
        self.assertIsNone(sink.source)
        body, sink = self.body(b"ab"), Sink()
        body.fail(ClientGone("x"))
        self.failureResultOf(body.join(sink), ClientGone)
        self.assertEqual(sink.received, b"ab")

    def test_end_of_a_held_body(self) -> None:
        """A body that ends while its consumer is full does not hold what comes after it on the connection."""
        body, sink = self.body(), Sink(fills_at=3)
        body.join(sink)
        body.feed(b"abc")
        body.end([])
        self.assertFalse(self.reading.is_held())

    def test_release(self) -> None:
        """The flow is over: what still comes goes nowhere."""
        body, sink = self.body(), Sink()
        deferred: Any = body.join(sink)
        deferred.addErrback(lambda _: None)
        deferred.cancel()
        body.release()
        body.feed(b"late")
        self.assertEqual((sink.pieces, sink.source), ([], None))

    def test_reasons_of_others(self) -> None:
        """Reading that is held for another reason stays so."""
        body, sink = self.body(), Sink(fills_at=1)
        body.join(sink)
        self.reading.hold("other")
        body.feed(b"a")
        sink.drain()
        self.assertEqual(self.transport.take(), ["pause"])
        self.reading.release("other")
        self.assertEqual(self.transport.take(), ["resume"])
        self.reading.release(CONSUMER)
        self.assertEqual(self.transport.take(), [])
