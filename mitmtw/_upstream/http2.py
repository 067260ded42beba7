"""
HTTP/2 with a server: many requests at once on one connection (RFC 9113).
"""

from collections.abc import Callable
from typing import Any

from twisted.internet.protocol import Protocol, connectionDone
from twisted.python.failure import Failure
from typing_extensions import override

from mitmtw._streams.http2 import Multiplex
from mitmtw._streams.timeouts import NEVER
from mitmtw._streams.watch import has_news
from mitmtw._upstream.http2_stream import HTTP2ClientStream
from mitmtw._upstream.link import Link
from mitmtw._wire.events import Fields, ResponseHead
from mitmtw._wire.http2 import (
    Connection,
    ConnectionFailed,
    ErrorCode,
    Event,
    GoAwayReceived,
    HeadersReceived,
    Limits,
    SettingsChanged,
    StreamReset,
)
from mitmtw.errors import RemoteProtocolError, TLSFailed, UpstreamClosed
from mitmtw.interfaces.services import IProxy

__all__ = ["HTTP2Channel"]

_STREAMS_AT_FIRST = 100  # streams opened before the server said how many it takes; what RFC 9113 section 6.5.2 advises


class HTTP2Channel(Multiplex, Protocol):
    """
    A connection to a server that speaks HTTP/2.

    @ivar link: the connection below.
    @ivar key: what it may be reused for.
    @ivar deadline: when the connection loses patience.
    @ivar head_seconds: how long the server may take to begin an answer.
    @ivar is_single_use: whether it is closed after one request.
    @ivar is_leaving: whether no new stream may be opened on it.
    @ivar changed: called with the channel when there is room for a stream, or there will not be any more.
    """

    transport: Any

    def __init__(self, proxy: IProxy, link: Link, key: Any) -> None:
        options = proxy.options
        self.link = link
        self.key = key
        self.deadline = NEVER
        self.head_seconds: float = options.response_head_timeout or NEVER
        self.is_single_use = False
        self.is_leaving = False
        self.changed: Callable[[HTTP2Channel], None] = lambda channel: None
        self._proxy = proxy
        self._idle: float = options.upstream_idle_timeout or NEVER
        self._unopened: set[HTTP2ClientStream] = set()
        self._heads: list[tuple[HTTP2ClientStream, ResponseHead]] = []
        self._has_said = False

    @override
    def connectionMade(self) -> None:
        """Say hello."""
        proxy = self._proxy
        limits = Limits(max_header_list_bytes=proxy.options.max_head_bytes, max_fields=proxy.options.max_fields)
        connection = Connection("client", limits=limits, seconds=proxy.timeouts.seconds)
        self.set_up(proxy, connection, self.transport)
        proxy.timeouts.add(self)
        self._rest()

    # -- streams ------------------------------------------------------------------------------------------------------

    def is_usable(self, is_careful: bool) -> bool:
        """
        Whether a request can be sent on it now.

        @param is_careful: look at the socket of an idle connection too, because the request could not be sent again.
        """
        if self.is_leaving or self.is_over or (self.is_single_use and (self.streams or self._unopened)):
            return False
        room = self.connection.free_streams
        if not self._has_said:
            room = min(room, _STREAMS_AT_FIRST - len(self.streams))
        if room <= len(self._unopened):
            return False
        return not (is_careful and not self.streams and has_news(self.link.transport))

    def stream(self) -> HTTP2ClientStream:
        """A stream for one request, for which L{is_usable} has said that there is room."""
        stream = HTTP2ClientStream(self, not self._has_said)
        self._unopened.add(stream)
        self.deadline = NEVER
        return stream

    def open_stream(self, stream: HTTP2ClientStream, fields: Fields, end: bool, never_indexed: frozenset[bytes]) -> int:
        """
        Open a stream by its head.

        @return: its number.
        @raise UpstreamClosed: the server has said meanwhile that it takes no more.
        @raise LocalProtocolError: the request cannot be sent.
        """
        if not self.connection.free_streams:
            stream.is_unprocessed = True
            stream.close()
            raise UpstreamClosed("the server takes no more requests on this connection")
        number = self.connection.open_stream(fields, end, never_indexed)
        self._unopened.discard(stream)
        self.streams[number] = stream
        self.touch()
        return number

    def not_opened(self, stream: HTTP2ClientStream) -> None:
        """A stream is over; if it was not opened, its place is free."""
        if stream in self._unopened:
            self._unopened.discard(stream)
            self.stream_gone()

    @override
    def stream_gone(self) -> None:
        """A place is free."""
        if self.is_over:
            return
        if not self.streams and not self._unopened:
            if self.is_leaving or self.is_single_use:
                self.close()
            else:
                self._rest()
        if not self.is_leaving:
            self.changed(self)

    def _rest(self) -> None:
        """Nothing is under way."""
        if not self.streams and not self._unopened:
            self.deadline = self.timeouts.seconds() + self._idle

    # -- reading ------------------------------------------------------------------------------------------------------

    @override
    def dataReceived(self, data: bytes) -> None:
        """Bytes of the server."""
        self.take(data)

    @override
    def head_came(self, event: HeadersReceived) -> None:
        """An answer begins; it is told when all that came with it was read."""
        stream: HTTP2ClientStream | None = self.streams.get(event.stream)
        if stream is not None:
            self._heads.append((stream, stream.head_came(event)))

    @override
    def all_told(self) -> None:
        """Tell the heads that came."""
        heads, self._heads = self._heads, []
        for stream, head in heads:
            stream.tell_head(head)

    @override
    def reset_came(self, event: StreamReset) -> None:
        """The server gave a stream up, or broke the protocol on it."""
        stream: HTTP2ClientStream | None = self.streams.get(event.stream)
        if stream is None:
            return
        if event.code == ErrorCode.HTTP_1_1_REQUIRED:
            self._proxy.upstream.needs_http1(self.key)
            self.retire()
        stream.was_reset(event)

    @override
    def other_came(self, event: Event) -> None:
        """Something about the connection."""
        if isinstance(event, SettingsChanged):
            self._has_said = True
            self.changed(self)
        elif isinstance(event, GoAwayReceived):
            self.retire()
        elif isinstance(event, ConnectionFailed):
            streams = list(self.streams.values())
            self.close()
            for stream in streams:
                stream.failed(RemoteProtocolError(event.message, 502))

    # -- endings ------------------------------------------------------------------------------------------------------

    def retire(self) -> None:
        """Open no more streams, and close when those that are open are over."""
        if self.is_leaving:
            return
        self.is_leaving = True
        self.changed(self)
        if not self.streams and not self._unopened and not self.is_over:
            self.close()

    def close(self) -> None:
        """Close politely; nobody waits for anything any more."""
        if self.is_over:
            return
        if self.connection.failure is None:
            self.connection.go_away()
        self.say_last()
        self.is_leaving = True
        self.changed(self)
        self.transport.loseConnection()
        self.deadline = self.timeouts.seconds() + self.stall

    def abort(self) -> None:
        """Reset the connection."""
        self.cut_off()
        self.is_leaving = True
        self.changed(self)
        self.link.abort()

    @override
    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """The connection is gone, and every stream on it."""
        self._proxy.timeouts.discard(self)
        self.cut_off()
        self.is_leaving = True
        self.changed(self)
        error = reason.value if isinstance(reason.value, TLSFailed) and not self._has_said else None
        unopened = list(self._unopened)
        for stream in [*self.streams.values(), *unopened]:
            stream.lost(error)

    def timed_out(self) -> None:
        """The server reads nothing, or there is nothing to say for long."""
        if self.is_over:
            self.link.abort()
        elif self.full:
            self.abort()
        elif not self.streams and not self._unopened:
            self.close()

    # -- writing ------------------------------------------------------------------------------------------------------

    @override
    def pauseProducing(self) -> None:
        """The server does not read as fast as we write."""
        super().pauseProducing()
        self.deadline = self.timeouts.seconds() + self.stall

    @override
    def resumeProducing(self) -> None:
        """The server reads again."""
        self.deadline = NEVER
        self._rest()
        super().resumeProducing()
