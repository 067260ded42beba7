"""Tests of L{mitmtw._wire.websocket_deflate}."""

import zlib
from random import Random

from twisted.trial.unittest import SynchronousTestCase

from mitmtw._wire import websocket_deflate
from mitmtw._wire.websocket import WebSocketProtocolError
from mitmtw._wire.websocket_deflate import Deflater, Inflater

HELLO = b"\xf2\x48\xcd\xc9\xc9\x07\x00"  # RFC 7692 section 7.2.3.1
AGAIN = b"\xf2\x00\x11\x00\x00"  # section 7.2.3.2
LIMIT = 1 << 20
NOISE = Random(7).randbytes(600)


class Counting(Inflater):
    """Remembers how much it made of each payload."""

    __slots__ = ("made",)

    def __init__(self, no_context_takeover: bool, window_bits: int, limit: int) -> None:
        super().__init__(no_context_takeover, window_bits, limit)
        self.made: list[int] = []

    def _run(self, payload: bytes, final: bool) -> bytes:
        inflated = super()._run(payload, final)
        self.made.append(len(inflated))
        return inflated


class InflaterTests(SynchronousTestCase):
    def inflater(self, fresh: bool = False, bits: int = 15, limit: int = LIMIT) -> Inflater:
        return Inflater(fresh, bits, limit)

    def test_examples(self) -> None:
        """The examples of RFC 7692 section 7.2.3."""
        takes = self.inflater()
        self.assertEqual((takes.inflate(HELLO), takes.inflate(AGAIN)), (b"Hello", b"Hello"))
        fresh = self.inflater(True)
        self.assertEqual((fresh.inflate(HELLO), fresh.inflate(HELLO)), (b"Hello", b"Hello"))
        self.assertEqual(self.inflater().inflate(b"\x00\x05\x00\xfa\xff\x48\x65\x6c\x6c\x6f\x00"), b"Hello")  # 7.2.3.3
        two_blocks = b"\xf2\x48\x05\x00\x00\x00\xff\xff\xca\xc9\xc9\x07\x00"  # 7.2.3.5
        self.assertEqual(self.inflater().inflate(two_blocks), b"Hello")

    def test_final_block(self) -> None:
        """A block that says it is the last one (section 7.2.3.4): what follows is a stream of its own."""
        final = b"\xf3\x48\xcd\xc9\xc9\x07\x00\x00"
        inflater = self.inflater()
        for payload in (final, HELLO, AGAIN, final, final[:-1], HELLO, final):
            self.assertEqual(inflater.inflate(payload), b"Hello")
        self.assertEqual(self.inflater().inflate(final[:-1] + final[:-1] + HELLO), b"HelloHelloHello")
        inflater = self.inflater()
        self.assertEqual((inflater.inflate(final[:-1], False), inflater.inflate(HELLO)), (b"Hello", b"Hello"))

    def test_final_blocks_without_end(self) -> None:
        """They cannot be used to make reading slow: each costs a copy of what follows."""
        error = self.assertRaises(WebSocketProtocolError, self.inflater().inflate, b"\x03\x00" * 17)
        self.assertEqual(error.close_code, 1007)
        self.assertEqual(self.inflater().inflate(b"\x03\x00" * 16 + HELLO), b"Hello")

    def test_limit_and_final_blocks(self) -> None:
        """The limit holds across them."""
        final = b"\xf3\x48\xcd\xc9\xc9\x07\x00"
        self.assertEqual(self.inflater(limit=10).inflate(final + final), b"HelloHello")
        error = self.assertRaises(WebSocketProtocolError, self.inflater(limit=9).inflate, final + final)
        self.assertEqual(error.close_code, 1009)
        counting = Counting(False, 15, 1000)
        bomb = final + Deflater(True, 15).deflate(b"\0" * 10_000_000)
        self.assertRaises(WebSocketProtocolError, counting.inflate, bomb)
        self.assertEqual(counting.made, [1001])

    def test_empty(self) -> None:
        """The empty message (section 7.2.3.6), and one whose sender sent nothing for it; what follows is read well."""
        for empty in (b"\x00", b""):
            inflater = self.inflater()
            results = [inflater.inflate(payload) for payload in (HELLO, empty, AGAIN)]
            self.assertEqual(results, [b"Hello", b"", b"Hello"])

    def test_fragments(self) -> None:
        """Fragments are inflated as they come; empty ones do no harm, not even as the last."""
        inflater = self.inflater()
        for _ in range(2):
            pieces = [inflater.inflate(HELLO[i : i + 1], False) for i in range(7)]
            pieces += [inflater.inflate(b"", False), inflater.inflate(b"")]
            self.assertEqual(b"".join(pieces), b"Hello")
        self.assertEqual(inflater.inflate(AGAIN), b"Hello")

    def test_limit(self) -> None:
        """Exactly as long as allowed is read, message after message; one more is not, and no more than that is made."""
        inflater = self.inflater(limit=5)
        self.assertEqual((inflater.inflate(HELLO), inflater.inflate(AGAIN)), (b"Hello", b"Hello"))
        error = self.assertRaises(WebSocketProtocolError, self.inflater(limit=4).inflate, HELLO)
        self.assertEqual(error.close_code, 1009)
        counting = Counting(False, 15, 1000)
        bomb = Deflater(True, 15).deflate(b"\0" * 10_000_000)
        self.assertRaises(WebSocketProtocolError, counting.inflate, bomb)
        self.assertEqual(counting.made, [1001])

    def test_limit_over_fragments(self) -> None:
        """Fragments count together, messages do not."""
        inflater = self.inflater(limit=8)
        self.assertEqual(inflater.inflate(HELLO, False), b"Hello")
        self.assertRaises(WebSocketProtocolError, inflater.inflate, b"\x00\x00\xff\xff" + HELLO)

    def test_broken(self) -> None:
        """What is no deflate, and what points back before the beginning, is refused."""
        for payload in (b"\xff\xff\xff", b"\x07", AGAIN):
            error = self.assertRaises(WebSocketProtocolError, self.inflater().inflate, payload)
            self.assertEqual(error.close_code, 1007)

    def test_window_of_eight_bits(self) -> None:
        """Who agreed on 8 bits may be a zlib that takes 9: what points back 400 octets is read."""
        deflater, inflater = Deflater(False, 10), self.inflater(bits=8)
        for content in (NOISE[:400], NOISE[:100]):
            self.assertEqual(inflater.inflate(deflater.deflate(content)), content)

    def test_window(self) -> None:
        """What points back further than was agreed on is refused."""
        deflater = Deflater(False, 15)
        first, second = deflater.deflate(NOISE), deflater.deflate(NOISE[:100])
        large, small = self.inflater(bits=10), self.inflater(bits=9)
        self.assertEqual((large.inflate(first), large.inflate(second)), (NOISE, NOISE[:100]))
        self.assertEqual(small.inflate(first), NOISE)
        self.assertRaises(WebSocketProtocolError, small.inflate, second)


class DeflaterTests(SynchronousTestCase):
    def test_round_trip(self) -> None:
        """What was deflated is inflated again, for all windows, with and without the messages before."""
        messages = [b"a", b"", NOISE, b"", b"abc" * 300, NOISE, NOISE[:50] * 100, b"\xff", bytes(70000)]
        for fresh in (False, True):
            for bits in range(8, 16):
                deflater = Deflater(fresh, bits)
                # Strict, as a peer may be: not a larger window than was agreed on.
                inflate = zlib.decompressobj(-bits)
                inflater = Inflater(fresh, bits, LIMIT)
                for message in messages:
                    payload = deflater.deflate(message)
                    if fresh:
                        inflate = zlib.decompressobj(-bits)
                    self.assertEqual(inflate.decompress(payload + b"\x00\x00\xff\xff"), message)
                    self.assertEqual(inflater.inflate(payload), message)

    def test_tail(self) -> None:
        """The end of the flush is not sent (section 7.2.1), and the empty message is one octet (section 7.2.3.6)."""
        self.assertEqual(Deflater(True, 15).deflate(b"Hello"), HELLO)
        self.assertEqual(Deflater(False, 15).deflate(b""), b"\x00")

    def test_takeover(self) -> None:
        """The second message points back to the first one, unless each is by itself."""
        takes, fresh = Deflater(False, 15), Deflater(True, 15)
        first, second = takes.deflate(NOISE), takes.deflate(NOISE)
        self.assertLess(len(second), len(first) // 10)
        self.assertEqual(fresh.deflate(NOISE), fresh.deflate(NOISE))

    def test_smallest_window(self) -> None:
        """For a window of 8 bits nothing points back but to the octet before, which is safe with every zlib."""
        self.assertGreater(len(Deflater(False, 8).deflate(NOISE[:100] * 2)), 200)
        self.assertLess(len(Deflater(False, 9).deflate(NOISE[:100] * 2)), 150)
        self.assertLess(len(Deflater(False, 8).deflate(b"a" * 200)), 20)

    def test_small_window_for_small_messages(self) -> None:
        """A deflater for one message asks for no more memory than it needs, and never for more than was agreed on."""
        asked = []
        make = zlib.compressobj

        class Counting:
            """In the place of zlib."""

            DEFLATED, Z_DEFAULT_STRATEGY, Z_RLE = zlib.DEFLATED, zlib.Z_DEFAULT_STRATEGY, zlib.Z_RLE
            Z_SYNC_FLUSH = zlib.Z_SYNC_FLUSH

            @staticmethod
            def compressobj(level: int, method: int, bits: int, memory: int, strategy: int) -> object:
                asked.append(bits)
                return make(level, method, bits, memory, strategy)

        self.patch(websocket_deflate, "zlib", Counting)
        for fresh, bits, size in ((True, 15, 5), (True, 15, 2000), (True, 10, 2000), (False, 15, 5), (True, 15, 99999)):
            Deflater(fresh, bits).deflate(b"a" * size)
        self.assertEqual(asked, [-9, -12, -10, -15, -15])
