"""
The framing rules: where a body ends and whether the connection can be used again (RFC 9112 sections 6 and 9.3).

Two framings that disagree, or one that other readers might understand differently, are refused. Each function takes the
fields that L{mitmtw._wire.fields.marked} picks and nothing else.
"""

import re
from typing import Final

from mitmtw._wire.events import CHUNKED, LENGTH, NO_BODY, UNTIL_CLOSE, Fields
from mitmtw._wire.fields import (
    CONNECTION,
    CONTENT_LENGTH,
    EXPECT,
    HOST,
    PROXY_CONNECTION,
    TRANSFER_ENCODING,
    UPGRADE,
    kind_of,
)
from mitmtw.errors import RemoteProtocolError

__all__ = [
    "NO_TOKENS",
    "RequestFraming",
    "ResponseFraming",
    "is_host",
    "read_length",
    "request_framing",
    "response_framing",
]

#: The tokens of a message without a Connection field.
NO_TOKENS: Final[frozenset[bytes]] = frozenset()
#: Octets; what fits a signed 64-bit number, as most peers count.
_LONGEST: Final = 2**63 - 1
#: Digits of L{_LONGEST}.
_MOST_DIGITS: Final = 19
#: Entries of each of the small caches below, before it starts again.
_MOST_KEPT: Final = 1024
#: Octets of a value that is worth keeping.
_LONGEST_KEPT: Final = 256

# RFC 3986 section 3.2.2, without userinfo, and without the sub-delims and percent-escapes that a reg-name might have:
# no host name of the DNS has them, and readers take a comma or an escaped slash apart differently.
_match_host: Final = re.compile(rb"(?:\[[0-9A-Fa-f:.]+\]|[0-9A-Za-z._~\-]*)(?::([0-9]{0,5}))?").fullmatch

#: Marked fields of a head whose verdict is worth keeping.
_MOST_SPECIAL: Final = 8

#: Framing, length, whether the connection persists, host, tokens of Connection, Upgrade, whether 100 is expected; as in
#: L{RequestHead<mitmtw._wire.events.RequestHead>}.
RequestFraming = tuple[int, int, bool, bytes | None, frozenset[bytes], bytes | None, bool]
#: Framing, length, whether the connection persists, tokens of Connection, Upgrade.
ResponseFraming = tuple[int, int, bool, frozenset[bytes], bytes | None]

# The same few fields come again and again: what they say together is kept under the version (and what else decides) and
# the pairs themselves. Each is a pure function of its key.
_REQUESTS: Final[dict[tuple[object, ...], RequestFraming]] = {}
_RESPONSES: Final[dict[tuple[object, ...], ResponseFraming]] = {}


class _Marks:
    """
    What the marked fields of one head say, each checked for itself.

    @ivar host: value of Host.
    @ivar length: value of Content-Length, -1 without.
    @ivar coding: value of Transfer-Encoding.
    @ivar hop: tokens of Connection alone.
    @ivar tokens: tokens of Connection and Proxy-Connection.
    @ivar upgrade: values of Upgrade.
    @ivar expects: whether Expect says C{100-continue}.
    """

    __slots__ = ("coding", "expects", "hop", "host", "length", "tokens", "upgrade")

    def __init__(self) -> None:
        self.host: bytes | None = None
        self.length = -1
        self.coding: bytes | None = None
        self.hop = NO_TOKENS
        self.tokens = NO_TOKENS
        self.upgrade: bytes | None = None
        self.expects = False

    def persists(self, version: bytes) -> bool:
        """
        Whether the connection may be used again (RFC 9112 section 9.3). Proxy-Connection can end it, but cannot keep an
        HTTP/1.0 connection: an old proxy between might have passed it on without understanding it (appendix C.2.2).
        """
        if b"close" in self.tokens:
            return False
        return version == b"HTTP/1.1" or b"keep-alive" in self.hop

    def upgrades(self, version: bytes) -> bytes | None:
        """The value of Upgrade, when Connection names it; HTTP/1.0 has none (RFC 9110 section 7.8)."""
        return self.upgrade if version == b"HTTP/1.1" and b"upgrade" in self.hop else None


def is_host(value: bytes) -> bool:
    """Whether it is a host with or without a port, or empty (RFC 9110 section 7.2)."""
    match = _match_host(value)
    return match is not None and not (match[1] and int(match[1]) > 65535)


def read_length(value: bytes) -> int:
    """
    Read a Content-Length value: digits and nothing else (RFC 9110 section 8.6).

    @raise RemoteProtocolError: for a sign, a list, a blank, or more than 2**63 - 1 octets.
    """
    if not value.isdigit() or len(value) > _MOST_DIGITS or (length := int(value)) > _LONGEST:
        raise RemoteProtocolError("The value of Content-Length is not a number of octets.")
    return length


def _read_marks(fields: Fields) -> _Marks:
    """
    Look at the fields that frame or route a message.

    @raise RemoteProtocolError: when one is repeated that must not be, or cannot be understood.
    """
    marks = _Marks()
    for name, value in fields:
        kind = kind_of(name)
        if kind == HOST:
            if marks.host is not None:
                raise RemoteProtocolError("There are two Host fields.")
            marks.host = value
        elif kind == CONNECTION:
            tokens = _read_tokens(value)
            marks.hop |= tokens
            marks.tokens |= tokens
        elif kind == CONTENT_LENGTH:
            if marks.length >= 0:
                raise RemoteProtocolError("There are two Content-Length fields.")
            marks.length = read_length(value)
        elif kind == TRANSFER_ENCODING:
            if marks.coding is not None:
                raise RemoteProtocolError("There are two Transfer-Encoding fields.")
            marks.coding = value
        elif kind == PROXY_CONNECTION:
            marks.tokens |= _read_tokens(value)
        elif kind == UPGRADE:
            marks.upgrade = value if marks.upgrade is None else b"%b, %b" % (marks.upgrade, value)
        elif kind == EXPECT:
            marks.expects = marks.expects or value.lower() == b"100-continue"
    return marks


def _read_tokens(value: bytes) -> frozenset[bytes]:
    """The lower-case elements of a list (RFC 9110 section 5.6.1), empty ones left out."""
    elements = (element.strip(b" \t") for element in value.lower().split(b","))
    return frozenset(element for element in elements if element)


def _check_coding(coding: bytes, version: bytes, length: int) -> None:
    """
    Refuse every Transfer-Encoding but C{chunked} on HTTP/1.1 without a Content-Length (RFC 9112 sections 6.1 and 6.3).

    @raise RemoteProtocolError: with 501 for a coding that we do not know under a last C{chunked}, else with 400.
    """
    if version != b"HTTP/1.1":
        raise RemoteProtocolError("A message of HTTP/1.0 has a Transfer-Encoding (RFC 9112 section 6.1).")
    if length >= 0:
        raise RemoteProtocolError("There is a Content-Length beside the Transfer-Encoding (RFC 9112 section 6.3).")
    if coding.lower() == b"chunked":
        return
    codings = [element.strip(b" \t") for element in coding.lower().split(b",")]
    if codings[-1] == b"chunked" and codings.count(b"chunked") == 1 and all(codings):
        raise RemoteProtocolError("Only the transfer coding chunked is known here.", 501)
    raise RemoteProtocolError("The Transfer-Encoding is not chunked (RFC 9112 section 6.3).")


def _body_framing(version: bytes, marks: _Marks, without: int) -> tuple[int, int]:
    """
    The framing that the fields ask for, and the length.

    @param without: the framing when they ask for none.
    @raise RemoteProtocolError: when they contradict each other.
    """
    if marks.coding is not None:
        _check_coding(marks.coding, version, marks.length)
        return CHUNKED, -1
    if marks.length >= 0:
        return LENGTH, marks.length
    return without, 0 if without == NO_BODY else -1


def request_framing(version: bytes, special: Fields) -> RequestFraming:
    """
    What the marked fields of a request say together (RFC 9112 sections 3.2, 6.3 and 9.3).

    @raise RemoteProtocolError: when they are malformed or contradict each other.
    """
    key = (version, *special)
    verdict = _REQUESTS.get(key)
    if verdict is None:
        marks = _read_marks(special)
        framing, length = _body_framing(version, marks, NO_BODY)
        host = marks.host
        if host is None:
            if version == b"HTTP/1.1":
                raise RemoteProtocolError("There is no Host field (RFC 9112 section 3.2).")
        elif not is_host(host):
            raise RemoteProtocolError("The value of Host is not a host (RFC 9112 section 3.2).")
        # RFC 9110 section 10.1.1: HTTP/1.0 cannot expect a 100, and without a body there is nothing to wait for.
        expects = marks.expects and length != 0 and version == b"HTTP/1.1"
        verdict = (framing, length, marks.persists(version), host, marks.tokens, marks.upgrades(version), expects)
        if _is_worth_keeping(special):
            if len(_REQUESTS) >= _MOST_KEPT:
                _REQUESTS.clear()
            _REQUESTS[key] = verdict
    return verdict


def response_framing(version: bytes, status: int, special: Fields, request_method: bytes) -> ResponseFraming:
    """
    What the marked fields of a response say together (RFC 9112 sections 6.3 and 9.3).

    @param request_method: the method of the request that it answers: an answer to HEAD has no body, and after a 2xx to
        CONNECT the connection is a tunnel, whatever the fields say.
    @raise RemoteProtocolError: when they are malformed, contradict each other, or stand where they must not.
    """
    key = (version, status, request_method, *special)
    verdict = _RESPONSES.get(key)
    if verdict is None:
        marks = _read_marks(special)
        if request_method == b"CONNECT" and 200 <= status < 300:
            # RFC 9110 section 9.3.6: a client ignores both framing fields then.
            framing, length = NO_BODY, 0
        else:
            framing, length = _body_framing(version, marks, UNTIL_CLOSE)
            if status < 200 or status == 204 or status == 304 or request_method == b"HEAD":
                if framing == CHUNKED and (status < 200 or status == 204):
                    raise RemoteProtocolError(f"A response {status} has a Transfer-Encoding (RFC 9112 section 6.1).")
                framing, length = NO_BODY, 0
        persists = framing != UNTIL_CLOSE and marks.persists(version)
        verdict = (framing, length, persists, marks.tokens, marks.upgrades(version))
        if _is_worth_keeping(special):
            if len(_RESPONSES) >= _MOST_KEPT:
                _RESPONSES.clear()
            _RESPONSES[key] = verdict
    return verdict


def _is_worth_keeping(special: Fields) -> bool:
    """Whether so few and short fields may come again."""
    return len(special) <= _MOST_SPECIAL and all(len(value) <= _LONGEST_KEPT for _, value in special)
