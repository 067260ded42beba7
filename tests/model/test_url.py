"""Tests of L{mitmtw.model.url}."""

from twisted.trial.unittest import SynchronousTestCase

from mitmtw.model import url


class ParseTests(SynchronousTestCase):
    def test_parts(self) -> None:
        """Scheme, host, port and path of what people write."""
        for text, wanted in (
            ("http://a.example", ("http", "a.example", 80, "/")),
            (b"HTTPS://A.Example:8443/x?y#z", ("https", "A.Example", 8443, "/x?y")),
            ("http://a?q=1", ("http", "a", 80, "/?q=1")),
            ("http://user:pw@a:81/", ("http", "a", 81, "/")),
            ("http://a:/", ("http", "a", 80, "/")),
            ("http://[::1]:8080/p", ("http", "::1", 8080, "/p")),
            ("https://bücher.example/ä b%20c", ("https", "bücher.example", 443, "/%C3%A4%20b%20c")),
            ("foo://a:9/", ("foo", "a", 9, "/")),
        ):
            self.assertEqual(url.parse(text), wanted)

    def test_refused(self) -> None:
        """Not absolute, no host, bad port, unknown scheme without a port, delimiters in the host."""
        for text in (
            "/x",
            "a.example",
            "http://",
            "http:///x",
            "http://a:99999/",
            "http://a:0/",
            "http://a:x/",
            "foo://a/",
        ):
            self.assertRaises(ValueError, url.parse, text)
        for host in ("a b", "a\r\nb", "[::1", "a]", "::1", "a\\b", "a<b"):
            self.assertRaises(ValueError, url.parse, f"http://{host}/")

    def test_authority(self) -> None:
        """Host with and without port, IP literals without their brackets."""
        self.assertEqual(url.parse_authority("a:1"), ("a", 1))
        self.assertEqual(url.parse_authority("a"), ("a", None))
        self.assertEqual(url.parse_authority("[fe80::1]"), ("fe80::1", None))
        self.assertRaises(ValueError, url.parse_authority, "")


class UnparseTests(SynchronousTestCase):
    def test_unparse(self) -> None:
        """The scheme's own port is left out, IPv6 gets brackets, the asterisk no path."""
        self.assertEqual(url.unparse("http", "a", 80, "/x"), "http://a/x")
        self.assertEqual(url.unparse("http", "a", 443, "/"), "http://a:443/")
        self.assertEqual(url.unparse("https", "::1", 443, "*"), "https://[::1]")
        self.assertEqual(url.hostport("https", "::1", 1), "[::1]:1")
        self.assertEqual(url.hostport("", "a", 80), "a:80")


class FormTests(SynchronousTestCase):
    def test_quote(self) -> None:
        """Quoting round-trips, also bytes that are no UTF-8."""
        self.assertEqual(url.quote("a/b c"), "a/b%20c")
        self.assertEqual(url.quote("a/b", safe=""), "a%2Fb")
        self.assertEqual(url.quote(url.unquote("%ff%41")), "%FFA")

    def test_decode(self) -> None:
        """Blank values count, plus is a blank, a name may stand alone."""
        self.assertEqual(url.decode_form("a=1&b=&c&&d+e=%3D"), [("a", "1"), ("b", ""), ("c", ""), ("d e", "=")])

    def test_encode(self) -> None:
        """Encoding decodes to the same pairs; other types are refused."""
        pairs = [("a b", "c&d"), ("é", ""), ("", "\udcff")]
        self.assertEqual(url.decode_form(url.encode_form(pairs)), pairs)
        self.assertRaises(TypeError, url.encode_form, [("a", 1)])

    def test_rewrite_keeps_spelling(self) -> None:
        """Pairs that stay keep their spelling, wherever they stand and however often."""
        old = "c&a=%7e&a=~&b=%20"
        self.assertEqual(url.rewrite_form(old, url.decode_form(old)), old)
        self.assertEqual(
            url.rewrite_form(old, [("b", " "), ("a", "~"), ("new", " "), ("a", "~"), ("a", "~")]),
            "b=%20&a=%7e&new=+&a=~&a=~",
        )
