"""
Asking addons in the middle of an exchange: the one way in which a flow's hooks are fired.
"""

from collections.abc import Callable
from typing import Any

from twisted.internet.defer import Deferred

from mitmtw.errors import Killed

__all__ = ["ask", "held"]


async def ask(hook: Callable[..., Deferred[Any] | None], flow: Any) -> None:
    """
    Fire one hook for a flow, wait for its handlers, then for as long as one of them intercepts the flow.

    Called only when somebody listens.

    @raise Killed: when the flow was killed meanwhile.
    """
    deferred = hook(flow)
    if deferred is not None:
        await deferred
    if flow.killed:
        raise Killed("the flow was killed by an addon")
    if flow.intercepted:
        await held(flow)
        if flow.killed:
            raise Killed("the flow was killed by an addon")


def held(flow: Any) -> Deferred[None]:
    """A Deferred that fires when the flow is resumed; without any deadline, because somebody holds it on purpose."""
    deferred: Deferred[None] = Deferred()

    def resumed() -> None:
        if not deferred.called:
            deferred.callback(None)

    flow.when_resumed(resumed)
    return deferred
