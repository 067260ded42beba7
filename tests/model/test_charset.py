"""Tests of L{mitmtw.model.charset}."""

from twisted.trial.unittest import SynchronousTestCase

from mitmtw.model.charset import charset_of, parse_content_type


class ContentTypeTests(SynchronousTestCase):
    def test_parse(self) -> None:
        """Type and parameters, quoted or not, names in any case; the first of repeated ones counts."""
        self.assertEqual(parse_content_type("Text/HTML"), ("text/html", {}))
        self.assertEqual(parse_content_type(""), ("", {}))
        self.assertEqual(
            parse_content_type('multipart/form-data; Boundary="a;\\"b" ; x=1; x=2'),
            ("multipart/form-data", {"boundary": 'a;"b', "x": "1"}),
        )


class CharsetTests(SynchronousTestCase):
    def test_table(self) -> None:
        """Declaration, then the format's own word, then UTF-8, then Latin-1."""
        for content_type, content, wanted in (
            ("text/html; charset=ISO-8859-2", b"\xef\xbb\xbf", "iso-8859-2"),
            ("text/plain; charset=gb2312", b"", "gb18030"),
            ("text/plain", b"\xef\xbb\xbfx", "utf-8"),
            ("text/plain", "x".encode("utf-16"), "utf-16"),
            ("application/problem+json", b"\xff", "utf-8"),
            ("text/html", b"<META http-equiv=x content='text/html; charset=windows-1251'>\xff", "windows-1251"),
            ("text/html", b'<meta charset="utf-16">', "utf-8"),
            ("text/html", b" " * 1024 + b"<meta charset=koi8-r>", "utf-8"),
            ("application/xml", b"<?xml version='1.0' encoding=\"koi8-r\"?>", "koi8-r"),
            ("application/xhtml+xml", b"<?xml version='1.0' encoding=\"koi8-r\"?>", "koi8-r"),
            ("text/css", b'@charset "latin-2";', "latin-2"),
            ("text/css", b'x @charset "latin-2";', "utf-8"),
            ("text/plain", "é".encode(), "utf-8"),
            ("text/plain", b"\xe9", "latin-1"),
            ("", b"", "utf-8"),
        ):
            self.assertEqual(charset_of(content_type, content), wanted, (content_type, content))
