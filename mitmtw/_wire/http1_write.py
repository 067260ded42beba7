"""
The HTTP/1 writer: heads and chunks (RFC 9112).

Everything that goes out is checked here, whatever its source: a request of HTTP/2, an addon or a script may hold what
HTTP/1 cannot carry, and a blank in a method or a CR in a value would become a second request for the peer.
"""

from collections.abc import Iterable
from typing import Final

from mitmtw._wire.events import Fields
from mitmtw._wire.fields import (
    CONTENT_LENGTH,
    HOST,
    TRANSFER_ENCODING,
    is_secret,
    is_token,
    is_value,
    kind_of,
    marked,
    refuse_trailer,
)
from mitmtw._wire.http1_read import METHODS, TARGET_CHARACTERS, is_target
from mitmtw.errors import LocalProtocolError

__all__ = ["chunk", "last_chunk", "request_head", "request_line", "response_head", "status_line"]

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
_ONCE: Final = frozenset((HOST, CONTENT_LENGTH, TRANSFER_ENCODING))


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
