"""
Peers that speak bytes: what a test says and hears at either end of the proxy.
"""

from collections.abc import Callable
from typing import Any

from twisted.internet.interfaces import IAddress, IHalfCloseableProtocol
from twisted.internet.protocol import ClientFactory, Factory, Protocol, connectionDone
from twisted.python.failure import Failure
from typing_extensions import override
from zope.interface import implementer

__all__ = ["Once", "Origin", "Peer"]


@implementer(IHalfCloseableProtocol)
class Peer(Protocol):
    """
    One end of a connection, driven by a test.

    @ivar received: all bytes so far.
    @ivar is_connected: whether there is a connection.
    @ivar has_ended: whether the other end has sent its last byte.
    @ivar lost: why the connection ended, None while it has not.
    """

    def __init__(self, answer: Callable[["Peer"], object] | None = None) -> None:
        """@param answer: called after each read."""
        self.received = b""
        self.is_connected = False
        self.has_ended = False
        self.lost: Failure | None = None
        self._answer = answer

    @override
    def connectionMade(self) -> None:
        """There is a connection."""
        self.is_connected = True

    @override
    def dataReceived(self, data: bytes) -> None:
        """Remember, and answer."""
        self.received += data
        if self._answer is not None:
            self._answer(self)

    def readConnectionLost(self) -> None:
        """The other end has sent its last byte."""
        self.has_ended = True

    def writeConnectionLost(self) -> None:
        """We have half-closed."""

    @override
    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """The connection is over."""
        self.is_connected = False
        self.lost = reason

    @property
    def wire(self) -> Any:
        """The transport."""
        return self.transport

    def take(self) -> bytes:
        """What was received since the last time."""
        received, self.received = self.received, b""
        return received

    def send(self, data: bytes) -> None:
        """Send bytes."""
        self.wire.write(data)

    def half_close(self) -> None:
        """Send no more."""
        self.wire.loseWriteConnection()

    def close(self) -> None:
        """Close."""
        self.wire.loseConnection()

    def reset(self) -> None:
        """Reset the connection."""
        self.wire.abortConnection()

    def was_reset(self) -> bool:
        """Whether the connection was reset by the other end."""
        from twisted.internet.error import ConnectionLost

        return self.lost is not None and self.lost.check(ConnectionLost) is not None


class Origin(Factory):
    """
    A server in the network.

    @ivar peers: all its connections, in order.
    """

    noisy = False

    def __init__(self, answer: bytes | Callable[[Peer], None] | None = None) -> None:
        """
        @param answer: called after each read, or bytes that are sent whenever what was received ends a head
            (C{CRLF CRLF}); None leaves all to the test.
        """
        self.peers: list[Peer] = []
        self._answer: Callable[[Peer], None] | None
        if isinstance(answer, bytes):
            whole = answer
            self._answer = lambda peer: peer.send(whole) if peer.received.endswith(b"\r\n\r\n") else None
        else:
            self._answer = answer

    @override
    def buildProtocol(self, addr: IAddress | None) -> Peer:
        """A new connection."""
        peer = Peer(self._answer)
        self.peers.append(peer)
        return peer

    @property
    def peer(self) -> Peer:
        """The latest connection."""
        return self.peers[-1]

    @property
    def received(self) -> bytes:
        """All bytes of all connections."""
        return b"".join(peer.received for peer in self.peers)


class Once(ClientFactory):
    """A client factory for one peer, which is also told when there is nobody to connect to."""

    noisy = False

    def __init__(self, peer: Peer) -> None:
        self._peer = peer

    @override
    def buildProtocol(self, addr: IAddress | None) -> Peer:
        """The peer."""
        return self._peer

    @override
    def clientConnectionFailed(self, connector: Any, reason: Failure) -> None:
        """Nobody is there."""
        self._peer.connectionLost(reason)
