"""
The line in front of an addon that limits how many of its calls may be pending (C{max_pending}).
"""

from collections import OrderedDict
from collections.abc import Callable

from typing_extensions import override

from mitmtw._hooks.answers import PENDING, Pending, invoke
from mitmtw._hooks.place import Place

__all__ = ["Line"]


class Line:
    """
    The calls of one addon: so many may be pending, the others wait, first come first served.

    A call gives its place free when its handler is done, or when nobody waits for it any more: a handler that ignores
    its cancellation does not hold a place.
    """

    def __init__(self, places: int) -> None:
        self._free = places
        self._waiting: OrderedDict[_Turn, None] = OrderedDict()

    def limit(self, function: Callable[..., object]) -> Callable[..., object]:
        """Give a handler that calls this one when there is a place."""

        def limited(*arguments: object) -> object:
            if self._free and not self._waiting:
                outcome = invoke(function, arguments)
                return _Turn(self, function, arguments).take(outcome) if isinstance(outcome, PENDING) else outcome
            turn = _Turn(self, function, arguments)
            self._waiting[turn] = None
            return turn

        return limited

    def occupy(self) -> None:
        """A call is pending from now on."""
        self._free -= 1

    def leave(self, turn: "_Turn") -> None:
        """A call in the line is not wanted any more."""
        self._waiting.pop(turn, None)

    def release(self) -> None:
        """A call is not pending any more: those at the head of the line are called, as many as there are places."""
        self._free += 1
        while self._waiting and self._free > 0:
            self._waiting.popitem(last=False)[0].call()


class _Turn(Pending):
    """One call, in the line or pending."""

    __slots__ = ("_arguments", "_callback", "_function", "_is_over", "_line", "_pending")

    def __init__(self, line: Line, function: Callable[..., object], arguments: tuple[object, ...]) -> None:
        self._line = line
        self._function = function
        self._arguments = arguments
        self._callback: Callable[[object], None] | None = None
        self._pending: Pending | None = None
        self._is_over = False

    @property
    @override
    def is_in_line(self) -> bool:
        """Whether the handler was not called yet."""
        return self._pending is None and not self._is_over

    @property
    @override
    def place(self) -> Place | None:
        """Where the handler waits."""
        return getattr(self._pending, "place", None)

    def take(self, pending: object) -> "_Turn":
        """The handler was called and is pending."""
        self._line.occupy()
        self._pending = pending  # type: ignore[assignment]  # a Deferred or a Pending: the same two methods
        return self

    def call(self) -> None:
        """It is this call's turn."""
        outcome = invoke(self._function, self._arguments)
        if isinstance(outcome, PENDING):
            self.take(outcome)
            outcome.addBoth(self._fired)
        else:
            self._is_over = True
            self._report(outcome)

    @override
    def addBoth(self, callback: Callable[[object], None]) -> None:
        """Call this with what the handler answers."""
        self._callback = callback
        if self._pending is not None:
            self._pending.addBoth(self._fired)

    @override
    def cancel(self) -> None:
        """Leave the line, or cancel the handler and give its place free."""
        if self._is_over:
            return
        self._is_over = True
        if self._pending is None:
            self._line.leave(self)
            return
        try:
            self._pending.cancel()
        finally:
            self._line.release()

    def _fired(self, outcome: object) -> None:
        if self._is_over:  # its place was given free already
            self._report(outcome)
            return
        self._is_over = True
        self._report(outcome)
        self._line.release()

    def _report(self, outcome: object) -> None:
        if self._callback is not None:
            self._callback(outcome)
