"""
One stream of an HTTP/2 connection of either side: its bodies, both ways, and their windows.
"""

from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from mitmtw._streams.body import Body
from mitmtw._streams.channel import HIGH_WATER_BYTES, Source
from mitmtw._streams.http2_heads import check_trailers
from mitmtw._streams.outgoing import HEAD, NOTHING, WHOLE
from mitmtw._streams.timeouts import NEVER
from mitmtw._wire.events import Fields
from mitmtw.errors import LocalProtocolError, MitmtwError

if TYPE_CHECKING:
    from mitmtw._streams.http2 import Multiplex

__all__ = ["HTTP2Stream"]

_LOW_WATER_BYTES = HIGH_WATER_BYTES // 2  # a source that was paused goes on when no more than this waits


class HTTP2Stream(ABC):
    """
    One request and its response on a connection of either side. It is the consumer of the body that goes out, and for
    the body that comes in what L{Body} holds.

    @ivar number: of the stream; 0 while it is not open.
    @ivar sent: L{NOTHING}, L{HEAD} or L{WHOLE}.
    @ivar body: what comes in, None when there is none.
    @ivar source: what writes the body that goes out.
    @ivar deadline: when this stream loses patience.
    @ivar is_closed: whether nothing goes out any more: it was reset, or its connection is over.
    @ivar never_indexed: names of fields of the other side's message that must not be indexed (RFC 7541 section 6.2.3).
    """

    __slots__ = (
        "_ending", "_is_blocked", "_is_full", "_is_held", "_is_timed", "_queue", "_queued", "_trailers", "_untaken",
        "body", "deadline", "is_closed", "multiplex", "never_indexed", "number", "sent", "source",
    )  # fmt: skip

    def __init__(self, multiplex: "Multiplex", number: int) -> None:
        self.multiplex = multiplex
        self.number = number
        self.sent = NOTHING
        self.body: Body | None = None
        self.source: Source | None = None
        self.deadline = NEVER
        self.is_closed = False
        self.never_indexed: frozenset[bytes] = frozenset()
        self._queue: deque[bytes | memoryview] = deque()
        self._queued = 0
        self._trailers: Sequence[tuple[bytes, bytes]] = ()
        self._ending = False
        self._is_full = False
        self._is_blocked = False
        self._is_timed = False
        self._is_held = True  # nobody takes the body yet
        self._untaken = 0

    # -- what comes in ------------------------------------------------------------------------------------------------

    def open_body(self, framing: int, length: int) -> Body:
        """There is a body to come."""
        body: Body = Body(self, framing, length)
        self.body = body
        self.expect_progress()
        return body

    def data_received(self, data: bytes) -> None:
        """Some bytes of the body have come."""
        body = self.body
        if body is None:
            return
        self._untaken += len(data)
        self.expect_progress()
        body.feed(data)
        if body.error is not None:
            self.body_refused(body.error)
        elif not self._is_held:
            self._credit()

    def body_ended(self, trailers: Fields) -> None:
        """The body is over."""
        if not self._queue:
            self.deadline = NEVER
        if self.body is not None:
            self.body.end(trailers)

    def hold(self, reason: str) -> None:
        """Give the peer no more credit until L{release}."""
        self._is_held = True

    def release(self, reason: str) -> None:
        """The consumer takes more: what it took before is credited."""
        self._is_held = False
        if self._untaken:
            self._credit()

    def _credit(self) -> None:
        untaken, self._untaken = self._untaken, 0
        self.multiplex.connection.acknowledge(self.number, untaken)
        self.multiplex.touch()

    # -- what goes out ------------------------------------------------------------------------------------------------

    @property
    def full(self) -> bool:
        """Whether more waits here than should."""
        return self._is_full

    def write(self, data: bytes) -> None:
        """Send some bytes of the body, as soon as the windows let."""
        if self.is_closed:
            return
        self._queue.append(data)
        self._queued += len(data)
        if not self._is_blocked:
            self.multiplex.ready[self] = None
        self.multiplex.touch()
        if self._queued > HIGH_WATER_BYTES:
            self._is_full = True
            if self.source is not None:
                self.source.pause()

    def finish(self, trailers: Any = ()) -> None:
        """
        The body is over.

        @raise LocalProtocolError: the trailers cannot be sent.
        """
        if trailers:
            check_trailers(trailers)
        self.sent = WHOLE
        self._trailers = trailers
        self._ending = True
        if self.is_closed:
            return
        if not self._is_blocked:
            self.multiplex.ready[self] = None
        self.multiplex.touch()

    def begun(self, body: bytes | None, trailers: Sequence[tuple[bytes, bytes]]) -> None:
        """The head of a whole message was sent: send the rest."""
        self.sent = HEAD
        if body:
            self.write(body)
        self.finish(trailers)

    def pump(self, most: int) -> int:
        """
        Send up to C{most} bytes of what waits, and the end when it is due.

        @return: how many went. The stream is to be asked again if it is L{is_ready}.
        """
        connection, queue = self.multiplex.connection, self._queue
        total = 0
        try:
            while queue and total < most:
                piece = queue[0]
                size = min(len(piece), most - total)
                part = piece if size == len(piece) else memoryview(piece)[:size]
                is_last = self._ending and not self._trailers and len(queue) == 1 and size == len(piece)
                went = connection.send_data(self.number, bytes(part), is_last)
                total += went
                if went == len(piece):
                    queue.popleft()
                else:
                    queue[0] = memoryview(piece)[went:]
                if went < size:
                    self._is_blocked = True
                    break
                if is_last:
                    self._sent_all()
                    return total
            if self._ending and not queue:
                connection.end_stream(self.number, list(self._trailers) or None)
                self._sent_all()
        except LocalProtocolError as error:  # more or less than its Content-Length said
            self.broken(error)
            return total
        self._queued -= total
        self._drained(total)
        return total

    def _drained(self, size: int) -> None:
        """Some of what waited is gone."""
        if self._queue:
            if size or self.deadline is NEVER:
                self.expect_progress()
        elif self.body is None or self.body.done:
            self.deadline = NEVER
        if self._is_full and self._queued <= _LOW_WATER_BYTES:
            self._is_full = False
            self.multiplex.relieved.append(self)

    def _sent_all(self) -> None:
        """All of our side is sent."""
        self._ending = False
        self._queue.clear()
        self._queued = 0
        if self.body is None or self.body.done:
            self.deadline = NEVER
        self.all_sent()

    @property
    def is_ready(self) -> bool:
        """Whether something waits that no window holds."""
        return not self._is_blocked and not self.is_closed and (bool(self._queue) or self._ending)

    @property
    def is_waiting(self) -> bool:
        """Whether something of ours waits to be sent."""
        return bool(self._queue) or self._ending

    def unblock(self) -> None:
        """A window was opened."""
        self._is_blocked = False
        if self._queue or self._ending:
            self.multiplex.ready[self] = None

    # -- time and endings ---------------------------------------------------------------------------------------------

    def expect_progress(self) -> None:
        """From now on the peer has C{tcp_timeout} seconds to send or take something."""
        self.expect_within(self.multiplex.stall)

    def expect_within(self, seconds: float) -> None:
        """From now on the peer has so long."""
        if not self._is_timed:
            self._is_timed = True
            self.multiplex.timeouts.add(self)
        self.deadline = self.multiplex.timeouts.seconds() + seconds

    def is_held(self) -> bool:
        """Whether it is we who take nothing of the body that comes."""
        return self._is_held

    def close(self) -> None:
        """Nothing goes out any more, and nothing is awaited."""
        self.is_closed = True
        self.deadline = NEVER
        self._ending = False
        self._queue.clear()
        self._queued = 0
        self._untaken = 0
        multiplex = self.multiplex
        multiplex.ready.pop(self, None)
        if self._is_timed:
            self._is_timed = False
            multiplex.timeouts.discard(self)
        if multiplex.streams.get(self.number) is self:
            del multiplex.streams[self.number]
            multiplex.stream_gone()

    def give_up(self, code: int) -> None:
        """Reset the stream, if it is open."""
        if not self.is_closed:
            self.multiplex.connection.reset(self.number, code)
            self.close()
            self.multiplex.touch()

    @abstractmethod
    def all_sent(self) -> None:
        """All of our side was sent, its end included."""

    @abstractmethod
    def body_refused(self, error: MitmtwError) -> None:
        """The body that comes in is larger than it may be."""

    @abstractmethod
    def broken(self, error: MitmtwError) -> None:
        """The body that goes out is not what its head has said."""

    @abstractmethod
    def timed_out(self) -> None:
        """The deadline has passed."""
