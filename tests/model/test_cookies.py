"""Tests of L{mitmtw.model.cookies}."""

from twisted.trial.unittest import SynchronousTestCase

from mitmtw.model.cookies import (
    CookieAttrs,
    format_set_cookie,
    parse_cookies,
    parse_set_cookie,
    refresh_set_cookie,
    rewrite_cookies,
    rewrite_set_cookies,
)


class CookieTests(SynchronousTestCase):
    def test_parse(self) -> None:
        """Values keep quotes and further equal signs; blanks around go; empty segments are none."""
        self.assertEqual(parse_cookies('a=1;b = "x" ; ;c;d=e=f'), [("a", "1"), ("b", '"x"'), ("c", ""), ("d", "e=f")])

    def test_rewrite(self) -> None:
        """What stays keeps its bytes."""
        self.assertEqual(rewrite_cookies("a = 1;c; b=2", [("a", "1"), ("c", ""), ("n", "3")]), "a = 1; c; n=3")


class SetCookieTests(SynchronousTestCase):
    def test_parse(self) -> None:
        """Attributes in any case, with and without value."""
        name, (value, attributes) = parse_set_cookie("sid=a=b; Path=/; HttpOnly;; SameSite = Lax")
        self.assertEqual((name, value), ("sid", "a=b"))
        self.assertEqual(attributes.fields, (("Path", "/"), ("HttpOnly", None), ("SameSite", "Lax")))
        self.assertEqual(attributes["path"], "/")
        self.assertIn("HTTPONLY", attributes)
        self.assertNotIn("secure", attributes)
        self.assertNotIn(3, attributes)

    def test_format(self) -> None:
        """Formatting is the inverse."""
        line = "sid=1; Path=/; Secure"
        name, (value, attributes) = parse_set_cookie(line)
        self.assertEqual(format_set_cookie(name, value, attributes), line)
        self.assertEqual(format_set_cookie("a", "b"), "a=b")

    def test_rewrite(self) -> None:
        """What stays keeps its bytes; new ones may be a mere string or come with any mapping."""
        old = ["a=1;path=/", "b=2; secure"]
        kept = parse_set_cookie(old[1])
        self.assertEqual(
            rewrite_set_cookies(
                old, [kept, ("c", "3"), ("d", ("4", {"Path": "/"})), ("a", ("1", CookieAttrs({"path": "/"})))]
            ),
            ["b=2; secure", "c=3", "d=4; Path=/", "a=1;path=/"],
        )

    def test_refresh(self) -> None:
        """Only a readable Expires moves."""
        line = "a=1;expires=Sun, 06-Nov-1994 08:49:37 GMT; Path=/"
        self.assertEqual(refresh_set_cookie(line, 3600), "a=1;expires=Sun, 06 Nov 1994 09:49:37 GMT; Path=/")
        self.assertEqual(refresh_set_cookie("expires=soon; Expires=soon", 5), "expires=soon; Expires=soon")
