"""Tests of L{mitmtw.model.form}."""

from twisted.trial.unittest import SynchronousTestCase

from mitmtw.model.form import PARTS_LIMIT, new_boundary, parse_multipart, rewrite_multipart

BODY = (
    b"preamble\r\n--B \t\r\n"
    b'content-disposition:  form-data; name="a"\r\n\r\none\r\n--Bx\r\n'
    b"\r\n--B\r\nX: y\r\n"
    b'Content-Disposition: form-data; filename="n"; name=file\r\nContent-Type: image/png\r\n\r\n\x00\r\n\xff'
    b"\r\n--B\r\n\r\nnameless\r\n--B--\r\nepilogue"
)
PAIRS = [(b"a", b"one\r\n--Bx\r\n"), (b"file", b"\x00\r\n\xff"), (b"", b"nameless")]


class MultipartTests(SynchronousTestCase):
    def test_parse(self) -> None:
        """Delimiters with padding, look-alikes in a value, file names before the name, parts without a head."""
        self.assertEqual(parse_multipart(BODY, "B"), PAIRS)

    def test_parse_odd(self) -> None:
        """No multipart, an empty one, one that is cut, escaped quotes."""
        self.assertEqual(parse_multipart(b"hello", "B"), [])
        self.assertEqual(parse_multipart(b"--B--\r\n", "B"), [])
        self.assertEqual(parse_multipart(b"--B\r\n\r\nx", "B"), [(b"", b"x")])
        self.assertEqual(parse_multipart(b"--B\r\n--B--", "B"), [(b"", b"")])
        part = b'--B\r\nContent-Disposition: form-data; name="a\\"b"\r\n\r\nx\r\n--B--'
        self.assertEqual(parse_multipart(part, "B"), [(b'a"b', b"x")])

    def test_untouched_is_byte_exact(self) -> None:
        """Writing what was read gives the very bytes, but for blanks after a delimiter."""
        self.assertEqual(rewrite_multipart(BODY, "B", PAIRS), BODY.replace(b"--B \t\r\n", b"--B\r\n"))

    def test_edit_keeps_heads(self) -> None:
        """An edited value keeps its part's head; the other parts keep their bytes."""
        body = rewrite_multipart(BODY, "B", [PAIRS[0], (b"file", b"new"), PAIRS[2]])
        self.assertEqual(body, BODY.replace(b"--B \t\r\n", b"--B\r\n").replace(b"\x00\r\n\xff", b"new"))

    def test_exact_match_comes_first(self) -> None:
        """With two parts of one name the unedited one keeps its own head."""
        old = rewrite_multipart(b"", "B", [(b"f", b"1"), (b"f", b"2")]).replace(b'"f"', b'"f"; filename=1', 1)
        body = rewrite_multipart(old, "B", [(b"f", b"3"), (b"f", b"1")])
        self.assertIn(b"filename=1\r\n\r\n1", body)

    def test_too_many(self) -> None:
        """A flood of parts is refused, the largest form that is allowed is read."""
        self.assertEqual(len(parse_multipart(b"--B\r\n" * PARTS_LIMIT + b"--B--", "B")), PARTS_LIMIT)
        self.assertRaises(ValueError, parse_multipart, b"--B\r\n" * (PARTS_LIMIT + 2), "B")

    def test_new(self) -> None:
        """A new body parses back; the name is escaped."""
        body = rewrite_multipart(b"", "B", [(b'a"\r\n', b"v"), (b"e", b"")])
        self.assertEqual(parse_multipart(body, "B"), [(b"a%22%0D%0A", b"v"), (b"e", b"")])
        self.assertTrue(body.endswith(b"--B--\r\n"))

    def test_boundary_in_value(self) -> None:
        """A value that would end its own part is refused."""
        self.assertRaises(ValueError, rewrite_multipart, b"", "B", [(b"a", b"x\r\n--B")])
        self.assertRaises(ValueError, rewrite_multipart, b"", "B", [(b"a", b"--B")])

    def test_new_boundary(self) -> None:
        """Boundaries differ and are within RFC 2046's 70 characters."""
        self.assertNotEqual(new_boundary(), new_boundary())
        self.assertTrue(len(new_boundary()) <= 70)
