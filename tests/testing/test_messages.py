"""Tests for L{mitmtw.testing.messages}: messages as bytes and back."""

from twisted.trial.unittest import SynchronousTestCase

from mitmtw.errors import RemoteProtocolError
from mitmtw.model import Headers, Request, Response
from mitmtw.testing import make_request, make_response
from mitmtw.testing.messages import RequestReader, ResponseReader, request_bytes, response_bytes


class WriteTests(SynchronousTestCase):
    """What peers write."""

    def test_request(self) -> None:
        """In origin form for a server, in absolute form for a proxy."""
        request = make_request("POST", "http://example.com/a?b", b"xy", x_a="1")
        rest = b" HTTP/1.1\r\nHost: example.com\r\nx-a: 1\r\nContent-Length: 2\r\n\r\nxy"
        self.assertEqual(request_bytes(request), b"POST /a?b" + rest)
        self.assertEqual(request_bytes(request, is_absolute=True), b"POST http://example.com/a?b" + rest)

    def test_response(self) -> None:
        """With the body, but not for HEAD; what is wrong is written as it is."""
        response = Response(b"HTTP/1.1", 299, b"Odd", {"A": "b\x01"}, b"xy")
        self.assertEqual(response_bytes(response), b"HTTP/1.1 299 Odd\r\nA: b\x01\r\n\r\nxy")
        self.assertEqual(response_bytes(response, b"HEAD"), b"HTTP/1.1 299 Odd\r\nA: b\x01\r\n\r\n")

    def test_chunked(self) -> None:
        """Chunks, and trailers, where the fields say so."""
        response = Response(b"HTTP/1.1", 200, b"OK", {"Transfer-Encoding": "chunked"}, b"xy")
        head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
        self.assertEqual(response_bytes(response), head + b"2\r\nxy\r\n0\r\n\r\n")
        response.trailers = Headers({"X-T": "1"})
        self.assertEqual(response_bytes(response), head + b"2\r\nxy\r\n0\r\nX-T: 1\r\n\r\n")


class ReadTests(SynchronousTestCase):
    """What peers read, cut anywhere."""

    def test_requests(self) -> None:
        """Requests one after another: absolute form, a body of a length, a chunked one with a trailer, an IPv6 host."""
        wire = (
            b"GET http://a.example:81/x HTTP/1.1\r\nHost: a.example:81\r\n\r\n"
            b"POST /y HTTP/1.1\r\nHost: b.example\r\nContent-Length: 3\r\n\r\nabc"
            b"PUT /z HTTP/1.1\r\nHost: [::1]:8\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nde\r\n0\r\nX-T: 1\r\n\r\n"
            b"GET / HTTP/1.0\r\n\r\n"
        )
        for size in (1, 7, len(wire)):
            reader = RequestReader("https")
            got = [request for at in range(0, len(wire), size) for request in reader.feed(wire[at : at + size])]
            self.assertEqual(got, reader.requests)
            self.assertEqual(
                [r.url for r in got[:3]], ["http://a.example:81/x", "https://b.example/y", "https://[::1]:8/z"]
            )
            self.assertEqual([r.content for r in got], [b"", b"abc", b"de", b""])
            assert got[2].trailers is not None
            self.assertEqual(got[2].trailers["x-t"], "1")
            self.assertEqual((got[3].host, got[3].port, got[3].is_http10), ("", 443, True))

    def test_responses(self) -> None:
        """Interim responses stand apart; a body may end with the connection."""
        wire = (
            b"HTTP/1.1 103 Hints\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi"
            b"HTTP/1.1 204 No\r\n\r\nHTTP/1.1 200 OK\r\n\r\nto the"
        )
        reader = ResponseReader()
        got = reader.feed(wire)
        self.assertEqual([response.status_code for response in reader.interim], [103])
        self.assertEqual([(response.status_code, response.content) for response in got], [(200, b"hi"), (204, b"")])
        self.assertEqual(reader.feed(b" end"), [])
        assert reader.head is not None
        self.assertEqual(reader.head.status, 200)
        reader.eof()
        self.assertEqual(reader.responses[-1].content, b"to the end")

    def test_head(self) -> None:
        """An answer to HEAD has no body, whatever its length says."""
        (got,) = ResponseReader(b"HEAD").feed(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n")
        self.assertEqual(got.content, b"")

    def test_cut(self) -> None:
        """A body that is cut is an error; the end between two responses is none."""
        reader = ResponseReader()
        reader.eof()
        reader.feed(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nabc")
        self.assertRaises(RemoteProtocolError, reader.eof)

    def test_nonsense(self) -> None:
        """What is no HTTP is an error."""
        self.assertRaises(RemoteProtocolError, RequestReader().feed, b"\x16\x03\x01nonsense\r\n\r\n")

    def test_back(self) -> None:
        """What is written is read back alike."""
        request: Request = make_request("POST", "http://example.com/a", b"xy")
        response = make_response(201, b"made", x_a="1")
        (asked,) = RequestReader().feed(request_bytes(request))
        (answered,) = ResponseReader().feed(response_bytes(response))
        self.assertEqual((asked.url, asked.content, asked.headers), (request.url, b"xy", request.headers))
        self.assertEqual((answered.status_code, answered.content, answered.headers), (201, b"made", response.headers))
