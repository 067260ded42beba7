"""
Reading the heads and trailers of HTTP/2 messages, and what they do to their streams (RFC 9113 sections 5.1, 6.2 and 8).
"""

from mitmtw._wire import http2_settings as known
from mitmtw._wire.hpack import CompressionFailed, FieldListTooLong, Triple
from mitmtw._wire.http2_events import ErrorCode, HeadersReceived, HeadersTooLarge, TrailersReceived
from mitmtw._wire.http2_fields import REQUEST, RESPONSE, TRAILERS, Head, Malformed, list_bytes, read_head
from mitmtw._wire.http2_streams import ENDED, RESET_BY_US, BrokenConnection, BrokenStream, Stream, Streams

__all__ = ["Heads"]

_PROTOCOL = ErrorCode.PROTOCOL_ERROR


class Heads(Streams):
    """Reads whole blocks of fields."""

    def _read_block(self, number: int, end: bool, block: bytes, depends_on_itself: bool) -> None:
        """
        Take a block of fields that is whole.

        @param depends_on_itself: the frame's priority names its own stream.
        @raise BrokenConnection: it cannot be decoded, or the stream cannot be opened.
        @raise BrokenStream: the message is malformed, or not to be sent in this state.
        """
        try:
            triples = self._decoder.decode(block)
        except CompressionFailed as failure:
            raise BrokenConnection(ErrorCode.COMPRESSION_ERROR, str(failure)) from failure
        except FieldListTooLong as failure:
            raise BrokenConnection(ErrorCode.ENHANCE_YOUR_CALM, str(failure)) from failure
        stream = self._streams.get(number)
        if stream is None:
            if not self._is_server or (number & 1 and number <= self._last_peer):
                self._late(number, is_message=True)
                return
            self._admit(number)
        elif stream.remote_ended:
            raise BrokenStream(number, ErrorCode.STREAM_CLOSED, "Fields come after the end (RFC 9113 section 5.1).")
        if depends_on_itself:
            raise BrokenStream(number, _PROTOCOL, "A stream depends on itself (RFC 7540 section 5.3.1).")
        size = self._excess(triples, len(block))
        try:
            if stream is None:
                self._read_request(number, triples, end, size)
            elif size:
                raise BrokenStream(number, ErrorCode.ENHANCE_YOUR_CALM, "A list of fields is too large.")
            elif stream.head_received or self._is_server:
                self._read_trailers(stream, triples, end)
            else:
                self._read_response(stream, triples, end)
        except Malformed as failure:
            raise BrokenStream(number, _PROTOCOL, str(failure)) from failure

    def _late(self, number: int, *, is_message: bool) -> None:
        """
        A frame for a stream that is not open (RFC 9113 section 5.1).

        @param is_message: it is HEADERS or DATA, which nobody sends after the end; what was on its way when the stream
            was reset is dropped.
        @raise BrokenConnection: the stream never was, or had ended well.
        @raise BrokenStream: the peer had reset it, or it is too long ago to know.
        """
        if self._is_idle(number):
            raise BrokenConnection(_PROTOCOL, "A frame is for a stream that nobody opened (RFC 9113 section 5.1).")
        how = self._closed.get(number)
        is_dropped = self._away_after is not None and number > self._away_after and self._is_server
        if not is_message or how == RESET_BY_US or is_dropped:
            self._spend(self._glitches, self._opened, "frames for closed streams")
        elif how == ENDED:
            raise BrokenConnection(ErrorCode.STREAM_CLOSED, "A message goes on after its end (RFC 9113 section 5.1).")
        else:
            raise BrokenStream(number, ErrorCode.STREAM_CLOSED, "A frame is for a closed stream.")

    def _admit(self, number: int) -> None:
        """
        Look at the number of a new stream of the peer, and whether there may be one more.

        @raise BrokenConnection: a client must not use this number.
        @raise BrokenStream: there are too many.
        """
        if not number & 1:
            raise BrokenConnection(_PROTOCOL, "A client's stream has an even number (RFC 9113 section 5.1.1).")
        self._last_peer = number
        if len(self._streams) >= self._most_streams:
            raise BrokenStream(number, ErrorCode.REFUSED_STREAM, "There are too many streams (RFC 9113 section 5.1.2).")

    def _excess(self, triples: list[Triple], block_bytes: int) -> int:
        """
        The size of a list of fields, if it is more than is taken; else 0. No field is larger than the table, or than
        Huffman makes it of its octets (RFC 7541 appendix B: five bits at least), so that most need no counting.
        """
        limits = self.limits
        count = len(triples)
        if count > limits.max_fields:
            return list_bytes(triples)
        if count * self._decoder.table_bytes + block_bytes * 2 <= limits.max_header_list_bytes:
            return 0
        size = list_bytes(triples)
        return size if size > limits.max_header_list_bytes else 0

    def _read_request(self, number: int, triples: list[Triple], end: bool, excess: int) -> None:
        """
        The head of a request.

        @raise Malformed: it must not be used.
        """
        if self._away_after is not None and number > self._away_after:
            return
        if excess:
            stream = self._open(number, b"")
            stream.head_received, stream.remote_ended = True, end
            self._events.append(HeadersTooLarge(number, excess, end))
            return
        head = read_head(triples, REQUEST)
        if head.protocol is not None and not self._offers_extended_connect:
            raise Malformed("There is a :protocol that was not offered (RFC 8441 section 4).")
        if end and head.length > 0 and head.method != b"CONNECT":
            raise Malformed("There is a Content-Length and no content (RFC 9113 section 8.1.1).")
        stream = self._open(number, head.method)
        stream.head_received, stream.remote_ended = True, end
        if head.method == b"CONNECT":
            stream.is_tunnel = True
        else:
            stream.expected = head.length
        self._tell(stream, head, end)
        if self._opened >= self.limits.max_total_streams and self._away_after is None:
            self.go_away()

    def _read_response(self, stream: Stream, triples: list[Triple], end: bool) -> None:
        """
        The head of a response, perhaps an informational one.

        @raise Malformed: it must not be used.
        """
        head = read_head(triples, RESPONSE)
        status, method = head.status, stream.method
        if status < 200:
            if end:
                raise Malformed("An informational response ends the stream (RFC 9113 section 8.1).")
            self._spend(self._pings, self._data_received, "informational responses")
            self._tell(stream, head, end, is_informational=True)
            return
        stream.head_received, stream.remote_ended = True, end
        if method == b"CONNECT" and status < 300:
            stream.is_tunnel = True
        elif method == b"HEAD" or status in (204, 304):
            stream.expected = 0
        else:
            stream.expected = head.length
            if end and head.length > 0:
                raise Malformed("There is a Content-Length and no content (RFC 9113 section 8.1.1).")
        self._tell(stream, head, end)

    def _read_trailers(self, stream: Stream, triples: list[Triple], end: bool) -> None:
        """
        Fields after the body.

        @raise Malformed: they must not be used, or the body is not as long as was said.
        """
        if stream.is_tunnel:
            raise Malformed("There are fields after those of a CONNECT (RFC 9113 section 8.5).")
        if not end:
            raise Malformed("Trailers do not end the stream (RFC 9113 section 8.1).")
        if stream.expected not in (-1, stream.received):
            raise Malformed("The content is not as long as Content-Length says (RFC 9113 section 8.1.1).")
        head = read_head(triples, TRAILERS)
        stream.remote_ended = True
        self._events.append(TrailersReceived(stream.number, head.fields, head.never_indexed))
        self._finish(stream)

    def _tell(self, stream: Stream, head: Head, end: bool, *, is_informational: bool = False) -> None:
        """Tell a head, and close the stream if it was the last that was awaited."""
        self._events.append(
            HeadersReceived(
                stream.number,
                head.fields,
                end,
                is_informational,
                head.pseudo,
                head.method,
                head.scheme,
                head.authority,
                head.path,
                head.protocol,
                head.status,
                head.length,
                head.never_indexed,
            )
        )
        if end:
            self._finish(stream)

    def _may_extend_connect(self) -> bool:
        """Whether the peer takes extended CONNECT (RFC 8441 section 3)."""
        return self.peer_settings[known.ENABLE_CONNECT_PROTOCOL] == 1
