"""
The fields of a head, remembered for the next one on the same connection.

Who keeps a connection sends nearly the same fields again and again. When they are the same bytes as those of the head
before, all that was worked out about them still holds: the pairs, how they frame the body, and how they go on to the
next hop. Only the last head of each connection is remembered, and only as long as the connection; that holds for
credentials too, which come again with each request of their client.
"""

from typing import Any, Generic, Self, TypeVar

from typing_extensions import override

from mitmtw._wire.events import Fields

__all__ = ["Block", "Memory", "Remembered", "block_of"]

_Verdict = TypeVar("_Verdict")
#: How the fields go on: framing, length, value of Connection, and what else decides.
Key = tuple[object, ...]


class Block(Generic[_Verdict]):
    """
    The fields of one head, and what is known of them.

    @ivar text: the field lines as they came.
    @ivar about: what else the verdict depends on: version, status, method.
    @ivar fields: the pairs; never changed.
    @ivar verdict: what L{mitmtw._wire.framing} says of them.
    """

    __slots__ = ("_key", "_lines", "about", "fields", "text", "verdict")

    def __init__(self, text: bytes, about: object, fields: Fields, verdict: _Verdict) -> None:
        self.text = text
        self.about = about
        self.fields = fields
        self.verdict = verdict
        self._key: Key = ()
        self._lines = b""

    def lines_for(self, key: Key) -> bytes | None:
        """The lines that were sent when the fields last went on in this way; None when that was otherwise."""
        return self._lines if self._key == key else None

    def remember(self, key: Key, head: bytes) -> None:
        """
        Remember how the fields went on.

        @param head: what was sent: a first line, which is left out, and the lines of the fields.
        """
        self._key = key
        self._lines = head[head.index(b"\r\n") + 2 :]


class Remembered(list[tuple[bytes, bytes]]):
    """
    The fields of a head as they came. They may be changed like any list; L{block_of} sees that they were.

    @ivar block: what is known of the fields as they came.
    """

    __slots__ = ("block",)

    block: Block[Any]

    @classmethod
    def of(cls, block: Block[_Verdict]) -> Self:
        """The fields of a block, in a list of their own."""
        self = cls(block.fields)
        self.block = block
        return self

    @override
    def copy(self) -> "Remembered":
        """The same fields in another list."""
        other = type(self)(self)
        other.block = self.block
        return other


class Memory(Generic[_Verdict]):
    """
    What a connection remembers.

    @ivar last: the fields of its last head.
    """

    __slots__ = ("last",)

    def __init__(self) -> None:
        self.last: Block[_Verdict] | None = None


def block_of(fields: Fields) -> Block[Any] | None:
    """What is known of the fields; None when they did not come in this form, or were changed since."""
    if type(fields) is Remembered and fields == fields.block.fields:
        return fields.block
    return None
