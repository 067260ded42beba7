"""Tests of L{mitmtw._wire.hpack}: both coders, under our limits."""

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from mitmtw._wire import hpack
from mitmtw._wire.hpack import (
    CODER,
    CODERS,
    BlockDecoder,
    BlockEncoder,
    CompressionFailed,
    FieldListTooLong,
    Triple,
    check_block,
)
from mitmtw.errors import LocalProtocolError, RemoteProtocolError

Pairs = list[tuple[bytes, bytes]]

FIRST: Pairs = [
    (b":method", b"GET"),
    (b":scheme", b"http"),
    (b":path", b"/"),
    (b":authority", b"www.example.com"),
]
SECOND: Pairs = [*FIRST, (b"cache-control", b"no-cache")]
THIRD: Pairs = [
    (b":method", b"GET"),
    (b":scheme", b"https"),
    (b":path", b"/index.html"),
    (b":authority", b"www.example.com"),
    (b"custom-key", b"custom-value"),
]
DATE, LOCATION = (b"date", b"Mon, 21 Oct 2013 20:13:21 GMT"), (b"location", b"https://www.example.com")
ANSWER: Pairs = [(b":status", b"302"), (b"cache-control", b"private"), DATE, LOCATION]
SECOND_ANSWER: Pairs = [(b":status", b"307"), *ANSWER[1:]]
THIRD_ANSWER: Pairs = [
    (b":status", b"200"),
    (b"cache-control", b"private"),
    (b"date", b"Mon, 21 Oct 2013 20:13:22 GMT"),
    LOCATION,
    (b"content-encoding", b"gzip"),
    (b"set-cookie", b"foo=ASDJKHQKBZXOQWEOPIUAXQWEOIU; max-age=3600; version=1"),
]

#: RFC 7541 appendix C: section, octets of the table, blocks and what they say, on one connection.
EXAMPLES: list[tuple[str, int, list[tuple[str, Pairs]]]] = [
    ("C.2.1", 4096, [("400a637573746f6d2d6b65790d637573746f6d2d686561646572", [(b"custom-key", b"custom-header")])]),
    ("C.2.2", 4096, [("040c2f73616d706c652f70617468", [(b":path", b"/sample/path")])]),
    ("C.2.3", 4096, [("100870617373776f726406736563726574", [(b"password", b"secret")])]),
    ("C.2.4", 4096, [("82", [(b":method", b"GET")])]),
    (
        "C.3",
        4096,
        [
            ("828684410f7777772e6578616d706c652e636f6d", FIRST),
            ("828684be58086e6f2d6361636865", SECOND),
            ("828785bf400a637573746f6d2d6b65790c637573746f6d2d76616c7565", THIRD),
        ],
    ),
    (
        "C.4",
        4096,
        [
            ("828684418cf1e3c2e5f23a6ba0ab90f4ff", FIRST),
            ("828684be5886a8eb10649cbf", SECOND),
            ("828785bf408825a849e95ba97d7f8925a849e95bb8e8b4bf", THIRD),
        ],
    ),
    (
        "C.5",
        256,
        [
            (
                "4803333032580770726976617465611d4d6f6e2c203231204f637420323031332032303a31333a323120474d54"
                "6e1768747470733a2f2f7777772e6578616d706c652e636f6d",
                ANSWER,
            ),
            ("4803333037c1c0bf", SECOND_ANSWER),
            (
                "88c1611d4d6f6e2c203231204f637420323031332032303a31333a323220474d54c05a04677a69707738666f6f3d4153"
                "444a4b48514b425a584f5157454f50495541585157454f49553b206d61782d6167653d333630303b2076657273696f6e3d31",
                THIRD_ANSWER,
            ),
        ],
    ),
    (
        "C.6",
        256,
        [
            (
                "488264025885aec3771a4b6196d07abe941054d444a8200595040b8166e082a62d1bff6e919d29ad171863c78f0b97c8e9ae82"
                "ae43d3",
                ANSWER,
            ),
            ("4883640effc1c0bf", SECOND_ANSWER),
            (
                "88c16196d07abe941054d444a8200595040b8166e084a62d1bffc05a839bd9ab77ad94e7821dd7f2e6c7b335dfdfcd5b3960"
                "d5af27087f3672c1ab270fb5291f9587316065c003ed4ee5b1063d5007",
                THIRD_ANSWER,
            ),
        ],
    ),
]


def plain(pairs: Pairs) -> list[Triple]:
    """The pairs as an encoder takes them, none of them secret."""
    return [(name, value, False) for name, value in pairs]


class DecoderTests(SynchronousTestCase):
    def test_examples(self) -> None:
        """Both coders read the examples of RFC 7541 appendix C."""
        for coder in CODERS:
            for section, table, blocks in EXAMPLES:
                decoder = BlockDecoder(coder)
                if table != 4096:
                    decoder.allow_table(table)
                    decoder.decode(b"\x3f" + bytes((table - 31 & 127 | 128, table - 31 >> 7)))
                for wire, pairs in blocks:
                    fields = decoder.decode(bytes.fromhex(wire))
                    self.assertEqual([field[:2] for field in fields], pairs, f"{coder} {section}")

    def test_never_indexed(self) -> None:
        """A field that came as never to be indexed says so, with both coders (section 6.2.3)."""
        for coder in CODERS:
            fields = BlockDecoder(coder).decode(bytes.fromhex("100870617373776f726406736563726574") + b"\x82")
            self.assertEqual(fields, [(b"password", b"secret", True), (b":method", b"GET", False)])

    def test_bomb(self) -> None:
        """A small block that names one large entry again and again is refused, just over the limit."""
        for coder in CODERS:
            entry = b"\x40\x01a\x7f\x81\x06" + b"x" * 896
            decoder = BlockDecoder(coder, 4 * (896 + 1 + 32))
            self.assertEqual(len(decoder.decode(entry + b"\xbe" * 3)), 4)
            error = self.assertRaises(FieldListTooLong, decoder.decode, b"\xbe" * 5)
            self.assertEqual(error.http_status, 431)

    def test_must_shrink(self) -> None:
        """After a smaller table was acknowledged, the next block must begin with its size (section 4.2)."""
        for coder in CODERS:
            decoder = BlockDecoder(coder)
            decoder.allow_table(100)
            self.assertRaises(CompressionFailed, decoder.decode, b"\x82")
            decoder = BlockDecoder(coder)
            decoder.allow_table(100)
            self.assertEqual(len(decoder.decode(b"\x3f\x45\x82")), 1)
            self.assertEqual(len(decoder.decode(b"\x82")), 1)
            self.assertRaises(CompressionFailed, decoder.decode, b"\x3f\x46\x82")

    def test_may_grow(self) -> None:
        """After a larger table was acknowledged, its size may be used and no more."""
        for coder in CODERS:
            decoder = BlockDecoder(coder)
            self.assertRaises(CompressionFailed, decoder.decode, b"\x3f\xe2\x1f\x82")
            decoder = BlockDecoder(coder)
            decoder.allow_table(4097)
            self.assertEqual(len(decoder.decode(b"\x3f\xe2\x1f\x82")), 1)

    def test_any_octets(self) -> None:
        """Whatever comes, both coders give the same fields, or our error and no other."""

        @settings(max_examples=300, deadline=None, derandomize=True, database=None)
        @given(st.lists(st.binary(min_size=1, max_size=12) | st.sampled_from((b"\x82", b"\x40\x01a\x01b")), max_size=6))
        def check(pieces: list[bytes]) -> None:
            outcomes = []
            for coder in CODERS:
                try:
                    outcomes.append(BlockDecoder(coder).decode(b"".join(pieces)))
                except CompressionFailed:
                    outcomes.append([])
            self.assertEqual(outcomes, [outcomes[0]] * len(outcomes))

        check()

    def test_panic(self) -> None:
        """A panic of the Rust coder is our error, should the walk before it miss something; Ctrl-C is not."""

        class PanicException(BaseException):
            pass

        for raised, expected in ((PanicException, CompressionFailed), (KeyboardInterrupt, KeyboardInterrupt)):
            decoder = BlockDecoder()

            def decode(block: bytes, raw: bool, raised: type[BaseException] = raised) -> list[Triple]:
                raise raised

            decoder._decode = decode
            self.assertRaises(expected, decoder.decode, b"\x82")


class WalkTests(SynchronousTestCase):
    def test_literals(self) -> None:
        """The Huffman strings of a block are found with their places, and its table sizes."""
        updates: list[int] = []
        literals: list[tuple[int, int, int, int]] = []
        check_block(bytes.fromhex("3f618287408825a849e95ba97d7f8925a849e95bb8e8b4bf"), 4096, updates, literals)
        self.assertEqual((updates, literals), ([128], [(2, 0, 8, 0x7F), (2, 1, 9, 0xBF)]))

    def test_cut_off(self) -> None:
        """A block that is cut off anywhere within a field is refused."""
        wire = bytes.fromhex("400a637573746f6d2d6b65790d637573746f6d2d686561646572")
        for size in range(1, len(wire)):
            self.assertRaises(CompressionFailed, check_block, wire[:size], 4096, [], [])


class EncoderTests(SynchronousTestCase):
    def test_identity(self) -> None:
        """What either coder wrote, either reads as it was, block after block."""

        @settings(max_examples=40, deadline=None, derandomize=True, database=None)
        @given(
            st.lists(
                st.lists(
                    st.tuples(
                        st.sampled_from((b":path", b"cookie", b"x-a")) | st.binary(min_size=1, max_size=9),
                        st.sampled_from((b"", b"/", b"y" * 3000)) | st.binary(max_size=60),
                        st.booleans(),
                    ),
                    max_size=8,
                ),
                max_size=5,
            )
        )
        def check(heads: list[list[Triple]]) -> None:
            for writer in CODERS:
                for reader in CODERS:
                    encoder, decoder = BlockEncoder(writer), BlockDecoder(reader)
                    for head in heads:
                        read = decoder.decode(encoder.encode(head))
                        self.assertEqual([field[:2] for field in read], [field[:2] for field in head])

        check()

    def test_secret(self) -> None:
        """A secret never enters the table: said twice it takes as many octets, and it is marked (section 7.1.3)."""
        for coder in CODERS:
            encoder = BlockEncoder(coder)
            first, second = (encoder.encode([(b"authorization", b"secret", True)]) for _ in range(2))
            self.assertEqual((first, first[0] & 0xF0), (second, 0x10))
            self.assertLess(len(encoder.encode(plain([(b"x", b"secret")]))), 9)
            self.assertEqual(len(encoder.encode(plain([(b"x", b"secret")]))), 1)

    def test_table(self) -> None:
        """A change of the peer's table is told in the next block, and never more is used than we allow ourselves."""
        for coder in CODERS:
            encoder = BlockEncoder(coder, 4096)
            encoder.allow_table(2**32 - 1)
            self.assertEqual(encoder.encode(plain(FIRST[:1])), b"\x82")
            encoder.allow_table(0)
            self.assertEqual(encoder.encode(plain(FIRST[:1])), b"\x20\x82")
            encoder.allow_table(100)
            self.assertEqual(encoder.encode(plain(FIRST[:1])), b"\x3f\x45\x82")

    def test_small_table(self) -> None:
        """An encoder that allows itself less than the default says so at once."""
        for coder in CODERS:
            self.assertEqual(BlockEncoder(coder, 0).encode(plain(FIRST[:1])), b"\x20\x82")

    def test_no_bytes(self) -> None:
        """What is not made of bytes is refused as our fault."""
        wrong: list[Triple] = [(b"a", 1, False)]  # type: ignore[list-item]
        self.assertRaises(LocalProtocolError, BlockEncoder("rust" if "rust" in CODERS else CODER).encode, wrong)


class CoderTests(SynchronousTestCase):
    def test_rust(self) -> None:
        """The private names of jh2 are still there; without them everything works, more slowly."""
        self.assertEqual((CODERS, CODER), (("rust", "python"), "rust"))

    def test_without(self) -> None:
        """A version of jh2 without them is no error."""

        class Importer:
            def import_module(self, name: str) -> object:
                if name == "jh2._hazmat":
                    raise ImportError(name)
                raise AssertionError(name)

        self.patch(hpack, "importlib", Importer())
        self.assertEqual(hpack._load_rust(), {})

    def test_errors(self) -> None:
        """Both errors are the peer's."""
        self.assertTrue(issubclass(CompressionFailed, RemoteProtocolError))
        self.assertTrue(issubclass(FieldListTooLong, RemoteProtocolError))
