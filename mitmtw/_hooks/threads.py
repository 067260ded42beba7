"""
Handlers that run in a thread of the reactor's pool, marked by L{mitmtw.addon.in_thread}.

The handler works on copies of its arguments (L{mitmtw._hooks.loan}). When it is done in time, its changes are made in
the originals in the reactor's thread, and then its answer counts; when it was cancelled before, nothing of it does.
"""

import sys
from collections.abc import Awaitable, Callable, Coroutine
from contextvars import copy_context
from functools import wraps
from threading import get_ident
from typing import Any, Protocol, cast

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorThreads
from twisted.python.failure import Failure
from typing_extensions import override

from mitmtw._hooks.answers import Pending
from mitmtw._hooks.loan import lend
from mitmtw._hooks.place import Place, place_of_frame
from mitmtw._hooks.table import HookSpec
from mitmtw.errors import AddonError

__all__ = ["RunsThreads", "ThreadCall", "threaded", "threads_of"]

# Layers are protocols, a loader declares options: they belong to the reactor's thread and cannot be copied.
_NOT_LENT = frozenset({"layer", "loader", "root_layer"})


class RunsThreads(Protocol):
    """What is used of L{IReactorThreads}."""

    def callInThread(self, callable: Callable[..., object], *args: Any) -> Any:  # noqa: N802 - Twisted's name
        """Call this in a thread."""

    def callFromThread(self, callable: Callable[..., object], *args: Any) -> Any:  # noqa: N802 - Twisted's name
        """Call this in the reactor's thread, soon."""


class _Here:
    """Stands in for threads under a reactor that has none: everything is called at once."""

    def callInThread(self, callable: Callable[..., object], *args: Any) -> None:  # noqa: N802 - Twisted's name
        """Call this."""
        callable(*args)

    def callFromThread(self, callable: Callable[..., object], *args: Any) -> None:  # noqa: N802 - Twisted's name
        """Call this."""
        callable(*args)


def threads_of(reactor: object) -> RunsThreads:
    """The threads of a reactor; one that has none calls handlers where it stands."""
    return cast(RunsThreads, reactor) if IReactorThreads.providedBy(reactor) else _Here()


def threaded(handler: Callable[..., object], name: str, spec: HookSpec, threads: RunsThreads) -> Callable[..., object]:
    """
    Give a handler that runs this one in a thread.

    @param name: the addon's, for the error message.
    @raise AddonError: the hook's arguments cannot be lent to a thread.
    """
    if not _NOT_LENT.isdisjoint(spec.arguments):
        given = ", ".join(spec.arguments)
        raise AddonError(
            f"addon {name}: {spec.name} cannot run in a thread, ({given}) belongs to the reactor's; await "
            "deferToThread for the part that blocks"
        )

    @wraps(handler)
    def begin(*arguments: object) -> object:
        call = ThreadCall(threads, handler, arguments)
        return call if call.answer is None else call.answer[0]

    return begin


class ThreadCall(Pending):
    """
    A handler that was given to a thread.

    @ivar answer: what it answered, in a tuple; None while it has not.
    """

    __slots__ = ("_callback", "_give_back", "_handler", "_is_cancelled", "_thread", "_threads", "answer")

    def __init__(self, threads: RunsThreads, handler: Callable[..., object], arguments: tuple[object, ...]) -> None:
        """
        Begin.

        @raise TypeError: an argument cannot be lent.
        """
        self.answer: tuple[object] | None = None
        self._callback: Callable[[object], None] | None = None
        self._handler = handler
        self._is_cancelled = False
        self._thread: int | None = None
        self._threads = threads
        lent = [lend(argument) for argument in arguments]
        self._give_back: list[Callable[[], None]] = [back for _, back in lent]
        threads.callInThread(copy_context().run, self._work, *(copy for copy, _ in lent))

    @override
    def addBoth(self, callback: Callable[[object], None]) -> None:
        """Call this, in the reactor's thread, with what the handler returns, or the Failure that ended it."""
        if self.answer is not None:
            callback(self.answer[0])
        else:
            self._callback = callback

    @override
    def cancel(self) -> None:
        """What the handler does from now on, or has done, counts no more; one that did not begin yet never does."""
        self._is_cancelled = True

    @property
    @override
    def place(self) -> Place | None:
        """Where in its thread the handler is now: the innermost line of its own file."""
        thread = self._thread
        frame = None if thread is None else sys._current_frames().get(thread)
        code = getattr(self._handler, "__code__", None)
        innermost = frame
        while frame is not None and code is not None and frame.f_code.co_filename != code.co_filename:
            frame = frame.f_back
        return place_of_frame(frame or innermost)

    def _work(self, *arguments: object) -> None:
        """In the thread."""
        if self._is_cancelled:
            outcome: object = None
        else:
            self._thread = get_ident()
            try:
                outcome = _plain(self._handler(*arguments))
            except BaseException:  # as in the thread pool itself: nothing above this frame could take it
                outcome = Failure()
            finally:
                self._thread = None
        self._threads.callFromThread(self._ended, outcome)

    def _ended(self, outcome: object) -> None:
        """In the reactor's thread."""
        if not self._is_cancelled:
            try:
                for give_back in self._give_back:
                    give_back()
            except Exception:  # the handler wrote something to its copy that no flow can have
                outcome = Failure()
        self._give_back = []
        self.answer = (outcome,)
        if self._callback is not None:
            self._callback(outcome)


def _plain(outcome: object) -> object:
    """
    What a handler returned.

    @raise TypeError: it is something to be waited for, which only the reactor's thread can.
    """
    if isinstance(outcome, Coroutine):
        outcome.close()
    elif not isinstance(outcome, Deferred | Awaitable):
        return outcome
    raise TypeError(
        f"a handler that runs in a thread returned a {type(outcome).__name__}; it can only wait by blocking"
    )
