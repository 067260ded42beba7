"""
What a byte stream is, told by its first bytes.

The answer comes as soon as it is sure and never changes with more bytes. What might still be HTTP/1 is not called so
before its first line shows the version: SMTP, IMAP, IRC and SSH also begin with a word and a blank.
"""

import re
from enum import Enum
from typing import Final

__all__ = ["HTTP2_PREFACE", "Sniffed", "sniff"]

#: RFC 9113 section 3.4.
HTTP2_PREFACE: Final = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
#: Octets of a request line that is waited for.
_LONGEST_LINE: Final = 16384
#: Octets of a method; the longest that is registered has 16.
_LONGEST_METHOD: Final = 32

# A common method and the start of a target of any of the four forms: no other text protocol begins so.
_match_common: Final = re.compile(
    rb"(?:GET|HEAD|POST|PUT|DELETE|PATCH|TRACE) (?:/|https?://)|OPTIONS (?:/|https?://|\* H)"
    rb"|CONNECT [0-9A-Za-z._~\-]+:[0-9]+ H|CONNECT \[[0-9A-Fa-f:.]+\]:[0-9]+ H"
).match
_match_method: Final = re.compile(rb"[!#$%&'*+\-.^_`|~0-9A-Za-z]+").fullmatch
# Any octet that no text line has: controls but for HTAB, CR and LF.
_find_control: Final = re.compile(rb"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]").search
_match_line: Final = re.compile(rb"[!#$%&'*+\-.^_`|~0-9A-Za-z]{1,32} .* HTTP/[0-9]+\.[0-9]+[ \t]*\r?").fullmatch

# TLS record of a handshake (22), version 3.0 to 3.4, at least one octet long, that starts a ClientHello (1): RFC 8446
# section 5.1 and appendix B.3. Each row is what the octet at its place may be.
_TLS: Final = (frozenset((22,)), frozenset((3,)), frozenset(range(5)), None, None, frozenset((1,)))
#: Octets; RFC 8446 section 5.1 allows 2**14, TLS 1.2 some more for what is encrypted, which a first record never is.
_LONGEST_RECORD: Final = 16384


class Sniffed(Enum):
    """
    What a byte stream is.

    @cvar TLS: a ClientHello, in a TLS record.
    @cvar HTTP1: an HTTP/1 request, good or bad.
    @cvar HTTP2: HTTP/2 with prior knowledge.
    @cvar OTHER: anything else.
    """

    TLS = "tls"
    HTTP1 = "http1"
    HTTP2 = "http2"
    OTHER = "other"


def sniff(start: bytes) -> Sniffed | None:
    """
    Tell what a stream is.

    @param start: all that came so far.
    @return: None as long as more is needed.
    """
    if start[:1] == b"\x16":
        return _sniff_tls(start)
    if start.startswith(b"PRI "):
        if start.startswith(HTTP2_PREFACE):
            return Sniffed.HTTP2
        if HTTP2_PREFACE.startswith(start):
            return None
    return _sniff_text(start)


def _sniff_tls(start: bytes) -> Sniffed | None:
    """Look at what begins like a record of a TLS handshake."""
    for octet, allowed in zip(start, _TLS, strict=False):
        if allowed is not None and octet not in allowed:
            return Sniffed.OTHER
    if len(start) >= 5 and not 1 <= int.from_bytes(start[3:5], "big") <= _LONGEST_RECORD:
        return Sniffed.OTHER
    return Sniffed.TLS if len(start) >= len(_TLS) else None


def _sniff_text(start: bytes) -> Sniffed | None:
    """Look at what may be a line of text."""
    line = start.lstrip(b"\r\n")
    if len(start) - len(line) > 8:
        return Sniffed.OTHER
    if not line:
        return None
    if _match_common(line):
        return Sniffed.HTTP1
    line, ended, _ = line.partition(b"\n")
    if _find_control(line):
        return Sniffed.OTHER
    if ended:
        return Sniffed.HTTP1 if _match_line(line) else Sniffed.OTHER
    method, blank, _ = line.partition(b" ")
    if not blank:
        method = method.removesuffix(b"\r")
    if not _match_method(method) or len(method) > _LONGEST_METHOD or len(line) > _LONGEST_LINE:
        return Sniffed.OTHER
    # A line of SSH or Redis is known by its first word, which is no method, before its end came.
    return Sniffed.OTHER if method.startswith((b"SSH-", b"*", b"$", b"+", b"-")) else None
