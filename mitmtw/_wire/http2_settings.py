"""
SETTINGS (RFC 9113 section 6.5, RFC 8441 section 3, RFC 9218 section 2.1): what each may be, read and written.
"""

from collections.abc import Mapping
from struct import Struct
from typing import Final

from mitmtw._wire.http2_events import ErrorCode
from mitmtw._wire.http2_frames import LARGEST_FRAME, LARGEST_WINDOW, SMALLEST_FRAME

__all__ = [
    "DEFAULTS",
    "ENABLE_CONNECT_PROTOCOL",
    "ENABLE_PUSH",
    "HEADER_TABLE_SIZE",
    "INITIAL_WINDOW_SIZE",
    "MAX_CONCURRENT_STREAMS",
    "MAX_FRAME_SIZE",
    "MAX_HEADER_LIST_SIZE",
    "NO_RFC7540_PRIORITIES",
    "read_settings",
    "settings_payload",
    "wrong_setting",
]

HEADER_TABLE_SIZE: Final = 1
ENABLE_PUSH: Final = 2
MAX_CONCURRENT_STREAMS: Final = 3
INITIAL_WINDOW_SIZE: Final = 4
MAX_FRAME_SIZE: Final = 5
MAX_HEADER_LIST_SIZE: Final = 6
ENABLE_CONNECT_PROTOCOL: Final = 8
NO_RFC7540_PRIORITIES: Final = 9

#: What holds until a peer says otherwise (section 6.5.2). The number of streams has no bound then; L{2**32 - 1} is as
#: many as can be said.
DEFAULTS: Final[Mapping[int, int]] = {
    HEADER_TABLE_SIZE: 4096,
    ENABLE_PUSH: 1,
    MAX_CONCURRENT_STREAMS: 2**32 - 1,
    INITIAL_WINDOW_SIZE: 65535,
    MAX_FRAME_SIZE: SMALLEST_FRAME,
    MAX_HEADER_LIST_SIZE: 2**32 - 1,
    ENABLE_CONNECT_PROTOCOL: 0,
    NO_RFC7540_PRIORITIES: 0,
}

_ENTRY: Final = Struct(">HL")
_BOOLEANS: Final = frozenset((ENABLE_PUSH, ENABLE_CONNECT_PROTOCOL, NO_RFC7540_PRIORITIES))


def settings_payload(values: Mapping[int, int]) -> bytes:
    """The payload of a SETTINGS frame, in the order given."""
    return b"".join([_ENTRY.pack(identifier, value) for identifier, value in values.items()])


def read_settings(payload: bytes) -> list[tuple[int, int]]:
    """The entries of a payload whose length is a multiple of six; each is to be taken in turn."""
    return list(_ENTRY.iter_unpack(payload))


def wrong_setting(identifier: int, value: int) -> ErrorCode | None:
    """The error that this value is; None when it may be. What is unknown may be anything."""
    if identifier in _BOOLEANS and value > 1:
        return ErrorCode.PROTOCOL_ERROR
    if identifier == INITIAL_WINDOW_SIZE and value > LARGEST_WINDOW:
        return ErrorCode.FLOW_CONTROL_ERROR
    if identifier == MAX_FRAME_SIZE and not SMALLEST_FRAME <= value <= LARGEST_FRAME:
        return ErrorCode.PROTOCOL_ERROR
    return None
