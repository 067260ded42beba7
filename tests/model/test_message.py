"""Tests of L{mitmtw.model.message}."""

import gzip

from twisted.trial.unittest import SynchronousTestCase

from mitmtw.model import coding
from mitmtw.model.coding import ContentTooLarge
from mitmtw.model.headers import Headers
from mitmtw.model.response import Response

Pairs = list[tuple[bytes, bytes]]


def message(fields: Pairs, body: bytes | None = None) -> Response:
    return Response.of(b"HTTP/1.1", 200, b"OK", fields, 1.0, body)


class BodyTests(SynchronousTestCase):
    def test_collected_touches_nothing(self) -> None:
        """What comes from the wire changes no field, though the length differs: the answer to HEAD, for one."""
        fields = [(b"Content-Length", b"100")]
        head = message(fields)
        self.assertIsNone(head.body)
        head.collected(b"", Headers(a="b"))
        self.assertEqual((head.body, head.content, head.raw_content), (b"", b"", b""))
        self.assertEqual(fields, [(b"Content-Length", b"100")])
        self.assertEqual(head.trailers, {"a": "b"})

    def test_collected_keeps_trailers(self) -> None:
        """Trailers that were set before stay when none are given."""
        head = message([])
        head.trailers = Headers(a="b")
        head.collected(b"x")
        self.assertEqual(head.trailers, {"a": "b"})

    def test_length(self) -> None:
        """An edit makes Content-Length right, in its place; adds it; but not beside a transfer coding."""
        for fields, wanted in (
            ([(b"content-length", b"9"), (b"X", b"y")], [(b"content-length", b"3"), (b"X", b"y")]),
            ([(b"X", b"y")], [(b"X", b"y"), (b"Content-Length", b"3")]),
            ([(b"Transfer-Encoding", b"chunked")], [(b"Transfer-Encoding", b"chunked")]),
            ([(b"CONTENT-LENGTH", b"3")], [(b"CONTENT-LENGTH", b"3")]),
            ([(b"Content-Length", b"3"), (b"Content-Length", b"3")], [(b"Content-Length", b"3")]),
        ):
            edited = message(fields)
            edited.body = b"abc"
            self.assertEqual(edited.headers.raw, wanted)

    def test_length_in_http2(self) -> None:
        """RFC 9113 8.2: field names are in lower case there."""
        edited = Response.of(b"HTTP/2.0", 200, b"", [], 1.0)
        edited.raw_content = b"abc"
        self.assertEqual(edited.headers.raw, [(b"content-length", b"3")])

    def test_none(self) -> None:
        """Taking the body away leaves the fields alone."""
        edited = message([(b"Content-Length", b"3")], b"abc")
        edited.body = None
        self.assertIsNone(edited.body)
        self.assertIsNone(edited.content)
        self.assertIsNone(edited.text)
        self.assertRaises(TypeError, edited.json)
        self.assertEqual(edited.headers.raw, [(b"Content-Length", b"3")])

    def test_types(self) -> None:
        """Text is refused as a body and bytes as a text; a bytearray is frozen."""
        edited = message([], b"abc")
        for attribute, wrong in (("body", "x"), ("content", "x"), ("raw_content", 5), ("text", b"x")):
            self.assertRaises(TypeError, setattr, edited, attribute, wrong)
        self.assertEqual(edited.body, b"abc")
        source = bytearray(b"abc")
        setattr(edited, "body", source)  # noqa: B010 - the type says bytes
        source[:] = b"xyz"
        self.assertEqual(edited.body, b"abc")

    def test_is_streamed(self) -> None:
        """Streamed by wish or by need."""
        edited = message([])
        self.assertFalse(edited.is_streamed)
        edited.stream = lambda piece: piece
        self.assertTrue(edited.is_streamed)
        edited.stream, edited.streamed = False, True
        self.assertTrue(edited.is_streamed)

    def test_version(self) -> None:
        """The version as text and bytes, and what it is."""
        edited = message([])
        self.assertTrue(edited.is_http11)
        edited.http_version = "HTTP/1.0"
        self.assertEqual(edited.raw_version, b"HTTP/1.0")
        self.assertTrue(edited.is_http10 and not edited.is_http11 and not edited.is_http2)


class ContentTests(SynchronousTestCase):
    def packed(self) -> Response:
        body = gzip.compress(b"hello")
        return message([(b"Content-Encoding", b"gzip"), (b"Content-Length", b"%d" % len(body))], body)

    def test_reading_changes_nothing(self) -> None:
        """Looking at the content leaves body and fields as they came."""
        packed = self.packed()
        body, fields = packed.body, packed.headers.fields
        self.assertEqual((packed.content, packed.text), (b"hello", "hello"))
        self.assertIs(packed.body, body)
        self.assertEqual(packed.headers.fields, fields)

    def test_decoded_once(self) -> None:
        """Two looks decode once; a new body or coding decodes afresh."""
        packed = self.packed()
        calls: list[str] = []
        decode = coding.decode

        def counting(content: bytes, name: str) -> bytes:
            calls.append(name)
            return decode(content, name)

        self.patch(coding, "decode", counting)
        self.assertIs(packed.content, packed.content)
        self.assertEqual(calls, ["gzip"])
        packed.body = gzip.compress(b"other")
        self.assertEqual(packed.content, b"other")
        packed.headers["content-encoding"] = "identity"
        self.assertEqual(packed.content, packed.body)

    def test_writing_encodes(self) -> None:
        """A new content gets the codings, the length follows, and reading it back needs no decoding."""
        packed = self.packed()
        packed.content = b"new content"
        assert packed.body is not None
        self.assertEqual(gzip.decompress(packed.body), b"new content")
        self.assertEqual(packed.headers["content-length"], str(len(packed.body)))
        self.assertEqual(packed.content, b"new content")

    def test_undecodable(self) -> None:
        """A damaged body or unknown coding: strict raises, lenient gives the raw body, nothing is changed."""
        for name, body in ((b"gzip", b"no gzip"), (b"strange", b"x")):
            packed = message([(b"Content-Encoding", name)], body)
            self.assertRaises(ValueError, packed.get_content)
            self.assertRaises(ValueError, lambda: packed.content)  # noqa: B023
            self.assertEqual(packed.get_content(strict=False), body)
            self.assertEqual(packed.get_text(strict=False), body.decode())
            self.assertRaises(ValueError, packed.decode)
            self.assertEqual(packed.headers.fields, ((b"Content-Encoding", name),))

    def test_unwritable_coding_goes(self) -> None:
        """A content set under an unknown coding is sent plain, and the field goes."""
        edited = message([(b"Content-Encoding", b"strange")], b"x")
        edited.content = b"plain"
        self.assertEqual(edited.body, b"plain")
        self.assertNotIn("content-encoding", edited.headers)

    def test_too_large(self) -> None:
        """The limit of the codings applies, and a lenient reader gets the raw body."""
        packed = self.packed()
        decode = coding.decode
        self.patch(coding, "decode", lambda content, name: decode(content, name, limit=3))
        self.assertRaises(ContentTooLarge, packed.get_content)
        self.assertIs(packed.get_content(strict=False), packed.body)

    def test_decode_for_good(self) -> None:
        """C{decode} leaves a plain message of the right length."""
        packed = self.packed()
        packed.decode()
        self.assertEqual(packed.headers.fields, ((b"Content-Length", b"5"),))
        self.assertEqual(packed.body, b"hello")

    def test_encode(self) -> None:
        """C{encode} replaces the coding; an unknown one is refused before anything changes."""
        packed = self.packed()
        packed.encode("br")
        self.assertEqual(packed.headers["content-encoding"], "br")
        self.assertEqual(coding.decode(packed.body or b"", "br"), b"hello")
        before = packed.get_state()
        self.assertRaises(ValueError, packed.encode, "strange")
        self.assertEqual(packed.get_state(), before)


class TextTests(SynchronousTestCase):
    def test_declared(self) -> None:
        """The declared encoding is used in both directions."""
        edited = message([(b"Content-Type", b"text/html; charset=iso-8859-1")], b"\xe9")
        self.assertEqual(edited.text, "é")
        edited.text = "éé"
        self.assertEqual(edited.body, b"\xe9\xe9")

    def test_undeclared_stays(self) -> None:
        """Editing an undeclared Latin-1 page leaves it Latin-1."""
        edited = message([(b"Content-Type", b"text/html")], b"\xe9")
        edited.text = (edited.text or "") + "à"
        self.assertEqual(edited.body, b"\xe9\xe0")
        self.assertEqual(edited.headers["content-type"], "text/html")

    def test_inexpressible(self) -> None:
        """Text that the encoding cannot express goes out in UTF-8, and the field says so, other parameters kept."""
        edited = message([(b"Content-Type", b'text/html; charset="latin-1"; x=y')], b"")
        edited.text = "€"
        self.assertEqual(edited.body, "€".encode())
        self.assertEqual(edited.headers["content-type"], "text/html; x=y; charset=utf-8")
        self.assertEqual(edited.text, "€")

    def test_undecodable(self) -> None:
        """Not in the declared encoding, or an unknown one: strict raises ValueError, lenient loses no byte."""
        for charset in (b"utf-8", b"nonsense", b"rot13"):
            edited = message([(b"Content-Type", b"text/plain; charset=" + charset)], b"a\xff")
            self.assertRaises(ValueError, edited.get_text)
            self.assertEqual(edited.get_text(strict=False), "a\udcff")

    def test_json(self) -> None:
        """The content as JSON, codings undone; rubbish is a ValueError."""
        edited = message([(b"Content-Encoding", b"gzip")], gzip.compress(b'{"a": 1.5}'))
        self.assertEqual(edited.json(), {"a": 1.5})
        self.assertEqual(edited.json(parse_float=str), {"a": "1.5"})
        edited.content = b"{"
        self.assertRaises(ValueError, edited.json)

    def test_replace(self) -> None:
        """Fields and decoded content, counted together."""
        edited = message([(b"X-A", b"one"), (b"Content-Encoding", b"gzip")], gzip.compress(b"one one"))
        self.assertEqual(edited.replace("one", "two", count=2), 2)
        self.assertEqual((edited.headers["x-a"], edited.content), ("two", b"two one"))
        self.assertEqual(edited.replace("ONE", "2", flags=2), 1)
        self.assertEqual(edited.content, b"two 2")


class CopyTests(SynchronousTestCase):
    def test_copy(self) -> None:
        """A copy has everything and shares no fields."""
        one = message([(b"a", b"b")], b"body")
        one.trailers = Headers(t="u")
        one.timestamp_end = 2.0
        other = one.copy()
        self.assertEqual(one.get_state(), other.get_state())
        other.headers["a"] = "c"
        assert other.trailers is not None
        other.trailers["t"] = "v"
        self.assertEqual((one.headers["a"], one.trailers["t"]), ("b", "u"))

    def test_state_round_trip(self) -> None:
        """A message from a state equals it, and shares nothing with it; also when pairs came as lists."""
        one = message([(b"a", b"b")], b"body")
        one.trailers = Headers(t="u")
        state = one.get_state()
        state["headers"] = [list(pair) for pair in state["headers"]]
        other = Response.from_state(state)
        self.assertEqual(other.get_state(), one.get_state())
        self.assertFalse(other.is_streamed)
        self.assertEqual(other.content, b"body")
        other.headers["a"] = "c"
        self.assertEqual(state["headers"], [[b"a", b"b"]])

    def test_incomplete_state(self) -> None:
        """A state in which something is missing is refused."""
        state = message([]).get_state()
        del state["headers"]
        self.assertRaises(KeyError, Response.from_state, state)
