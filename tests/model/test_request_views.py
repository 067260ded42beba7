"""Tests of L{mitmtw.model.request_views}."""

from twisted.trial.unittest import SynchronousTestCase

from mitmtw.model.request import Request

URLENCODED = "application/x-www-form-urlencoded"


class PathTests(SynchronousTestCase):
    def test_query(self) -> None:
        """Reading decodes, editing writes the path, unedited pairs keep their spelling."""
        made = Request.make("GET", "http://a/p?x=%7e&y=a+b")
        self.assertEqual(made.query["y"], "a b")
        made.query["z"] = "ü"
        self.assertEqual(made.path, "/p?x=%7e&y=a+b&z=%C3%BC")
        del made.query["x"]
        self.assertEqual(made.path, "/p?y=a+b&z=%C3%BC")
        made.query = {"q": "1"}
        self.assertEqual(made.path, "/p?q=1")
        made.query.clear()
        self.assertEqual((made.path, len(made.query)), ("/p", 0))

    def test_path_components(self) -> None:
        """Segments are decoded one by one; the query stays."""
        made = Request.make("GET", "http://a/x%2Fy/%20?q=/")
        self.assertEqual(made.path_components, ("x/y", " "))
        made.path_components = ["a/b", "ü"]
        self.assertEqual(made.path, "/a%2Fb/%C3%BC?q=/")
        made.path_components = ()
        self.assertEqual(made.path, "/?q=/")


class CookieTests(SynchronousTestCase):
    def test_cookies(self) -> None:
        """Cookies of all Cookie fields in one view; an edit leaves one field, none when there is no cookie."""
        made = Request.make("GET", "http://a/", headers=[("Cookie", 'a="1"'), ("cookie", "b=2")])
        self.assertEqual(list(made.cookies.items()), [("a", '"1"'), ("b", "2")])
        made.cookies["c"] = "3"
        self.assertEqual(made.headers.get_all("cookie"), ['a="1"; b=2; c=3'])
        made.cookies = []
        self.assertNotIn("cookie", made.headers)
        made.cookies["n"] = "1"
        self.assertEqual(made.headers["Cookie"], "n=1")


class FormTests(SynchronousTestCase):
    def test_urlencoded(self) -> None:
        """An edit keeps the other pairs' spelling and makes the length right."""
        made = Request.make("POST", "http://a/", b"a=%7e&b=2", {"Content-Type": URLENCODED + "; charset=utf-8"})
        made.urlencoded_form["b"] = "x y"
        self.assertEqual(made.content, b"a=%7e&b=x+y")
        self.assertEqual(made.headers["content-length"], "11")
        self.assertEqual(made.headers["content-type"], URLENCODED + "; charset=utf-8")

    def test_urlencoded_becomes(self) -> None:
        """Content of another type has no pairs, and becomes a form when pairs are set."""
        made = Request.make("POST", "http://a/", b"a=b", {"Content-Type": "text/plain"})
        self.assertEqual(len(made.urlencoded_form), 0)
        made.urlencoded_form = [("x", "1")]
        self.assertEqual((made.content, made.headers["content-type"]), (b"x=1", URLENCODED))

    def test_urlencoded_damaged(self) -> None:
        """A body that cannot be decoded is not overwritten by an edit."""
        made = Request.make("POST", "http://a/", b"", {"Content-Type": URLENCODED, "Content-Encoding": "gzip"})
        made.body = b"damaged"
        self.assertRaises(ValueError, made.urlencoded_form.add, "a", "b")
        self.assertEqual(made.body, b"damaged")

    def test_multipart(self) -> None:
        """A body without a boundary becomes a form; edits then change its parts."""
        made = Request.make("POST", "http://a/", b"x")
        self.assertEqual(len(made.multipart_form), 0)
        made.multipart_form = [(b"a", b"1"), (b"b", b"2")]
        self.assertTrue(made.headers["content-type"].startswith("multipart/form-data; boundary="))
        made.multipart_form[b"a"] = b"3"
        self.assertEqual(made.multipart_form.fields, ((b"a", b"3"), (b"b", b"2")))
        self.assertEqual(made.headers["content-length"], str(len(made.body or b"")))
