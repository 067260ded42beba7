"""
The deflating of permessage-deflate (RFC 7692 section 7.2); what both sides agree on is
L{mitmtw._wire.websocket_agreement}'s.
"""

import zlib
from typing import Any, Final, NamedTuple

from mitmtw._wire.websocket import WebSocketProtocolError

__all__ = ["DEFLATE_LEVEL", "DEFLATE_MEMORY", "MAX_WINDOW_BITS", "Coding", "Deflater", "Inflater"]

#: zlib's own middle between time and size.
DEFLATE_LEVEL: Final = 6
#: zlib's default: the tables of a deflater take 128 KiB with it, beside 128 KiB for a window of 15 bits.
DEFLATE_MEMORY: Final = 8
#: The largest window, and what is meant when nothing is said of it (section 7.1.2).
MAX_WINDOW_BITS: Final = 15
#: The smallest window that zlib makes for raw deflate; asked for 8 bits, older ones quietly took 9.
_LEAST_BITS: Final = 9
#: What a sync flush ends with; it is not sent (section 7.2.1).
_TAIL: Final = b"\x00\x00\xff\xff"
#: The message of no octets (section 7.2.3.6).
_EMPTY: Final = b"\x00"
#: Final blocks in one frame (section 7.2.3.5). There is one where a sender flushes so; each costs a copy of the rest.
_MOST_FINAL_BLOCKS: Final = 16


class Coding(NamedTuple):
    """
    How one side deflates.

    @ivar no_context_takeover: each message by itself, without a look at the ones before.
    @ivar window_bits: 8 to 15: it looks back 2 to the power of that octets at most.
    """

    no_context_takeover: bool = False
    window_bits: int = MAX_WINDOW_BITS


class Inflater:
    """Inflates what one side sends. One is enough for a connection; it holds about 40 KiB at most."""

    __slots__ = ("_began", "_bits", "_inflate", "_is_fresh", "_limit", "_room")

    def __init__(self, no_context_takeover: bool, window_bits: int, limit: int) -> None:
        """
        @param no_context_takeover: each message is by itself.
        @param window_bits: how far it looks back. Who was asked for 8 may be a zlib that takes 9: that is read too.
        @param limit: octets of an inflated message.
        """
        self._is_fresh = no_context_takeover
        self._bits = -max(window_bits, _LEAST_BITS)
        self._limit = limit
        self._room = limit
        self._began = False
        self._inflate: Any = None

    def inflate(self, payload: bytes, final: bool = True) -> bytes:
        """
        Inflate the payload of a frame.

        @param final: it is the last of its message.
        @raise WebSocketProtocolError: it cannot be inflated (close code 1007), or the message becomes too long (1009);
            no more than one octet beyond the limit is made. The inflater is of no use after it.
        """
        if payload:
            self._began = True
        if final and self._began:
            payload += _TAIL
        if not payload:
            return b""  # a fragment without octets, or a message whose sender forgot the rule for empty ones
        try:
            inflated = self._run(payload, final)
        except zlib.error:
            raise WebSocketProtocolError("A message cannot be inflated (RFC 7692 section 7.2.2).", 1007) from None
        self._room -= len(inflated)
        if self._room < 0:
            raise WebSocketProtocolError(f"A message is longer than {self._limit} octets, inflated.", 1009)
        if final:
            self._room, self._began = self._limit, False
            if self._is_fresh:
                self._inflate = None
        return inflated

    def _run(self, payload: bytes, final: bool) -> bytes:
        """
        Inflate, one octet more than there is room for at most.

        @raise zlib.error: it cannot be inflated.
        """
        inflate = self._inflate or zlib.decompressobj(self._bits)
        room = self._room + 1
        inflated: bytes = inflate.decompress(payload, room)
        self._inflate = inflate
        if not inflate.eof:
            return inflated
        # A final block: the sender's stream begins anew behind it (section 7.2.3.5), with the next message at the
        # latest.
        blocks = 0
        while inflate.eof and len(inflated) < room:
            rest = inflate.unused_data
            inflate = zlib.decompressobj(self._bits)
            blocks += 1
            if blocks > _MOST_FINAL_BLOCKS:
                raise zlib.error
            if rest:
                inflated += inflate.decompress(rest, room - len(inflated))
        self._inflate = None if final else inflate
        return inflated


class Deflater:
    """Deflates what is sent to one side. It holds 256 KiB at most, and nothing when each message is by itself."""

    __slots__ = ("_bits", "_deflate", "_is_fresh", "_strategy")

    def __init__(self, no_context_takeover: bool, window_bits: int) -> None:
        """
        @param no_context_takeover: deflate each message by itself.
        @param window_bits: how far the other side can look back.
        """
        self._is_fresh = no_context_takeover
        # No zlib makes raw deflate for a window of 8 bits. With this strategy it looks back one octet only, so that any
        # window is large enough for what it makes.
        self._strategy = zlib.Z_DEFAULT_STRATEGY if window_bits >= _LEAST_BITS else zlib.Z_RLE
        self._bits = max(window_bits, _LEAST_BITS)
        self._deflate: Any = None

    def deflate(self, payload: bytes) -> bytes:
        """The payload of a message, deflated; to be sent in frames of which the first has RSV1 set."""
        if not payload:
            return _EMPTY
        deflate = self._deflate
        if deflate is None:
            bits = self._bits
            if self._is_fresh:
                # A window much larger than the only message is memory that is filled with zeros for nothing.
                bits = max(_LEAST_BITS, min(bits, len(payload).bit_length() + 1))
            deflate = zlib.compressobj(DEFLATE_LEVEL, zlib.DEFLATED, -bits, DEFLATE_MEMORY, self._strategy)
            if not self._is_fresh:
                self._deflate = deflate
        deflated: bytes = deflate.compress(payload) + deflate.flush(zlib.Z_SYNC_FLUSH)
        return deflated[: -len(_TAIL)]
