"""
The types an option can have: what text and which Python values each accepts, and how a value is shown.

L{mitmtw.options} holds the registry; this module knows nothing of names and owners. All refusals are C{ValueError}
whose message is the noun that was wanted ("a number of seconds"), so that the registry can make the sentence.
"""

import collections.abc
import math
import os
import re
import types
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Union, get_args, get_origin

__all__ = [
    "BOOL",
    "CHOICE",
    "INT",
    "KINDS",
    "PATH",
    "SECONDS",
    "SEQUENCE",
    "SIZE",
    "STR",
    "OptionType",
    "TypeSpec",
    "type_from",
]

_SIZE = re.compile(r"([0-9]{1,18})([kmg]?)b?", re.IGNORECASE | re.ASCII)
_INT = re.compile(r"[+-]?[0-9]{1,18}", re.ASCII)
_SIZE_UNITS: Final[Mapping[str, int]] = {"": 1, "k": 1024, "m": 1024**2, "g": 1024**3}  # bytes
_TRUE = frozenset({"true", "yes", "on", "1"})
_FALSE = frozenset({"false", "no", "off", "0"})

#: What each kind of value is called in an error message.
KINDS: Final[Mapping[str, str]] = {
    "bool": "true or false",
    "int": "a whole number",
    "seconds": "a number of seconds",
    "size": "a size in bytes (a number, or one with k, m or g)",
    "str": "a text",
    "path": "a path",
    "choice": "a text",
    "sequence": "a list of texts",
}


@dataclass(frozen=True, slots=True)
class OptionType:
    """
    What values an option takes.

    @ivar kind: one of the keys of L{KINDS}.
    @ivar is_optional: whether None is a value too; as text it is an empty one, and C{none} where that is no value.
    """

    kind: str
    is_optional: bool = False

    def optional(self) -> "OptionType":
        """Give the same type with None allowed."""
        return OptionType(self.kind, True)

    @property
    def label(self) -> str:
        """The name of this type in lists of options."""
        return f"{self.kind} or none" if self.is_optional else self.kind

    def parse(self, text: str) -> object:
        """
        Turn text from a command line or file into a value.

        @raise ValueError: with the noun of what was wanted.
        """
        if self.is_optional and (not text or (text.lower() == "none" and self.kind not in ("str", "path"))):
            return None
        match self.kind:
            case "bool":
                return self._parse_bool(text)
            case "int":
                return self._parse_int(text)
            case "seconds":
                return self._parse_seconds(text)
            case "size":
                return self._parse_size(text)
            case "sequence":
                return [text] if text else []
            case "path":
                return self._check_path(text)
            case _:
                return text

    def check(self, value: object) -> object:
        """
        Give the value as it is stored, if it is acceptable.

        Paths get their C{~} expanded, sequences become a new list, whole numbers become floats where seconds are
        wanted. Sizes, and numbers that may be none, are also accepted as text, because files have no other form for
        them (C{"64m"}, C{"none"}).

        @raise ValueError: with the noun of what was wanted.
        """
        if value is None and self.is_optional:
            return None
        if isinstance(value, str):
            if self.kind == "size" or (self.is_optional and self.kind in ("int", "seconds")):
                return self.parse(value)
            if self.kind == "path":
                return self._check_path(value)
            if self.kind in ("str", "choice"):
                return value
        elif isinstance(value, bool):
            if self.kind == "bool":
                return value
        elif isinstance(value, int | float):
            return self._check_number(value)
        elif self.kind == "path" and isinstance(value, os.PathLike):
            return self._check_path(os.fspath(value))
        elif self.kind == "sequence" and isinstance(value, Sequence) and all(isinstance(one, str) for one in value):
            return list(value)
        raise ValueError(KINDS[self.kind])

    def show(self, value: object) -> str:
        """Give the value as text that L{parse} understands; the items of a sequence are joined by commas."""
        if value is None:
            return "none"
        if isinstance(value, bool):
            return "true" if value else "false"
        if isinstance(value, list | tuple):
            return ", ".join(value)
        if self.kind == "size" and isinstance(value, int) and value:
            for letter in ("g", "m", "k"):
                if not value % _SIZE_UNITS[letter]:
                    return f"{value // _SIZE_UNITS[letter]}{letter}"
        if isinstance(value, float):
            return f"{value:.12g}"
        return str(value)

    def _parse_bool(self, text: str) -> bool:
        word = text.lower()
        if word in _TRUE:
            return True
        if word in _FALSE:
            return False
        raise ValueError(KINDS["bool"])

    def _parse_int(self, text: str) -> int:
        if not _INT.fullmatch(text):
            raise ValueError(KINDS["int"])
        return int(text)

    def _parse_seconds(self, text: str) -> float:
        try:
            number = float(text)
        except ValueError:
            raise ValueError(KINDS["seconds"]) from None
        if not math.isfinite(number) or number < 0:
            raise ValueError(KINDS["seconds"])
        return number

    def _parse_size(self, text: str) -> int:
        found = _SIZE.fullmatch(text)
        if not found:
            raise ValueError(KINDS["size"])
        return int(found[1]) * _SIZE_UNITS[found[2].lower()]

    def _check_number(self, value: int | float) -> int | float:
        if self.kind == "seconds" and math.isfinite(value) and value >= 0:
            return float(value)
        if isinstance(value, int) and (self.kind == "int" or (self.kind == "size" and value >= 0)):
            return value
        raise ValueError(KINDS[self.kind])

    def _check_path(self, path: str | bytes) -> str:
        text = os.fsdecode(path)
        if not text or "\0" in text:
            raise ValueError(KINDS["path"])
        return os.path.expanduser(text)


BOOL = OptionType("bool")
INT = OptionType("int")
#: A duration: a float, never negative, never infinite.
SECONDS = OptionType("seconds")
#: Bytes: an int; its text may end in k, m or g (powers of 1024).
SIZE = OptionType("size")
STR = OptionType("str")
#: The value is a str whose C{~} is expanded.
PATH = OptionType("path")
#: One of the option's choices.
CHOICE = OptionType("choice")
#: A list of str; on a command line the option is repeated.
SEQUENCE = OptionType("sequence")

#: How a type may be written: an L{OptionType}, the name of a kind, or a Python type such as C{int} or C{str | None}.
TypeSpec = OptionType | str | type | types.UnionType | types.GenericAlias | object

_PYTHON_TYPES: Final[Mapping[object, OptionType]] = {bool: BOOL, int: INT, float: SECONDS, str: STR, list: SEQUENCE}


def type_from(spec: TypeSpec) -> OptionType:
    """
    Find the option type that a specification means.

    Python types are understood as addon authors write them: C{bool}, C{int}, C{float}, C{str}, C{Optional[str]},
    C{str | None}, C{list[str]}, C{Sequence[str]}, C{os.PathLike} and C{pathlib.Path}.

    @raise ValueError: with what was wanted, when there is no such type.
    """
    if isinstance(spec, OptionType):
        return spec
    if isinstance(spec, str) and spec in KINDS:
        return OptionType(spec)
    if isinstance(spec, type) and not get_args(spec) and issubclass(spec, os.PathLike):
        return PATH
    if isinstance(spec, type) and spec in _PYTHON_TYPES:
        return _PYTHON_TYPES[spec]
    origin = get_origin(spec)
    wanted = get_args(spec)
    if origin in (Union, types.UnionType) and len(wanted) == 2 and type(None) in wanted:
        return type_from(next(one for one in wanted if one is not type(None))).optional()
    if origin in (list, tuple, collections.abc.Sequence) and wanted and wanted[0] is str:
        return SEQUENCE
    raise ValueError("a type that an option can have")
