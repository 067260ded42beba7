"""
Events that have to wait for a moment, because one version of a script is over and the next has not begun.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from twisted.internet.defer import Deferred

if TYPE_CHECKING:
    from mitmtw._hooks.dispatch import Hooks

__all__ = ["Hold"]

_Dispatch = Callable[..., Deferred[None] | None]


class _Held:
    """
    One event.

    @ivar waiting: what its owner waits for.
    """

    def __init__(self, name: str, arguments: tuple[Any, ...]) -> None:
        self._name = name
        self._arguments = arguments
        self._pending: Deferred[None] | None = None
        self.waiting: Deferred[None] = Deferred(self._cancelled)

    def _cancelled(self, _waiting: Deferred[None]) -> None:
        if self._pending is not None:
            self._pending.cancel()

    def happen(self, hooks: "Hooks") -> None:
        """Run the hook, unless nobody waits for it any more."""
        if self.waiting.called:
            return
        call: _Dispatch | None = getattr(hooks, self._name)
        self._pending = None if call is None else call(*self._arguments)
        if self._pending is None:
            self.waiting.callback(None)
        else:
            self._pending.chainDeferred(self.waiting)


class Hold:
    """The events that came meanwhile, in their order."""

    def __init__(self) -> None:
        self._events: list[_Held] = []

    def entry(self, name: str) -> _Dispatch:
        """What takes the place of a hook's callable."""

        def wait(*arguments: object) -> Deferred[None]:
            held = _Held(name, arguments)
            self._events.append(held)
            return held.waiting

        return wait

    def release(self, hooks: "Hooks") -> None:
        """Let the events happen."""
        events, self._events = self._events, []
        for held in events:
            held.happen(hooks)
