"""
What a handler returned, brought to one of three forms: a value, a Failure, or something pending.

The first leg of a coroutine is driven directly: one that never suspends costs no Deferred. A coroutine that does
suspend is driven on by L{Drive}, in the context variables it had then.
"""

from abc import abstractmethod
from asyncio import get_running_loop, isfuture
from collections.abc import Awaitable, Callable, Coroutine, Generator
from contextvars import Context, copy_context
from inspect import CO_ITERABLE_COROUTINE
from types import CoroutineType, GeneratorType
from typing import Any

from twisted.internet.defer import Deferred
from twisted.python.failure import Failure
from typing_extensions import override

from mitmtw._hooks.place import Place, place_of_await

__all__ = ["PENDING", "Drive", "Pending", "invoke", "settle"]


class Pending:
    """Something that a handler is not done with; beside L{Deferred}, which has the same two methods."""

    __slots__ = ()

    @abstractmethod
    def addBoth(self, callback: Callable[[object], None]) -> None:  # noqa: N802 - the name it has on a Deferred
        """Call this once with the value or the Failure; there is room for one callback."""

    @abstractmethod
    def cancel(self) -> None:
        """Ask whatever is running to stop; its result is still reported, whenever it comes."""

    @property
    def is_in_line(self) -> bool:
        """Whether the handler was not called yet, because its addon has too much to do."""
        return False

    @property
    def place(self) -> Place | None:
        """The file and line where the handler waits; None when that is not known."""
        return None


#: For C{isinstance}: what L{invoke} and L{settle} give for a handler that is not done.
PENDING = (Deferred, Pending)


class Drive(Pending):
    """
    A suspended coroutine, resumed whenever what it awaits has fired.

    It may await Deferreds and, where a loop of asyncio is running, what asyncio awaits: futures, and a bare yield,
    which means the next turn of the loop.
    """

    __slots__ = ("_awaited", "_callback", "_context", "_coroutine", "_is_cancelled", "_result")

    def __init__(self, coroutine: Coroutine[Any, Any, Any], awaited: object) -> None:
        self._coroutine = coroutine
        self._context: Context = copy_context()
        self._callback: Callable[[object], None] | None = None
        self._result: tuple[object] | None = None
        self._awaited: Deferred[Any] | Pending | None = None
        self._is_cancelled = False
        self._wait(awaited)

    @override
    def addBoth(self, callback: Callable[[object], None]) -> None:
        """Call this with what the coroutine returns, or the Failure that ends it."""
        if self._result is not None:
            callback(self._result[0])
        else:
            self._callback = callback

    @override
    def cancel(self) -> None:
        """Cancel what the coroutine awaits; when it is running in this moment, what it awaits next."""
        self._is_cancelled = True
        self._cancel_awaited()

    @property
    @override
    def place(self) -> Place | None:
        """The await where the coroutine stands."""
        return place_of_await(self._coroutine)

    def _cancel_awaited(self) -> None:
        if self._awaited is not None:
            self._is_cancelled = False
            self._awaited.cancel()

    def _wait(self, awaited: object) -> None:
        """Resume when this has fired; what cannot be awaited is thrown back into the coroutine."""
        while (deferred := _deferred_of(awaited)) is None:
            awaited = self._leg(Failure(TypeError(f"a handler cannot await {awaited!r} here")))
            if awaited is self:
                return
        self._awaited = deferred
        deferred.addBoth(self._fired)
        if self._is_cancelled:
            self._cancel_awaited()

    def _fired(self, result: object) -> None:
        self._awaited = None
        awaited = self._leg(result)
        if awaited is not self:
            self._wait(awaited)

    def _leg(self, result: object) -> object:
        """Run the coroutine up to its next await and give what it awaits, or this object itself when it ended."""
        try:
            if isinstance(result, Failure):
                return self._context.run(result.throwExceptionIntoGenerator, self._coroutine)
            return self._context.run(self._coroutine.send, result)
        except StopIteration as stop:
            outcome: object = stop.value
        except BaseException:  # as in every callback of a Deferred: nothing above this frame could take it
            outcome = Failure()
        self._end(outcome)
        return self

    def _end(self, outcome: object) -> None:
        outcome = settle(outcome) if outcome is not None else None
        if isinstance(outcome, PENDING):
            self._awaited = outcome
            outcome.addBoth(self._report)
        else:
            self._report(outcome)

    def _report(self, outcome: object) -> None:
        self._awaited = None
        self._result = (outcome,)
        if self._callback is not None:
            self._callback(outcome)


def _deferred_of(awaited: object) -> Deferred[Any] | None:
    """A Deferred for what a coroutine yielded; None when it is nothing that can be waited for here."""
    if isinstance(awaited, Deferred):
        return awaited
    if isfuture(awaited):
        # What asyncio's own task does with a future that was yielded to it: the flag means "somebody took it".
        awaited._asyncio_future_blocking = False
        return Deferred.fromFuture(awaited)
    if awaited is None:
        try:
            loop = get_running_loop()
        except RuntimeError:
            return None
        turn: Deferred[Any] = Deferred()
        loop.call_soon(turn.callback, None)
        return turn
    return None


async def _awaiting(awaitable: Awaitable[Any]) -> Any:
    return await awaitable


def settle(outcome: object) -> object:
    """
    Bring what a handler returned to its final form: a value, a L{Failure}, or something of L{PENDING}.

    The Failure of a Deferred that has already failed is taken from it, so that it is not reported as unhandled.

    @raise Exception: whatever the first leg of a coroutine raises.
    """
    while outcome is not None:
        kind = type(outcome)
        if kind is CoroutineType or (kind is GeneratorType and _is_coroutine(outcome)):
            try:
                awaited = outcome.send(None)  # type: ignore[attr-defined]
            except StopIteration as stop:
                outcome = stop.value
                continue
            return _unless_over(Drive(outcome, awaited))  # type: ignore[arg-type]
        if isinstance(outcome, Deferred):
            return _result_of(outcome)
        if isfuture(outcome):
            return _result_of(Deferred.fromFuture(outcome))
        if isinstance(outcome, Awaitable):
            outcome = _awaiting(outcome)
            continue
        break
    return outcome


def _is_coroutine(generator: object) -> bool:
    """Whether a generator was made by C{types.coroutine}, and so can be awaited."""
    assert isinstance(generator, Generator)
    return bool(generator.gi_code.co_flags & CO_ITERABLE_COROUTINE)  # type: ignore[attr-defined]


def _unless_over(drive: Drive) -> object:
    """A drive may end in its constructor, when nothing that was awaited was a reason to wait."""
    return drive if drive._result is None else drive._result[0]


def _result_of(deferred: Deferred[Any]) -> object:
    """The result of a Deferred, or the Deferred while it has none: not fired, paused, or waiting for another one."""
    if not deferred.called or deferred.paused:
        return deferred
    result: object = deferred.result
    if isinstance(result, Deferred):
        return deferred
    if isinstance(result, Failure):
        deferred.addErrback(_taken)
    return result


def _taken(_failure: Failure) -> None:
    """Take a Failure that is handled elsewhere."""


def invoke(function: Callable[..., object], arguments: tuple[object, ...]) -> object:
    """
    Call a handler and settle its result.

    @return: a value, a L{Failure} when it raised or its result had failed, or something of L{PENDING}.
    """
    try:
        outcome = function(*arguments)
        return outcome if outcome is None else settle(outcome)
    except Exception:
        return Failure()
