"""
Readers of HTTP/1 bodies: one for each framing, all used in the same way (RFC 9112 sections 6 and 7).

A reader gets what comes on the connection and returns what of it is body. When the body is over, what is left belongs
to the next message.
"""

import re
from typing import Final, Protocol

from mitmtw._wire.buffer import SectionBuffer
from mitmtw._wire.events import CHUNKED, UNTIL_CLOSE, Fields
from mitmtw._wire.fields import TOKEN, read_fields, refuse_trailer
from mitmtw.errors import RemoteProtocolError

__all__ = ["BodyReader", "ChunkedReader", "CloseReader", "LengthReader", "body_reader"]

#: Octets of the line before a chunk, with its extensions and without its CRLF.
MAX_CHUNK_LINE: Final = 4096
#: Octets of chunk extensions in one body; RFC 9112 section 7.1.1 asks for such a limit.
MAX_EXTENSIONS: Final = 65536
#: Octets of a trailer section.
MAX_TRAILER_BYTES: Final = 65536
#: Fields of a trailer section.
MAX_TRAILERS: Final = 100
#: Octets of one chunk: what fits a signed 64-bit number.
_LONGEST_CHUNK: Final = 2**63 - 1
#: Size lines kept before the cache starts again.
_MOST_KEPT: Final = 1024

# RFC 9112 section 7.1: 1*HEXDIG, here at most 16, then the extensions. Blanks are taken where the grammar has BWS, but
# not before the first semicolon: readers disagree about a blank after the size, and that has been used to smuggle
# requests.
_QUOTED: Final = rb'"(?:[\t \x21\x23-\x5b\x5d-\x7e\x80-\xff]|\\[\t \x21-\x7e\x80-\xff])*"'
_match_size: Final = re.compile(
    rb"([0-9A-Fa-f]{1,16})((?:;[ \t]*%b(?:=(?:%b|%b))?)*)" % (TOKEN, TOKEN, _QUOTED)
).fullmatch

# Size lines without extensions that were checked, to their number.
_SIZES: Final[dict[bytes, int]] = {}


class BodyReader(Protocol):
    """
    What all readers offer.

    @ivar done: whether the body is over.
    @ivar rest: what came after the body.
    @ivar trailers: the fields that came after a chunked body.
    """

    done: bool
    rest: bytes
    trailers: Fields

    def feed(self, piece: bytes) -> bytes:
        """
        Add what came.

        @return: what of it is body, decoded; it may be empty.
        @raise RemoteProtocolError: when it is not framed as it should be.
        """

    def eof(self) -> None:
        """
        Say that nothing more comes.

        @raise RemoteProtocolError: when the body is not over.
        """


class LengthReader:
    """A body of a known length (RFC 9112 section 6.2)."""

    __slots__ = ("_http_status", "_left", "done", "rest", "trailers")

    def __init__(self, length: int, http_status: int = 400) -> None:
        """
        @param length: octets.
        @param http_status: the status of the errors: 400 for a request, 502 for a response.
        """
        self._left = length
        self._http_status = http_status
        self.done = length == 0
        self.rest = b""
        self.trailers: Fields = []

    def feed(self, piece: bytes) -> bytes:
        """Add what came, and get what of it is body."""
        left = self._left
        size = len(piece)
        if size < left:
            self._left = left - size
            return piece
        if self.done:
            self.rest += piece
            return b""
        self._left = 0
        self.done = True
        if size == left:
            return piece
        self.rest = piece[left:]
        return piece[:left]

    def eof(self) -> None:
        """
        Say that nothing more comes.

        @raise RemoteProtocolError: when the body is not over.
        """
        if not self.done:
            raise RemoteProtocolError(f"The body was cut {self._left} octets before its end.", self._http_status)


class CloseReader:
    """A body that ends with the connection (RFC 9112 section 6.3, item 8)."""

    __slots__ = ("done", "rest", "trailers")

    def __init__(self) -> None:
        self.done = False
        self.rest = b""
        self.trailers: Fields = []

    def feed(self, piece: bytes) -> bytes:
        """All that comes is body."""
        return piece

    def eof(self) -> None:
        """The end of the connection is the end of the body."""
        self.done = True


class ChunkedReader:
    """A body in chunked transfer coding (RFC 9112 section 7.1)."""

    __slots__ = (
        "_between",
        "_extension_bytes",
        "_held",
        "_http_status",
        "_left",
        "_max_line",
        "_section",
        "_trailer_bytes",
        "done",
        "rest",
        "trailers",
    )

    def __init__(
        self, http_status: int = 400, max_line: int = MAX_CHUNK_LINE, max_trailers: int = MAX_TRAILER_BYTES
    ) -> None:
        """
        @param http_status: the status of the errors: 400 for a request, 502 for a response.
        @param max_line: octets of the line before a chunk.
        @param max_trailers: octets of the trailer section.
        """
        self._http_status = http_status
        self._max_line = max_line
        self._trailer_bytes = max_trailers
        self._extension_bytes = 0
        # Octets of the current chunk that did not come yet.
        self._left = 0
        # Whether the CRLF behind a chunk comes next.
        self._between = False
        # The start of a line that is not whole.
        self._held = b""
        self._section: SectionBuffer | None = None
        self.done = False
        self.rest = b""
        self.trailers: Fields = []

    def feed(self, piece: bytes) -> bytes:
        """
        Add what came, and get what of it is body.

        @raise RemoteProtocolError: for anything that is not chunked coding by the letter.
        """
        left = self._left
        if left > len(piece):
            self._left = left - len(piece)
            return piece
        if self.done:
            self.rest += piece
            return b""
        if self._section is not None:
            self._read_trailers(piece)
            return b""
        parts = []
        position = 0
        if left:
            parts.append(piece[:left])
            position = left
            self._left = 0
            self._between = True
        elif self._held:
            piece = self._held + piece
            self._held = b""
        if self._between:
            position = self._read_gap(piece, position)
        if not self._between:
            self._read_chunks(piece, position, parts)
        return parts[0] if len(parts) == 1 else b"".join(parts)

    def eof(self) -> None:
        """
        Say that nothing more comes.

        @raise RemoteProtocolError: when the body is not over.
        """
        if not self.done:
            raise RemoteProtocolError("The body was cut before its last chunk or its trailers.", self._http_status)

    def _read_chunks(self, piece: bytes, position: int, parts: list[bytes]) -> None:
        """
        Read whole chunks as long as there are some, from a size line on.

        @param parts: where the content goes.
        """
        size_of = _SIZES.get
        find = piece.find
        total = len(piece)
        longest = self._max_line + 2
        while True:
            end = find(b"\r\n", position, position + longest)
            if end < 0:
                self._hold_line(piece[position:])
                return
            size = size_of(piece[position:end])
            if size is None:
                size = self._read_size(piece[position:end])
            position = end + 2
            if size == 0:
                self._read_trailers(piece[position:])
                return
            end = position + size
            if end + 2 > total:
                break
            if piece[end] != 13 or piece[end + 1] != 10:
                raise self._gap_refusal()
            parts.append(piece[position:end])
            position = end + 2
        # The last chunk is not whole.
        if position < total:
            parts.append(piece[position:end])
        if end > total:
            self._left = end - total
        else:
            self._between = True
            self._read_gap(piece, end)

    def _read_gap(self, piece: bytes, position: int) -> int:
        """
        Read the CRLF behind a chunk, as far as it came.

        @return: where the next line starts.
        @raise RemoteProtocolError: when something else is there.
        """
        gap = piece[position : position + 2]
        if gap == b"\r\n":
            self._between = False
        elif gap in (b"", b"\r"):
            self._held = gap
        else:
            raise self._gap_refusal()
        return position + len(gap)

    def _gap_refusal(self) -> RemoteProtocolError:
        """The error for a chunk that does not end where its size says."""
        return RemoteProtocolError("There is no CR LF at the end of a chunk.", self._http_status)

    def _hold_line(self, line: bytes) -> None:
        """
        Keep the start of a size line.

        @raise RemoteProtocolError: when it is too long, or has a line end of another kind in it.
        """
        if len(line) > self._max_line + 1 or (len(line) > self._max_line and not line.endswith(b"\r")):
            raise RemoteProtocolError(f"A chunk size line is longer than {self._max_line} octets.", self._http_status)
        if b"\n" in line or b"\r" in line[:-1]:
            raise RemoteProtocolError("A chunk size line does not end in CR LF.", self._http_status)
        self._held = line

    def _read_size(self, line: bytes) -> int:
        """
        Read a size line that was not seen before.

        @raise RemoteProtocolError: when it is no size line, or there are too many octets of extensions.
        """
        match = _match_size(line)
        if match is None:
            raise RemoteProtocolError("A chunk size line is malformed (RFC 9112 section 7.1).", self._http_status)
        size = int(match[1], 16)
        if size > _LONGEST_CHUNK:
            raise RemoteProtocolError("A chunk is too large.", self._http_status)
        if match[2]:
            self._extension_bytes += len(match[2])
            if self._extension_bytes > MAX_EXTENSIONS:
                raise RemoteProtocolError("There are too many chunk extensions.", self._http_status)
        else:
            if len(_SIZES) >= _MOST_KEPT:
                _SIZES.clear()
            _SIZES[line] = size
        return size

    def _read_trailers(self, piece: bytes) -> None:
        """
        Read what comes after the last chunk: fields, often none, and an empty line.

        @raise RemoteProtocolError: when a field is malformed or must not stand there, or there are too many.
        """
        section = self._section
        if section is None:
            if piece[:2] == b"\r\n":
                self.done = True
                self.rest = piece[2:]
                return
            # The line end of the last chunk stands for the one before an empty section, so both are read in one way.
            section = self._section = SectionBuffer(self._trailer_bytes + 2, self._http_status)
            piece = b"\r\n" + piece
        block = section.feed(piece)
        if block is None:
            return
        self.done = True
        self.rest = section.rest
        lines = block.split(b"\r\n")[1:]
        if len(lines) > MAX_TRAILERS:
            raise RemoteProtocolError(f"There are more than {MAX_TRAILERS} trailer fields.", self._http_status)
        try:
            trailers = read_fields(lines)
        except RemoteProtocolError as refused:
            refused.http_status = self._http_status
            raise
        for name, _ in trailers:
            if refuse_trailer(name):
                shown = name.decode("ascii")
                raise RemoteProtocolError(f"The field {shown} must not be a trailer.", self._http_status)
        self.trailers = trailers


def body_reader(framing: int, length: int, http_status: int = 400) -> BodyReader:
    """
    The reader for a body of this framing.

    @param length: octets; counts for L{LENGTH<mitmtw._wire.events.LENGTH>} alone, nothing else has a length.
    @param http_status: the status of the errors: 400 for a request, 502 for a response.
    """
    if framing == CHUNKED:
        return ChunkedReader(http_status)
    if framing == UNTIL_CLOSE:
        return CloseReader()
    return LengthReader(max(length, 0), http_status)
