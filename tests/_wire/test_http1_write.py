"""Tests of L{mitmtw._wire.http1_write}: what goes out, and what does not."""

from twisted.trial.unittest import SynchronousTestCase

from mitmtw._wire import http1_write
from mitmtw._wire.events import CHUNKED, LENGTH, NO_BODY, Fields
from mitmtw._wire.http1_read import RequestHead, ResponseHead, read_request_head, read_response_head
from mitmtw._wire.http1_write import chunk, last_chunk, request_head, response_head
from mitmtw._wire.next_hop import outgoing
from mitmtw.errors import LocalProtocolError
from tests._wire.reading import read_message
from tests.vectors import http1_requests, http1_responses

ELEVEN = b"HTTP/1.1"
HOST = (b"Host", b"a")


class RequestTests(SynchronousTestCase):
    """Heads of requests."""

    def refuse(
        self, method: bytes = b"GET", target: bytes = b"/", version: bytes = ELEVEN, fields: Fields | None = None
    ) -> None:
        """It is refused, also the second time."""
        for _ in range(2):
            self.assertRaises(
                LocalProtocolError, request_head, method, target, version, [HOST] if fields is None else fields
            )

    def test_bytes(self) -> None:
        """The exact bytes."""
        self.assertEqual(
            request_head(b"FOO", b"/x?y", ELEVEN, [HOST, (b"x-Y", b""), (b"A", b"b\tc\xff")]),
            b"FOO /x?y HTTP/1.1\r\nHost: a\r\nx-Y: \r\nA: b\tc\xff\r\n\r\n",
        )
        self.assertEqual(request_head(b"GET", b"/", b"HTTP/1.0", []), b"GET / HTTP/1.0\r\n\r\n")

    def test_method(self) -> None:
        """Nothing but a token is a method: a blank would move the target."""
        for method in (b"", b"GET ", b"G T", b"GET / HTTP/1.1\r\nX:", b"G\xc3T", b"GET\n"):
            self.refuse(method=method)

    def test_target(self) -> None:
        """No blank, control, 8-bit octet or fragment, and the form that goes with the method."""
        for target in (b"", b"/a b", b"/\r\n", b"/\x00", b"/\xc3\xa9", b"/#x", b"x", b"*", b"/\n", b"http:///"):
            self.refuse(target=target)
        self.refuse(method=b"CONNECT", target=b"/")
        self.refuse(method=b"CONNECT", target=b"a")
        self.assertTrue(request_head(b"CONNECT", b"a:1", ELEVEN, [HOST]).startswith(b"CONNECT a:1 HTTP/1.1\r\n"))

    def test_version(self) -> None:
        """Only the two versions of HTTP/1, and nothing that ends the line."""
        for version in (b"HTTP/2.0", b"HTTP/1.1\r\nX: y", b"", b"HTTP/1.1 "):
            self.refuse(version=version)

    def test_names(self) -> None:
        """A name is a token."""
        for name in (b"", b"X ", b"X:", b"X\r\nY", b"X\n", b"\xc3"):
            self.refuse(fields=[HOST, (name, b"y")])

    def test_values(self) -> None:
        """A value ends no line and has no NUL."""
        for value in (b"a\r\nX: y", b"a\n", b"a\r", b"\x00", b"\x7f"):
            self.refuse(fields=[HOST, (b"X", value)])

    def test_framing(self) -> None:
        """Nothing that two readers would frame in two ways."""
        length, coding = (b"Content-Length", b"1"), (b"Transfer-Encoding", b"chunked")
        self.refuse(fields=[HOST, length, (b"content-length", b"2")])
        self.refuse(fields=[HOST, length, length])
        self.refuse(fields=[HOST, length, coding])
        self.refuse(fields=[HOST, coding, length])
        self.refuse(fields=[HOST, coding, coding])
        self.refuse(fields=[HOST, (b"Content-Length", b"+1")])
        self.refuse(fields=[HOST, (b"TRANSFER-ENCODING", b"gzip, chunked")])
        self.refuse(fields=[HOST, coding], version=b"HTTP/1.0")
        self.refuse(fields=[HOST, (b"host", b"b")])

    def test_a_checked_head_is_bound_to_its_version(self) -> None:
        """A head that was right in HTTP/1.1 is not taken for right in HTTP/1.0."""
        fields = [HOST, (b"Transfer-Encoding", b"chunked")]
        request_head(b"GET", b"/", ELEVEN, fields)
        self.refuse(fields=fields, version=b"HTTP/1.0")

    def test_secrets_are_not_kept(self) -> None:
        """Lines with credentials, and long ones, do not stay in memory; there is a bound for the others."""
        pairs = [(b"COOKIE", b"x"), (b"Authorization", b"y"), (b"X", b"z" * 300)]
        request_head(b"GET", b"/", ELEVEN, [HOST, *pairs])
        for pair in pairs:
            self.assertNotIn(pair, http1_write._LINES)
        self.assertIn(HOST, http1_write._LINES)
        request_head(b"GET", b"/", ELEVEN, [(b"X", b"%d" % number) for number in range(5000)])
        self.assertLessEqual(len(http1_write._LINES), 4096)
        for number in range(1500):
            request_head(b"GET", b"/", ELEVEN, [(b"Content-Length", b"%d" % number)])
        self.assertLessEqual(len(http1_write._CHECKED), 1024)


class ResponseTests(SynchronousTestCase):
    """Heads of responses."""

    def test_bytes(self) -> None:
        """The exact bytes; the blank before an empty reason stays (RFC 9112 section 4)."""
        self.assertEqual(response_head(ELEVEN, 200, b"OK", [(b"A", b"b")]), b"HTTP/1.1 200 OK\r\nA: b\r\n\r\n")
        self.assertEqual(response_head(b"HTTP/1.0", 999, b"", []), b"HTTP/1.0 999 \r\n\r\n")

    def test_refused(self) -> None:
        """Status, reason, version and fields are checked, each time."""
        for version, status, reason, fields in (
            (ELEVEN, 99, b"", []),
            (ELEVEN, 1000, b"", []),
            (ELEVEN, -200, b"", []),
            (ELEVEN, 200, b"a\r\nX: y", []),
            (ELEVEN, 200, b"\x00", []),
            (b"HTTP/2", 200, b"", []),
            (ELEVEN, 200, b"", [(b"X", b"\n")]),
            (ELEVEN, 200, b"", [(b"Content-Length", b"1"), (b"Content-Length", b"2")]),
        ):
            for _ in range(2):
                self.assertRaises(LocalProtocolError, response_head, version, status, reason, fields)


class ChunkTests(SynchronousTestCase):
    """Chunks."""

    def test_chunk(self) -> None:
        """Size in hexadecimal; no content makes no chunk, which would end the body."""
        self.assertEqual(chunk(b"x" * 26), b"1a\r\n" + b"x" * 26 + b"\r\n")
        self.assertEqual(chunk(b""), b"")

    def test_last(self) -> None:
        """The end with and without trailers."""
        self.assertEqual(last_chunk(), b"0\r\n\r\n")
        self.assertEqual(last_chunk([(b"X", b"y"), (b"Z", b"")]), b"0\r\nX: y\r\nZ: \r\n\r\n")

    def test_bad_trailers(self) -> None:
        """Trailers are checked as fields are, and some names must not be there."""
        for pair in ((b"X", b"\r\n"), (b"X y", b""), (b"content-length", b"1"), (b"Host", b"a")):
            for _ in range(2):
                self.assertRaises(LocalProtocolError, last_chunk, [pair])


class RoundTripTests(SynchronousTestCase):
    """Writing what was read, and reading what was written."""

    def test_requests(self) -> None:
        """parse(write(parse(x))) == parse(x) for each good request."""
        for case in http1_requests.GOOD:
            outcome = read_message([case.wire])
            assert isinstance(outcome, tuple)
            head = outcome[0]
            assert isinstance(head, RequestHead)
            wire = request_head(head.method, head.target, head.version, head.fields)
            self.assertEqual(read_request_head(wire[:-4]), head, case.name)

    def test_responses(self) -> None:
        """parse(write(parse(x))) == parse(x) for each good response."""
        for case in http1_responses.GOOD:
            outcome = read_message([case.wire], case.method)
            assert isinstance(outcome, tuple)
            head = outcome[0]
            assert isinstance(head, ResponseHead)
            wire = response_head(head.version, head.status, head.reason, head.fields)
            self.assertEqual(read_response_head(wire[:-4], case.method), head, case.name)

    def test_outgoing_is_framed_as_asked(self) -> None:
        """Whatever framing came, the fields that go out are read as the framing that was asked for."""
        for case in http1_requests.GOOD:
            outcome = read_message([case.wire])
            assert isinstance(outcome, tuple)
            head = outcome[0]
            assert isinstance(head, RequestHead)
            if head.version != ELEVEN:
                continue
            for framing, length in ((NO_BODY, 0), (LENGTH, 12), (CHUNKED, -1)):
                fields = outgoing(head.fields, framing, length, nominated=head.connection)
                again = read_request_head(request_head(head.method, head.target, ELEVEN, fields)[:-4])
                expected = LENGTH if framing == NO_BODY and (b"Content-Length", b"0") in head.fields else framing
                self.assertEqual((again.framing, again.length), (expected, length), case.name)
