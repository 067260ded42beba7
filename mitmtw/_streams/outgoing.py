"""
One message on its way out on an HTTP/1 connection of either side: its framing, and how much of it was sent.
"""

from collections.abc import Sequence

from mitmtw._streams.channel import Channel, Source
from mitmtw._wire.events import CHUNKED, NO_BODY
from mitmtw._wire.http1_write import chunk, last_chunk

__all__ = ["HEAD", "NOTHING", "WHOLE", "Outgoing"]

NOTHING, HEAD, WHOLE = 0, 1, 2

_JOIN_BYTES = (
    16384  # a body up to this size goes out in one write with its head; copying a larger one costs more than a call
)


class Outgoing:
    """
    The consumer that a body is joined to.

    @ivar sent: L{NOTHING}, L{HEAD} or L{WHOLE}.
    """

    __slots__ = ("_framing", "channel", "sent")

    channel: Channel
    sent: int
    _framing: int

    @property
    def full(self) -> bool:
        """Whether the connection has more than it wants."""
        return self.channel.full

    @property
    def source(self) -> Source | None:
        """What writes to this message at the moment."""
        return self.channel.source

    @source.setter
    def source(self, source: Source | None) -> None:
        self.channel.source = source

    def begin(self, head: bytes, framing: int) -> None:
        """Send the bytes of a head; C{framing} is how the body will be framed."""
        self._framing = framing
        self.sent = HEAD
        self.channel.transport.write(head)

    def whole(self, head: bytes, body: bytes | None, framing: int, trailers: Sequence[tuple[bytes, bytes]]) -> None:
        """Send a message whose body is here, in one write if it is not large."""
        self.sent = WHOLE
        if framing == NO_BODY or not body:
            data = head + last_chunk(trailers) if framing == CHUNKED else head
        elif framing == CHUNKED:
            data = b"".join((head, chunk(body), last_chunk(trailers)))
        elif len(body) > _JOIN_BYTES:
            self.channel.transport.write(head)
            data = body
        else:
            data = head + body
        self.channel.transport.write(data)

    def write(self, data: bytes) -> None:
        """Send some bytes of the body."""
        self.channel.transport.write(chunk(data) if self._framing == CHUNKED else data)

    def finish(self, trailers: Sequence[tuple[bytes, bytes]] = ()) -> None:
        """The body is over."""
        self.sent = WHOLE
        if self._framing == CHUNKED:
            self.channel.transport.write(last_chunk(trailers))
