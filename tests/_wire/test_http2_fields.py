"""Tests of L{mitmtw._wire.http2_fields} and L{mitmtw._wire.http2_convert}: what the tables of cases leave."""

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from mitmtw._wire import http2_fields
from mitmtw._wire.events import Fields
from mitmtw._wire.fields import is_token, is_value
from mitmtw._wire.hpack import Triple
from mitmtw._wire.http2_convert import joined_cookies, split_cookies, without_hop
from mitmtw._wire.http2_fields import REQUEST, RESPONSE, TRAILERS, Malformed, list_bytes, read_head, write_head

GET: list[Triple] = [
    (b":method", b"GET", False),
    (b":scheme", b"https", False),
    (b":authority", b"a.test", False),
    (b":path", b"/", False),
]


class ReadTests(SynchronousTestCase):
    def test_kept(self) -> None:
        """A field that was read before is the same object again, and a secret is not kept."""
        secret = [(name, b"secret-value", False) for name in (b"cookie", b"set-cookie", b"authorization")]
        triples = [*GET, (b"x-kept", b"value", False), (b"x-long", b"v" * 300, False), *secret]
        first, second = read_head(list(triples), REQUEST), read_head(list(triples), REQUEST)
        self.assertIs(first.fields[0], second.fields[0])
        self.assertEqual(first.fields, [(name, value) for name, value, _ in triples[4:]])
        kept = {pair for pair in http2_fields._READ.values() if pair in first.fields}
        self.assertEqual(kept, {(b"x-kept", b"value")})

    def test_kept_in_trailers(self) -> None:
        """A field that was read in a head, and is kept, is still refused as a trailer."""
        field = (b"content-type", b"text/x-kept", False)
        read_head([*GET, field], REQUEST)
        self.assertRaises(Malformed, read_head, [field], TRAILERS)
        self.assertRaises(Malformed, read_head, [(b"x-new", b"%d" % id(field), False), field], TRAILERS)
        self.assertRaises(Malformed, write_head, [(b"content-type", b"text/x-kept")], TRAILERS)

    def test_origin_kept(self) -> None:
        """An origin that was checked does not let a wrong path, Host or protocol through."""
        read_head(GET, REQUEST)
        for wrong in (b"", b"x", b"*", b"/ ", b"/\xff"):
            self.assertRaises(Malformed, read_head, [*GET[:3], (b":path", wrong, False)], REQUEST)
        self.assertRaises(Malformed, read_head, GET[:3], REQUEST)
        self.assertRaises(Malformed, read_head, [*GET, (b"host", b"b.test", False)], REQUEST)
        self.assertRaises(Malformed, read_head, [*GET, (b":protocol", b"x", False)], REQUEST)

    def test_caches_are_bounded(self) -> None:
        """The caches begin again when they are full."""
        for number in range(5000):
            read_head(
                [*GET[:2], (b":authority", b"h%d.test" % number, False), GET[3], (b"n", b"%d" % number, False)], 0
            )
            write_head([(b":status", b"200"), (b"n", b"%d" % number)], RESPONSE)
        sizes = [len(cache) for cache in (http2_fields._READ, http2_fields._WRITTEN, http2_fields._ORIGINS)]
        self.assertLessEqual(max(sizes[:2]), 4096)
        self.assertLessEqual(sizes[2], 1024)

    def test_never_indexed(self) -> None:
        """Fields that came as never to be indexed are named, pseudo-fields and lengths too."""
        head = read_head(
            [*GET[:3], (b":path", b"/", True), (b"content-length", b"0", True), (b"a", b"b", True)], REQUEST
        )
        self.assertEqual((head.never_indexed, head.length), ({b":path", b"content-length", b"a"}, 0))

    def test_any_field(self) -> None:
        """What is read is a lower-case token with a plain value, whatever comes; and then it can be written."""

        @settings(max_examples=200, deadline=None, derandomize=True, database=None)
        @given(st.binary(max_size=6), st.binary(max_size=8))
        def check(name: bytes, value: bytes) -> None:
            try:
                head = read_head([*GET, (name, value, False)], REQUEST)
            except Malformed:
                return
            ((name, value),) = head.fields
            self.assertTrue(is_token(name) and name == name.lower() and is_value(value) and value == value.strip())
            self.assertEqual(write_head(head.pseudo + head.fields, REQUEST)[0][4][:2], (name, value))

        check()

    def test_size(self) -> None:
        """A list counts 32 octets more for each field (RFC 9113 section 10.5.1)."""
        self.assertEqual(list_bytes([(b"ab", b"cde", False), (b"f", b"", True)]), 5 + 1 + 64)


class WriteTests(SynchronousTestCase):
    def test_lower(self) -> None:
        """Names are written in lower case, the second time from what is kept too."""
        for _ in range(2):
            triples, head = write_head([(b":status", b"200"), (b"X-Upper", b"Value")], RESPONSE)
            self.assertEqual(triples, [(b":status", b"200", False), (b"x-upper", b"Value", False)])
            self.assertEqual(head.status, 200)

    def test_secrets(self) -> None:
        """Credentials, set-cookie and short cookies are marked; they are not kept."""
        fields: Fields = [
            (b":status", b"200"),
            (b"Authorization", b"x"),
            (b"proxy-authorization", b"x"),
            (b"set-cookie", b"a=" + b"b" * 50),
            (b"cookie", b"c" * 19),
            (b"cookie", b"c" * 20),
        ]
        triples, _ = write_head(fields, RESPONSE)
        self.assertEqual([never for _, _, never in triples], [False, True, True, True, True, False])
        self.assertFalse([pair for pair in fields if pair in http2_fields._WRITTEN])

    def test_asked(self) -> None:
        """Fields that the caller names are marked besides."""
        triples, _ = write_head([(b":status", b"200"), (b"X-A", b"1"), (b"x-b", b"1")], RESPONSE, {b"x-a"})
        self.assertEqual([never for _, _, never in triples], [False, True, False])


class ConvertTests(SynchronousTestCase):
    def test_join(self) -> None:
        """Cookies become one field at the place of the first (RFC 9113 section 8.2.3)."""
        fields = [(b"a", b"1"), (b"cookie", b"x=1"), (b"b", b"2"), (b"cookie", b"y=2")]
        self.assertEqual(joined_cookies(fields), [(b"a", b"1"), (b"cookie", b"x=1; y=2"), (b"b", b"2")])
        once = fields[:3]
        self.assertIs(joined_cookies(once), once)

    def test_split(self) -> None:
        """And back: each pair for itself, nothing else touched."""
        fields = [(b"Cookie", b"x=1; y=2"), (b"a", b"1; 2"), (b"cookie", b"z")]
        self.assertEqual(
            split_cookies(fields), [(b"cookie", b"x=1"), (b"cookie", b"y=2"), (b"a", b"1; 2"), (b"cookie", b"z")]
        )

    def test_without_hop(self) -> None:
        """Nothing about one connection goes on; of TE only trailers; what Connection named goes (section 8.2.2)."""
        fields = [
            (b"Host", b"a"),
            (b"Connection", b"close, X-Hop, TE"),
            (b"Keep-Alive", b"1"),
            (b"Proxy-Connection", b"x"),
            (b"Transfer-Encoding", b"chunked"),
            (b"Upgrade", b"h2c"),
            (b"TE", b"gzip, Trailers"),
            (b"te", b"deflate"),
            (b"X-Hop", b"1"),
            (b"X-End", b"1"),
        ]
        kept = without_hop(fields, frozenset((b"close", b"x-hop", b"te")))
        self.assertEqual(kept, [(b"host", b"a"), (b"te", b"trailers"), (b"x-end", b"1")])
