"""A transport that remembers its pauses, a reading on it, and a consumer that remembers what it was given."""

from typing import Any

from twisted.internet.task import Clock

from mitmtw._streams.channel import Reading, Source
from mitmtw._streams.watch import Watch

__all__ = ["FakeTransport", "Sink", "reading"]


class FakeTransport:
    """A transport without a descriptor."""

    def __init__(self) -> None:
        self.calls: list[str] = []
        self.written: list[bytes] = []
        self.producer: Any = None

    def pauseProducing(self) -> None:
        self.calls.append("pause")

    def resumeProducing(self) -> None:
        self.calls.append("resume")

    def registerProducer(self, producer: Any, streaming: bool) -> None:
        self.calls.append("register" if streaming else "register pull")
        self.producer = producer

    def unregisterProducer(self) -> None:
        self.calls.append("unregister")
        self.producer = None

    def write(self, data: bytes) -> None:
        self.written.append(data)

    def take(self) -> list[str]:
        """The calls since the last time."""
        calls, self.calls = self.calls, []
        return calls


def reading(transport: FakeTransport | None = None) -> Reading:
    """The reading of a transport that cannot be watched."""
    return Reading(transport or FakeTransport(), Watch(Clock()), lambda: None)


class Sink:
    """A consumer; C{fills_at} says after how many bytes it is full."""

    def __init__(self, fills_at: int = 1 << 60) -> None:
        self.pieces: list[bytes] = []
        self.source: Source | None = None
        self.fills_at = fills_at
        self.is_full = False

    @property
    def full(self) -> bool:
        return self.is_full

    def write(self, data: bytes) -> None:
        self.pieces.append(data)
        if sum(map(len, self.pieces)) >= self.fills_at and not self.is_full:
            self.is_full = True
            if self.source is not None:
                self.source.pause()

    def drain(self) -> None:
        """It takes more."""
        self.is_full = False
        self.fills_at = 1 << 60
        if self.source is not None:
            self.source.resume()

    @property
    def received(self) -> bytes:
        """All that it was given."""
        return b"".join(self.pieces)
