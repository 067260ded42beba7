"""
Which version of the addons a flow belongs to, while a script is replaced by its new version.

Time is cut into eras: with each new version of a script one begins. Flows that are under way then belong to the era
before, and all their later events go to the addons of that era. Nothing is written down about flows in between, so that
flows cost nothing as long as no script changes.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from twisted.internet.defer import Deferred

__all__ = ["Pins"]

_Dispatch = Callable[..., Deferred[None] | None]


class Pins:
    """
    The flows of earlier eras.

    @ivar era: the number of the present one.
    """

    def __init__(self) -> None:
        self.era = 0
        self._flows: dict[int, tuple[Any, int]] = {}  # by identity: a flow says nothing of equality

    def __bool__(self) -> bool:
        return bool(self._flows)

    def begin(self, flows: Iterable[object]) -> int:
        """
        Begin an era.

        @param flows: those that are under way; who has no era yet is of the one that ends.
        @return: the new era's number.
        """
        for flow in flows:
            self._flows.setdefault(id(flow), (flow, self._era_of(flow)))
        self.era += 1
        return self.era

    def prune(self, live_flows: Callable[[], Iterable[object]]) -> bool:
        """
        Forget flows that are over; whether there were any.

        @param live_flows: gives those that are under way; that takes long. They are looked through only when a request
            is over that has become a WebSocket, which goes on with what the request had.
        """
        over = [key for key, (flow, _) in self._flows.items() if not flow.live]
        if any(_has_switched(self._flows[key][0]) for key in over):
            for flow in live_flows():
                self._era_of(flow)
        for key in over:
            del self._flows[key]
        return bool(over)

    def eras(self) -> set[int]:
        """Those of which a flow is left."""
        return {era for _, era in self._flows.values()}

    def is_needed(self, until: int) -> bool:
        """Whether a flow is left of an era before this one."""
        return any(era < until for _, era in self._flows.values())

    def dispatch(self, present: _Dispatch | None, earlier: Mapping[int, _Dispatch | None]) -> _Dispatch | None:
        """The callable of a hook that finds out first whose event it is."""
        if present is None and not any(earlier.values()):
            return None

        def dispatch(*arguments: object) -> Deferred[None] | None:
            era = self._era_of(arguments[0]) if arguments else self.era
            chosen = earlier.get(era, present)
            return None if chosen is None else chosen(*arguments)

        return dispatch

    def _era_of(self, subject: Any) -> int:
        pinned = self._flows.get(id(subject))
        if pinned is None:
            first = getattr(subject, "handshake_flow", None)  # of a WebSocket: it goes on with what its request had
            pinned = None if first is None else self._flows.get(id(first))
            if pinned is None:
                return self.era
            self._flows[id(subject)] = (subject, pinned[1])
        return pinned[1]


def _has_switched(flow: Any) -> bool:
    """Whether a flow is a request that was answered with 101 (RFC 9110 section 15.2.2)."""
    response = getattr(flow, "response", None)
    return response is not None and response.status_code == 101
