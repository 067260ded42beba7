"""
Reading HTTP/2: frames to events, with each rule of RFC 9113 that a frame can break.
"""

from collections.abc import Callable, Mapping

from mitmtw._wire.hpack import CODER, Coder
from mitmtw._wire.http2_control import Controls
from mitmtw._wire.http2_events import DataReceived, ErrorCode, Event, StreamEnded
from mitmtw._wire.http2_frames import (
    ACK,
    CONTINUATION,
    END_HEADERS,
    END_STREAM,
    FRAME_HEAD,
    HIGHEST_STREAM,
    PADDED,
    PREFACE,
    PRIORITY_FLAG,
    PRIORITY_UPDATE,
    SETTINGS,
    window_update,
)
from mitmtw._wire.http2_limits import DEFAULT_LIMITS, Limits
from mitmtw._wire.http2_streams import BrokenConnection, BrokenStream, Role, Stream

__all__ = ["Reading"]

_PROTOCOL, _SIZE, _FLOW = ErrorCode.PROTOCOL_ERROR, ErrorCode.FRAME_SIZE_ERROR, ErrorCode.FLOW_CONTROL_ERROR
_unpack = FRAME_HEAD.unpack_from
#: Octets of a frame's head.
_HEAD_SIZE = FRAME_HEAD.size


class Reading(Controls):
    """The half of a connection that reads."""

    def __init__(
        self,
        role: Role,
        *,
        limits: Limits = DEFAULT_LIMITS,
        settings: Mapping[int, int] | None = None,
        seconds: Callable[[], float] | None = None,
        coder: Coder = CODER,
    ) -> None:
        """
        See L{Streams}.

        @raise LocalProtocolError: a setting cannot be sent.
        """
        super().__init__(role, limits=limits, settings=settings, seconds=seconds, coder=coder)
        self._held = bytearray()
        self._need = len(PREFACE) if self._is_server else _HEAD_SIZE
        self._awaits_preface = self._is_server
        # Whether only one frame may come: the first SETTINGS, or CONTINUATION of the block that is open.
        self._is_particular = True
        self._block_stream = 0
        self._block: list[bytes] = []
        self._block_bytes = 0
        self._block_ends = self._block_depends_on_itself = False
        self._readers: dict[int, Callable[[int, int, bytes], None]] = {
            0: self._read_data,
            1: self._read_headers,
            2: self._read_priority,
            3: self._read_rst_stream,
            4: self._read_settings,
            5: self._read_push_promise,
            6: self._read_ping,
            7: self._read_goaway,
            8: self._read_window_update,
            9: self._read_continuation,
            PRIORITY_UPDATE: self._read_priority_update,
        }

    def feed(self, data: bytes) -> list[Event]:
        """
        Take what came from the peer.

        @return: what it means, in its order. After L{ConnectionFailed<mitmtw._wire.http2_events.ConnectionFailed>} it
            is always empty.
        """
        if self.failure is not None:
            return []
        events: list[Event] = []
        self._events = events
        held = self._held
        if held:
            held += data
            if len(held) < self._need:
                return events
            data = bytes(held)
            held.clear()
        try:
            start = self._read_frames(data)
            if start < len(data):
                held += data[start:] if start else data
        except BrokenConnection as broken:
            self._fail(broken.code, str(broken))
        return events

    def _read_frames(self, data: bytes) -> int:
        """
        Read frames until there is no whole one.

        @return: where the one begins that is not whole.
        @raise BrokenConnection: see RFC 9113 section 5.4.1.
        """
        size, start = len(data), 0
        if self._awaits_preface:
            if not data.startswith(PREFACE):
                if not PREFACE.startswith(data):
                    raise BrokenConnection(_PROTOCOL, "This is not the preface of HTTP/2 (RFC 9113 section 3.4).")
                self._need = size + 1
                return 0
            self._awaits_preface, start = False, len(PREFACE)
        readers = self._readers
        self._need = _HEAD_SIZE
        while size - start >= _HEAD_SIZE:
            upper, lower, kind, flags, number = _unpack(data, start)
            end = start + _HEAD_SIZE + (upper << 8 | lower)
            if end > size:
                if (upper << 8 | lower) > self._largest_frame:
                    raise BrokenConnection(_SIZE, "A frame is too long (RFC 9113 section 4.2).")
                self._need = end - start
                break
            if end - start - _HEAD_SIZE > self._largest_frame:
                raise BrokenConnection(_SIZE, "A frame is too long (RFC 9113 section 4.2).")
            number &= HIGHEST_STREAM
            if self._is_particular:
                self._check_turn(kind, flags, number)
            reader = readers.get(kind)
            try:
                if reader is not None:
                    reader(flags, number, data[start + _HEAD_SIZE : end])
                else:
                    self._spend(self._glitches, self._opened + self._data_received, "frames of unknown types")
            except BrokenStream as broken:
                self._break(broken.stream, broken.code, str(broken))
            start = end
        return start

    def _check_turn(self, kind: int, flags: int, number: int) -> None:
        """
        Look at a frame when only one may come.

        @raise BrokenConnection: it is another one.
        """
        if self._block_stream:
            if kind != CONTINUATION or number != self._block_stream:
                raise BrokenConnection(_PROTOCOL, "A block of fields is interrupted (RFC 9113 section 6.10).")
        elif kind != SETTINGS or flags & ACK:
            raise BrokenConnection(_PROTOCOL, "The first frame is not SETTINGS (RFC 9113 section 3.4).")
        else:
            self._is_particular = False

    def _read_data(self, flags: int, number: int, payload: bytes) -> None:
        """
        DATA (RFC 9113 section 6.1). All of its octets count for the windows, and those of the connection are given back
        at once, whatever becomes of them.
        """
        if not number:
            raise BrokenConnection(_PROTOCOL, "DATA is on no stream (RFC 9113 section 6.1).")
        length = len(payload)
        window = self._receive_window - length
        if window < 0:
            raise BrokenConnection(_FLOW, "DATA is longer than the connection's window (RFC 9113 section 6.9.1).")
        if window * 2 < self._most_window:
            self._out.append(window_update(0, self._most_window - window))
            window = self._most_window
        self._receive_window = window
        body = _unpadded(payload) if flags & PADDED else payload
        stream = self._streams.get(number)
        if stream is None:
            self._late(number, is_message=True)
            return
        if stream.remote_ended:
            raise BrokenStream(number, ErrorCode.STREAM_CLOSED, "DATA comes after the end (RFC 9113 section 5.1).")
        if not stream.head_received:
            raise BrokenStream(number, _PROTOCOL, "DATA comes before the head (RFC 9113 section 8.1).")
        stream.receive_window -= length
        if stream.receive_window < 0:
            raise BrokenStream(number, _FLOW, "DATA is longer than the stream's window (RFC 9113 section 6.9.1).")
        self._take_body(stream, body, length, bool(flags & END_STREAM))

    def _take_body(self, stream: Stream, body: bytes, length: int, end: bool) -> None:
        """
        Tell the octets of a body.

        @param length: octets that the frame takes of the windows.
        @raise BrokenStream: they are not as many as Content-Length says.
        """
        number, size = stream.number, len(body)
        stream.received += size
        if stream.expected >= 0 and (stream.received > stream.expected or (end and stream.received != stream.expected)):
            raise BrokenStream(number, _PROTOCOL, "The content is not as long as Content-Length says (section 8.1.1).")
        if length != size and not end:
            self._give_back(stream, length - size)
        if size:
            self._data_received += 1
            stream.unread += size
            self._events.append(DataReceived(number, body, length, end))
        elif end:
            self._events.append(StreamEnded(number))
        else:
            self._spend(self._empty_frames, self._data_received, "empty DATA frames (CVE-2019-9518)")
        if end:
            stream.remote_ended = True
            self._finish(stream)

    def _read_headers(self, flags: int, number: int, payload: bytes) -> None:
        """HEADERS (RFC 9113 section 6.2)."""
        if not number:
            raise BrokenConnection(_PROTOCOL, "HEADERS is on no stream (RFC 9113 section 6.2).")
        depends_on_itself = False
        if flags & PADDED:
            payload = _unpadded(payload)
        if flags & PRIORITY_FLAG:
            if len(payload) < 5:
                raise BrokenConnection(_SIZE, "HEADERS is too short for its priority (RFC 9113 section 6.2).")
            depends_on_itself = int.from_bytes(payload[:4], "big") & HIGHEST_STREAM == number
            payload = payload[5:]
        if flags & END_HEADERS:
            self._read_block(number, bool(flags & END_STREAM), payload, depends_on_itself)
            return
        self._is_particular = True
        self._block_stream = number
        self._block = [payload]
        self._block_bytes = len(payload)
        self._block_ends, self._block_depends_on_itself = bool(flags & END_STREAM), depends_on_itself

    def _read_continuation(self, flags: int, number: int, payload: bytes) -> None:
        """CONTINUATION (RFC 9113 section 6.10)."""
        if not self._block_stream:
            raise BrokenConnection(_PROTOCOL, "CONTINUATION continues nothing (RFC 9113 section 6.10).")
        self._block.append(payload)
        self._block_bytes += len(payload)
        limits = self.limits
        if self._block_bytes > limits.max_block_bytes or len(self._block) > limits.max_continuations + 1:
            raise BrokenConnection(ErrorCode.ENHANCE_YOUR_CALM, "A block of fields is too long (CVE-2024-28182).")
        if flags & END_HEADERS:
            block = b"".join(self._block)
            self._block_stream, self._block, self._is_particular = 0, [], False
            self._read_block(number, self._block_ends, block, self._block_depends_on_itself)

    def _read_push_promise(self, flags: int, number: int, payload: bytes) -> None:
        """PUSH_PROMISE (RFC 9113 section 6.6): a client that said no gets none, and a server never does."""
        raise BrokenConnection(_PROTOCOL, "PUSH_PROMISE comes and must not (RFC 9113 sections 6.6 and 8.4).")


def _unpadded(payload: bytes) -> bytes:
    """
    What stands between the pad length and the padding (RFC 9113 sections 6.1 and 6.2).

    @raise BrokenConnection: there is no pad length, or more padding than there is room.
    """
    if not payload:
        raise BrokenConnection(_SIZE, "A padded frame has no pad length (RFC 9113 section 6.1).")
    if payload[0] >= len(payload):
        raise BrokenConnection(_PROTOCOL, "The padding is longer than the frame (RFC 9113 section 6.1).")
    return payload[1 : len(payload) - payload[0]]
