"""Tests of L{mitmtw.model.state}."""

from twisted.trial.unittest import SynchronousTestCase

from mitmtw.model.headers import Headers
from mitmtw.model.state import describe, restore


class Noun:
    """Something with a state."""

    def __init__(self) -> None:
        self.headers: Headers | None = Headers(a="b")
        self._hidden: dict[str, list[int]] = {"x": [1]}


class StateTests(SynchronousTestCase):
    def test_describe(self) -> None:
        """Fields become lists of pairs, an underscore is dropped, nothing is shared."""
        noun = Noun()
        state = describe(noun, ["headers", "_hidden"])
        self.assertEqual(state, {"headers": [(b"a", b"b")], "hidden": {"x": [1]}})
        state["hidden"]["x"].append(2)
        state["headers"].clear()
        self.assertEqual((noun._hidden, noun.headers), ({"x": [1]}, {"a": "b"}))

    def test_restore(self) -> None:
        """The inverse, which shares nothing either; missing fields stay missing, missing keys are an error."""
        noun = Noun()
        state = {"headers": [[b"c", b"d"]], "hidden": {"y": [2]}}
        restore(noun, ["headers", "_hidden"], state)
        noun._hidden["y"].append(3)
        self.assertEqual((noun.headers, state["hidden"]), ({"c": "d"}, {"y": [2]}))
        restore(noun, ["headers"], {"headers": None})
        self.assertIsNone(noun.headers)
        self.assertRaises(KeyError, restore, noun, ["headers"], {})
