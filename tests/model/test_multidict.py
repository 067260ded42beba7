"""Tests of L{mitmtw.model.multidict}."""

from twisted.trial.unittest import SynchronousTestCase

from mitmtw.model.multidict import MultiDict, MultiDictView, pairs_of


def sample() -> MultiDict[str, str]:
    return MultiDict([("a", "1"), ("b", "2"), ("a", "3")])


class MultiDictTests(SynchronousTestCase):
    def test_reading(self) -> None:
        """The first value counts; order of first appearance; all values on demand."""
        pairs = sample()
        self.assertEqual(pairs["a"], "1")
        self.assertEqual(pairs.get_all("a"), ["1", "3"])
        self.assertEqual(pairs.get("z", "d"), "d")
        self.assertEqual(list(pairs), ["a", "b"])
        self.assertEqual(len(pairs), 2)
        self.assertEqual(list(pairs.items()), [("a", "1"), ("b", "2")])
        self.assertEqual(list(pairs.items(multi=True)), [("a", "1"), ("b", "2"), ("a", "3")])
        self.assertEqual(list(pairs.keys(multi=True)), ["a", "b", "a"])
        self.assertEqual(len(pairs.keys(multi=True)), 3)
        self.assertIn("a", pairs.keys(multi=True))
        self.assertEqual(list(pairs.values(multi=True)), ["1", "2", "3"])
        self.assertEqual(len(pairs.values(multi=True)), 3)
        self.assertIn("b", pairs)
        self.assertNotIn("c", pairs)
        self.assertRaises(KeyError, pairs.__getitem__, "c")

    def test_editing(self) -> None:
        """Set replaces in the first's place, set_all spreads, add and insert put, del removes all."""
        pairs = sample()
        pairs["a"] = "x"
        self.assertEqual(pairs.fields, (("a", "x"), ("b", "2")))
        pairs.set_all("b", ["y", "z"])
        pairs.add("a", "w")
        pairs.insert(0, "c", "v")
        self.assertEqual(pairs.fields, (("c", "v"), ("a", "x"), ("b", "y"), ("b", "z"), ("a", "w")))
        del pairs["b"]
        self.assertEqual(pairs.fields, (("c", "v"), ("a", "x"), ("a", "w")))
        self.assertRaises(KeyError, pairs.__delitem__, "b")
        pairs.fields = {"q": "r"}
        self.assertEqual(pairs.fields, (("q", "r"),))

    def test_equality_copy_repr(self) -> None:
        """Equal pairs are equal; a plain mapping compares by first values; a copy is independent."""
        pairs = sample()
        self.assertEqual(pairs, sample())
        self.assertEqual(pairs, {"a": "1", "b": "2"})
        self.assertNotEqual(pairs, MultiDict([("a", "1")]))
        self.assertNotEqual(pairs, 3)
        other = pairs.copy()
        other["a"] = "x"
        self.assertEqual(pairs["a"], "1")
        self.assertEqual(repr(MultiDict([("a", "1")])), "MultiDict[('a', '1')]")

    def test_pairs_of(self) -> None:
        """All pairs of a multi-dict, the items of a mapping, a list of pairs; nothing else."""
        self.assertEqual(pairs_of(sample()), [("a", "1"), ("b", "2"), ("a", "3")])
        self.assertEqual(pairs_of({"a": "1"}), [("a", "1")])
        self.assertEqual(pairs_of([("a", "1")]), [("a", "1")])
        self.assertRaises(ValueError, pairs_of, ["abc"])
        self.assertRaises(TypeError, pairs_of, 5)


class MultiDictViewTests(SynchronousTestCase):
    def test_reads_and_writes_through(self) -> None:
        """Each look is fresh, each edit is written at once, a copy no longer writes."""
        store = [[("a", "1")]]
        view = MultiDictView(lambda: store[-1], lambda pairs: store.append(list(pairs)))
        view["b"] = "2"
        self.assertEqual(store[-1], [("a", "1"), ("b", "2")])
        store.append([("z", "9")])
        self.assertEqual(list(view), ["z"])
        del view["z"]
        self.assertEqual(store[-1], [])
        writes = len(store)
        view.copy()["x"] = "y"
        self.assertEqual(len(store), writes)
        view.fields = [("f", "g")]
        self.assertEqual(store[-1], [("f", "g")])
