"""
multipart/form-data (RFC 7578, RFC 2046 section 5.1.1), as pairs of bytes.

A body is cut at its delimiters and put together again from the very bytes of the parts that were not edited; a part
whose value was edited keeps its head, so that a file stays a file of its name and type.
"""

import re
from collections import deque
from collections.abc import Sequence
from itertools import islice
from os import urandom
from typing import TypeVar

__all__ = ["new_boundary", "parse_multipart", "rewrite_multipart"]

K = TypeVar("K")

PARTS_LIMIT = 10_000  # parts; forms of people have dozens, and each part costs some hundred bytes beside its own

_NAME = re.compile(
    rb'(?i:^content-disposition)[ \t]*:[^\r\n]*;[ \t]*(?i:name)=("(?:[^"\\\r\n]|\\.)*"|[^;"\r\n]*)', re.M
)


def new_boundary() -> str:
    """A boundary that no body contains by chance: 128 random bits."""
    return f"----form{urandom(16).hex()}"


class _Part:
    """One part: its head with the empty line, its name, its value."""

    __slots__ = ("head", "name", "value")

    def __init__(self, raw: bytes) -> None:
        if raw.startswith(b"\r\n"):
            self.head, self.value = b"\r\n", raw[2:]
        else:
            block, gap, self.value = raw.partition(b"\r\n\r\n")
            self.head = block + gap
        found = _NAME.search(self.head)
        name = found[1] if found else b""
        self.name = re.sub(rb"\\(.)", rb"\1", name[1:-1]) if name.startswith(b'"') else name


def _delimiter(boundary: str) -> re.Pattern[bytes]:
    """The line that ends a part, the last one's dashes in a group; blanks may follow (RFC 2046 section 5.1.1)."""
    return re.compile(rb"\r\n--" + re.escape(boundary.encode()) + rb"(--)?[ \t]*(?=\r\n|\Z)")


def _cut(body: bytes, boundary: str) -> tuple[bytes, list[_Part], bytes]:
    """
    What stands before the first delimiter, the parts, and what stands after the last delimiter's dashes.

    @raise ValueError: there are more than C{PARTS_LIMIT} parts.
    """
    text = b"\r\n" + body  # the first delimiter may stand at the very beginning
    marks = list(islice(_delimiter(boundary).finditer(text), PARTS_LIMIT + 2))
    if not marks:
        return b"", [], b""
    if len(marks) > PARTS_LIMIT + 1:
        raise ValueError(f"a form of more than {PARTS_LIMIT} parts")
    parts = []
    end = len(text)
    for index, mark in enumerate(marks):
        if mark[1]:
            end = mark.end()
            break
        until = marks[index + 1].start() if index + 1 < len(marks) else len(text)
        parts.append(_Part(text[mark.end() + 2 : until]))
    return text[2 : marks[0].start() + 2], parts, text[end:]


def parse_multipart(body: bytes, boundary: str) -> list[tuple[bytes, bytes]]:
    """
    The parts as (name, value); a part that has no name has an empty one. A body that is no multipart has no parts.

    @raise ValueError: there are more than C{PARTS_LIMIT} parts.
    """
    return [(part.name, part.value) for part in _cut(body, boundary)[1]]


def rewrite_multipart(body: bytes, boundary: str, pairs: Sequence[tuple[bytes, bytes]]) -> bytes:
    """
    A multipart body of these pairs. A pair that is in the old body keeps its part's bytes, one whose name is there
    keeps that part's head.

    @param body: the old body; may be empty.
    @raise ValueError: a value contains a delimiter, so that it would be two parts.
    """
    preamble, old, epilogue = _cut(body, boundary)
    spare: dict[tuple[bytes, bytes], deque[_Part]] = {}
    for part in old:
        spare.setdefault((part.name, part.value), deque()).append(part)
    # Whoever stays keeps its own part, before the edited ones take what is left under their name.
    exact = [_taken(spare, pair) for pair in pairs]
    named: dict[bytes, deque[_Part]] = {}
    for (name, _), parts in spare.items():
        named.setdefault(name, deque()).extend(parts)
    mark = b"--" + boundary.encode()
    forbidden = _delimiter(boundary)
    pieces = [preamble]
    for (name, value), kept in zip(pairs, exact, strict=True):
        if forbidden.search(b"\r\n" + value + b"\r\n"):
            raise ValueError(f"the value of {name!r} contains the boundary")
        like = kept or _taken(named, name)
        pieces.append(mark + b"\r\n" + (like.head if like else _head(name)) + value + b"\r\n")
    pieces.append(mark + b"--" + (epilogue or b"\r\n"))
    return b"".join(pieces)


def _taken(spare: dict[K, deque[_Part]], key: K) -> _Part | None:
    """The next part under that key, which is then no longer there; None when there is none."""
    parts = spare.get(key)
    return parts.popleft() if parts else None


def _head(name: bytes) -> bytes:
    """The head of a new part; the name is escaped as browsers do (WHATWG HTML 4.10.21.8)."""
    escaped = name.replace(b"\r", b"%0D").replace(b"\n", b"%0A").replace(b'"', b"%22")
    return b'Content-Disposition: form-data; name="' + escaped + b'"\r\n\r\n'
