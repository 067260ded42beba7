"""The hook C{tick}: a regular call, that never overlaps with itself for one addon."""

from collections.abc import Callable

from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.python.failure import Failure

from mitmtw._hooks.chain import Listener
from mitmtw._hooks.dispatch import Hooks
from mitmtw._hooks.event import report_misuse
from mitmtw._hooks.waiting import report_failure
from mitmtw.errors import StopChain

__all__ = ["Ticker"]


class Ticker:
    """Calls all handlers of C{tick}, again and again; while nobody listens no call is scheduled."""

    def __init__(self, hooks: Hooks, clock: IReactorTime, interval: Callable[[], float]) -> None:
        """
        Begin stopped.

        @param interval: gives the seconds between two ticks; asked anew before each.
        """
        self._hooks = hooks
        self._clock = clock
        self._interval = interval
        self._busy: set[Listener] = set()
        self._timer: IDelayedCall | None = None

    def start(self) -> None:
        """Tick from now on, the first time after one interval."""
        self._hooks.rebuilt.append(self._look)
        self._look()

    def stop(self) -> None:
        """Tick no more."""
        if self._look in self._hooks.rebuilt:
            self._hooks.rebuilt.remove(self._look)
        self._unschedule()

    def _look(self) -> None:
        if self._hooks.tick is None:
            self._unschedule()
        elif self._timer is None:
            self._timer = self._clock.callLater(self._interval(), self._tick)

    def _unschedule(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _tick(self) -> None:
        self._timer = self._clock.callLater(self._interval(), self._tick)
        for listener in self._hooks.listeners("tick"):
            if listener not in self._busy:
                self._busy.add(listener)
                self._hooks.ask(listener, ()).addBoth(self._answered, listener)

    def _answered(self, outcome: object, listener: Listener) -> None:
        self._busy.discard(listener)
        if isinstance(outcome, Failure):
            if not outcome.check(StopChain):
                report_failure(self._hooks.logger, listener, (), outcome)
        elif outcome is not None:
            report_misuse(self._hooks.patience, listener, outcome)
