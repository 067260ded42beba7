"""
The fields of a message that go on to the next hop, and how they frame its body there (RFC 9110 section 7.6, RFC 9112
section 6).
"""

from typing import Final

from mitmtw._wire.events import CHUNKED, LENGTH, NO_BODY, UNTIL_CLOSE, Fields
from mitmtw._wire.fields import (
    CONNECTION,
    CONTENT_LENGTH,
    HOP_BY_HOP,
    KEEP_ALIVE,
    KINDS,
    PROXY_CONNECTION,
    TE,
    TRANSFER_ENCODING,
    UPGRADE,
    kind_of,
    marked,
)

__all__ = ["outgoing"]

# What never goes on, unless the connection is upgraded.
_THIS_HOP: Final = frozenset((CONNECTION, PROXY_CONNECTION, UPGRADE, KEEP_ALIVE))

# Tokens of Connection that name no field of their own, or one that is never passed on anyway.
_ROUTINE: Final = frozenset(
    (b"close", b"keep-alive", b"upgrade", b"te", b"connection", b"proxy-connection", b"transfer-encoding")
)
# RFC 9110 section 7.6.1: a field meant for all recipients must not be named by Connection. Naming one is a known way to
# make a proxy drop what the next reader decides by.
_END_TO_END: Final = frozenset(
    (
        b"accept",
        b"accept-encoding",
        b"accept-language",
        b"accept-ranges",
        b"age",
        b"authorization",
        b"cache-control",
        b"content-disposition",
        b"content-encoding",
        b"content-language",
        b"content-length",
        b"content-location",
        b"content-range",
        b"content-security-policy",
        b"content-type",
        b"cookie",
        b"date",
        b"etag",
        b"expect",
        b"expires",
        b"forwarded",
        b"from",
        b"host",
        b"if-match",
        b"if-modified-since",
        b"if-none-match",
        b"if-range",
        b"if-unmodified-since",
        b"last-modified",
        b"location",
        b"max-forwards",
        b"origin",
        b"pragma",
        b"range",
        b"referer",
        b"retry-after",
        b"server",
        b"set-cookie",
        b"strict-transport-security",
        b"trailer",
        b"user-agent",
        b"vary",
        b"via",
        b"www-authenticate",
        b"x-forwarded-for",
        b"x-forwarded-host",
        b"x-forwarded-proto",
        b"x-real-ip",
    )
)


def outgoing(
    fields: Fields,
    framing: int,
    length: int,
    *,
    connection: bytes | None = None,
    upgrade: bool = False,
    nominated: frozenset[bytes] = frozenset(),
    keep_length: bool = False,
) -> Fields:
    """
    The fields for the next hop: without those of this hop, and with the ones that frame the body.

    What is right already stays byte for byte where it stands; what is wrong is replaced there; what is missing comes at
    the end. C{TE: trailers} goes on with its connection option, as trailers do (RFC 9110 section 10.1.4); any other TE
    is for this hop alone. The list that is returned must not be changed: it may be the one that was given.

    @param framing: how the body is framed on the next hop.
    @param length: octets of the body, for the framing L{LENGTH}.
    @param connection: the value of the Connection field for the next hop; None for no such field.
    @param upgrade: keep the Upgrade field; C{connection} must name it then.
    @param nominated: the lower-case tokens of the Connection field that came. Fields that they name go, but for those
        that are meant for everybody (RFC 9110 section 7.6.1).
    @param keep_length: keep a Content-Length beside no body, as in an answer to HEAD or a 304.
    """
    named = nominated - _ROUTINE - _END_TO_END if nominated else nominated
    if connection is None and not named and not upgrade:
        plain = _without_hop(fields, framing, length)
        if plain is not None:
            return plain
    kinds = KINDS.get
    out: Fields = []
    append = out.append
    framed = False
    marker = -1
    wants_trailers = False
    for pair in fields:
        name = pair[0]
        kind = kinds(name)
        kind = kind_of(name) if kind is None else kind
        if kind < HOP_BY_HOP:
            if not named or kind or name.lower() not in named:
                append(pair)
        elif kind >= CONTENT_LENGTH:
            right = None if framed else _framing_in_place(pair, kind, framing, length, keep_length)
            if right is not None:
                framed = True
                append(right)
        elif kind == CONNECTION:
            if marker < 0 and connection is not None:
                marker = len(out)
                append(pair)
        elif (kind == UPGRADE and upgrade) or (kind == TE and pair[1].lower() == b"trailers"):
            wants_trailers = wants_trailers or kind == TE
            append(pair)
    if not framed and framing in (LENGTH, CHUNKED):
        append(_framing_field(framing, length))
    if connection is not None or wants_trailers:
        _place_connection(out, marker, connection, wants_trailers)
    return out


def _framing_field(framing: int, length: int) -> tuple[bytes, bytes]:
    """The field that says how the body is framed."""
    if framing == LENGTH:
        return b"Content-Length", b"%d" % length
    return b"Transfer-Encoding", b"chunked"


def _without_hop(fields: Fields, framing: int, length: int) -> Fields | None:
    """
    What L{outgoing} gives for most messages: the body is framed right already, and at most fields of this hop go.

    @return: C{fields} itself when nothing has to go; None when more has to be done.
    """
    is_framed = framing in (NO_BODY, UNTIL_CLOSE)
    gone: list[bytes] = []
    for name, value in marked(fields):
        kind = kind_of(name)
        if kind in _THIS_HOP:
            gone.append(name)
        elif kind >= HOP_BY_HOP:
            if is_framed or kind != CONTENT_LENGTH or value != b"%d" % length:
                return None
            is_framed = True
    if not is_framed or framing == CHUNKED:
        return None
    return [pair for pair in fields if pair[0] not in gone] if gone else fields


def _place_connection(out: Fields, marker: int, connection: bytes | None, wants_trailers: bool) -> None:
    """
    Put the Connection field where the old one stands, or at the end.

    @param marker: the place of the old one; -1 without.
    @param wants_trailers: whether there is a TE field, which needs its connection option.
    """
    if wants_trailers:
        connection = b"TE" if connection is None else connection + b", TE"
    value = connection or b""
    if marker < 0:
        out.append((b"Connection", value))
    elif out[marker][1].lower() != value.lower():
        out[marker] = (out[marker][0], value)


def _framing_in_place(
    pair: tuple[bytes, bytes], kind: int, framing: int, length: int, keep_length: bool
) -> tuple[bytes, bytes] | None:
    """
    What stands in the place of a Content-Length or a Transfer-Encoding: itself, the right field, or nothing.
    """
    name, value = pair
    if framing == CHUNKED:
        if kind == TRANSFER_ENCODING and value.lower() == b"chunked":
            return pair
        return (b"Transfer-Encoding" if kind == CONTENT_LENGTH else name, b"chunked")
    if framing == LENGTH:
        if kind == CONTENT_LENGTH:
            return pair if value.isdigit() and int(value[:20]) == length else (name, b"%d" % length)
        return (b"Content-Length", b"%d" % length)
    # Before a body that ends with the connection, any Content-Length would be wrong.
    if framing == NO_BODY and kind == CONTENT_LENGTH and (keep_length or value == b"0"):
        return pair
    return None
