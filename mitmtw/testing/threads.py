"""
Threads for the in-memory network: what is given to one is done when the network settles, in the test's own thread, so
that a test of a handler that blocks comes out the same each time.
"""

from collections import deque
from collections.abc import Callable
from typing import Any

from twisted.internet.interfaces import IReactorThreads
from twisted.python.failure import Failure
from zope.interface import implementer

__all__ = ["MemoryThreads"]

_Call = tuple[Callable[..., Any], tuple[Any, ...], dict[str, Any]]


class _Pool:
    """As much of a thread pool as C{deferToThreadPool} uses."""

    def __init__(self, threads: "MemoryThreads") -> None:
        self._threads = threads

    def callInThread(self, func: Callable[..., Any], *args: Any, **kw: Any) -> None:  # noqa: N802 - Twisted's name
        """Call this in a thread."""
        self._threads.callInThread(func, *args, **kw)

    def callInThreadWithCallback(  # noqa: N802 - Twisted's name
        self,
        onResult: Callable[[bool, Any], Any] | None,  # noqa: N803
        func: Callable[..., Any],
        *args: Any,
        **kw: Any,
    ) -> None:
        """Call this in a thread, and there C{onResult} with whether it succeeded, and what it gave."""

        def work() -> None:
            try:
                outcome = True, func(*args, **kw)
            except BaseException:  # as Twisted's own pool
                outcome = False, Failure()
            if onResult is not None:
                onResult(*outcome)

        self._threads.callInThread(work)


@implementer(IReactorThreads)
class MemoryThreads:
    """
    The threads.

    @ivar thread_work: what was given to threads and is not done yet.
    @ivar are_threads_held: leave it undone, as if all threads were busy, until the test calls L{work}.
    """

    def __init__(self) -> None:
        self.thread_work: deque[_Call] = deque()
        self.are_threads_held = False
        self._heard: deque[_Call] = deque()

    def callInThread(self, callable: Callable[..., Any], *args: Any, **kwargs: Any) -> None:  # noqa: N802
        """Call this when the network settles."""
        self.thread_work.append((callable, args, kwargs))

    def callFromThread(self, callable: Callable[..., Any], *args: Any, **kwargs: Any) -> None:  # noqa: N802
        """Call this when the network settles."""
        self._heard.append((callable, args, kwargs))

    def getThreadPool(self) -> Any:  # noqa: N802 - Twisted's name
        """The pool, for C{deferToThreadPool}."""
        return _Pool(self)

    def suggestThreadPoolSize(self, size: int) -> None:  # noqa: N802 - Twisted's name
        """Any size will do."""

    def work(self) -> bool:
        """Do all that threads were given; whether there was any. The reactor hears of it when the network settles."""
        work, self.thread_work = self.thread_work, deque()
        return _call_all(work)

    def hear(self) -> bool:
        """Do what threads have asked the reactor to do; whether there was any."""
        heard, self._heard = self._heard, deque()
        return _call_all(heard)


def _call_all(calls: deque[_Call]) -> bool:
    for function, arguments, named in calls:
        function(*arguments, **named)
    return bool(calls)
