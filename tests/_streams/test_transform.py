"""A body through an addon's callable: all forms of answers, back-pressure, failures, deadlines, kills."""

from collections.abc import Callable
from typing import Any

from twisted.internet.defer import Deferred, succeed
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from mitmtw._streams.body import Body
from mitmtw._streams.transform import Transform
from mitmtw._wire.events import CHUNKED
from mitmtw.errors import AddonError, HookTimedOut, Killed
from mitmtw.testing import http_flow
from tests._streams.fakes import FakeTransport, Sink, reading


def constantly(answer: Any) -> Callable[[bytes], Any]:
    """A callable that always gives the same."""
    return lambda data: answer


class TransformCase(SynchronousTestCase):
    """A body joined to a transform, and that to a sink."""

    def through(self, function: Callable[[bytes], Any], *pieces: bytes, fills_at: int = 1 << 60) -> Transform:
        """A transform that has got some pieces."""
        self.clock = Clock()
        self.transport = FakeTransport()
        self.sink = Sink(fills_at)
        self.flow = http_flow()
        self.body = Body(reading(self.transport), CHUNKED, -1)
        transform = Transform(function, self.sink, self.body, self.clock, 10, self.flow)
        self.joined: Any = self.body.join(transform)
        for piece in pieces:
            self.body.feed(piece)
        return transform

    def finish(self, transform: Transform) -> Deferred[None]:
        """The body ends."""
        self.body.end([])
        self.successResultOf(self.joined)
        finished = transform.finish()
        assert finished is not None
        return finished


class AnswerTests(TransformCase):
    """What the callable may give."""

    def test_forms(self) -> None:
        """Bytes and their like, iterables, None, and Deferreds and coroutines of all these."""

        async def coroutine(data: bytes) -> list[bytes]:
            return [data, b"!"]

        forms: list[Callable[[bytes], Any]] = [
            lambda data: data + b"!",
            lambda data: bytearray(data + b"!"),
            lambda data: memoryview(data + b"!"),
            lambda data: [data, b"!"],
            lambda data: (each for each in (data, b"", b"!")),
            lambda data: succeed(data + b"!"),
            lambda data: succeed([data, b"!"]),
            coroutine,
        ]
        for form in forms:
            transform = self.through(form, b"ab", b"cd")
            self.successResultOf(self.finish(transform))
            self.assertEqual(self.sink.received, b"ab!cd!!")
            self.assertIsNone(self.sink.source)

    def test_nothing(self) -> None:
        """None and empty bytes write nothing."""
        nothings: list[Any] = [None, b"", []]
        for nothing in nothings:
            transform = self.through(constantly(nothing), b"ab")
            self.successResultOf(self.finish(transform))
            self.assertEqual(self.sink.pieces, [])

    def test_last_words(self) -> None:
        """It is called once with empty bytes at the end, also of an empty body."""
        calls: list[bytes] = []
        transform = self.through(calls.append)
        self.successResultOf(self.finish(transform))
        self.assertEqual(calls, [b""])

    def test_not_bytes(self) -> None:
        """Text and numbers are the addon's mistake, also among pieces."""
        wrongs: list[Any] = ["text", 5, ["text"], [5], [b"ok", 5]]
        for wrong in wrongs:
            transform = self.through(constantly(wrong), b"ab")
            failure = self.failureResultOf(self.joined, AddonError)
            self.assertIn("not bytes", failure.getErrorMessage())
            transform.stop()


class PendingTests(TransformCase):
    """An answer that takes time."""

    def test_order_and_pause(self) -> None:
        """The body waits, the next call comes after the answer, and nothing is lost."""
        held: list[Deferred[bytes]] = []
        calls: list[bytes] = []

        def function(data: bytes) -> Deferred[bytes]:
            calls.append(data)
            held.append(Deferred())
            return held[-1]

        transform = self.through(function, b"ab", b"cd")
        self.assertEqual((calls, self.transport.take()), ([b"ab"], ["pause"]))
        held[0].callback(b"AB")
        self.assertEqual((calls, self.transport.take()), ([b"ab", b"cd"], []))
        held[1].callback(b"CD")
        self.assertEqual(self.transport.take(), ["resume"])
        finished = self.finish(transform)
        self.assertNoResult(finished)
        held[2].callback(b"!")
        self.successResultOf(finished)
        self.assertEqual(self.sink.pieces, [b"AB", b"CD", b"!"])
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_deadline(self) -> None:
        """Its answer is awaited for so long; it is cancelled, and the body fails."""
        cancelled: list[Any] = []
        self.through(lambda data: Deferred(cancelled.append), b"ab")
        self.clock.advance(9.9)
        self.assertNoResult(self.joined)
        self.clock.advance(0.1)
        self.failureResultOf(self.joined, HookTimedOut)
        self.assertEqual((len(cancelled), self.clock.getDelayedCalls()), (1, []))

    def test_late_answer(self) -> None:
        """One that comes after it was given up is dropped."""
        held: Deferred[bytes] = Deferred()
        transform = self.through(lambda data: held, b"ab")
        transform.stop()
        held.callback(b"late")
        self.assertEqual((self.sink.pieces, self.clock.getDelayedCalls()), ([], []))

    def test_stop_cancels(self) -> None:
        """Who is pending is cancelled, the timer too."""
        cancelled: list[Any] = []
        transform = self.through(lambda data: Deferred(cancelled.append), b"ab")
        transform.stop()
        transform.stop()
        self.assertEqual((len(cancelled), self.clock.getDelayedCalls()), (1, []))


class BackPressureTests(TransformCase):
    """A consumer that is full."""

    def test_iterable_waits(self) -> None:
        """An iterable is asked for its next piece only when the consumer takes more; the body waits."""
        asked: list[int] = []

        def pieces(data: bytes) -> Any:
            for number in range(4):
                asked.append(number)
                yield b"%d" % number

        transform = self.through(lambda data: pieces(data) if data else None, b"ab", fills_at=2)
        self.assertEqual((asked, self.transport.take()), ([0, 1], ["pause"]))
        self.assertTrue(transform.full)
        self.sink.drain()
        self.assertEqual((asked, self.transport.take()), ([0, 1, 2, 3], ["resume"]))
        self.successResultOf(self.finish(transform))
        self.assertEqual(self.sink.received, b"0123")

    def test_end_waits(self) -> None:
        """The end is told when the consumer has taken all."""
        transform = self.through(lambda data: data or b"last", fills_at=2)
        self.body.feed(b"ab")
        finished = self.finish(transform)
        self.assertNoResult(finished)
        self.sink.drain()
        self.successResultOf(finished)
        self.assertEqual(self.sink.received, b"ablast")


class FailureTests(TransformCase):
    """A callable that fails, or kills its flow."""

    def test_failure(self) -> None:
        """It is logged, and the body fails with a sentence; nothing more is written."""

        def raising(data: bytes) -> bytes:
            raise ZeroDivisionError("oops")

        async def coroutine(data: bytes) -> bytes:
            raise ZeroDivisionError("oops")

        def generator(data: bytes) -> Any:
            yield b"ok"
            raise ZeroDivisionError("oops")

        for function, written in ((raising, b""), (coroutine, b""), (generator, b"ok")):
            self.through(function, b"ab", b"cd")
            failure = self.failureResultOf(self.joined, AddonError)
            self.assertIn("oops", failure.getErrorMessage())
            self.assertEqual(self.sink.received, written)
            self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 1)

    def test_failure_of_the_last_words(self) -> None:
        """Who waits for the end learns it."""

        def function(data: bytes) -> bytes:
            if not data:
                raise ZeroDivisionError("oops")
            return data

        transform = self.through(function, b"ab")
        self.failureResultOf(self.finish(transform), AddonError)
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 1)

    def test_kill(self) -> None:
        """What it gives after it has killed its flow is not written, nor awaited."""
        cancelled: list[Any] = []

        def bytes_after(data: bytes) -> bytes:
            self.flow.kill()
            return b"late"

        def pieces_after(data: bytes) -> Any:
            yield b"first"
            self.flow.kill()
            yield b"late"

        def deferred_after(data: bytes) -> Any:
            self.flow.kill()
            return Deferred(cancelled.append)

        for function, written in ((bytes_after, b""), (pieces_after, b"first"), (deferred_after, b"")):
            self.through(function)
            self.flow.live = True
            self.body.feed(b"ab")
            self.failureResultOf(self.joined, Killed)
            self.assertEqual((self.sink.received, self.clock.getDelayedCalls()), (written, []))
        self.assertEqual(len(cancelled), 1)
