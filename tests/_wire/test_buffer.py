"""Tests of L{mitmtw._wire.buffer}: where a head ends."""

from twisted.trial.unittest import SynchronousTestCase

from mitmtw._wire.buffer import HeadBuffer, SectionBuffer
from mitmtw.errors import RemoteProtocolError


class HeadBufferTests(SynchronousTestCase):
    """Heads in one piece and in many."""

    def refusal(self, buffer: SectionBuffer, *pieces: bytes) -> int:
        """Feed pieces of which the last is refused, and get the status."""
        for piece in pieces[:-1]:
            self.assertIsNone(buffer.feed(piece))
        refused: RemoteProtocolError = self.assertRaises(RemoteProtocolError, buffer.feed, pieces[-1])
        return refused.http_status

    def test_one_read(self) -> None:
        """A head in one read is returned at once, with what follows it."""
        buffer = HeadBuffer()
        self.assertEqual(buffer.feed(b"A\r\nB\r\n\r\nrest"), b"A\r\nB")
        self.assertEqual((buffer.rest, buffer.pending), (b"rest", b""))

    def test_end_cut_anywhere(self) -> None:
        """The empty line is found wherever it is cut, and the buffer is empty again afterwards."""
        wire = b"A\r\nB\r\n\r\nrest"
        buffer = HeadBuffer()
        for place in range(1, 8):
            self.assertIsNone(buffer.feed(wire[:place]))
            self.assertEqual(buffer.pending, wire[:place])
            self.assertEqual(buffer.feed(wire[place:]), b"A\r\nB")
            self.assertEqual((buffer.rest, buffer.pending), (b"rest", b""))

    def test_rest_is_that_of_the_last_head(self) -> None:
        """A head without anything behind it has no rest of an earlier one."""
        buffer = HeadBuffer()
        buffer.feed(b"A\r\n\r\nrest")
        buffer.feed(b"A\r\n\r")
        self.assertEqual((buffer.feed(b"\n"), buffer.rest), (b"A", b""))

    def test_pending_tells_idle_from_cut(self) -> None:
        """Empty lines between two requests are nothing pending; half a head is."""
        buffer = HeadBuffer(skip_blank_lines=True)
        self.assertIsNone(buffer.feed(b""))
        self.assertIsNone(buffer.feed(b"\r\n"))
        self.assertEqual(buffer.pending, b"")
        self.assertIsNone(buffer.feed(b"G"))
        self.assertEqual(buffer.pending, b"G")

    def test_blank_lines_are_counted_for_each_head(self) -> None:
        """Old clients send an empty line after each body: that is allowed for any number of requests."""
        buffer = HeadBuffer(skip_blank_lines=True)
        for _ in range(10):
            self.assertIsNone(buffer.feed(b"\r\n"))
            self.assertEqual(buffer.feed(b"GET\r\n\r\n"), b"GET")
        for _ in range(10):
            self.assertEqual(buffer.feed(b"\r\nGET\r\n\r\n"), b"GET")

    def test_blank_lines_are_refused(self) -> None:
        """Without being told to, no empty line is passed over; told to, only four."""
        self.assertEqual(self.refusal(HeadBuffer(), b"\r\n\r\n"), 400)
        self.assertEqual(self.refusal(HeadBuffer(), b"\r\n"), 400)
        self.assertEqual(self.refusal(HeadBuffer(skip_blank_lines=True), *[b"\r\n"] * 5), 400)

    def test_lone_lf_is_refused_when_it_comes(self) -> None:
        """No reader waits for a CRLF that will never come."""
        self.assertEqual(self.refusal(HeadBuffer(), b"GET / HTTP/1.1", b"\n"), 400)
        self.assertEqual(self.refusal(HeadBuffer(), b"G", b"ET / HTTP/1.1\r", b"\n", b"Host: x\n"), 400)
        self.assertEqual(self.refusal(HeadBuffer(is_response=True), b"HTTP/1.1 200 OK\n"), 502)

    def test_lone_cr_is_refused(self) -> None:
        """A CR is refused as soon as the octet after it is no LF."""
        self.assertEqual(self.refusal(HeadBuffer(), b"GET\r", b"X"), 400)
        self.assertEqual(self.refusal(HeadBuffer(), b"GET\r", b"\r"), 400)

    def test_head_too_long(self) -> None:
        """As many octets as the limit says pass, whole or in pieces; one more is 431, whether it ends or not."""
        fitting = b"G\r\n" + b"x" * 97
        for end in (b"\r\n\r\n", b"\r\n", b"\r"):
            buffer = HeadBuffer(100, 50)
            self.assertIsNone(buffer.feed(fitting[:60]))
            self.assertEqual(buffer.feed(fitting[60:] + end), fitting if len(end) == 4 else None)
        self.assertEqual(HeadBuffer(100, 50).feed(fitting + b"\r\n\r\n"), fitting)
        self.assertEqual(self.refusal(HeadBuffer(100, 50), fitting + b"x\r\n\r\n"), 431)
        self.assertEqual(self.refusal(HeadBuffer(100, 50), fitting + b"xxxx"), 431)
        self.assertEqual(self.refusal(HeadBuffer(100, 50, is_response=True), b"HTTP/1.1 200\r\n" + b"x" * 100), 502)

    def test_line_too_long(self) -> None:
        """As many octets of the first line as the limit says pass; one more is 414, whether it ends or not."""
        line = b"G" * 50
        self.assertEqual(HeadBuffer(100, 50).feed(line + b"\r\n\r\n"), line)
        for wire in (line + b"G\r\n\r\n", line + b"G\r\nX: y\r\n\r\n", line + b"GG", line * 3, line * 3 + b"\r\n\r\n"):
            self.assertEqual(self.refusal(HeadBuffer(100, 50), wire), 414, wire)
        self.assertIsNone(HeadBuffer(100, 50).feed(line + b"\r"))

    def test_no_response(self) -> None:
        """What cannot become a status line is refused with its first octet that shows it."""
        buffer = HeadBuffer(is_response=True)
        for octet in b"HTTP/1":
            self.assertIsNone(buffer.feed(bytes((octet,))))
        self.assertEqual(self.refusal(buffer, b"0"), 502)
        self.assertEqual(self.refusal(HeadBuffer(is_response=True), b"S"), 502)

    def test_no_request(self) -> None:
        """What cannot become a request line is refused with its first octet."""
        for octet in (b"\x16", b" ", b"\x00", b"{", b"\xff"):
            self.assertEqual(self.refusal(HeadBuffer(), octet), 400)


class SectionBufferTests(SynchronousTestCase):
    """Sections that may be empty, as trailers are."""

    def test_empty(self) -> None:
        """A section of nothing but its end is empty, not unfinished."""
        buffer = SectionBuffer(10, 400)
        self.assertIsNone(buffer.feed(b"\r\n\r"))
        self.assertEqual(buffer.feed(b"\nx"), b"")
        self.assertEqual(buffer.rest, b"x")

    def test_too_long(self) -> None:
        """The limit holds with the status it was made with, also when there is no end in sight."""
        for wire in (b"x" * 11 + b"\r\n\r\n", b"x" * 14):
            error = self.assertRaises(RemoteProtocolError, SectionBuffer(10, 502).feed, wire)
            self.assertEqual(error.http_status, 502)
