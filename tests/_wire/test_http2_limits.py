"""Tests of L{mitmtw._wire.http2_limits}, and of what a connection does with a peer that floods it."""

from collections.abc import Callable

from twisted.trial.unittest import SynchronousTestCase

from mitmtw._wire.http2 import Allowance, Connection, Limits
from mitmtw._wire.http2_limits import Budget
from tests._wire.http2_reading import OK, split, tell
from tests.vectors.http2_build import GET, POST, PREFACE, block, frame, headers, settings, word

CALM = "failed ENHANCE_YOUR_CALM"
PING = frame(6, 0, 0, b"12345678")


class BudgetTests(SynchronousTestCase):
    def test_burst(self) -> None:
        """So many at once and no more."""
        budget = Budget(Allowance(3, 1.0, 1.0), 5.0)
        self.assertEqual([budget.spend(5.0, 0) for _ in range(4)], [True, True, True, False])

    def test_time(self) -> None:
        """Time brings back its rate, up to the burst."""
        budget = Budget(Allowance(2, 0.5, 0.0), 0.0)
        self.assertEqual([budget.spend(at, 0) for at in (0, 0, 2, 2)], [True, True, True, False])
        self.assertEqual([budget.spend(99, 0) for _ in range(3)], [True, True, False])

    def test_work(self) -> None:
        """Work brings back its share, each unit once."""
        budget = Budget(Allowance(1, 0.0, 2.0), 0.0)
        self.assertEqual([budget.spend(0, 0), budget.spend(0, 1), budget.spend(0, 1)], [True, True, False])


class FloodTests(SynchronousTestCase):
    def serve(self, limits: Limits, seconds: Callable[[], float] | None = None) -> Connection:
        """A server whose client is ready."""
        server = Connection("server", limits=limits, seconds=seconds)
        server.feed(PREFACE + settings() + frame(4, 1, 0))
        server.take_output()
        return server

    def count(self, server: Connection, wire: bytes, most: int = 30) -> int:
        """How often this can come, each time followed by a write, before the connection fails with a plea for calm."""
        for turn in range(most):
            events = server.feed(wire)
            if server.failure is not None:
                self.assertEqual(tell(events[-1]), CALM)
                return turn
            server.take_output()
        return most

    def test_frames(self) -> None:
        """Each kind of frame that brings nobody forward has its budget."""
        five = Allowance(5, 0.0, 0.0)
        opened = headers(1, *POST, flags=4)
        floods: list[tuple[Limits, bytes, bytes]] = [
            (Limits(pings=five), b"", PING),
            (Limits(pings=five), b"", frame(6, 1, 0, b"12345678")),
            (Limits(settings=Allowance(7, 0.0, 0.0)), b"", settings()),
            (Limits(settings=Allowance(7, 0.0, 0.0)), b"", frame(4, 1, 0)),
            (Limits(settings=Allowance(7, 0.0, 0.0)), b"", frame(7, 0, 0, word(0) * 2)),
            (Limits(empty_frames=five), opened, frame(0, 0, 1)),
            (Limits(empty_frames=five), opened, frame(0, 8, 1, b"\x01\0")),
            (Limits(priorities=five), b"", frame(2, 0, 1, word(0) + b"\0")),
            (Limits(priorities=five), b"", frame(16, 0, 0, word(1) + b"u=1")),
            (Limits(window_updates=five), b"", frame(8, 0, 0, word(1))),
            (Limits(window_updates=five), opened, frame(8, 0, 1, word(1))),
            (Limits(glitches=five), b"", frame(0x77, 0, 0)),
            (Limits(glitches=five), opened + frame(3, 0, 1, word(8)), frame(3, 0, 1, word(8))),
        ]
        for limits, before, wire in floods:
            server = self.serve(limits)
            server.feed(before)
            self.assertEqual(self.count(server, wire), 5, repr(wire))

    def resets(self, server: Connection, rounds: int) -> int:
        """How many streams can be opened and reset at once, of so many."""
        for turn in range(rounds):
            server.feed(headers(turn * 2 + 1, *GET) + frame(3, 0, turn * 2 + 1, word(8)))
            if server.failure is not None:
                return turn
        return rounds

    def test_rapid_reset(self) -> None:
        """A client that opens and resets is cut off after its burst (CVE-2023-44487)."""
        server = self.serve(Limits())
        self.assertEqual(self.resets(server, 2000), 1000)
        self.assertEqual((server.failure and tell(server.failure), server.feed(PING)), (CALM, []))

    def test_reset_in_time(self) -> None:
        """A browser that gives up some requests now and then is not."""
        now = [0.0]

        def seconds() -> float:
            now[0] += 0.5
            return now[0]

        self.assertEqual(self.resets(self.serve(Limits(resets=Allowance(3, 2.0, 0.0)), seconds), 50), 50)

    def test_reset_with_work(self) -> None:
        """Nor one that lets as many requests end well."""
        server = self.serve(Limits(resets=Allowance(2, 0.0, 1.0)))
        for number in range(1, 101, 4):
            server.feed(headers(number, *GET) + headers(number + 2, *GET))
            server.send_headers(number, OK, end=True)
            server.feed(frame(3, 0, number + 2, word(8)))
        self.assertIsNone(server.failure)

    def test_made_to_reset(self) -> None:
        """Making us reset spends the same budget (CVE-2025-8671)."""
        server = self.serve(Limits(resets=Allowance(5, 0.0, 0.0)))
        for number in range(1, 13, 2):
            server.feed(headers(number, *POST, flags=4) + frame(8, 0, number, word(0)))
        self.assertEqual(server.failure and tell(server.failure), CALM)

    def test_unread_replies(self) -> None:
        """A peer that asks and does not read is cut off; one that reads is not (CVE-2019-9512)."""
        limits = Limits(pings=Allowance(10**6, 0.0, 0.0), max_queued_replies=10)
        self.assertEqual(self.count(self.serve(limits), PING * 10, 20), 20)
        self.assertEqual(self.count(self.serve(limits), PING * 11, 20), 0)

    def test_continuations(self) -> None:
        """A block may have so many frames, and no more (CVE-2024-28182)."""
        pieces = [block(*GET), *[b""] * 3]
        for most, told in ((3, "head 1 end"), (2, CALM)):
            server = self.serve(Limits(max_continuations=most))
            wire = frame(1, 1, 1, pieces[0]) + frame(9, 0, 1) * 2 + frame(9, 4, 1)
            self.assertEqual([tell(event) for event in server.feed(wire)], [told])

    def test_list_size(self) -> None:
        """A request with too large a list of fields is told, to be answered; one octet less is read."""
        own = sum(len(name) + len(value) + 32 for name, value in GET)
        for size, told in ((1000 - own - 33, "head 1 end"), (1000 - own - 32, "large 1 1001")):
            server = self.serve(Limits(max_header_list_bytes=1000))
            events = server.feed(headers(1, *GET, (b"a", b"x" * size)))
            self.assertEqual([tell(event) for event in events], [told])
            server.send_headers(1, [(b":status", b"431")], end=True)
            self.assertEqual((server.failure, server.open_streams), (None, []))

    def test_long_values(self) -> None:
        """So few fields that they could all come from the table are counted too, when the block itself is long."""
        server = self.serve(Limits(max_header_list_bytes=25_000))
        wire = block(*GET, (b"a", b"x" * 12_000), (b"b", b"x" * 12_900))
        events = server.feed(frame(1, 1, 1, wire[:16_384]) + frame(9, 4, 1, wire[16_384:]))
        self.assertEqual([tell(event)[:7] for event in events], ["large 1"])

    def test_field_count(self) -> None:
        """So it is with too many fields."""
        server = self.serve(Limits(max_fields=5))
        events = server.feed(headers(1, *GET, (b"a", b"b")) + headers(3, *GET, (b"a", b"b"), (b"c", b"d")))
        self.assertEqual([tell(event)[:7] for event in events], ["head 1 ", "large 3"])

    def test_large_trailers(self) -> None:
        """Trailers, and a response, that are too large break their stream."""
        server = self.serve(Limits(max_fields=5))
        events = server.feed(headers(1, *POST, flags=4) + headers(1, *[(b"a", b"b")] * 6))
        self.assertEqual([tell(event) for event in events], ["head 1", "broken 1 ENHANCE_YOUR_CALM"])
        client = Connection("client", limits=Limits(max_fields=5))
        client.open_stream(list(GET), end=True)
        events = client.feed(settings() + headers(1, (b":status", b"200"), *[(b"a", b"b")] * 6))
        self.assertEqual([tell(event) for event in events], ["settings", "broken 1 ENHANCE_YOUR_CALM"])

    def test_bomb(self) -> None:
        """A block that expands beyond all bounds ends the connection."""
        server = self.serve(Limits(max_decoded_bytes=10_000))
        bomb = block(*GET) + b"\x40\x01a\x7f\x81\x06" + b"x" * 896 + b"\xbe" * 20
        self.assertEqual([tell(event) for event in server.feed(frame(1, 5, 1, bomb))], [CALM])

    def test_informational(self) -> None:
        """A server that sends 1xx without end is cut off."""
        client = Connection("client", limits=Limits(pings=Allowance(5, 0.0, 0.0)))
        client.open_stream(list(GET), end=True)
        client.feed(settings())
        self.assertEqual(self.count(client, headers(1, (b":status", b"103"), flags=4)), 5)

    def test_remembered(self) -> None:
        """Of streams that ended only the last are remembered; what comes for older ones resets them again."""
        server = self.serve(Limits(max_remembered=2))
        for number in (1, 3, 5):
            server.feed(headers(number, *POST, flags=4))
            server.reset(number)
        self.assertEqual(len(server._closed), 2)
        events = server.feed(frame(0, 0, 5, b"x") + frame(0, 0, 1, b"x"))
        self.assertEqual([tell(event) for event in events], ["broken 1 STREAM_CLOSED"])

    def test_after_goaway(self) -> None:
        """What comes on streams that we said we would not take is dropped, though its fields are decoded."""
        server = self.serve(Limits())
        server.go_away()
        server.take_output()
        indexed = b"\x40\x01a\x01b"
        wire = frame(1, 4, 1, block(*GET) + indexed) + frame(0, 0, 1, b"x") + frame(3, 0, 1, word(8))
        self.assertEqual((server.feed(wire), server.take_output()), ([], b""))
        self.assertEqual(server._decoder.decode(b"\xbe"), [(b"a", b"b", False)])

    def test_settings_reply(self) -> None:
        """Each SETTINGS frame is acknowledged once, and each PING answered with its octets."""
        server = self.serve(Limits())
        server.feed(settings((3, 5)) + PING)
        self.assertEqual(split(server.take_output()), [(4, 1, 0, b""), (6, 1, 0, b"12345678")])
        self.assertEqual(server.peer_settings[3], 5)
