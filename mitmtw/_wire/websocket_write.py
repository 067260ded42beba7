"""
WebSocket frames and messages, written (RFC 6455 section 5).
"""

from collections.abc import Sequence
from typing import Final

from mitmtw._wire.websocket import (
    BINARY,
    CLOSE,
    CONTINUATION,
    MAX_CONTROL_BYTES,
    PING,
    PONG,
    TEXT,
    is_close_code,
)
from mitmtw._wire.websocket_deflate import Coding, Deflater
from mitmtw._wire.websocket_mask import mask_payload, new_mask
from mitmtw._wire.websocket_message import Message
from mitmtw.errors import LocalProtocolError

__all__ = ["FRAGMENT_BYTES", "MessageWriter", "close_frame", "fragments", "write_frame", "write_message"]

#: Octets of a fragment of a message that came in fragments and has another length now.
FRAGMENT_BYTES: Final = 65536
_OPCODES: Final = (CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG)


def write_frame(
    opcode: int, payload: bytes, *, fin: bool = True, rsv1: bool = False, mask: bytes | None = None
) -> bytes:
    """
    A frame.

    @param mask: four octets that nobody can foresee, for a frame of a client; None for one of a server.
    @raise LocalProtocolError: for an opcode that does not exist, RSV1 where it may not be, a control frame that is too
        long or not whole, and a mask that is not four octets long.
    """
    size = len(payload)
    if opcode not in _OPCODES or (rsv1 and opcode not in (TEXT, BINARY)):
        raise LocalProtocolError("A frame cannot have this opcode or bit (RFC 6455 section 5.2).")
    if opcode > 7 and (size > MAX_CONTROL_BYTES or not fin):
        raise LocalProtocolError("A control frame is whole and has 125 octets at most (RFC 6455 section 5.5).")
    first = fin << 7 | rsv1 << 6 | opcode
    flag = 0 if mask is None else 0x80
    if size < 126:
        head = bytes((first, flag | size))
    elif size < 65536:
        head = bytes((first, flag | 126)) + size.to_bytes(2, "big")
    else:
        head = bytes((first, flag | 127)) + size.to_bytes(8, "big")
    if mask is None:
        return head + payload
    if len(mask) != 4:
        raise LocalProtocolError("A mask is not four octets long (RFC 6455 section 5.3).")
    return head + mask + mask_payload(mask, payload)


def close_frame(code: int | None, reason: str = "", *, mask: bytes | None = None) -> bytes:
    """
    A close frame.

    @param code: None for a frame that says nothing; then there is no reason either.
    @param reason: as much of it is sent as a control frame takes: 123 octets.
    @param mask: see L{write_frame}.
    @raise LocalProtocolError: the code may not be sent (section 7.4), or there is a reason without a code.
    """
    if code is None:
        if reason:
            raise LocalProtocolError("A close frame has a reason without a code (RFC 6455 section 5.5.1).")
        return write_frame(CLOSE, b"", mask=mask)
    if not is_close_code(code):
        raise LocalProtocolError(f"A close frame cannot have the code {code} (RFC 6455 section 7.4).")
    words = reason.encode("utf-8", "replace")[: MAX_CONTROL_BYTES - 2]
    if len(words) == MAX_CONTROL_BYTES - 2:
        words = words.decode("utf-8", "ignore").encode()  # it may end within a character
    return write_frame(CLOSE, code.to_bytes(2, "big") + words, mask=mask)


def fragments(payload: bytes, sizes: Sequence[int] = ()) -> list[bytes]:
    """
    Cut a payload as the message was cut that it stands for.

    What came in one frame goes out in one, however long it is: there are peers that take no fragments. What came in
    several is cut in the same places if it is as long as before, else at each 64 KiB.

    @param sizes: octets of the payloads of the frames that came; none for a message of our own, which is one frame.
    """
    if len(sizes) < 2:
        return [payload]
    pieces = []
    at = 0
    if sum(sizes) == len(payload):
        for size in sizes:
            pieces.append(payload[at : at + size])
            at += size
        return pieces
    return [payload[at : at + FRAGMENT_BYTES] for at in range(0, len(payload), FRAGMENT_BYTES)] or [b""]


def write_message(opcode: int, payload: bytes, *, sizes: Sequence[int] = (), rsv1: bool = False, masked: bool) -> bytes:
    """
    All frames of a message.

    @param payload: as it goes on the wire: deflated, when C{rsv1} says so.
    @param sizes: see L{fragments}.
    @param masked: it goes to a server: each frame is masked with a key of its own.
    @raise LocalProtocolError: see L{write_frame}.
    """
    if len(sizes) < 2:
        return write_frame(opcode, payload, rsv1=rsv1, mask=new_mask() if masked else None)
    pieces = fragments(payload, sizes)
    last = len(pieces) - 1
    return b"".join(
        [
            write_frame(
                CONTINUATION if index else opcode,
                piece,
                fin=index == last,
                rsv1=rsv1 and index == 0,
                mask=new_mask() if masked else None,
            )
            for index, piece in enumerate(pieces)
        ]
    )


class MessageWriter:
    """
    Writes what one side said to the other side: as it came where that is possible.

    A message that came deflated may point back to messages before it, so once one of these was changed or left out, the
    other side would read something else in it: from then on all that came deflated is deflated anew. Where each
    message is deflated by itself that does not happen.
    """

    __slots__ = ("_came", "_deflater", "_goes", "_is_verbatim", "_masked")

    def __init__(self, *, masked: bool, came: Coding | None = None, goes: Coding | None = None) -> None:
        """
        @param masked: the other side is a server.
        @param came: how the side deflates that said it; None when it does not.
        @param goes: how the other side expects it.
        """
        self._masked = masked
        self._came = came
        self._goes = goes
        self._is_verbatim = (
            came is not None
            and goes is not None
            and came.window_bits <= goes.window_bits
            and came.no_context_takeover >= goes.no_context_takeover
        )
        self._deflater: Deflater | None = None

    def write(self, message: Message, content: bytes | None = None, opcode: int | None = None) -> bytes:
        """
        The frames of a message.

        @param content: what is said in its place, inflated; None for a message that nobody changed. What is the same as
            before is framed and masked anew too.
        @param opcode: what it is said as; None for what it came as.
        @raise LocalProtocolError: a text is not UTF-8.
        """
        if opcode is None:
            opcode = message.opcode
        if content is None and opcode == message.opcode:
            if self._is_verbatim or not message.compressed:
                return message.raw
        else:
            self.drop(message)
        if content is None:
            content = message.payload
        if opcode == TEXT:
            _check_text(content)
        if not message.compressed or self._goes is None:
            return write_message(opcode, content, sizes=message.sizes, masked=self._masked)
        deflated = self._deflate(content, self._goes)
        return write_message(opcode, deflated, sizes=message.sizes, rsv1=True, masked=self._masked)

    def drop(self, message: Message) -> None:
        """Leave a message out: nothing is written for it."""
        if message.compressed and self._came is not None and not self._came.no_context_takeover:
            self._is_verbatim = False

    def inject(self, opcode: int, content: bytes) -> bytes:
        """
        A message that the one side did not say. It is not deflated, so that nothing can point back to it.

        @raise LocalProtocolError: a text is not UTF-8.
        """
        if opcode == TEXT:
            _check_text(content)
        return write_message(opcode, content, masked=self._masked)

    def _deflate(self, content: bytes, goes: Coding) -> bytes:
        """Deflate a message."""
        deflater = self._deflater
        if deflater is None:
            deflater = Deflater(goes.no_context_takeover or self._is_verbatim, goes.window_bits)
            self._deflater = deflater
        return deflater.deflate(content)


def _check_text(content: bytes) -> None:
    """
    Look at a text that somebody changed.

    @raise LocalProtocolError: it is not UTF-8.
    """
    if content.isascii():
        return
    try:
        content.decode()
    except UnicodeDecodeError:
        raise LocalProtocolError("The content of a text message is not UTF-8 (RFC 6455 section 8.1).") from None
