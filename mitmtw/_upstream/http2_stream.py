"""
One request to a server over HTTP/2, and its answer: the exchange's view of an
L{HTTP2Channel<mitmtw._upstream.http2>}.
"""

from typing import TYPE_CHECKING, Any

from typing_extensions import override
from zope.interface import implementer

from mitmtw._streams.http2_heads import VERSION, HTTP2ResponseHead, check_trailers
from mitmtw._streams.http2_stream import HTTP2Stream
from mitmtw._streams.outgoing import HEAD, WHOLE
from mitmtw._streams.run import Pending
from mitmtw._streams.timeouts import NEVER
from mitmtw._upstream.translate import http2_head
from mitmtw._wire.events import CHUNKED, LENGTH, NO_BODY, RequestHead, ResponseHead
from mitmtw._wire.http2 import ErrorCode, HeadersReceived, StreamReset
from mitmtw.errors import MitmtwError, RemoteProtocolError, ResponseTimedOut, UpstreamClosed
from mitmtw.interfaces.layers import IHTTPStream
from mitmtw.model import Request, ServerConnection

if TYPE_CHECKING:
    from mitmtw._upstream.http2 import HTTP2Channel

__all__ = ["HTTP2ClientStream"]

_NO_NAMES: frozenset[bytes] = frozenset()


@implementer(IHTTPStream)
class HTTP2ClientStream(HTTP2Stream):
    """
    One request to a server, and its answer.

    @ivar fresh: whether the server had said nothing on the connection when the stream was made.
    @ivar has_answered: whether any head of an answer came.
    @ivar is_unprocessed: whether the server says that it did nothing with the request (RFC 9113 section 8.7).
    """

    __slots__ = (
        "_error", "_has_head", "_heads", "_is_answered", "_waiting", "channel", "fresh", "has_answered",
        "is_unprocessed", "server_conn",
    )  # fmt: skip

    #: HTTP/2 has no 101 (RFC 9113 section 8.6).
    is_switching = False

    def __init__(self, channel: "HTTP2Channel", fresh: bool) -> None:
        super().__init__(channel, 0)
        self.channel = channel
        self.server_conn: ServerConnection = channel.link.server_conn
        self.fresh = fresh
        self.has_answered = False
        self.is_unprocessed = False
        self._has_head = False
        self._is_answered = False
        self._heads: list[ResponseHead] = []
        self._waiting: Pending[ResponseHead] | None = None
        self._error: MitmtwError | None = None

    # -- the request --------------------------------------------------------------------------------------------------

    def send(self, message: Request, chunked: bool, came: RequestHead | None) -> None:
        """
        Send a whole request.

        @param chunked: whether its body came without a length; then it goes out so.
        @param came: the head as the client sent it, None when no client did.
        @raise LocalProtocolError: it cannot be sent.
        """
        body = message.body
        trailers: Any = message.trailers.raw if message.trailers else ()
        if trailers:
            check_trailers(trailers)
        if chunked or trailers:
            framing, length = CHUNKED, -1
        elif body or (came is not None and came.framing == LENGTH):
            framing, length = LENGTH, len(body) if body else 0
        else:
            framing, length = NO_BODY, 0
        self._open(message, framing, length, came, False, not body and not trailers)
        if body or trailers:
            self.begun(body, trailers)
        else:
            self.sent = WHOLE
            self.all_sent()

    def send_head(self, message: Request, framing: int, length: int, came: RequestHead | None) -> None:
        """
        Send the head of a request whose body follows.

        @raise LocalProtocolError: it cannot be sent.
        """
        self._open(message, framing, length, came, True, False)
        self.sent = HEAD

    def _open(
        self, message: Request, framing: int, length: int, came: RequestHead | None, keep_expect: bool, end: bool
    ) -> None:
        """Open the stream by its head; on a connection that has ended meanwhile only the answer fails."""
        if self.is_closed:
            return
        fields, never_indexed = http2_head(message, framing, length, came, keep_expect)
        self.number = self.channel.open_stream(self, fields, end, never_indexed)

    @override
    def all_sent(self) -> None:
        """The request is out: now the server has to answer."""
        if not self._has_head:
            self.expect_within(self.channel.head_seconds)
        elif self.body is not None and not self.body.done:
            self.expect_progress()
        else:
            self._end_if_over()

    # -- the answer ---------------------------------------------------------------------------------------------------

    def take_head(self) -> ResponseHead | None:
        """The next head, if it is here; an interim one is followed by another."""
        return self._heads.pop(0) if self._heads else None

    def read_head(self) -> Pending[ResponseHead]:
        """What the next head is awaited by; it fails with L{UpstreamClosed} and other errors of L{mitmtw.errors}."""
        pending: Pending[ResponseHead] = Pending(self._forget)
        if self._error is not None:
            pending.errback(self._error)
        else:
            self._waiting = pending
        return pending

    def _forget(self) -> None:
        self._waiting = None

    def head_came(self, event: HeadersReceived) -> ResponseHead:
        """A head has come; its body, if there is one, is set up. It is told by L{tell_head} when all was read."""
        self.has_answered = True
        if event.is_informational or event.end_stream:
            framing, length = NO_BODY, 0
        elif event.length >= 0:
            framing, length = LENGTH, event.length
        else:
            framing, length = CHUNKED, -1
        if not event.is_informational:
            self._has_head = True
            if not self.is_waiting:
                self.deadline = NEVER
            if framing != NO_BODY:
                self.open_body(framing, length).too_large_status = 502
        return HTTP2ResponseHead(
            VERSION, event.status, b"", event.fields, framing, length, True, _NO_NAMES, None, event.never_indexed
        )

    def tell_head(self, head: ResponseHead) -> None:
        """Wake whoever waits for a head."""
        waiting, self._waiting = self._waiting, None
        if waiting is not None:
            waiting.callback(head)
        else:
            self._heads.append(head)

    # -- the end ------------------------------------------------------------------------------------------------------

    def failed(self, error: MitmtwError) -> None:
        """There will be no (further) answer."""
        self.close()
        self._error = error
        if self.body is not None:
            self.body.fail(error)
        waiting, self._waiting = self._waiting, None
        if waiting is not None:
            waiting.errback(error)

    def was_reset(self, event: StreamReset) -> None:
        """The server gave the stream up, or broke the protocol on it."""
        if event.is_local:
            self.failed(RemoteProtocolError(event.message, 502))
            return
        if self._has_head and (self.body is None or self.body.done):
            self.close()  # the answer is whole: the rest of the request is not wanted (RFC 9113 section 8.1)
            return
        self.is_unprocessed = event.is_unprocessed or event.code == ErrorCode.HTTP_1_1_REQUIRED
        name = ErrorCode(event.code).name if event.code <= ErrorCode.HTTP_1_1_REQUIRED else str(event.code)
        where = f" after {self.body.received} bytes of the body" if self.body is not None else ""
        self.failed(UpstreamClosed(f"the server reset the stream{where} ({name})"))

    def lost(self, error: MitmtwError | None) -> None:
        """
        The connection is gone.

        @param error: why, None when that is as unremarkable as can be.
        """
        body = self.body
        if error is not None:
            self.failed(error)
        elif body is not None and not body.done:
            self.failed(UpstreamClosed(f"the server closed the connection after {body.received} bytes of the body"))
        else:
            what = "before its answer was whole" if self.has_answered else "without an answer"
            self.failed(UpstreamClosed(f"the server closed the connection {what}"))

    def finished(self) -> None:
        """The exchange is over; what is left of a request that was sent whole goes out still."""
        self._is_answered = True
        if self.sent != WHOLE:
            self.give_up(ErrorCode.CANCEL)
        else:
            self._end_if_over()

    def _end_if_over(self) -> None:
        """Forget the stream when both the exchange and the request are over."""
        if self._is_answered and not self.is_waiting:
            self.give_up(ErrorCode.CANCEL)

    def reset(self, error: Exception) -> None:
        """Abort the stream, and only the stream."""
        if self.number:
            self.give_up(ErrorCode.CANCEL)
        else:
            self.close()

    @override
    def close(self) -> None:
        """Nothing goes out any more."""
        super().close()
        self.channel.not_opened(self)

    @override
    def body_refused(self, error: MitmtwError) -> None:
        """The body is too large: the rest of it is not wanted."""
        self.give_up(ErrorCode.CANCEL)
        self.failed(error)

    @override
    def broken(self, error: MitmtwError) -> None:
        """The request is not as long as its head has said."""
        self.give_up(ErrorCode.INTERNAL_ERROR)
        self.failed(error)

    @override
    def timed_out(self) -> None:
        """The server had nothing to say, or took nothing, for too long."""
        body, stall = self.body, self.multiplex.stall
        if self.is_waiting:
            error = ResponseTimedOut(f"the server took nothing of the request for {stall:g} seconds")
        elif not self._has_head:
            error = ResponseTimedOut(f"the server did not answer within {self.channel.head_seconds:g} seconds")
            self.channel.retire()
        elif body is None or body.done:
            return
        elif self.is_held():
            self.expect_progress()
            return
        else:
            error = ResponseTimedOut(f"the server sent nothing of its body for {stall:g} seconds")
        self.give_up(ErrorCode.CANCEL)
        self.failed(error)
