"""
Fields of HTTP/2 messages: what makes one malformed (RFC 9113 sections 8.1 to 8.5, RFC 8441), both ways.

The same rules hold for what is read and for what would be written, so that nothing can be passed on that a reader would
split in two. A field that was checked once is kept with what it stands for, as HTTP/1 keeps its lines; credentials
never are.
"""

import re
from collections.abc import Collection
from typing import Final

from mitmtw._wire.events import Fields
from mitmtw._wire.fields import (
    CONTENT_LENGTH,
    HOST,
    TE,
    is_secret,
    is_token,
    is_value,
    kind_of,
    refuse_trailer,
)
from mitmtw._wire.framing import is_host, read_length
from mitmtw._wire.hpack import Triple
from mitmtw._wire.http1_read import METHODS, TARGET_CHARACTERS, is_target
from mitmtw._wire.http2_convert import HOP
from mitmtw.errors import RemoteProtocolError

__all__ = [
    "REQUEST",
    "RESPONSE",
    "TRAILERS",
    "Head",
    "Malformed",
    "list_bytes",
    "read_head",
    "write_head",
]

REQUEST: Final = 0
RESPONSE: Final = 1
TRAILERS: Final = 2

#: Octets of the longest name and value that are worth keeping together.
_LONGEST_KEPT: Final = 256
#: Fields kept before the caches start again: about 1 MB each at most.
_MOST_KEPT: Final = 4096
#: Origins kept before the set starts again.
_MOST_ORIGINS: Final = 1024
#: RFC 7541 section 7.1.3: a short secret can be guessed through the table, octet by octet. 20 octets as in nghttp2.
_SHORT_COOKIE: Final = 20
#: Octets that each field counts more than its name and value (RFC 9113 section 10.5.1).
_FIELD_OVERHEAD: Final = 32

_NO_NAMES: Final[frozenset[bytes]] = frozenset()
_DEFAULT_PORTS: Final = {b"http": b":80", b"https": b":443"}
_match_scheme: Final = re.compile(rb"[A-Za-z][A-Za-z0-9+.\-]*").fullmatch
_has_upper: Final = re.compile(rb"[A-Z]").search

# Checked fields that need no second look: as they come from the coder, to the pair; and the pair in any case, to what
# goes to the coder.
_READ: Final[dict[Triple, tuple[bytes, bytes]]] = {}
_WRITTEN: Final[dict[tuple[bytes, bytes], Triple]] = {}
# Three digits (RFC 9110 section 15), without the one that HTTP/2 has not.
_STATUSES: Final = {b"%d" % status: status for status in range(100, 1000) if status != 101}
_REQUEST_NAMES: Final = frozenset((b":method", b":scheme", b":authority", b":path", b":protocol"))
# Method, scheme and authority of requests that were checked, but for CONNECT.
_ORIGINS: Final[set[tuple[bytes, bytes | None, bytes | None]]] = set()


class Malformed(Exception):
    """A message that breaks a rule; whoever reads or writes it makes a protocol error of it."""


class Head:
    """
    What the fields of one message say.

    @ivar pseudo: the pseudo-fields, in their order.
    @ivar fields: all others, in theirs.
    @ivar length: Content-Length; -1 without.
    @ivar host: Host; None without.
    @ivar never_indexed: names of fields that must not be indexed.
    """

    __slots__ = (
        "authority",
        "fields",
        "host",
        "length",
        "method",
        "never_indexed",
        "path",
        "protocol",
        "pseudo",
        "scheme",
        "status",
    )

    def __init__(self) -> None:
        self.pseudo: Fields = []
        self.fields: Fields = []
        self.method = b""
        self.scheme: bytes | None = None
        self.authority: bytes | None = None
        self.path: bytes | None = None
        self.protocol: bytes | None = None
        self.status = 0
        self.length = -1
        self.host: bytes | None = None
        self.never_indexed = _NO_NAMES


def list_bytes(fields: list[Triple]) -> int:
    """Octets of a list of fields as SETTINGS_MAX_HEADER_LIST_SIZE counts them (RFC 9113 section 10.5.1)."""
    return sum([len(name) + len(value) for name, value, _ in fields]) + _FIELD_OVERHEAD * len(fields)


def read_head(triples: list[Triple], kind: int) -> Head:
    """
    Check what a decoder gave.

    @param kind: L{REQUEST}, L{RESPONSE} or L{TRAILERS}.
    @raise Malformed: the message must not be used.
    """
    head = Head()
    count = 0
    for name, value, never in triples:
        if name[:1] != b":":
            break
        head.pseudo.append((name, value))
        count += 1
        if never:
            head.never_indexed |= {name}
    _read_pseudo(head, kind)
    get = _READ.get
    rest = triples[count:] if count else triples
    fields = [get(triple) for triple in rest]
    if None in fields:
        for place, pair in enumerate(fields):
            if pair is None:
                fields[place] = _check(rest[place], head)
    if kind == TRAILERS:
        _check_trailers(rest)
    head.fields = fields  # type: ignore[assignment]
    if kind == REQUEST:
        _check_request(head)
    return head


def write_head(fields: Fields, kind: int, never_indexed: Collection[bytes] = ()) -> tuple[list[Triple], Head]:
    """
    Check what would be sent, in lower case (RFC 9113 section 8.2).

    @param fields: the pseudo-fields first.
    @param kind: L{REQUEST}, L{RESPONSE} or L{TRAILERS}.
    @param never_indexed: lower-case names of fields that came as never to be indexed.
    @return: what the encoder takes, and what it says.
    @raise Malformed: a peer would refuse it, or ought to.
    """
    get = _WRITTEN.get
    head = Head()
    count = 0
    for name, _ in fields:
        if name[:1] != b":":
            break
        count += 1
    head.pseudo = fields[:count]
    found = [get(pair) for pair in (fields[count:] if count else fields)]
    if None in found:
        for place, triple in enumerate(found):
            if triple is None:
                pair = fields[count + place]
                name, value = pair[0].lower(), pair[1]
                found[place] = new = (name, value, _is_never_indexed(name, value))
                _check(new, head, pair)
    triples: list[Triple] = [(name, value, False) for name, value in head.pseudo]
    triples += found  # type: ignore[arg-type]
    if kind == TRAILERS:
        _check_trailers(triples)
    if never_indexed:
        triples = [(name, value, never or name in never_indexed) for name, value, never in triples]
    _read_pseudo(head, kind)
    if kind == REQUEST:
        _check_request(head)
    return triples, head


def _is_never_indexed(name: bytes, value: bytes) -> bool:
    """Whether a field holds a secret that could be guessed through the table (RFC 7541 section 7.1.3)."""
    return is_secret(name) and (name != b"cookie" or len(value) < _SHORT_COOKIE)


def _check(triple: Triple, head: Head, written: tuple[bytes, bytes] | None = None) -> tuple[bytes, bytes]:
    """
    Check a field that is not in the cache, and keep it if it may come again.

    @param written: the pair as it was given, when it is to be sent.
    @raise Malformed: it must not be in this message.
    """
    name, value, never = triple
    if name == b"content-length" and not never:
        _read_content_length(value, head)
        return name, value
    if not is_token(name):
        wrong = "A pseudo-field comes after a field" if name[:1] == b":" else "A field name is not a token"
        raise Malformed(f"{wrong} (RFC 9113 sections 8.2.1 and 8.3).")
    if _has_upper(name):
        raise Malformed("A field name is not lower-case (RFC 9113 section 8.2.1).")
    if not is_value(value) or value.strip(b" \t") != value:
        raise Malformed("A field value has a blank at an end, or a control character (RFC 9113 section 8.2.1).")
    pair = (name, value)
    kind = kind_of(name)
    if kind in HOP:
        raise Malformed("A field is about one connection only (RFC 9113 section 8.2.2).")
    if kind == TE and value.lower() != b"trailers":
        raise Malformed("TE says more than trailers (RFC 9113 section 8.2.2).")
    if kind == CONTENT_LENGTH:
        # It came as never to be indexed.
        _read_content_length(value, head)
        head.never_indexed |= {name}
    elif kind == HOST:
        if head.host is not None:
            raise Malformed("There are two Host fields.")
        head.host = value
    elif written is None:
        if never:
            head.never_indexed |= {name}
        elif len(name) + len(value) <= _LONGEST_KEPT and not is_secret(name):
            if len(_READ) >= _MOST_KEPT:
                _READ.clear()
            _READ[triple] = pair
    elif len(name) + len(value) <= _LONGEST_KEPT and not is_secret(name):
        if len(_WRITTEN) >= _MOST_KEPT:
            _WRITTEN.clear()
        _WRITTEN[written] = triple
    return pair


def _read_content_length(value: bytes, head: Head) -> None:
    """
    Take the value of Content-Length.

    @raise Malformed: it is no number, or there is another one.
    """
    if head.length >= 0:
        raise Malformed("There are two Content-Length fields.")
    try:
        head.length = read_length(value)
    except RemoteProtocolError as refused:
        raise Malformed(str(refused)) from None


def _check_trailers(triples: list[Triple]) -> None:
    """
    Look at fields that were checked for a head.

    @raise Malformed: one must not come after the body.
    """
    for name, _, _ in triples:
        if refuse_trailer(name):
            raise Malformed("A field must not be a trailer (RFC 9110 section 6.5.1).")


def _read_pseudo(head: Head, kind: int) -> None:
    """
    Take the pseudo-fields (RFC 9113 section 8.3).

    @raise Malformed: one is unknown, out of place, repeated or missing.
    """
    if kind != REQUEST:
        if kind == TRAILERS:
            if head.pseudo:
                raise Malformed("There is a pseudo-field in the trailers (RFC 9113 section 8.1).")
            return
        if len(head.pseudo) != 1 or head.pseudo[0][0] != b":status":
            raise Malformed("A response has not just :status (RFC 9113 section 8.3.2).")
        status = _STATUSES.get(head.pseudo[0][1])
        if status is None:
            raise Malformed("The status is not one of HTTP/2 (RFC 9113 sections 8.3.2 and 8.6).")
        head.status = status
        return
    named = dict(head.pseudo)
    if len(named) != len(head.pseudo) or not _REQUEST_NAMES.issuperset(named):
        raise Malformed("A pseudo-field is unknown or repeated (RFC 9113 section 8.3).")
    get = named.get
    head.method = get(b":method", b"")
    head.scheme, head.authority, head.path = get(b":scheme"), get(b":authority"), get(b":path")
    head.protocol = get(b":protocol")


def _check_request(head: Head) -> None:
    """
    Look at the control data of a request (RFC 9113 sections 8.3.1 and 8.5, RFC 8441 section 4).

    @raise Malformed: it is not what everybody would understand alike.
    """
    method, path = head.method, head.path
    origin = (method, head.scheme, head.authority)
    is_known = origin in _ORIGINS and head.protocol is None and head.host is None
    if is_known and path is not None and path[:1] == b"/" and not path.translate(None, TARGET_CHARACTERS):
        return
    if method not in METHODS and not is_token(method):
        raise Malformed("The method is missing, or not a token (RFC 9113 section 8.3.1).")
    if head.protocol is not None and (method != b"CONNECT" or not is_token(head.protocol)):
        raise Malformed("There is a :protocol without CONNECT, or it is not a token (RFC 8441 section 4).")
    if method == b"CONNECT" and head.protocol is None:
        if head.scheme is not None or path is not None:
            raise Malformed("A CONNECT has :scheme or :path (RFC 9113 section 8.5).")
        if head.authority is None or not is_target(b"CONNECT", head.authority):
            raise Malformed("A CONNECT has no host and port (RFC 9113 section 8.5).")
    else:
        _check_target(head)
        if method != b"CONNECT" and head.authority and len(b"".join(origin)) <= _LONGEST_KEPT:  # type: ignore[arg-type]
            if len(_ORIGINS) >= _MOST_ORIGINS:
                _ORIGINS.clear()
            _ORIGINS.add(origin)
    if head.host is not None and (not is_host(head.host) or _differs(head)):
        raise Malformed("Host is not a host, or not that of :authority (RFC 9113 section 8.3.1).")


def _check_target(head: Head) -> None:
    """
    Look at scheme, path and authority of anything but a plain CONNECT.

    @raise Malformed: one is missing or is none.
    """
    scheme, path, authority = head.scheme, head.path, head.authority
    if scheme is None or path is None:
        raise Malformed("There is no :scheme or no :path (RFC 9113 section 8.3.1).")
    is_web = scheme in _DEFAULT_PORTS
    if not is_web and not _match_scheme(scheme):
        raise Malformed("The :scheme is not a scheme (RFC 3986 section 3.1).")
    if not path or path.translate(None, TARGET_CHARACTERS):
        raise Malformed("The :path is empty, or has a character that no target has (RFC 9113 section 8.3.1).")
    if path[:1] != b"/" and is_web and (path != b"*" or head.method != b"OPTIONS"):
        raise Malformed("The :path begins with no slash (RFC 9113 section 8.3.1).")
    if authority is None:
        if head.protocol is not None or (is_web and not head.host):
            raise Malformed("Neither :authority nor Host names a host (RFC 9113 section 8.3.1).")
    elif not is_host(authority) or (authority[:1] in (b"", b":") and is_web):
        raise Malformed("The :authority is not a host, or has more than a host (RFC 9113 section 8.3.1).")


def _differs(head: Head) -> bool:
    """Whether Host names another host than :authority (RFC 9113 section 8.3.1), default ports left out."""
    host, authority = head.host, head.authority
    if authority is None or host is None or host == authority:
        return False
    port = _DEFAULT_PORTS.get(head.scheme or b"", b":")
    return host.lower().removesuffix(port) != authority.lower().removesuffix(port)
