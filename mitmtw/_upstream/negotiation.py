"""
What stands inside of TLS with a server as long as it is not known which protocol will be spoken there (RFC 7301).
"""

from collections.abc import Callable
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IHandshakeListener
from twisted.internet.protocol import Protocol, connectionDone
from twisted.python.failure import Failure
from typing_extensions import override
from zope.interface import implementer

from mitmtw._streams.timeouts import NEVER
from mitmtw._upstream.link import Link
from mitmtw.errors import ConnectTimedOut, MitmtwError, TLSFailed
from mitmtw.interfaces.services import IProxy

__all__ = ["Negotiation"]


@implementer(IHandshakeListener)
class Negotiation(Protocol):
    """
    Waits for the handshake, then gives its place to what was agreed on.

    @ivar ready: fires when the handshake is done, or fails with L{TLSFailed} or L{ConnectTimedOut}.
    @ivar deadline: when the handshake has taken too long.
    """

    transport: Any
    dataReceived: Callable[[bytes], None]  # type: ignore[assignment]  # the successor's, once there is one

    def __init__(self, proxy: IProxy, link: Link) -> None:
        self.ready: Deferred[None] = Deferred(self._given_up)
        self.deadline = NEVER
        self.dataReceived = self._keep
        self._proxy = proxy
        self._link = link
        self._kept: list[bytes] = []
        self._successor: Any = None

    @override
    def connectionMade(self) -> None:
        """The handshake begins."""
        timeouts = self._proxy.timeouts
        timeouts.add(self)
        self.deadline = timeouts.seconds() + (self._proxy.options.tls_handshake_timeout or NEVER)

    def handshakeCompleted(self) -> None:
        """TLS is there, and verified."""
        self._proxy.timeouts.discard(self)
        if not self.ready.called:
            self.ready.callback(None)

    def hand_over(self, channel: Any) -> None:
        """C{channel} speaks from here on."""
        self._successor = channel
        self.dataReceived = channel.dataReceived
        channel.makeConnection(self.transport)
        kept, self._kept = self._kept, []
        for data in kept:
            channel.dataReceived(data)

    def _keep(self, data: bytes) -> None:
        """The server spoke at once."""
        self._kept.append(data)

    def _given_up(self, deferred: Deferred[Any]) -> None:
        """Nobody waits any more."""
        self._proxy.timeouts.discard(self)
        self._link.abort()

    def timed_out(self) -> None:
        """The handshake took too long."""
        self._proxy.timeouts.discard(self)
        if not self.ready.called:
            self.ready.errback(ConnectTimedOut("the TLS handshake with the server took too long"))
        self._link.abort()

    @override
    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """The connection is gone."""
        self._proxy.timeouts.discard(self)
        if self._successor is not None:
            self._successor.connectionLost(reason)
        elif not self.ready.called:
            error = reason.value
            if not isinstance(error, MitmtwError):
                error = TLSFailed("the server closed the connection in the TLS handshake")
            self.ready.errback(error)
