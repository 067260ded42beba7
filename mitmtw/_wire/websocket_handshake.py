"""
The opening handshake of WebSocket connections (RFC 6455 section 4), as pure functions over raw fields.
"""

import binascii
from base64 import b64decode, b64encode
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha1
from typing import Final

from mitmtw._wire.events import Fields
from mitmtw._wire.fields import is_token
from mitmtw._wire.websocket_agreement import DeflateParameters, accept_answer, read_offer
from mitmtw._wire.websocket_extensions import EXTENSIONS, Extension, read_extensions, values_of, write_extensions
from mitmtw.errors import RemoteProtocolError

__all__ = [
    "HandshakeRequest",
    "HandshakeResponse",
    "accept_key",
    "check_request",
    "check_response",
    "is_websocket_request",
    "known_extensions",
    "set_value",
]

# Section 1.3.
_GUID: Final = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
_ACCEPT: Final = b"sec-websocket-accept"
_EXTENSIONS: Final = EXTENSIONS.lower()
_KEY: Final = b"sec-websocket-key"
_PROTOCOL: Final = b"sec-websocket-protocol"
_VERSION: Final = b"sec-websocket-version"


@dataclass(frozen=True, slots=True)
class HandshakeRequest:
    """
    What a client wants.

    @ivar key: the value of Sec-WebSocket-Key.
    @ivar protocols: the subprotocols it speaks, the one it likes best first.
    @ivar extensions: what it offers, unknown ones included.
    """

    key: bytes
    protocols: tuple[bytes, ...]
    extensions: tuple[Extension, ...]


@dataclass(frozen=True, slots=True)
class HandshakeResponse:
    """
    What a server agreed to.

    @ivar protocol: the subprotocol; None without.
    @ivar deflate: how messages are deflated; None when they are not.
    """

    protocol: bytes | None
    deflate: DeflateParameters | None


def accept_key(key: bytes) -> bytes:
    """The value of Sec-WebSocket-Accept for this Sec-WebSocket-Key (section 4.2.2)."""
    return b64encode(sha1(key + _GUID, usedforsecurity=False).digest())


def is_websocket_request(method: bytes, version: bytes, fields: Fields) -> bool:
    """
    Whether a request asks for a WebSocket connection of the version that is spoken here, 13 (section 4.1). Whether it
    asks well is another question: L{check_request}.

    @param version: of HTTP: C{b"HTTP/1.1"}.
    """
    return (
        method == b"GET"
        and version == b"HTTP/1.1"
        and _asks_upgrade(fields)
        and values_of(fields, _VERSION) == [b"13"]
        and bool(values_of(fields, _KEY))
    )


def check_request(fields: Fields) -> HandshakeRequest:
    """
    Read the fields of a request that L{is_websocket_request}.

    @raise RemoteProtocolError: with the status 426 for a version that is not 13 (the answer should have
        C{Sec-WebSocket-Version: 13}), with 400 for a field that is missing, repeated or has a value that may not be.
    """
    if not _asks_upgrade(fields):
        raise RemoteProtocolError("The request does not ask for an upgrade to websocket (RFC 6455 section 4.1).")
    if values_of(fields, _VERSION) != [b"13"]:
        raise RemoteProtocolError("The WebSocket version is not 13 (RFC 6455 section 4.4).", 426)
    keys = values_of(fields, _KEY)
    if len(keys) != 1 or not _is_key(keys[0]):
        raise RemoteProtocolError("Sec-WebSocket-Key is not 16 octets in base64 (RFC 6455 section 4.1).")
    protocols = _elements(values_of(fields, _PROTOCOL))
    if len(set(protocols)) != len(protocols) or not all(map(is_token, protocols)):
        raise RemoteProtocolError("Sec-WebSocket-Protocol is no list of different tokens (RFC 6455 section 4.1).")
    return HandshakeRequest(keys[0], tuple(protocols), tuple(read_extensions(values_of(fields, _EXTENSIONS))))


def check_response(
    fields: Fields, key_sent: bytes, protocols_offered: Sequence[bytes], extensions_offered: Sequence[Extension]
) -> HandshakeResponse:
    """
    Read the fields of a response with the status 101 (section 4.1, "the client MUST validate").

    @param key_sent: what the request had as Sec-WebSocket-Key when it went to the server.
    @param protocols_offered: the subprotocols it had then.
    @param extensions_offered: the extensions it had then.
    @raise RemoteProtocolError: it is no answer to that request; the status is 502.
    """
    if not _asks_upgrade(fields):
        raise RemoteProtocolError("The server does not upgrade to websocket (RFC 6455 section 4.1).", 502)
    if values_of(fields, _ACCEPT) != [accept_key(key_sent)]:
        raise RemoteProtocolError("Sec-WebSocket-Accept does not answer the key (RFC 6455 section 4.1).", 502)
    protocols = values_of(fields, _PROTOCOL)
    if len(protocols) > 1 or any(protocol not in protocols_offered for protocol in protocols):
        raise RemoteProtocolError("The server chose a subprotocol that it was not offered (RFC 6455 section 4.1).", 502)
    answer = read_extensions(values_of(fields, _EXTENSIONS), 502)
    return HandshakeResponse(protocols[0] if protocols else None, accept_answer(answer, extensions_offered))


def known_extensions(fields: Fields) -> tuple[Fields, list[Extension]]:
    """
    Leave out the extensions whose frames could not be read here, so that a server does not choose them.

    @param fields: of a request; if there is nothing to leave out, they are returned as they are.
    @return: the fields to send, and what was left out.
    @raise RemoteProtocolError: the field cannot be read; the status is 400.
    """
    kept: list[Extension] = []
    left_out: list[Extension] = []
    for extension in read_extensions(values_of(fields, _EXTENSIONS)):
        (left_out if read_offer(extension) is None else kept).append(extension)
    if not left_out:
        return fields, []
    return set_value(fields, EXTENSIONS, write_extensions(kept) if kept else None), left_out


def set_value(fields: Fields, name: bytes, value: bytes | None) -> Fields:
    """
    The fields with this value for that name, in the place of the first field that had it, or at the end.

    @param value: None to leave the name out.
    """
    key = name.lower()
    changed: Fields = []
    for pair in fields:
        if pair[0].lower() != key:
            changed.append(pair)
        elif value is not None:
            changed.append((pair[0], value))
            value = None
    if value is not None:
        changed.append((name, value))
    return changed


def _asks_upgrade(fields: Fields) -> bool:
    """Whether Upgrade names websocket, and Connection names Upgrade; case does not matter (section 4.1)."""
    upgrades = _elements(values_of(fields, b"upgrade"))
    options = _elements(values_of(fields, b"connection"))
    return b"websocket" in map(bytes.lower, upgrades) and b"upgrade" in map(bytes.lower, options)


def _elements(values: list[bytes]) -> list[bytes]:
    """The elements of a list that may be in several fields, without the empty ones (RFC 9110 section 5.6.1)."""
    return [element for value in values for each in value.split(b",") if (element := each.strip(b" \t"))]


def _is_key(key: bytes) -> bool:
    """Whether it is 16 octets in base64, in the one way in which they are written (section 4.1)."""
    try:
        octets = b64decode(key, validate=True)
    except binascii.Error:
        return False
    return len(octets) == 16 and b64encode(octets) == key
