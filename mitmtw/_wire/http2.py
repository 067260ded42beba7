"""
An HTTP/2 connection, sans-io, for both roles (RFC 9113, with RFC 7541, 8441 and 9218).

Bytes that came go into L{Connection.feed}, which gives events; what is to be written comes out of
L{Connection.take_output}. What a peer does wrong is an event (L{StreamReset} or L{ConnectionFailed}), and what we would
do wrong is a L{LocalProtocolError<mitmtw.errors.LocalProtocolError>}, raised before anything changed. All that a layer
needs can be imported from here.
"""

from collections.abc import Collection

from mitmtw._wire import http2_settings as known
from mitmtw._wire.events import Fields
from mitmtw._wire.hpack import CODER, CODERS, Coder
from mitmtw._wire.http2_convert import joined_cookies, split_cookies, without_hop
from mitmtw._wire.http2_events import (
    ConnectionFailed,
    DataReceived,
    ErrorCode,
    Event,
    GoAwayReceived,
    HeadersReceived,
    HeadersTooLarge,
    PingAnswered,
    PriorityReceived,
    SettingsChanged,
    StreamEnded,
    StreamReset,
    TrailersReceived,
    WindowOpened,
)
from mitmtw._wire.http2_fields import (
    REQUEST,
    RESPONSE,
    TRAILERS,
    Malformed,
    write_head,
)
from mitmtw._wire.http2_frames import (
    HIGHEST_STREAM,
    PREFACE,
    PRIORITY_UPDATE,
    block_frames,
    data_frames,
    frame,
    ping,
)
from mitmtw._wire.http2_limits import DEFAULT_LIMITS, Allowance, Limits
from mitmtw._wire.http2_read import Reading
from mitmtw._wire.http2_streams import Role, Stream
from mitmtw.errors import LocalProtocolError

__all__ = [
    "CODER",
    "CODERS",
    "DEFAULT_LIMITS",
    "HIGHEST_STREAM",
    "PREFACE",
    "Allowance",
    "Coder",
    "Connection",
    "ConnectionFailed",
    "DataReceived",
    "ErrorCode",
    "Event",
    "Fields",
    "GoAwayReceived",
    "HeadersReceived",
    "HeadersTooLarge",
    "Limits",
    "PingAnswered",
    "PriorityReceived",
    "Role",
    "SettingsChanged",
    "StreamEnded",
    "StreamReset",
    "TrailersReceived",
    "WindowOpened",
    "joined_cookies",
    "split_cookies",
    "without_hop",
]


class Connection(Reading):
    """
    One end of a connection. See L{Streams<mitmtw._wire.http2_streams.Streams>} for what it is made with, and for
    C{settings}, C{acknowledge}, C{grow_window}, C{reset}, C{go_away} and C{take_output}.
    """

    @property
    def free_streams(self) -> int:
        """How many more streams a client may open now; 0 for a server, and after GOAWAY or a failure."""
        if self._is_server or self.failure is not None or self.peer_went_away is not None:
            return 0
        if self._away_after is not None or self._last_own + 2 > HIGHEST_STREAM:
            return 0
        return max(0, self.peer_settings[known.MAX_CONCURRENT_STREAMS] - len(self._streams))

    @property
    def may_extend_connect(self) -> bool:
        """Whether the peer takes CONNECT with C{:protocol} (RFC 8441 section 3)."""
        return self._may_extend_connect()

    def open_stream(self, fields: Fields, end: bool = False, never_indexed: Collection[bytes] = ()) -> int:
        """
        Send the head of a request on a new stream.

        @param fields: the pseudo-fields first; names are written in lower case.
        @param end: whether there is no body.
        @param never_indexed: names of fields that came as never to be indexed.
        @return: the number of the stream.
        @raise LocalProtocolError: no stream can be opened (see L{free_streams}), or the request is malformed.
        """
        if not self.free_streams:
            raise LocalProtocolError("No stream can be opened on this connection now.")
        try:
            triples, head = write_head(fields, REQUEST, never_indexed)
        except Malformed as failure:
            raise LocalProtocolError(str(failure)) from failure
        if head.protocol is not None and not self.may_extend_connect:
            raise LocalProtocolError("The server takes no extended CONNECT (RFC 8441 section 3).")
        is_tunnel = head.method == b"CONNECT"
        if end and head.length > 0 and not is_tunnel:
            raise LocalProtocolError("There is a Content-Length and no content (RFC 9113 section 8.1.1).")
        block = self._encoder.encode(triples)
        number = self._last_own = self._last_own + 2
        stream = self._open(number, head.method)
        stream.head_sent, stream.local_ended = True, end
        if not is_tunnel:
            stream.promised = head.length
        self._out.append(block_frames(number, block, end, self.peer_settings[known.MAX_FRAME_SIZE]))
        return number

    def send_headers(
        self, number: int, fields: Fields, end: bool = False, never_indexed: Collection[bytes] = ()
    ) -> None:
        """
        Send the head of a response; informational ones first, as many as wanted.

        @param fields: C{:status} first; names are written in lower case.
        @param end: whether there is no body.
        @param never_indexed: names of fields that came as never to be indexed.
        @raise LocalProtocolError: the stream is closed, its head was sent, or the response is malformed.
        """
        stream = self._writable(number)
        if stream.head_sent:
            raise LocalProtocolError("The head of this stream was sent already.")
        try:
            triples, head = write_head(fields, RESPONSE, never_indexed)
        except Malformed as failure:
            raise LocalProtocolError(str(failure)) from failure
        is_final = head.status >= 200
        if end and not is_final:
            raise LocalProtocolError("An informational response cannot end a stream (RFC 9113 section 8.1).")
        if is_final:
            if stream.method == b"CONNECT" and head.status < 300:
                promised = -1
            elif stream.method == b"HEAD" or head.status in (204, 304):
                promised = 0
            else:
                stream.is_tunnel, promised = False, head.length
                if end and promised > 0:
                    raise LocalProtocolError("There is a Content-Length and no content (RFC 9113 section 8.1.1).")
            stream.promised, stream.head_sent = promised, True
        self._send_block(stream, self._encoder.encode(triples), end)

    def send_data(self, number: int, body: bytes, end: bool = False) -> int:
        """
        Send octets of a body, as many as the windows of stream and connection let.

        @param end: whether nothing comes after them. It takes effect only when all of them went.
        @return: how many went. When it is fewer, L{WindowOpened} tells when to go on: for this stream, or for 0.
        @raise LocalProtocolError: the stream is closed, has no head yet, or it is not what Content-Length says.
        """
        stream = self._writable(number)
        if not stream.head_sent:
            raise LocalProtocolError("There is no head before this body.")
        size = len(body)
        if stream.promised >= 0 and (size > stream.promised or (end and size != stream.promised)):
            raise LocalProtocolError("The content is not as long as Content-Length says (RFC 9113 section 8.1.1).")
        if not size:
            if end:
                self._out.append(frame(0, 1, number, b""))
                stream.local_ended = True
                self._finish(stream)
            return 0
        room = min(stream.send_window, self._send_window)
        if size > room:
            stream.is_blocked = True
            if self._send_window < size:
                self._is_held_up = True
            if room <= 0:
                return 0
            body, size, end = body[:room], room, False
        stream.send_window -= size
        self._send_window -= size
        if stream.promised >= 0:
            stream.promised -= size
        self._data_sent += data_frames(number, body, end, self.peer_settings[known.MAX_FRAME_SIZE], self._out)
        if end:
            stream.local_ended = True
            self._finish(stream)
        return size

    def sendable(self, number: int) -> int:
        """How many octets L{send_data} would take now; 0 for a stream that is closed or has no head yet."""
        stream = self._streams.get(number)
        if stream is None or stream.local_ended or not stream.head_sent:
            return 0
        return max(0, min(stream.send_window, self._send_window))

    def end_stream(self, number: int, trailers: Fields | None = None, never_indexed: Collection[bytes] = ()) -> None:
        """
        End our side of a stream after its body.

        @param trailers: fields to send with the end; None or none of them for an empty DATA frame.
        @param never_indexed: names of fields that came as never to be indexed.
        @raise LocalProtocolError: the stream is closed, has no head yet, is a tunnel, its body is shorter than was
            said, or the trailers are malformed.
        """
        if not trailers:
            self.send_data(number, b"", end=True)
            return
        stream = self._writable(number)
        if not stream.head_sent or stream.is_tunnel:
            raise LocalProtocolError("There are no trailers without a head, nor in a tunnel.")
        if stream.promised > 0:
            raise LocalProtocolError("The content is not as long as Content-Length says (RFC 9113 section 8.1.1).")
        try:
            triples, _ = write_head(trailers, TRAILERS, never_indexed)
        except Malformed as failure:
            raise LocalProtocolError(str(failure)) from failure
        self._send_block(stream, self._encoder.encode(triples), end=True)

    def ping(self, opaque: bytes) -> None:
        """
        Ask the peer for a sign of life; L{PingAnswered} brings it.

        @param opaque: eight octets.
        @raise LocalProtocolError: they are not eight.
        """
        if len(opaque) != 8:
            raise LocalProtocolError("A PING has eight octets (RFC 9113 section 6.7).")
        self._out.append(ping(opaque, is_answer=False))

    def update_priority(self, number: int, value: bytes) -> None:
        """
        Tell a server the priority of a stream (RFC 9218 section 7.1).

        @param value: a Priority field value.
        @raise LocalProtocolError: we are the server, or it is no stream of ours.
        """
        if self._is_server or self._is_idle(number):
            raise LocalProtocolError("Only a client tells priorities, of streams that it opened.")
        self._out.append(frame(PRIORITY_UPDATE, 0, 0, number.to_bytes(4, "big") + value[:1024]))

    def _writable(self, number: int) -> Stream:
        """
        A stream on which our side is open.

        @raise LocalProtocolError: it is not.
        """
        stream = self._streams.get(number)
        if stream is None or stream.local_ended:
            raise LocalProtocolError(f"The stream {number} is closed.")
        return stream

    def _send_block(self, stream: Stream, block: bytes, end: bool) -> None:
        """Send a block of fields, and close the stream if it was all that was missing."""
        self._out.append(block_frames(stream.number, block, end, self.peer_settings[known.MAX_FRAME_SIZE]))
        if end:
            stream.local_ended = True
            self._finish(stream)
