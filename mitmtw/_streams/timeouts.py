"""
Timeouts of connections, without a timer each.

A connection writes the moment at which it loses patience into its C{deadline}; one delayed call looks at all of them.
So setting a timeout costs an attribute, also when it is set for each request. The price is coarseness: a timeout fires
up to a quarter of the shortest one late, at most a second.
"""

from typing import Protocol

from twisted.internet.interfaces import IDelayedCall, IReactorTime

__all__ = ["NEVER", "Timed", "Timeouts"]

NEVER = float("inf")
_LONGEST_INTERVAL_SECONDS = 1.0
_SHORTEST_INTERVAL_SECONDS = 0.02


class Timed(Protocol):
    """Something that may lose patience."""

    #: The moment, in seconds of the clock, after which L{timed_out} is called; L{NEVER} for not at all.
    deadline: float

    def timed_out(self) -> None:
        """The deadline has passed; it is L{NEVER} again when this is called."""


class Timeouts:
    """All connections that may lose patience."""

    def __init__(self, clock: IReactorTime) -> None:
        self.seconds = clock.seconds
        self._clock = clock
        self._all: set[Timed] = set()
        self._call: IDelayedCall | None = None
        self._interval = _LONGEST_INTERVAL_SECONDS

    def add(self, timed: Timed) -> None:
        """Look after C{timed.deadline} from now on."""
        self._all.add(timed)
        if self._call is None:
            self._call = self._clock.callLater(self._interval, self._look)

    def discard(self, timed: Timed) -> None:
        """Look no more; harmless when it was not added."""
        self._all.discard(timed)
        if not self._all and self._call is not None:
            self._call.cancel()
            self._call = None

    def shortest(self, seconds: float) -> None:
        """Say that timeouts as short as C{seconds} are in use, so that they are looked at often enough."""
        wanted = max(_SHORTEST_INTERVAL_SECONDS, min(_LONGEST_INTERVAL_SECONDS, seconds / 4))
        if wanted < self._interval:
            self._interval = wanted
            if self._call is not None:
                self._call.cancel()
                self._call = self._clock.callLater(wanted, self._look)

    def _look(self) -> None:
        """Tell all whose time is over."""
        now = self._clock.seconds()
        self._call = self._clock.callLater(self._interval, self._look) if self._all else None
        for timed in [each for each in self._all if each.deadline <= now]:
            if timed in self._all and timed.deadline <= now:  # an earlier one may have ended this one, or moved it on
                timed.deadline = NEVER
                timed.timed_out()
