"""
The messages of one conversation (WebSocket, TCP), both directions in one queue: while a handler looks at a message, it
is the latest one, and nothing that came after it moves.

Without a handler that takes its time nothing is ever queued: a message is asked about and delivered in the turn it
came in.
"""

from collections import deque
from collections.abc import Callable
from typing import Any

from twisted.internet.defer import Deferred

from mitmtw._layers.asking import held
from mitmtw._streams.channel import AHEAD, HIGH_WATER_BYTES, Reading
from mitmtw._streams.run import ignore_failure

__all__ = ["MessageQueue"]

Ask = Callable[[], Deferred[Any] | None]
Act = Callable[[], None]


class MessageQueue:
    """
    What is to happen in a conversation, one thing after another.

    @ivar is_stopped: whether nothing more will happen.
    """

    def __init__(self, flow: Any, client: Reading, server: Reading) -> None:
        """
        @param flow: whose interception is waited for.
        @param client: reading from the client; held when too much of what it sent waits here.
        @param server: the same for the server.
        """
        self.is_stopped = False
        self._flow = flow
        self._readings = {True: client, False: server}
        self._sizes = {True: 0, False: 0}
        self._items: deque[tuple[bool, int, Ask | None, Act]] = deque()
        self._pending: Deferred[Any] | None = None
        self._is_turning = False

    @property
    def is_idle(self) -> bool:
        """Whether nothing waits."""
        return not self._items

    def put(self, from_client: bool, size: int, ask: Ask | None, act: Act) -> None:
        """
        Add something.

        @param from_client: which side it came from; that side's reading is held when more than 64 KiB of it wait.
        @param size: bytes.
        @param ask: fires a hook; what it returns is waited for. None without one.
        @param act: what to do afterwards.
        """
        if self.is_stopped:
            return
        if not self._is_turning and self._pending is None:
            self._items.append((from_client, 0, ask, act))
            self._turn()
            return
        self._items.append((from_client, size, ask, act))
        self._sizes[from_client] += size
        if self._sizes[from_client] > HIGH_WATER_BYTES:
            self._readings[from_client].hold(AHEAD)

    def stop(self) -> None:
        """Drop all that waits; what is pending is cancelled, and nobody waits for it."""
        if self.is_stopped:
            return
        self.is_stopped = True
        self._flow = None  # it may be over, and its messages should go with it
        self._items.clear()
        pending, self._pending = self._pending, None
        for reading in self._readings.values():
            reading.release(AHEAD)
        if pending is not None:
            pending.addErrback(ignore_failure)
            pending.cancel()

    def _turn(self) -> None:
        """Do one thing after another, until one of them has to be waited for."""
        self._is_turning = True
        while self._items and self._pending is None:
            _, _, ask, act = self._items[0]
            deferred = ask() if ask is not None else None
            if self.is_stopped:  # a handler has ended the conversation; what another one still waits for is dropped
                if deferred is not None:
                    deferred.addErrback(ignore_failure)
                    deferred.cancel()
                break
            if deferred is None and ask is not None and self._flow.intercepted:
                deferred = held(self._flow)
            if deferred is None:
                self._take()
                act()
            else:
                self._pending = deferred
                deferred.addBoth(self._answered, deferred)
        self._is_turning = False

    def _take(self) -> None:
        """The first thing is done with."""
        from_client, size, _, _ = self._items.popleft()
        if size:
            self._sizes[from_client] -= size
            if self._sizes[from_client] <= HIGH_WATER_BYTES:
                self._readings[from_client].release(AHEAD)

    def _answered(self, result: Any, deferred: Deferred[Any]) -> None:
        """What was waited for is here."""
        if self._pending is not deferred:
            return
        self._pending = None
        if self._flow.intercepted:
            again = held(self._flow)
            self._pending = again
            again.addBoth(self._answered, again)
            return
        _, _, _, act = self._items[0]
        self._take()
        was_turning, self._is_turning = self._is_turning, True  # what C{act} adds comes after what waits
        act()
        if not was_turning:
            self._turn()
