"""Tests of L{mitmtw._wire.http1_body}: the readers of bodies."""

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from mitmtw._wire import http1_body
from mitmtw._wire.events import CHUNKED, LENGTH, NO_BODY, UNTIL_CLOSE
from mitmtw._wire.http1_body import ChunkedReader, CloseReader, LengthReader, body_reader
from mitmtw._wire.http1_write import chunk, last_chunk
from mitmtw.errors import RemoteProtocolError
from tests._wire.reading import cut, octets, read_body
from tests.vectors.http1_chunks import BAD, GOOD


class LengthReaderTests(SynchronousTestCase):
    """Bodies of a known length."""

    def test_exact(self) -> None:
        """The last octet ends it."""
        reader = LengthReader(3)
        self.assertEqual((reader.feed(b"ab"), reader.done), (b"ab", False))
        self.assertEqual((reader.feed(b"c"), reader.done, reader.rest), (b"c", True, b""))
        reader.eof()

    def test_rest(self) -> None:
        """What comes behind is no body, also when it comes later."""
        reader = LengthReader(1)
        self.assertEqual(reader.feed(b"abc"), b"a")
        self.assertEqual(reader.feed(b"de"), b"")
        self.assertEqual(reader.rest, b"bcde")

    def test_nothing(self) -> None:
        """A length of 0 is over before anything came."""
        reader = LengthReader(0)
        self.assertTrue(reader.done)
        self.assertEqual((reader.feed(b"x"), reader.rest), (b"", b"x"))

    def test_cut(self) -> None:
        """An end before the last octet is an error with the status it was made with."""
        reader = LengthReader(3, 502)
        reader.feed(b"a")
        error = self.assertRaises(RemoteProtocolError, reader.eof)
        self.assertEqual(error.http_status, 502)
        self.assertIn("2 octets", str(error))


class CloseReaderTests(SynchronousTestCase):
    """Bodies that end with the connection."""

    def test_end(self) -> None:
        """All is body, and the end of the connection is a clean end."""
        reader = CloseReader()
        self.assertEqual((reader.feed(b"a"), reader.done), (b"a", False))
        reader.eof()
        self.assertTrue(reader.done)


class ChunkedReaderTests(SynchronousTestCase):
    """Bodies in chunked coding."""

    def test_good(self) -> None:
        """Each good body is read as the table says, whole, octet by octet, and in two pieces cut anywhere."""
        for name, wire, body, trailers, rest in GOOD:
            ways = [[wire], octets(wire), *(cut(wire, [place]) for place in range(len(wire)))]
            for way in ways:
                self.assertEqual(read_body(ChunkedReader(), way), (None, body, trailers, rest, True), name)

    def test_bad(self) -> None:
        """Each bad body is refused, whole and octet by octet, with the status of its side."""
        for name, wire in BAD:
            for status in (400, 502):
                self.assertEqual(read_body(ChunkedReader(status), [wire]), status, name)
                self.assertEqual(read_body(ChunkedReader(status), octets(wire)), status, name)

    def test_any_cut(self) -> None:
        """Where the pieces are cut makes no difference."""

        @settings(max_examples=25, deadline=None, derandomize=True, database=None)
        @given(
            st.lists(st.binary(max_size=40), max_size=6),
            st.lists(st.integers(0, 1000), max_size=6),
            st.booleans(),
        )
        def check(contents: list[bytes], places: list[int], has_trailers: bool) -> None:
            trailers = [(b"X-A", b"1")] if has_trailers else []
            wire = b"".join(map(chunk, contents)) + last_chunk(trailers) + b"rest"
            outcome = read_body(ChunkedReader(), cut(wire, places))
            self.assertEqual(outcome, (None, b"".join(contents), trailers, b"rest", True))

        check()

    def test_large_chunk_is_passed_on_at_once(self) -> None:
        """Content is not held back until its chunk is whole."""
        reader = ChunkedReader()
        self.assertEqual(reader.feed(b"100000\r\nabc"), b"abc")
        self.assertEqual(reader.feed(b"d" * 70000), b"d" * 70000)
        self.assertFalse(reader.done)

    def test_cut(self) -> None:
        """An end before the last line is an error, wherever it is."""
        wire = b"3\r\nabc\r\n0\r\nX: y\r\n\r\n"
        for length in range(len(wire)):
            reader = ChunkedReader(502)
            reader.feed(wire[:length])
            error = self.assertRaises(RemoteProtocolError, reader.eof)
            self.assertEqual(error.http_status, 502)
        reader = ChunkedReader()
        reader.feed(wire)
        reader.eof()

    def test_longest_line(self) -> None:
        """A size line may have as many octets as the limit says, cut anywhere, and not one more."""
        for length, outcome in ((20, (None, b"x", [], b"", True)), (21, 400)):
            line = b"1;" + b"a" * (length - 2)
            wire = line + b"\r\nx\r\n0\r\n\r\n"
            for way in ([wire], octets(wire), [line, wire[length:]], [line + b"\r", wire[length + 1 :]]):
                self.assertEqual(read_body(ChunkedReader(max_line=20), way), outcome)

    def test_longest_trailers(self) -> None:
        """A trailer section may have as many octets as the limit says, and not one more."""
        for length, outcome in ((20, (None, b"", [(b"X", b"y" * 17)], b"", True)), (21, 400)):
            wire = b"0\r\nX: " + b"y" * (length - 3) + b"\r\n\r\n"
            self.assertEqual(read_body(ChunkedReader(max_trailers=20), [wire]), outcome)
            self.assertEqual(read_body(ChunkedReader(max_trailers=20), octets(wire)), outcome)

    def test_known_sizes_are_bounded(self) -> None:
        """Size lines that were checked do not grow for ever, and extensions are not among them."""
        for size in range(1, 1500):
            ChunkedReader().feed(b"%x\r\n" % size)
        self.assertLessEqual(len(http1_body._SIZES), 1024)
        ChunkedReader().feed(b"abc;x=y\r\n")
        self.assertNotIn(b"abc;x=y", http1_body._SIZES)


class BodyReaderTests(SynchronousTestCase):
    """L{body_reader}."""

    def test_each_framing(self) -> None:
        """Each framing has its reader, with the status handed on."""
        self.assertIsInstance(body_reader(CHUNKED, -1), ChunkedReader)
        self.assertIsInstance(body_reader(UNTIL_CLOSE, -1), CloseReader)
        self.assertTrue(body_reader(NO_BODY, 0).done)
        for framing in (LENGTH, CHUNKED):
            error = self.assertRaises(RemoteProtocolError, body_reader(framing, 4, 502).eof)
            self.assertEqual(error.http_status, 502)
