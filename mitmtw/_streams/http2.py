"""
What HTTP/2 connections of both sides share: streams whose bodies wait for windows, and the one output they all go into
(RFC 9113 sections 5 and 6.9).

A body that comes in is credited when its consumer took it, so that a stream that is held holds only itself; the codec
credits the connection on receipt. Bodies that go out take turns, a frame each, as far as the windows and the transport
let them. What a turn of the reactor makes is written at once.
"""

from abc import ABC, abstractmethod
from typing import Any

from twisted.internet.interfaces import IDelayedCall
from typing_extensions import override

from mitmtw._streams.channel import Channel
from mitmtw._streams.http2_stream import HTTP2Stream
from mitmtw._streams.timeouts import NEVER
from mitmtw._wire.http2 import (
    Connection,
    DataReceived,
    Event,
    HeadersReceived,
    StreamEnded,
    StreamReset,
    TrailersReceived,
    WindowOpened,
)
from mitmtw.interfaces.services import IProxy

__all__ = ["Multiplex"]

_QUANTUM_BYTES = 16384  # what a stream sends before it is another one's turn: a frame that every peer takes
_TURN_BYTES = 131072  # what is given to the transport at once; twice what pauses a producer


class Multiplex(Channel, ABC):
    """
    An HTTP/2 connection of either side: its streams, and the one output that they share.

    @ivar connection: the codec.
    @ivar streams: by number, as long as anything of them is to be sent or awaited.
    @ivar ready: the streams that can send something, in the order of their turns.
    @ivar relieved: streams whose sources may go on.
    @ivar stall: seconds in which a peer has to take or send something.
    @ivar is_over: whether the connection is closed, or being closed.
    """

    connection: Connection
    is_over = False

    def set_up(self, proxy: IProxy, connection: Connection, transport: Any) -> None:
        """Take a connected transport, and say hello."""
        self.connection = connection
        self.timeouts = proxy.timeouts
        self.stall: float = proxy.options.tcp_timeout or NEVER
        self.streams: dict[int, Any] = {}
        self.ready: dict[HTTP2Stream, None] = {}
        self.relieved: list[HTTP2Stream] = []
        self._clock = proxy.reactor
        self._call: IDelayedCall | None = None
        self._is_reading = False
        self.open_channel(transport)
        self.touch()

    # -- reading ------------------------------------------------------------------------------------------------------

    def take(self, data: bytes) -> None:
        """Bytes of the peer."""
        if self.is_over:
            return
        self._is_reading = True
        try:
            for event in self.connection.feed(data):
                self._tell(event)
            self.all_told()
        finally:
            self._is_reading = False
        self.flush()

    def _tell(self, event: Event) -> None:
        """Tell a stream, or the side that this is."""
        if isinstance(event, HeadersReceived):
            self.head_came(event)
        elif isinstance(event, DataReceived):
            stream = self.streams.get(event.stream)
            if stream is not None:
                stream.data_received(event.data)
                if event.end:
                    stream.body_ended([])
        elif isinstance(event, (StreamEnded, TrailersReceived)):
            stream = self.streams.get(event.stream)
            if stream is not None:
                stream.body_ended(event.fields if isinstance(event, TrailersReceived) else [])
        elif isinstance(event, WindowOpened):
            opened = self.streams.values() if not event.stream else (self.streams.get(event.stream),)
            for stream in opened:
                if stream is not None:
                    stream.unblock()
        elif isinstance(event, StreamReset):
            self.reset_came(event)
        else:
            self.other_came(event)

    @abstractmethod
    def head_came(self, event: HeadersReceived) -> None:
        """A request or a response begins."""

    @abstractmethod
    def reset_came(self, event: StreamReset) -> None:
        """A stream is gone."""

    @abstractmethod
    def other_came(self, event: Event) -> None:
        """Something about the connection."""

    def all_told(self) -> None:
        """All that came in one read was told."""

    def stream_gone(self) -> None:
        """A stream is over on both sides."""

    # -- writing ------------------------------------------------------------------------------------------------------

    def touch(self) -> None:
        """There is something to write; it is written at the end of this turn."""
        if self._call is None and not self._is_reading and not self.is_over:
            self._call = self._clock.callLater(0, self._turned)

    def _turned(self) -> None:
        self._call = None
        self.flush()

    def flush(self) -> None:
        """Write what can be written now."""
        while not self.is_over and not self.full:
            self._send_bodies()
            data = self.connection.take_output()
            if data:
                self.transport.write(data)
            relieved, self.relieved = self.relieved, []
            for stream in relieved:
                if stream.source is not None and not stream.full:
                    stream.source.resume()
            if not self.ready and not relieved:
                break

    def _send_bodies(self) -> None:
        """Let each stream that can send have its turn, until there is enough for one write."""
        ready, left = self.ready, _TURN_BYTES
        while ready and left > 0:
            stream = next(iter(ready))
            del ready[stream]
            left -= stream.pump(_QUANTUM_BYTES if ready else left)
            if stream.is_ready:
                ready[stream] = None

    @override
    def drained(self) -> None:
        """The transport takes more."""
        self.flush()

    def say_last(self) -> None:
        """Write what there is, whether the transport is full or not; nothing is written after it."""
        self.is_over = True
        if self._call is not None:
            self._call.cancel()
            self._call = None
        data = self.connection.take_output()
        if data:
            self.transport.write(data)
        self.close_channel()

    def cut_off(self) -> None:
        """The connection is lost, or about to be reset: nothing is written any more."""
        self.is_over = True
        if self._call is not None:
            self._call.cancel()
            self._call = None
