"""
What the HTTP/1 reader says about a head: plain values, with the framing of the body that follows already decided.

The classes are slotted and not frozen, because a frozen dataclass costs four times as much to make. The framings are
plain integers for the same reason.
"""

from dataclasses import dataclass
from typing import Final

__all__ = ["CHUNKED", "LENGTH", "NO_BODY", "UNTIL_CLOSE", "Fields", "RequestHead", "ResponseHead"]

#: No body follows the head (RFC 9112 section 6.3, items 1, 2 and 7).
NO_BODY: Final = 0
#: The body has as many octets as C{length} says (item 6); that may be none.
LENGTH: Final = 1
#: The body is in chunked transfer coding (item 4).
CHUNKED: Final = 2
#: The body ends with the connection (item 8); only responses.
UNTIL_CLOSE: Final = 3

#: Field lines in the order they came: name in its own case, value without the blanks around it.
Fields = list[tuple[bytes, bytes]]


@dataclass(slots=True)
class RequestHead:
    """
    The head of a request, as RFC 9112 section 3 reads it.

    @ivar method: a token, in the case it came in.
    @ivar target: the request target in whichever of the four forms it came in (section 3.2).
    @ivar version: C{b"HTTP/1.0"} or C{b"HTTP/1.1"}.
    @ivar framing: one of L{NO_BODY}, L{LENGTH} and L{CHUNKED}.
    @ivar length: octets of the body; -1 when that is not known yet.
    @ivar keep_alive: whether the client wants to use the connection again (section 9.3).
    @ivar host: the value of the Host field, perhaps empty; None when there is no such field.
    @ivar connection: lower-case tokens of the Connection and Proxy-Connection fields.
    @ivar upgrade: the value of the Upgrade field, when Connection names it and the version is 1.1.
    @ivar expect: whether the client waits for C{100 Continue} before it sends its body.
    """

    method: bytes
    target: bytes
    version: bytes
    fields: Fields
    framing: int
    length: int
    keep_alive: bool
    host: bytes | None
    connection: frozenset[bytes]
    upgrade: bytes | None
    expect: bool


@dataclass(slots=True)
class ResponseHead:
    """
    The head of a response, as RFC 9112 section 4 reads it.

    @ivar version: C{b"HTTP/1.0"} or C{b"HTTP/1.1"}.
    @ivar status: 100 to 999.
    @ivar reason: the reason phrase, often empty.
    @ivar framing: one of L{NO_BODY}, L{LENGTH}, L{CHUNKED} and L{UNTIL_CLOSE}.
    @ivar length: octets of the body that follows; -1 when that is not known yet. It is 0 for an answer to HEAD,
        whatever its Content-Length field tells about the answer to GET.
    @ivar keep_alive: whether the connection can be used again once the body is over (section 9.3).
    @ivar connection: lower-case tokens of the Connection and Proxy-Connection fields.
    @ivar upgrade: the value of the Upgrade field, when Connection names it and the version is 1.1.
    """

    version: bytes
    status: int
    reason: bytes
    fields: Fields
    framing: int
    length: int
    keep_alive: bool
    connection: frozenset[bytes]
    upgrade: bytes | None
