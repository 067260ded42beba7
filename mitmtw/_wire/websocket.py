"""
WebSocket frames (RFC 6455 section 5), read: each is checked, unmasked, and kept as it came beside that.

L{mitmtw._wire.websocket_message} makes messages of frames, L{mitmtw._wire.websocket_write} writes both.
"""

from dataclasses import dataclass
from typing import Any, Final, Literal

from mitmtw._wire.websocket_mask import mask_payload
from mitmtw.errors import RemoteProtocolError

__all__ = [
    "BINARY",
    "CLOSE",
    "CONTINUATION",
    "MAX_CONTROL_BYTES",
    "MAX_MESSAGE_BYTES",
    "PING",
    "PONG",
    "TEXT",
    "Frame",
    "FrameReader",
    "Role",
    "WebSocketProtocolError",
    "is_close_code",
    "read_close",
]

# Opcodes, RFC 6455 section 5.2. From CLOSE on they are of control frames.
CONTINUATION: Final = 0
TEXT: Final = 1
BINARY: Final = 2
CLOSE: Final = 8
PING: Final = 9
PONG: Final = 10

#: Octets of the payload of a control frame (section 5.5).
MAX_CONTROL_BYTES: Final = 125
#: Octets of a message, unless the reader is told otherwise; as much as is collected of an HTTP body.
MAX_MESSAGE_BYTES: Final = 64 * 1024 * 1024

# Close codes that the errors carry (section 7.4.1).
_PROTOCOL_ERROR: Final = 1002
_INVALID_PAYLOAD: Final = 1007
_TOO_BIG: Final = 1009

#: Whose frames are read: a client's must be masked, a server's must not (section 5.1).
Role = Literal["client", "server"]

_Kind = tuple[int, bool, bool]


class WebSocketProtocolError(RemoteProtocolError):
    """
    The peer broke the protocol; what it sends from here on means nothing.

    @ivar close_code: what to tell it: 1002 for a broken frame, 1007 for a payload that is not what it should be, 1009
        for one that is too long.
    @ivar before: what was read in the same piece before it: frames, or what a message reader makes of them. It is good
        and is to be dealt with first.
    """

    def __init__(self, message: str, close_code: int = _PROTOCOL_ERROR) -> None:
        super().__init__(message)
        self.close_code = close_code
        self.before: list[Any] = []


@dataclass(slots=True)
class Frame:
    """
    One frame.

    @ivar opcode: L{CONTINUATION} and so on.
    @ivar fin: whether it is the last of its message.
    @ivar rsv1: whether it starts a compressed message (RFC 7692 section 6).
    @ivar payload: without the mask.
    @ivar raw: the whole frame exactly as it came.
    """

    opcode: int
    fin: bool
    rsv1: bool
    payload: bytes
    raw: bytes


def is_close_code(code: int) -> bool:
    """
    Whether a close frame may carry this code: 1004, 1005, 1006 and 1015 are not for the wire, and what nobody
    registered below 3000 is reserved (section 7.4).
    """
    return 3000 <= code <= 4999 or (1000 <= code <= 1014 and code not in (1004, 1005, 1006))


def read_close(payload: bytes) -> tuple[int | None, str]:
    """
    Code and reason of a close frame; the code is None when it has none (section 5.5.1).

    @raise WebSocketProtocolError: for one octet, a code that may not be sent, or a reason that is not UTF-8.
    """
    if not payload:
        return None, ""
    if len(payload) == 1:
        raise WebSocketProtocolError("A close frame has half a code (RFC 6455 section 5.5.1).")
    code = int.from_bytes(payload[:2], "big")
    if not is_close_code(code):
        raise WebSocketProtocolError(f"A close frame has the code {code} (RFC 6455 section 7.4).")
    try:
        return code, payload[2:].decode()
    except UnicodeDecodeError:
        raise WebSocketProtocolError("The reason in a close frame is not UTF-8.", _INVALID_PAYLOAD) from None


def _kinds(compressed: bool) -> list[_Kind | None]:
    """What each first octet of a frame says; None for those that nobody may send."""
    kinds: list[_Kind | None] = [None] * 256
    for fin in (False, True):
        for opcode in (CONTINUATION, TEXT, BINARY):
            kinds[fin << 7 | opcode] = (opcode, fin, False)
        if compressed:
            for opcode in (TEXT, BINARY):
                kinds[fin << 7 | 0x40 | opcode] = (opcode, fin, True)
    for opcode in (CLOSE, PING, PONG):
        kinds[0x80 | opcode] = (opcode, True, False)
    return kinds


_KINDS: Final = {False: _kinds(False), True: _kinds(True)}


class FrameReader:
    """
    Takes octets of one side and gives its frames.

    Of a frame that is not whole, nothing is kept before its declared length was found to be within the limits.

    @ivar is_closed: whether a close frame was read; it is the last frame.
    @ivar unfinished: the opcode of a frame whose head is there, but not all of its payload; -1 without one.
    @ivar unfinished_rsv1: whether that frame starts a compressed message.
    """

    __slots__ = (
        "_error",
        "_held",
        "_in_message",
        "_is_masked",
        "_kinds",
        "_max_frame",
        "_max_message",
        "_message_size",
        "_need",
        "_payload_at",
        "is_closed",
        "unfinished",
        "unfinished_rsv1",
    )

    def __init__(
        self,
        role: Role,
        *,
        max_frame: int | None = None,
        max_message: int = MAX_MESSAGE_BYTES,
        compressed: bool = False,
    ) -> None:
        """
        @param role: whose frames come.
        @param max_frame: octets of a frame's payload; None for as many as a message may have.
        @param max_message: octets of the payloads of one message together.
        @param compressed: permessage-deflate was agreed on: RSV1 may be set.
        """
        self.is_closed = False
        self.unfinished = -1
        self.unfinished_rsv1 = False
        self._error: WebSocketProtocolError | None = None
        self._held = bytearray()
        self._in_message = False
        self._is_masked = role == "client"
        self._kinds = _KINDS[compressed]
        self._max_message = max_message
        self._max_frame = max_message if max_frame is None else max_frame
        self._message_size = 0
        self._need = 0
        self._payload_at = 0

    @property
    def in_message(self) -> bool:
        """Whether a fragmented message has begun and not ended."""
        return self._in_message

    def feed(self, data: bytes) -> list[Frame]:
        """
        Add what came.

        @return: the frames that are whole now.
        @raise WebSocketProtocolError: for what section 5 does not allow, and for what is too long. Frames that came
            before it in the same piece are in its C{before}. After it each call raises it again.
        """
        if self._error is not None:
            self._error.before = []
            raise self._error
        held = self._held
        if held:
            held += data
            if len(held) < self._need:
                return []
            data = bytes(held)
            held.clear()
        frames: list[Frame] = []
        self.unfinished = -1
        try:
            start = self._read(data, frames)
        except WebSocketProtocolError as error:
            self._error = error
            error.before = frames
            raise
        if start < len(data):
            held += data[start:]
        return frames

    def arrived(self, start: int) -> bytes:
        """
        What is there of the payload of the L{unfinished} frame, from octet C{start} on, without the mask.
        """
        at = self._payload_at
        part = bytes(self._held[at + start :])
        if not part or not self._is_masked:
            return part
        key = bytes(self._held[at - 4 : at])
        turn = start & 3
        return mask_payload(key[turn:] + key[:turn], part)

    def _read(self, data: bytes, frames: list[Frame]) -> int:
        """
        Read frames until there is no whole one.

        @return: where the one begins that is not whole.
        @raise WebSocketProtocolError: see L{feed}.
        """
        size, start, masked = len(data), 0, self._is_masked
        self._need = 2
        while start < size:
            if self.is_closed:
                raise WebSocketProtocolError("Something came after the close frame (RFC 6455 section 5.5.1).")
            if size - start < 2:
                break
            first, second = data[start], data[start + 1]
            kind = self._kinds[first]
            if kind is None or (second > 127) is not masked:
                raise self._bad_start(first)
            opcode, fin, rsv1 = kind
            length = second & 127
            begin = start + 2
            if length > 125:
                begin += 2 if length == 126 else 8
                if opcode > 7:
                    raise WebSocketProtocolError("A control frame is longer than 125 octets (RFC 6455 section 5.5).")
                if size < begin:
                    self._need = begin - start
                    break
                length = _long_length(data[start + 2 : begin])
            if opcode < 8:
                self._check(opcode, length)
            if masked:
                begin += 4
            end = begin + length
            if size < end:
                self._need = end - start
                self.unfinished, self.unfinished_rsv1, self._payload_at = opcode, rsv1, begin - start
                break
            payload = data[begin:end]
            if masked:
                payload = mask_payload(data[begin - 4 : begin], payload)
            if opcode < 8:
                self._in_message = not fin
                self._message_size = 0 if fin else self._message_size + length
            elif opcode == CLOSE:
                read_close(payload)
                self.is_closed = True
            frames.append(Frame(opcode, fin, rsv1, payload, data[start:end]))
            start = end
        return start

    def _check(self, opcode: int, length: int) -> None:
        """
        Look at the head of a data frame.

        @raise WebSocketProtocolError: when it is out of turn, or too long.
        """
        if opcode:
            if self._in_message:
                raise WebSocketProtocolError("A message begins within another one (RFC 6455 section 5.4).")
        elif not self._in_message:
            raise WebSocketProtocolError("A continuation has nothing to continue (RFC 6455 section 5.4).")
        if length > self._max_frame:
            raise WebSocketProtocolError(f"A frame is longer than {self._max_frame} octets.", _TOO_BIG)
        if self._message_size + length > self._max_message:
            raise WebSocketProtocolError(f"A message is longer than {self._max_message} octets.", _TOO_BIG)

    def _bad_start(self, first: int) -> WebSocketProtocolError:
        """Say what is wrong with the first two octets of a frame."""
        opcode = first & 15
        if self._kinds[first] is not None:
            wrong = "A client's frame is not masked" if self._is_masked else "A server's frame is masked"
            return WebSocketProtocolError(f"{wrong} (RFC 6455 section 5.1).")
        if opcode not in (CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG):
            return WebSocketProtocolError(f"A frame has the reserved opcode {opcode} (RFC 6455 section 5.2).")
        if first & 0x70:
            return WebSocketProtocolError("A frame has a reserved bit set (RFC 6455 section 5.2).")
        return WebSocketProtocolError("A control frame is fragmented (RFC 6455 section 5.5).")


def _long_length(octets: bytes) -> int:
    """
    Read a length of two or of eight octets (section 5.2).

    @raise WebSocketProtocolError: it could have been written shorter, or its highest bit is set.
    """
    length = int.from_bytes(octets, "big")
    if length >> 63:
        raise WebSocketProtocolError("The length of a frame has its highest bit set (RFC 6455 section 5.2).")
    if length < (126 if len(octets) == 2 else 65536):
        raise WebSocketProtocolError("The length of a frame takes more octets than it needs (RFC 6455 section 5.2).")
    return length
