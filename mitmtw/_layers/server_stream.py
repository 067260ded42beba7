"""
One request of a client over HTTP/1, and the way to answer it: the exchange's view of an
L{HTTP1Layer<mitmtw._layers.http1>}.
"""

from typing import TYPE_CHECKING

from zope.interface import implementer

from mitmtw._streams.body import Body
from mitmtw._streams.outgoing import NOTHING, Outgoing
from mitmtw._wire.block import block_of
from mitmtw._wire.events import CHUNKED, LENGTH, NO_BODY, UNTIL_CLOSE, RequestHead, ResponseHead
from mitmtw._wire.http1_write import response_head, status_line
from mitmtw._wire.next_hop import outgoing
from mitmtw.interfaces.layers import IHTTPStream
from mitmtw.model import Response

if TYPE_CHECKING:
    from mitmtw._layers.http1 import HTTP1Layer

__all__ = ["ServerStream", "may_have_body"]

_CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"
_BODILESS = frozenset({204, 304})


def may_have_body(response: Response, head: RequestHead | None) -> bool:
    """Whether this response to C{head} is followed by a body (RFC 9112 section 6.3)."""
    status = response.status_code
    return status >= 200 and status not in _BODILESS and (head is None or head.method != b"HEAD")


@implementer(IHTTPStream)
class ServerStream(Outgoing):
    """
    One request of a client, and the way to answer it.

    @ivar head: the request's head as it came.
    @ivar persistent: whether the connection can be used again after this exchange.
    @ivar detached: whether the connection now belongs to another layer (CONNECT, 101).
    @ivar continued: whether 100 was sent, by us or by the server.
    @ivar nominated: what the server's Connection field named: not for the client (RFC 9110 section 7.6.1).
    """

    __slots__ = ("body", "continued", "detached", "head", "layer", "nominated", "persistent")

    def __init__(self, layer: "HTTP1Layer", head: RequestHead | None, body: Body | None) -> None:
        self.layer = layer
        self.channel = layer
        self.head = head
        self.body = body
        self.sent = NOTHING
        self.persistent = head is not None and head.keep_alive
        self.detached = False
        self.continued = False
        self.nominated: frozenset[bytes] = frozenset()

    @property
    def expects(self) -> bool:
        """Whether the client waits for 100 before it sends its body."""
        return self.head is not None and self.head.expect and not self.continued and self.body is not None

    @property
    def is_http10(self) -> bool:
        """Whether the client knows no chunked coding and no interim responses."""
        return self.head is not None and self.head.version == b"HTTP/1.0"

    def proceed(self) -> None:
        """Tell the client to send its body."""
        self.continued = True
        self.layer.transport.write(_CONTINUE)

    def send_interim(self, head: ResponseHead) -> None:
        """Forward an interim (1xx) response, but not to a client that does not know them (RFC 9110 section 15.2)."""
        if head.status == 100:
            if not self.expects:
                return
            self.continued = True
        if not self.is_http10:
            fields = outgoing(head.fields, NO_BODY, 0, nominated=head.connection)
            self.layer.transport.write(response_head(b"HTTP/1.1", head.status, head.reason, fields))

    def note(self, head: ResponseHead) -> None:
        """Remember what the head of the server's answer says about its fields."""
        self.nominated = head.connection

    def send_head(self, message: Response, framing: int, length: int) -> None:
        """Send the head of a response whose body follows."""
        if framing == CHUNKED and self.is_http10:
            framing = UNTIL_CLOSE
        self.begin(self._head(message, framing, length), framing)

    def send(self, message: Response, chunked: bool = False) -> None:
        """
        Send a whole response.

        @param chunked: whether the body came chunked; it goes out as it came, where the client knows that.
        """
        body = message.body
        trailers = message.trailers.raw if message.trailers else ()
        if not may_have_body(message, self.head):
            framing, length = NO_BODY, 0
        elif (chunked or trailers) and not self.is_http10:
            framing, length = CHUNKED, -1
        else:
            framing, length = LENGTH, len(body) if body else 0
        self.whole(self._head(message, framing, length), body, framing, trailers)

    def send_switching(self, message: Response, connect: bool) -> None:
        """Send the head of a 101, or of a 2xx to CONNECT, after which the connection is something else."""
        self.persistent = False
        fields = outgoing(
            message.headers.raw,
            NO_BODY,
            0,
            connection=None if connect else b"Upgrade",
            upgrade=not connect,
            nominated=self.nominated,
        )
        self.whole(response_head(b"HTTP/1.1", message.status_code, message.raw_reason, fields), None, NO_BODY, ())

    def _head(self, message: Response, framing: int, length: int) -> bytes:
        """The bytes of a response's head; decides whether the connection stays."""
        if self.persistent and (framing == UNTIL_CLOSE or self.layer.must_close(self)):
            self.persistent = False
        connection = None
        if not self.persistent:
            connection = b"close"
        elif self.is_http10:
            connection = b"keep-alive"
        raw = message.headers.raw
        keep_length = framing == NO_BODY and message.status_code != 204
        key = (framing, length, connection, self.nominated, keep_length)
        block = block_of(raw)
        lines = None if block is None else block.lines_for(key)
        if lines is not None:  # the same fields went out in the same way before
            return status_line(b"HTTP/1.1", message.status_code, message.raw_reason) + lines
        fields = outgoing(
            raw, framing, length, connection=connection, nominated=self.nominated, keep_length=keep_length
        )
        head = response_head(b"HTTP/1.1", message.status_code, message.raw_reason, fields)
        if block is not None:
            block.remember(key, head)
        return head

    def reset(self, error: Exception) -> None:
        """Abort the connection."""
        self.persistent = False
        self.layer.abort()

    def detach(self) -> bytes:
        """Give the connection up for another layer; @return: bytes of the client that came after the head."""
        self.detached = True
        return self.layer.detach()
