"""
What holds the current layer of one byte stream, at the bottom of each.

A switch is either I{at a layer} or I{waiting} for somebody who decides what comes next (an addon, a connection
upstream). While it waits it keeps what arrives, 64 KiB at most before reading is held, and the end of the stream too:
a client that sends its whole request and half-closes at once must not lose it to a slow addon.

Reading goes straight to the layer: C{dataReceived} is replaced as an instance attribute, so a switch costs nothing per
read.
"""

from collections.abc import Callable
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IHalfCloseableProtocol, IHandshakeListener
from twisted.internet.protocol import Protocol, connectionDone
from twisted.python.failure import Failure
from typing_extensions import override
from zope.interface import implementer

from mitmtw._layers.client import Client
from mitmtw._layers.layer import Layer
from mitmtw._streams.channel import HIGH_WATER_BYTES, WAITING, Reading
from mitmtw._streams.run import ignore_failure
from mitmtw._streams.timeouts import NEVER
from mitmtw.interfaces.layers import ISwitch

__all__ = ["Switch"]


@implementer(ISwitch, IHalfCloseableProtocol, IHandshakeListener)
class Switch(Protocol):
    """
    The bottom of one byte stream: a client's connection, or the plaintext inside its TLS.

    @ivar layer: the current layer, None while waiting.
    @ivar reading: the only owner of the transport's pausing.
    @ivar deadline: when the current layer loses patience.
    @ivar secured: called when the TLS below is established, if there is any.
    @ivar lost: called when the connection is gone and the layer has been told.
    """

    transport: Any
    dataReceived: Callable[[bytes], None]  # type: ignore[assignment]  # the current layer's

    def __init__(self, client: Client, connected: Callable[["Switch"], None]) -> None:
        """@param connected: called with the switch when it has a transport; it calls L{to} or L{wait}."""
        self.client = client
        self.layer: Layer | None = None
        self.deadline = NEVER
        self.reading: Reading
        self.secured: Callable[[], None] | None = None
        self.lost: Callable[[], None] | None = None
        self.dataReceived = self._keep
        self._connected = connected
        self._kept: list[bytes] = []
        self._kept_size = 0
        self._awaited: Deferred[Any] | None = None
        self._ended = False
        self._lost: Failure | None = None

    @override
    def connectionMade(self) -> None:
        """Start."""
        proxy = self.client.proxy
        self.reading = Reading(self.transport, proxy.watch, self._peer_gone)
        proxy.timeouts.add(self)
        self._connected(self)

    def to(self, layer: Layer, leftover: bytes = b"") -> None:
        """Make C{layer} current and give it C{leftover}, then what was kept, then the end of the stream if it came."""
        if self._lost is not None:
            return
        self.deadline = NEVER
        self.layer = layer
        self.dataReceived = layer.dataReceived
        kept, self._kept, self._kept_size = self._kept, [], 0
        data = b"".join([leftover, *kept]) if kept else leftover
        self.reading.release(WAITING)
        layer.attach(self)
        if data:
            self.dataReceived(data)
        if self._ended and self.layer is not None:
            self.layer.readConnectionLost()

    def wait(self, deferred: Deferred[Any], then: Callable[[Any], None]) -> None:
        """
        Keep what arrives until C{deferred} fires, then call C{then} with its result (a L{Failure} included).

        When the connection is lost meanwhile, C{deferred} is cancelled and C{then} is not called.
        """
        self.layer = None
        self.dataReceived = self._keep
        self._awaited = deferred
        self.deadline = NEVER
        deferred.addBoth(self._fired, deferred, then)

    def _fired(self, result: Any, deferred: Deferred[Any], then: Callable[[Any], None]) -> None:
        """What was waited for is here."""
        if self._awaited is deferred:
            self._awaited = None
            then(result)

    def _keep(self, data: bytes) -> None:
        """Keep bytes for the next layer."""
        self._kept.append(data)
        self._kept_size += len(data)
        if self._kept_size > HIGH_WATER_BYTES:
            self.reading.hold(WAITING)

    def readConnectionLost(self) -> None:
        """The client has half-closed."""
        self._ended = True
        self.reading.half_closed()
        if self.layer is not None:
            self.layer.readConnectionLost()

    def writeConnectionLost(self) -> None:
        """We have half-closed and all is written."""

    def handshakeCompleted(self) -> None:
        """The TLS below is established."""
        if self.secured is not None:
            self.secured()

    @override
    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """The connection is gone: tell the layer, or stop waiting."""
        if self._lost is not None:
            return
        self._lost = reason
        self.reading.closed()
        self.client.proxy.timeouts.discard(self)
        awaited, self._awaited = self._awaited, None
        if awaited is not None:
            awaited.addErrback(ignore_failure)
            awaited.cancel()
        if self.layer is not None:
            self.layer.connectionLost(reason)
        if self.lost is not None:
            self.lost()

    def timed_out(self) -> None:
        """The deadline of the current layer has passed."""
        if self.layer is not None:
            self.layer.timed_out()

    def _peer_gone(self) -> None:
        """The client has reset or hung up while nobody read."""
        if self.layer is not None:
            self.layer.peer_gone()
        elif self.transport is not None:
            self.transport.abortConnection()
