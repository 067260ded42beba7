"""Tests of L{mitmtw.model.headers}."""

from twisted.trial.unittest import SynchronousTestCase

from mitmtw.model import headers as module
from mitmtw.model.headers import Headers, as_bytes, as_text, fold


def sample() -> Headers:
    return Headers.of([(b"Host", b"a.example"), (b"ACCEPT", b"x"), (b"accept", b"y"), (b"Empty", b"")])


class ReadingTests(SynchronousTestCase):
    def test_case_insensitive_join(self) -> None:
        """Reading ignores case and joins repeated fields; bytes are as good as text for the name."""
        headers = sample()
        self.assertEqual(headers["Accept"], "x, y")
        self.assertEqual(headers[b"aCCEPT"], "x, y")
        self.assertEqual(headers.get_all("Accept"), ["x", "y"])
        self.assertEqual(headers["empty"], "")

    def test_missing(self) -> None:
        """A field that is not there: KeyError, None, the default, an empty list."""
        headers = sample()
        self.assertRaises(KeyError, headers.__getitem__, "hos")
        self.assertIsNone(headers.get("hosts"))
        self.assertEqual(headers.get("hosts", default="d"), "d")
        self.assertEqual(headers.get("host", "d"), "a.example")
        self.assertEqual(headers.get_all("hosts"), [])
        self.assertIsNone(headers.first(b"hosts"))

    def test_first_and_in(self) -> None:
        """C{first} gives raw bytes; membership takes any type and finds only names."""
        headers = sample()
        self.assertEqual(headers.first(b"accept"), b"x")
        self.assertIn("HOST", headers)
        self.assertIn(b"host", headers)
        self.assertNotIn("a.example", headers)
        self.assertNotIn(7, headers)

    def test_views(self) -> None:
        """Plain views name each field once, as first spelt; multi views have them all."""
        headers = sample()
        self.assertEqual(list(headers), ["Host", "ACCEPT", "Empty"])
        self.assertEqual(len(headers), 3)
        self.assertEqual(list(headers.keys()), ["Host", "ACCEPT", "Empty"])
        self.assertEqual(list(headers.keys(multi=True)), ["Host", "ACCEPT", "accept", "Empty"])
        self.assertEqual(list(headers.values()), ["a.example", "x, y", ""])
        self.assertEqual(list(headers.values(multi=True)), ["a.example", "x", "y", ""])
        self.assertEqual(list(headers.items())[1], ("ACCEPT", "x, y"))
        self.assertEqual(list(headers.items(multi=True))[1:3], [("ACCEPT", "x"), ("accept", "y")])
        self.assertEqual(len(headers.items(multi=True)), 4)
        self.assertIn(("accept", "y"), headers.items(multi=True))
        self.assertIn("y", headers.values(multi=True))

    def test_bytes_survive(self) -> None:
        """Any bytes survive a round trip through text."""
        raw = bytes(range(1, 256))
        headers = Headers([(b"x", raw)])
        headers["y"] = headers["x"]
        self.assertEqual(headers.raw[1], (b"y", raw))

    def test_fold_cache_is_bounded(self) -> None:
        """Looking for ever new names does not grow the cache for ever, and answers stay right."""
        for number in range(module._KEYS_LIMIT * 2 + 10):
            self.assertEqual(fold(f"Name-{number}"), b"name-%d" % number)
        self.assertTrue(len(module._KEYS) <= module._KEYS_LIMIT)

    def test_types(self) -> None:
        """Text and bytes convert both ways; anything else is refused at once."""
        self.assertEqual(as_bytes("é"), b"\xc3\xa9")
        self.assertEqual(as_text(b"\xff"), "\udcff")
        self.assertEqual(as_text("x"), "x")
        self.assertRaises(TypeError, as_bytes, None)
        self.assertRaises(TypeError, fold, 3)


class EditingTests(SynchronousTestCase):
    def test_set_replaces_in_place(self) -> None:
        """Assigning keeps the first's place and spelling, removes the others, and edits the very list."""
        headers = sample()
        raw = headers.raw
        headers["Accept"] = "z"
        self.assertEqual(raw, [(b"Host", b"a.example"), (b"ACCEPT", b"z"), (b"Empty", b"")])
        headers["New"] = b"1"
        self.assertEqual(raw[-1], (b"New", b"1"))
        self.assertIs(headers.raw, raw)

    def test_set_all(self) -> None:
        """Values take the places there are; the rest is appended as spelt; fewer remove the last."""
        headers = sample()
        headers.set_all("Accept", ["1", "2", "3"])
        self.assertEqual(headers.raw[1:3], [(b"ACCEPT", b"1"), (b"accept", b"2")])
        self.assertEqual(headers.raw[-1], (b"Accept", b"3"))
        headers.set_all("accept", ["only"])
        self.assertEqual(headers.get_all("accept"), ["only"])
        headers.set_all("accept", [])
        self.assertNotIn("accept", headers)

    def test_set_all_refuses_a_single_value(self) -> None:
        """A mere string is not taken for a list of its letters."""
        self.assertRaises(TypeError, sample().set_all, "accept", "abc")

    def test_delete(self) -> None:
        """Deleting removes all of that name; a missing one is a KeyError."""
        headers = sample()
        del headers["accept"]
        self.assertEqual([name for name, _ in headers.raw], [b"Host", b"Empty"])
        self.assertRaises(KeyError, headers.__delitem__, "accept")

    def test_add_insert(self) -> None:
        """C{add} appends though the name is there; C{insert} counts raw positions."""
        headers = sample()
        headers.add("Host", "b")
        headers.insert(0, "Zero", "0")
        self.assertEqual(headers.raw[0], (b"Zero", b"0"))
        self.assertEqual(headers.raw[-1], (b"Host", b"b"))

    def test_mapping_methods(self) -> None:
        """pop, setdefault and update come from the mapping and work on names in any case."""
        headers = sample()
        self.assertEqual(headers.pop("ACCEPT"), "x, y")
        self.assertIsNone(headers.pop("accept", None))
        self.assertEqual(headers.setdefault("host", "no"), "a.example")
        headers.update({"HOST": "new", "b": "c"})
        self.assertEqual(headers.raw, [(b"Host", b"new"), (b"Empty", b""), (b"b", b"c")])

    def test_wrong_types(self) -> None:
        """What is neither text nor bytes is refused when it is set, and nothing changes."""
        headers = sample()
        before = headers.fields
        self.assertRaises(TypeError, headers.__setitem__, "a", 1)
        self.assertRaises(TypeError, headers.__setitem__, None, "a")
        self.assertRaises(TypeError, headers.add, "a", None)
        self.assertRaises(TypeError, headers.insert, 0, 1, "a")
        self.assertRaises(TypeError, Headers, [("a", 1)])
        self.assertEqual(headers.fields, before)

    def test_replace(self) -> None:
        """Regular expressions see C{name: value} lines; one count for all; a line without colon is undone."""
        headers = Headers([("A", "x x"), ("B", "x")])
        self.assertEqual(headers.replace("x", "y", count=1), 1)
        self.assertEqual(headers.fields, ((b"A", b"y x"), (b"B", b"x")))
        self.assertEqual(headers.replace(rb"^B: x", b"C: z"), 1)
        self.assertEqual(headers.raw[1], (b"C", b"z"))
        self.assertEqual(headers.replace(":", ""), 0)
        self.assertEqual(headers.raw[1], (b"C", b"z"))


class MakingTests(SynchronousTestCase):
    def test_sources(self) -> None:
        """Pairs of text or bytes, mappings, other fields, keywords."""
        wanted = [(b"a", b"1"), (b"b", b"2")]
        self.assertEqual(Headers([("a", "1"), (b"b", b"2")]).raw, wanted)
        self.assertEqual(Headers({"a": "1", "b": "2"}).raw, wanted)
        other = Headers.of(wanted)
        self.assertEqual(Headers(other).raw, wanted)
        self.assertIsNot(Headers(other).raw, wanted)
        self.assertEqual(Headers(content_type="x", a=b"1").raw, [(b"content-type", b"x"), (b"a", b"1")])
        self.assertEqual(Headers([("A", "0")], a="1").raw, [(b"A", b"1")])

    def test_of_adopts(self) -> None:
        """C{of} shares the list."""
        raw = [(b"a", b"1")]
        headers = Headers.of(raw)
        headers["a"] = "2"
        self.assertEqual(raw, [(b"a", b"2")])

    def test_fields(self) -> None:
        """C{fields} is a tuple; assigning keeps the list's identity."""
        headers = sample()
        raw = headers.raw
        self.assertIsInstance(headers.fields, tuple)
        headers.fields = [("x", "y")]
        self.assertEqual(raw, [(b"x", b"y")])

    def test_copy(self) -> None:
        """A copy is equal and independent."""
        headers = sample()
        other = headers.copy()
        self.assertEqual(headers, other)
        other["host"] = "b"
        self.assertNotEqual(headers, other)
        self.assertEqual(headers["host"], "a.example")

    def test_equality(self) -> None:
        """Fields are equal when the wire is; a mapping is compared by names in any case."""
        self.assertNotEqual(Headers(a="1"), Headers(A="1"))
        self.assertEqual(Headers(A="1"), {"a": "1"})
        self.assertNotEqual(Headers(A="1"), {"a": "2"})
        self.assertNotEqual(Headers(A="1"), 5)
        self.assertRaises(TypeError, hash, Headers())

    def test_bytes_and_repr(self) -> None:
        """The wire form of all fields, and a readable one."""
        self.assertEqual(bytes(Headers([("A", "1"), ("a", "")])), b"A: 1\r\na: \r\n")
        self.assertEqual(bytes(Headers()), b"")
        self.assertEqual(repr(Headers(a="1")), "Headers[(b'a', b'1')]")
