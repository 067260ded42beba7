"""
HTTP/1 with a server: one request after another on one connection (RFC 9112). L{ClientStream} is the exchange's view of
it.
"""

from collections.abc import Callable
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.error import ConnectionDone, ConnectionLost
from twisted.internet.interfaces import IHandshakeListener
from twisted.internet.protocol import Protocol, connectionDone
from twisted.python.failure import Failure
from typing_extensions import override
from zope.interface import implementer

from mitmtw._streams.body import Body
from mitmtw._streams.channel import Channel
from mitmtw._streams.outgoing import NOTHING, WHOLE, Outgoing
from mitmtw._streams.run import Pending
from mitmtw._streams.timeouts import NEVER
from mitmtw._streams.watch import has_news
from mitmtw._upstream.link import Link
from mitmtw._wire.block import Block, Memory, block_of
from mitmtw._wire.events import CHUNKED, LENGTH, NO_BODY, UNTIL_CLOSE, RequestHead, ResponseHead
from mitmtw._wire.fields import credentials
from mitmtw._wire.framing import ResponseFraming
from mitmtw._wire.http1_read import BodyReader, HeadBuffer, body_reader, read_response_head
from mitmtw._wire.http1_write import outgoing, request_head, request_line
from mitmtw.errors import (
    ConnectTimedOut,
    MitmtwError,
    RemoteProtocolError,
    ResponseTimedOut,
    TLSFailed,
    UpstreamClosed,
)
from mitmtw.interfaces.layers import IHTTPStream
from mitmtw.interfaces.services import IProxy
from mitmtw.model import Request, ServerConnection

__all__ = ["ClientStream", "HTTP1Channel"]

# Authentication schemes that authenticate the connection instead of the request (RFC 4559 section 6).
_CONNECTION_SCHEMES = (b"ntlm", b"negotiate")
_AUTHENTICATE = frozenset({b"www-authenticate", b"proxy-authenticate"})


def _names_scheme(fields: list[tuple[bytes, bytes]], names: frozenset[bytes]) -> bool:
    """Whether one of the fields C{names} has a scheme that is about the connection."""
    return any(name.lower() in names and value[:10].lower().startswith(_CONNECTION_SCHEMES) for name, value in fields)


def _block_of(message: Request, came: RequestHead | None) -> Block[Any] | None:
    """What is known of the fields of a request that no addon has changed; None when its head has to be made anew."""
    if came is None or came.expect or came.host is None or message.raw_version != came.version:
        return None
    block = block_of(message.headers.raw)
    is_of_this_head = block is not None and getattr(came.fields, "block", None) is block
    return block if is_of_this_head else None


@implementer(IHTTPStream)
class ClientStream(Outgoing):
    """
    One request to a server, and its answer.

    @ivar fresh: whether the connection was made for this request.
    @ivar has_answered: whether any byte of an answer came.
    @ivar is_switching: whether the answer was 101.
    @ivar body: of the response, None when there is none.
    """

    __slots__ = (
        "_came", "_heads", "_waiting", "body", "fresh", "has_answered", "is_switching", "method", "server_conn",
    )  # fmt: skip

    channel: "HTTP1Channel"

    def __init__(self, channel: "HTTP1Channel", fresh: bool) -> None:
        self.channel = channel
        self.server_conn: ServerConnection = channel.link.server_conn
        self.fresh = fresh
        self.sent = NOTHING
        self.body: Body | None = None
        self.has_answered = False
        self.is_switching = False
        self._came: RequestHead | None = None
        self.method = b""
        self._heads: list[ResponseHead] = []
        self._waiting: Pending[ResponseHead] | None = None

    # -- the request --------------------------------------------------------------------------------------------------

    def send(self, message: Request, chunked: bool, came: RequestHead | None) -> None:
        """
        Send a whole request.

        @param chunked: whether its body came chunked; then it goes out chunked.
        @param came: the head as the client sent it, None when no client did.
        """
        body = message.body
        trailers = message.trailers.raw if message.trailers else ()
        if chunked or trailers:
            framing, length = CHUNKED, -1
        elif body or (came is not None and came.framing == LENGTH):
            framing, length = LENGTH, len(body) if body else 0
        else:
            framing, length = NO_BODY, 0
        head = self._head(message, framing, length, came, keep_expect=False)
        self.whole(head, body, framing, trailers)

    def send_head(self, message: Request, framing: int, length: int, came: RequestHead | None) -> None:
        """Send the head of a request whose body follows."""
        self.begin(self._head(message, framing, length, came, keep_expect=True), framing)

    def _head(self, message: Request, framing: int, length: int, came: RequestHead | None, keep_expect: bool) -> bytes:
        """The bytes of a request's head; what went out for the same fields before goes out again."""
        self.method = message.raw_method
        self._came = came
        block = _block_of(message, came)
        if block is None:
            return self._new_head(message, framing, length, came, keep_expect)[0]
        key = (framing, length, b"close" if self.channel.is_single_use else None)
        lines = block.lines_for(key)
        if lines is not None:
            return request_line(message.raw_method, message.raw_path or b"/") + lines
        head, login = self._new_head(message, framing, length, came, keep_expect)
        if not login:
            block.remember(key, head)
        return head

    @property
    def offers_upgrade(self) -> bool:
        """Whether the request asks for another protocol, so that 101 may come; h2c is not offered on."""
        came = self._came
        return came is not None and came.upgrade is not None and b"h2c" not in came.upgrade.lower()

    def _new_head(
        self, message: Request, framing: int, length: int, came: RequestHead | None, keep_expect: bool
    ) -> tuple[bytes, Any]:
        """A head for fields that were not sent before; and the credentials in it."""
        version = b"HTTP/1.1"
        nominated: frozenset[bytes] = frozenset()
        upgrade = False
        if came is not None:
            nominated = came.connection
            upgrade = self.offers_upgrade
            if message.raw_version != came.version:
                version = message.raw_version  # an addon has chosen it
        raw = message.headers.raw
        if came is None or came.host is None or not self.channel.is_trusted_host(message):
            raw = _with_host(message)
        if came is not None and came.expect and not keep_expect:
            raw = [pair for pair in raw if pair[0].lower() != b"expect"]
        connection = b"Upgrade" if upgrade else b"close" if self.channel.is_single_use else None
        fields = outgoing(raw, framing, length, connection=connection, upgrade=upgrade, nominated=nominated)
        login = credentials(fields)
        if login:
            fields = [pair for pair in fields if pair[0].lower() != b"proxy-authorization"]
            if _names_scheme(login, _AUTHORIZATION):
                self.channel.is_bound = True
        return request_head(message.raw_method, message.raw_path or b"/", version, fields), login

    @override
    def finish(self, trailers: Any = ()) -> None:
        """The request's body is over."""
        super().finish(trailers)
        self.channel.request_sent()

    # -- the answer ---------------------------------------------------------------------------------------------------

    def take_head(self) -> ResponseHead | None:
        """The next head, if it is here; an interim one is followed by another."""
        return self._heads.pop(0) if self._heads else None

    def read_head(self) -> Pending[ResponseHead]:
        """What the next head is awaited by; it fails with L{UpstreamClosed} and other errors of L{mitmtw.errors}."""
        pending: Pending[ResponseHead] = Pending(self._forget)
        self._waiting = pending
        self.channel.awaiting(self)
        return pending

    def _forget(self) -> None:
        self._waiting = None

    def head_received(self, head: ResponseHead) -> None:
        """A head has come; its body is set up."""
        waiting, self._waiting = self._waiting, None
        if waiting is not None:
            waiting.callback(head)
        else:
            self._heads.append(head)

    def failed(self, error: MitmtwError) -> None:
        """There will be no (further) answer."""
        waiting, self._waiting = self._waiting, None
        if waiting is not None:
            waiting.errback(error)

    # -- the end ------------------------------------------------------------------------------------------------------

    def finished(self) -> None:
        """The exchange is over: the connection may be used again, if it can."""
        self.channel.stream_finished(self)

    def reset(self, error: Exception) -> None:
        """Abort the connection: the exchange on it has failed."""
        self.channel.abort_stream(self)

    def detach(self) -> "HTTP1Channel":
        """After 101: the connection, for L{HTTP1Channel.hand_over}."""
        return self.channel


_AUTHORIZATION = frozenset({b"authorization"})


def _with_host(message: Request) -> list[tuple[bytes, bytes]]:
    """The fields with a Host field; HTTP/1.1 must have one, the first (RFC 9110 section 7.2)."""
    raw = message.headers.raw
    if any(name.lower() == b"host" for name, _ in raw):
        return raw
    host = f"[{message.host}]" if ":" in message.host else message.host
    default = 443 if message.scheme == "https" else 80
    value = host if message.port == default else f"{host}:{message.port}"
    return [(b"Host", value.encode("utf-8", "surrogateescape")), *raw]


@implementer(IHandshakeListener)
class HTTP1Channel(Channel, Protocol):
    """
    A connection to a server that speaks HTTP/1.

    @ivar link: the connection below.
    @ivar key: what it may be reused for.
    @ivar is_bound: whether it is authenticated for one client, so that no other may use it.
    @ivar is_unused: whether nothing was asked on it, so that it stays with the client it was made for.
    @ivar is_single_use: whether it is closed after one request.
    @ivar ready: fires when the TLS handshake is done; None for plain TCP, or when it has fired.
    """

    transport: Any
    dataReceived: Callable[[bytes], None]  # type: ignore[assignment]  # another protocol's after 101

    def __init__(self, proxy: IProxy, link: Link, key: Any, pool: Any) -> None:
        self.link = link
        self.key = key
        self.is_bound = False
        self.is_single_use = False
        self.is_unused = False
        self.deadline = NEVER
        self.ready: Deferred[None] | None = None
        self.dataReceived = self._received
        self._proxy = proxy
        self._pool = pool
        self._stream: ClientStream | None = None
        self._reader: BodyReader | None = None
        self._keep_alive = True
        self._served = 0
        self._is_over = False
        self._rest = b""
        self._successor: Any = None
        self._seconds = proxy.timeouts.seconds
        options = proxy.options
        self._head_seconds: float = options.response_head_timeout or NEVER
        self._stall: float = options.tcp_timeout or NEVER
        self._heads = HeadBuffer(options.max_head_bytes, is_response=True)
        self._memory: Memory[ResponseFraming] = Memory()

    @override
    def connectionMade(self) -> None:
        """Start to produce; the TLS handshake, if any, begins now."""
        self.open_channel(self.transport)
        self._proxy.timeouts.add(self)
        if self.ready is not None:
            self.deadline = self._seconds() + (self._proxy.options.tls_handshake_timeout or NEVER)

    def handshakeCompleted(self) -> None:
        """TLS is there, and verified."""
        self.deadline = NEVER
        ready, self.ready = self.ready, None
        if ready is not None:
            ready.callback(None)

    def is_trusted_host(self, message: Request) -> bool:
        """Whether a Host field is certainly there: no addon can have removed it."""
        return not self._proxy.is_heard

    def stream(self) -> ClientStream:
        """A new request on this connection, which is idle."""
        stream = self._stream = ClientStream(self, self._served == 0)
        self._served += 1
        self.deadline = NEVER
        return stream

    def is_usable(self, is_careful: bool) -> bool:
        """
        Whether a request can be sent on this idle connection.

        @param is_careful: look at the socket too, because the request could not be sent again if the connection is
            dead.
        """
        return not self._is_over and not (is_careful and has_news(self.link.transport))

    def awaiting(self, stream: ClientStream) -> None:
        """Somebody waits for a head."""
        if self._is_over and stream is self._stream:
            stream.failed(UpstreamClosed("the server closed the connection without an answer"))
        elif stream.sent == WHOLE and not self.full:
            self.deadline = self._seconds() + self._head_seconds

    def request_sent(self) -> None:
        """A streamed request is out: now the server has to answer."""
        if self._stream is not None and self._reader is None and not self._stream.has_answered and not self.full:
            self.deadline = self._seconds() + self._head_seconds

    @override
    def pauseProducing(self) -> None:
        """The server does not read as fast as we write."""
        super().pauseProducing()
        if self._reader is None and self._stream is not None:
            self.deadline = self._seconds() + self._stall

    @override
    def resumeProducing(self) -> None:
        """The server reads again; when it has the whole request, it has to answer."""
        stream = self._stream
        if self._reader is None and stream is not None:
            is_asked = stream.sent == WHOLE and not stream.is_switching
            self.deadline = self._seconds() + self._head_seconds if is_asked else NEVER
        super().resumeProducing()

    def keep_unused(self, stream: ClientStream) -> None:
        """Keep the connection for its client; C{stream}, the first one, is not used."""
        self._stream = None
        self._served = 0
        self.is_unused = True
        self._pool.put(self)
        self.is_unused = False

    # -- reading ------------------------------------------------------------------------------------------------------

    def _received(self, data: bytes) -> None:
        """Bytes of the server."""
        stream = self._stream
        if stream is None:
            self.close()  # nobody asked for anything
            return
        reader = self._reader
        if reader is not None:
            self._read_body(stream, reader, data)
            return
        stream.has_answered = True
        try:
            while data and self._reader is None and self._stream is stream and not stream.is_switching:
                block = self._heads.feed(data)
                if block is None:
                    return
                head = read_response_head(block, stream.method, self._proxy.options.max_fields, self._memory)
                data = self._heads.rest
                self._read_head(stream, head, data)
        except RemoteProtocolError as error:
            self._fail(error)

    def _read_head(self, stream: ClientStream, head: ResponseHead, rest: bytes) -> None:
        """A head is whole."""
        if head.status < 200:
            if head.status == 101:
                if not stream.offers_upgrade:
                    raise RemoteProtocolError("the server switched to another protocol that nobody asked for", 502)
                stream.is_switching = True
                self._rest = rest
                self.deadline = NEVER
            stream.head_received(head)
            return
        self.deadline = NEVER
        self._keep_alive = head.keep_alive
        if head.status in (401, 407) and _names_scheme(head.fields, _AUTHENTICATE):
            self.is_bound = True
        if head.framing == NO_BODY:
            self._rest = rest
            self._reader = _DONE
            stream.head_received(head)
            return
        body = stream.body = Body(self.link.reading, head.framing, head.length)
        body.too_large_status = 502
        reader = self._reader = body_reader(head.framing, head.length, 502)
        if rest or reader.done:
            self._read_body(stream, reader, rest)
        else:
            self.deadline = self._seconds() + self._stall
        stream.head_received(head)

    def _read_body(self, stream: ClientStream, reader: BodyReader, data: bytes) -> None:
        """Bytes of a response's body."""
        body = stream.body
        if reader is _DONE or body is None:
            self._keep_alive = False  # bytes after the end of the answer: this connection is out of step
            return
        try:
            payload = reader.feed(data)
        except RemoteProtocolError as error:
            self._fail(error)
            return
        if payload:
            body.feed(payload)
        if reader.done:
            self.deadline = NEVER
            if self._reader is reader:
                self._reader = _DONE
                self._rest = reader.rest
            body.end(reader.trailers)
        elif body.error is not None:
            self._fail(body.error)
        else:
            self.deadline = self._seconds() + self._stall

    # -- endings ------------------------------------------------------------------------------------------------------

    def stream_finished(self, stream: ClientStream) -> None:
        """An exchange ended well: keep the connection if it is in step, else close it."""
        if stream is not self._stream:
            return
        self._stream = None
        self.source = None
        is_in_step = self._reader is _DONE and not self._rest and stream.sent == WHOLE
        self._reader = None
        if self._is_over:
            return
        if stream.sent != WHOLE:
            self.abort()  # an upload that the server did not want
        elif is_in_step and self._keep_alive and not self.is_single_use and not self.full:
            self.deadline = self._seconds() + (self._proxy.options.upstream_idle_timeout or NEVER)
            self._pool.put(self)
        else:
            self.close()

    def abort_stream(self, stream: ClientStream) -> None:
        """An exchange failed: the connection is of no use."""
        if stream is self._stream:
            self._stream = None
            self.abort()

    def close(self) -> None:
        """Close politely; nobody waits for anything any more."""
        if not self._is_over:
            self._is_over = True
            self._pool.forget(self)
            self.close_channel()
            self.transport.loseConnection()
            self.deadline = self._seconds() + self._stall

    def abort(self) -> None:
        """Reset the connection."""
        self._pool.forget(self)
        self._is_over = True
        self.source = None
        self.link.abort()

    def hand_over(self, protocol: Any) -> bytes:
        """
        Leave the connection to another protocol (after 101).

        @return: what the server sent after its head, which C{protocol} has got.
        """
        self._stream = None
        self._is_over = True
        self._pool.forget(self)
        self._proxy.timeouts.discard(self)
        self.close_channel()
        rest, self._rest = self._rest, b""
        self._successor = protocol
        self.dataReceived = protocol.dataReceived
        protocol.makeConnection(self.transport)
        self.link.hand_over(protocol)
        if rest:
            protocol.dataReceived(rest)
        if self.link.is_lost:  # while an addon was asked about the answer
            protocol.connectionLost(Failure(ConnectionLost()))
        return rest

    def _fail(self, error: MitmtwError) -> None:
        """The server broke the protocol."""
        stream, self._stream = self._stream, None
        self.abort()
        if stream is not None:
            if stream.body is not None:
                stream.body.fail(error)
            stream.failed(error)

    @override
    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """The connection is gone: a body that lasts until then is whole if it ended cleanly."""
        self._proxy.timeouts.discard(self)
        if self._successor is not None:
            self._successor.connectionLost(reason)
            return
        if self._is_over and self._stream is None and self.ready is None:
            return
        self._is_over = True
        self._pool.forget(self)
        ready, self.ready = self.ready, None
        if ready is not None:
            error = reason.value
            ready.errback(
                error
                if isinstance(error, MitmtwError)
                else TLSFailed("the server closed the connection in the TLS handshake")
            )
            return
        stream = self._stream
        if stream is None:
            return
        body = stream.body
        if body is not None and not body.done:
            is_clean = body.framing == UNTIL_CLOSE and reason.check(ConnectionDone) is not None
            if is_clean:
                self._reader = _DONE
                body.end([])
            else:
                body.fail(UpstreamClosed(f"the server closed the connection after {body.received} bytes of the body"))
        # A TLS 1.3 server judges a client certificate only after the handshake.
        if stream.fresh and isinstance(reason.value, TLSFailed):
            stream.failed(reason.value)
            return
        what = "before its answer was whole" if stream.has_answered else "without an answer"
        stream.failed(UpstreamClosed(f"the server closed the connection {what}"))

    def timed_out(self) -> None:
        """The server, or we, had nothing to say for too long."""
        stream = self._stream
        seconds = self._head_seconds
        if self.ready is not None:
            ready, self.ready = self.ready, None
            self.abort()
            ready.errback(ConnectTimedOut("the TLS handshake with the server took too long"))
        elif stream is None:
            if self._is_over:
                self.link.abort()
            else:
                self.close()
        elif self._reader is None and self.full:
            self._fail(ResponseTimedOut(f"the server took nothing of the request for {self._stall:g} seconds"))
        elif stream.body is None or self._reader is None:
            self._fail(ResponseTimedOut(f"the server did not answer within {seconds:g} seconds"))
        elif self.link.reading.is_held():
            self.deadline = self._seconds() + self._stall
        else:
            self._fail(ResponseTimedOut(f"the server sent nothing of its body for {self._stall:g} seconds"))


class _Done:
    """The reader of a body that is over."""

    done = True
    rest = b""
    trailers: list[tuple[bytes, bytes]] = []

    def feed(self, piece: bytes) -> bytes:
        """There is nothing to read."""
        return b""

    def eof(self) -> None:
        """Nothing is cut."""


_DONE = _Done()
