"""
From C{twisted.logger} to the hook C{log}.

Entries wait in a bounded queue and are delivered in a turn of their own, one after another, so that neither a slow
handler nor one that logs can harm whoever writes to the log.
"""

from collections import deque
from threading import Lock, get_ident
from typing import Literal

from twisted.internet.interfaces import IDelayedCall, IReactorFromThreads, IReactorTime
from twisted.logger import ILogObserver, LogEvent, LogPublisher, eventAsText, globalLogPublisher
from zope.interface import implementer

from mitmtw._hooks.dispatch import Hooks
from mitmtw._hooks.origin import HANDLING
from mitmtw.addon import LogEntry

__all__ = ["QUEUE_LIMIT", "LogBridge"]

QUEUE_LIMIT = 1000  # entries; at some hundred bytes each the queue stays well below 1 MB

_LEVELS: dict[str, Literal["debug", "info", "warn", "error"]] = {
    "debug": "debug",
    "info": "info",
    "warn": "warn",
    "error": "error",
    "critical": "error",
}

_Queued = tuple[LogEntry, frozenset[object]]


@implementer(ILogObserver)
class LogBridge:
    """
    The observer that feeds the hook C{log}; it is attached only while somebody listens.

    What an addon logs while it handles an entry is not delivered to that addon, and neither is what others log
    because of that. To know it for callbacks of a Deferred that a handler returned is not possible in general: while
    one is pending, whatever is logged under the name of the addon's own module is taken for the addon's. What the
    dispatcher itself says about handlers of C{log} is not delivered to any.
    """

    def __init__(self, hooks: Hooks, clock: IReactorTime, publisher: LogPublisher = globalLogPublisher) -> None:
        self._hooks = hooks
        self._clock = clock
        self._publisher = publisher
        self._queue: deque[_Queued] = deque()
        self._dropped = 0
        self._lock = Lock()
        self._thread = get_ident()
        self._turn: IDelayedCall | None = None
        self._origin: frozenset[object] | None = None
        self._is_attached = False

    def start(self) -> None:
        """Attach as soon as somebody listens."""
        self._thread = get_ident()
        self._hooks.rebuilt.append(self._look)
        self._look()

    def stop(self) -> None:
        """Attach no more; what waits in the queue is dropped."""
        if self._look in self._hooks.rebuilt:
            self._hooks.rebuilt.remove(self._look)
        self._detach()

    def __call__(self, event: LogEvent) -> None:
        """Take an event of the log, from any thread."""
        if event.get("hook") == "log":
            return
        level = getattr(event.get("log_level"), "name", "info")
        text = eventAsText(event, includeTimestamp=False, includeSystem=False)
        if not text:  # an event that is only for machines
            return
        entry = LogEntry(text, _LEVELS.get(level, "info"))
        with self._lock:
            self._put(entry, self._origin_of(event))
        if get_ident() == self._thread:
            self._schedule()
        elif IReactorFromThreads.providedBy(self._clock):
            self._clock.callFromThread(self._schedule)

    def _origin_of(self, event: LogEvent) -> frozenset[object]:
        """Whom this entry must not be delivered to."""
        origin = HANDLING.get()
        namespace = str(event.get("log_namespace") or "")
        for listener in self._hooks.listeners("log"):
            if any(waiting.listener is listener for waiting in list(listener.link.pending)):
                module = getattr(listener.handler, "__module__", None)
                if module and (namespace == module or namespace.startswith(module + ".")):
                    origin |= {listener.link}
        if origin and self._origin is not None:
            origin |= self._origin
        return origin

    def _put(self, entry: LogEntry, origin: frozenset[object]) -> None:
        queue = self._queue
        if len(queue) >= QUEUE_LIMIT:
            self._dropped += 1
            if entry.level in ("debug", "info"):
                return
            del queue[next((place for place, one in enumerate(queue) if one[0].level in ("debug", "info")), 0)]
        queue.append((entry, origin))

    def _schedule(self) -> None:
        if self._turn is None and self._origin is None and self._is_attached:
            self._turn = self._clock.callLater(0, self._deliver)

    def _deliver(self) -> None:
        self._turn = None
        while (queued := self._next()) is not None:
            entry, self._origin = queued
            pending = self._hooks.fire_but(self._origin, "log", entry)
            if pending is not None:
                pending.addBoth(self._delivered)
                return
            self._origin = None

    def _delivered(self, _result: object) -> None:
        self._origin = None
        self._schedule()

    def _next(self) -> _Queued | None:
        with self._lock:
            if self._queue:
                return self._queue.popleft()
            dropped, self._dropped = self._dropped, 0
        if not dropped or not self._is_attached:
            return None
        return LogEntry(f"{dropped} log entries were dropped, the handlers of log are too slow", "warn"), frozenset()

    def _look(self) -> None:
        if self._hooks.log is None:
            self._detach()
        elif not self._is_attached:
            self._is_attached = True
            self._publisher.addObserver(self)

    def _detach(self) -> None:
        if self._is_attached:
            self._is_attached = False
            self._publisher.removeObserver(self)
        self._queue.clear()
        self._dropped = 0
        if self._turn is not None:
            self._turn.cancel()
            self._turn = None
