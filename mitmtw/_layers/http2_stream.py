"""
One request of a client over HTTP/2, and the way to answer it: the exchange's view of an
L{HTTP2Layer<mitmtw._layers.http2>}.
"""

from typing import TYPE_CHECKING, Any

from typing_extensions import override
from zope.interface import implementer

from mitmtw._layers.server_stream import may_have_body
from mitmtw._streams.body import Body
from mitmtw._streams.http2_heads import check_trailers, http2_fields
from mitmtw._streams.http2_stream import HTTP2Stream
from mitmtw._streams.outgoing import HEAD, WHOLE
from mitmtw._streams.run import Run
from mitmtw._wire.events import LENGTH, NO_BODY, UNTIL_CLOSE, Fields, RequestHead, ResponseHead
from mitmtw._wire.http2 import ErrorCode
from mitmtw.errors import ClientGone, Killed, MitmtwError
from mitmtw.interfaces.layers import IHTTPStream
from mitmtw.model import Response

if TYPE_CHECKING:
    from mitmtw._layers.http2 import HTTP2Layer

__all__ = ["HTTP2ServerStream"]


@implementer(IHTTPStream)
class HTTP2ServerStream(HTTP2Stream):
    """
    One request of a client, and the way to answer it.

    @ivar head: the request's head; None for what is no request.
    @ivar persistent: what an HTTP/1 exchange says about its connection; a stream is used once.
    @ivar continued: whether 100 was sent, by us or by the server.
    @ivar nominated: what the server's Connection field named: not for the client (RFC 9110 section 7.6.1).
    @ivar run: the exchange, as long as it is under way.
    """

    __slots__ = ("continued", "head", "layer", "nominated", "persistent", "run")

    #: Every client of HTTP/2 knows interim responses and bodies of unknown length.
    is_http10 = False
    #: A stream is never left to another layer.
    detached = False

    def __init__(self, layer: "HTTP2Layer", number: int) -> None:
        super().__init__(layer, number)
        self.layer = layer
        self.head: RequestHead | None = None
        self.persistent = True
        self.continued = False
        self.nominated: frozenset[bytes] = frozenset()
        self.run: Run | None = None

    # -- the answer ---------------------------------------------------------------------------------------------------

    @property
    def expects(self) -> bool:
        """Whether the client waits for 100 before it sends its body."""
        return self.head is not None and self.head.expect and not self.continued and self.body is not None

    def note(self, head: ResponseHead) -> None:
        """Remember what the head of the server's answer says about its fields."""
        self.nominated = head.connection
        self.never_indexed = getattr(head, "never_indexed", self.never_indexed)

    def proceed(self) -> None:
        """Tell the client to send its body."""
        self.continued = True
        self._send_headers([(b":status", b"100")], False)

    def send_interim(self, head: ResponseHead) -> None:
        """Forward an interim (1xx) response (RFC 9110 section 15.2)."""
        if head.status == 100:
            if not self.expects:
                return
            self.continued = True
        fields = http2_fields(head.fields, NO_BODY, 0, head.connection)
        self._send_headers([(b":status", b"%d" % head.status), *fields], False)

    def send_head(self, message: Response, framing: int, length: int) -> None:
        """
        Send the head of a response whose body follows.

        @raise LocalProtocolError: it cannot be sent.
        """
        self._send_headers(self._head(message, framing, length), False)
        self.sent = HEAD

    def send(self, message: Response, chunked: bool = False) -> None:
        """
        Send a whole response.

        @param chunked: whether the body came without a length; it goes out as it came.
        @raise LocalProtocolError: it cannot be sent.
        """
        body = message.body
        trailers: Any = message.trailers.raw if message.trailers else ()
        if not may_have_body(message, self.head):
            body, trailers = None, ()
        if trailers:
            check_trailers(trailers)
        if not body:
            framing, length = NO_BODY, 0
        elif chunked:
            framing, length = UNTIL_CLOSE, -1
        else:
            framing, length = LENGTH, len(body)
        self._send_headers(self._head(message, framing, length), not body and not trailers)
        if body or trailers:
            self.begun(body, trailers)
        else:
            self.sent = WHOLE
            self.all_sent()

    def _head(self, message: Response, framing: int, length: int) -> Fields:
        """The fields of a response's head."""
        status = message.status_code
        keep_length = framing == NO_BODY and status != 204 and not may_have_body(message, self.head)
        fields = http2_fields(message.headers.raw, framing, length, self.nominated, keep_length)
        return [(b":status", b"%d" % status), *fields]

    def _send_headers(self, fields: Fields, end: bool) -> None:
        """Send a head; to a stream that is closed nothing."""
        if not self.is_closed:
            self.multiplex.connection.send_headers(self.number, fields, end, self.never_indexed)
            self.multiplex.touch()

    # -- endings ------------------------------------------------------------------------------------------------------

    def reset(self, error: Exception) -> None:
        """Abort the stream, and only the stream."""
        self.persistent = False
        self.give_up(ErrorCode.CANCEL if isinstance(error, (Killed, ClientGone)) else ErrorCode.INTERNAL_ERROR)

    def lost(self, error: MitmtwError) -> None:
        """The stream is gone: its exchange ends in this turn."""
        self.close()
        if self.run is not None:
            self.run.cancel(error)
        if self.body is not None:
            self.body.fail(error)

    def run_ended(self) -> None:
        """The exchange is over: wait until all is sent, unless it is not to be."""
        self.run = None
        if self.sent != WHOLE:
            self.give_up(ErrorCode.INTERNAL_ERROR)
        elif not self.is_waiting:
            self._end()
        self.layer.client.done()

    @override
    def all_sent(self) -> None:
        """The response is out."""
        if self.run is None:
            self._end()

    def _end(self) -> None:
        """Both the exchange and the stream are over; a request that is still coming is not wanted any more."""
        self.give_up(ErrorCode.NO_ERROR)

    @override
    def body_refused(self, error: MitmtwError) -> None:
        """The exchange answers it."""

    @override
    def broken(self, error: MitmtwError) -> None:
        """The response is not as long as its head has said."""
        self.give_up(ErrorCode.INTERNAL_ERROR)
        if self.run is not None:
            self.run.cancel(error)

    @override
    def timed_out(self) -> None:
        """The client sent nothing, or took nothing, for too long."""
        body: Body | None = self.body
        if not self.is_waiting and (body is None or body.done):
            return
        if not self.is_waiting and self.is_held():
            self.expect_progress()  # it is we who do not read
            return
        error = ClientGone("the client neither sent nor read anything for too long")
        self.give_up(ErrorCode.CANCEL)
        self.lost(error)
