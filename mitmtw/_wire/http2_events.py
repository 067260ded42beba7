"""
What an HTTP/2 connection tells: slotted dataclasses, not frozen because that costs four times as much to make.

Stream numbers are those of the wire; 0 means the connection. An error code is a plain integer, as a peer may send one
that has no name; L{ErrorCode} names those of RFC 9113 section 7.
"""

from dataclasses import dataclass, field
from enum import IntEnum

from mitmtw._wire.events import Fields

__all__ = [
    "ConnectionFailed",
    "DataReceived",
    "ErrorCode",
    "Event",
    "GoAwayReceived",
    "HeadersReceived",
    "HeadersTooLarge",
    "PingAnswered",
    "PriorityReceived",
    "SettingsChanged",
    "StreamEnded",
    "StreamReset",
    "TrailersReceived",
    "WindowOpened",
]

_NO_NAMES: frozenset[bytes] = frozenset()


class ErrorCode(IntEnum):
    """Why a stream or a connection ended (RFC 9113 section 7)."""

    NO_ERROR = 0
    PROTOCOL_ERROR = 1
    INTERNAL_ERROR = 2
    FLOW_CONTROL_ERROR = 3
    SETTINGS_TIMEOUT = 4
    STREAM_CLOSED = 5
    FRAME_SIZE_ERROR = 6
    REFUSED_STREAM = 7
    CANCEL = 8
    COMPRESSION_ERROR = 9
    CONNECT_ERROR = 10
    ENHANCE_YOUR_CALM = 11
    INADEQUATE_SECURITY = 12
    HTTP_1_1_REQUIRED = 13


@dataclass(slots=True)
class HeadersReceived:
    """
    A head, already validated (RFC 9113 section 8): a request for a server, a response for a client.

    @ivar fields: the fields without the pseudo-fields, in their order; names are lower-case.
    @ivar end_stream: whether the peer sends nothing more on this stream.
    @ivar is_informational: whether it is a 1xx, so that another head follows.
    @ivar pseudo: the pseudo-fields in the order they came; with C{fields} behind them they can be sent on.
    @ivar method: of a request; empty for a response.
    @ivar scheme: of a request; None without.
    @ivar authority: of a request; None without, where the host field says it.
    @ivar path: of a request; None for a plain CONNECT.
    @ivar protocol: of an extended CONNECT (RFC 8441); None without.
    @ivar status: of a response; 0 for a request.
    @ivar length: the Content-Length; -1 without. For a request with C{end_stream} it is 0 or -1.
    @ivar never_indexed: names whose fields came as never to be indexed. Who sends them on must mark them so again (RFC
        7541 section 6.2.3): pass them to C{send_headers}.
    """

    stream: int
    fields: Fields
    end_stream: bool
    is_informational: bool = False
    pseudo: Fields = field(default_factory=list)
    method: bytes = b""
    scheme: bytes | None = None
    authority: bytes | None = None
    path: bytes | None = None
    protocol: bytes | None = None
    status: int = 0
    length: int = -1
    never_indexed: frozenset[bytes] = _NO_NAMES


@dataclass(slots=True)
class HeadersTooLarge:
    """
    A request was decoded whole but is over the limit (RFC 9113 section 10.5.1). The stream is open, so that it can be
    answered with 431 and ended; a response that is too large is a L{StreamReset} instead.

    @ivar size: octets, 32 more for each field counted in.
    """

    stream: int
    size: int
    end_stream: bool


@dataclass(slots=True)
class TrailersReceived:
    """
    Fields after the body; the peer sends nothing more on this stream.

    @ivar never_indexed: as in L{HeadersReceived}.
    """

    stream: int
    fields: Fields
    never_indexed: frozenset[bytes] = _NO_NAMES


@dataclass(slots=True)
class DataReceived:
    """
    Octets of a body.

    @ivar flow_length: octets that the frame took of the windows. What is more than C{data} is padding, which is
        credited already: only C{len(data)} is to be acknowledged.
    @ivar end: whether the peer sends nothing more on this stream.
    """

    stream: int
    data: bytes
    flow_length: int
    end: bool


@dataclass(slots=True)
class StreamEnded:
    """The peer ended its side of the stream by a DATA frame with no octets in it."""

    stream: int


@dataclass(slots=True)
class StreamReset:
    """
    The stream is gone.

    @ivar code: see L{ErrorCode}.
    @ivar is_local: we reset it, because the peer broke the protocol on it. It may be a stream of which nothing was told
        before: a malformed request.
    @ivar message: why, for a log; empty when the peer reset it.
    @ivar is_unprocessed: the peer did nothing with it, so that the request can be sent again elsewhere (RFC 9113
        section 8.7).
    """

    stream: int
    code: int
    is_local: bool = False
    message: str = ""
    is_unprocessed: bool = False


@dataclass(slots=True)
class SettingsChanged:
    """
    The peer's settings came; the acknowledgement is on its way.

    @ivar changes: identifier to value, as sent. Unknown ones are in it too.
    """

    changes: dict[int, int]


@dataclass(slots=True)
class GoAwayReceived:
    """
    The peer takes no more streams. A L{StreamReset} that is unprocessed follows for each stream of ours above C{last}.

    @ivar last: the last stream of ours that it may have looked at.
    @ivar reason: what the peer wrote into the frame; untrusted bytes.
    """

    last: int
    code: int
    reason: bytes


@dataclass(slots=True)
class PriorityReceived:
    """
    A PRIORITY_UPDATE (RFC 9218 section 7.1); the stream may not be open yet, or not any more.

    @ivar value: a Priority field value, unread.
    """

    stream: int
    value: bytes


@dataclass(slots=True)
class WindowOpened:
    """
    More can be sent after C{send_data} took less than it was given.

    @ivar stream: the stream; 0 when it was the connection that held them all.
    """

    stream: int


@dataclass(slots=True)
class PingAnswered:
    """The answer to C{ping}."""

    opaque: bytes


@dataclass(slots=True)
class ConnectionFailed:
    """
    The peer broke the protocol, and GOAWAY waits in the output: send it, then close. It is the last event there is.

    @ivar code: see L{ErrorCode}.
    @ivar message: why, for a log.
    """

    code: int
    message: str


Event = (
    HeadersReceived
    | HeadersTooLarge
    | TrailersReceived
    | DataReceived
    | StreamEnded
    | StreamReset
    | SettingsChanged
    | GoAwayReceived
    | PriorityReceived
    | WindowOpened
    | PingAnswered
    | ConnectionFailed
)
