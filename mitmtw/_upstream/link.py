"""
One established connection to a server, from TCP to its end. It is what C{serverdisconnect} is about.
"""

from collections.abc import Callable
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.error import ConnectionDone
from twisted.internet.interfaces import IHalfCloseableProtocol
from twisted.internet.protocol import Protocol, connectionDone
from twisted.python.failure import Failure
from typing_extensions import override
from zope.interface import implementer

from mitmtw._streams.channel import HIGH_WATER_BYTES, WAITING, Reading, address_of, send_at_once
from mitmtw.interfaces.layers import IClient
from mitmtw.interfaces.services import IProxy
from mitmtw.model import ServerConnection
from mitmtw.model.connection import ConnectionState

__all__ = ["Link"]


@implementer(IHalfCloseableProtocol)
class Link(Protocol):
    """
    The bottom of a connection to a server. What is spoken on it is put there by L{start} or L{start_tls}.

    As long as a client owns it (it is in use, or held for that client alone), C{clientdisconnect} waits for its end.

    @ivar server_conn: what addons see of it.
    @ivar reading: the only owner of the transport's pausing.
    @ivar is_lost: whether it has ended.
    @ivar was_reset: whether that was not by a FIN.
    @ivar wanted: the host and port that were asked for, before addons chose another address.
    """

    transport: Any
    dataReceived: Callable[[bytes], None]  # type: ignore[assignment]  # replaced as what is spoken changes

    def __init__(self, proxy: IProxy, server_conn: ServerConnection, client: IClient) -> None:
        self.server_conn = server_conn
        self.is_lost = False
        self.was_reset = False
        self.wanted: tuple[str, int] | None = None
        self.reading: Reading
        self.dataReceived = self._keep
        self._proxy = proxy
        self._client: IClient | None = None
        self._kept: list[bytes] = []
        self._kept_size = 0
        self._top: Any = None
        self._is_tls = False
        self._ended = False
        self._announced = True
        self._heard: Callable[[], None] | None = None
        self._dialled_for = client
        self._settling: Deferred[Any] | None = None

    @override
    def connectionMade(self) -> None:
        """TCP is there."""
        if getattr(self.transport, "protocol", None) is not None:
            self.transport.protocol = self  # the endpoint's wrapper has done its work; each read would pass through it
        send_at_once(self.transport)
        conn = self.server_conn
        now = self._proxy.now()
        conn.timestamp_tcp_setup = now
        conn.state = ConnectionState.OPEN
        peer, host = self.transport.getPeer(), self.transport.getHost()
        conn.peername = address_of(peer)
        conn.sockname = address_of(host)
        self.reading = Reading(self.transport, self._proxy.watch, self.abort)
        self._proxy.upstream.link_made(self)
        self.own(self._dialled_for)

    def own(self, client: IClient) -> None:
        """C{client} uses it from now on."""
        if self._client is None:
            self._client = client
            client.begin()

    def disown(self) -> None:
        """Nobody in particular uses it."""
        client, self._client = self._client, None
        if client is not None:
            client.done()

    def when_heard(self, callback: Callable[[], None] | None) -> None:
        """Have C{callback} called when the server speaks, or ends, before anything was started on it."""
        self._heard = callback

    def seen(self) -> bytes:
        """What the server said before anything was started."""
        return b"".join(self._kept)

    def start(self, protocol: Any) -> None:
        """Speak C{protocol}: connect it to the transport and give it what was kept."""
        self._top = protocol
        self._heard = None
        self.dataReceived = protocol.dataReceived
        kept, self._kept, self._kept_size = self._kept, [], 0
        protocol.makeConnection(self.transport)
        self.reading.release(WAITING)
        if kept and not self.is_lost:
            protocol.dataReceived(b"".join(kept))
        if self._ended and not self.is_lost:
            self.readConnectionLost()

    def start_tls(self, protocol: Any) -> None:
        """Speak TLS: C{protocol} is from L{mitmtw.interfaces.authority.IAuthority.client_side}."""
        self._is_tls = True
        self.start(protocol)

    def hand_over(self, protocol: Any) -> None:
        """Another protocol, connected already, takes the plaintext of what spoke here until now (after 101)."""
        if not self._is_tls:
            self._top = protocol
            self.dataReceived = protocol.dataReceived

    def stop(self) -> None:
        """
        Speak nothing any more: what comes is kept until L{start}, as it was at the beginning.

        @raise ValueError: it is TLS that is spoken, which cannot be taken off.
        """
        if self._is_tls:
            raise ValueError("TLS is spoken on the connection")
        self._top = None
        self.wanted = None  # it is not as new, so not for HTTP
        self.dataReceived = self._keep

    def abort(self) -> None:
        """Reset the connection."""
        if not self.is_lost:
            self.transport.abortConnection()

    def _keep(self, data: bytes) -> None:
        """Keep what a server says before it is asked."""
        self._kept.append(data)
        self._kept_size += len(data)
        if self._kept_size > HIGH_WATER_BYTES:
            self.reading.hold(WAITING)
        if self._heard is not None:
            self._heard()

    def readConnectionLost(self) -> None:
        """The server has half-closed; only a relay of plain TCP makes something of that."""
        self._ended = True
        self.reading.half_closed()
        if self._top is None:
            if self._heard is not None:
                self._heard()
        elif self._is_tls or not IHalfCloseableProtocol.providedBy(self._top):
            self.transport.unregisterProducer()  # the close would wait for one that is paused
            self.transport.loseConnection()
            if not self._is_tls:
                self._top.connectionLost(Failure(ConnectionDone()))
        else:
            self._top.readConnectionLost()

    def writeConnectionLost(self) -> None:
        """We have half-closed."""

    @override
    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """It has ended: tell what speaks on it, then the addons, then the client that owned it."""
        if self.is_lost:
            return
        self.is_lost = True
        self.was_reset = reason.check(ConnectionDone) is None
        self.reading.closed()
        conn = self.server_conn
        conn.timestamp_end = self._proxy.now()
        conn.state = ConnectionState.CLOSED
        if self._top is not None:
            self._top.connectionLost(reason)
        elif self._heard is not None:
            self._heard()
        if self._settling is not None:
            self._settling.addBoth(self._tell_end)
        else:
            self._tell_end(None)

    def settling(self, hook: Deferred[Any]) -> None:
        """A hook about the connection is pending: the one about its end must not overlap it (rule H2)."""
        self._settling = hook
        hook.addBoth(self._settled)

    def _settled(self, result: Any) -> Any:
        self._settling = None
        return result

    def _tell_end(self, result: Any) -> Any:
        """Fire C{serverdisconnect}."""
        hook = self._proxy.hooks.serverdisconnect
        deferred = hook(self.server_conn) if hook is not None else None
        if deferred is None:
            self._end(None)
        else:
            deferred.addBoth(self._end)
        return result

    def _end(self, result: Any) -> None:
        """The last hook is done."""
        self.disown()
        self._proxy.upstream.link_lost(self)
