"""
The driver of one coroutine: an exchange, or any other conversation that must be cancellable at each of its waits.

It differs from L{twisted.internet.defer.Deferred.fromCoroutine} in what cancelling means: L{Run.cancel} throws its
reason into the coroutine I{in that turn}, whatever the thing waited for makes of being cancelled. So an addon that
swallows its cancellation holds nothing up, and C{except} clauses in an exchange read as prose (C{except ClientGone}).
"""

from collections.abc import Callable, Coroutine, Generator
from typing import Any, Generic, TypeVar

from twisted.internet.defer import Deferred
from twisted.logger import Logger
from twisted.python.failure import Failure

from mitmtw.errors import ClientGone, Killed, MitmtwError

__all__ = ["Pending", "Run", "ignore_failure"]

_log = Logger()
_FINAL = (ClientGone, Killed)  # reasons after which there is nobody left to talk to


def ignore_failure(failure: Failure) -> None:
    """Consume a failure of something that nobody waits for any more."""


_Result = TypeVar("_Result")
_NOTHING: Any = object()


class Pending(Generic[_Result]):
    """
    Something that one L{Run} waits for, at a fraction of a L{Deferred}'s cost: it fires once, and nothing is chained.

    What L{Run} calls on it is named as on a L{Deferred}.
    """

    __slots__ = ("_argument", "_forget", "_outcome", "_woke")

    def __init__(self, forget: Callable[[], None]) -> None:
        """@param forget: called when nobody waits any more; after that it must not fire."""
        self._forget = forget
        self._outcome: Any = _NOTHING
        self._argument: Any = None
        self._woke: Callable[[Any, Any], None] | None = None

    def __await__(self) -> Generator[Any, Any, _Result]:
        """Wait; for a L{Run} only."""
        outcome: _Result = yield self
        return outcome

    def addBoth(self, woke: Callable[[Any, Any], None], argument: Any) -> None:  # noqa: N802 - as a Deferred's
        """Have C{woke} called with the outcome and C{argument}; at once when it is there."""
        if self._outcome is _NOTHING:
            self._woke = woke
            self._argument = argument
        else:
            woke(self._outcome, argument)

    def addErrback(self, ignore: Callable[[Failure], None]) -> None:  # noqa: N802 - as a Deferred's
        """Nobody looks at the outcome; an error that nobody has heard is not logged here anyway."""

    def cancel(self) -> None:
        """Nobody waits any more."""
        self._woke = self._argument = None
        self._forget()

    def callback(self, outcome: Any) -> None:
        """Fire with a result, or with a L{Failure}."""
        woke, self._woke = self._woke, None
        if woke is None:
            self._outcome = outcome
        else:
            argument, self._argument = self._argument, None  # which is this very object: no circle is left
            woke(outcome, argument)

    def errback(self, error: Exception) -> None:
        """Fire with an error."""
        self.callback(Failure(error))


class Run:
    """
    One coroutine on its way, waiting for at most one Deferred.

    The coroutine awaits Deferreds and L{Pending}s only. An exception that leaves it is logged: an exchange ends its own
    errors itself.

    @ivar ended: whether the coroutine has returned.
    """

    __slots__ = ("_coroutine", "_ended", "_inline", "_thrown", "_waiting", "_why", "ended")

    def __init__(self, coroutine: Coroutine[Any, Any, None], ended: Callable[[], None]) -> None:
        """
        @param coroutine: what to drive; nothing of it runs before L{start}.
        @param ended: called once, when the coroutine has returned.
        """
        self._coroutine = coroutine
        self._ended = ended
        self._waiting: Deferred[Any] | Pending[Any] | None = None
        self._inline: list[Any] | None = None
        self._why: MitmtwError | None = None
        self._thrown = False
        self.ended = False

    def start(self) -> None:
        """Run the coroutine up to its first wait, or to its end."""
        self._advance(self._coroutine.send, None)

    def cancel(self, why: MitmtwError) -> None:
        """
        Throw C{why} into the coroutine: now if it waits, else at its next wait. Only the first reason counts, but that
        the client is gone, or that the flow was killed, ends what the coroutine still does about an earlier one.

        What it waited for is cancelled and its late result dropped.
        """
        if self.ended:
            return
        earlier = self._why
        if earlier is not None and (not self._thrown or isinstance(earlier, _FINAL) or not isinstance(why, _FINAL)):
            return
        self._why = why
        self._thrown = False
        waiting = self._waiting
        if waiting is not None:
            self._waiting = None
            self._thrown = True
            waiting.cancel()
            self._advance(self._coroutine.throw, why)

    def told(self) -> None:
        """The coroutine has learned why it was cancelled before it waited again: the reason is not thrown any more."""
        self._thrown = True

    def _advance(self, step: Callable[[Any], Any], value: Any) -> None:
        """Take steps until something is really pending. Results that are there already do not deepen the stack."""
        while True:
            try:
                deferred = step(value)
            except StopIteration:
                self.ended = True
                self._ended()
                return
            except Exception:  # the top of an exchange: its own clauses have failed, the connection must not
                _log.failure("an exchange failed in an unforeseen way")
                self.ended = True
                self._ended()
                return
            if self._why is not None and not self._thrown:
                self._thrown = True
                deferred.addErrback(ignore_failure)
                deferred.cancel()
                step, value = self._coroutine.throw, self._why
                continue
            inline: list[Any] = []
            self._inline = inline
            self._waiting = deferred
            deferred.addBoth(self._woke, deferred)
            self._inline = None
            if not inline:
                return
            step, value = self._next(inline[0])

    def _next(self, result: Any) -> tuple[Callable[[Any], Any], Any]:
        """How to go on with C{result}."""
        if isinstance(result, Failure):
            return self._coroutine.throw, result.value
        return self._coroutine.send, result

    def _woke(self, result: Any, deferred: Deferred[Any] | Pending[Any]) -> None:
        """What was waited for is here; a result nobody waits for any more is dropped."""
        if self._waiting is not deferred:
            return
        self._waiting = None
        if self._inline is not None:
            self._inline.append(result)
            return
        step, value = self._next(result)
        self._advance(step, value)
