"""
Frames of HTTP/2 (RFC 9113 sections 4 and 6): their numbers, and how they are written.
"""

from struct import Struct
from typing import Final

__all__ = [
    "ACK",
    "CONTINUATION",
    "DATA",
    "END_HEADERS",
    "END_STREAM",
    "FRAME_HEAD",
    "GOAWAY",
    "HEADERS",
    "HIGHEST_STREAM",
    "LARGEST_FRAME",
    "LARGEST_WINDOW",
    "PADDED",
    "PING",
    "PREFACE",
    "PRIORITY",
    "PRIORITY_FLAG",
    "PRIORITY_UPDATE",
    "PUSH_PROMISE",
    "RST_STREAM",
    "SETTINGS",
    "SMALLEST_FRAME",
    "WINDOW_UPDATE",
    "block_frames",
    "data_frames",
    "frame",
    "goaway",
    "ping",
    "rst_stream",
    "window_update",
]

#: What a client says first (section 3.4).
PREFACE: Final = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"

DATA: Final = 0
HEADERS: Final = 1
PRIORITY: Final = 2
RST_STREAM: Final = 3
SETTINGS: Final = 4
PUSH_PROMISE: Final = 5
PING: Final = 6
GOAWAY: Final = 7
WINDOW_UPDATE: Final = 8
CONTINUATION: Final = 9
#: RFC 9218 section 7.1.
PRIORITY_UPDATE: Final = 16

END_STREAM: Final = 1
ACK: Final = 1
END_HEADERS: Final = 4
PADDED: Final = 8
PRIORITY_FLAG: Final = 32

#: Sections 4.2 and 6.5.2, octets.
SMALLEST_FRAME: Final = 16384
LARGEST_FRAME: Final = 2**24 - 1
#: Section 6.9.1, octets.
LARGEST_WINDOW: Final = 2**31 - 1
#: Section 4.1: the highest bit of a stream number is reserved.
HIGHEST_STREAM: Final = 2**31 - 1

#: Upper 16 and lower 8 bits of the length, type, flags, stream.
FRAME_HEAD: Final = Struct(">HBBBL")
_pack: Final = FRAME_HEAD.pack
_WORD: Final = Struct(">HBBBLL").pack
_TWO_WORDS: Final = Struct(">LL").pack


def frame(kind: int, flags: int, stream: int, payload: bytes) -> bytes:
    """One frame; its length must be one that the peer takes."""
    length = len(payload)
    return _pack(length >> 8, length & 255, kind, flags, stream) + payload


def block_frames(stream: int, block: bytes, end_stream: bool, most: int) -> bytes:
    """
    A block of fields as HEADERS, and CONTINUATION when it is longer than one frame.

    @param most: octets of the peer's largest frame.
    """
    flags = END_STREAM if end_stream else 0
    length = len(block)
    if length <= most:
        return _pack(length >> 8, length & 255, HEADERS, flags | END_HEADERS, stream) + block
    pieces = [frame(HEADERS, flags, stream, block[:most])]
    for start in range(most, length, most):
        ends = END_HEADERS if start + most >= length else 0
        pieces.append(frame(CONTINUATION, ends, stream, block[start : start + most]))
    return b"".join(pieces)


def data_frames(stream: int, body: bytes, end_stream: bool, most: int, out: list[bytes]) -> int:
    """
    Add the DATA frames of this body to what goes out; one empty frame for an empty body.

    @param most: octets of the peer's largest frame.
    @return: how many frames it took.
    """
    length = len(body)
    if length <= most:
        out += (_pack(length >> 8, length & 255, DATA, end_stream, stream), body)
        return 1
    view = memoryview(body)
    count = 0
    for start in range(0, length, most):
        piece = view[start : start + most]
        size = len(piece)
        ends = end_stream and start + size == length
        out += (_pack(size >> 8, size & 255, DATA, ends, stream), bytes(piece))
        count += 1
    return count


def rst_stream(stream: int, code: int) -> bytes:
    """RST_STREAM (section 6.4)."""
    return _WORD(0, 4, RST_STREAM, 0, stream, code)


def window_update(stream: int, more: int) -> bytes:
    """WINDOW_UPDATE (section 6.9)."""
    return _WORD(0, 4, WINDOW_UPDATE, 0, stream, more)


def ping(opaque: bytes, is_answer: bool) -> bytes:
    """PING (section 6.7), with eight octets."""
    return frame(PING, ACK if is_answer else 0, 0, opaque)


def goaway(last: int, code: int, reason: bytes) -> bytes:
    """GOAWAY (section 6.8)."""
    return frame(GOAWAY, 0, 0, _TWO_WORDS(last, code) + reason)
