"""
Cookie and Set-Cookie fields (RFC 6265 sections 4 and 5).

A value is what stands between the first C{=} and the next C{;}, quotes included, as browsers read it. What is not
edited keeps its bytes.
"""

from collections import deque
from collections.abc import Iterable, Mapping, Sequence

from typing_extensions import override

from mitmtw.model.dates import format_date, parse_date
from mitmtw.model.multidict import MultiDict, pairs_of

__all__ = [
    "CookieAttrs",
    "SetCookie",
    "format_set_cookie",
    "parse_cookies",
    "parse_set_cookie",
    "refresh_set_cookie",
    "rewrite_cookies",
    "rewrite_set_cookies",
]


class CookieAttrs(MultiDict[str, str | None]):
    """The attributes of a Set-Cookie field, names in any case; one without a value (C{HttpOnly}) is None."""

    __slots__ = ()

    @override
    def fold(self, key: object) -> object:
        return key.lower() if isinstance(key, str) else key


Attributes = Mapping[str, str | None] | Iterable[tuple[str, str | None]]
SetCookie = tuple[str, CookieAttrs]
"""A cookie's value and its attributes."""


def _segment(text: str) -> tuple[str, str]:
    """Name and value of C{name=value}; the value is empty when there is no C{=}."""
    name, _, value = text.partition("=")
    return name.strip(), value.strip()


def parse_cookies(field: str) -> list[tuple[str, str]]:
    """The cookies in a Cookie field's value."""
    return [_segment(part) for part in field.split(";") if part.strip()]


def rewrite_cookies(old: str, pairs: Sequence[tuple[str, str]]) -> str:
    """A Cookie field's value with these cookies, in which those that stood in the old one keep their bytes."""
    spellings: dict[tuple[str, str], deque[str]] = {}
    for part in old.split(";"):
        if part.strip():
            spellings.setdefault(_segment(part), deque()).append(part.strip())
    parts = []
    for name, value in pairs:
        kept = spellings.get((name, value))
        parts.append(kept.popleft() if kept else f"{name}={value}")
    return "; ".join(parts)


def parse_set_cookie(field: str) -> tuple[str, SetCookie]:
    """Name, and value with attributes, of a Set-Cookie field."""
    first, *rest = field.split(";")
    name, value = _segment(first)
    attributes = []
    for part in rest:
        if part.strip():
            key, equals, held = part.partition("=")
            attributes.append((key.strip(), held.strip() if equals else None))
    return name, (value, CookieAttrs(attributes))


def format_set_cookie(name: str, value: str, attributes: Attributes = ()) -> str:
    """A Set-Cookie field's value."""
    parts = [f"{name}={value}"]
    for key, held in pairs_of(attributes):
        parts.append(key if held is None else f"{key}={held}")
    return "; ".join(parts)


def rewrite_set_cookies(old: Iterable[str], cookies: Iterable[tuple[str, str | tuple[str, Attributes]]]) -> list[str]:
    """
    The values of the Set-Cookie fields for these cookies, in which those that stood among the old ones keep their
    bytes.

    @param cookies: (name, (value, attributes)); a mere C{str} stands for a value without attributes.
    """
    spellings: dict[object, deque[str]] = {}
    for field in old:
        name, (value, attributes) = parse_set_cookie(field)
        spellings.setdefault((name, value, attributes.fields), deque()).append(field)
    fields = []
    for name, cookie in cookies:
        held, given = (cookie, ()) if isinstance(cookie, str) else cookie
        pairs = tuple(pairs_of(given))
        kept = spellings.get((name, held, pairs))
        fields.append(kept.popleft() if kept else format_set_cookie(name, held, pairs))
    return fields


def refresh_set_cookie(field: str, seconds: float) -> str:
    """
    A Set-Cookie field's value whose C{Expires} is that much later. A date that cannot be read is left alone.
    """
    parts = field.split(";")
    for index, part in enumerate(parts[1:], 1):
        key, _, value = part.partition("=")
        if key.strip().lower() == "expires":
            date = parse_date(value)
            if date is not None:
                parts[index] = f"{key}={format_date(date + seconds)}"
    return ";".join(parts)
