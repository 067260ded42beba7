"""
Bytes that are kept until a head, or a trailer section, is whole.

What came is looked at once: each read is searched from the last three octets of the one before it on. A line end that
is not CRLF is refused when it comes, since a reader that waits for C{CRLF CRLF} would otherwise wait for ever.
"""

from typing import Final

from typing_extensions import override

from mitmtw.errors import RemoteProtocolError

__all__ = ["MAX_HEAD_BYTES", "MAX_LINE_BYTES", "HeadBuffer", "SectionBuffer"]

#: Octets of a whole head. Common servers take 8 to 80 KiB; browsers with many cookies send up to 40 KiB.
MAX_HEAD_BYTES: Final = 65536
#: Octets of a request line. RFC 9112 section 3 asks for 8000 at least.
MAX_LINE_BYTES: Final = 16384
#: Empty lines before a request line. RFC 9112 section 2.2 asks for one at least.
_MOST_BLANK_LINES: Final = 4

_TOKEN_START: Final = frozenset(b"!#$%&'*+-.^_`|~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz")
_STATUS_LINE_START: Final = b"HTTP/1."


class SectionBuffer:
    """
    Keeps bytes until C{CRLF CRLF} came.

    @ivar rest: what came after the section that L{feed} returned last.
    """

    __slots__ = ("_checked", "_held", "_http_status", "_max_bytes", "rest")

    def __init__(self, max_bytes: int, http_status: int) -> None:
        """
        @param max_bytes: the most octets that a section may have.
        @param http_status: the status of the errors.
        """
        self._max_bytes = max_bytes
        self._http_status = http_status
        self._held = bytearray()
        # Up to here, each CR in _held is followed by its LF and each LF preceded by its CR.
        self._checked = 0
        self.rest = b""

    @property
    def pending(self) -> bytes:
        """The bytes of an unfinished section; empty between two."""
        return bytes(self._held)

    def feed(self, piece: bytes) -> bytes | None:
        """
        Add what came.

        @return: a whole section without the C{CRLF CRLF} at its end, what follows is L{rest}; None when it is not
            whole.
        @raise RemoteProtocolError: for a line end that is not CRLF, and for a section that is too long.
        """
        held = self._held
        start = max(len(held) - 3, 0)
        held += piece
        end = held.find(b"\r\n\r\n", start)
        if end < 0:
            self._check_line_ends()
            self._check_unfinished()
            return None
        if end > self._max_bytes:
            raise self._too_long()
        block = bytes(held[:end])
        self.rest = bytes(held[end + 4 :])
        self._held = bytearray()
        self._checked = 0
        return block

    def _check_line_ends(self) -> None:
        """
        Look for a CR or an LF that stands alone in what was not looked at before.

        @raise RemoteProtocolError: when there is one.
        """
        held, start = self._held, self._checked
        end = len(held) - held.endswith(b"\r")
        pairs = held.count(b"\r\n", start, end)
        if held.count(b"\n", start, end) != pairs or held.count(b"\r", start, end) != pairs:
            raise RemoteProtocolError("A line does not end in CR LF (RFC 9112 section 2.2).", self._http_status)
        self._checked = end

    def _check_unfinished(self) -> None:
        """
        Look at a section that is not whole yet.

        @raise RemoteProtocolError: when it is too long already.
        """
        if len(self._held) > self._max_bytes + 3:
            raise self._too_long()

    def _too_long(self) -> RemoteProtocolError:
        """The error for a section that has too many octets."""
        return RemoteProtocolError(f"A trailer section is longer than {self._max_bytes} octets.", self._http_status)


class HeadBuffer(SectionBuffer):
    """
    Keeps bytes until a head is whole. One is enough for a connection: it is empty again after each head.

    @ivar rest: what came after the head that L{feed} returned last; it belongs to the body or to the next message.
    """

    __slots__ = ("_blank_lines", "_is_response", "_max_line", "_quick", "_skip_blank_lines")

    def __init__(
        self,
        max_bytes: int = MAX_HEAD_BYTES,
        max_line: int = MAX_LINE_BYTES,
        *,
        skip_blank_lines: bool = False,
        is_response: bool = False,
    ) -> None:
        """
        @param max_bytes: octets of a head; the error has the status 431.
        @param max_line: octets of a request line; the error has the status 414.
        @param skip_blank_lines: pass over a few empty lines before a head, as a server does (RFC 9112 section 2.2).
        @param is_response: heads of responses come: each error has the status 502, and bytes that cannot become a
            status line are refused at once.
        """
        super().__init__(max_bytes, 502 if is_response else 400)
        self._max_line = max_line
        self._quick = min(max_line, max_bytes)
        self._skip_blank_lines = skip_blank_lines
        self._is_response = is_response
        self._blank_lines = 0

    @override
    def feed(self, piece: bytes) -> bytes | None:
        """
        Add what came.

        @return: a whole head without the C{CRLF CRLF} at its end, what follows is L{rest}; None when it is not whole.
        @raise RemoteProtocolError: for a line end that is not CRLF, for a head that is too long, and for bytes that
            cannot be the start of a head.
        """
        if not self._held:
            # Nearly always the whole head is in one read.
            end = piece.find(b"\r\n\r\n")
            if 0 < end <= self._quick and piece[0] != 13:
                self._blank_lines = 0
                self.rest = piece[end + 4 :]
                return piece[:end]
        if self._skip_blank_lines and (not self._held or self._held == b"\r"):
            piece = self._skip(piece)
        if not piece:
            return None
        block = super().feed(piece)
        if block is not None:
            self._blank_lines = 0
            if not block:
                raise RemoteProtocolError("A head has no first line.", self._http_status)
            if len(block) > self._max_line and block.find(b"\r\n", 0, self._max_line + 2) < 0:
                raise self._line_too_long()
        return block

    def _skip(self, piece: bytes) -> bytes:
        """
        Pass over the empty lines at the start of what came.

        @raise RemoteProtocolError: when there are too many.
        """
        if self._held:
            piece = b"\r" + piece
            self._held.clear()
        while piece.startswith(b"\r\n"):
            self._blank_lines += 1
            if self._blank_lines > _MOST_BLANK_LINES:
                raise RemoteProtocolError("There are too many empty lines before a request.", self._http_status)
            piece = piece[2:]
        self._checked = 0
        return piece

    @override
    def _check_unfinished(self) -> None:
        """
        Look at a head that is not whole yet.

        @raise RemoteProtocolError: when it is too long already, or cannot be a head.
        """
        held = self._held
        if self._is_response:
            if not held.startswith(_STATUS_LINE_START) and not _STATUS_LINE_START.startswith(held):
                raise RemoteProtocolError("What came is no HTTP/1 response.", self._http_status)
        elif held[0] not in _TOKEN_START and not (self._skip_blank_lines and held == b"\r"):
            raise RemoteProtocolError("What came is no HTTP/1 request.", self._http_status)
        if len(held) > self._max_line + 1 and held.find(b"\r\n", 0, self._max_line + 2) < 0:
            raise self._line_too_long()
        super()._check_unfinished()

    def _line_too_long(self) -> RemoteProtocolError:
        """The error for a first line that has too many octets."""
        return RemoteProtocolError(
            f"The first line is longer than {self._max_line} octets.", 502 if self._is_response else 414
        )

    @override
    def _too_long(self) -> RemoteProtocolError:
        """The error for a head that has too many octets; it is the first line's when that alone is too long."""
        first = self._held.find(b"\r\n", 0, self._max_line + 2)
        if first < 0 and len(self._held) > self._max_line:
            return self._line_too_long()
        return RemoteProtocolError(
            f"A head is longer than {self._max_bytes} octets.", 502 if self._is_response else 431
        )
