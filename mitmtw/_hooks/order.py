"""
The order of addons: each may say before and after which others it wants to be, and to which milestone it belongs.

There are three milestones, C{decide}, C{modify} and C{record}: all addons of one come before all of the next. An
addon says C{milestone = "record"}; unless it says anything it belongs to C{modify}. C{before} and C{after} name other
addons, or a milestone as a whole: C{after = ("modify",)} is after all that modify, and who says such a thing, and no
milestone of its own, belongs to none. Names that are not there mean nothing. What nobody says anything about stays in
the order of loading.
"""

import heapq
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from mitmtw.errors import AddonError

__all__ = ["MILESTONES", "Wishes", "sort", "wishes_of"]

#: In their order.
MILESTONES = ("decide", "modify", "record")
_DEFAULT = "modify"


@dataclass(frozen=True, slots=True)
class Wishes:
    """
    Where an addon wants to be.

    @ivar before: names of addons or milestones that come after it.
    @ivar after: names of addons or milestones that come before it.
    @ivar milestone: to which it belongs; empty for none.
    """

    before: tuple[str, ...] = ()
    after: tuple[str, ...] = ()
    milestone: str = _DEFAULT


def wishes_of(addon: object, name: str) -> Wishes:
    """
    What an addon says about its place: its C{before}, C{after} and C{milestone}.

    @raise AddonError: they are not names, or there is no such milestone.
    """
    before, after = (_names(addon, name, attribute) for attribute in ("before", "after"))
    milestone = getattr(addon, "milestone", None)
    if milestone is None:
        milestone = "" if set(MILESTONES) & {*before, *after} else _DEFAULT
    elif milestone not in MILESTONES:
        raise AddonError(f"addon {name}: milestone must be decide, modify or record, not {milestone!r}")
    return Wishes(before, after, milestone)


def _names(addon: object, name: str, attribute: str) -> tuple[str, ...]:
    value = getattr(addon, attribute, ())
    if isinstance(value, str):
        return (value,)
    if isinstance(value, list | tuple) and all(isinstance(one, str) for one in value):
        return tuple(value)
    raise AddonError(f"addon {name}: {attribute} must be names of addons, not {value!r}")


def sort(groups: Sequence[Mapping[str, Wishes]]) -> list[int]:
    """
    Order groups of addons: each is an addon with those that it brought, which move with it.

    What a member of a group says about a member of another counts for the groups; the milestone is that of its first.

    @param groups: by the names of their members, in the order of loading.
    @return: the indices of the groups in their order.
    @raise AddonError: what they say goes round in a circle, which the message shows.
    """
    graph = _Graph(groups)
    order = graph.sorted()
    if len(order) < graph.size:
        raise AddonError(f"addons want to be before one another in a circle: {' → '.join(graph.circle(order))}")
    return [node for node in order if node < len(groups)]


class _Graph:
    """Who comes before whom. The nodes are the groups, then the beginning and the end of each milestone."""

    def __init__(self, groups: Sequence[Mapping[str, Wishes]]) -> None:
        count = len(groups)
        self._count = count
        self.size = count + 2 * len(MILESTONES)
        self._names = [next(iter(group)) for group in groups]
        self._names += [name for name in MILESTONES for _ in range(2)]
        self._followers: list[set[int]] = [set() for _ in range(self.size)]
        self._begin = {name: count + 2 * place for place, name in enumerate(MILESTONES)}
        for node in range(count, self.size - 1):
            self._followers[node].add(node + 1)
        self._places = {name: node for node, group in enumerate(groups) for name in group}
        for node, group in enumerate(groups):
            for place, wishes in enumerate(group.values()):
                self._take(node, wishes, wishes.milestone if place == 0 else "")

    def _take(self, node: int, wishes: Wishes, milestone: str) -> None:
        if milestone:
            self._put(self._begin[milestone], node)
            self._put(node, self._begin[milestone] + 1)
        for name in wishes.before:
            self._put(node, self._begin[name] if name in self._begin else self._places.get(name, node))
        for name in wishes.after:
            self._put(self._begin[name] + 1 if name in self._begin else self._places.get(name, node), node)

    def _put(self, first: int, then: int) -> None:
        if first != then:
            self._followers[first].add(then)

    def sorted(self) -> list[int]:
        """All nodes that are in no circle and behind none; of those that may come next the first loaded one comes."""
        waits_for = [0] * self.size
        for followers in self._followers:
            for node in followers:
                waits_for[node] += 1
        # Milestones first: they are no addons, and nobody has to wait for one without need.
        free = [(node < self._count, node) for node in range(self.size) if not waits_for[node]]
        heapq.heapify(free)
        order = []
        while free:
            _, node = heapq.heappop(free)
            order.append(node)
            for follower in self._followers[node]:
                waits_for[follower] -= 1
                if not waits_for[follower]:
                    heapq.heappush(free, (follower < self._count, follower))
        return order

    def circle(self, sorted_nodes: Sequence[int]) -> list[str]:
        """The names along one circle among the nodes that could not be sorted; it ends where it begins."""
        left = set(range(self.size)) - set(sorted_nodes)
        # Each node that is left waits for another that is left: going backwards must come to a circle.
        before = {node: next(one for one in sorted(left) if node in self._followers[one]) for node in left}
        node = min(left)
        path: list[int] = []
        while node not in path:
            path.append(node)
            node = before[node]
        path = path[path.index(node) :][::-1]
        first = path.index(min(path))
        names = [self._names[one] for one in path[first:] + path[:first]]
        names = [name for place, name in enumerate(names) if place == 0 or name != names[place - 1]]
        return [*names, names[0]]
