"""Builds frames of HTTP/2 by hand, good and bad, without the code that is tested."""

from typing import NamedTuple

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"

Pairs = tuple[tuple[bytes, bytes], ...]


class Case(NamedTuple):
    """
    What comes, and what is to be told of it.

    @ivar section: of the RFC.
    @ivar must: what it asks for, in short.
    @ivar role: whose end is tested: "server" reads what a client sends.
    @ivar wire: what comes after the preface and an empty SETTINGS frame.
    @ivar told: the events as L{tests._wire.http2_reading.tell} writes them.
    @ivar opens: for a client, the methods of the requests that it sent before.
    """

    section: str
    must: str
    role: str
    wire: bytes
    told: tuple[str, ...]
    opens: tuple[bytes, ...] = ()


def frame(kind: int, flags: int, stream: int, payload: bytes = b"", length: int | None = None) -> bytes:
    """A frame, perhaps with a length that is not true."""
    size = len(payload) if length is None else length
    return size.to_bytes(3, "big") + bytes((kind, flags)) + stream.to_bytes(4, "big") + payload


def string(text: bytes) -> bytes:
    """A string literal without Huffman code (RFC 7541 section 5.2)."""
    size = len(text)
    if size < 127:
        return bytes((size,)) + text
    octets, rest = [127], size - 127
    while rest > 127:
        octets.append(rest & 127 | 128)
        rest >>= 7
    return bytes((*octets, rest)) + text


def block(*pairs: tuple[bytes, bytes]) -> bytes:
    """Literals without indexing (RFC 7541 section 6.2.2)."""
    return b"".join(b"\0" + string(name) + string(value) for name, value in pairs)


def headers(stream: int, *pairs: tuple[bytes, bytes], flags: int = 5) -> bytes:
    """HEADERS with END_HEADERS and END_STREAM."""
    return frame(1, flags, stream, block(*pairs))


def word(number: int) -> bytes:
    """Four octets."""
    return number.to_bytes(4, "big")


def settings(*entries: tuple[int, int]) -> bytes:
    """SETTINGS with these entries."""
    return frame(4, 0, 0, b"".join(name.to_bytes(2, "big") + word(value) for name, value in entries))


GET: Pairs = ((b":method", b"GET"), (b":scheme", b"https"), (b":authority", b"a.test"), (b":path", b"/"))
POST: Pairs = ((b":method", b"POST"), *GET[1:])
CONNECT: Pairs = ((b":method", b"CONNECT"), (b":authority", b"a.test:443"))
SOCKET: Pairs = ((b":method", b"CONNECT"), (b":protocol", b"websocket"), *GET[1:])
OK: Pairs = ((b":status", b"200"),)
