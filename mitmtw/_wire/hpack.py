"""
HPACK (RFC 7541): blocks of fields to bytes and back, over a library's coder and under limits of our own.

There are two coders. The quick one is written in Rust and stands under a private name of jh2; the pure one is the
package hpack. Each takes some blocks that RFC 7541 forbids, and the Rust one panics on an integer that is cut off. So
L{check_block} walks over the structure of a block before either sees it, and L{BlockDecoder} looks at the padding of
the Huffman strings afterwards.
"""

import importlib
from collections.abc import Callable
from typing import Any, Final, Literal

from mitmtw.errors import LocalProtocolError, RemoteProtocolError

__all__ = [
    "CODER",
    "CODERS",
    "DEFAULT_TABLE_BYTES",
    "BlockDecoder",
    "BlockEncoder",
    "Coder",
    "CompressionFailed",
    "FieldListTooLong",
    "Triple",
    "check_block",
]

#: Which implementation does the work.
Coder = Literal["rust", "python"]
#: Name, value, and whether the field must never enter a table (RFC 7541 section 7.1.3).
Triple = tuple[bytes, bytes, bool]

#: Octets of the dynamic table before any settings came (RFC 9113 section 6.5.2).
DEFAULT_TABLE_BYTES: Final = 4096
#: Octets of one integer, with the one that holds its prefix. Five reach 2**28, more than any length or index here.
_MOST_INTEGER_OCTETS: Final = 5
#: Table size updates before the first field: the smallest and the last one (RFC 7541 section 4.2).
_MOST_UPDATES: Final = 2
#: Octets that stand for one field each; a block of nothing else cannot be malformed but for an index that is not there.
_INDEXED: Final = bytes(range(0x81, 0xFF))


class CompressionFailed(RemoteProtocolError):
    """A block cannot be decoded; the connection has lost its compression state (RFC 9113 section 4.3)."""


class FieldListTooLong(RemoteProtocolError):
    """A block expands to more than the decoder may hold; the compression state is lost with it."""

    def __init__(self, message: str) -> None:
        super().__init__(message, 431)


def _load_rust() -> dict[str, Any]:
    """The names of the Rust coder; empty when this version of jh2 has none, or there is no wheel for this machine."""
    try:
        found = vars(importlib.import_module("jh2._hazmat"))
        return {name: found[name] for name in ("Decoder", "Encoder", "HPACKError", "OversizedHeaderListError")}
    except (ImportError, KeyError):
        return {}


def _load_python() -> dict[str, Any]:
    """The names of the pure coder."""
    found = vars(importlib.import_module("hpack"))
    return {name: found[name] for name in ("Decoder", "Encoder", "HPACKError", "OversizedHeaderListError")}


_LOADED: Final[dict[str, dict[str, Any]]] = {
    name: loaded for name, loaded in (("rust", _load_rust()), ("python", _load_python())) if loaded
}
#: The coders that are there.
CODERS: Final[tuple[Coder, ...]] = ("rust", "python") if "rust" in _LOADED else ("python",)
#: The coder that is used unless another is asked for.
CODER: Final[Coder] = CODERS[0]


def _code_lengths() -> bytes:
    """How many bits the Huffman code of each octet has (RFC 7541 appendix B), to be used with C{bytes.translate}."""
    constants = importlib.import_module("hpack.huffman_constants")
    return bytes(constants.REQUEST_CODES_LENGTH[:256])


_CODE_LENGTHS: Final = _code_lengths()


class BlockEncoder:
    """
    Turns fields into blocks, and keeps the table that the peer's decoder keeps too.
    """

    __slots__ = ("_encode", "_library", "_most_bytes", "_table_bytes")

    def __init__(self, coder: Coder = CODER, most_table_bytes: int = DEFAULT_TABLE_BYTES) -> None:
        """
        @param most_table_bytes: octets of the table, whatever the peer allows: it costs memory here, not there.
        """
        self._library = _LOADED[coder]["Encoder"]()
        self._encode: Callable[[list[Triple], bool], bytes] = self._library.encode
        self._most_bytes = most_table_bytes
        self._table_bytes = DEFAULT_TABLE_BYTES
        self.allow_table(DEFAULT_TABLE_BYTES)

    def allow_table(self, table_bytes: int) -> None:
        """Keep within what the peer's SETTINGS_HEADER_TABLE_SIZE allows; the next block tells it."""
        table_bytes = min(table_bytes, self._most_bytes)
        if table_bytes != self._table_bytes:
            self._table_bytes = table_bytes
            self._library.header_table_size = table_bytes

    def encode(self, fields: list[Triple]) -> bytes:
        """
        The block of these fields, in their order.

        @raise LocalProtocolError: when a field is not made of bytes.
        """
        try:
            return self._encode(fields, True)
        except (TypeError, ValueError) as failure:
            raise LocalProtocolError("A field cannot be encoded with HPACK.") from failure


class BlockDecoder:
    """
    Turns blocks into fields. After an error it must not be used again: the two tables may differ.
    """

    __slots__ = (
        "_allowed",
        "_decode",
        "_failures",
        "_is_rust",
        "_library",
        "_must_shrink",
        "_table_bytes",
        "_too_long",
    )

    def __init__(self, coder: Coder = CODER, most_list_bytes: int = 262144) -> None:
        """
        @param most_list_bytes: octets that one block may expand to, 32 more for each field counted in (RFC 9113 section
            10.5.1). A block of 64 KiB could name an entry of 4 KiB 64 Ki times.
        """
        loaded = _LOADED[coder]
        self._library = loaded["Decoder"](most_list_bytes)
        self._decode: Callable[[bytes, bool], list[Any]] = self._library.decode
        self._failures: type[Exception] = loaded["HPACKError"]
        self._too_long: type[Exception] = loaded["OversizedHeaderListError"]
        self._is_rust = coder == "rust"
        self._allowed = self._table_bytes = DEFAULT_TABLE_BYTES
        self._must_shrink = False

    @property
    def table_bytes(self) -> int:
        """Octets that the peer's encoder may use of its table now."""
        return self._allowed

    def allow_table(self, table_bytes: int) -> None:
        """
        The peer acknowledged this SETTINGS_HEADER_TABLE_SIZE of ours. When it is less than the table has now, the next
        block must begin with an update of the table's size (RFC 7541 section 4.2).
        """
        self._allowed = table_bytes
        self._must_shrink = table_bytes < self._table_bytes
        if not self._must_shrink:
            self._library.max_allowed_table_size = table_bytes

    def decode(self, block: bytes) -> list[Triple]:
        """
        The fields of a block, in their order.

        @raise CompressionFailed: it is malformed, or names an entry that is not there.
        @raise FieldListTooLong: it expands to too much.
        """
        literals: list[tuple[int, int, int, int]] = []
        if self._must_shrink or block.translate(None, _INDEXED):
            updates: list[int] = []
            check_block(block, self._allowed, updates, literals)
            if self._must_shrink and not updates:
                raise CompressionFailed("The peer did not shrink its table (RFC 7541 section 4.2).")
            if updates:
                self._table_bytes = updates[-1]
        try:
            fields: list[Triple] = self._decode(block, True)
        except self._too_long as failure:
            raise FieldListTooLong("A block of fields expands to more than may be held.") from failure
        except self._failures as failure:
            raise CompressionFailed("A block of fields cannot be decoded (RFC 7541).") from failure
        except BaseException as failure:
            # A panic in Rust comes as an exception that is none of Exception's, and its class is not to be had.
            if type(failure).__name__ != "PanicException":
                raise
            raise CompressionFailed("A block of fields broke the decoder.") from failure
        if not self._is_rust:
            fields = [(field[0], field[1], not field.indexable) for field in fields]  # type: ignore[attr-defined]
        if self._must_shrink:
            self._must_shrink = False
            self._library.max_allowed_table_size = self._allowed
        for place, part, length, last in literals:
            _check_padding(fields[place][1] if part else fields[place][0], length, last)
        return fields


def _check_padding(text: bytes, length: int, last: int) -> None:
    """
    Look at the bits after the last symbol of a Huffman string: fewer than eight, all set (RFC 7541 section 5.2).

    @param length: octets of the string as it came.
    @param last: its last octet.
    @raise CompressionFailed: they are not.
    """
    padding = length * 8 - sum(text.translate(_CODE_LENGTHS))
    ones = (1 << padding) - 1 if 0 <= padding < 8 else -1
    if ones < 0 or last & ones != ones:
        raise CompressionFailed("The padding of a Huffman string is malformed (RFC 7541 section 5.2).")


def check_block(block: bytes, allowed: int, updates: list[int], literals: list[tuple[int, int, int, int]]) -> None:
    """
    Walk over the representations of a block (RFC 7541 section 6) without decoding any.

    @param allowed: octets that the table may have at most.
    @param updates: gets the table sizes that the block begins with.
    @param literals: gets, for each Huffman string, which field it is of, whether it is the name (0) or the value (1),
        its length in octets and its last octet.
    @raise CompressionFailed: it is cut off, an integer is too long, or a table size is out of place or too large.
    """
    size = len(block)
    # Fields of one octet at the beginning need no look.
    start = place = size - len(block.lstrip(_INDEXED))
    try:
        while start < size:
            octet = block[start]
            if octet > 127:
                start = start + 1 if octet != 255 else _integer(block, start, 127)[1]
                place += 1
                continue
            if 0x20 <= octet < 0x40:
                value, start = _integer(block, start, 31)
                if place or value > allowed or len(updates) == _MOST_UPDATES:
                    raise CompressionFailed("A table size is out of place or too large (RFC 7541 sections 4.2, 6.3).")
                updates.append(value)
                continue
            mask = 63 if octet > 63 else 15
            start = start + 1 if octet & mask != mask else _integer(block, start, mask)[1]
            for part in (0, 1) if not octet & mask else (1,):
                first = block[start]
                length = first & 127
                if length == 127:
                    length, start = _integer(block, start, 127)
                else:
                    start += 1
                start += length
                if start > size:
                    raise CompressionFailed("A string is cut off (RFC 7541 section 5.2).")
                if first > 127 and length:
                    literals.append((place, part, length, block[start - 1]))
            place += 1
    except IndexError:
        raise CompressionFailed("A block of fields is cut off (RFC 7541 section 6).") from None


def _integer(block: bytes, start: int, mask: int) -> tuple[int, int]:
    """
    Read an integer (RFC 7541 section 5.1).

    @param mask: the bits of its prefix.
    @return: the integer, and where it ends.
    @raise CompressionFailed: it has more octets than any that is meant.
    @raise IndexError: it is cut off.
    """
    value = block[start] & mask
    start += 1
    if value < mask:
        return value, start
    for shift in range(0, 7 * (_MOST_INTEGER_OCTETS - 1), 7):
        octet = block[start]
        start += 1
        value += (octet & 127) << shift
        if octet < 128:
            return value, start
    raise CompressionFailed("An integer is too long (RFC 7541 section 5.1).")
