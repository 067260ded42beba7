"""
Reading the frames of HTTP/2 that carry no message: settings, windows, resets, pings, farewells and priorities (RFC 9113
sections 6.3 to 6.9, RFC 9218 section 7.1).
"""

from mitmtw._wire import http2_settings as known
from mitmtw._wire.http2_events import (
    ErrorCode,
    GoAwayReceived,
    PingAnswered,
    PriorityReceived,
    SettingsChanged,
    StreamReset,
    WindowOpened,
)
from mitmtw._wire.http2_frames import ACK, HIGHEST_STREAM, LARGEST_WINDOW, SETTINGS, frame, ping
from mitmtw._wire.http2_heads import Heads
from mitmtw._wire.http2_streams import RESET_BY_PEER, BrokenConnection, BrokenStream

__all__ = ["Controls"]

_PROTOCOL, _SIZE, _FLOW = ErrorCode.PROTOCOL_ERROR, ErrorCode.FRAME_SIZE_ERROR, ErrorCode.FLOW_CONTROL_ERROR


class Controls(Heads):
    """Reads control frames."""

    def _read_priority(self, flags: int, number: int, payload: bytes) -> None:
        """PRIORITY (RFC 9113 section 6.3): it is deprecated, and only looked at."""
        if not number:
            raise BrokenConnection(_PROTOCOL, "PRIORITY is on no stream (RFC 9113 section 6.3).")
        self._spend(self._priorities, self._opened, "PRIORITY frames (CVE-2019-9513)")
        wrong = None
        if len(payload) != 5:
            wrong = _SIZE, "PRIORITY has not five octets (RFC 9113 section 6.3)."
        elif int.from_bytes(payload[:4], "big") & HIGHEST_STREAM == number:
            wrong = _PROTOCOL, "A stream depends on itself (RFC 7540 section 5.3.1)."
        if wrong is not None:
            raise BrokenStream(number, *wrong)

    def _read_priority_update(self, flags: int, number: int, payload: bytes) -> None:
        """PRIORITY_UPDATE (RFC 9218 section 7.1): a client's word about a stream, perhaps before it opens it."""
        if number or not self._is_server:
            raise BrokenConnection(_PROTOCOL, "PRIORITY_UPDATE is on a stream or a server's (RFC 9218 section 7.1).")
        if len(payload) < 4:
            raise BrokenConnection(_SIZE, "PRIORITY_UPDATE names no stream (RFC 9218 section 7.1).")
        about = int.from_bytes(payload[:4], "big") & HIGHEST_STREAM
        if not about & 1:
            raise BrokenConnection(_PROTOCOL, "PRIORITY_UPDATE is about no client's stream (RFC 9218 section 7.1).")
        self._spend(self._priorities, self._opened, "PRIORITY_UPDATE frames (CVE-2019-9513)")
        self._events.append(PriorityReceived(about, payload[4:]))

    def _read_rst_stream(self, flags: int, number: int, payload: bytes) -> None:
        """RST_STREAM (RFC 9113 section 6.4)."""
        if len(payload) != 4:
            raise BrokenConnection(_SIZE, "RST_STREAM has not four octets (RFC 9113 section 6.4).")
        if not number:
            raise BrokenConnection(_PROTOCOL, "RST_STREAM is on no stream (RFC 9113 section 6.4).")
        stream = self._streams.get(number)
        if stream is None:
            self._late(number, is_message=False)
            return
        if self._is_server:
            self._spend(self._resets, self._finished, "streams that are reset (CVE-2023-44487)")
        code = int.from_bytes(payload, "big")
        self._forget(stream, RESET_BY_PEER)
        self._events.append(StreamReset(number, code, is_unprocessed=code == ErrorCode.REFUSED_STREAM))

    def _read_settings(self, flags: int, number: int, payload: bytes) -> None:
        """SETTINGS (RFC 9113 section 6.5)."""
        if number:
            raise BrokenConnection(_PROTOCOL, "SETTINGS is on a stream (RFC 9113 section 6.5).")
        self._spend(self._settings_frames, self._opened, "SETTINGS frames (CVE-2019-9515)")
        if flags & ACK:
            if payload:
                raise BrokenConnection(_SIZE, "An acknowledgement of SETTINGS has content (RFC 9113 section 6.5).")
            if self._unanswered:
                self._settle(self._unanswered.pop(0))
            return
        if len(payload) % 6:
            raise BrokenConnection(_SIZE, "SETTINGS is not made of entries of six octets (RFC 9113 section 6.5).")
        if len(payload) > 6 * self.limits.max_settings:
            raise BrokenConnection(ErrorCode.ENHANCE_YOUR_CALM, "SETTINGS has too many entries (CVE-2020-11080).")
        entries = known.read_settings(payload)
        for identifier, value in entries:
            self._take_setting(identifier, value)
        self._reply(frame(SETTINGS, ACK, 0, b""))
        self._events.append(SettingsChanged(dict(entries)))
        if known.INITIAL_WINDOW_SIZE in dict(entries):
            for stream in list(self._streams.values()):
                self._offer(stream.number)

    def _take_setting(self, identifier: int, value: int) -> None:
        """
        One of the peer's settings (RFC 9113 section 6.5.2).

        @raise BrokenConnection: it must not have this value.
        """
        wrong = known.wrong_setting(identifier, value)
        if identifier == known.ENABLE_PUSH and value and not self._is_server:
            wrong = _PROTOCOL
        if identifier == known.ENABLE_CONNECT_PROTOCOL and not value and self._may_extend_connect():
            wrong = _PROTOCOL
        if wrong is not None:
            raise BrokenConnection(wrong, f"The setting {identifier} must not be {value} (RFC 9113 section 6.5.2).")
        if identifier == known.INITIAL_WINDOW_SIZE:
            more = value - self.peer_settings[identifier]
            for stream in self._streams.values():
                stream.send_window += more
                if stream.send_window > LARGEST_WINDOW:
                    raise BrokenConnection(_FLOW, "A setting makes a window too large (RFC 9113 section 6.9.2).")
        elif identifier == known.HEADER_TABLE_SIZE:
            self._encoder.allow_table(value)
        if identifier in known.DEFAULTS:
            self.peer_settings[identifier] = value

    def _settle(self, changes: dict[int, int]) -> None:
        """The peer acknowledged these settings of ours."""
        self.own_settings.update(changes)
        if known.INITIAL_WINDOW_SIZE in changes:
            more = changes[known.INITIAL_WINDOW_SIZE] - self._initial_window
            self._initial_window += more
            for stream in self._streams.values():
                stream.receive_window += more
                stream.window += more
        if known.HEADER_TABLE_SIZE in changes:
            self._decoder.allow_table(changes[known.HEADER_TABLE_SIZE])
        if known.MAX_FRAME_SIZE in changes:
            ahead = [values.get(known.MAX_FRAME_SIZE, 0) for values in self._unanswered]
            self._largest_frame = max(changes[known.MAX_FRAME_SIZE], *ahead, 0)

    def _read_ping(self, flags: int, number: int, payload: bytes) -> None:
        """PING (RFC 9113 section 6.7)."""
        if number:
            raise BrokenConnection(_PROTOCOL, "PING is on a stream (RFC 9113 section 6.7).")
        if len(payload) != 8:
            raise BrokenConnection(_SIZE, "PING has not eight octets (RFC 9113 section 6.7).")
        self._spend(self._pings, self._opened + self._data_received, "PING frames (CVE-2019-9512)")
        if flags & ACK:
            self._events.append(PingAnswered(payload))
        else:
            self._reply(ping(payload, is_answer=True))

    def _read_goaway(self, flags: int, number: int, payload: bytes) -> None:
        """GOAWAY (RFC 9113 section 6.8)."""
        if number:
            raise BrokenConnection(_PROTOCOL, "GOAWAY is on a stream (RFC 9113 section 6.8).")
        if len(payload) < 8:
            raise BrokenConnection(_SIZE, "GOAWAY is too short (RFC 9113 section 6.8).")
        last = int.from_bytes(payload[:4], "big") & HIGHEST_STREAM
        if self.peer_went_away is not None and last > self.peer_went_away:
            raise BrokenConnection(_PROTOCOL, "The last stream of GOAWAY rises (RFC 9113 section 6.8).")
        self._spend(self._settings_frames, self._opened, "GOAWAY frames")
        self.peer_went_away = last
        self._events.append(GoAwayReceived(last, int.from_bytes(payload[4:8], "big"), payload[8:]))
        if self._is_server:
            return
        for stream in [stream for stream in self._streams.values() if stream.number > last]:
            self._forget(stream, RESET_BY_PEER)
            self._events.append(StreamReset(stream.number, ErrorCode.REFUSED_STREAM, is_unprocessed=True))

    def _read_window_update(self, flags: int, number: int, payload: bytes) -> None:
        """WINDOW_UPDATE (RFC 9113 section 6.9)."""
        if len(payload) != 4:
            raise BrokenConnection(_SIZE, "WINDOW_UPDATE has not four octets (RFC 9113 section 6.9).")
        more = int.from_bytes(payload, "big") & LARGEST_WINDOW
        self._spend(self._window_updates, self._opened + 10 * self._data_sent, "WINDOW_UPDATE frames")
        if not number:
            if not more:
                raise BrokenConnection(_PROTOCOL, "A window grows by nothing (RFC 9113 section 6.9).")
            self._send_window += more
            if self._send_window > LARGEST_WINDOW:
                raise BrokenConnection(_FLOW, "The connection's window is too large (RFC 9113 section 6.9.1).")
            if self._is_held_up and self._send_window > 0:
                self._is_held_up = False
                self._events.append(WindowOpened(0))
            return
        stream = self._streams.get(number)
        if stream is None:
            self._late(number, is_message=False)
            return
        if not more:
            raise BrokenStream(number, _PROTOCOL, "A window grows by nothing (RFC 9113 section 6.9).")
        stream.send_window += more
        if stream.send_window > LARGEST_WINDOW:
            raise BrokenStream(number, _FLOW, "A stream's window is too large (RFC 9113 section 6.9.1).")
        self._offer(number)

    def _offer(self, number: int) -> None:
        """Tell that a stream can go on, if it waits for that; later, if the connection is what holds it."""
        stream = self._streams[number]
        if not stream.is_blocked or stream.send_window <= 0:
            return
        if self._send_window > 0:
            stream.is_blocked = False
            self._events.append(WindowOpened(number))
        else:
            self._is_held_up = True
