"""Tests for L{mitmtw._hooks.order}: before, after and milestones."""

from itertools import pairwise
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from mitmtw._hooks.order import Wishes, sort, wishes_of
from mitmtw.errors import AddonError
from tests._hooks.fakes import addon
from tests._hooks.life import LifecycleTestCase


def group(name: str, **wishes: Any) -> dict[str, Wishes]:
    """An addon that brings no others."""
    return {name: Wishes(**wishes)}


class SortTests(SynchronousTestCase):
    """The order of groups."""

    def order(self, *groups: dict[str, Wishes]) -> str:
        """The names of the groups in their order."""
        return "".join(next(iter(groups[place])) for place in sort(groups))

    def circle(self, *groups: dict[str, Wishes]) -> str:
        """What is said of a circle."""
        return str(self.assertRaises(AddonError, sort, groups)).partition(": ")[2]

    def test_nothing_said(self) -> None:
        """The order of loading stays."""
        self.assertEqual(self.order(group("c"), group("a"), group("b")), "cab")

    def test_before_and_after(self) -> None:
        """Only who has to move does."""
        self.assertEqual(self.order(group("a", after=("c",)), group("b"), group("c"), group("d")), "bcad")
        self.assertEqual(self.order(group("a"), group("b"), group("c", before=("b",)), group("d")), "acbd")

    def test_milestones(self) -> None:
        """All of one milestone come before all of the next; modify is what most are."""
        record, decide = group("r", milestone="record"), group("d", milestone="decide")
        self.assertEqual(self.order(record, group("m"), decide, group("n")), "dmnr")

    def test_between_milestones(self) -> None:
        """Who names a milestone is before or after all of it."""
        groups = [group("r", milestone="record"), group("x", after=("modify",), milestone=""), group("m")]
        groups.append(group("y", before=("decide",), milestone=""))
        groups.append(group("d", milestone="decide"))
        self.assertEqual(self.order(*groups), "ydmrx")

    def test_not_there(self) -> None:
        """Names of nobody mean nothing, nor does one's own."""
        self.assertEqual(self.order(group("a", after=("z", "a")), group("b", before=("y",))), "ab")

    def test_circle(self) -> None:
        """A circle is shown as such, and nobody who is not in it is named."""
        self.assertEqual(self.circle(group("a", before=("b",)), group("b", before=("a",))), "a → b → a")
        groups = [
            group("x", after=("a",)),
            group("a", after=("c",)),
            group("b", after=("a",)),
            group("c", after=("b",)),
        ]
        self.assertEqual(self.circle(*groups, group("y", before=("a",))), "a → b → c → a")

    def test_circle_of_milestones(self) -> None:
        """A wish against the milestones is a circle, too."""
        groups = (group("r", milestone="record", before=("m",)), group("m"))
        self.assertEqual(self.circle(*groups), "r → m → modify → record → r")

    def test_groups(self) -> None:
        """What a member of a group says, and who is said to be before it, counts for the whole group."""
        family = {"a": Wishes(), "child": Wishes(after=("c",), milestone="record")}
        self.assertEqual(self.order(family, group("b", before=("child",)), group("c")), "bca")

    @given(st.lists(st.tuples(st.integers(0, 7), st.integers(0, 7)), max_size=10))
    def test_any(self, wishes: list[tuple[int, int]]) -> None:
        """Whatever is said, either all of it is true of the order, or there is a circle of what was said."""
        after = {str(one): tuple(str(first) for first, then in wishes if then == one != first) for one in range(8)}
        groups = [group(name, after=names) for name, names in after.items()]
        try:
            order = sort(groups)
        except AddonError as error:
            circle = str(error).partition(": ")[2].split(" → ")
            self.assertEqual(circle[0], circle[-1])
            for first, then in pairwise(circle):
                self.assertIn(first, after[then])
            return
        for name, names in after.items():
            for first in names:
                self.assertLess(order.index(int(first)), order.index(int(name)))


class WishesTests(SynchronousTestCase):
    """What an addon says."""

    def test_read(self) -> None:
        """One name may stand by itself; milestones named in before or after are instead of an own one."""
        self.assertEqual(wishes_of(addon(), "x"), Wishes((), (), "modify"))
        self.assertEqual(wishes_of(addon(before="a", milestone="record"), "x"), Wishes(("a",), (), "record"))
        self.assertEqual(wishes_of(addon(after=["modify", "b"]), "x"), Wishes((), ("modify", "b"), ""))

    def test_refused(self) -> None:
        """What is no name and no milestone is refused with the addon's name."""
        for wrong in ({"before": 3}, {"after": [1]}, {"milestone": "first"}):
            self.assertIn("addon x: ", str(self.assertRaises(AddonError, wishes_of, addon(**wrong), "x")))


class ChainTests(LifecycleTestCase):
    """The chain has the order that addons want when they take part."""

    def names(self) -> list[str]:
        """The names in the order of the chain."""
        return [link.name for link in self.hooks.chain]

    def test_startup(self) -> None:
        """Addons are sorted before they are started, with those that they bring right after them."""
        parent = self.witness("a", addons=[self.witness("b"), self.witness("c")])
        parent.after = ("d",)  # type: ignore[attr-defined]
        self.started(parent, self.witness("d"), self.witness("e"))
        self.assertEqual(self.names(), ["d", "a", "b", "c", "e"])
        self.request()
        self.assertEqual([one for one in self.seen if "request" in one], [f"{name}.request" for name in "dabce"])

    def test_start_order(self) -> None:
        """Who comes first is started first."""
        last = self.witness("a")
        last.milestone = "record"  # type: ignore[attr-defined]
        self.successResultOf(self.begin(last, self.witness("b")))
        self.assertEqual([one for one in self.seen if "start" in one], ["b.start", "a.start"])

    def test_child_wishes(self) -> None:
        """What a child says about an addon outside moves its whole family, among its siblings only itself."""
        child = self.witness("c")
        child.after = ("e",)  # type: ignore[attr-defined]
        child.before = ("b",)  # type: ignore[attr-defined]
        self.started(self.witness("a", addons=[self.witness("b"), child]), self.witness("e"))
        self.assertEqual(self.names(), ["e", "a", "c", "b"])

    def test_added_later(self) -> None:
        """One that is added while the proxy runs goes where it wants to be; one that makes a circle is not added."""
        self.started(self.witness("a"), self.witness("b"))
        first, wrong = self.witness("c"), self.witness("d")
        first.milestone = "decide"  # type: ignore[attr-defined]
        self.successResultOf(self.life.add_addon(first))
        self.assertEqual(self.names(), ["c", "a", "b"])
        wrong.before = ("a",)  # type: ignore[attr-defined]
        wrong.milestone = "record"  # type: ignore[attr-defined]
        added = self.life.add_addon(wrong)
        self.clock.advance(0)
        self.assertEqual(self.names(), ["c", "a", "b"])
        self.assertIn("circle", str(self.failureResultOf(added, AddonError).value))

    def test_circle(self) -> None:
        """At startup a circle ends it."""
        one, other = self.witness("a"), self.witness("b")
        one.before, other.before = "b", "a"  # type: ignore[attr-defined]
        self.assertIn("a → b → a", str(self.failureResultOf(self.begin(one, other), AddonError).value))
