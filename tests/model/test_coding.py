"""Tests of L{mitmtw.model.coding}."""

import gzip
import zlib
from hashlib import sha256

from twisted.trial.unittest import SynchronousTestCase

from mitmtw.model.coding import _SLICE, ContentTooLarge, codings_of, decode, encode

TEXT = b"some content, some content, some content. " * 50
SINGLE = ("gzip", "x-gzip", "deflate", "br", "zstd")


class CodingTests(SynchronousTestCase):
    def test_round_trip(self) -> None:
        """What is encoded decodes to itself, is smaller, and differs; also in upper case and in chains."""
        for coding in (*SINGLE, "GZIP", "gzip, br", "deflate,zstd , gzip"):
            packed = encode(TEXT, coding)
            self.assertTrue(len(packed) < len(TEXT) // 2, coding)
            self.assertEqual(decode(packed, coding), TEXT, coding)

    def test_larger_than_a_step(self) -> None:
        """Content that takes several steps of a decompressor comes out whole."""
        content = bytes(range(256)) * 20_000
        for coding in SINGLE:
            self.assertEqual(decode(encode(content, coding), coding), content, coding)

    def test_chain_order(self) -> None:
        """The last coding named is the outermost."""
        self.assertEqual(encode(TEXT, "br, gzip")[:2], b"\x1f\x8b")
        self.assertRaises(ValueError, decode, encode(TEXT, "br, gzip"), "gzip, br")

    def test_identity(self) -> None:
        """Identity and empty members do nothing."""
        self.assertEqual(decode(TEXT, "identity"), TEXT)
        self.assertEqual(decode(TEXT, ""), TEXT)
        self.assertEqual(encode(TEXT, "identity, ,"), TEXT)
        self.assertEqual(codings_of("Identity, gzip ,"), ["gzip"])

    def test_deflate_both_kinds(self) -> None:
        """Deflate is read with and without zlib's wrapper, and written with it."""
        compressor = zlib.compressobj(wbits=-15)
        self.assertEqual(decode(compressor.compress(TEXT) + compressor.flush(), "deflate"), TEXT)
        self.assertEqual(zlib.decompress(encode(TEXT, "deflate")), TEXT)

    def test_gzip_members(self) -> None:
        """RFC 1952 2.2: several members are one content; zeros after it are padding, rubbish is not."""
        packed = gzip.compress(b"one") + gzip.compress(b"two")
        self.assertEqual(decode(packed, "gzip"), b"onetwo")
        self.assertEqual(decode(packed + b"\0" * 9, "gzip"), b"onetwo")
        self.assertRaises(ValueError, decode, packed + b"rubbish", "gzip")

    def test_gzip_is_deterministic(self) -> None:
        """The same content gives the same bytes: no time is written."""
        self.assertEqual(encode(TEXT, "gzip")[4:8], b"\0\0\0\0")

    def test_zstd_frames(self) -> None:
        """RFC 8878 3: several frames are one content."""
        self.assertEqual(decode(encode(b"one", "zstd") + encode(b"two", "zstd"), "zstd"), b"onetwo")

    def test_sizes_around_a_slice(self) -> None:
        """Content that fills its slices of input exactly, or misses by one, comes out whole."""
        noise = b"".join(sha256(b"%d" % number).digest() for number in range(4200))
        for name in ("gzip", "zstd", "deflate"):
            for size in range(_SLICE - 40, _SLICE + 2):
                self.assertEqual(decode(encode(noise[:size], name), name), noise[:size], (name, size))
            self.assertEqual(decode(encode(noise, name), name), noise)
        self.assertEqual(decode(encode(noise[:_SLICE], "gzip") * 3, "gzip"), noise[:_SLICE] * 3)
        self.assertEqual(decode(encode(noise[:_SLICE], "zstd") * 3, "zstd"), noise[:_SLICE] * 3)

    def test_many_members(self) -> None:
        """Thousands of members are read, a flood of them is refused."""
        for name in ("gzip", "zstd"):
            one = encode(b"x", name)
            self.assertEqual(decode(one * 5000, name), b"x" * 5000)
            self.assertRaises(ValueError, decode, one * 10_001, name)

    def test_empty(self) -> None:
        """Nothing decodes to nothing in any coding."""
        for coding in SINGLE:
            self.assertEqual(decode(b"", coding), b"", coding)

    def test_cut_short(self) -> None:
        """Truncated content is an error, wherever it was cut."""
        for coding in SINGLE:
            packed = encode(TEXT, coding)
            for size in (1, len(packed) // 2, len(packed) - 1):
                self.assertRaises(ValueError, decode, packed[:size], coding)

    def test_damaged(self) -> None:
        """What is not in that coding at all is an error."""
        for coding in SINGLE:
            self.assertRaises(ValueError, decode, b"\x07this is no compressed content", coding)

    def test_gzip_checksum(self) -> None:
        """A flipped checksum is noticed."""
        packed = bytearray(encode(TEXT, "gzip"))
        packed[-6] ^= 1
        self.assertRaises(ValueError, decode, bytes(packed), "gzip")

    def test_limit(self) -> None:
        """A bomb is stopped at the limit, which itself is allowed; the limit holds without a coding too."""
        bomb = bytes(3_000_000)
        for coding in SINGLE:
            packed = encode(bomb, coding)
            self.assertRaises(ContentTooLarge, decode, packed, coding, limit=len(bomb) - 1)
            self.assertEqual(len(decode(packed, coding, limit=len(bomb))), len(bomb), coding)
        self.assertRaises(ContentTooLarge, decode, b"12345", "identity", limit=4)

    def test_limit_between_codings(self) -> None:
        """A chain cannot grow beyond the limit on its way to a small result."""
        inner = encode(bytes(50), "gzip") + bytes(2_000_000)
        self.assertRaises(ContentTooLarge, decode, encode(inner, "gzip"), "gzip, gzip", limit=1_000_000)

    def test_refused_names(self) -> None:
        """Unknown codings and chains of more than three are refused in both directions."""
        for coding in ("compress", "gzip, foo", "gzip, gzip, gzip, gzip"):
            self.assertRaises(ValueError, decode, TEXT, coding)
            self.assertRaises(ValueError, encode, TEXT, coding)
