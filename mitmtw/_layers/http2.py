"""
HTTP/2 with a client: many exchanges at once on one connection (RFC 9113).

The layer opens a stream for each request and starts its exchange; streams never wait for each other.
L{HTTP2ServerStream} is the exchange's view of one.
"""

from twisted.python.failure import Failure
from typing_extensions import override

from mitmtw._layers.client import client_gone
from mitmtw._layers.exchange import Exchange, refuse
from mitmtw._layers.http2_request import read_http2_head, read_http2_request
from mitmtw._layers.http2_stream import HTTP2ServerStream
from mitmtw._layers.layer import Layer
from mitmtw._streams.channel import half_close
from mitmtw._streams.http2 import Multiplex
from mitmtw._streams.run import Run
from mitmtw._streams.timeouts import NEVER
from mitmtw._wire.events import CHUNKED, LENGTH
from mitmtw._wire.http2 import (
    Connection,
    ConnectionFailed,
    ErrorCode,
    Event,
    HeadersReceived,
    HeadersTooLarge,
    Limits,
    StreamReset,
)
from mitmtw._wire.http2_settings import ENABLE_CONNECT_PROTOCOL
from mitmtw.errors import ClientGone, MitmtwError, RemoteProtocolError
from mitmtw.model import HTTPFlow

__all__ = ["HTTP2Layer"]

_LINGER_SECONDS = 2.0  # seconds to let a client read our last words while it still sends


class HTTP2Layer(Multiplex, Layer):
    """HTTP/2 on one byte stream of a client."""

    name = "http2"

    @override
    def started(self) -> None:
        """Say hello, and wait for the first request."""
        proxy = self.client.proxy
        options = proxy.options
        self._idle: float = options.client_idle_timeout or NEVER
        self._highest = 0
        self._came: list[tuple[HTTP2ServerStream, HeadersReceived | None]] = []
        self._draining = False
        self._half_closed = False
        limits = Limits(max_header_list_bytes=options.max_head_bytes, max_fields=options.max_fields)
        connection = Connection(
            "server", limits=limits, settings={ENABLE_CONNECT_PROTOCOL: 0}, seconds=proxy.timeouts.seconds
        )
        self.set_up(proxy, connection, self.transport)
        self._rest()

    # -- reading ------------------------------------------------------------------------------------------------------

    @override
    def dataReceived(self, data: bytes) -> None:
        """Bytes of the client."""
        self.take(data)

    @override
    def head_came(self, event: HeadersReceived) -> None:
        """A request; its exchange starts when all that came with it was read."""
        stream = self._open(event.stream)
        if not event.end_stream:
            stream.open_body(CHUNKED if event.length < 0 else LENGTH, event.length)
        self._came.append((stream, event))

    def _open(self, number: int) -> HTTP2ServerStream:
        """A stream that the client has opened."""
        stream = HTTP2ServerStream(self, number)
        self.streams[number] = stream
        self._highest = number
        self.switch.deadline = NEVER
        return stream

    @override
    def reset_came(self, event: StreamReset) -> None:
        """The client gave a request up, or broke the protocol on a stream."""
        stream: HTTP2ServerStream | None = self.streams.get(event.stream)
        error: MitmtwError
        if event.is_local:
            error = RemoteProtocolError(event.message)
        else:
            error = ClientGone("the client cancelled the request")
        is_new = stream is not None and stream.head is None and stream.run is None
        if event.is_local and event.code == ErrorCode.PROTOCOL_ERROR and (event.stream > self._highest or is_new):
            self._highest = max(self._highest, event.stream)
            stream = stream or HTTP2ServerStream(self, event.stream)
            stream.close()
            self._refuse(stream, error)
        elif stream is not None:
            stream.lost(error)

    @override
    def other_came(self, event: Event) -> None:
        """Something about the connection, or a head that is too large to be read."""
        if isinstance(event, HeadersTooLarge):
            self._came.append((self._open(event.stream), None))
        elif isinstance(event, ConnectionFailed):
            self._fail(RemoteProtocolError(event.message))

    @override
    def all_told(self) -> None:
        """Start the exchanges of the requests that came."""
        came, self._came = self._came, []
        for stream, event in came:
            if stream.is_closed:
                continue  # it was reset in the same read
            if event is None:
                self._refuse(stream, RemoteProtocolError("the request's head is too large", 431))
            else:
                self._serve(stream, event)

    # -- exchanges ----------------------------------------------------------------------------------------------------

    def _serve(self, stream: HTTP2ServerStream, event: HeadersReceived) -> None:
        """Start an exchange."""
        head = stream.head = read_http2_head(event)
        try:
            flow = read_http2_request(self, event, head, self.timeouts.seconds())
        except RemoteProtocolError as error:
            self._refuse(stream, error)
            return
        exchange = Exchange(flow, stream, self)
        self.client.begin()
        stream.run = exchange.driver = run = Run(exchange.run(), stream.run_ended)
        flow.begin(run)
        run.start()

    def _refuse(self, stream: HTTP2ServerStream, error: MitmtwError) -> None:
        """Answer what is no request, where it can be answered."""
        flow = HTTPFlow(self.client.client_conn, self.client.server_conn)
        self.client.begin()
        stream.run = run = Run(refuse(flow, stream, self, error), stream.run_ended)
        flow.begin(run)
        run.start()

    @override
    def stream_gone(self) -> None:
        """A stream is over; without any the client may stay for a while."""
        if not self.streams and not self.is_over:
            if self._draining or self._half_closed:
                self._close()
            else:
                self._rest()

    def _rest(self) -> None:
        """Nothing is under way: the client has so long to ask for something."""
        self.switch.deadline = self.timeouts.seconds() + self._idle

    # -- endings ------------------------------------------------------------------------------------------------------

    def _close(self) -> None:
        """Say goodbye and close; a client that still sends is given a moment to read it."""
        if self.is_over:
            return
        if self.connection.failure is None and not self._draining:
            self.connection.go_away()
        self.say_last()
        if not self._half_closed and half_close(self.transport):
            self.switch.deadline = self.timeouts.seconds() + _LINGER_SECONDS
        else:
            self.transport.loseConnection()
            self.switch.deadline = self.timeouts.seconds() + self.stall

    def _fail(self, error: MitmtwError) -> None:
        """The client broke the protocol: nothing on this connection can go on."""
        self._came.clear()
        self._close()
        self._end_all(error)

    def _end_all(self, error: MitmtwError) -> None:
        """End all exchanges in this turn."""
        for stream in list(self.streams.values()):
            stream.lost(error)

    def abort(self) -> None:
        """Reset the connection."""
        if not self.is_over:
            self.cut_off()
            self.close_channel()
        self.transport.abortConnection()

    @override
    def readConnectionLost(self) -> None:
        """The client has sent its last byte: requests that are whole are answered as far as the windows let."""
        self._half_closed = True
        options = self.client.proxy.options
        for stream in list(self.streams.values()):
            if options.abort_on_half_close or (stream.body is not None and not stream.body.done):
                error = ClientGone("the client closed the connection before its request was complete")
                stream.give_up(ErrorCode.CANCEL)
                stream.lost(error)
        if self.is_over:
            self.transport.loseConnection()
        elif not self.streams:
            self._close()

    @override
    def connectionLost(self, reason: Failure) -> None:
        """The connection is gone: all exchanges on it end in this turn."""
        self.cut_off()
        self._end_all(client_gone(self.client))

    @override
    def timed_out(self) -> None:
        """The client asked for nothing, or read nothing, for too long."""
        if self.is_over:
            self.transport.abortConnection()
        elif self.full or self.streams:
            self._end_all(ClientGone("the client neither sent nor read anything for too long"))
            self.abort()
        else:
            self._close()

    @override
    def drain(self) -> None:
        """Take no more requests, and close when those under way are over."""
        if self._draining or self.is_over:
            return
        self.connection.go_away()
        self._draining = True
        if self.streams:
            self.touch()
        else:
            self._close()

    # -- writing ------------------------------------------------------------------------------------------------------

    @override
    def pauseProducing(self) -> None:
        """The client does not read as fast as we write."""
        super().pauseProducing()
        self.switch.deadline = self.timeouts.seconds() + self.stall

    @override
    def resumeProducing(self) -> None:
        """The client reads again."""
        if self.streams:
            self.switch.deadline = NEVER
        else:
            self._rest()
        super().resumeProducing()
