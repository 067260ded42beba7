"""
Two sides joined: a client's byte stream and a server's, each written to as fast as it takes it.

What passes between them is a subclass's affair: L{mitmtw._layers.relay} passes bytes unread, L{mitmtw._layers.tcp} and
L{mitmtw._layers.websocket} as messages that addons see.
"""

from dataclasses import replace

from twisted.internet.defer import Deferred
from twisted.internet.error import ConnectionDone
from twisted.logger import Logger
from twisted.python.failure import Failure
from typing_extensions import override

from mitmtw._layers.client import Client, Target
from mitmtw._layers.layer import Layer
from mitmtw._layers.server_end import ServerEnd, connect_end
from mitmtw._streams.channel import CONSUMER, HIGH_WATER_BYTES, WAITING, Channel, Reading, hang_up
from mitmtw._streams.timeouts import NEVER
from mitmtw.errors import ConnectFailed, MitmtwError, UpstreamClosed
from mitmtw.model import Error, ServerConnection

__all__ = ["TwoSidedLayer"]

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


class TwoSidedLayer(Channel, Layer):
    """
    Joins a client to the server of its target: connects, keeps what the client says meanwhile, then tells a subclass
    what each side says. It writes by C{transport.write} to the client and by C{end.transport.write} to the server; a
    side is not read as long as the other one does not take what it is sent.

    @ivar end: the server's end, once it is connected.
    @ivar is_lost: whether the client is gone.
    """

    def __init__(self, client: Client, target: Target | None = None, end: ServerEnd | None = None) -> None:
        """@param end: the server's end, when it is connected already (after 101)."""
        super().__init__(client, target)
        self.end = end
        self.is_lost = False
        self._connecting: Deferred[ServerEnd] | None = None
        self._kept: list[bytes] = []
        self._kept_size = 0
        self._is_joined = False
        self._client_ended = False

    # -- for subclasses -----------------------------------------------------------------------------------------------

    def joined(self, end: ServerEnd) -> None:
        """Both sides are there; nothing was passed yet."""

    def not_joined(self, message: str) -> None:
        """The server cannot be reached; the client's connection is closed after this."""

    def client_said(self, end: ServerEnd, data: bytes) -> None:
        """Bytes of the client."""

    def client_ended(self, end: ServerEnd) -> None:
        """The client has sent its last byte."""

    def client_lost(self, end: ServerEnd | None, reason: Failure) -> None:
        """The client is gone."""

    def server_said(self, data: bytes) -> None:
        """Bytes of the server."""

    def server_ended(self) -> None:
        """The server has sent its last byte."""

    def server_lost(self, reason: Failure) -> None:
        """The server is gone."""

    def touch(self) -> None:
        """Something has moved: both sides are given time again."""
        self.switch.deadline = self._seconds() + self._patience

    def end_server(self, end: ServerEnd, reason: Failure) -> None:
        """The client's connection ended for C{reason}: end the server's in the same way, after all that was said."""
        if end.is_lost:
            return
        if reason.check(ConnectionDone):
            end.close()
        elif self.client.is_cut:
            end.hang_up()
        else:
            end.abort()

    def end_client(self, reason: Failure) -> None:
        """The server's connection ended for C{reason}: end the client's in the same way, after all that was said."""
        if self.is_lost:
            return
        self.close_channel()
        if reason.check(ConnectionDone):
            self.transport.loseConnection()
        elif self.end is not None and self.end.is_cut:
            hang_up(self.transport)
        else:
            self.transport.abortConnection()

    def start_tls(self, from_client: bytes = b"") -> None:
        """
        Both sides have agreed to go on in TLS (STARTTLS): leave the two connections to it. The client is shown a
        certificate of ours; the server's is verified, before anything of the client goes on to it. Addons are asked by
        C{next_layer} what is inside, and this layer hears nothing any more.

        @param from_client: bytes of the client that came behind the dialogue: they belong to TLS.
        @raise ValueError: there is no server, or its connection is inside of TLS already.
        """
        end = self.end
        if end is None or end.server_conn.address is None:
            raise ValueError("there is no server")
        link = end.release()
        conn = end.server_conn
        target = replace(self.target or Target(*end.server_conn.address), tls=True)
        conn.tls, conn.sni = True, target.sni or target.host
        self.end = self.source = None
        self.close_channel()
        self.switch.reading.release(CONSUMER)
        self.client.early = link
        layer = self.client.proxy.layers["tls"](self)
        layer.target, layer.may_ask_server = target, False
        self.switch.to(layer, from_client)

    def close_client(self) -> None:
        """Close the client's connection when all is written."""
        if not self.is_lost:
            self.close_channel()
            self.transport.loseConnection()

    def abort_client(self) -> None:
        """Reset the client's connection."""
        if not self.is_lost:
            self.close_channel()
            self.transport.abortConnection()

    # -- for the switch -----------------------------------------------------------------------------------------------

    @override
    def started(self) -> None:
        """Connect to the server, unless that was done."""
        self._seconds = self.client.proxy.timeouts.seconds
        self._patience = self.client.proxy.options.tcp_timeout or NEVER
        self.open_channel(self.transport)
        self.source = None
        end = self.end or self.client.early_end
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
        """The server is there."""
        self._connecting = None
        self.end = end
        self.client.server_conn = end.server_conn
        if self.is_lost:
            end.abort()
            return
        self._is_joined = True
        self.source = _Side(end.reading)
        end.source = _Side(self.switch.reading)
        self.touch()
        self.joined(end)
        kept, self._kept = self._kept, []
        if kept:
            self.client_said(end, b"".join(kept))
        if end.full:
            self.switch.reading.hold(CONSUMER)
        self.switch.reading.release(WAITING)
        end.join(self)
        if self._client_ended and not self.is_lost:
            self.client_ended(end)

    def _failed(self, failure: Failure) -> None:
        """No server: the client's connection ends, and the tunnel's flow learns why."""
        self._connecting = None
        error = failure.value
        message = str(error) if isinstance(error, MitmtwError) else f"the relay failed: {error!r}"
        if self.is_lost:
            return  # nobody is left to whom it matters
        self.not_joined(message)
        _log.info("{peer}: {message}", peer=self.client.client_conn.address, message=message)
        flow = self.target.flow if self.target is not None else None
        hook = self.client.proxy.hooks.error
        if flow is not None and flow.error is None:
            flow.error = Error(message)
            deferred = hook(flow) if hook is not None else None
            if deferred is not None:
                self.client.begin()
                deferred.addBoth(lambda _: self.client.done())
        self.close_client()

    @override
    def dataReceived(self, data: bytes) -> None:
        """Bytes of the client."""
        if self._is_joined and self.end is not None:
            if not self.end.is_lost:
                self.client_said(self.end, data)
            return
        self._kept.append(data)
        self._kept_size += len(data)
        if self._kept_size > HIGH_WATER_BYTES:
            self.switch.reading.hold(WAITING)

    @override
    def readConnectionLost(self) -> None:
        """The client has sent its last byte."""
        self._client_ended = True
        if self._is_joined and self.end is not None:
            self.client_ended(self.end)

    @override
    def connectionLost(self, reason: Failure) -> None:
        """The client is gone."""
        self.is_lost = True
        self.source = None
        connecting, self._connecting = self._connecting, None
        if connecting is not None:
            connecting.cancel()
        self.client_lost(self.end, reason)

    @override
    def drain(self) -> None:
        """A conversation has no end of its own: it goes on until it is killed."""
