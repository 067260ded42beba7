"""Tests of L{mitmtw._wire.http2}: flow control, both ways (RFC 9113 section 6.9)."""

from twisted.trial.unittest import SynchronousTestCase

from mitmtw._wire.http2 import DEFAULT_LIMITS, Connection, Limits
from mitmtw.errors import LocalProtocolError
from tests._wire.http2_reading import GET, OK, POST, Pair, opened, split, tell
from tests.vectors.http2_build import OK as OK_PAIRS
from tests.vectors.http2_build import POST as POST_PAIRS
from tests.vectors.http2_build import PREFACE, frame, headers, settings, word


def updates(wire: bytes) -> list[tuple[int, int]]:
    """Stream and octets of each WINDOW_UPDATE in an output."""
    return [(stream, int.from_bytes(payload, "big")) for kind, _, stream, payload in split(wire) if kind == 8]


class SendingWindowTests(SynchronousTestCase):
    def test_stream_window(self) -> None:
        """No more than a stream's window goes out, in frames that the peer takes; then its update is told."""
        client = opened("client")
        number = client.open_stream(POST)
        client.feed(frame(8, 0, 0, word(10**6)))
        self.assertEqual(client.send_data(number, b"x" * 70000, end=True), 65535)
        self.assertEqual(client.send_data(number, b"x" * 4465, end=True), 0)
        sizes = [len(payload) for kind, _, _, payload in split(client.take_output()) if kind == 0]
        self.assertEqual(sizes, [16384, 16384, 16384, 16383])
        self.assertEqual([tell(event) for event in client.feed(frame(8, 0, number, word(5000)))], ["opened 1"])
        self.assertEqual(client.sendable(number), 5000)
        self.assertEqual(client.feed(frame(8, 0, number, word(1))), [])
        self.assertEqual(client.send_data(number, b"x" * 4465, end=True), 4465)
        ((_, flags, _, _),) = split(client.take_output())
        self.assertEqual((flags, client.sendable(number)), (1, 0))

    def test_connection_window(self) -> None:
        """The connection's window holds all streams, and its update is told once, as stream 0."""
        client = opened("client")
        first, second = client.open_stream(POST), client.open_stream(POST)
        self.assertEqual((client.send_data(first, b"x" * 65535), client.send_data(second, b"y")), (65535, 0))
        self.assertEqual(client.feed(frame(8, 0, first, word(9))), [])
        self.assertEqual([tell(event) for event in client.feed(frame(8, 0, 0, word(9)))], ["opened 0"])
        self.assertEqual(client.feed(frame(8, 0, 0, word(9))), [])
        self.assertEqual((client.send_data(second, b"y" * 20), client.sendable(first)), (18, 0))

    def test_both_windows(self) -> None:
        """A stream that both held is told whichever opens last."""
        client = opened("client")
        number, other = client.open_stream(POST), client.open_stream(POST)
        client.feed(frame(8, 0, 0, word(1)))
        client.send_data(number, b"x" * 65536)
        client.send_data(other, b"x")
        self.assertEqual(client.sendable(other), 0)
        self.assertEqual(client.feed(frame(8, 0, number, word(9))), [])
        self.assertEqual([tell(event) for event in client.feed(frame(8, 0, 0, word(9)))], ["opened 0"])
        self.assertEqual(client.send_data(number, b"xy"), 2)

    def test_setting(self) -> None:
        """SETTINGS_INITIAL_WINDOW_SIZE changes streams that are open, below zero too (section 6.9.2)."""
        client = opened("client")
        number = client.open_stream(POST)
        client.send_data(number, b"x" * 100)
        client.feed(settings((4, 50)))
        self.assertEqual((client.sendable(number), client.send_data(number, b"x")), (0, 0))
        self.assertEqual(client.feed(frame(8, 0, number, word(50))), [])
        events = client.feed(settings((4, 53)))
        self.assertEqual([tell(event) for event in events], ["settings", "opened 1"])
        self.assertEqual((client.sendable(number), client.sendable(client.open_stream(POST))), (3, 53))

    def test_frame_size(self) -> None:
        """The peer's SETTINGS_MAX_FRAME_SIZE bounds DATA."""
        client = opened("client")
        client.feed(settings((5, 30000)))
        number = client.open_stream(POST)
        client.take_output()
        client.send_data(number, b"x" * 40000)
        self.assertEqual([len(payload) for _, _, _, payload in split(client.take_output())], [30000, 10000])


class ReceivingWindowTests(SynchronousTestCase):
    def open(self, limits: Limits = DEFAULT_LIMITS) -> Connection:
        """A server with a request whose body is to come."""
        server = Connection("server", limits=limits)
        server.feed(PREFACE + settings() + frame(4, 1, 0) + headers(1, *POST_PAIRS, flags=4))
        server.take_output()
        return server

    def test_acknowledge(self) -> None:
        """A stream is credited by what its consumer took, once that is half of the window, and no other time."""
        server = self.open()
        server.feed(frame(0, 0, 1, b"x" * 16000) * 3)
        self.assertEqual(server.take_output(), b"")
        server.acknowledge(1, 32767)
        self.assertEqual(server.take_output(), b"")
        server.acknowledge(1, 1)
        self.assertEqual(updates(server.take_output()), [(1, 32768)])
        self.assertRaises(LocalProtocolError, server.acknowledge, 1, 48000 - 32768 + 1)
        self.assertRaises(LocalProtocolError, server.acknowledge, 1, -1)
        server.acknowledge(99, 1)

    def test_grows(self) -> None:
        """While nothing is left unread the window doubles, up to its bound; the stream can use all of it."""
        server = self.open(Limits(max_stream_window=200_000))
        server.feed(frame(0, 0, 1, b"x" * 16000) * 3)
        server.acknowledge(1, 48000)
        self.assertEqual(updates(server.take_output()), [(1, 48000 + 65535)])
        events = server.feed(frame(0, 0, 1, b"x" * 16383) * 8)
        self.assertEqual([tell(event) for event in events], ["data 1 16383"] * 8)
        server.acknowledge(1, 8 * 16383)
        self.assertEqual(updates(server.take_output()), [(1, 8 * 16383 + 200_000 - 131070)])
        self.assertEqual(server.grow_window(1), 0)
        self.assertEqual(server.grow_window(99), 0)

    def test_grown_bound(self) -> None:
        """All streams together grow no more than their bound, which is free again when a stream ends."""
        server = self.open(Limits(max_grown_bytes=100_000))
        server.feed(headers(3, *POST_PAIRS, flags=4))
        self.assertEqual((server.grow_window(1), server.grow_window(3)), (65535, 34465))
        self.assertEqual(server.grow_window(1), 0)
        server.reset(1)
        self.assertEqual(server.grow_window(3), 65535)

    def test_connection_is_credited(self) -> None:
        """The connection's window is given back on receipt, read or not, so that one held stream holds no other."""
        server = self.open(Limits(connection_window=100_000, initial_window=60000, max_concurrent_streams=9))
        for number in (3, 5, 7):
            server.feed(headers(number, *POST_PAIRS, flags=4))
        given = []
        for number in (1, 3, 5, 7):
            events = server.feed(frame(0, 0, number, b"x" * 15000) * 4)
            self.assertEqual([tell(event) for event in events], [f"data {number} 15000"] * 4)
            given += updates(server.take_output())
        self.assertEqual(given, [(0, 60000)] * 4)

    def test_dropped_octets(self) -> None:
        """Octets for a stream that we reset are credited to the connection too."""
        server = self.open(Limits(connection_window=65535))
        server.reset(1)
        server.take_output()
        server.feed(frame(0, 0, 1, b"x" * 16384) * 2)
        self.assertEqual(updates(server.take_output()), [(0, 32768)])

    def test_connection_window(self) -> None:
        """More than the connection's window in one go is an error; it cannot be with credit on receipt but by a lie."""
        server = self.open()
        server._receive_window = 5
        self.assertEqual(
            [tell(event) for event in server.feed(frame(0, 0, 1, b"x" * 6))], ["failed FLOW_CONTROL_ERROR"]
        )

    def test_padding(self) -> None:
        """Padding is credited by itself: the consumer acknowledges what it was told."""
        server = self.open()
        server.feed(frame(0, 8, 1, b"\xff" + b"x" + b"\0" * 255) * 128)
        server.acknowledge(1, 127)
        self.assertEqual(updates(server.take_output()), [(1, 128 * 256)])
        self.assertRaises(LocalProtocolError, server.acknowledge, 1, 2)

    def test_nothing_after_the_end(self) -> None:
        """A stream on which nothing more comes gets no credit."""
        server = self.open()
        server.feed(frame(0, 0, 1, b"x" * 16000) * 3 + frame(0, 1, 1))
        server.acknowledge(1, 48000)
        self.assertEqual((server.take_output(), server.grow_window(1)), (b"", 0))

    def test_smaller_setting(self) -> None:
        """A smaller initial window of ours holds from its acknowledgement on (section 6.9.2)."""
        pair = Pair()
        number = pair.client.open_stream(POST)
        pair.turn()
        pair.server.settings({4: 10})
        self.assertEqual(pair.server.unanswered_settings, 1)
        self.assertEqual(pair.turn()[1], ["settings"])
        self.assertEqual((pair.client.sendable(number), pair.server.unanswered_settings), (10, 0))
        self.assertEqual(pair.server.own_settings[4], 10)
        pair.client.send_data(number, b"x" * 10)
        self.assertEqual(pair.turn()[0], ["data 1 10"])
        pair.server.acknowledge(number, 5)
        self.assertEqual(updates(pair.server.take_output()), [(1, 5)])
        self.assertEqual(tell(pair.server.feed(frame(0, 0, 1, b"x" * 6))[0]), "broken 1 FLOW_CONTROL_ERROR")

    def test_frame_size(self) -> None:
        """A larger frame of ours is taken at once, a smaller one is asked for from the acknowledgement on."""
        server = self.open()
        server.settings({5: 20000})
        self.assertEqual(len(server.feed(frame(0, 0, 1, b"x" * 20000))), 1)
        server.feed(frame(4, 1, 0))
        server.settings({5: 16384})
        self.assertEqual(len(server.feed(frame(0, 0, 1, b"x" * 20000))), 1)
        server.feed(frame(4, 1, 0))
        self.assertEqual(tell(server.feed(frame(0, 0, 1, b"x" * 16385))[0]), "failed FRAME_SIZE_ERROR")

    def test_bulk(self) -> None:
        """A megabyte each way arrives, whoever reads slowly."""
        pair = Pair()
        number = pair.client.open_stream(GET, end=True)
        pair.turn()
        pair.server.send_headers(number, OK)
        left, received = 1_000_000, 0
        while left:
            sent = pair.server.send_data(number, b"x" * min(left, 50_000), end=left <= 50_000)
            left -= sent
            pair.pump()
            for event in pair.at_client:
                size = getattr(event, "flow_length", 0)
                received += size
                pair.client.acknowledge(number, size)
            pair.take()
            pair.pump()
        self.assertEqual((received, pair.client.open_streams), (1_000_000, []))

    def test_client_reads(self) -> None:
        """A client holds a server to the window just so."""
        client = opened("client", [b"GET"])
        events = client.feed(headers(1, *OK_PAIRS, flags=4) + frame(0, 0, 1, b"x" * 13108) * 5)
        self.assertEqual(tell(events[-1]), "broken 1 FLOW_CONTROL_ERROR")
