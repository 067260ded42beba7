"""
HTTP/1 with a server: one request after another on one connection (RFC 9112).
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
from mitmtw._streams.outgoing import WHOLE
from mitmtw._streams.timeouts import NEVER
from mitmtw._streams.watch import has_news
from mitmtw._upstream.client_stream import ClientStream, names_scheme
from mitmtw._upstream.link import Link
from mitmtw._wire.block import Memory
from mitmtw._wire.events import NO_BODY, UNTIL_CLOSE, ResponseHead
from mitmtw._wire.framing import ResponseFraming
from mitmtw._wire.http1_read import BodyReader, HeadBuffer, body_reader, read_response_head
from mitmtw.errors import (
    ConnectTimedOut,
    MitmtwError,
    RemoteProtocolError,
    ResponseTimedOut,
    TLSFailed,
    UpstreamClosed,
)
from mitmtw.interfaces.services import IProxy
from mitmtw.model import Request

__all__ = ["HTTP1Channel"]

_AUTHENTICATE = frozenset({b"www-authenticate", b"proxy-authenticate"})


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
        if head.status in (401, 407) and names_scheme(head.fields, _AUTHENTICATE):
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
