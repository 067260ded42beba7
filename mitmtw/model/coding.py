"""
Content codings: gzip, deflate, br, zstd, and chains of them (RFC 9110 section 8.4, RFC 8878).

Every decoder is bounded: a few kilobytes can unpack to gigabytes, so the output is counted while it grows and never
made beyond the limit. brotli and zstd are imported when they are first needed.
"""

import sys
import zlib
from collections.abc import Callable
from functools import cache
from typing import Any

__all__ = ["CODINGS", "DECODED_LIMIT", "ContentTooLarge", "codings_of", "decode", "encode"]

DECODED_LIMIT = 256 * 1024 * 1024
"""
Bytes; four times the largest body that is collected by default (64 MiB), far below what would hurt a machine that has a
browser on it.
"""

CHAIN_LIMIT = 3
"""Codings on one body; more than one is already rare, and each multiplies what a bomb can do."""

_STEP = 1024 * 1024  # bytes of output per call of a decompressor, so that a bomb is noticed early

_SLICE = 64 * 1024  # bytes of input per call of a decompressor

_MEMBERS_LIMIT = 10_000  # gzip members or zstd frames; block gzip, which has most, needs 4096 for DECODED_LIMIT

_GZIP = 31  # zlib's "wbits": the largest window, in gzip's wrapper


class ContentTooLarge(ValueError):
    """The decoded content would be larger than the limit."""


def codings_of(field: str) -> list[str]:
    """
    The codings in a Content-Encoding value in the order in which they were applied, lower case, without C{identity} and
    empty members.

    @raise ValueError: they are more than C{CHAIN_LIMIT}, or one is unknown.
    """
    names = [name for part in field.split(",") if (name := part.strip().lower()) not in ("", "identity")]
    if len(names) > CHAIN_LIMIT:
        raise ValueError(f"more than {CHAIN_LIMIT} content codings: {field!r}")
    for name in names:
        if name not in _DECODERS:
            raise ValueError(f"unknown content coding {name!r}")
    return names


def decode(content: bytes, coding: str, limit: int = DECODED_LIMIT) -> bytes:
    """
    Undo the content codings.

    @param coding: the value of Content-Encoding; several codings are undone from the last to the first.
    @param limit: bytes that the result, and each step on the way, may have.
    @raise ContentTooLarge: the result would be larger.
    @raise ValueError: a coding is unknown, or the content is damaged or cut short.
    """
    for name in reversed(codings_of(coding)):
        # Servers send a coded "nothing" as nothing at all, to HEAD or for an empty file.
        if content:
            content = _DECODERS[name](content, limit)
    if len(content) > limit:
        raise ContentTooLarge(f"content is larger than {limit} bytes")
    return content


def encode(content: bytes, coding: str) -> bytes:
    """
    Apply the content codings.

    @param coding: the value of Content-Encoding; several codings are applied from the first to the last.
    @raise ValueError: a coding is unknown.
    """
    for name in codings_of(coding):
        content = _ENCODERS[name](content)
    return content


class _Parts:
    """
    A decoder's input slice by slice, its output piece by piece, and both its bounds.

    A decompressor copies what stands behind the end of a gzip member or zstd frame; with slices and a bound on their
    number, a body of millions of empty members costs no more than an honest one.
    """

    __slots__ = ("_content", "_limit", "_members", "_position", "_size", "pieces")

    def __init__(self, content: bytes, limit: int) -> None:
        self._content = content
        self._limit = limit
        self._members = 0
        self._position = 0
        self._size = 0
        self.pieces: list[bytes] = []

    def more(self) -> bytes:
        """The next slice of the input; empty at its end."""
        start = self._position
        self._position = start + _SLICE
        return self._content[start : start + _SLICE]

    def add(self, piece: bytes) -> None:
        """
        Keep a piece of the output.

        @raise ContentTooLarge: that is more than the limit.
        """
        self._size += len(piece)
        if self._size > self._limit:
            raise ContentTooLarge(f"content is larger than {self._limit} bytes")
        self.pieces.append(piece)

    def member(self) -> None:
        """
        Count the beginning of a member or frame.

        @raise ValueError: they are too many.
        """
        self._members += 1
        if self._members > _MEMBERS_LIMIT:
            raise ValueError(f"compressed content has more than {_MEMBERS_LIMIT} members")


def _inflate(content: bytes, limit: int, wbits: int) -> bytes:
    """Undo zlib's compression, member after member where the format (gzip, RFC 1952 section 2.2) allows several."""
    parts = _Parts(content, limit)
    rest = parts.more()
    # What follows a zlib stream is padding, and so are zeros after a gzip member.
    while rest and not (parts.pieces and not rest.strip(b"\0")):
        parts.member()
        decompressor = zlib.decompressobj(wbits)
        try:
            while True:
                piece = decompressor.decompress(rest, _STEP)
                parts.add(piece)
                if decompressor.eof:
                    break
                rest = decompressor.unconsumed_tail or parts.more()
                if not rest and not piece:
                    raise ValueError("compressed content is cut short")
        except zlib.error as error:
            raise ValueError(f"compressed content is damaged: {error}") from error
        if wbits != _GZIP:
            break
        rest = decompressor.unused_data or parts.more()
    return b"".join(parts.pieces)


def _gunzip(content: bytes, limit: int) -> bytes:
    """Undo gzip."""
    return _inflate(content, limit, _GZIP)


def _undeflate(content: bytes, limit: int) -> bytes:
    """Undo deflate: the zlib format that RFC 9110 section 8.4.1.2 asks for, or the bare one that some servers send."""
    # A zlib header is a multiple of 31 with compression method 8 (RFC 1950 section 2.2).
    if len(content) >= 2 and content[0] & 0x0F == 8 and (content[0] << 8 | content[1]) % 31 == 0:
        return _inflate(content, limit, 15)
    return _inflate(content, limit, -15)


def _unbrotli(content: bytes, limit: int) -> bytes:
    """Undo brotli."""
    import brotli

    parts = _Parts(content, limit)
    decompressor = brotli.Decompressor()
    try:
        # Without slices: nothing may follow a brotli stream. It says early that it takes more input, so that only no
        # output at all means that everything was made of what it has.
        piece = decompressor.process(content, output_buffer_limit=_STEP)
        while piece:
            parts.add(piece)
            piece = b"" if decompressor.is_finished() else decompressor.process(b"", output_buffer_limit=_STEP)
    except brotli.error as error:
        raise ValueError(f"compressed content is damaged: {error}") from error
    if not decompressor.is_finished():
        raise ValueError("compressed content is cut short")
    return b"".join(parts.pieces)


def _unzstd(content: bytes, limit: int) -> bytes:
    """Undo zstd, frame after frame (RFC 8878 section 3)."""
    zstd = _zstd()
    parts = _Parts(content, limit)
    rest = parts.more()
    while rest:
        parts.member()
        # 8 MiB is the window that RFC 9659 section 3 allows for this content coding.
        decompressor = zstd.ZstdDecompressor(options={zstd.DecompressionParameter.window_log_max: 23})
        try:
            while not decompressor.eof:
                parts.add(decompressor.decompress(rest, _STEP))
                rest = parts.more() if decompressor.needs_input else b""
                if decompressor.needs_input and not rest:
                    raise ValueError("compressed content is cut short")
        except zstd.ZstdError as error:
            raise ValueError(f"compressed content is damaged: {error}") from error
        rest = decompressor.unused_data or parts.more()
    return b"".join(parts.pieces)


@cache
def _zstd() -> Any:
    """The zstd module: the standard library's from Python 3.14 on, else its backport."""
    if sys.version_info >= (3, 14):
        from compression import zstd
    else:
        from backports import zstd
    return zstd


def _gzip(content: bytes) -> bytes:
    """Apply gzip, with no time and no name in it, so that the same content always gives the same bytes."""
    compressor = zlib.compressobj(wbits=_GZIP)
    return compressor.compress(content) + compressor.flush()


def _brotli(content: bytes) -> bytes:
    """Apply brotli."""
    import brotli

    # Quality 5 of 11 is about gzip's default in time and still smaller; 11 takes a second per megabyte.
    packed: bytes = brotli.compress(content, quality=5)
    return packed


def _compress_zstd(content: bytes) -> bytes:
    """Apply zstd at its default level."""
    packed: bytes = _zstd().compress(content)
    return packed


_DECODERS: dict[str, Callable[[bytes, int], bytes]] = {
    "gzip": _gunzip,
    "x-gzip": _gunzip,
    "deflate": _undeflate,
    "br": _unbrotli,
    "zstd": _unzstd,
}

_ENCODERS: dict[str, Callable[[bytes], bytes]] = {
    "gzip": _gzip,
    "x-gzip": _gzip,
    "deflate": zlib.compress,
    "br": _brotli,
    "zstd": _compress_zstd,
}

CODINGS = ("gzip", "deflate", "br", "zstd", "identity")
"""The codings that we can read, as one may list them in Accept-Encoding."""
