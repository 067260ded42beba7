"""Tests of L{mitmtw._wire.fields}: field lines and what is kept of them."""

from twisted.trial.unittest import SynchronousTestCase

from mitmtw._wire import fields
from mitmtw._wire.fields import (
    KINDS,
    LINES,
    is_token,
    is_value,
    kind_of,
    marked,
    read_field,
    read_fields,
    refuse_trailer,
)
from mitmtw.errors import RemoteProtocolError


class LineTests(SynchronousTestCase):
    """Reading and keeping lines."""

    def test_known_line_is_the_same_pair(self) -> None:
        """A line that comes again is not read again."""
        first = read_fields([b"X-Again: 1"])
        self.assertIs(read_fields([b"X-Again: 1"])[0], first[0])

    def test_secrets_are_not_kept(self) -> None:
        """No line with credentials stays in memory, in whatever case its name is."""
        for name in (b"Cookie", b"set-cookie", b"AUTHORIZATION", b"Proxy-Authorization"):
            line = name + b": secret"
            self.assertEqual(read_fields([line]), [(name, b"secret")])
            self.assertNotIn(line, LINES)

    def test_long_lines_are_not_kept(self) -> None:
        """Only lines of 256 octets at most are kept."""
        for length, kept in ((256, True), (257, False)):
            line = b"X: " + b"a" * (length - 3)
            read_fields([line])
            self.assertEqual(line in LINES, kept)

    def test_bounded(self) -> None:
        """The kept lines start again after 4096, and what is read stays right."""
        lines = [b"X-%d: %d" % (number, number) for number in range(5000)]
        pairs = read_fields(lines)
        self.assertEqual(pairs[4999], (b"X-4999", b"4999"))
        self.assertEqual(len(pairs), 5000)
        self.assertLessEqual(len(LINES), 4096)

    def test_bad_lines_are_not_kept(self) -> None:
        """What was refused is not found the next time."""
        for line in (b"X", b"X : y", b": y", b" X: y", b"X: \x01"):
            self.assertRaises(RemoteProtocolError, read_field, line)
            self.assertNotIn(line, LINES)

    def test_messages(self) -> None:
        """The message says which rule was broken."""
        for line, words in (
            (b" x", "folded"),
            (b"x", "no colon"),
            (b":x", "no name"),
            (b"x :y", "blank"),
            (b"x(:y", "token"),
            (b"x:\x00", "control"),
        ):
            self.assertIn(words, str(self.assertRaises(RemoteProtocolError, read_field, line)))


class KindTests(SynchronousTestCase):
    """The names that a proxy looks at."""

    def test_any_case(self) -> None:
        """The case of a name makes no difference."""
        for name in (b"content-length", b"Content-Length", b"CONTENT-LENGTH", b"cOnTeNt-LeNgTh"):
            self.assertEqual(kind_of(name), fields.CONTENT_LENGTH)
        self.assertEqual(kind_of(b"Content-Lengt"), 0)

    def test_marked(self) -> None:
        """Marked fields are found in order, known names or not, and also while the kinds start again."""
        pairs = [(b"A", b"1"), (b"HOST", b"h"), (b"x" * 300, b"2"), (b"tE", b"t"), (b"host", b"i")]
        expected = [pairs[1], pairs[3], pairs[4]]
        KINDS.clear()
        self.assertEqual(marked(pairs), expected)
        self.assertEqual(marked(pairs), expected)
        many = [(b"N%d" % number, b"") for number in range(3000)]
        self.assertEqual(marked([*pairs, *many, *pairs]), expected * 2)

    def test_bounded(self) -> None:
        """Many or long names do not fill the memory."""
        for number in range(3000):
            kind_of(b"N%d" % number)
        self.assertLessEqual(len(KINDS), 2048)
        kind_of(b"L" * 257)
        self.assertNotIn(b"L" * 257, KINDS)


class GrammarTests(SynchronousTestCase):
    """Tokens, values and trailers, octet by octet."""

    def test_tokens(self) -> None:
        """RFC 9110 section 5.6.2, each octet."""
        token = b"!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
        for number in range(256):
            octet = bytes((number,))
            self.assertEqual(is_token(octet), octet in token, octet)
        self.assertFalse(is_token(b""))
        self.assertFalse(is_token(b"a\n"))

    def test_values(self) -> None:
        """RFC 9110 section 5.5, each octet."""
        for number in range(256):
            allowed = number == 9 or (number >= 32 and number != 127)
            self.assertEqual(is_value(bytes((number,))), allowed, number)
        self.assertTrue(is_value(b""))
        self.assertFalse(is_value(b"a\n"))

    def test_trailers(self) -> None:
        """Framing, routing and hop-by-hop names must not come after a body; others may."""
        for name in (b"Content-Length", b"TRANSFER-ENCODING", b"host", b"Connection", b"TE", b"Trailer", b"Upgrade"):
            self.assertTrue(refuse_trailer(name), name)
        for name in (b"X", b"grpc-status", b"ETag", b"Server-Timing"):
            self.assertFalse(refuse_trailer(name), name)
