"""
The driver of one coroutine: an exchange, or any other conversation that must be cancellable at each of its waits.

It differs from L{twisted.internet.defer.Deferred.fromCoroutine} in what cancelling means: L{Run.cancel} throws its
reason into the coroutine I{in that turn}, whatever the thing waited for makes of being cancelled. So an addon that
swallows its cancellation holds nothing up, and C{except} clauses in an exchange read as prose (C{except ClientGone}).
"""

from collections.abc import Callable, Coroutine
from typing import Any

from twisted.internet.defer import Deferred
from twisted.logger import Logger
from twisted.python.failure import Failure

from mitmtw.errors import MitmtwError

__all__ = ["Run", "ignore_failure"]

_log = Logger()


def ignore_failure(failure: Failure) -> None:
    """Consume a failure of something that nobody waits for any more."""


class Run:
    """
    One coroutine on its way, waiting for at most one Deferred.

    The coroutine awaits Deferreds only. An exception that leaves it is logged: an exchange ends its own errors itself.

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
        self._waiting: Deferred[Any] | None = None
        self._inline: list[Any] | None = None
        self._why: MitmtwError | None = None
        self._thrown = False
        self.ended = False

    def start(self) -> None:
        """Run the coroutine up to its first wait, or to its end."""
        self._advance(self._coroutine.send, None)

    def cancel(self, why: MitmtwError) -> None:
        """
        Throw C{why} into the coroutine: now if it waits, else at its next wait. Only the first reason counts.

        What it waited for is cancelled and its late result dropped.
        """
        if self.ended or self._why is not None:
            return
        self._why = why
        waiting = self._waiting
        if waiting is not None:
            self._waiting = None
            self._thrown = True
            waiting.cancel()
            self._advance(self._coroutine.throw, why)

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

    def _woke(self, result: Any, deferred: Deferred[Any]) -> None:
        """What was waited for is here; a result nobody waits for any more is dropped."""
        if self._waiting is not deferred:
            return
        self._waiting = None
        if self._inline is not None:
            self._inline.append(result)
            return
        step, value = self._next(result)
        self._advance(step, value)
