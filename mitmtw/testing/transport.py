"""
One end of an in-memory connection; L{mitmtw.testing.network.Network} moves the bytes.

It behaves as sockets under Twisted do in what matters for a proxy: writing more than 64 KiB pauses a registered
producer, a paused end gets no bytes and does not notice an end of the stream, C{loseConnection} waits for a
producer that was paused, a reset drops what was on its way.
"""

from collections.abc import Iterable
from typing import Any

from twisted.internet.address import IPv4Address
from twisted.internet.error import ConnectionAborted, ConnectionDone, ConnectionLost
from twisted.internet.interfaces import IHalfCloseableDescriptor, IHalfCloseableProtocol, ITCPTransport
from twisted.python.failure import Failure
from zope.interface import implementer

__all__ = ["MemoryTransport"]

_READ_BYTES = 65536  # bytes of one read, as Twisted's default
_SOCKET_BYTES = 131072  # bytes on their way in one direction, about what loopback sockets keep
_PRODUCER_BYTES = 65536  # bytes to write after which a producer is paused, as Twisted's default


@implementer(ITCPTransport, IHalfCloseableDescriptor)
class MemoryTransport:
    """
    One end of a connection.

    @ivar protocol: who is told.
    @ivar peer: the other end.
    @ivar arrived: bytes that are here and were not read yet.
    @ivar outgoing: bytes written that are not on their way yet.
    @ivar paused: whether reading is paused.
    @ivar disconnected: whether this end is over, and its protocol was told.
    """

    def __init__(self, host: IPv4Address, peer_address: IPv4Address) -> None:
        self.protocol: Any = None
        self.peer: MemoryTransport
        self.arrived = bytearray()
        self.outgoing = bytearray()
        self.paused = False
        self.disconnecting = False
        self.disconnected = False
        self.producer: Any = None
        self.producer_paused = False
        self._awaits_producer = False
        self.bytes_written = 0
        self._host = host
        self._peer_address = peer_address
        self._has_no_delay = False
        self._write_closing = False
        self._fin_sent = False
        self._fin_arrived = False
        self._fin_told = False
        self._was_reset: Exception | None = None

    @property
    def connected(self) -> bool:
        """Whether it is not over."""
        return not self.disconnected

    # -- ITCPTransport ------------------------------------------------------------------------------------------------

    def write(self, data: bytes) -> None:
        """Send bytes."""
        if self.disconnected or self._write_closing or not data:
            return
        self.outgoing += data
        self.bytes_written += len(data)
        self._awaits_producer = False
        if self.producer is not None and len(self.outgoing) > _PRODUCER_BYTES and not self.producer_paused:
            self.producer_paused = True
            self.producer.pauseProducing()

    def writeSequence(self, iovec: Iterable[bytes]) -> None:  # noqa: N802 - Twisted's name
        """Send bytes."""
        self.write(b"".join(iovec))

    def loseConnection(self) -> None:  # noqa: N802 - Twisted's name
        """Close when all is written."""
        if not self.disconnected:
            self.disconnecting = True

    def abortConnection(self) -> None:  # noqa: N802 - Twisted's name
        """Reset."""
        if not self.disconnected and not isinstance(self._was_reset, ConnectionAborted):
            self.outgoing.clear()
            self._was_reset = ConnectionAborted()
            if not self.peer.disconnected:
                self.peer._was_reset = self.peer._was_reset or ConnectionLost()

    def loseWriteConnection(self) -> None:  # noqa: N802 - Twisted's name
        """Half-close when all is written."""
        self._write_closing = True

    def readConnectionLost(self, reason: Failure) -> None:
        """For reactors; the network does without."""

    def writeConnectionLost(self, reason: Failure) -> None:
        """For reactors; the network does without."""

    def getPeer(self) -> IPv4Address:  # noqa: N802 - Twisted's name
        """The address of the other end."""
        return self._peer_address

    def getHost(self) -> IPv4Address:  # noqa: N802 - Twisted's name
        """The address of this end."""
        return self._host

    def getTcpKeepAlive(self) -> bool:  # noqa: N802 - Twisted's name
        """Not used."""
        return False

    def setTcpKeepAlive(self, enabled: bool) -> None:  # noqa: N802 - Twisted's name
        """Not used."""

    def getTcpNoDelay(self) -> bool:  # noqa: N802 - Twisted's name
        """Whether small writes leave at once."""
        return self._has_no_delay

    def setTcpNoDelay(self, enabled: bool) -> None:  # noqa: N802 - Twisted's name
        """Remember."""
        self._has_no_delay = bool(enabled)

    def registerProducer(self, producer: Any, streaming: bool) -> None:  # noqa: N802 - Twisted's name
        """Take a push producer."""
        if self.producer is not None:
            raise RuntimeError("a producer is registered already")
        self.producer = producer
        self.producer_paused = False
        if self.disconnected:
            producer.stopProducing()

    def unregisterProducer(self) -> None:  # noqa: N802 - Twisted's name
        """Forget the producer."""
        self.producer = None
        self.producer_paused = self._awaits_producer = False

    def pauseProducing(self) -> None:
        """Read no more."""
        self.paused = True

    def resumeProducing(self) -> None:
        """Read on."""
        self.paused = False

    def stopProducing(self) -> None:
        """Close."""
        self.loseConnection()

    # -- for the network ----------------------------------------------------------------------------------------------

    def step(self) -> bool:
        """Move what can be moved by one read or write; whether anything moved."""
        if self.disconnected:
            return False
        return self._send() or self._end() or self._receive()

    def _send(self) -> bool:
        """Put bytes on their way."""
        peer = self.peer
        room = _SOCKET_BYTES - len(peer.arrived)
        moved = False
        if self.outgoing and self._was_reset is None and room > 0 and not peer.disconnected:
            peer.arrived += self.outgoing[:room]
            del self.outgoing[:room]
            moved = True
        elif self.outgoing and peer.disconnected and self._was_reset is None:
            self._was_reset = ConnectionLost()  # writing to a closed end is answered by a reset
            return True
        if not self.outgoing and self.producer is not None and self.producer_paused:
            self.producer_paused = False
            # Neither kind of close is looked at again before it writes or is unregistered.
            self._awaits_producer = self.disconnecting or self._write_closing
            self.producer.resumeProducing()
            moved = True
        if not self.outgoing and self._write_closing and not self._fin_sent and not self._awaits_producer:
            self._fin_sent = peer._fin_arrived = True
            moved = True
        return moved

    def _end(self) -> bool:
        """Come to an end, when it is time."""
        if self._was_reset is not None and (
            not self.paused or isinstance(self._was_reset, ConnectionAborted) or self.outgoing or self.disconnecting
        ):
            self._lost(self._was_reset)
            return True
        if self.disconnecting and not self.outgoing and not self.producer_paused and not self._awaits_producer:
            self.peer._fin_arrived = True
            self._lost(ConnectionDone())
            return True
        return False

    def _receive(self) -> bool:
        """Read."""
        if self.paused:
            return False
        if self.arrived:
            data = bytes(self.arrived[:_READ_BYTES])
            del self.arrived[:_READ_BYTES]
            self.protocol.dataReceived(data)
            return True
        if self._fin_arrived and not self._fin_told:
            self._fin_told = True
            if IHalfCloseableProtocol.providedBy(self.protocol):
                self.protocol.readConnectionLost()
            else:
                self._lost(ConnectionDone())
            return True
        return False

    def _lost(self, reason: Exception) -> None:
        """This end is over."""
        self.disconnected = True
        self.arrived.clear()
        if self.producer is not None:
            self.producer.stopProducing()
        if not self.peer.disconnected and not isinstance(reason, ConnectionLost):
            self.peer._fin_arrived = True
        self.protocol.connectionLost(Failure(reason))
