"""
What client and server agree on about permessage-deflate: offers and answers (RFC 7692 sections 5 and 7.1).
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from mitmtw._wire.websocket_deflate import MAX_WINDOW_BITS, Coding
from mitmtw._wire.websocket_extensions import Extension
from mitmtw.errors import RemoteProtocolError

__all__ = ["PERMESSAGE_DEFLATE", "DeflateOffer", "DeflateParameters", "accept_answer", "choose", "read_offer"]

#: The extension's name.
PERMESSAGE_DEFLATE: Final = b"permessage-deflate"

# Names of the parameters (section 7.1).
_SERVER_FRESH: Final = b"server_no_context_takeover"
_CLIENT_FRESH: Final = b"client_no_context_takeover"
_SERVER_BITS: Final = b"server_max_window_bits"
_CLIENT_BITS: Final = b"client_max_window_bits"
# A number without leading zeros (section 7.1.2.1).
_BITS: Final = {b"%d" % bits: bits for bits in range(8, MAX_WINDOW_BITS + 1)}


@dataclass(frozen=True, slots=True)
class DeflateParameters:
    """What both sides agreed on, by the names of section 7.1."""

    server_no_context_takeover: bool = False
    client_no_context_takeover: bool = False
    server_max_window_bits: int = MAX_WINDOW_BITS
    client_max_window_bits: int = MAX_WINDOW_BITS

    @property
    def client(self) -> Coding:
        """How the client deflates."""
        return Coding(self.client_no_context_takeover, self.client_max_window_bits)

    @property
    def server(self) -> Coding:
        """How the server deflates."""
        return Coding(self.server_no_context_takeover, self.server_max_window_bits)


@dataclass(frozen=True, slots=True)
class DeflateOffer:
    """
    What a client offers, by the names of section 7.1.

    @ivar server_max_window_bits: the server may look back so far at most; None for no limit.
    @ivar client_max_window_bits: the client looks back no further than that, and can be told less; None when it cannot.
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
        most = self.client_max_window_bits
        return not limits_client or (most is not None and answer.client_max_window_bits <= most)


def read_offer(extension: Extension) -> DeflateOffer | None:
    """
    What an element of a client's list offers.

    @return: None when it is another extension, or has to be declined: parameters that are unknown or repeated, or
        values that may not be (section 7).
    """
    read = _parameters(extension)
    if read is None:
        return None
    server_bits = _BITS.get(read[_SERVER_BITS] or b"") if _SERVER_BITS in read else None
    client_bits = None
    if _CLIENT_BITS in read:
        value = read[_CLIENT_BITS]
        client_bits = MAX_WINDOW_BITS if value is None else _BITS.get(value)
    if (server_bits is None) is (_SERVER_BITS in read) or (client_bits is None) is (_CLIENT_BITS in read):
        return None
    return DeflateOffer(_SERVER_FRESH in read, _CLIENT_FRESH in read, server_bits, client_bits)


def choose(extensions: Iterable[Extension]) -> tuple[DeflateParameters, Extension] | None:
    """
    Answer a client's list as its server: take the first offer that can be taken, just as it is meant.

    @return: what is agreed on, and how it is said; None when nothing can be taken.
    """
    for extension in extensions:
        offer = read_offer(extension)
        if offer is not None:
            parameters: list[tuple[bytes, bytes | None]] = []
            if offer.server_no_context_takeover:
                parameters.append((_SERVER_FRESH, None))
            if offer.client_no_context_takeover:
                parameters.append((_CLIENT_FRESH, None))
            if offer.server_max_window_bits is not None:
                parameters.append((_SERVER_BITS, b"%d" % offer.server_max_window_bits))
            if offer.client_max_window_bits is not None:
                parameters.append((_CLIENT_BITS, b"%d" % offer.client_max_window_bits))
            answer = Extension(PERMESSAGE_DEFLATE, tuple(parameters))
            return _read_answer(answer), answer
    return None


def accept_answer(answer: Iterable[Extension], offered: Iterable[Extension]) -> DeflateParameters | None:
    """
    Look at a server's list of extensions.

    @param offered: what it was asked.
    @return: None when it wants none.
    @raise RemoteProtocolError: it wants what was not offered, or cannot be (section 7.1); the status is 502.
    """
    offers = [offer for offer in map(read_offer, offered) if offer is not None]
    agreed: DeflateParameters | None = None
    for extension in answer:
        if extension.name != PERMESSAGE_DEFLATE:
            name = extension.name[:64].decode("ascii", "backslashreplace")
            raise RemoteProtocolError(f"The server wants the extension {name}, which it was not offered.", 502)
        if agreed is not None:
            raise RemoteProtocolError("The server wants permessage-deflate twice.", 502)
        agreed = _read_answer(extension)
        limits_client = any(name == _CLIENT_BITS for name, _ in extension.parameters)
        if not any(offer.permits(agreed, limits_client) for offer in offers):
            raise RemoteProtocolError("The server's permessage-deflate answers no offer (RFC 7692 section 7.1).", 502)
    return agreed


def _read_answer(extension: Extension) -> DeflateParameters:
    """
    Read a server's answer.

    @raise RemoteProtocolError: parameters that are unknown or repeated, or values that may not be; status 502.
    """
    read = _parameters(extension)
    if read is not None:
        server_bits = _BITS.get(read.get(_SERVER_BITS, b"15") or b"")
        client_bits = _BITS.get(read.get(_CLIENT_BITS, b"15") or b"")
        if server_bits is not None and client_bits is not None:
            return DeflateParameters(_SERVER_FRESH in read, _CLIENT_FRESH in read, server_bits, client_bits)
    raise RemoteProtocolError("The server's permessage-deflate has bad parameters (RFC 7692 section 7.1).", 502)


def _parameters(extension: Extension) -> dict[bytes, bytes | None] | None:
    """The parameters by name; None for another extension, and for what neither offer nor answer may have."""
    read = dict(extension.parameters)
    if extension.name != PERMESSAGE_DEFLATE or len(read) != len(extension.parameters):
        return None
    for name, value in read.items():
        if name in (_SERVER_FRESH, _CLIENT_FRESH):
            if value is not None:
                return None
        elif name not in (_SERVER_BITS, _CLIENT_BITS):
            return None
    return read
