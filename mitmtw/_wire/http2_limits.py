"""
Bounds of an HTTP/2 connection, and the budgets that a peer spends by what brings nobody forward.

A budget has a burst, comes back with time, and comes back with work: frames that go with requests and bodies are no
flood. Without a clock only work brings it back.
"""

from dataclasses import dataclass
from typing import Final

__all__ = ["DEFAULT_LIMITS", "Allowance", "Budget", "Limits"]


@dataclass(frozen=True, slots=True)
class Allowance:
    """
    How much of something is allowed.

    @ivar burst: frames at once.
    @ivar per_second: frames that come back in a second.
    @ivar per_work: frames that come back with one unit of work.
    """

    burst: int
    per_second: float
    per_work: float


@dataclass(frozen=True, slots=True)
class Limits:
    """
    The bounds of one connection. Sizes are octets.

    @ivar max_header_list_bytes: what we say in SETTINGS_MAX_HEADER_LIST_SIZE; as large as an HTTP/1 head may be. More
        is answered with 431.
    @ivar max_decoded_bytes: where decoding stops, and the connection with it: a small block that names large entries
        of the table again and again (CVE-2016-6581).
    @ivar max_fields: fields of one head, as for HTTP/1.
    @ivar max_block_bytes: a block before decoding, over all its frames.
    @ivar max_continuations: CONTINUATION frames of one block; 8 as in nghttp2 (CVE-2024-28182, CVE-2024-24549,
        CVE-2023-45288). Eight of the smallest frame size hold twice the block.
    @ivar max_concurrent_streams: streams that the peer may have open; 100 is the least that RFC 9113 section 6.5.2
        recommends.
    @ivar max_total_streams: streams on one connection before we say GOAWAY; nginx has 1000, browsers open a new
        connection without a word.
    @ivar initial_window: of a stream, and how much of it may lie unread at first (RFC 9113 section 6.9.2: 65535).
    @ivar max_stream_window: how far a stream's window grows while its consumer keeps up.
    @ivar max_grown_bytes: what all streams together may have more than their initial windows.
    @ivar connection_window: of the connection. It is credited on receipt, so that one held stream holds no other.
    @ivar max_frame_bytes: the largest frame that we take; 16384 is the least that can be said (section 4.2).
    @ivar max_encoder_table_bytes: our side of the compression state, whatever the peer allows.
    @ivar max_settings: entries of one SETTINGS frame; 32 as in nghttp2 (CVE-2020-11080).
    @ivar max_queued_replies: acknowledgements that wait for C{take_output}: the peer asks and does not read
        (CVE-2019-9512, CVE-2019-9515). 1000 as in nghttp2 and Envoy.
    @ivar max_remembered: streams that are remembered after their end, to tell late frames from wrong ones.
    @ivar resets: streams that the peer resets, or makes us reset (CVE-2023-44487, CVE-2025-8671). 1000 and 33 a second
        as in nghttp2; work is a stream that ended well.
    @ivar pings: PING frames (CVE-2019-9512); work is a stream or a DATA frame.
    @ivar settings: SETTINGS frames (CVE-2019-9515); work is a stream.
    @ivar empty_frames: DATA frames with no octets and no end (CVE-2019-9518); work is a DATA frame with octets.
    @ivar priorities: PRIORITY and PRIORITY_UPDATE frames (CVE-2019-9513); 100 for each stream as in Envoy.
    @ivar window_updates: WINDOW_UPDATE frames; work is a stream, and ten for each DATA frame that we sent. Two for each
        of it as in Envoy.
    @ivar glitches: frames that are ignored: of unknown types, or late on closed streams. 10000 and 330 a second as in
        nghttp2.
    """

    max_header_list_bytes: int = 65536
    max_decoded_bytes: int = 262144
    max_fields: int = 500
    max_block_bytes: int = 65536
    max_continuations: int = 8
    max_concurrent_streams: int = 100
    max_total_streams: int = 100_000
    initial_window: int = 65535
    max_stream_window: int = 4 * 1024 * 1024
    max_grown_bytes: int = 32 * 1024 * 1024
    connection_window: int = 8 * 1024 * 1024
    max_frame_bytes: int = 16384
    max_encoder_table_bytes: int = 4096
    max_settings: int = 32
    max_queued_replies: int = 1000
    max_remembered: int = 256
    resets: Allowance = Allowance(1000, 33.0, 1.0)
    pings: Allowance = Allowance(200, 10.0, 1.0)
    settings: Allowance = Allowance(50, 1.0, 0.1)
    empty_frames: Allowance = Allowance(100, 10.0, 1.0)
    priorities: Allowance = Allowance(200, 10.0, 100.0)
    window_updates: Allowance = Allowance(2000, 1000.0, 2.0)
    glitches: Allowance = Allowance(10_000, 330.0, 1.0)


#: What a connection has unless it is told otherwise.
DEFAULT_LIMITS: Final = Limits()


class Budget:
    """What is left of an L{Allowance}."""

    __slots__ = ("_allowance", "_at", "_left", "_work")

    def __init__(self, allowance: Allowance, now: float) -> None:
        """
        @param now: seconds of any clock that does not go back.
        """
        self._allowance = allowance
        self._left = float(allowance.burst)
        self._at = now
        self._work = 0

    def spend(self, now: float, work: int) -> bool:
        """
        Take one.

        @param now: seconds of the same clock.
        @param work: units of work since the beginning.
        @return: whether there was one.
        """
        allowance = self._allowance
        back = (now - self._at) * allowance.per_second + (work - self._work) * allowance.per_work
        self._left = min(self._left + back, allowance.burst) - 1
        self._at, self._work = now, work
        return self._left >= 0
