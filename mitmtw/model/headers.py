"""
The fields of a message: a case-insensitive multi-dict over the raw pairs (RFC 9110 section 5).

The raw list is the truth: the codecs hand it in and read it out, in the order and case of the wire. The friendly view
speaks C{str}, by UTF-8 with surrogateescape, so that any bytes survive a round trip. Nothing is checked here but the
types: what the protocol forbids (CR, LF, NUL in a value) is refused when the message is written.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Self, TypeVar, overload

from typing_extensions import override

from mitmtw.model.multidict import MultiMapping

__all__ = ["Headers", "as_bytes", "as_text"]

T = TypeVar("T")

Text = str | bytes
"""What authors may write where the model keeps bytes."""

_KEYS: dict[str, bytes] = {}
_KEYS_LIMIT = 1024  # names; a process sees some hundred, and a peer must not make this grow for ever


def as_bytes(text: Text) -> bytes:
    """
    Text as it goes to the wire: UTF-8 with surrogateescape; bytes stay as they are.

    @raise TypeError: it is neither C{str} nor C{bytes}.
    """
    if isinstance(text, bytes):
        return text
    if isinstance(text, str):
        return text.encode("utf-8", "surrogateescape")
    raise TypeError(f"expected str or bytes, got {type(text).__name__}: {text!r}")


def as_text(raw: Text) -> str:
    """The inverse of L{as_bytes}: what cannot be UTF-8 becomes lone surrogates; C{str} stays as it is."""
    return raw.decode("utf-8", "surrogateescape") if isinstance(raw, bytes) else raw


def fold(name: Text) -> bytes:
    """
    A field name in lower case, as bytes; names are compared in this form.

    @raise TypeError: it is neither C{str} nor C{bytes}.
    """
    if not isinstance(name, str):
        return as_bytes(name).lower()
    key = _KEYS.get(name)
    if key is None:
        if len(_KEYS) >= _KEYS_LIMIT:
            _KEYS.clear()
        key = _KEYS[name] = as_bytes(name).lower()
    return key


class Headers(MultiMapping[str, str]):
    """
    The fields of a message, or its trailers.

    C{headers["name"]} joins repeated fields with C{", "}, as RFC 9110 section 5.3 allows for all fields but Set-Cookie:
    read that one with C{get_all("set-cookie")}. Assigning puts the value where the first such field stands, in the
    name's spelling there, and removes the others. Names and values may be given as C{str} or C{bytes}; what is read is
    C{str}. Keyword arguments of the constructor are fields too, with C{_} for C{-}:
    C{Headers(content_type="text/plain")}.

    @ivar raw: the fields as the wire has them: THE list of (name, value) in bytes. It may be edited in place.
    """

    __slots__ = ("raw",)
    __hash__ = None  # type: ignore[assignment]  # it is mutable

    def __init__(self, fields: Mapping[str, str] | Iterable[Sequence[Text]] = (), **keywords: Text) -> None:
        self.raw: list[tuple[bytes, bytes]] = _raw_pairs(fields)
        for name, value in keywords.items():
            self[name.replace("_", "-")] = value

    @classmethod
    def of(cls, raw: list[tuple[bytes, bytes]]) -> Self:
        """Adopt a list of raw pairs without copying it: edits show in that very list."""
        self = cls.__new__(cls)
        self.raw = raw
        return self

    @property
    def fields(self) -> tuple[tuple[bytes, bytes], ...]:
        """The raw pairs as a tuple; assigning any iterable of pairs, or a mapping, replaces them all."""
        return tuple(self.raw)

    @fields.setter
    def fields(self, fields: Mapping[str, str] | Iterable[Sequence[Text]]) -> None:
        self.raw[:] = _raw_pairs(fields)

    @override
    def _pairs(self) -> Sequence[tuple[str, str]]:
        return [(as_text(name), as_text(value)) for name, value in self.raw]

    def _values(self, name: Text) -> list[bytes]:
        """The raw values of all fields of that name."""
        key = fold(name)
        size = len(key)
        # Comparing the length first spares most of the calls to lower().
        return [value for held, value in self.raw if len(held) == size and held.lower() == key]

    @override
    def __getitem__(self, name: Text) -> str:
        found = self._values(name)
        if not found:
            raise KeyError(name)
        return (found[0] if len(found) == 1 else b", ".join(found)).decode("utf-8", "surrogateescape")

    @overload
    def get(self, name: Text, /) -> str | None: ...
    @overload
    def get(self, name: Text, /, default: str | T) -> str | T: ...

    @override
    def get(self, name: Text, /, default: object = None) -> object:
        """The values of that name as C{self[name]} joins them, or the default when there is none."""
        found = self._values(name)
        if not found:
            return default
        return (found[0] if len(found) == 1 else b", ".join(found)).decode("utf-8", "surrogateescape")

    def first(self, key: bytes) -> bytes | None:
        """
        The raw value of the first field of that name, or None; the quickest way to look.

        @param key: the name in lower case.
        """
        size = len(key)
        for held, value in self.raw:
            if len(held) == size and held.lower() == key:
                return value
        return None

    @override
    def __setitem__(self, name: Text, value: Text) -> None:
        self.set_all(name, [value])

    @override
    def __delitem__(self, name: Text) -> None:
        key = fold(name)
        left = [pair for pair in self.raw if pair[0].lower() != key]
        if len(left) == len(self.raw):
            raise KeyError(name)
        self.raw[:] = left

    @override
    def __contains__(self, name: object) -> bool:
        return isinstance(name, (str, bytes)) and self.first(fold(name)) is not None

    @override
    def __iter__(self) -> Iterator[str]:
        seen: dict[bytes, bytes] = {}
        for name, _ in self.raw:
            seen.setdefault(name.lower(), name)
        return iter([as_text(name) for name in seen.values()])

    @override
    def __len__(self) -> int:
        return len({name.lower() for name, _ in self.raw})

    @override
    def __eq__(self, other: object) -> bool:
        if isinstance(other, Headers):
            return self.raw == other.raw
        if isinstance(other, Mapping) and not isinstance(other, MultiMapping):
            return {fold(n): v for n, v in self.items()} == {fold(n): v for n, v in other.items()}
        return NotImplemented

    def get_all(self, name: Text) -> list[str]:
        """The values of all fields of that name, in order and not joined; an empty list when there is none."""
        return [value.decode("utf-8", "surrogateescape") for value in self._values(name)]

    def set_all(self, name: Text, values: Iterable[Text]) -> None:
        """
        Give exactly these values to that name, one field each. They take the places of the old ones, which keep their
        spelling of the name; old ones that are too many go, and what is more is appended in the spelling given here.

        @raise TypeError: name or value is neither C{str} nor C{bytes}.
        """
        if isinstance(values, str | bytes):
            raise TypeError("set_all takes a list of values, not one")
        key = fold(name)
        size = len(key)
        left = [as_bytes(value) for value in values]
        left.reverse()
        fields = []
        for pair in self.raw:
            if len(pair[0]) != size or pair[0].lower() != key:
                fields.append(pair)
            elif left:
                fields.append((pair[0], left.pop()))
        spelling = as_bytes(name)
        while left:
            fields.append((spelling, left.pop()))
        self.raw[:] = fields

    def add(self, name: Text, value: Text) -> None:
        """
        Append a field, whatever is there already.

        @raise TypeError: name or value is neither C{str} nor C{bytes}.
        """
        self.raw.append((as_bytes(name), as_bytes(value)))

    def insert(self, index: int, name: Text, value: Text) -> None:
        """
        Insert a field before position C{index} of L{raw}.

        @raise TypeError: name or value is neither C{str} nor C{bytes}.
        """
        self.raw.insert(index, (as_bytes(name), as_bytes(value)))

    def replace(self, pattern: Text, replacement: Text, flags: int = 0, count: int = 0) -> int:
        """
        Replace a regular expression in each line C{name: value}, and say how often. A line in which no C{:} is left
        after it keeps its old text.

        @param count: at most so many replacements; 0 is all.
        """
        expression = re.compile(as_bytes(pattern), flags)
        new = as_bytes(replacement)
        total = 0
        for index, (name, value) in enumerate(self.raw):
            line, times = expression.subn(new, name + b": " + value, count=count - total if count else 0)
            name, colon, value = line.partition(b":")
            if times and colon:
                self.raw[index] = (name.rstrip(b" \t"), value.lstrip(b" \t"))
                total += times
            if count and total >= count:
                break
        return total

    def copy(self) -> Self:
        """The same fields in a list of their own."""
        return self.of(self.raw.copy())

    def __bytes__(self) -> bytes:
        """The fields as lines, each with its CRLF; the empty line that ends a head is not there."""
        return b"".join([b"%b: %b\r\n" % pair for pair in self.raw])

    @override
    def __repr__(self) -> str:
        return f"Headers[{', '.join(repr(pair) for pair in self.raw)}]"


def _raw_pairs(fields: Mapping[str, str] | Iterable[Sequence[Text]]) -> list[tuple[bytes, bytes]]:
    """Raw pairs from whatever an author may give: fields, a mapping, or an iterable of pairs."""
    if isinstance(fields, Headers):
        return fields.raw.copy()
    pairs: Iterable[Sequence[Text]] = fields.items() if isinstance(fields, Mapping) else fields
    raw = []
    for name, value in pairs:
        raw.append((as_bytes(name), as_bytes(value)))
    return raw
