"""
The server's end of a relay: bytes that nobody reads as HTTP, on plain TCP or inside TLS.
"""

from collections.abc import Callable
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IHalfCloseableProtocol, IHandshakeListener
from twisted.internet.protocol import Protocol, connectionDone
from twisted.python.failure import Failure
from typing_extensions import override
from zope.interface import implementer

from mitmtw._layers.client import Client
from mitmtw._streams.channel import AHEAD, CONSUMER, HIGH_WATER_BYTES, WAITING, Channel, Reading, half_close, hang_up
from mitmtw._streams.timeouts import NEVER
from mitmtw.errors import ConnectTimedOut, MitmtwError, TLSFailed
from mitmtw.interfaces.services import IProxy
from mitmtw.model import ServerConnection

__all__ = ["ServerEnd", "connect_end"]


@implementer(IHandshakeListener, IHalfCloseableProtocol)
class ServerEnd(Channel, Protocol):
    """
    Speaks to a server for a relay; keeps what it says until there is one.

    @ivar server_conn: what addons see of the connection.
    @ivar relay: who takes what the server says, or None.
    """

    def __init__(self, proxy: IProxy, link: Any) -> None:
        self.server_conn: ServerConnection = link.server_conn
        self.reading: Reading = link.reading
        self.relay: Any = None
        self.deadline = NEVER
        self.is_lost = False
        self._proxy = proxy
        self._link = link
        self._kept: list[bytes] = []
        self._kept_size = 0
        self._ready: Deferred[None] | None = None
        self._has_ended = False
        self._reason: Failure | None = None
        self._heard: Callable[[], None] | None = None

    def secure(self, alpn: tuple[bytes, ...]) -> Deferred[None]:
        """Speak TLS; a Deferred of the handshake, which fails with L{TLSFailed}."""
        ready: Deferred[None] = Deferred(self._give_up)
        self._ready = ready
        self._proxy.timeouts.add(self)
        self.deadline = self._proxy.timeouts.seconds() + (self._proxy.options.tls_handshake_timeout or NEVER)
        self._proxy.upstream.secure(self._link, self, alpn)
        return ready

    def _give_up(self, deferred: Deferred[Any]) -> None:
        self._ready = None
        self.abort()

    def timed_out(self) -> None:
        """The handshake took too long."""
        ready, self._ready = self._ready, None
        self.abort()
        if ready is not None:
            ready.errback(ConnectTimedOut("the TLS handshake with the server took too long"))

    @override
    def connectionMade(self) -> None:
        """There is a transport."""
        self.open_channel(self.transport)

    def handshakeCompleted(self) -> None:
        """TLS is there, and verified."""
        self._proxy.timeouts.discard(self)
        self._proxy.upstream.describe(self.transport, self.server_conn)
        ready, self._ready = self._ready, None
        if ready is not None:
            ready.callback(None)

    def when_heard(self, callback: Callable[[], None] | None) -> None:
        """Have C{callback} called when the server speaks, or ends, before L{join}."""
        self._heard = callback

    def seen(self) -> bytes:
        """What the server said before L{join}."""
        return b"".join(self._kept)

    def _tell(self) -> None:
        """There is news, and no relay yet."""
        if self._heard is not None:
            self._heard()

    def join(self, relay: Any) -> None:
        """Give C{relay} all that was and will be said."""
        self.relay = relay
        kept, self._kept, self._kept_size = self._kept, [], 0
        if kept:
            relay.server_said(b"".join(kept))
        self.reading.release(WAITING)
        if self._has_ended:
            relay.server_ended()
        if self._reason is not None:
            relay.server_lost(self._reason)

    @override
    def dataReceived(self, data: bytes) -> None:
        """Bytes of the server: to the relay, or kept until there is one."""
        if self.relay is not None:
            self.relay.server_said(data)
            return
        self._kept.append(data)
        self._kept_size += len(data)
        if self._kept_size > HIGH_WATER_BYTES:
            self.reading.hold(WAITING)
        self._tell()

    def release(self) -> Any:
        """
        Give the connection up for something else to be spoken on it; the relay hears nothing more of it.

        @return: the connection, to be started anew.
        @raise ValueError: it is inside of TLS.
        """
        link = self._link
        link.stop()
        self.relay = self.source = None
        self.close_channel()
        for reason in (AHEAD, CONSUMER, WAITING):
            self.reading.release(reason)
        return link

    def half_close(self) -> None:
        """Tell the server that the client has sent its last byte; TLS cannot say that alone, so it ends."""
        if self.is_lost:
            return
        self.close_channel()  # a producer that is paused would keep the half-close from being sent
        if not half_close(self.transport):
            self.close()

    @property
    def is_cut(self) -> bool:
        """Whether the server has hung up without the farewell of TLS: what it said before counts."""
        return self._link.is_lost and not self._link.was_reset

    def close(self) -> None:
        """Close when all is written."""
        if not self.is_lost:
            self._give_up_later()
            self.close_channel()
            self.transport.loseConnection()

    def hang_up(self) -> None:
        """The same for a client that was cut: TLS ends without its farewell."""
        if not self.is_lost:
            self._give_up_later()
            self.close_channel()
            hang_up(self.transport)

    def _give_up_later(self) -> None:
        """A server that does not read the rest must not hold the connection for ever."""
        self._proxy.timeouts.add(self)
        self.deadline = self._proxy.timeouts.seconds() + (self._proxy.options.tcp_timeout or NEVER)

    def abort(self) -> None:
        """Reset the connection."""
        self.source = None
        self._link.abort()

    def readConnectionLost(self) -> None:
        """The server has sent its last byte."""
        self._has_ended = True
        if self.relay is not None:
            self.relay.server_ended()
        else:
            self._tell()

    def writeConnectionLost(self) -> None:
        """We have half-closed."""

    @override
    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """The connection is gone."""
        self.is_lost = True
        self._reason = reason
        self._proxy.timeouts.discard(self)
        ready, self._ready = self._ready, None
        if ready is not None:
            error = reason.value
            known = isinstance(error, MitmtwError)
            ready.errback(error if known else TLSFailed("the server closed the connection in the TLS handshake"))
        if self.relay is not None:
            self.relay.server_lost(reason)
        else:
            self._tell()


async def connect_end(client: Client, conn: ServerConnection, alpn: tuple[bytes, ...]) -> ServerEnd:
    """
    Connect to a server for a relay, in TLS when C{conn.tls} says so.

    @raise ConnectFailed: or a subclass, C{TLSFailed} among them.
    """
    link: Any = client.early
    if link is not None and not link.is_lost and link.server_conn.address == conn.address:
        client.early = None
        link.when_heard(None)
    else:
        link = await client.proxy.upstream.connect(conn, client)
    end = ServerEnd(client.proxy, link)
    if not link.server_conn.tls:
        link.start(end)
        return end
    try:
        await end.secure(alpn)
    except MitmtwError as error:
        link.server_conn.error = str(error)
        link.abort()
        raise
    return end
