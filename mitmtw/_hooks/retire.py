"""
The end of addons: their pending calls are drained, then cancelled, then each gets C{done}, children before parents.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.interfaces import IReactorTime
from twisted.python.failure import Failure

from mitmtw._hooks.chain import Link
from mitmtw._hooks.event import report_misuse
from mitmtw._hooks.waiting import report_failure
from mitmtw.errors import HookTimedOut

if TYPE_CHECKING:
    from mitmtw._hooks.dispatch import Hooks

__all__ = ["end_one", "retire"]


def retire(hooks: "Hooks", links: Sequence[Link], drain: float, done_timeout: float) -> Deferred[None]:
    """
    End addons.

    @param links: in the order of the chain, parents before their children.
    @param drain: seconds that their pending calls may take, all together.
    @param done_timeout: seconds for each C{done}.
    @return: fires with None after the last C{done}. To cancel it is to hurry it up: it waits no more for what it is
        waiting for, but does the rest.
    """
    return Deferred.fromCoroutine(_retire(hooks, links, drain, done_timeout))


async def _retire(hooks: "Hooks", links: Sequence[Link], drain: float, done_timeout: float) -> None:
    # One turn at least: the event in which the addon is removed may be about to call it.
    await _unless_hurried(_drained(hooks.patience.clock, links, drain))
    for link in reversed(links):
        link.is_retired = True
        if link.is_active:
            link.is_active = False
            hooks.rebuild()
        for waiting in list(link.pending):
            hook = waiting.listener.spec.name
            waiting.give_up(HookTimedOut(f"addon {link.name}: it was removed before {hook} had answered"))
        await end_one(hooks, link, done_timeout)


async def _unless_hurried(deferred: Deferred[None]) -> None:
    try:
        await deferred
    except CancelledError:
        pass


def _drained(clock: IReactorTime, links: Sequence[Link], drain: float) -> Deferred[None]:
    """Fires when no call of these is pending, or after C{drain} seconds, but never at once."""
    drained: Deferred[None] = Deferred(lambda _: stop())

    def stop() -> None:
        for link in links:
            link.idle = None
        for timer in (turn, limit):
            if timer.active():
                timer.cancel()

    def look() -> None:
        busy = next((link for link in links if link.pending), None)
        if busy is not None:
            busy.idle = look
        else:
            finish()

    def finish() -> None:
        stop()
        drained.callback(None)

    limit = clock.callLater(drain, finish)
    turn = clock.callLater(0, look)
    return drained


async def end_one(hooks: "Hooks", link: Link, timeout: float) -> None:
    """Call C{done}, once; it may fail, time out or be hurried, and the next one's turn comes."""
    listener = link.listeners.pop("done", None)
    if listener is None:
        return
    answer: object = await hooks.ask(listener, (), timeout).addErrback(_as_value)
    if isinstance(answer, _Failed):
        if not answer.failure.check(CancelledError):
            report_failure(hooks.logger, listener, (), answer.failure)
    elif answer is not None:
        report_misuse(hooks.patience, listener, answer)


class _Failed:
    """A Failure on its way through an C{await}."""

    def __init__(self, failure: Failure) -> None:
        self.failure = failure


def _as_value(failure: Failure) -> _Failed:
    return _Failed(failure)
