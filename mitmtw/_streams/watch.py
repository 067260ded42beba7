"""
Noticing that a peer is gone while nobody reads from it.

A paused transport, or one whose peer has half-closed, is not in the reactor's read set, so a reset would go unseen. All
such descriptors are registered with one poll object with an empty mask: hang-ups and errors are always reported. It is
looked at once a second, which costs next to nothing for hundreds of descriptors.
"""

import select
from collections.abc import Callable
from typing import Any

from twisted.internet.interfaces import IDelayedCall, IReactorTime

__all__ = ["Watch", "has_news"]

_INTERVAL_SECONDS = 1.0  # seconds; a vanished peer is noticed within this time


def _descriptor(transport: Any) -> int:
    """The file descriptor below a transport, through any TLS on it; -1 when there is none."""
    while transport is not None:
        fileno = getattr(transport, "fileno", None)
        if fileno is not None:
            try:
                return int(fileno())
            except (OSError, ValueError):
                return -1
        transport = getattr(transport, "transport", None)
    return -1


def has_news(transport: Any) -> bool:
    """
    Whether an idle connection has something to read, which can only be its end (or bytes that nobody asked for).

    False where that cannot be known.
    """
    descriptor = _descriptor(transport)
    if descriptor < 0 or not hasattr(select, "poll"):
        return False
    poller = select.poll()
    poller.register(descriptor, select.POLLIN)
    return bool(poller.poll(0))


class Watch:
    """Watches over transports from which nobody reads at the moment. Does nothing where the system has no poll()."""

    def __init__(self, clock: IReactorTime) -> None:
        self._clock = clock
        self._poller = select.poll() if hasattr(select, "poll") else None
        self._watched: dict[int, Callable[[], None]] = {}
        self._call: IDelayedCall | None = None

    def add(self, transport: Any, gone: Callable[[], None]) -> int:
        """
        Watch a transport.

        @param gone: called once when the peer has reset or hung up.
        @return: a number for L{remove}; -1 when this transport cannot be watched.
        """
        descriptor = _descriptor(transport)
        if descriptor < 0 or self._poller is None:
            return -1
        self._watched[descriptor] = gone
        self._poller.register(descriptor, 0)
        if self._call is None:
            self._call = self._clock.callLater(_INTERVAL_SECONDS, self._look)
        return descriptor

    def remove(self, number: int) -> None:
        """Stop watching; harmless when it was reported or removed before."""
        if self._watched.pop(number, None) is not None and self._poller is not None:
            self._poller.unregister(number)
        if not self._watched and self._call is not None:
            self._call.cancel()
            self._call = None

    def _look(self) -> None:
        """Report all that are gone."""
        self._call = None
        poller = self._poller
        if poller is None:
            return
        gone = [(number, self._watched.pop(number)) for number, _ in poller.poll(0) if number in self._watched]
        for number, _ in gone:
            poller.unregister(number)
        if self._watched:
            self._call = self._clock.callLater(_INTERVAL_SECONDS, self._look)
        for _, report in gone:
            report()
