"""
HTTP/1 with a client: one exchange after another on one connection (RFC 9112).

The layer reads heads, gives bodies to the exchange they belong to, and starts the next request when the last exchange
ended. No head is read ahead; at most 64 KiB of pipelined bytes are kept. L{ServerStream} is the exchange's view of it.
"""

from typing import Any

from twisted.python.failure import Failure
from typing_extensions import override

from mitmtw._layers.client import Target, client_gone
from mitmtw._layers.exchange import Exchange, refuse
from mitmtw._layers.handshake import Handshake
from mitmtw._layers.layer import Layer
from mitmtw._layers.opening import Opening, propose
from mitmtw._layers.request import read_request
from mitmtw._layers.server_end import ServerEnd
from mitmtw._layers.server_stream import ServerStream
from mitmtw._layers.tcp import TCPLayer
from mitmtw._layers.websocket import WebSocketLayer
from mitmtw._streams.body import Body
from mitmtw._streams.channel import AHEAD, HIGH_WATER_BYTES, Channel, half_close
from mitmtw._streams.outgoing import WHOLE
from mitmtw._streams.run import Run
from mitmtw._streams.timeouts import NEVER
from mitmtw._wire.block import Memory
from mitmtw._wire.events import NO_BODY, RequestHead
from mitmtw._wire.framing import RequestFraming
from mitmtw._wire.http1_read import BodyReader, HeadBuffer, body_reader, read_request_head
from mitmtw.errors import ClientGone, RemoteProtocolError
from mitmtw.model import HTTPFlow

__all__ = ["HTTP1Layer"]

_DROPPED_BYTES = (
    65536  # bytes of an unread request body that are read and dropped, so that the connection can be used again
)
_LINGER_SECONDS = 2.0  # seconds to let a client read our answer while it still sends (RFC 9112 section 9.6)


class HTTP1Layer(Channel, Layer):
    """HTTP/1 on one byte stream of a client."""

    name = "http1"

    @override
    def started(self) -> None:
        """Wait for the first head."""
        options = self.client.proxy.options
        self._hooks = self.client.proxy.hooks
        self._seconds = self.client.proxy.timeouts.seconds
        self._idle: float = options.client_idle_timeout or NEVER
        self._stall: float = options.tcp_timeout or NEVER
        self._heads = HeadBuffer(options.max_head_bytes, skip_blank_lines=True)
        self._memory: Memory[RequestFraming] = Memory()
        self._reader: BodyReader | None = None
        self._body: Body | None = None
        self._run: Run | None = None
        self._stream: ServerStream | None = None
        self._ahead: list[bytes] = []
        self._ahead_size = 0
        self._turning = False
        self._dropping = 0
        self._closing = False
        self._draining = False
        self._half_closed = False
        self._lost = False
        self.open_channel(self.transport)
        self.switch.deadline = self._seconds() + (options.request_head_timeout or NEVER)

    # -- reading ------------------------------------------------------------------------------------------------------

    @override
    def dataReceived(self, data: bytes) -> None:
        """Bytes of the client: a head, a body, something ahead of time, or something nobody wants any more."""
        if self._reader is not None:
            self._read_body(data)
        elif self._run is not None or self.full:
            self._keep_ahead(data)
        elif not self._closing:
            self._turn(data)

    def _keep_ahead(self, data: bytes) -> None:
        """Keep bytes of a later request."""
        self._ahead.append(data)
        self._ahead_size += len(data)
        if self._ahead_size > HIGH_WATER_BYTES:
            self.switch.reading.hold(AHEAD)

    def _turn(self, data: bytes) -> None:
        """Start exchanges as long as there are heads and none is under way; in a loop, so that the stack stays flat."""
        if self._turning:
            self._ahead.insert(0, data)
            return
        self._turning = True
        while data:
            self._read_head(data)
            if self._run is not None or self._reader is not None or self._closing or self.full or not self._ahead:
                break
            data = self._take_ahead()
        self._turning = False

    def _take_ahead(self) -> bytes:
        """All that was kept."""
        data = b"".join(self._ahead)
        self._ahead = []
        self._ahead_size = 0
        self.switch.reading.release(AHEAD)
        return data

    def _read_head(self, data: bytes) -> None:
        """Read a head if it is whole, and start its exchange."""
        heads = self._heads
        switch = self.switch
        try:
            block = heads.feed(data)
            if block is None:
                if switch.deadline is NEVER or not self._waiting_head:
                    self._waiting_head = True
                    switch.deadline = self._seconds() + (self.client.proxy.options.request_head_timeout or NEVER)
                return
            self._waiting_head = False
            head = read_request_head(block, self.client.proxy.options.max_fields, self._memory)
            flow = read_request(self, head, self._seconds())
        except RemoteProtocolError as error:
            self._refuse(error)
            return
        rest = heads.rest
        body = None
        switch.deadline = NEVER
        if head.framing != NO_BODY:
            body = self._open_body(head, rest)
        elif rest:
            self._keep_ahead(rest)
        stream = ServerStream(self, head, body)
        self._start(stream, flow, Exchange(flow, stream, self))

    _waiting_head = False

    def _open_body(self, head: RequestHead, rest: bytes) -> Body:
        """Start to read the body that follows a head."""
        body = Body(self.switch.reading, head.framing, head.length)
        reader = body_reader(head.framing, head.length)
        self._body = body
        self._reader = reader
        if rest or head.length == 0:
            self._read_body(rest)
        return body

    def _read_body(self, data: bytes) -> None:
        """Bytes of a request's body."""
        reader, body = self._reader, self._body
        if reader is None or body is None:
            return
        try:
            payload = reader.feed(data)
        except RemoteProtocolError as error:
            self._reader = None
            self._body = None
            self._broken(error)
            body.fail(error)
            return
        if self._dropping:
            self._dropping -= len(data)
            if self._dropping <= 0:
                self._close()
                return
        elif payload:
            body.feed(payload)
        self.switch.deadline = self._seconds() + self._stall
        if reader.done and self._reader is reader:
            self._reader = None
            self._body = None
            self.switch.deadline = NEVER
            if reader.rest:
                self._keep_ahead(reader.rest)
            body.end(reader.trailers)
            if self._run is None:
                self._next()

    def _broken(self, error: RemoteProtocolError) -> None:
        """The request's body is not one: the exchange ends with an answer that says so, and nothing more is read."""
        self._closing = True
        if self._stream is not None:
            self._stream.persistent = False
        if self._run is not None:
            self._run.cancel(error)
        else:
            self._close()

    # -- exchanges ----------------------------------------------------------------------------------------------------

    def _start(self, stream: ServerStream, flow: HTTPFlow, exchange: Exchange) -> None:
        """Run an exchange."""
        self._stream = stream
        self.client.begin()
        run = Run(exchange.run(), self._run_ended)
        self._run = exchange.driver = run
        flow.begin(run)
        run.start()

    def _refuse(self, error: RemoteProtocolError) -> None:
        """Answer what is no request, then close: what follows it cannot be told apart from it."""
        self._closing = True
        stream = self._stream = ServerStream(self, None, None)
        flow = HTTPFlow(self.client.client_conn, self.client.server_conn)
        self.switch.deadline = NEVER
        self.client.begin()
        self._run = run = Run(refuse(flow, stream, self, error), self._run_ended)
        flow.begin(run)
        run.start()

    def _run_ended(self) -> None:
        """An exchange is over: go on with the next one, or close."""
        stream, self._stream = self._stream, None
        self._run = None
        if stream is None or stream.detached or self._lost:
            self.client.done()
            return
        self.client.done()
        if not stream.persistent or self._closing or stream.sent != WHOLE:
            self._close()
        elif self._reader is not None:
            self._drop_body()
        else:
            self._next()

    def _next(self) -> None:
        """Take the next request that is here, or wait for one."""
        if self._closing or self._lost:
            return
        if not self.full:
            self.switch.deadline = self._seconds() + self._idle
        if self._turning:
            return
        if self._ahead and not self.full:
            self._turn(self._take_ahead())
        elif (self._half_closed or self._draining) and not self.full and self._run is None:
            self._close()

    def _drop_body(self) -> None:
        """The answer is out and the request's body is not wholly read: read and drop a little."""
        self._dropping = _DROPPED_BYTES
        if self._body is not None:
            self._body.release()
            self._body.resume()
        self.switch.deadline = self._seconds() + self._stall

    def must_close(self, stream: ServerStream) -> bool:
        """Whether the connection cannot be used again after this exchange."""
        if self._closing or self._draining or (self._half_closed and not self._ahead):
            return True
        body = stream.body
        if body is None or body.done:
            return False
        if body.error is not None or stream.expects:
            return True  # a client that waits for 100 may send its body now, or not: nobody can know
        return body.length - body.received > _DROPPED_BYTES

    # -- endings ------------------------------------------------------------------------------------------------------

    def _close(self) -> None:
        """Close when all is written; a client that still sends is given a moment to read our answer."""
        if self._lost:
            return
        was_closing, self._closing = self._closing, True
        self._dropping = 0
        unread = self._reader is not None or self._ahead or was_closing
        self._reader = None
        self._ahead = []
        self.close_channel()
        if unread and not self._half_closed and half_close(self.transport):
            self.switch.reading.release(AHEAD)
            if self._body is not None:
                self._body.resume()
            self.switch.deadline = self._seconds() + _LINGER_SECONDS
        else:
            self.transport.loseConnection()
            self.switch.deadline = self._seconds() + self._stall

    def abort(self) -> None:
        """Reset the connection."""
        if not self._lost:
            self._closing = True
            self.close_channel()
            self.transport.abortConnection()

    def detach(self) -> bytes:
        """Leave the connection to another layer; @return: what the client has sent after the head."""
        self.close_channel()
        self._closing = True
        return self._take_ahead()

    def open_tunnel(self, flow: HTTPFlow, leftover: bytes) -> None:
        """CONNECT was answered: what follows is for the host that C{flow} names now."""
        request = flow.request
        target = Target(request.host, request.port, flow=flow)
        self.switch.to(Opening(self.client, target), leftover)

    def open_upgraded(self, flow: HTTPFlow, channel: Any, from_client: bytes, handshake: Handshake | None) -> None:
        """101 was answered: both connections are something else from here on."""
        end = ServerEnd(self.client.proxy, channel.link)
        from_server = channel.hand_over(end)
        self.client.early_end = end  # its next layer takes it; without one it ends with the client
        proposal: Layer
        if handshake is None:
            proposal = TCPLayer(self.client, self.target, end)
        else:
            proposal = WebSocketLayer(self.client, self.target, end, flow, handshake)
        propose(self.switch, proposal, from_client, from_server)

    @override
    def readConnectionLost(self) -> None:
        """The client has sent its last byte: gone when its request is not whole, else it waits for our answer."""
        self._half_closed = True
        if self._run is None:
            if self._reader is not None or not self.full:
                self._close()
        elif self._reader is not None or self.client.proxy.options.abort_on_half_close:
            self._run.cancel(ClientGone("the client closed the connection before its request was complete"))
            self._cut()

    def _cut(self) -> None:
        """The request's body will never be whole."""
        reader, body, self._reader, self._body = self._reader, self._body, None, None
        if reader is not None and body is not None:
            body.fail(ClientGone("the client closed the connection before its request was complete"))

    @override
    def connectionLost(self, reason: Failure) -> None:
        """The connection is gone: the exchange on it ends in this turn."""
        self._lost = True
        self._closing = True
        run = self._run
        if run is not None:
            run.cancel(client_gone(self.client))
        self._cut()
        self.source = None

    @override
    def timed_out(self) -> None:
        """The client sent nothing, or read nothing, for too long."""
        if self._run is None and self._reader is None:
            if self._waiting_head and not self._closing:
                self._refuse(RemoteProtocolError("the request did not arrive in time", 408))
            elif self._closing or self.full:
                self.abort()
            else:
                self._close()
        elif self._reader is not None and self.switch.reading.is_held() and not self.full:
            self.switch.deadline = self._seconds() + self._stall  # it is we who do not read
        elif self._run is not None:
            self._run.cancel(ClientGone("the client neither sent nor read anything for too long"))
            self.abort()
        else:
            self.abort()

    @override
    def drain(self) -> None:
        """Close when the exchange under way is over."""
        self._draining = True
        if self._run is None and self._reader is None:
            self._close()

    # -- writing ------------------------------------------------------------------------------------------------------

    @override
    def pauseProducing(self) -> None:
        """The client does not read as fast as we write."""
        super().pauseProducing()
        self.switch.deadline = self._seconds() + self._stall

    @override
    def resumeProducing(self) -> None:
        """The client reads again."""
        self.switch.deadline = NEVER if self._reader is None else self._seconds() + self._stall
        super().resumeProducing()

    @override
    def drained(self) -> None:
        """All is written: the next request may start."""
        if self._run is None and self._reader is None:
            self._next()
