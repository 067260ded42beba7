"""
An opaque relay: bytes go from one side to the other unread, each direction as fast as its receiver takes them.

A half-close is passed on as a half-close where both sides are plain TCP, a reset as a reset.
"""

from twisted.internet.defer import Deferred
from twisted.internet.error import ConnectionDone
from twisted.logger import Logger
from twisted.python.failure import Failure
from typing_extensions import override

from mitmtw._layers.client import Client, Target
from mitmtw._layers.layer import Layer
from mitmtw._layers.server_end import ServerEnd, connect_end
from mitmtw._streams.channel import CONSUMER, HIGH_WATER_BYTES, WAITING, Channel, Reading, half_close, hang_up
from mitmtw._streams.timeouts import NEVER
from mitmtw.errors import ConnectFailed, MitmtwError, UpstreamClosed
from mitmtw.model import Error, ServerConnection

__all__ = ["RelayLayer"]

_log = Logger()


class _Side:
    """One side's reading, as what the other side pauses when it is full."""

    __slots__ = ("_reading",)

    def __init__(self, reading: Reading) -> None:
        self._reading = reading

    def pause(self) -> None:
        """Read no more."""
        self._reading.hold(CONSUMER)

    def resume(self) -> None:
        """Read on."""
        self._reading.release(CONSUMER)


class RelayLayer(Channel, Layer):
    """Joins a client to the server of its target, without reading what they say."""

    name = "relay"

    def __init__(self, client: Client, target: Target | None = None, end: ServerEnd | None = None) -> None:
        """@param end: the server's end, when it is connected already (after 101)."""
        super().__init__(client, target)
        self._end = end
        self._connecting: Deferred[ServerEnd] | None = None
        self._kept: list[bytes] = []
        self._kept_size = 0
        self._is_joined = False
        self._client_ended = False
        self._server_ended = False
        self._lost = False

    @override
    def started(self) -> None:
        """Connect to the server, unless that was done."""
        self._seconds = self.client.proxy.timeouts.seconds
        self._patience = self.client.proxy.options.tcp_timeout or NEVER
        self.open_channel(self.transport)
        self.source = None
        end = self._end or self.client.early_end
        self.client.early_end = None
        if end is not None:
            self._join(end)
            return
        self._connecting = Deferred.fromCoroutine(self._connect())
        self._connecting.addCallbacks(self._join, self._failed)

    async def _connect(self) -> ServerEnd:
        """Connect to the target."""
        target = self.target
        if target is None:
            raise ConnectFailed("it is not known where these bytes are meant to go")
        early = self.client.early
        if early is not None and early.is_lost:
            self.client.early = None
            raise UpstreamClosed("the server closed the connection before anything was asked")
        conn = early.server_conn if early is not None else ServerConnection((target.host, target.port), target.tls)
        conn.tls = target.tls
        conn.sni = (target.sni or target.host) if target.tls else None
        self.client.server_conn = conn
        return await connect_end(self.client, conn, ())

    def _join(self, end: ServerEnd) -> None:
        """Both sides are there."""
        self._connecting = None
        self._end = end
        self.client.server_conn = end.server_conn
        if self._lost:
            end.abort()
            return
        self._is_joined = True
        self.source = _Side(end.reading)
        end.source = _Side(self.switch.reading)
        self._touch()
        kept, self._kept = self._kept, []
        if kept:
            end.transport.write(b"".join(kept))
        if end.full:
            self.switch.reading.hold(CONSUMER)
        self.switch.reading.release(WAITING)
        end.join(self)
        if self._client_ended:
            end.half_close()

    def _failed(self, failure: Failure) -> None:
        """No server: the client's connection ends, and the tunnel's flow learns why."""
        self._connecting = None
        error = failure.value
        if self._lost:
            return  # nobody is left to whom it matters
        message = str(error) if isinstance(error, MitmtwError) else f"the relay failed: {error!r}"
        _log.info("{peer}: {message}", peer=self.client.client_conn.address, message=message)
        flow = self.target.flow if self.target is not None else None
        hook = self.client.proxy.hooks.error
        if flow is not None and flow.error is None:
            flow.error = Error(message)
            deferred = hook(flow) if hook is not None else None
            if deferred is not None:
                self.client.begin()
                deferred.addBoth(lambda _: self.client.done())
        self.close_channel()
        self.transport.loseConnection()

    def _touch(self) -> None:
        """Something has moved."""
        self.switch.deadline = self._seconds() + self._patience

    # -- the client's side --------------------------------------------------------------------------------------------

    @override
    def dataReceived(self, data: bytes) -> None:
        """Bytes of the client."""
        end = self._end
        if self._is_joined and end is not None:
            end.transport.write(data)
            self._touch()
            return
        self._kept.append(data)
        self._kept_size += len(data)
        if self._kept_size > HIGH_WATER_BYTES:
            self.switch.reading.hold(WAITING)

    @override
    def readConnectionLost(self) -> None:
        """The client has sent its last byte."""
        self._client_ended = True
        if self._is_joined and self._end is not None:
            self._end.half_close()
            self._close_if_over()

    @override
    def connectionLost(self, reason: Failure) -> None:
        """The client is gone."""
        self._lost = True
        self.source = None
        connecting, self._connecting = self._connecting, None
        if connecting is not None:
            connecting.cancel()
        end = self._end
        if end is None or end.is_lost:
            return
        if reason.check(ConnectionDone):
            end.close()
        elif self.client.is_cut:
            end.hang_up()
        else:
            end.abort()

    @override
    def drain(self) -> None:
        """A relay has no end of its own: it goes on until it is killed."""

    # -- the server's side --------------------------------------------------------------------------------------------

    def server_said(self, data: bytes) -> None:
        """Bytes of the server."""
        self.transport.write(data)
        self._touch()

    def server_ended(self) -> None:
        """The server has sent its last byte."""
        self._server_ended = True
        if self._lost:
            return
        if half_close(self.transport):
            self._close_if_over()
        else:
            self.close_channel()
            self.transport.loseConnection()

    def server_lost(self, reason: Failure) -> None:
        """The server is gone."""
        if self._lost:
            return
        self.close_channel()
        if reason.check(ConnectionDone):
            self.transport.loseConnection()
        elif self._end is not None and self._end.is_cut:
            hang_up(self.transport)
        else:
            self.transport.abortConnection()

    def _close_if_over(self) -> None:
        """Both directions are over."""
        if self._client_ended and self._server_ended:
            self.close_channel()
            self.transport.loseConnection()
            if self._end is not None:
                self._end.close()
