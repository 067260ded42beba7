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
from mitmtw._upstream.http2 import HTTP2Channel
from mitmtw._upstream.lanes import Connected, Lane, Stream
from mitmtw._upstream.link import Link
from mitmtw._upstream.negotiation import Negotiation
from mitmtw.errors import TLSFailed
from mitmtw.interfaces.authority import TLSParameters
from mitmtw.interfaces.layers import IClient
from mitmtw.interfaces.services import IProxy, IUpstream
from mitmtw.model import HTTPFlow, Request, ServerConnection

__all__ = ["Upstream"]

_log = Logger()
# Requests that are not sent again when an idle connection turns out to be dead, so it is looked at first.
_SAFE_TO_REPEAT = frozenset({b"GET", b"HEAD", b"OPTIONS", b"TRACE", b"PUT", b"DELETE"})
_HTTP1 = (b"http/1.1",)
_EITHER = (b"h2", b"http/1.1")
_NO_PROTOCOL = "no application protocol"  # in OpenSSL's words for the alert of RFC 7301 section 3.2
_MOST_KNOWN = 4096  # servers whose version is remembered; the memory is emptied when it is full
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
        self._lanes: dict[Any, Lane] = {}
        self._only_http1: set[Key] = set()
        self._only_http2: set[Key] = set()

    def open(
        self, request: Request, flow: HTTPFlow, client: Any, target: Any, must_be_fresh: bool
    ) -> Stream | Deferred[Stream]:
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
        is_careful = request.raw_method not in _SAFE_TO_REPEAT or request.streamed
        wants_http2 = is_tls and (request.raw_version[:6] == b"HTTP/2" or key in self._only_http2)
        if wants_http2 and self._may_share(request, key):
            return self._share(key, sni, via, client, must_be_fresh, is_careful)
        if not must_be_fresh:
            channel = self._reuse(key, client, is_careful)
            if channel is not None:
                self._owners[channel] = client
                channel.link.own(client)
                return channel.stream()
        return Deferred.fromCoroutine(self._connect_stream(key, is_tls, sni, via, client))

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

    def warm(self, host: str, port: int, sni: str, client: Any) -> Deferred[Any]:
        """
        Connect by TLS before anything is asked, to see the server's certificate; the connection is kept for C{client}.

        @return: a Deferred of a stream that tells by C{server_conn}, and is finished already.
        """

        async def connect() -> Stream:
            key = (host, port, sni, None)
            if self._proxy.options.http2 and b"h2" in client.client_conn.alpn_offers and key not in self._only_http1:
                shared = self._share(key, sni, None, client, False, False)
                stream: Stream = await shared if isinstance(shared, Deferred) else shared
            else:
                stream = await self._connect_stream(key, True, sni, None, client)
            if isinstance(stream, ClientStream):
                stream.channel.keep_unused(stream)
            else:
                stream.finished()
            return stream

        return Deferred.fromCoroutine(connect())

    # -- connections that requests share ------------------------------------------------------------------------------

    def _may_share(self, request: Request, key: Key) -> bool:
        """Whether HTTP/2 may be spoken for this request: an upgrade needs HTTP/1."""
        return self._proxy.options.http2 and key not in self._only_http1 and "upgrade" not in request.headers

    def _share(
        self, key: Key, sni: str | None, via: Any, client: Any, must_be_fresh: bool, is_careful: bool
    ) -> Stream | Deferred[Stream]:
        """A stream on a connection that carries many; of either version, if it has to be made first."""
        sharing = self._proxy.options.upstream_pool
        if sharing == "off":
            return Deferred.fromCoroutine(self._connect_stream(key, True, sni, via, client, _EITHER))
        name = (key, client) if sharing == "client" else key
        lane = self._lanes.get(name)
        if lane is None:
            held = client.held.setdefault((_EITHER, key), []) if sharing == "client" else []
            lane = self._lanes[name] = Lane(held, lambda: self._emptied(name))
        if not must_be_fresh:
            stream = lane.free(is_careful)
            if stream is not None:
                return stream
        return Deferred.fromCoroutine(self._wait(lane, key, sni, via, client))

    async def _wait(self, lane: Lane, key: Key, sni: str | None, via: Any, client: Any) -> Stream:
        """A stream as soon as there is room, or a connection."""
        stream = await lane.next(lambda: self._connect(key, True, sni, via, client, _EITHER))
        if stream is None:  # it speaks HTTP/1 only
            stream = await self._connect_stream(key, True, sni, via, client)
        return stream

    def _emptied(self, name: Any) -> None:
        """A lane has nothing left."""
        self._lanes.pop(name, None)

    def needs_http1(self, key: Key) -> None:
        """The server of C{key} turned out to speak, or to want, HTTP/1."""
        if len(self._only_http1) >= _MOST_KNOWN:
            self._only_http1.clear()
        self._only_http1.add(key)
        self._only_http2.discard(key)

    async def _connect_stream(
        self, key: Key, is_tls: bool, sni: str | None, via: Any, client: Any, offers: tuple[bytes, ...] = _HTTP1
    ) -> Stream:
        """A stream on a new connection. A server that speaks HTTP/2 only is asked again."""
        try:
            channel = await self._connect(key, is_tls, sni, via, client, offers)
        except TLSFailed as error:
            if offers is _EITHER or not self._proxy.options.http2 or _NO_PROTOCOL not in str(error):
                raise
            if len(self._only_http2) >= _MOST_KNOWN:
                self._only_http2.clear()
            self._only_http2.add(key)
            shared = self._share(key, sni, via, client, True, False)
            return await shared if isinstance(shared, Deferred) else shared
        return channel.stream()

    async def _connect(
        self, key: Key, is_tls: bool, sni: str | None, via: Any, client: Any, offers: tuple[bytes, ...]
    ) -> Connected:
        """A new connection, or the one that was made before it was known what for."""
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
        if is_tls and offers is not _HTTP1:
            return await self._negotiate(key, link, client, offers)
        channel = self._http1(key, link, client)
        if not is_tls:
            link.start(channel)
            return channel
        ready: Deferred[None] = Deferred()
        channel.ready = ready
        try:
            self.secure(link, channel, offers)
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
        return channel

    def _http1(self, key: Key, link: Link, client: Any) -> HTTP1Channel:
        """An HTTP/1 connection that C{client} owns."""
        channel = HTTP1Channel(self._proxy, link, key, self)
        channel.is_single_use = self._proxy.options.upstream_pool == "off"
        self._owners[channel] = client
        return channel

    async def _negotiate(self, key: Key, link: Link, client: Any, offers: tuple[bytes, ...]) -> Connected:
        """Speak TLS, and then what the server chose."""
        negotiation = Negotiation(self._proxy, link)
        try:
            self.secure(link, negotiation, offers)
            await negotiation.ready
        except CancelledError:
            link.abort()
            raise
        except Exception as error:
            link.server_conn.error = str(error)
            link.abort()
            raise
        describe_tls(self._proxy, negotiation.transport, link.server_conn)
        if link.server_conn.alpn != b"h2":
            self.needs_http1(key)
            channel = self._http1(key, link, client)
            negotiation.hand_over(channel)
            return channel
        shared = HTTP2Channel(self._proxy, link, key)
        sharing = self._proxy.options.upstream_pool
        shared.is_single_use = sharing == "off"
        negotiation.hand_over(shared)
        if sharing == "shared":
            link.disown()
        return shared

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
        for lane in list(self._lanes.values()):
            for shared in list(lane.channels):
                shared.close()

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
