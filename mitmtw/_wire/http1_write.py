"""
The HTTP/1 writer: heads, chunks, and the fields that go on to the next hop (RFC 9110 section 7.6, RFC 9112).

Everything that goes out is checked here, whatever its source: a request of HTTP/2, an addon or a script may hold what
HTTP/1 cannot carry, and a blank in a method or a CR in a value would become a second request for the peer.
"""

from collections.abc import Iterable
from typing import Final

from mitmtw._wire.events import CHUNKED, LENGTH, NO_BODY, UNTIL_CLOSE, Fields
from mitmtw._wire.fields import (
    CONNECTION,
    CONTENT_LENGTH,
    HOP_BY_HOP,
    HOST,
    KEEP_ALIVE,
    KINDS,
    PROXY_CONNECTION,
    TE,
    TRANSFER_ENCODING,
    UPGRADE,
    is_secret,
    is_token,
    is_value,
    kind_of,
    marked,
    refuse_trailer,
)
from mitmtw._wire.http1_read import METHODS, TARGET_CHARACTERS, is_target
from mitmtw.errors import LocalProtocolError

__all__ = ["chunk", "last_chunk", "outgoing", "request_head", "request_line", "response_head", "status_line"]

#: Octets of the longest line that is worth keeping.
_LONGEST_KEPT: Final = 256
#: Lines kept before the cache starts again.
_MOST_KEPT: Final = 4096
#: Status lines kept before the cache starts again.
_MOST_STATUS_LINES: Final = 512

# Pair to its line with the CRLF; only pairs that were checked are in it.
_LINES: Final[dict[tuple[bytes, bytes], bytes]] = {}
# Names that were checked, to whether their values are secret.
_NAMES: Final[dict[bytes, bool]] = {}
_STATUS_LINES: Final[dict[tuple[bytes, int, bytes], bytes]] = {}

#: Heads kept whose marked fields were checked together, and how many such fields they may have.
_MOST_CHECKED: Final = 1024
_MOST_SPECIAL: Final = 8
# Version and marked fields of heads that were checked.
_CHECKED: Final[set[tuple[object, ...]]] = set()
# What never goes on, unless the connection is upgraded.
_THIS_HOP: Final = frozenset((CONNECTION, PROXY_CONNECTION, UPGRADE, KEEP_ALIVE))
_ONCE: Final = frozenset((HOST, CONTENT_LENGTH, TRANSFER_ENCODING))

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


def request_head(method: bytes, target: bytes, version: bytes, fields: Fields) -> bytes:
    """
    The head of a request, with the empty line at its end.

    @param version: C{b"HTTP/1.0"} or C{b"HTTP/1.1"}.
    @raise LocalProtocolError: when the peer would not read what is meant.
    """
    first = request_line(method, target, version)
    get = _LINES.get
    lines = [get(pair) or _write_field(pair) for pair in fields]
    _check_framing(fields, version)
    return b"%b%b\r\n" % (first, b"".join(lines))


def request_line(method: bytes, target: bytes, version: bytes = b"HTTP/1.1") -> bytes:
    """
    The first line of a request.

    @param version: C{b"HTTP/1.0"} or C{b"HTTP/1.1"}; it is checked with the fields.
    @raise LocalProtocolError: when method or target are not such.
    """
    if method not in METHODS and not is_token(method):
        raise LocalProtocolError(f"The method {_shown(method)} is not a token.")
    if target[:1] != b"/" or target.translate(None, TARGET_CHARACTERS) or method == b"CONNECT":
        _check_target(method, target)
    return b"%b %b %b\r\n" % (method, target, version)


def response_head(version: bytes, status: int, reason: bytes, fields: Fields) -> bytes:
    """
    The head of a response, with the empty line at its end.

    @param version: C{b"HTTP/1.0"} or C{b"HTTP/1.1"}.
    @raise LocalProtocolError: when the peer would not read what is meant.
    """
    first = status_line(version, status, reason)
    get = _LINES.get
    lines = [get(pair) or _write_field(pair) for pair in fields]
    _check_framing(fields, version)
    return b"%b%b\r\n" % (first, b"".join(lines))


def status_line(version: bytes, status: int, reason: bytes) -> bytes:
    """
    The first line of a response.

    @raise LocalProtocolError: when it cannot be one.
    """
    return _STATUS_LINES.get((version, status, reason)) or _write_status_line(version, status, reason)


def chunk(content: bytes) -> bytes:
    """
    One chunk (RFC 9112 section 7.1).

    @return: nothing for no content, because a chunk of no octets would end the body.
    """
    return b"%x\r\n%b\r\n" % (len(content), content) if content else b""


def last_chunk(trailers: Iterable[tuple[bytes, bytes]] = ()) -> bytes:
    """
    The end of a chunked body, with the trailer section.

    @raise LocalProtocolError: when a trailer cannot be sent, or must not come after a body.
    """
    lines = []
    for pair in trailers:
        lines.append(_LINES.get(pair) or _write_field(pair))
        if refuse_trailer(pair[0]):
            raise LocalProtocolError(f"The field {_shown(pair[0])} must not be a trailer.")
    return b"0\r\n%b\r\n" % b"".join(lines)


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
        if kind is None:
            kind = kind_of(name)
        if kind < HOP_BY_HOP:
            if not named or kind or name.lower() not in named:
                append(pair)
        elif kind >= CONTENT_LENGTH:
            if not framed:
                framing_pair = _framing_in_place(pair, kind, framing, length, keep_length)
                if framing_pair is not None:
                    framed = True
                    append(framing_pair)
        elif kind == CONNECTION:
            if marker < 0 and connection is not None:
                marker = len(out)
                append(pair)
        elif (kind == UPGRADE and upgrade) or (kind == TE and pair[1].lower() == b"trailers"):
            wants_trailers = wants_trailers or kind == TE
            append(pair)
    if not framed and framing == LENGTH:
        append((b"Content-Length", b"%d" % length))
    elif not framed and framing == CHUNKED:
        append((b"Transfer-Encoding", b"chunked"))
    if connection is not None or wants_trailers:
        _place_connection(out, marker, connection, wants_trailers)
    return out


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


def _check_target(method: bytes, target: bytes) -> None:
    """
    Look at a target that is not plainly a path.

    @raise LocalProtocolError: when it is none of the four forms, or not the one for this method.
    """
    if not is_target(method, target):
        raise LocalProtocolError(f"The request target {_shown(target)} cannot be sent with {_shown(method)}.")


def _check_framing(fields: Fields, version: bytes) -> None:
    """
    Look at a whole head.

    @raise LocalProtocolError: when its version is not one of HTTP/1, or its fields frame or route it in two ways.
    """
    special = marked(fields)
    key = (version, *special)
    if key in _CHECKED:
        return
    if version != b"HTTP/1.1" and version != b"HTTP/1.0":
        raise LocalProtocolError(f"The version {_shown(version)} is not one of HTTP/1.")
    seen = set()
    for name, value in special:
        kind = kind_of(name)
        if kind in _ONCE:
            if kind in seen:
                raise LocalProtocolError(f"There are two {_shown(name)} fields.")
            seen.add(kind)
            if kind == CONTENT_LENGTH and not value.isdigit():
                raise LocalProtocolError("The value of Content-Length is not a number.")
            if kind == TRANSFER_ENCODING and (value.lower() != b"chunked" or version != b"HTTP/1.1"):
                raise LocalProtocolError("The only transfer coding is chunked, and HTTP/1.0 has none.")
    if CONTENT_LENGTH in seen and TRANSFER_ENCODING in seen:
        raise LocalProtocolError("There is a Content-Length beside the Transfer-Encoding.")
    if len(special) <= _MOST_SPECIAL and all(len(value) <= _LONGEST_KEPT for _, value in special):
        if len(_CHECKED) >= _MOST_CHECKED:
            _CHECKED.clear()
        _CHECKED.add(key)


def _write_field(pair: tuple[bytes, bytes]) -> bytes:
    """
    Check a pair that was not seen before, and keep its line if it may come again.

    @raise LocalProtocolError: when it is no field.
    """
    name, value = pair
    secret = _NAMES.get(name)
    if secret is None:
        if not is_token(name):
            raise LocalProtocolError(f"The field name {_shown(name)} is not a token.")
        secret = is_secret(name)
        if len(name) <= _LONGEST_KEPT:
            if len(_NAMES) >= _MOST_KEPT:
                _NAMES.clear()
            _NAMES[name] = secret
    if not is_value(value):
        raise LocalProtocolError(f"The value of the field {_shown(name)} has a control character in it.")
    line = b"%b: %b\r\n" % pair
    if len(line) <= _LONGEST_KEPT and not secret:
        if len(_LINES) >= _MOST_KEPT:
            _LINES.clear()
        _LINES[pair] = line
    return line


def _write_status_line(version: bytes, status: int, reason: bytes) -> bytes:
    """
    Check a status line that was not seen before.

    @raise LocalProtocolError: when the status has not three digits, or the reason a control character.
    """
    if not 100 <= status <= 999:
        raise LocalProtocolError(f"The status {status} has not three digits.")
    if not is_value(reason):
        raise LocalProtocolError("The reason phrase has a control character in it.")
    line = b"%b %d %b\r\n" % (version, status, reason)
    if len(line) <= _LONGEST_KEPT:
        if len(_STATUS_LINES) >= _MOST_STATUS_LINES:
            _STATUS_LINES.clear()
        _STATUS_LINES[version, status, reason] = line
    return line


def _shown(text: bytes) -> str:
    """A short printable form for a message."""
    return repr(text[:64].decode("ascii", "backslashreplace"))
