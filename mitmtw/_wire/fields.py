"""
Field lines: what a name and a value may be made of, which names a proxy has to look at, and a cache of lines seen
before.

Clients and servers send the same lines again and again. A line that was checked once is found in L{LINES} as the pair
it stands for, so checking costs nothing on most lines (RFC 9110 section 5, RFC 9112 section 5).
"""

import re
from collections.abc import Iterable
from typing import Final

from mitmtw._wire.events import Fields
from mitmtw.errors import RemoteProtocolError

__all__ = [
    "CONNECTION",
    "CONTENT_LENGTH",
    "EXPECT",
    "HOP_BY_HOP",
    "HOST",
    "KEEP_ALIVE",
    "MAX_FIELDS",
    "PROXY_CONNECTION",
    "TE",
    "TOKEN",
    "TRAILER",
    "TRANSFER_ENCODING",
    "UPGRADE",
    "credentials",
    "is_secret",
    "is_token",
    "is_value",
    "KINDS",
    "kind_of",
    "marked",
    "read_field",
    "read_fields",
    "refuse_trailer",
]

#: Fields of one head. The largest that honest clients send is around 100; common servers stop at 100 to 500.
MAX_FIELDS: Final = 500
#: Octets of the longest line that is worth keeping: longer ones hardly ever come twice.
_LONGEST_KEPT: Final = 256
#: Lines kept before the cache starts again: about 1 MB at most.
_MOST_KEPT: Final = 4096
#: Names kept in L{KINDS} before it starts again.
_MOST_NAMES: Final = 2048

# What may be said of a field name; 0 is every name that a proxy need not look at. From HOP_BY_HOP on, a field is about
# one connection or about the framing on it, and is not simply passed on (RFC 9110 section 7.6.1).
HOST: Final = 1
EXPECT: Final = 2
TRAILER: Final = 3
HOP_BY_HOP: Final = 4
CONNECTION: Final = 4
PROXY_CONNECTION: Final = 5
UPGRADE: Final = 6
TE: Final = 7
KEEP_ALIVE: Final = 8
CONTENT_LENGTH: Final = 9
TRANSFER_ENCODING: Final = 10

_KIND_BY_NAME: Final = {
    b"host": HOST,
    b"expect": EXPECT,
    b"trailer": TRAILER,
    b"connection": CONNECTION,
    b"proxy-connection": PROXY_CONNECTION,
    b"upgrade": UPGRADE,
    b"te": TE,
    b"keep-alive": KEEP_ALIVE,
    b"content-length": CONTENT_LENGTH,
    b"transfer-encoding": TRANSFER_ENCODING,
}

# Fields that a client says who it is with.
_CREDENTIALS: Final = frozenset((b"authorization", b"proxy-authorization"))

# Lines of these are never kept in memory after their message.
_SECRET: Final = frozenset((b"authorization", b"proxy-authorization", b"cookie", b"set-cookie"))

# RFC 9110 section 6.5.1: framing, routing and what belongs to one connection must not come after the body.
_NO_TRAILER: Final = frozenset(_KIND_BY_NAME) | {
    b"content-encoding",
    b"content-range",
    b"content-type",
    b"max-forwards",
    b"proxy-authenticate",
    b"proxy-authorization",
}

#: RFC 9110 section 5.6.2, as the text of a character class.
TOKEN: Final = rb"[!#$%&'*+\-.^_`|~0-9A-Za-z]+"
# RFC 9110 section 5.5: visible characters, blanks and obs-text; no other control character than HTAB.
_VALUE: Final = rb"[^\x00-\x08\x0a-\x1f\x7f]*"
_is_token: Final = re.compile(TOKEN).fullmatch
_is_value: Final = re.compile(_VALUE).fullmatch
# RFC 9112 section 5: field-name ":" OWS field-value OWS, with no blank before the colon.
_match_line: Final = re.compile(rb"(%b):[ \t]*(%b)" % (TOKEN, _VALUE)).fullmatch


#: Field name in any case, to its kind; L{kind_of} fills it. It may be emptied at any time: what is not in it is looked
#: at again.
KINDS: Final[dict[bytes, int]] = {}

# Field name in any case, to whether it is one of _CREDENTIALS; filled and emptied like L{KINDS}.
_BEARS_CREDENTIALS: Final[dict[bytes, bool]] = {}

# Whole line to the pair it stands for; only lines that were checked are in it.
LINES: Final[dict[bytes, tuple[bytes, bytes]]] = {}


def kind_of(name: bytes) -> int:
    """What a proxy has to know of a field with this name; 0 for nothing."""
    kind = KINDS.get(name)
    if kind is None:
        kind = _KIND_BY_NAME.get(name.lower(), 0)
        if len(name) <= _LONGEST_KEPT:
            if len(KINDS) >= _MOST_NAMES:
                KINDS.clear()
            KINDS[name] = kind
    return kind


def marked(fields: Fields) -> Fields:
    """The fields that a proxy has to look at, in their order."""
    kinds = KINDS
    try:
        # A plain look-up is the fastest thing there is, and names are hardly ever new.
        return [pair for pair in fields if kinds[pair[0]]]
    except KeyError:
        return [pair for pair in fields if kind_of(pair[0])]


def credentials(fields: Fields) -> Fields:
    """The Authorization and Proxy-Authorization fields; hardly ever is there one."""
    bears = _BEARS_CREDENTIALS
    try:
        return [pair for pair in fields if bears[pair[0]]]
    except KeyError:
        if len(bears) >= _MOST_NAMES:
            bears.clear()
        found = [pair for pair in fields if pair[0].lower() in _CREDENTIALS]
        bears.update((name, name.lower() in _CREDENTIALS) for name, _ in fields if len(name) <= _LONGEST_KEPT)
        return found


def is_token(name: bytes) -> bool:
    """Whether it is a token (RFC 9110 section 5.6.2): not empty, no blank, no separator."""
    return _is_token(name) is not None


def is_value(value: bytes) -> bool:
    """Whether it can stand after the colon of a field: no control character but HTAB (RFC 9110 section 5.5)."""
    return _is_value(value) is not None


def is_secret(name: bytes) -> bool:
    """Whether lines with this name hold credentials, so that no cache may keep them."""
    return name.lower() in _SECRET


def read_field(line: bytes) -> tuple[bytes, bytes]:
    """
    Check a line that was not seen before, and keep it if it may come again.

    @param line: without its CRLF.
    @raise RemoteProtocolError: when it is no field line.
    """
    match = _match_line(line)
    if match is None:
        raise _refusal(line)
    name, value = match.groups()
    pair = (name, value.rstrip(b" \t"))
    if len(line) <= _LONGEST_KEPT and name.lower() not in _SECRET:
        if len(LINES) >= _MOST_KEPT:
            LINES.clear()
        LINES[line] = pair
    return pair


def read_fields(lines: Iterable[bytes]) -> Fields:
    """
    The pairs of these lines, in their order.

    @raise RemoteProtocolError: when one is no field line.
    """
    get = LINES.get
    return [get(line) or read_field(line) for line in lines]


def refuse_trailer(name: bytes) -> bool:
    """Whether a field of this name must not come after the body (RFC 9110 section 6.5.1)."""
    return name.lower() in _NO_TRAILER


def _refusal(line: bytes) -> RemoteProtocolError:
    """Say what is wrong with a line; its value is not repeated, for it may be a secret."""
    name, colon, _ = line.partition(b":")
    if line[:1] in (b" ", b"\t"):
        return RemoteProtocolError("A field line is folded onto a second line (RFC 9112 section 5.2).")
    if not colon:
        return RemoteProtocolError("A field line has no colon.")
    if not name:
        return RemoteProtocolError("A field line has no name.")
    shown = name[:64].decode("ascii", "backslashreplace")
    if name.rstrip(b" \t") != name:
        return RemoteProtocolError(
            f"There is a blank between the field name {shown!r} and its colon (RFC 9112 section 5.1)."
        )
    if not is_token(name):
        return RemoteProtocolError(f"The field name {shown!r} is not a token.")
    return RemoteProtocolError(f"The value of the field {shown!r} has a control character in it.")
