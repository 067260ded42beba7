"""Tests of L{mitmtw.model.request}."""

from twisted.trial.unittest import SynchronousTestCase

from mitmtw.model.headers import Headers
from mitmtw.model.request import Request

Pairs = list[tuple[bytes, bytes]]


def request(
    target: bytes = b"/p?q=1", fields: Pairs | None = None, method: bytes = b"GET", version: bytes = b"HTTP/1.1"
) -> Request:
    fields = [(b"Host", b"a.example")] if fields is None else fields
    return Request.of(method, "http", "a.example", 80, target, target, version, fields, 5.0)


class MakingTests(SynchronousTestCase):
    def test_of(self) -> None:
        """The fast constructor takes everything as it is and adopts the fields."""
        fields = [(b"Host", b"h")]
        made = Request.of(b"PUT", "https", "h", 1, b"/x", b"https://h:1/x", b"HTTP/1.0", fields, 5.0, b"")
        self.assertEqual(
            (
                made.method,
                made.scheme,
                made.host,
                made.port,
                made.path,
                made.http_version,
                made.timestamp_start,
                made.body,
            ),
            ("PUT", "https", "h", 1, "/x", "HTTP/1.0", 5.0, b""),
        )
        self.assertIs(made.headers.raw, fields)
        self.assertEqual((made.trailers, made.timestamp_end, made.stream, made.streamed), (None, None, False, False))
        self.assertIsNone(request().body)

    def test_constructor(self) -> None:
        """Text or bytes, any kind of fields."""
        made = Request(
            "h", 81, "GET", b"http", "/é", headers={"a": "b"}, body=b"x", timestamp_start=1.0, authority="h:1"
        )
        self.assertEqual((made.raw_method, made.scheme, made.raw_path), (b"GET", "http", "/é".encode()))
        self.assertEqual((made.headers.raw, made.body, made.authority), ([(b"a", b"b")], b"x", "h:1"))
        self.assertEqual((made.timestamp_start, made.http_version), (1.0, "HTTP/1.1"))
        self.assertEqual(Request("h", 81, "CONNECT", "", b"").raw_target, b"h:81")

    def test_make(self) -> None:
        """Host first when it is missing, a length where there is content or the method wants one."""
        made = Request.make("GET", "https://b.example:444/x?y", headers={"A": "b"})
        self.assertEqual(made.headers.raw, [(b"Host", b"b.example:444"), (b"A", b"b")])
        self.assertEqual((made.url, made.body), ("https://b.example:444/x?y", b""))
        self.assertEqual(made.raw_target, b"/x?y")
        posted = Request.make("POST", "http://b.example/", "é", [("Host", "other")])
        self.assertEqual(posted.headers.raw, [(b"Host", b"b.example"), (b"Content-Length", b"2")])
        self.assertEqual(Request.make("PUT", "http://a/").headers["content-length"], "0")
        self.assertRaises(ValueError, Request.make, "GET", "/x")

    def test_make_leaves_the_given_fields_alone(self) -> None:
        """Fields that are given are copied."""
        given = Headers(a="b")
        Request.make("POST", "http://b.example/", b"x", given)
        self.assertEqual(given.raw, [(b"a", b"b")])


class TargetTests(SynchronousTestCase):
    def test_forms(self) -> None:
        """RFC 9112 3.2: the four forms, and their older names."""
        for method, target, wanted, older in (
            (b"GET", b"/x", "origin", "relative"),
            (b"GET", b"http://a/x", "absolute", "absolute"),
            (b"CONNECT", b"a:443", "authority", "authority"),
            (b"OPTIONS", b"*", "asterisk", "relative"),
        ):
            made = request(target, method=method)
            self.assertEqual((made.target_form, made.first_line_format), (wanted, older))

    def test_edits_leave_the_target(self) -> None:
        """What came is remembered, whatever is edited."""
        made = request()
        made.host, made.path, made.method = "b", "/z", "POST"
        self.assertEqual(made.raw_target, b"/p?q=1")
        self.assertEqual((made.raw_path, made.raw_method), (b"/z", b"POST"))

    def test_connect_url(self) -> None:
        """CONNECT's URL is its authority, and follows host and port."""
        made = Request.of(b"CONNECT", "http", "a", 443, b"", b"a:443", b"HTTP/1.1", [(b"Host", b"a:443")], 1.0)
        self.assertEqual((made.url, made.pretty_url, made.authority), ("a:443", "a:443", "a:443"))
        made.host = "b"
        self.assertEqual((made.url, made.authority, made.headers["host"]), ("b:443", "b:443", "b:443"))


class HostTests(SynchronousTestCase):
    def test_host_follows(self) -> None:
        """Host and port change the Host field and the authority where these are, and only there."""
        made = Request.of(b"GET", "http", "a", 80, b"/", b"http://a/", b"HTTP/1.1", [(b"host", b"a")], 1.0)
        made.host = "b"
        made.port = 8080
        self.assertEqual(made.headers.raw, [(b"host", b"b:8080")])
        self.assertEqual(made.authority, "b:8080")
        self.assertEqual((made.host, made.port), ("b", 8080))
        bare = request(fields=[])
        bare.host = "::1"
        self.assertEqual((bare.headers.raw, bare.authority), ([], ""))
        self.assertEqual(bare.url, "http://[::1]/p?q=1")
        self.assertRaises(TypeError, setattr, bare, "port", "80")

    def test_authority_of_the_target(self) -> None:
        """The authority of an absolute form ends at path or query; the origin form has none."""
        self.assertEqual(request(b"http://a:1?x").authority, "a:1")
        self.assertEqual(request(b"http://a:1/x").authority, "a:1")
        self.assertEqual(request().authority, "")
        made = request()
        made.authority = "z"
        self.assertEqual(made.raw_authority, b"z")

    def test_url(self) -> None:
        """Setting the URL sets all four parts and what follows from them; nonsense changes nothing."""
        made = request()
        made.url = "https://b.example/new?x#frag"
        self.assertEqual((made.scheme, made.host, made.port, made.path), ("https", "b.example", 443, "/new?x"))
        self.assertEqual(made.headers["host"], "b.example")
        self.assertRaises(ValueError, setattr, made, "url", "nonsense")
        self.assertEqual(made.url, "https://b.example/new?x")

    def test_pretty(self) -> None:
        """The client's own name for the host, without deciding where the request goes."""
        made = request(fields=[(b"Host", b"named.example:81")])
        self.assertEqual((made.host, made.pretty_host), ("a.example", "named.example"))
        self.assertEqual(made.pretty_url, "http://named.example:81/p?q=1")
        self.assertEqual(made.url, "http://a.example/p?q=1")
        self.assertEqual(request(fields=[]).pretty_host, "a.example")
        self.assertEqual(request(fields=[(b"Host", b"bad host")]).pretty_url, "http://a.example/p?q=1")

    def test_host_header(self) -> None:
        """The Host field in HTTP/1, the authority in HTTP/2, and their removal."""
        made = request()
        made.host_header = "x"
        self.assertEqual((made.host_header, made.headers["host"]), ("x", "x"))
        made.host_header = None
        self.assertIsNone(made.host_header)
        self.assertNotIn("host", made.headers)
        two = request(fields=[], version=b"HTTP/2.0")
        two.host_header = "y"
        self.assertEqual((two.host_header, two.authority, two.headers.raw), ("y", "y", []))


class ConvenienceTests(SynchronousTestCase):
    def test_anticache(self) -> None:
        """Conditions go, the rest stays."""
        made = request(fields=[(b"If-None-Match", b"1"), (b"A", b"b"), (b"if-modified-since", b"x")])
        made.anticache()
        self.assertEqual(made.headers.raw, [(b"A", b"b")])

    def test_anticomp(self) -> None:
        """Only identity is asked for."""
        made = request(fields=[])
        made.anticomp()
        self.assertEqual(made.headers["accept-encoding"], "identity")

    def test_constrain_encoding(self) -> None:
        """Codings that we cannot read go, weights stay; a missing field is not added."""
        for given, wanted in (("gzip;q=0.5, compress, BR", "gzip;q=0.5, BR"), ("foo", "identity"), ("*", "identity")):
            made = Request.make("GET", "http://a/", headers={"accept-encoding": given})
            made.constrain_encoding()
            self.assertEqual(made.headers["accept-encoding"], wanted)
        made = request(fields=[])
        made.constrain_encoding()
        self.assertEqual(made.headers.raw, [])

    def test_replace(self) -> None:
        """Path, fields and content, with one count."""
        made = Request.make("POST", "http://a/one", b"one", {"x": "one"})
        self.assertEqual(made.replace("one", "two"), 3)
        self.assertEqual((made.path, made.headers["x"], made.content), ("/two", "two", b"two"))
        self.assertEqual(made.replace("two", "3", count=1), 1)
        self.assertEqual((made.path, made.headers["x"]), ("/3", "two"))

    def test_copy_and_state(self) -> None:
        """Copies and states have every part of a request."""
        made = request(b"http://a:1/x?y", version=b"HTTP/1.0")
        made.authority = "q"
        made.stream = True
        for other in (made.copy(), Request.from_state(made.get_state())):
            self.assertEqual(other.get_state(), made.get_state())
            self.assertEqual((other.authority, other.target_form, other.port), ("q", "absolute", 80))
        self.assertEqual(repr(request()), "<Request GET http://a.example/p?q=1>")
