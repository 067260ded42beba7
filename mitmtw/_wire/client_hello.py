"""
The ClientHello of a TLS client, read without answering it (RFC 8446 sections 4.1.2 and 5.1, RFC 6066, RFC 7301).

A proxy must know the name and the protocols that a client asks for before it can choose a certificate, and it must not
lose a byte: the same bytes are given to the TLS library afterwards. With ML-KEM key shares a hello is larger than one
segment, and some clients cut it into several records, so it comes in pieces.
"""

import re
from dataclasses import dataclass
from typing import Final

from mitmtw.errors import RemoteProtocolError

__all__ = ["MAX_HELLO_BYTES", "ClientHello", "read_client_hello"]

#: Octets of a hello with its four octets of handshake header; OpenSSL takes 128 KiB, browsers send under 2 KiB.
MAX_HELLO_BYTES: Final = 65536

_HANDSHAKE: Final = 22
_CLIENT_HELLO: Final = 1
# Records that a hello may be cut into. Clients that hide its name from filters use a handful.
_MOST_RECORDS: Final = 128
# RFC 8446 section 5.1, octets of a plaintext record.
_LONGEST_RECORD: Final = 16384
# Octets of the session id; RFC 8446 section 4.1.2.
_LONGEST_SESSION_ID: Final = 32
# Octets of a name; RFC 1035 section 2.3.4.
_LONGEST_NAME: Final = 255

# Extensions, from the IANA registry.
_SERVER_NAME: Final = 0
_SUPPORTED_GROUPS: Final = 10
_ALPN: Final = 16
_SUPPORTED_VERSIONS: Final = 43

# Labels of letters, digits, hyphens and the underscores that some use; RFC 5890 A-labels are such. No dot at the end
# (RFC 6066 section 3).
_match_name: Final = re.compile(
    r"[0-9A-Za-z_](?:[0-9A-Za-z_\-]{0,61}[0-9A-Za-z_])?(?:\.[0-9A-Za-z_](?:[0-9A-Za-z_\-]{0,61}[0-9A-Za-z_])?)*"
).fullmatch
_match_ipv4: Final = re.compile(r"[0-9.]+").fullmatch


@dataclass(slots=True, frozen=True)
class ClientHello:
    """
    What a client says first.

    @ivar sni: the name that it asks for, in lower case; None when it asks for none, or for something that is no host
        name.
    @ivar alpn: the protocols that it offers, best first; GREASE values are among them.
    @ivar version: the C{legacy_version} of the hello, 0x0303 for TLS 1.2 and 1.3.
    @ivar supported_versions: the versions of that extension in their order; empty before TLS 1.3.
    @ivar cipher_suites: their numbers in their order.
    @ivar groups: the key exchange groups in their order.
    @ivar extensions: number and content of each extension, in their order.
    @ivar raw: the handshake message with its header of four octets, without the records around it.
    """

    sni: str | None
    alpn: tuple[bytes, ...]
    version: int
    supported_versions: tuple[int, ...]
    cipher_suites: tuple[int, ...]
    groups: tuple[int, ...]
    extensions: tuple[tuple[int, bytes], ...]
    raw: bytes


class _Cut(Exception):
    """A vector is longer than what it is in."""


class _Reader:
    """Takes numbers and vectors off the front of some octets."""

    __slots__ = ("_octets", "_position")

    def __init__(self, octets: bytes) -> None:
        self._octets = octets
        self._position = 0

    def take(self, size: int) -> bytes:
        """
        The next octets.

        @raise _Cut: when there are not so many.
        """
        end = self._position + size
        if end > len(self._octets):
            raise _Cut
        taken = self._octets[self._position : end]
        self._position = end
        return taken

    def number(self, size: int) -> int:
        """A number of that many octets."""
        return int.from_bytes(self.take(size), "big")

    def vector(self, size: int) -> bytes:
        """A vector whose length stands before it in that many octets (RFC 8446 section 3.4)."""
        return self.take(self.number(size))

    def is_empty(self) -> bool:
        """Whether all was taken."""
        return self._position == len(self._octets)


def read_client_hello(start: bytes) -> ClientHello | None:
    """
    Read the hello at the start of a stream.

    @param start: all that came so far; what comes after the hello does not matter.
    @return: None as long as more is needed.
    @raise RemoteProtocolError: when it is no ClientHello, or is larger than L{MAX_HELLO_BYTES}.
    """
    message = _collect(start)
    if message is None:
        return None
    try:
        return _parse(message)
    except _Cut:
        raise RemoteProtocolError("The ClientHello is malformed: a length in it is wrong.") from None


def _collect(start: bytes) -> bytes | None:
    """
    The handshake message out of its records, header included; None when it is not whole.

    @raise RemoteProtocolError: when a record is none of a handshake, or the message none of a ClientHello.
    """
    fragments: list[bytes] = []
    position = 0
    collected = 0
    while position < len(start):
        size = _record_size(start, position)
        if size < 0:
            return None
        fragment = start[position + 5 : position + 5 + size]
        fragments.append(fragment)
        collected += len(fragment)
        position += 5 + size
        if len(fragments) > _MOST_RECORDS:
            raise RemoteProtocolError(f"The ClientHello is in more than {_MOST_RECORDS} records.")
        whole = _message_size(b"".join(fragments[:4]))
        if 0 <= whole <= collected:
            return b"".join(fragments)[:whole]
    return None


def _record_size(start: bytes, position: int) -> int:
    """
    The length of the record that begins here; -1 as long as its header is not whole.

    @raise RemoteProtocolError: when it is no record of a handshake.
    """
    header = start[position : position + 5]
    if header[0] != _HANDSHAKE:
        raise RemoteProtocolError("The TLS client does not begin with a handshake record.")
    if len(header) > 1 and header[1] != 3:
        raise RemoteProtocolError("The version of a TLS record is unknown.")
    if len(header) < 5:
        return -1
    size = int.from_bytes(header[3:], "big")
    if not 1 <= size <= _LONGEST_RECORD:
        raise RemoteProtocolError("The length of a TLS record is not allowed (RFC 8446 section 5.1).")
    return size


def _message_size(beginning: bytes) -> int:
    """
    The length of the handshake message that begins so, header included; -1 as long as that is not whole.

    @raise RemoteProtocolError: when it is no ClientHello, or too long.
    """
    if beginning and beginning[0] != _CLIENT_HELLO:
        raise RemoteProtocolError("The TLS client does not begin with a ClientHello.")
    if len(beginning) < 4:
        return -1
    size = 4 + int.from_bytes(beginning[1:4], "big")
    if size > MAX_HELLO_BYTES:
        raise RemoteProtocolError(f"The ClientHello is longer than {MAX_HELLO_BYTES} octets.")
    return size


def _parse(message: bytes) -> ClientHello:
    """
    Take a whole handshake message apart.

    @raise _Cut: when a length in it is wrong.
    @raise RemoteProtocolError: when something in it is not allowed.
    """
    body = _Reader(message[4:])
    version = body.number(2)
    body.take(32)
    if len(body.vector(1)) > _LONGEST_SESSION_ID:
        raise RemoteProtocolError("The session id of the ClientHello is too long.")
    cipher_suites = _numbers(body.vector(2))
    body.vector(1)
    # Extensions may be missing altogether before TLS 1.3.
    extensions = () if body.is_empty() else _read_extensions(body.vector(2))
    if not body.is_empty():
        raise RemoteProtocolError("There is something behind the extensions of the ClientHello.")
    known = dict(extensions)
    if len(known) != len(extensions):
        raise RemoteProtocolError("An extension of the ClientHello comes twice (RFC 8446 section 4.2).")
    return ClientHello(
        sni=_read_sni(known.get(_SERVER_NAME)),
        alpn=_read_alpn(known.get(_ALPN)),
        version=version,
        supported_versions=_read_numbers(known.get(_SUPPORTED_VERSIONS), 1),
        cipher_suites=cipher_suites,
        groups=_read_numbers(known.get(_SUPPORTED_GROUPS), 2),
        extensions=extensions,
        raw=message,
    )


def _read_extensions(block: bytes) -> tuple[tuple[int, bytes], ...]:
    """Number and content of each extension."""
    reader = _Reader(block)
    found = []
    while not reader.is_empty():
        number = reader.number(2)
        found.append((number, reader.vector(2)))
    return tuple(found)


def _numbers(block: bytes) -> tuple[int, ...]:
    """
    Numbers of two octets each.

    @raise _Cut: when one octet is left over.
    """
    if len(block) % 2:
        raise _Cut
    return tuple(int.from_bytes(block[i : i + 2], "big") for i in range(0, len(block), 2))


def _whole(content: bytes, size: int) -> bytes:
    """
    The vector that an extension consists of.

    @raise _Cut: when something comes behind it.
    """
    reader = _Reader(content)
    vector = reader.vector(size)
    if not reader.is_empty():
        raise _Cut
    return vector


def _read_numbers(content: bytes | None, size: int) -> tuple[int, ...]:
    """The numbers of an extension that is a list of them; none without it."""
    return () if content is None else _numbers(_whole(content, size))


def _read_alpn(content: bytes | None) -> tuple[bytes, ...]:
    """
    The protocol names (RFC 7301 section 3.1).

    @raise RemoteProtocolError: when one is empty.
    """
    if content is None:
        return ()
    reader = _Reader(_whole(content, 2))
    names = []
    while not reader.is_empty():
        name = reader.vector(1)
        if not name:
            raise RemoteProtocolError("A protocol name of the ClientHello is empty (RFC 7301 section 3.1).")
        names.append(name)
    return tuple(names)


def _read_sni(content: bytes | None) -> str | None:
    """
    The name that the client asks for (RFC 6066 section 3).

    RFC 6066 forbids address literals there and leaves open what to do with one. It is no name to make a certificate
    for, so it counts as no name at all: so does anything else that cannot be one. A list that is malformed is refused.
    """
    if not content:
        return None
    reader = _Reader(_whole(content, 2))
    found: bytes | None = None
    while not reader.is_empty():
        kind = reader.number(1)
        name = reader.vector(2)
        if kind == 0:
            if found is not None:
                raise RemoteProtocolError("The ClientHello asks for two host names (RFC 6066 section 3).")
            found = name
    if found is None or len(found) > _LONGEST_NAME:
        return None
    # The dot at the end is forbidden, but the name is the same without it.
    text = found.decode("ascii", "replace").lower().removesuffix(".")
    return text if _match_name(text) and not _match_ipv4(text) else None
