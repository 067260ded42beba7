"""
The body of one message, from the connection that it comes from to whoever takes it.

It starts without a taker: up to 64 KiB are kept, then reading is held. Then it is either collected (L{Body.collect},
L{Body.take}) or joined to a consumer (L{Body.join}), byte by byte as it comes, so that TCP does the back-pressure.
"""

from typing import Any, Protocol

from twisted.internet.defer import Deferred, fail

from mitmtw._streams.channel import CONSUMER, HIGH_WATER_BYTES, Source
from mitmtw.errors import BodyTooLarge, MitmtwError

__all__ = ["Body", "Collected", "Consumer", "Holding"]


class Consumer(Protocol):
    """What takes a body."""

    source: Source | None

    @property
    def full(self) -> bool:
        """Whether it has enough for now."""

    def write(self, data: bytes) -> None:
        """Take some bytes, never empty."""


class Holding(Protocol):
    """What a body comes from: a transport's L{Reading}, or one stream of a connection that carries many."""

    def hold(self, reason: str) -> None:
        """Let nothing more come."""

    def release(self, reason: str) -> None:
        """Let more come, if nothing else holds it. Harmless when it was not held."""


class Collected:
    """
    How much memory all collected bodies take together.

    @ivar limit: bytes; beyond it bodies are streamed, whatever was wanted.
    @ivar refused: how many bodies were streamed for that reason.
    """

    __slots__ = ("limit", "refused", "total")

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.total = 0
        self.refused = 0

    def add(self, size: int) -> bool:
        """Account for C{size} bytes more; False, and nothing is accounted for, when that is too much."""
        if self.total + size > self.limit:
            self.refused += 1
            return False
        self.total += size
        return True

    def remove(self, size: int) -> None:
        """Give C{size} bytes back."""
        self.total -= size


class Body:
    """
    One body on its way.

    @ivar framing: how it was framed where it came from (L{mitmtw._wire.events}).
    @ivar length: bytes, -1 when unknown.
    @ivar done: whether its end was seen; then L{take} gives what was kept.
    @ivar error: why it will never be whole, else None.
    @ivar trailers: raw pairs, there when it is done.
    @ivar received: bytes seen so far.
    """

    __slots__ = (
        "_accounted", "_collected", "_consumer", "_kept", "_limit", "_parts", "_reading", "_waiting", "done", "error",
        "framing", "length", "maximum", "received", "too_large_status", "trailers",
    )  # fmt: skip

    def __init__(self, reading: Holding, framing: int, length: int) -> None:
        self._reading = reading
        self.framing = framing
        self.length = length
        self.done = False
        self.error: MitmtwError | None = None
        self.trailers: list[tuple[bytes, bytes]] = []
        self.received = 0
        self.maximum = 0
        self.too_large_status = 413
        self._parts: list[bytes] = []
        self._kept = 0
        self._limit = HIGH_WATER_BYTES
        self._consumer: Consumer | None = None
        self._waiting: Deferred[bool] | None = None
        self._collected: Collected | None = None
        self._accounted = 0

    # -- the side it comes from ---------------------------------------------------------------------------------------

    def feed(self, data: bytes) -> None:
        """Some bytes have come."""
        if self.error is not None:
            return
        self.received += len(data)
        if self.maximum and self.received > self.maximum:
            self.fail(BodyTooLarge(f"the body is larger than {self.maximum} bytes", self.too_large_status))
            return
        consumer = self._consumer
        if consumer is not None:
            consumer.write(data)
            return
        self._parts.append(data)
        self._kept += len(data)
        if self._kept > self._limit:
            self._beyond()
        elif self._collected is not None:
            if self._collected.add(len(data)):
                self._accounted += len(data)
            else:
                self._beyond()

    def end(self, trailers: list[tuple[bytes, bytes]]) -> None:
        """The last byte has come."""
        if self.error is None and not self.done:
            self.trailers = trailers
            self.done = True
            if self._consumer is not None:
                self._consumer.source = None
            self._reading.release(CONSUMER)  # what comes now is another message's
            self._wake(True)

    def fail(self, error: MitmtwError) -> None:
        """No more will come, and what came is not the whole. Harmless after the end."""
        if self.error is None and not self.done:
            self.error = error
            if self._consumer is not None:
                self._consumer.source = None
            waiting, self._waiting = self._waiting, None
            if waiting is not None:
                waiting.errback(error)

    # -- the side that takes it ---------------------------------------------------------------------------------------

    def collect(self, limit: int, collected: Collected) -> Deferred[bool] | None:
        """
        Keep the whole body, however many reads it takes.

        @param limit: bytes to keep at most.
        @param collected: the account of all bodies together.
        @return: None when it is whole already, else a Deferred: True when it became whole, False when it is larger than
            C{limit} or than the account allows: then it has to be joined. It fails with L{error}.
        """
        if self.error is not None:
            return fail(self.error)
        if self.done:
            return None
        self._limit = limit
        if not collected.add(self._kept):
            self._limit = HIGH_WATER_BYTES
            deferred: Deferred[bool] = Deferred()
            deferred.callback(False)
            return deferred
        self._collected = collected
        self._accounted = self._kept
        self._reading.release(CONSUMER)
        return self._pending()

    def take(self) -> bytes:
        """What was kept, once it is done; the caller has it now."""
        parts = self._parts
        if len(parts) == 1:
            return parts[0]
        whole = b"".join(parts)
        self._parts = [whole]
        return whole

    def join(self, consumer: Consumer) -> Deferred[bool] | None:
        """
        Give what was kept and all that comes to C{consumer}.

        @return: None when that was all already, else a Deferred that fires when the last byte was given, or fails with
            L{error}.
        """
        self._collected_end()
        if self._kept:
            data = self.take()
            self._parts, self._kept = [], 0
            consumer.write(data)
        if self.error is not None:
            return fail(self.error)
        if self.done:
            return None
        self._consumer = consumer
        consumer.source = self
        if consumer.full:
            self._reading.hold(CONSUMER)
        else:
            self._reading.release(CONSUMER)
        return self._pending()

    def release(self) -> None:
        """The flow that it belongs to is over: nobody takes more of it, its memory is given back."""
        self._collected_end()
        if self._consumer is not None:
            self._consumer.source = None
            self._consumer = None

    def pause(self) -> None:
        """The consumer is full."""
        self._reading.hold(CONSUMER)

    def resume(self) -> None:
        """The consumer takes more."""
        self._reading.release(CONSUMER)

    # -- inside -------------------------------------------------------------------------------------------------------

    def _pending(self) -> Deferred[bool]:
        """A Deferred for the end; one that is cancelled is forgotten."""
        deferred: Deferred[bool] = Deferred(self._forget)
        self._waiting = deferred
        return deferred

    def _forget(self, deferred: Deferred[Any]) -> None:
        if self._waiting is deferred:
            self._waiting = None

    def _wake(self, result: bool) -> None:
        waiting, self._waiting = self._waiting, None
        if waiting is not None:
            waiting.callback(result)

    def _beyond(self) -> None:
        """More is kept than may be: hold reading, and tell a collector that it has to go on otherwise."""
        self._reading.hold(CONSUMER)
        if self._collected is not None:
            self._collected_end()
            self._limit = HIGH_WATER_BYTES
            self._wake(False)

    def _collected_end(self) -> None:
        if self._collected is not None:
            self._collected.remove(self._accounted)
            self._collected = None
            self._accounted = 0
