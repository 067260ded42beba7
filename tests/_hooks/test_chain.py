"""Tests for L{mitmtw._hooks.chain}."""

from typing import Any

from twisted.logger import Logger
from twisted.trial.unittest import SynchronousTestCase
from typing_extensions import override

from mitmtw._hooks.chain import Chain
from mitmtw._hooks.table import TABLE
from mitmtw.errors import AddonError
from tests._hooks.fakes import HooksTestCase, Kept, Seer


class Parent(Seer):
    """An addon that brings others."""

    def __init__(self, name: str, *addons: object) -> None:
        super().__init__(name)
        self.addons = list(addons)


class TreeTests(HooksTestCase):
    """Nested addons."""

    def test_depth_first(self) -> None:
        """The addons that one brings come right after it, and theirs right after them."""
        self.add(Parent("a", Parent("b", Seer("c")), Seer("d")), Seer("e"))
        self.request()
        self.assertEqual(self.flow.seen, list("abcde"))

    def test_removed_together(self) -> None:
        """They leave with it."""
        parent = Parent("a", Parent("b", Seer("c")))
        self.add(parent, Seer("e"))
        self.hooks.remove(parent)
        self.request()
        self.assertEqual(self.flow.seen, ["e"])

    def test_all_or_none(self) -> None:
        """When one of them is wrong none is added, and their names are free."""
        self.assertRaises(AddonError, self.hooks.add, Parent("a", Seer("b"), Seer("b")))
        self.assertIsNone(self.hooks.request)
        self.add(Seer("a"), Seer("b"))

    def test_no_list(self) -> None:
        """C{addons} that is no list is refused."""
        parent: Any = Parent("a")
        parent.addons = Seer("b")
        self.assertIn("must be a list, not a Seer", str(self.assertRaises(AddonError, self.hooks.add, parent)))


class NameTests(HooksTestCase):
    """What addons are called."""

    def test_class_name(self) -> None:
        """Without a name it is the class's, in lower case."""

        class StripCookies:
            pass

        self.add(StripCookies())
        self.assertEqual([link.name for link in self.hooks.chain], ["stripcookies"])

    def test_twice(self) -> None:
        """Two of the same name are refused, and both are shown."""

        class Other(Seer):
            pass

        self.add(Seer("a"))
        error = str(self.assertRaises(AddonError, self.hooks.add, Other("a")))
        self.assertRegex(error, r"called a: tests\._hooks\.fakes\.Seer \(.*fakes.py\) and .*Other \(.*test_chain.py\)")
        self.assertIn("Other", error)

    def test_free_again(self) -> None:
        """The name of an addon that has left is free."""
        seer = Seer("a")
        self.add(seer)
        self.hooks.remove(seer)
        self.add(Seer("a"))

    def test_find(self) -> None:
        """An addon is found as itself, by what was added, and by name."""
        seer = Seer("a")
        self.add(seer, Bare)
        self.assertIs(self.hooks.chain.find(seer).addon, seer)
        self.assertIs(self.hooks.chain.find("a").addon, seer)
        self.assertIsInstance(self.hooks.chain.find(Bare).addon, Bare)
        self.assertIn("nobody", str(self.assertRaises(AddonError, self.hooks.chain.find, "nobody")))
        self.assertIn("seer", str(self.assertRaises(AddonError, self.hooks.remove, Seer("seer"))))


class Bare:
    """An addon without anything."""


class Demanding:
    """A class that cannot be instantiated without arguments."""

    def __init__(self, argument: object) -> None:
        pass


class ClassTests(HooksTestCase):
    """Classes in the place of addons."""

    def test_instantiated(self) -> None:
        """A class is called, and the log says so."""
        self.add(Bare)
        self.assertIn("Bare", self.logged("info")[0])

    def test_fails(self) -> None:
        """A class that cannot be is refused in one line."""
        error = str(self.assertRaises(AddonError, self.hooks.add, Demanding))
        self.assertIn("Demanding() failed: TypeError", error)


class ReplaceTests(SynchronousTestCase):
    """L{Chain.replace}."""

    @override
    def setUp(self) -> None:
        self.chain = Chain(TABLE, Logger(observer=Kept([])))
        self.a, self.b, self.c = (self.chain.add(Seer(name)) for name in "abc")

    def names(self) -> str:
        return "".join(link.name for link in self.chain)

    def test_place(self) -> None:
        """The new ones stand where the old one stood, and its name is free for them."""
        self.chain.replace(self.b, [Seer("x"), Seer("b")])
        self.assertEqual(self.names(), "axbc")
        self.assertIsNot(self.chain.find("b"), self.b)

    def test_child(self) -> None:
        """The same among the children of an addon."""
        child = self.chain.add(Seer("d"), self.a)
        (new,) = self.chain.replace(child, [Seer("e")])
        self.assertEqual(self.names(), "aebc")
        self.assertIs(new.parent, self.a)

    def test_itself(self) -> None:
        """An addon that is among the new ones keeps its link."""
        self.assertIn(self.b, self.chain.replace(self.b, [Seer("x"), self.b.addon]))
        self.assertEqual(self.names(), "axbc")
        self.assertIs(self.chain.find("b"), self.b)

    def test_refused(self) -> None:
        """When a new one is refused, all is as before."""
        self.assertRaises(AddonError, self.chain.replace, self.b, [Seer("x"), Seer("a")])
        self.assertEqual(self.names(), "abc")
        self.assertIs(self.chain.find("b"), self.b)
        self.chain.add(Seer("x"))

    def test_nothing(self) -> None:
        """An addon replaced by nothing is gone."""
        self.chain.replace(self.b, [])
        self.assertEqual(self.names(), "ac")
