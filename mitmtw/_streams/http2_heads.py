"""
Heads of HTTP/2 messages as an exchange wants them, and the fields of a message for a peer that speaks HTTP/2.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from mitmtw._wire.events import LENGTH, UNTIL_CLOSE, Fields, RequestHead, ResponseHead
from mitmtw._wire.http2 import without_hop
from mitmtw._wire.http2_fields import TRAILERS, Malformed, write_head
from mitmtw._wire.next_hop import outgoing
from mitmtw.errors import LocalProtocolError

__all__ = ["VERSION", "HTTP2RequestHead", "HTTP2ResponseHead", "check_trailers", "http2_fields"]

#: How messages of HTTP/2 name their version.
VERSION = b"HTTP/2.0"


@dataclass(slots=True)
class HTTP2RequestHead(RequestHead):
    """
    The head of a request, as an exchange wants it.

    @ivar never_indexed: names of fields that must not be indexed on the next hop (RFC 7541 section 6.2.3).
    @ivar pseudo: the names of the pseudo-fields in their order.
    """

    never_indexed: frozenset[bytes]
    pseudo: tuple[bytes, ...]


@dataclass(slots=True)
class HTTP2ResponseHead(ResponseHead):
    """
    The head of a response, as an exchange wants it.

    @ivar never_indexed: as of a request.
    """

    never_indexed: frozenset[bytes]


def http2_fields(
    fields: Fields, framing: int, length: int, nominated: frozenset[bytes], keep_length: bool = False
) -> Fields:
    """
    The fields of a message of either version for an HTTP/2 peer; Host stays.

    @param framing: how the body is framed; HTTP/2 needs no field for one of unknown length.
    @param length: octets of the body, for the framing LENGTH.
    @param nominated: the tokens of the Connection field that came.
    @param keep_length: keep a Content-Length beside no body.
    """
    framed = framing if framing <= LENGTH else UNTIL_CLOSE
    out = outgoing(fields, framed, length, nominated=nominated, keep_length=keep_length)
    return out if out is fields else without_hop(out)


def check_trailers(trailers: Sequence[tuple[bytes, bytes]]) -> None:
    """
    Look at trailers before anything of them is sent.

    @raise LocalProtocolError: they cannot be sent.
    """
    try:
        write_head(list(trailers), TRAILERS)
    except Malformed as failure:
        raise LocalProtocolError(str(failure)) from failure
