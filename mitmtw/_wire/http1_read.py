"""
The HTTP/1 reader: heads of requests and responses (RFC 9112 sections 2 to 6).

L{HeadBuffer} finds where a head ends, the two functions here read it, and the readers of L{mitmtw._wire.http1_body}
take the body. All that a connection needs can be imported from here.
"""

import re
from typing import Final

from mitmtw._wire.block import Block, Memory, Remembered
from mitmtw._wire.buffer import MAX_HEAD_BYTES, MAX_LINE_BYTES, HeadBuffer
from mitmtw._wire.events import Fields, RequestHead, ResponseHead
from mitmtw._wire.fields import LINES, MAX_FIELDS, is_token, marked, read_field
from mitmtw._wire.framing import (
    RequestFraming,
    ResponseFraming,
    is_host,
    request_framing,
    response_framing,
)
from mitmtw._wire.http1_body import BodyReader, ChunkedReader, CloseReader, LengthReader, body_reader
from mitmtw.errors import RemoteProtocolError

__all__ = [
    "MAX_FIELDS",
    "MAX_HEAD_BYTES",
    "MAX_LINE_BYTES",
    "METHODS",
    "TARGET_CHARACTERS",
    "BodyReader",
    "ChunkedReader",
    "CloseReader",
    "HeadBuffer",
    "LengthReader",
    "RequestHead",
    "ResponseHead",
    "body_reader",
    "is_target",
    "read_request_head",
    "read_response_head",
]

#: Methods that need no check (RFC 9110 section 9.3, RFC 5789); any other token is taken too.
METHODS: Final = frozenset((b"GET", b"HEAD", b"POST", b"PUT", b"DELETE", b"CONNECT", b"OPTIONS", b"TRACE", b"PATCH"))
#: What a request target may be made of: visible ASCII without C{#}. RFC 9112 section 3.2 allows less, but clients send
#: C{|}, braces and quotes as they are, and no reader splits there. A fragment is never part of a target (RFC 9110
#: section 4.2.5), and readers disagree about where the path ends when there is one.
TARGET_CHARACTERS: Final = bytes(octet for octet in range(0x21, 0x7F) if octet != 0x23)

# RFC 9112 section 3.2.2; the scheme decides nothing here.
_match_absolute: Final = re.compile(rb"[A-Za-z][A-Za-z0-9+.\-]*://[^/?].*").fullmatch
_match_version: Final = re.compile(rb"HTTP/[0-9]\.[0-9]").fullmatch
# RFC 9112 section 4; real servers leave out the blank before an empty reason.
_match_status: Final = re.compile(rb"(HTTP/1\.[01]) ([1-9][0-9][0-9])(?: ([^\x00-\x08\x0a-\x1f\x7f]*))?").fullmatch

# Status lines that were checked.
_STATUS_LINES: Final[dict[bytes, tuple[bytes, int, bytes]]] = {}
#: Status lines kept before the cache starts again.
_MOST_KEPT: Final = 512


def read_request_head(
    block: bytes, max_fields: int = MAX_FIELDS, memory: Memory[RequestFraming] | None = None
) -> RequestHead:
    """
    Read the head of a request.

    @param block: the head without the C{CRLF CRLF} at its end, as L{HeadBuffer.feed} returns it.
    @param max_fields: the most fields; the error has the status 431.
    @param memory: what the connection remembers of its last request.
    @raise RemoteProtocolError: when it is no request that everybody would understand alike; 400, 431, 501 or 505.
    """
    first, _, text = block.partition(b"\r\n")
    parts = first.split(b" ")
    if len(parts) != 3:
        raise RemoteProtocolError("The first line is not method, target and version with one blank between them.")
    method, target, version = parts
    if version != b"HTTP/1.1" and version != b"HTTP/1.0":
        raise _version_refusal(version)
    if method not in METHODS and not is_token(method):
        raise RemoteProtocolError("The method is not a token (RFC 9110 section 9.1).")
    is_plain = target[:1] == b"/" and not target.translate(None, TARGET_CHARACTERS) and method != b"CONNECT"
    if not is_plain and not is_target(method, target):
        raise _target_refusal(target)
    known = None if memory is None else memory.last
    if known is None or known.text != text or known.about != version or len(known.fields) > max_fields:
        fields = _read_lines(text, max_fields)
        known = Block(text, version, fields, request_framing(version, marked(fields)))
        if memory is not None:
            memory.last = known
    framing, length, keep_alive, host, connection, upgrade, expects = known.verdict
    fields = Remembered.of(known)
    return RequestHead(method, target, version, fields, framing, length, keep_alive, host, connection, upgrade, expects)


def read_response_head(
    block: bytes,
    request_method: bytes,
    max_fields: int = MAX_FIELDS,
    memory: Memory[ResponseFraming] | None = None,
) -> ResponseHead:
    """
    Read the head of a response.

    @param block: the head without the C{CRLF CRLF} at its end, as L{HeadBuffer.feed} returns it.
    @param request_method: the method of the request that it answers.
    @param max_fields: the most fields.
    @param memory: what the connection remembers of its last response.
    @raise RemoteProtocolError: when it is no response that everybody would understand alike; always 502.
    """
    first, _, text = block.partition(b"\r\n")
    try:
        version, status, reason = _STATUS_LINES.get(first) or _read_status_line(first)
        about = (version, status, request_method)
        known = None if memory is None else memory.last
        if known is None or known.text != text or known.about != about or len(known.fields) > max_fields:
            fields = _read_lines(text, max_fields)
            known = Block(text, about, fields, response_framing(version, status, marked(fields), request_method))
            if memory is not None:
                memory.last = known
    except RemoteProtocolError as refused:
        refused.http_status = 502
        raise
    framing, length, keep_alive, connection, upgrade = known.verdict
    fields = Remembered.of(known)
    return ResponseHead(version, status, reason, fields, framing, length, keep_alive, connection, upgrade)


def _read_lines(text: bytes, max_fields: int) -> Fields:
    """
    Read field lines.

    @param text: the lines, without the last CRLF; nothing when there are none.
    @raise RemoteProtocolError: when there are too many, or one is no field.
    """
    lines = text.split(b"\r\n") if text else []
    if len(lines) > max_fields:
        raise RemoteProtocolError(f"There are more than {max_fields} fields.", 431)
    get = LINES.get
    return [get(line) or read_field(line) for line in lines]


def is_target(method: bytes, target: bytes) -> bool:
    """
    Whether the target has one of the four forms, and the one that goes with this method (RFC 9112 section 3.2).
    """
    if target.translate(None, TARGET_CHARACTERS):
        return False
    if method == b"CONNECT":
        # The port must be given (RFC 9110 section 9.3.6).
        host, _, port = target.rpartition(b":")
        return bool(host) and port.isdigit() and int(port[:6]) != 0 and is_host(target)
    if target[:1] == b"/":
        return True
    return (target == b"*" and method == b"OPTIONS") or _match_absolute(target) is not None


def _target_refusal(target: bytes) -> RemoteProtocolError:
    """The error for a target that has none of the four forms."""
    if b"#" in target:
        return RemoteProtocolError("There is a fragment in the request target (RFC 9110 section 4.2.5).")
    return RemoteProtocolError("The request target is malformed (RFC 9112 section 3.2).")


def _version_refusal(version: bytes) -> RemoteProtocolError:
    """The error for a version that is not spoken here (RFC 9110 section 15.6.6), or is none at all."""
    if _match_version(version):
        return RemoteProtocolError("Only HTTP/1.0 and HTTP/1.1 are spoken here.", 505)
    return RemoteProtocolError("The first line has no HTTP version at its end.")


def _read_status_line(line: bytes) -> tuple[bytes, int, bytes]:
    """
    Read a status line that was not seen before. Numbers from 600 to 999 pass: RFC 9110 section 15 tells a client to go
    on with them as with a 5xx, and some large sites answer 999.

    @raise RemoteProtocolError: when it is none.
    """
    match = _match_status(line)
    if match is None:
        raise RemoteProtocolError("The status line is malformed (RFC 9112 section 4).")
    entry = (match[1], int(match[2]), match[3] or b"")
    if len(line) <= 64:
        if len(_STATUS_LINES) >= _MOST_KEPT:
            _STATUS_LINES.clear()
        _STATUS_LINES[line] = entry
    return entry
