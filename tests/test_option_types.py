"""Tests of the types an option can have."""

import math
import pathlib
from collections.abc import Sequence
from typing import Optional

from twisted.trial.unittest import SynchronousTestCase

from mitmtw import option_types
from mitmtw.option_types import BOOL, CHOICE, INT, PATH, SECONDS, SEQUENCE, SIZE, STR, OptionType, type_from


class ParseTests(SynchronousTestCase):
    """Text becomes values."""

    def test_accepts(self) -> None:
        """Each form that the documentation names gives its value, of the right Python type."""
        cases: list[tuple[OptionType, str, object]] = [
            (BOOL, "true", True),
            (BOOL, "YES", True),
            (BOOL, "on", True),
            (BOOL, "1", True),
            (BOOL, "false", False),
            (BOOL, "no", False),
            (BOOL, "Off", False),
            (BOOL, "0", False),
            (INT, "12", 12),
            (INT, "-3", -3),
            (SECONDS, "2", 2.0),
            (SECONDS, "0.25", 0.25),
            (SIZE, "0", 0),
            (SIZE, "17", 17),
            (SIZE, "2k", 2048),
            (SIZE, "64m", 64 * 1024**2),
            (SIZE, "1G", 1024**3),
            (SIZE, "1kb", 1024),
            (SIZE.optional(), "none", None),
            (SIZE.optional(), "", None),
            (INT.optional(), "None", None),
            (STR, "", ""),
            (STR.optional(), "", None),
            (STR.optional(), "none", "none"),
            (PATH.optional(), "", None),
            (PATH.optional(), "none", "none"),
            (SEQUENCE, "a, b", ["a, b"]),
            (SEQUENCE, "", []),
            (CHOICE, "x", "x"),
        ]
        for kind, text, value in cases:
            parsed = kind.parse(text)
            self.assertEqual((parsed, type(parsed)), (value, type(value)), (kind, text))

    def test_refuses(self) -> None:
        """Anything else is refused, with the noun of what was wanted."""
        cases: list[tuple[OptionType, str]] = [
            (BOOL, ""),
            (BOOL, "maybe"),
            (INT, "1.5"),
            (INT, "1_000"),
            (INT, "٣"),
            (INT, ""),
            (INT, "9" * 5000),
            (SECONDS, "abc"),
            (SECONDS, "-1"),
            (SECONDS, "inf"),
            (SECONDS, "nan"),
            (SIZE, "-1"),
            (SIZE, "1.5m"),
            (SIZE, "1t"),
            (SIZE, "m"),
            (SIZE, "none"),
            (PATH, ""),
            (PATH, "a\0b"),
        ]
        for kind, text in cases:
            error = self.assertRaises(ValueError, kind.parse, text)
            self.assertEqual(str(error), option_types.KINDS[kind.kind], (kind, text))

    def test_paths_are_expanded(self) -> None:
        """The home directory's sign does not reach whoever opens the file."""
        self.assertEqual(PATH.parse("~/x"), str(pathlib.Path.home() / "x"))


class CheckTests(SynchronousTestCase):
    """Python values are taken or refused."""

    def test_accepts(self) -> None:
        """Values of the type, and the few other forms that mean the same, are stored in one form."""
        cases: list[tuple[OptionType, object, object]] = [
            (BOOL, True, True),
            (INT, -2, -2),
            (SECONDS, 3, 3.0),
            (SIZE, 5, 5),
            (SIZE, "5k", 5120),
            (SIZE.optional(), None, None),
            (SIZE.optional(), "none", None),
            (SECONDS.optional(), "none", None),
            (STR, "a", "a"),
            (PATH, pathlib.Path("a") / "b", "a/b"),
            (SEQUENCE, ("a", "b"), ["a", "b"]),
        ]
        for kind, value, stored in cases:
            checked = kind.check(value)
            self.assertEqual((checked, type(checked)), (stored, type(stored)), (kind, value))

    def test_refuses(self) -> None:
        """A value of another type is refused, also one that Python takes for a number."""
        cases: list[tuple[OptionType, object]] = [
            (BOOL, 1),
            (BOOL, "true"),
            (INT, True),
            (INT, 1.0),
            (INT, "1"),
            (INT, None),
            (SECONDS, -0.5),
            (SECONDS, math.nan),
            (SECONDS, math.inf),
            (SECONDS, "1"),
            (SIZE, -1),
            (SIZE, 1.5),
            (STR, 1),
            (STR, b"a"),
            (PATH, 1),
            (SEQUENCE, "ab"),
            (SEQUENCE, ["a", 1]),
            (SEQUENCE, {"a": 1}),
        ]
        for kind, value in cases:
            error = self.assertRaises(ValueError, kind.check, value)
            self.assertEqual(str(error), option_types.KINDS[kind.kind], (kind, value))

    def test_sequence_is_a_copy(self) -> None:
        """A list that its giver changes afterwards does not change the value."""
        given = ["a"]
        stored = SEQUENCE.check(given)
        given.append("b")
        self.assertEqual(stored, ["a"])


class ShowTests(SynchronousTestCase):
    """Values become text."""

    def test_show(self) -> None:
        """The text is short, and is what parse understands."""
        cases: list[tuple[OptionType, object, str]] = [
            (BOOL, True, "true"),
            (BOOL, False, "false"),
            (SECONDS, 60.0, "60"),
            (SECONDS, 0.1, "0.1"),
            (SIZE, 0, "0"),
            (SIZE, 1000, "1000"),
            (SIZE, 2048, "2k"),
            (SIZE, 64 * 1024**2, "64m"),
            (SIZE, 2 * 1024**3, "2g"),
            (SIZE.optional(), None, "none"),
            (INT, 1024, "1024"),
        ]
        for kind, value, text in cases:
            self.assertEqual(kind.show(value), text)
            self.assertEqual(kind.parse(text), value)
        self.assertEqual(SEQUENCE.show(["a", "b"]), "a, b")

    def test_labels(self) -> None:
        """A list of options says which may be none."""
        self.assertEqual([SIZE.label, SIZE.optional().label], ["size", "size or none"])


class SpecificationTests(SynchronousTestCase):
    """Types are found by what addon authors write."""

    def test_accepts(self) -> None:
        """Names of kinds, option types and the usual annotations work."""
        cases: list[tuple[object, OptionType]] = [
            (bool, BOOL),
            (int, INT),
            (float, SECONDS),
            (str, STR),
            (pathlib.Path, PATH),
            ("size", SIZE),
            (SIZE.optional(), SIZE.optional()),
            (Optional[str], STR.optional()),  # noqa: UP045 - the older form is what is tried here
            (int | None, INT.optional()),
            (None | int, INT.optional()),
            (list[str], SEQUENCE),
            (Sequence[str], SEQUENCE),
            (list, SEQUENCE),
        ]
        for spec, kind in cases:
            self.assertEqual(type_from(spec), kind, spec)

    def test_refuses(self) -> None:
        """Types without a meaning for options are refused."""
        for spec in (dict, "text", 5, None, int | str, list[int], int | str | None, bytes, SynchronousTestCase):
            self.assertRaises(ValueError, type_from, spec)
