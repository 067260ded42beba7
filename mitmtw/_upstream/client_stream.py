"""
One request to a server over HTTP/1, and its answer: the exchange's view of an L{HTTP1Channel<mitmtw._upstream.http1>}.
"""

from typing import TYPE_CHECKING, Any

from typing_extensions import override
from zope.interface import implementer

from mitmtw._streams.body import Body
from mitmtw._streams.outgoing import NOTHING, Outgoing
from mitmtw._streams.run import Pending
from mitmtw._upstream.translate import http1_fields
from mitmtw._wire.block import Block, block_of
from mitmtw._wire.events import CHUNKED, LENGTH, NO_BODY, RequestHead, ResponseHead
from mitmtw._wire.fields import credentials
from mitmtw._wire.http1_write import request_head, request_line
from mitmtw._wire.next_hop import outgoing
from mitmtw.errors import (
    MitmtwError,
)
from mitmtw.interfaces.layers import IHTTPStream
from mitmtw.model import Request, ServerConnection

if TYPE_CHECKING:
    from mitmtw._upstream.http1 import HTTP1Channel

__all__ = ["ClientStream", "names_scheme"]

# Authentication schemes that authenticate the connection instead of the request (RFC 4559 section 6).
_CONNECTION_SCHEMES = (b"ntlm", b"negotiate")
_AUTHENTICATE = frozenset({b"www-authenticate", b"proxy-authenticate"})


def names_scheme(fields: list[tuple[bytes, bytes]], names: frozenset[bytes]) -> bool:
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
    #: HTTP/1 cannot say that it did nothing with a request.
    is_unprocessed = False

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
            if message.raw_version != came.version and not message.is_http2:
                version = message.raw_version  # an addon has chosen it
        raw = message.headers.raw
        if came is not None and came.version == b"HTTP/2.0":
            raw = http1_fields(message, came)
        elif came is None or came.host is None or not self.channel.is_trusted_host(message):
            raw = _with_host(message)
        if came is not None and came.expect and not keep_expect:
            raw = [pair for pair in raw if pair[0].lower() != b"expect"]
        connection = b"Upgrade" if upgrade else b"close" if self.channel.is_single_use else None
        fields = outgoing(raw, framing, length, connection=connection, upgrade=upgrade, nominated=nominated)
        login = credentials(fields)
        if login:
            fields = [pair for pair in fields if pair[0].lower() != b"proxy-authorization"]
            if names_scheme(login, _AUTHORIZATION):
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
