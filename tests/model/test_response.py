"""Tests of L{mitmtw.model.response}."""

import gzip

from twisted.trial.unittest import SynchronousTestCase

from mitmtw.model.headers import Headers
from mitmtw.model.response import Response


class MakingTests(SynchronousTestCase):
    def test_of(self) -> None:
        """The fast constructor takes everything as it is and adopts the fields."""
        fields = [(b"A", b"b")]
        made = Response.of(b"HTTP/1.1", 404, b"Nope", fields, 5.0)
        self.assertEqual((made.status_code, made.reason, made.timestamp_start), (404, "Nope", 5.0))
        self.assertIs(made.headers.raw, fields)
        self.assertEqual((made.body, made.trailers, made.timestamp_end, made.streamed), (None, None, None, False))

    def test_constructor(self) -> None:
        """Text or bytes, any kind of fields, and an editable reason."""
        made = Response("HTTP/1.0", 201, "Made", {"a": "b"}, b"x", timestamp_start=1.0)
        self.assertEqual((made.raw_version, made.raw_reason, made.headers.raw), (b"HTTP/1.0", b"Made", [(b"a", b"b")]))
        made.reason = "Ü"
        self.assertEqual(made.raw_reason, "Ü".encode())

    def test_make(self) -> None:
        """Reason and length are filled in; content and fields may come in every form."""
        made = Response.make(404, "é", {"Content-Type": "text/plain"})
        self.assertEqual((made.reason, made.body, made.headers["content-length"]), ("Not Found", "é".encode(), "2"))
        self.assertEqual(Response.make().headers.raw, [(b"Content-Length", b"0")])
        given = Headers(a="b")
        made = Response.make(200, b"x", given)
        self.assertEqual(made.headers.raw, [(b"a", b"b"), (b"Content-Length", b"1")])
        self.assertEqual(given.raw, [(b"a", b"b")])
        self.assertEqual(Response.make(200, b"", [("a", "b")]).headers["a"], "b")
        self.assertEqual(Response.make(299).reason, "")
        self.assertRaises(TypeError, Response.make, 200, 5)

    def test_make_without_length(self) -> None:
        """RFC 9110 8.6: no Content-Length in 1xx and 204, and none in a 304 that has no content."""
        for status in (101, 204, 304):
            self.assertEqual(Response.make(status).headers.raw, [])

    def test_make_encodes(self) -> None:
        """A content coding among the fields is applied."""
        made = Response.make(200, b"hello", {"Content-Encoding": "gzip"})
        self.assertEqual(gzip.decompress(made.body or b""), b"hello")

    def test_state_and_repr(self) -> None:
        """States have every part of a response."""
        made = Response.of(b"HTTP/1.1", 404, b"Nope", [(b"A", b"b")], 5.0)
        self.assertEqual(Response.from_state(made.get_state()).get_state(), made.get_state())
        self.assertEqual(repr(made), "<Response 404 streamed>")
        self.assertEqual(repr(Response.make(200, b"12")), "<Response 200 2 B>")


class CookieTests(SynchronousTestCase):
    def test_cookies(self) -> None:
        """Reading gives value and attributes; edits write fields, and leave the bytes of the others."""
        made = Response.make(headers=[("Set-Cookie", "a=1;path=/"), ("X", "y"), ("Set-Cookie", "b=2")])
        value, attributes = made.cookies["a"]
        self.assertEqual((value, attributes["Path"]), ("1", "/"))
        attributes["path"] = "/x"
        made.cookies["b"] = ("3", attributes)
        self.assertEqual(made.headers.get_all("set-cookie"), ["a=1;path=/", "b=3; path=/x"])
        del made.cookies["a"]
        made.cookies = {"c": "4"}
        self.assertEqual(made.headers.get_all("set-cookie"), ["c=4"])


class RefreshTests(SynchronousTestCase):
    def test_refresh(self) -> None:
        """Dates move by the time gone by; what is no date stays."""
        made = Response(
            headers={
                "Date": "Sun, 06 Nov 1994 08:49:37 GMT",
                "Expires": "0",
                "Last-Modified": "Sun, 06 Nov 1994 07:49:37 GMT",
                "Set-Cookie": "a=b; Expires=Sun, 06 Nov 1994 08:49:37 GMT",
            },
            timestamp_start=100.0,
        )
        made.refresh(3700.0)
        self.assertEqual(made.headers["date"], "Sun, 06 Nov 1994 09:49:37 GMT")
        self.assertEqual(made.headers["expires"], "0")
        self.assertEqual(made.headers["last-modified"], "Sun, 06 Nov 1994 08:49:37 GMT")
        self.assertEqual(made.headers["set-cookie"], "a=b; Expires=Sun, 06 Nov 1994 09:49:37 GMT")
