"""
permessage-deflate (RFC 7692): what both sides agree on, and the deflating itself.
"""

import zlib
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

from mitmtw._wire.websocket import WebSocketProtocolError
from mitmtw._wire.websocket_extensions import Extension
from mitmtw.errors import RemoteProtocolError

__all__ = [
    "PERMESSAGE_DEFLATE",
    "Coding",
    "DeflateOffer",
    "DeflateParameters",
    "Deflater",
    "Inflater",
    "accept_answer",
    "choose",
    "read_offer",
]

#: The extension's name.
PERMESSAGE_DEFLATE: Final = b"permessage-deflate"
#: zlib's own middle between time and size.
DEFLATE_LEVEL: Final = 6
#: zlib's default; the tables of a deflater take 128 KiB with it, beside 128 KiB for a window of 15 bits.
DEFLATE_MEMORY: Final = 8
#: What a sync flush ends with; it is not sent (section 7.2.1).
_TAIL: Final = b"\x00\x00\xff\xff"
#: The message of no octets (section 7.2.3.6).
_EMPTY: Final = b"\x00"
#: The smallest window that zlib makes for raw deflate; asked for 8 bits older ones quietly took 9.
_LEAST_BITS: Final = 9
_MOST_BITS: Final = 15

# Names of the parameters (section 7.1).
_SERVER_FRESH: Final = b"server_no_context_takeover"
_CLIENT_FRESH: Final = b"client_no_context_takeover"
_SERVER_BITS: Final = b"server_max_window_bits"
_CLIENT_BITS: Final = b"client_max_window_bits"
_BITS: Final = {b"%d" % bits: bits for bits in range(8, _MOST_BITS + 1)}


class Coding(NamedTuple):
    """
    How one side deflates.

    @ivar no_context_takeover: each message by itself, without a look at the ones before.
    @ivar window_bits: 8 to 15: it looks back 2 to the power of that octets at most.
    """

    no_context_takeover: bool = False
    window_bits: int = _MOST_BITS


@dataclass(frozen=True, slots=True)
class DeflateParameters:
    """What both sides agreed on (section 7.1)."""

    server_no_context_takeover: bool = False
    client_no_context_takeover: bool = False
    server_max_window_bits: int = _MOST_BITS
    client_max_window_bits: int = _MOST_BITS

    @property
    def client(self) -> Coding:
        """How the client deflates."""
        return Coding(self.client_no_context_takeover, self.client_max_window_bits)

    @property
    def server(self) -> Coding:
        """How the server deflates."""
        return Coding(self.server_no_context_takeover, self.server_max_window_bits)

    def extension(self) -> Extension:
        """The answer of a server that says this."""
        parameters: list[tuple[bytes, bytes | None]] = []
        if self.server_no_context_takeover:
            parameters.append((_SERVER_FRESH, None))
        if self.client_no_context_takeover:
            parameters.append((_CLIENT_FRESH, None))
        if self.server_max_window_bits != _MOST_BITS:
            parameters.append((_SERVER_BITS, b"%d" % self.server_max_window_bits))
        if self.client_max_window_bits != _MOST_BITS:
            parameters.append((_CLIENT_BITS, b"%d" % self.client_max_window_bits))
        return Extension(PERMESSAGE_DEFLATE, tuple(parameters))


@dataclass(frozen=True, slots=True)
class DeflateOffer:
    """
    What a client offers (section 7.1).

    @ivar server_max_window_bits: the server may look back so far at most; None for no limit.
    @ivar client_max_window_bits: the client looks back no further than that; None when it cannot be told to.
    """

    server_no_context_takeover: bool = False
    client_no_context_takeover: bool = False
    server_max_window_bits: int | None = None
    client_max_window_bits: int | None = None

    def permits(self, answer: DeflateParameters, limits_client: bool) -> bool:
        """
        Whether this offer can be answered so.

        @param limits_client: the answer has C{client_max_window_bits}.
        """
        if self.server_no_context_takeover and not answer.server_no_context_takeover:
            return False
        if self.server_max_window_bits is not None and answer.server_max_window_bits > self.server_max_window_bits:
            return False
        return not limits_client or (
            self.client_max_window_bits is not None and answer.client_max_window_bits <= self.client_max_window_bits
        )


def read_offer(extension: Extension) -> DeflateOffer | None:
    """
    What an element of a client's list offers.

    @return: None when it is another extension, or must be declined: unknown or repeated parameters, or values that may
        not be (section 7).
    """
    read = _parameters(extension)
    if read is None:
        return None
    server_bits = _bits(read.get(_SERVER_BITS)) if _SERVER_BITS in read else None
    if _SERVER_BITS in read and server_bits is None:
        return None
    client_bits: int | None = None
    if _CLIENT_BITS in read:
        value = read[_CLIENT_BITS]
        client_bits = _MOST_BITS if value is None else _bits(value)
        if client_bits is None:
            return None
    return DeflateOffer(_SERVER_FRESH in read, _CLIENT_FRESH in read, server_bits, client_bits)


def choose(extensions: Iterable[Extension]) -> DeflateParameters | None:
    """
    Answer a client's list as its server: with the first offer that can be taken, just as it is meant.

    @return: None when nothing can be taken.
    """
    for extension in extensions:
        offer = read_offer(extension)
        if offer is not None:
            return DeflateParameters(
                offer.server_no_context_takeover,
                offer.client_no_context_takeover,
                offer.server_max_window_bits or _MOST_BITS,
                offer.client_max_window_bits or _MOST_BITS,
            )
    return None


def accept_answer(answer: Iterable[Extension], offered: Iterable[Extension]) -> DeflateParameters | None:
    """
    Look at a server's list of extensions.

    @param offered: what it was asked.
    @return: None when it wants none.
    @raise RemoteProtocolError: it wants what was not offered, or cannot be (section 7.1); the status is 502.
    """
    parameters: DeflateParameters | None = None
    for extension in answer:
        if extension.name != PERMESSAGE_DEFLATE:
            name = extension.name[:64].decode("ascii", "backslashreplace")
            raise RemoteProtocolError(f"The server wants the extension {name}, which was not offered.", 502)
        if parameters is not None:
            raise RemoteProtocolError("The server wants permessage-deflate twice.", 502)
        parameters = _read_answer(extension)
        limits_client = any(name == _CLIENT_BITS for name, _ in extension.parameters)
        offers = [offer for offer in map(read_offer, offered) if offer is not None]
        if not any(offer.permits(parameters, limits_client) for offer in offers):
            raise RemoteProtocolError("The server's permessage-deflate answers no offer (RFC 7692 section 7.1).", 502)
    return parameters


def _read_answer(extension: Extension) -> DeflateParameters:
    """
    Read a server's answer.

    @raise RemoteProtocolError: parameters that are unknown, repeated, or have values that may not be.
    """
    read = _parameters(extension)
    if read is not None:
        server_bits = _bits(read.get(_SERVER_BITS, b"15"))
        client_bits = _bits(read.get(_CLIENT_BITS, b"15"))
        if server_bits is not None and client_bits is not None:
            return DeflateParameters(_SERVER_FRESH in read, _CLIENT_FRESH in read, server_bits, client_bits)
    raise RemoteProtocolError("The server's permessage-deflate has bad parameters (RFC 7692 section 7.1).", 502)


def _parameters(extension: Extension) -> dict[bytes, bytes | None] | None:
    """The parameters by name; None for another extension, and for what section 7 forbids in offers and answers."""
    if extension.name != PERMESSAGE_DEFLATE:
        return None
    read = dict(extension.parameters)
    if len(read) != len(extension.parameters):
        return None
    for name, value in read.items():
        if name in (_SERVER_FRESH, _CLIENT_FRESH):
            if value is not None:
                return None
        elif name not in (_SERVER_BITS, _CLIENT_BITS):
            return None
    return read


def _bits(value: bytes | None) -> int | None:
    """A number of bits: 8 to 15 without leading zeros; None for anything else."""
    return None if value is None else _BITS.get(value)


class Inflater:
    """
    Inflates what one side sends. One is enough for a connection; it holds 32 KiB at most.
    """

    __slots__ = ("_bits", "_inflate", "_is_fresh", "_limit", "_room")

    def __init__(self, no_context_takeover: bool, window_bits: int, limit: int) -> None:
        """
        @param no_context_takeover: each message is by itself.
        @param window_bits: how far it looks back. What is asked to take 8 may be a zlib that takes 9: that is read too.
        @param limit: octets of an inflated message.
        """
        self._is_fresh = no_context_takeover
        self._bits = -max(window_bits, _LEAST_BITS)
        self._limit = limit
        self._room = limit
        self._inflate: Any = None

    def inflate(self, payload: bytes, final: bool = True) -> bytes:
        """
        Inflate the payload of a frame.

        @param final: it is the last of its message.
        @raise WebSocketProtocolError: it cannot be inflated (close code 1007), or the message becomes too long (1009):
            no more than one octet beyond the limit is made.
        """
        if final and payload != b"" or not final:
            pass
        inflated = self._run(payload + _TAIL if final else payload)
        self._room -= len(inflated)
        if self._room < 0:
            raise WebSocketProtocolError(f"A message is longer than {self._limit} octets when it is inflated.", 1009)
        if final:
            self._room = self._limit
            if self._is_fresh:
                self._inflate = None
        return inflated

    def _run(self, octets: bytes) -> bytes:
        """
        Inflate, one octet more than there is room for at most.

        @raise WebSocketProtocolError: it cannot be inflated.
        """
        return b""


class Deflater:
    """
    Deflates what is sent to one side. It holds up to 256 KiB between messages, unless each is by itself.
    """

    __slots__ = ("_deflate", "_is_fresh", "_bits", "_strategy")

    def __init__(self, no_context_takeover: bool, window_bits: int) -> None:
        """
        @param no_context_takeover: deflate each message by itself.
        @param window_bits: how far the other side can look back.
        """
        self._is_fresh = no_context_takeover
        # There is no zlib that makes raw deflate for a window of 8 bits. Runs of one octet look back one octet only,
        # whatever the window is said to be.
        self._strategy = zlib.Z_DEFAULT_STRATEGY if window_bits >= _LEAST_BITS else zlib.Z_RLE
        self._bits = -max(window_bits, _LEAST_BITS)
        self._deflate: Any = None
