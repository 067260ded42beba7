"""
What an HTTP/2 connection keeps: its streams, both directions' windows, the settings, the budgets, and what goes out
(RFC 9113 sections 5 and 6.9).
"""

from collections import OrderedDict
from collections.abc import Callable, Mapping
from typing import Final, Literal

from mitmtw._wire import http2_settings as known
from mitmtw._wire.hpack import CODER, BlockDecoder, BlockEncoder, Coder
from mitmtw._wire.http2_events import ConnectionFailed, ErrorCode, Event, StreamReset
from mitmtw._wire.http2_frames import (
    HIGHEST_STREAM,
    LARGEST_WINDOW,
    PREFACE,
    SETTINGS,
    frame,
    goaway,
    rst_stream,
    window_update,
)
from mitmtw._wire.http2_limits import DEFAULT_LIMITS, Budget, Limits
from mitmtw.errors import LocalProtocolError

__all__ = ["BrokenConnection", "BrokenStream", "Role", "Stream", "Streams"]

#: Whose end this is: a "server" faces a client.
Role = Literal["client", "server"]

#: How a stream that is remembered came to its end.
ENDED: Final = 1
RESET_BY_PEER: Final = 2
RESET_BY_US: Final = 3


class BrokenConnection(Exception):
    """A connection error (RFC 9113 section 5.4.1): it is caught where bytes come in."""

    def __init__(self, code: ErrorCode, message: str) -> None:
        super().__init__(message)
        self.code = code


class BrokenStream(Exception):
    """A stream error (RFC 9113 section 5.4.2): it is caught after the frame that it is about."""

    def __init__(self, stream: int, code: ErrorCode, message: str) -> None:
        super().__init__(message)
        self.stream = stream
        self.code = code


class Stream:
    """
    One stream that is not closed (RFC 9113 section 5.1).

    @ivar send_window: octets that we may send; below 0 when the peer took some back.
    @ivar receive_window: octets that the peer may send.
    @ivar window: what L{receive_window} is filled up to.
    @ivar grown: how much of it was added to the initial one.
    @ivar unread: octets of bodies that were told and not acknowledged.
    @ivar credit: octets that were acknowledged and not yet given back to the peer.
    @ivar is_blocked: C{send_data} took less than it was given.
    @ivar head_received: the request, or the final response.
    @ivar head_sent: likewise.
    @ivar expected: octets of body that the peer's Content-Length says; -1 for any.
    @ivar received: octets of body that came.
    @ivar promised: octets of body that are still to be sent by our Content-Length; -1 for any.
    @ivar is_tunnel: after CONNECT there are only DATA frames (section 8.5).
    @ivar method: of the request.
    """

    __slots__ = (
        "credit",
        "expected",
        "grown",
        "head_received",
        "head_sent",
        "is_blocked",
        "is_tunnel",
        "local_ended",
        "method",
        "number",
        "promised",
        "receive_window",
        "received",
        "remote_ended",
        "send_window",
        "unread",
        "window",
    )

    def __init__(self, number: int, send_window: int, window: int, method: bytes) -> None:
        self.number = number
        self.send_window = send_window
        self.receive_window = self.window = window
        self.grown = self.unread = self.credit = self.received = 0
        self.is_blocked = self.head_received = self.head_sent = self.is_tunnel = False
        self.local_ended = self.remote_ended = False
        self.expected = self.promised = -1
        self.method = method


class Streams:
    """
    The state of a connection, with what reading and writing both do to it.

    @ivar peer_settings: the peer's settings, the defaults of RFC 9113 until they came.
    @ivar own_settings: ours that the peer acknowledged.
    @ivar failure: why the connection failed; None while it has not.
    @ivar peer_went_away: the last stream of GOAWAY that came; None without.
    """

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
        The preface and our settings are ready to be taken at once.

        @param settings: settings to send first, instead of those that C{limits} make or beside them.
        @param seconds: a clock that does not go back; without, only work fills the budgets again.
        @raise LocalProtocolError: a setting cannot be sent.
        """
        self.role: Role = role
        self.limits = limits
        self.peer_settings = dict(known.DEFAULTS)
        self.own_settings = dict(known.DEFAULTS)
        self.failure: ConnectionFailed | None = None
        self.peer_went_away: int | None = None
        self._is_server = role == "server"
        self._seconds: Callable[[], float] = seconds or _no_time
        self._encoder = BlockEncoder(coder, limits.max_encoder_table_bytes)
        self._decoder = BlockDecoder(coder, limits.max_decoded_bytes)
        self._streams: dict[int, Stream] = {}
        # A plain dict gets slow when its oldest key is deleted again and again.
        self._closed: OrderedDict[int, int] = OrderedDict()
        self._last_own = -1
        self._last_peer = 0
        self._away_after: int | None = None
        self._out: list[bytes] = [] if self._is_server else [PREFACE]
        self._events: list[Event] = []
        self._replies = self._opened = self._finished = self._data_sent = self._data_received = self._grown = 0
        self._send_window = self._receive_window = known.DEFAULTS[known.INITIAL_WINDOW_SIZE]
        self._most_window = max(limits.connection_window, self._receive_window)
        self._is_held_up = False
        now = self._seconds()
        self._resets = Budget(limits.resets, now)
        self._pings = Budget(limits.pings, now)
        self._settings_frames = Budget(limits.settings, now)
        self._empty_frames = Budget(limits.empty_frames, now)
        self._priorities = Budget(limits.priorities, now)
        self._window_updates = Budget(limits.window_updates, now)
        self._glitches = Budget(limits.glitches, now)
        self._unanswered: list[dict[int, int]] = []
        self._most_streams = limits.max_concurrent_streams
        self._initial_window = known.DEFAULTS[known.INITIAL_WINDOW_SIZE]
        self._largest_frame = known.DEFAULTS[known.MAX_FRAME_SIZE]
        self.settings(self._first_settings() | dict(settings or {}))
        if self._most_window > self._receive_window:
            self._out.append(window_update(0, self._most_window - self._receive_window))
            self._receive_window = self._most_window

    def _first_settings(self) -> dict[int, int]:
        """The settings that the limits make, without those that are the defaults."""
        limits = self.limits
        first = {known.MAX_HEADER_LIST_SIZE: limits.max_header_list_bytes, known.NO_RFC7540_PRIORITIES: 1}
        if self._is_server:
            first[known.MAX_CONCURRENT_STREAMS] = limits.max_concurrent_streams
            first[known.ENABLE_CONNECT_PROTOCOL] = 1
        else:
            first[known.ENABLE_PUSH] = 0
        if limits.initial_window != known.DEFAULTS[known.INITIAL_WINDOW_SIZE]:
            first[known.INITIAL_WINDOW_SIZE] = limits.initial_window
        if limits.max_frame_bytes != known.DEFAULTS[known.MAX_FRAME_SIZE]:
            first[known.MAX_FRAME_SIZE] = limits.max_frame_bytes
        return first

    def settings(self, changes: Mapping[int, int]) -> None:
        """
        Send settings. What allows the peer less takes effect when it acknowledges them.

        @param changes: identifier to value.
        @raise LocalProtocolError: a value that must not be sent.
        """
        for identifier, value in changes.items():
            if not (0 <= identifier < 2**16 and 0 <= value < 2**32) or known.wrong_setting(identifier, value):
                raise LocalProtocolError(f"The setting {identifier} cannot be {value} (RFC 9113 section 6.5.2).")
            if identifier == known.ENABLE_PUSH and value:
                raise LocalProtocolError("Pushed responses are not taken.")
            if identifier == known.ENABLE_CONNECT_PROTOCOL and not value and self._offers_extended_connect:
                raise LocalProtocolError("Extended CONNECT cannot be taken back (RFC 8441 section 3).")
        self._out.append(frame(SETTINGS, 0, 0, known.settings_payload(changes)))
        self._unanswered.append(dict(changes))
        # What allows the peer more holds at once, for it need not wait with using it.
        self._largest_frame = max(self._largest_frame, changes.get(known.MAX_FRAME_SIZE, 0))
        self._most_streams = changes.get(known.MAX_CONCURRENT_STREAMS, self._most_streams)

    @property
    def _offers_extended_connect(self) -> bool:
        """Whether we ever said that we take it."""
        sent = (self.own_settings, *self._unanswered)
        return any(values.get(known.ENABLE_CONNECT_PROTOCOL) for values in sent)

    @property
    def unanswered_settings(self) -> int:
        """SETTINGS frames that the peer has not acknowledged (a caller may set a limit in time: section 6.5.3)."""
        return len(self._unanswered)

    @property
    def open_streams(self) -> list[int]:
        """The streams that are not closed, in the order they were opened."""
        return list(self._streams)

    @property
    def last_peer_stream(self) -> int:
        """The highest stream that the peer opened."""
        return self._last_peer

    def take_output(self) -> bytes:
        """
        What is to be written to the peer. Call it once a turn; while the transport is full, don't: what waits here is
        how a peer is noticed that asks and does not read.
        """
        out = self._out
        if not out:
            return b""
        joined = out[0] if len(out) == 1 else b"".join(out)
        out.clear()
        self._replies = 0
        return joined

    def go_away(self, code: int = ErrorCode.NO_ERROR, last: int | None = None, reason: bytes = b"") -> None:
        """
        Tell the peer to open no more streams; those that are open go on. To lose no request that is on its way, say
        L{HIGHEST_STREAM<mitmtw._wire.http2_frames.HIGHEST_STREAM>} first and the true number a round trip later (RFC
        9113 section 6.8).

        @param last: the last stream that is looked at; without it the last that came.
        @param reason: bytes for the peer's log.
        @raise LocalProtocolError: a number higher than was said before.
        """
        if last is None:
            last = self._last_peer if self._away_after is None else min(self._last_peer, self._away_after)
        if not 0 <= last <= HIGHEST_STREAM or (self._away_after is not None and last > self._away_after):
            raise LocalProtocolError("The last stream of GOAWAY must not rise (RFC 9113 section 6.8).")
        self._away_after = last
        self._out.append(goaway(last, code, reason[:1024]))

    def reset(self, number: int, code: int = ErrorCode.CANCEL) -> None:
        """Give a stream up. What still comes on it is dropped; a stream that is closed already is let be."""
        stream = self._streams.get(number)
        if stream is not None:
            self._out.append(rst_stream(number, code))
            self._forget(stream, RESET_BY_US)

    def acknowledge(self, number: int, octets: int) -> None:
        """
        The consumer took octets of a body. The peer gets them back once they are half the stream's window, and twice
        the window once nothing is left unread (see L{grow_window}). A stream that is closed is let be.

        @raise LocalProtocolError: more than was told.
        """
        stream = self._streams.get(number)
        if stream is None:
            return
        if not 0 <= octets <= stream.unread:
            raise LocalProtocolError("More octets are acknowledged than came.")
        stream.unread -= octets
        if stream.remote_ended:
            return
        self._give_back(stream, octets)

    def _give_back(self, stream: Stream, octets: int) -> None:
        """Credit a stream, at once or together with what comes."""
        stream.credit += octets
        if stream.credit * 2 < stream.window:
            return
        if not stream.unread:
            self.grow_window(stream.number)
        credit = stream.credit
        if credit:
            stream.credit = 0
            stream.receive_window += credit
            self._out.append(window_update(stream.number, credit))

    def grow_window(self, number: int) -> int:
        """
        Double what a stream may have on its way, up to C{max_stream_window}, and up to C{max_grown_bytes} for all.

        @return: how many octets it grew; 0 for a stream on which nothing more comes.
        """
        stream = self._streams.get(number)
        if stream is None or stream.remote_ended:
            return 0
        limits = self.limits
        wanted = min(stream.window * 2, limits.max_stream_window, LARGEST_WINDOW) - stream.window
        more = min(wanted, limits.max_grown_bytes - self._grown)
        if more <= 0:
            return 0
        stream.window += more
        stream.grown += more
        self._grown += more
        credit, stream.credit = stream.credit + more, 0
        stream.receive_window += credit
        self._out.append(window_update(number, credit))
        return more

    def _open(self, number: int, method: bytes) -> Stream:
        """A new stream with the windows of both sides."""
        initial = self.peer_settings[known.INITIAL_WINDOW_SIZE]
        stream = self._streams[number] = Stream(number, initial, self._initial_window, method)
        self._opened += 1
        return stream

    def _forget(self, stream: Stream, how: int) -> None:
        """Close a stream, and remember how for a while (RFC 9113 section 5.1)."""
        number = stream.number
        del self._streams[number]
        self._grown -= stream.grown
        self._remember(number, how)

    def _remember(self, number: int, how: int) -> None:
        """Keep how a stream ended, and forget the oldest of too many."""
        closed = self._closed
        closed[number] = how
        if len(closed) > self.limits.max_remembered:
            closed.popitem(last=False)

    def _finish(self, stream: Stream) -> None:
        """Close a stream when both sides ended it."""
        if stream.local_ended and stream.remote_ended:
            self._finished += 1
            self._forget(stream, ENDED)

    def _is_idle(self, number: int) -> bool:
        """Whether nobody opened it. Even numbers would be pushed, and nothing is (RFC 9113 section 5.1.1)."""
        return not number & 1 or number > (self._last_peer if self._is_server else self._last_own)

    def _reply(self, octets: bytes) -> None:
        """
        Send what the peer made us send.

        @raise BrokenConnection: too much of it waits.
        """
        self._replies += 1
        if self._replies > self.limits.max_queued_replies:
            raise BrokenConnection(ErrorCode.ENHANCE_YOUR_CALM, "The peer asks for answers and does not read them.")
        self._out.append(octets)

    def _spend(self, budget: Budget, work: int, what: str) -> None:
        """
        Take one out of a budget.

        @raise BrokenConnection: there is none.
        """
        if not budget.spend(self._seconds(), work):
            raise BrokenConnection(ErrorCode.ENHANCE_YOUR_CALM, f"There are too many {what}.")

    def _break(self, number: int, code: ErrorCode, message: str) -> None:
        """
        A stream error: reset the stream and tell it.

        @raise BrokenConnection: the stream is idle, which cannot be reset, or there are too many.
        """
        if self._is_idle(number):
            raise BrokenConnection(code, message)
        self._spend(self._resets, self._finished, "streams that had to be reset (CVE-2025-8671)")
        self._reply(rst_stream(number, code))
        stream = self._streams.get(number)
        if stream is not None:
            self._forget(stream, RESET_BY_US)
        else:
            self._remember(number, RESET_BY_US)
        self._events.append(StreamReset(number, code, is_local=True, message=message))

    def _fail(self, code: ErrorCode, message: str) -> None:
        """A connection error: say GOAWAY, tell it, and read nothing more."""
        last = self._last_peer if self._away_after is None else min(self._last_peer, self._away_after)
        self._out.append(goaway(last, code, b""))
        self._streams.clear()
        self.failure = ConnectionFailed(code, message)
        self._events.append(self.failure)


def _no_time() -> float:
    """The clock of a connection that has none."""
    return 0.0
