"""
WebSocket messages (RFC 6455 sections 5.4 and 8.1, RFC 7692): frames put together, inflated, and text found to be UTF-8.
"""

from codecs import getincrementaldecoder
from dataclasses import dataclass
from typing import Final

from mitmtw._wire.websocket import (
    CONTINUATION,
    MAX_MESSAGE_BYTES,
    TEXT,
    Frame,
    FrameReader,
    Role,
    WebSocketProtocolError,
)
from mitmtw._wire.websocket_deflate import Coding, Inflater

__all__ = ["MAX_FRAGMENTS", "Event", "Message", "MessageReader"]

#: Frames of one message. Empty ones cost memory that no limit on octets knows of; the Autobahn suite sends 65536.
MAX_FRAGMENTS: Final = 262144

_decoder: Final = getincrementaldecoder("utf-8")


@dataclass(slots=True)
class Message:
    """
    A whole message.

    @ivar opcode: L{TEXT<mitmtw._wire.websocket.TEXT>} or L{BINARY<mitmtw._wire.websocket.BINARY>}.
    @ivar payload: put together and inflated.
    @ivar raw: its frames exactly as they came, one after another, without control frames that came between them.
    @ivar sizes: octets of the payload of each frame, as they were on the wire.
    @ivar compressed: whether it came deflated.
    """

    opcode: int
    payload: bytes
    raw: bytes
    sizes: tuple[int, ...]
    compressed: bool


#: A whole message, or a control frame.
Event = Message | Frame


class _Text:
    """UTF-8 that comes in pieces, of which each is looked at once."""

    __slots__ = ("_decode",)

    def __init__(self) -> None:
        self._decode = _decoder().decode

    def check(self, piece: bytes, final: bool) -> None:
        """
        Look at a piece.

        @raise WebSocketProtocolError: it cannot be a part of UTF-8, or the last one ends within a character.
        """
        try:
            self._decode(piece, final)
        except UnicodeDecodeError:
            raise _not_utf8() from None


class _Unfinished:
    """A message of which frames came, but not the last one."""

    __slots__ = ("compressed", "opcode", "payload", "raw", "sizes")

    def __init__(self, frame: Frame) -> None:
        self.opcode = frame.opcode
        self.compressed = frame.rsv1
        self.payload = bytearray()
        self.raw = bytearray()
        self.sizes: list[int] = []


class MessageReader:
    """
    Takes octets of one side and gives its messages, and control frames in the order in which they came: one that came
    between two fragments is before the message.

    An error in a text is found with the octet that makes it one, not with the end of its frame, unless it is deflated.
    """

    __slots__ = ("_checked", "_failure", "_inflater", "_text", "_unfinished", "frames")

    def __init__(
        self,
        role: Role,
        *,
        max_frame: int | None = None,
        max_message: int = MAX_MESSAGE_BYTES,
        coding: Coding | None = None,
    ) -> None:
        """
        @param role: whose frames come.
        @param max_frame: octets of a frame's payload; None for as many as a message may have.
        @param max_message: octets of a message, inflated; while it is inflated no more than that is made.
        @param coding: how that side deflates; None when that was not agreed on.
        """
        self.frames = FrameReader(
            role,
            max_frame=max_frame,
            # Deflate makes what cannot be compressed a little longer: 5 octets for each block, and what a flush adds.
            max_message=max_message if coding is None else max_message + (max_message >> 8) + 64,
            compressed=coding is not None,
        )
        self._inflater = (
            None if coding is None else Inflater(coding.no_context_takeover, coding.window_bits, max_message)
        )
        self._failure: WebSocketProtocolError | None = None
        self._unfinished: _Unfinished | None = None
        self._text: _Text | None = None
        # Octets of the frame that is not whole yet which _text has seen already.
        self._checked = 0

    @property
    def is_closed(self) -> bool:
        """Whether the close frame came."""
        return self.frames.is_closed

    def feed(self, data: bytes) -> list[Event]:
        """
        Add what came.

        @return: messages that are whole now, and control frames.
        @raise WebSocketProtocolError: see L{FrameReader.feed<mitmtw._wire.websocket.FrameReader.feed>}, and for text
            that is not UTF-8, and for what cannot be inflated. What came before it is in its C{before}. After it each
            call raises it again.
        """
        failure = self._failure
        if failure is not None:
            failure.before = []
            raise failure
        events: list[Event] = []
        try:
            frames = self.frames.feed(data)
        except WebSocketProtocolError as error:
            frames, failure = error.before, error
        try:
            for frame in frames:
                if frame.opcode > 7:
                    events.append(frame)
                elif frame.fin and frame.opcode and not frame.rsv1 and self._text is None:
                    # Nearly every message is one frame that came in one read.
                    payload = frame.payload
                    if frame.opcode == TEXT and not payload.isascii():
                        payload.decode()
                    events.append(Message(frame.opcode, payload, frame.raw, (len(payload),), False))
                else:
                    self._part(frame, events)
            if failure is None and self.frames.unfinished >= 0:
                self._look_ahead()
        except UnicodeDecodeError:
            failure = _not_utf8()
        except WebSocketProtocolError as error:
            failure = error
        if failure is not None:
            self._failure = failure
            failure.before = events
            raise failure
        return events

    def _part(self, frame: Frame, events: list[Event]) -> None:
        """
        Take a fragment, or a whole message that is deflated or was looked at already.

        @raise WebSocketProtocolError: see L{feed}.
        """
        whole = self._unfinished
        opcode, compressed = (frame.opcode, frame.rsv1) if whole is None else (whole.opcode, whole.compressed)
        payload = frame.payload
        if compressed and self._inflater is not None:
            payload = self._inflater.inflate(payload, frame.fin)
        if opcode == TEXT:
            self._check_text(payload, frame.fin)
        if whole is None:
            if frame.fin:
                events.append(Message(opcode, payload, frame.raw, (len(frame.payload),), compressed))
                return
            whole = self._unfinished = _Unfinished(frame)
        if len(whole.sizes) >= MAX_FRAGMENTS:
            raise WebSocketProtocolError(f"A message has more than {MAX_FRAGMENTS} frames.", 1009)
        whole.sizes.append(len(frame.payload))
        whole.raw += frame.raw
        whole.payload += payload
        if frame.fin:
            self._unfinished = None
            events.append(Message(opcode, bytes(whole.payload), bytes(whole.raw), tuple(whole.sizes), compressed))

    def _check_text(self, payload: bytes, final: bool) -> None:
        """
        Look at the text in a frame, but for what was looked at before the frame was whole.

        @raise WebSocketProtocolError: it is not UTF-8.
        """
        if self._text is None:
            self._text = _Text()
        self._text.check(payload[self._checked :], final)
        self._checked = 0
        if final:
            self._text = None

    def _look_ahead(self) -> None:
        """
        Look at the text in a frame that is not whole yet.

        @raise WebSocketProtocolError: it is not UTF-8.
        """
        whole, opcode = self._unfinished, self.frames.unfinished
        if opcode == CONTINUATION and whole is not None:
            opcode, compressed = whole.opcode, whole.compressed
        else:
            compressed = self.frames.unfinished_rsv1
        if opcode == TEXT and not compressed:
            part = self.frames.arrived(self._checked)
            if self._text is None:
                self._text = _Text()
            self._text.check(part, False)
            self._checked += len(part)


def _not_utf8() -> WebSocketProtocolError:
    """The error for a text that is none."""
    return WebSocketProtocolError("A text message is not UTF-8 (RFC 6455 section 8.1).", 1007)
