"""
The way to the servers: which connection a request goes out on.

Idle connections are kept by what matters for their reuse: scheme, host, port, name in TLS, client certificate, way out.
One that is authenticated for a client (NTLM, Negotiate), and all of them with C{upstream_pool=client}, stay with it.
"""

from typing import Any

from twisted.internet.defer import CancelledError, Deferred
from twisted.logger import Logger
from zope.interface import implementer

from mitmtw._upstream.client_stream import ClientStream
from mitmtw._upstream.dial import dial
from mitmtw._upstream.http1 import HTTP1Channel
from mitmtw._upstream.link import Link
from mitmtw.interfaces.authority import TLSParameters
from mitmtw.interfaces.layers import IClient
from mitmtw.interfaces.services import IProxy, IUpstream
from mitmtw.model import HTTPFlow, Request, ServerConnection

__all__ = ["Upstream"]

_log = Logger()
# Requests that are not sent again when an idle connection turns out to be dead, so it is looked at first.
_SAFE_TO_REPEAT = frozenset({b"GET", b"HEAD", b"OPTIONS", b"TRACE", b"PUT", b"DELETE"})
Key = tuple[Any, ...]


@implementer(IUpstream)
class Upstream:
    """Opens streams and connections, and keeps what can be used again."""

    def __init__(self, proxy: IProxy) -> None:
        self._proxy = proxy
        self._idle: dict[Key, list[HTTP1Channel]] = {}
        self._total = 0
        self._owners: dict[HTTP1Channel, IClient] = {}
        self._links: set[Link] = set()
        self._all_closed: list[Deferred[None]] = []

    def open(
        self, request: Request, flow: HTTPFlow, client: Any, target: Any, must_be_fresh: bool
    ) -> ClientStream | Deferred[ClientStream]:
        """
        A stream for a request.

        @param request: what is to be sent: its host, port and scheme say where to.
        @param target: where the client's tunnel or listener leads, None without one; it tells the name for TLS.
        @param must_be_fresh: do not reuse a connection.
        """
        host, port = request.host, request.port
        is_tls = request.scheme == "https"
        sni = None
        if is_tls:
            is_tunnel = target is not None and target.host == host and target.port == port and target.sni
            sni = target.sni if is_tunnel else host
        via = flow.upstream
        key = (host, port, sni, via if via is None or isinstance(via, str) else repr(via))
        if not must_be_fresh:
            channel = self._reuse(key, client, request.raw_method not in _SAFE_TO_REPEAT or request.streamed)
            if channel is not None:
                self._owners[channel] = client
                channel.link.own(client)
                return channel.stream()
        return Deferred.fromCoroutine(self._connect(key, is_tls, sni, via, client))

    def connect(self, server_conn: ServerConnection, client: Any) -> Deferred[Link]:
        """See L{IUpstream.connect}; with C{server_conn.tls} the caller starts TLS by L{secure}."""
        return Deferred.fromCoroutine(dial(self._proxy, server_conn, client))

    def secure(self, link: Link, inner: Any, alpn: tuple[bytes, ...]) -> None:
        """
        Speak TLS on C{link}, whose inside is C{inner}.

        @raise TLSFailed: when the client certificate cannot be used.
        """
        link.start_tls(self._proxy.authority.client_side(self.parameters(link.server_conn, alpn), inner))

    def parameters(self, conn: ServerConnection, alpn: tuple[bytes, ...]) -> TLSParameters:
        """How to speak TLS on a connection; the name that is verified follows C{sni}."""
        host = conn.address[0] if conn.address is not None else ""
        name = conn.sni or host
        conn.alpn_offers = list(alpn)
        certificate = self._proxy.authority.client_certificate(host)
        return TLSParameters(conn.sni, name, alpn, certificate, not self._proxy.options.upstream_insecure)

    def warm(self, host: str, port: int, sni: str, client: Any) -> Deferred[ClientStream]:
        """
        Connect by TLS before anything is asked, to see the server's certificate; the connection is kept for C{client}.

        @return: a Deferred of a stream that tells by C{server_conn}, and is finished already.
        """

        async def connect() -> ClientStream:
            stream = await self._connect((host, port, sni, None), True, sni, None, client)
            stream.channel.keep_unused(stream)
            return stream

        return Deferred.fromCoroutine(connect())

    async def _connect(self, key: Key, is_tls: bool, sni: str | None, via: Any, client: Any) -> ClientStream:
        """A stream on a new connection, or on the one that was made before it was known what for."""
        unused, client.early_end = client.early_end, None
        if unused is not None:
            unused.abort()  # made for a relay, and now it is HTTP
        link: Link | None = client.early
        if link is not None and not link.is_lost and link.wanted == key[:2] and via is None and not link.seen():
            client.early = None
            link.when_heard(None)
            link.server_conn.tls, link.server_conn.sni = is_tls, sni
        else:
            conn = ServerConnection((key[0], key[1]), is_tls, sni)
            conn.via = via
            link = await dial(self._proxy, conn, client)
            if conn.tls and not is_tls and conn.sni is None:
                conn.sni = key[0]  # an addon wants TLS where there was none
            is_tls = conn.tls
        channel = HTTP1Channel(self._proxy, link, key, self)
        channel.is_single_use = self._proxy.options.upstream_pool == "off"
        self._owners[channel] = client
        if not is_tls:
            link.start(channel)
            return channel.stream()
        ready: Deferred[None] = Deferred()
        channel.ready = ready
        try:
            self.secure(link, channel, (b"http/1.1",))
            await ready
        except CancelledError:
            channel.ready = None
            channel.abort()
            raise
        except Exception as error:
            link.server_conn.error = str(error)
            link.abort()
            raise
        describe_tls(self._proxy, channel.transport, link.server_conn)
        return channel.stream()

    def describe(self, transport: Any, conn: ServerConnection) -> None:
        """Write down what the TLS handshake on C{transport} has agreed on."""
        describe_tls(self._proxy, transport, conn)

    # -- the pool -----------------------------------------------------------------------------------------------------

    def _reuse(self, key: Key, client: Any, is_careful: bool) -> HTTP1Channel | None:
        """An idle connection for C{key}, the most recently used first."""
        for idle in (client.held.get(key), self._idle.get(key)):
            while idle:
                channel: HTTP1Channel = idle.pop()
                if channel.is_usable(is_careful):
                    if channel not in self._owners:
                        self._total -= 1
                    return channel
                channel.close()
        return None

    def put(self, channel: HTTP1Channel) -> None:
        """Keep an idle connection."""
        options = self._proxy.options
        client = self._owners[channel]
        if channel.is_bound or channel.is_unused or options.upstream_pool == "client":
            if client.is_gone:
                channel.close()
            else:
                client.held.setdefault(channel.key, []).append(channel)
            return
        idle = self._idle.get(channel.key)
        if idle is None:
            idle = self._idle[channel.key] = []
        if len(idle) >= options.upstream_pool_size or self._total >= options.upstream_pool_total:
            channel.close()
            return
        self._total += 1
        idle.append(channel)
        del self._owners[channel]
        channel.link.disown()

    def forget(self, channel: HTTP1Channel) -> None:
        """A connection is over, or about to be."""
        client = self._owners.pop(channel, None)
        if client is not None:
            held = client.held.get(channel.key)
            if held is not None and channel in held:
                held.remove(channel)
            if held is not None and not held:
                del client.held[channel.key]
            if not self._idle.get(channel.key, True):
                del self._idle[channel.key]  # its last connection was taken out and will not come back
            return
        idle = self._idle.get(channel.key)
        if idle is not None and channel in idle:
            idle.remove(channel)
            self._total -= 1
            if not idle:
                del self._idle[channel.key]

    def link_lost(self, link: Link) -> None:
        """A connection has ended, and its last hook is done."""
        self._links.discard(link)
        if not self._links:
            waiting, self._all_closed = self._all_closed, []
            for deferred in waiting:
                deferred.callback(None)

    def link_made(self, link: Link) -> None:
        """A connection is there."""
        self._links.add(link)

    def when_closed(self) -> Deferred[None]:
        """A Deferred that fires when no connection is left."""
        deferred: Deferred[None] = Deferred()
        if self._links:
            self._all_closed.append(deferred)
        else:
            deferred.callback(None)
        return deferred

    def close_all(self) -> None:
        """Close all idle connections."""
        for idle in list(self._idle.values()):
            for channel in list(idle):
                channel.close()

    def abort_all(self) -> None:
        """Reset all connections that are left."""
        for link in list(self._links):
            link.abort()


def describe_tls(proxy: IProxy, transport: Any, conn: Any) -> None:
    """Write down what a TLS handshake has agreed on."""
    description = proxy.authority.describe(transport.getHandle())
    conn.tls = True
    conn.timestamp_tls_setup = proxy.now()
    conn.tls_version = description.tls_version
    conn.cipher = description.cipher
    conn.alpn = description.alpn
    conn.certificate_list = lambda: description.chain
