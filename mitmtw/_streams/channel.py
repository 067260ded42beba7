"""
What an HTTP/1 connection of either side has: reading that can be held for several reasons at once, and writing that
says when it is full.

There is one L{Reading} per transport, its only owner: two parts that pause and resume a transport by themselves would
resume what the other has just paused.
"""

from typing import Any, Protocol

from twisted.internet.interfaces import IPushProducer, ISSLTransport, ITCPTransport
from zope.interface import implementer

from mitmtw._streams.watch import Watch

__all__ = [
    "AHEAD",
    "CONSUMER",
    "HIGH_WATER_BYTES",
    "WAITING",
    "Channel",
    "Reading",
    "Source",
    "address_of",
    "half_close",
    "send_at_once",
    "hang_up",
]

HIGH_WATER_BYTES = 65536  # bytes kept for one direction before reading is held; one TCP read may come on top

AHEAD = "ahead"  # bytes of a later request are here
CONSUMER = "consumer"  # who takes the body is full, or is not there yet
WAITING = "waiting"  # a layer has not been chosen yet


def address_of(address: Any) -> tuple[str, int] | None:
    """Host and port of a Twisted address, None for those that have none."""
    host = getattr(address, "host", None)
    return (host, address.port) if host is not None else None


def send_at_once(transport: Any) -> None:
    """
    Have small writes leave without waiting for the peer's acknowledgement of those before (Nagle's algorithm): together
    with a peer that delays its acknowledgements it costs 40 ms. What belongs together is written together anyway.
    """
    if ITCPTransport.providedBy(transport):
        transport.setTcpNoDelay(True)


def half_close(transport: Any) -> bool:
    """
    Send no more on C{transport}, but read on.

    @return: False, and nothing was done, where that cannot be said: under TLS, where half a close is none.
    """
    if ISSLTransport.providedBy(transport) or not hasattr(transport, "loseWriteConnection"):
        return False
    transport.loseWriteConnection()
    return True


def hang_up(transport: Any) -> None:
    """
    Close when all is written, under TLS without its farewell: what was cut at one end has to look cut at the other.

    TLS is read on until the peer closes: a socket that is closed while a session ticket waits in it is reset, and the
    peer would lose what it has not read yet.
    """
    below = getattr(transport, "transport", None) if ISSLTransport.providedBy(transport) else None
    if below is None or not half_close(below):
        transport.loseConnection()


class Source(Protocol):
    """What feeds a connection and can be asked to stop for a while."""

    def pause(self) -> None:
        """Give no more until L{resume}."""

    def resume(self) -> None:
        """Go on."""


class Reading:
    """
    Why reading from one transport is held at the moment: a set of named reasons. The transport reads when it is empty.
    """

    __slots__ = ("_gone", "_half_closed", "_number", "_reasons", "_transport", "_watch")

    def __init__(self, transport: Any, watch: Watch, gone: Any) -> None:
        """
        @param transport: an L{ITransport} with C{pauseProducing} and C{resumeProducing}.
        @param gone: called without arguments when the peer turns out to be gone while nobody reads.
        """
        self._transport = transport
        self._watch = watch
        self._gone = gone
        self._reasons: set[str] = set()
        self._number = -1
        self._half_closed = False

    def hold(self, reason: str) -> None:
        """Stop reading for C{reason}."""
        reasons = self._reasons
        if not reasons and not self._half_closed:
            self._transport.pauseProducing()
            self._number = self._watch.add(self._transport, self._gone)
        reasons.add(reason)

    def release(self, reason: str) -> None:
        """C{reason} is over; read again if it was the last one. Harmless when it was not there."""
        reasons = self._reasons
        if reason in reasons:
            reasons.discard(reason)
            if not reasons and not self._half_closed:
                self._watch.remove(self._number)
                self._number = -1
                self._transport.resumeProducing()

    def is_held(self) -> bool:
        """Whether any reason is there."""
        return bool(self._reasons)

    def half_closed(self) -> None:
        """
        The peer has sent its last byte: the transport reads no more, so it is watched for a reset until L{closed}.
        """
        if not self._half_closed:
            self._half_closed = True
            if self._number < 0:
                self._number = self._watch.add(self._transport, self._gone)

    def closed(self) -> None:
        """The connection is over."""
        self._half_closed = True
        self._watch.remove(self._number)
        self._number = -1


@implementer(IPushProducer)
class Channel:
    """
    The writing side of a connection. It is its transport's push producer for the connection's whole life.

    @ivar full: whether the transport has more than it wants; who writes should stop.
    @ivar source: who is writing at the moment, to be paused and resumed; None between messages.
    """

    transport: Any
    full = False
    source: Source | None = None

    def open_channel(self, transport: Any) -> None:
        """Take a connected transport."""
        self.transport = transport
        transport.registerProducer(self, True)

    def close_channel(self) -> None:
        """Give the transport up; must come before C{loseConnection}, which would wait for us to produce for ever."""
        self.transport.unregisterProducer()

    def pauseProducing(self) -> None:
        """The transport is full."""
        self.full = True
        if self.source is not None:
            self.source.pause()

    def resumeProducing(self) -> None:
        """The transport takes more."""
        self.full = False
        if self.source is not None:
            self.source.resume()
        else:
            self.drained()

    def stopProducing(self) -> None:
        """The transport is gone; C{connectionLost} tells the rest."""

    def drained(self) -> None:
        """The transport takes more, and nobody was writing."""
