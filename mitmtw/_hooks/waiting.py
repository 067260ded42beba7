"""
One handler that is waited for: its deadline, its cancellation, and its answer when that comes too late.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.logger import Logger, LogLevel
from twisted.python.failure import Failure

from mitmtw._hooks.answers import PENDING, Pending
from mitmtw._hooks.chain import Listener
from mitmtw._hooks.place import place_of_handler
from mitmtw.errors import HookTimedOut, StopChain

__all__ = ["Patience", "Waiting", "abandon", "flow_id", "report_failure"]


@dataclass(slots=True)
class Patience:
    """
    How long handlers are waited for.

    @ivar timeout: seconds until a handler is cancelled; 0 is for ever.
    @ivar slow_warning: seconds until a warning is logged; 0 is never.
    """

    clock: IReactorTime
    log: Logger
    timeout: float
    slow_warning: float


def flow_id(arguments: tuple[object, ...]) -> object:
    """The id of the flow or connection that an event is about; None if it has none."""
    return getattr(arguments[0], "id", None) if arguments else None


def report_failure(log: Logger, listener: Listener, arguments: tuple[object, ...], failure: Failure) -> None:
    """Log that a handler failed, with its addon, hook and traceback; a deadline that has passed has no traceback."""
    addon, hook, flow = listener.link.name, listener.spec.name, flow_id(arguments)
    if failure.check(HookTimedOut):
        log.error("{reason}; flow {flow}", reason=failure.getErrorMessage(), addon=addon, hook=hook, flow=flow)
    else:
        log.failure(
            "addon {addon}: {hook} failed; flow {flow}", failure, LogLevel.error, addon=addon, hook=hook, flow=flow
        )


def abandon(log: Logger, listener: Listener, arguments: tuple[object, ...], pending: object) -> None:
    """Cancel something pending that nobody waits for; how it ends later is only logged."""

    def late(outcome: object) -> None:
        _report_late(log, listener, arguments, outcome)

    assert isinstance(pending, PENDING)
    pending.addBoth(late)
    _cancel(log, listener, arguments, pending)


def _cancel(
    log: Logger, listener: Listener, arguments: tuple[object, ...], pending: Deferred[object] | Pending
) -> None:
    try:
        pending.cancel()
    except Exception:  # a canceller is the addon's code too
        report_failure(log, listener, arguments, Failure())


def _report_late(log: Logger, listener: Listener, arguments: tuple[object, ...], outcome: object) -> None:
    if isinstance(outcome, Failure) and not outcome.check(CancelledError, asyncio.CancelledError, StopChain):
        log.failure(
            "addon {addon}: {hook} failed after nobody waited for it any more; flow {flow}",
            outcome,
            LogLevel.error,
            addon=listener.link.name,
            hook=listener.spec.name,
            flow=flow_id(arguments),
        )


class Waiting:
    """
    A handler that did not answer at once.

    The deadline is that of one handler, not of the whole chain, and the time that a call waits in its addon's line
    (C{max_pending}) counts; a call in the line is not reported as slow. A flow that is intercepted is exempt: the time
    starts again when it is resumed.
    """

    __slots__ = ("_arguments", "_finished", "_patience", "_pending", "_timeout", "_timer", "listener")

    def __init__(
        self,
        listener: Listener,
        arguments: tuple[object, ...],
        pending: object,
        patience: Patience,
        finished: Callable[[object], None],
        timeout: float | None = None,
    ) -> None:
        """
        Wait.

        @param pending: something of L{PENDING} that is not over.
        @param finished: called once with the answer: a value or a Failure; never called after L{abandon}.
        @param timeout: seconds, instead of the ordinary C{patience.timeout}.
        """
        assert isinstance(pending, PENDING)
        self.listener = listener
        self._arguments = arguments
        self._pending: Deferred[object] | Pending = pending
        self._patience = patience
        self._finished: Callable[[object], None] | None = finished
        self._timeout = patience.timeout if timeout is None else timeout
        self._timer: IDelayedCall | None = None
        listener.link.pending.add(self)
        self._start_time()
        pending.addBoth(self._woke)

    @property
    def is_over(self) -> bool:
        """Whether the answer came, or nobody waits for it any more."""
        return self._finished is None

    def abandon(self) -> None:
        """Wait no more: the handler is cancelled and its answer dropped."""
        if self._end() is not None:
            _cancel(self._patience.log, self.listener, self._arguments, self._pending)
            self.listener.link.call_ended()

    def give_up(self, why: Exception) -> None:
        """Wait no more, and take this for the handler's failure."""
        finished = self._end()
        if finished is not None:
            _cancel(self._patience.log, self.listener, self._arguments, self._pending)
            finished(Failure(why))
            self.listener.link.call_ended()

    def _woke(self, outcome: object) -> None:
        finished = self._end()
        if finished is None:
            _report_late(self._patience.log, self.listener, self._arguments, outcome)
        else:
            finished(outcome)
            self.listener.link.call_ended()

    def _end(self) -> Callable[[object], None] | None:
        finished, self._finished = self._finished, None
        if finished is not None:
            self.listener.link.pending.discard(self)
            if self._timer is not None:
                self._timer.cancel()
                self._timer = None
        return finished

    def _start_time(self) -> None:
        """Wait for the warning first, if there is one before the deadline."""
        warning = self._patience.slow_warning
        if warning > 0 and (self._timeout <= 0 or warning < self._timeout):
            self._timer = self._patience.clock.callLater(warning, self._slow, warning)
        elif self._timeout > 0:
            self._timer = self._patience.clock.callLater(self._timeout, self._expired)

    def _slow(self, after: float) -> None:
        self._timer = None
        if self._is_exempt():
            return
        if not getattr(self._pending, "is_in_line", False):
            self._patience.log.warn(
                "addon {addon}: {hook} has not answered for {seconds:g} s, it waits at {place}; flow {flow}",
                addon=self.listener.link.name,
                hook=self.listener.spec.name,
                seconds=after,
                place=self._place(),
                flow=flow_id(self._arguments),
            )
        if self._timeout > 0:
            self._timer = self._patience.clock.callLater(self._timeout - after, self._expired)

    def _place(self) -> str:
        """The await where the handler stands, or else where it is defined."""
        place = getattr(self._pending, "place", None) or place_of_handler(self.listener.handler)
        return "an unknown place" if place is None else f"{place[0]}:{place[1]}"

    def _expired(self) -> None:
        self._timer = None
        if not self._is_exempt():
            addon, hook = self.listener.link.name, self.listener.spec.name
            self.give_up(HookTimedOut(f"addon {addon}: {hook} did not answer within {self._timeout:g} s"))

    def _is_exempt(self) -> bool:
        """Whether the flow is intercepted; then the time starts again when it is resumed."""
        flow: Any = self._arguments[0] if self._arguments else None
        if not getattr(flow, "intercepted", False):
            return False
        flow.when_resumed(self._resumed)
        return True

    def _resumed(self, *_ignored: object) -> None:
        if self._finished is not None and self._timer is None:
            self._start_time()
