"""Tests of L{mitmtw._wire.http2}: two ends that talk to each other, and what an end refuses to send."""

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from mitmtw._wire.events import Fields
from mitmtw._wire.http2 import (
    CODERS,
    HIGHEST_STREAM,
    Connection,
    ConnectionFailed,
    DataReceived,
    GoAwayReceived,
    HeadersReceived,
    Limits,
    StreamReset,
    TrailersReceived,
)
from mitmtw.errors import LocalProtocolError
from tests._wire.http2_reading import CONNECT, GET, OK, POST, Pair, opened, split, tell
from tests._wire.reading import cut
from tests.vectors.http2_build import PREFACE, block, frame, headers, word
from tests.vectors.http2_build import settings as settings_frame


class ConversationTests(SynchronousTestCase):
    def test_start(self) -> None:
        """Each end begins with its preface and its settings, and widens the connection's window."""
        client, server = Connection("client"), Connection("server")
        out = client.take_output()
        self.assertTrue(out.startswith(PREFACE))
        entries = {(2, 0), (6, 65536), (9, 1)}
        for output, expected in (out, entries), (server.take_output(), {(3, 100), (6, 65536), (8, 1), (9, 1)}):
            (kind, flags, stream, payload), update = split(output)
            self.assertEqual((kind, flags, stream, update), (4, 0, 0, (8, 0, 0, word(8 * 1024 * 1024 - 65535))))
            found = {
                (int.from_bytes(payload[at : at + 2], "big"), int.from_bytes(payload[at + 2 : at + 6], "big"))
                for at in range(0, len(payload), 6)
            }
            self.assertEqual(found, expected)
        self.assertEqual((client.take_output(), client.unanswered_settings), (b"", 1))

    def test_exchange(self) -> None:
        """A request and a response with bodies, 1xx and trailers arrive whole, with either coder on either side."""
        for ours in CODERS:
            for theirs in CODERS:
                pair = Pair(Connection("client", coder=ours), Connection("server", coder=theirs))
                self.assertEqual((pair.client.unanswered_settings, pair.server.unanswered_settings), (0, 0))
                number = pair.client.open_stream([*POST, (b"X-Case", b"Kept")])
                self.assertEqual(pair.client.send_data(number, b"ab"), 2)
                pair.client.end_stream(number, [(b"x-sum", b"7")])
                pair.pump()
                head, _, trailers = pair.at_server
                assert isinstance(head, HeadersReceived) and isinstance(trailers, TrailersReceived)
                self.assertEqual((head.pseudo, head.fields), (POST, [(b"x-case", b"Kept")]))
                self.assertEqual(
                    (head.method, head.scheme, head.authority, head.path, head.length),
                    (b"POST", b"https", b"a.test", b"/", -1),
                )
                self.assertEqual(trailers.fields, [(b"x-sum", b"7")])
                self.assertEqual(pair.take()[0], ["head 1", "data 1 2", "trailers 1 x-sum"])
                pair.server.send_headers(number, [(b":status", b"103"), (b"link", b"</a>")])
                pair.server.send_headers(number, [*OK, (b"content-length", b"3")])
                pair.server.send_data(number, b"abc", end=True)
                pair.pump()
                answer = pair.at_client[1]
                assert isinstance(answer, HeadersReceived)
                self.assertEqual((answer.status, answer.length, answer.is_informational), (200, 3, False))
                self.assertEqual(pair.take()[1], ["head 1 info", "head 1", "data 1 3 end"])
                self.assertEqual((pair.client.open_streams, pair.server.open_streams), ([], []))

    def test_never_indexed(self) -> None:
        """Secrets are marked, by us and as they came; a long cookie is not."""
        pair = Pair()
        fields = [*GET, (b"authorization", b"x"), (b"cookie", b"a=1"), (b"cookie", b"b" * 20), (b"x-y", b"z")]
        pair.client.open_stream(fields, end=True)
        pair.client.open_stream([*GET, (b"cookie", b"b" * 20), (b"x-y", b"0")], end=True, never_indexed={b"x-y"})
        pair.pump()
        first, second = pair.at_server
        assert isinstance(first, HeadersReceived) and isinstance(second, HeadersReceived)
        self.assertEqual(first.never_indexed, {b"authorization", b"cookie"})
        self.assertEqual(second.never_indexed, {b"x-y"})

    def test_streams_interleave(self) -> None:
        """Many streams at once keep their bodies apart."""
        pair = Pair()
        numbers = [pair.client.open_stream(POST) for _ in range(50)]
        for step in range(3):
            for number in numbers:
                pair.client.send_data(number, b"%d" % number, end=step == 2)
        pair.pump()
        bodies: dict[int, bytes] = {}
        for event in pair.at_server:
            if isinstance(event, DataReceived):
                bodies[event.stream] = bodies.get(event.stream, b"") + event.data
        self.assertEqual(bodies, {number: b"%d" % number * 3 for number in numbers})
        self.assertEqual(numbers, list(range(1, 100, 2)))

    def test_long_head(self) -> None:
        """A head longer than a frame goes out in pieces and arrives whole."""
        pair = Pair()
        fields = [*GET, *((b"x-%d" % place, b"%d" % place * 500) for place in range(40))]
        pair.client.open_stream(fields, end=True)
        output = pair.client.take_output()
        kinds = [(kind, flags) for kind, flags, _, _ in split(output)]
        self.assertEqual((kinds[0], kinds[-1], {kind for kind, _ in kinds[1:]}), ((1, 1), (9, 4), {9}))
        (event,) = pair.server.feed(output)
        assert isinstance(event, HeadersReceived)
        self.assertEqual(event.fields, fields[4:])

    def test_reset(self) -> None:
        """A reset is told to the other end; what was on its way is dropped, and resetting twice is nothing."""
        pair = Pair()
        number = pair.client.open_stream(POST)
        pair.turn()
        pair.client.send_data(number, b"late")
        pair.server.reset(number, 8)
        pair.server.reset(number, 8)
        self.assertEqual(pair.turn(), ([], ["reset 1 8"]))
        self.assertRaises(LocalProtocolError, pair.client.send_data, number, b"x")
        self.assertEqual((pair.client.sendable(number), pair.server.open_streams), (0, []))

    def test_answer_before_the_end(self) -> None:
        """A server may answer and reset with NO_ERROR before the request is whole (RFC 9113 section 8.1)."""
        pair = Pair()
        number = pair.client.open_stream(POST)
        pair.turn()
        pair.server.send_headers(number, OK, end=True)
        pair.server.reset(number, 0)
        self.assertEqual(pair.turn(), ([], ["head 1 end", "reset 1 0"]))

    def test_tunnel(self) -> None:
        """After CONNECT both ends send octets; fields are refused."""
        pair = Pair()
        number = pair.client.open_stream(CONNECT)
        pair.turn()
        pair.server.send_headers(number, OK)
        pair.server.send_data(number, b"hello")
        pair.client.send_data(number, b"hi")
        self.assertEqual(pair.turn(), (["data 1 2"], ["head 1", "data 1 5"]))
        self.assertRaises(LocalProtocolError, pair.server.end_stream, number, [(b"a", b"b")])
        pair.server.end_stream(number)
        self.assertEqual(pair.turn(), ([], ["ended 1"]))

    def test_extended_connect(self) -> None:
        """:protocol goes only to a server that offers it (RFC 8441 section 3), and is told as it came."""
        fields = [(b":method", b"CONNECT"), (b":protocol", b"websocket"), *GET[1:]]
        early = Connection("client")
        self.assertRaises(LocalProtocolError, early.open_stream, fields)
        pair = Pair()
        self.assertTrue(pair.client.may_extend_connect)
        pair.client.open_stream(fields)
        pair.pump()
        (event,) = pair.at_server
        assert isinstance(event, HeadersReceived)
        self.assertEqual((event.method, event.protocol, event.path), (b"CONNECT", b"websocket", b"/"))

    def test_not_offered(self) -> None:
        """A server that does not offer extended CONNECT refuses it."""
        server = Connection("server", settings={8: 0})
        pairs = ((b":method", b"CONNECT"), (b":protocol", b"websocket"), *GET[1:])
        events = server.feed(PREFACE + settings_frame() + headers(1, *pairs, flags=4))
        self.assertEqual([tell(event) for event in events], ["settings", "broken 1 PROTOCOL_ERROR"])

    def test_ping(self) -> None:
        """A ping comes back as it was."""
        pair = Pair()
        pair.client.ping(b"abcdefgh")
        self.assertEqual(pair.turn(), ([], ["ping abcdefgh"]))
        self.assertRaises(LocalProtocolError, pair.client.ping, b"short")

    def test_priority(self) -> None:
        """A client tells the priority of a stream that it opened (RFC 9218 section 7.1)."""
        pair = Pair()
        self.assertRaises(LocalProtocolError, pair.client.update_priority, 1, b"u=1")
        number = pair.client.open_stream(POST)
        pair.client.update_priority(number, b"u=1")
        self.assertEqual(pair.turn()[0], ["head 1", "priority 1 u=1"])
        self.assertRaises(LocalProtocolError, pair.server.update_priority, number, b"u=1")


class FarewellTests(SynchronousTestCase):
    def test_gracefully(self) -> None:
        """After GOAWAY the client opens nothing; what the server did not take is to be sent again."""
        pair = Pair()
        kept = pair.client.open_stream(POST)
        pair.turn()
        pair.server.go_away()
        lost = pair.client.open_stream(POST)
        pair.pump()
        away, reset = pair.at_client
        assert isinstance(away, GoAwayReceived) and isinstance(reset, StreamReset)
        self.assertEqual((away.last, reset.stream, reset.is_unprocessed), (kept, lost, True))
        self.assertEqual((pair.take()[0], pair.client.free_streams), ([], 0))
        self.assertRaises(LocalProtocolError, pair.client.open_stream, GET)
        pair.server.send_headers(kept, OK, end=True)
        pair.client.end_stream(kept)
        self.assertEqual(pair.turn(), (["ended 1"], ["head 1 end"]))

    def test_in_two_steps(self) -> None:
        """The highest number first, the true one later; it must not rise again."""
        pair = Pair()
        pair.server.go_away(last=HIGHEST_STREAM)
        number = pair.client.open_stream(POST)
        self.assertEqual(pair.turn()[0], ["head 1"])
        pair.server.go_away(0, None, b"bye")
        self.assertEqual(pair.turn()[1], ["goaway 1 0 bye"])
        self.assertRaises(LocalProtocolError, pair.server.go_away, 0, number + 2)
        self.assertEqual(pair.client.open_streams, [number])

    def test_failure(self) -> None:
        """After a connection error there is GOAWAY, nothing is read any more and nothing can be sent."""
        pair = Pair()
        number = pair.client.open_stream(POST)
        pair.turn()
        (failed,) = pair.server.feed(frame(0, 0, 7, b"x"))
        assert isinstance(failed, ConnectionFailed)
        self.assertEqual((failed.code, pair.server.failure, pair.server.open_streams), (1, failed, []))
        self.assertEqual(split(pair.server.take_output()), [(7, 0, 0, word(1) + word(1))])
        self.assertEqual(pair.server.feed(frame(6, 0, 0, b"12345678")), [])
        self.assertEqual(pair.server.take_output(), b"")
        self.assertRaises(LocalProtocolError, pair.server.send_headers, number, OK)

    def test_wrong_preface(self) -> None:
        """What is not the preface is refused at its first wrong octet; a first frame that is not SETTINGS too."""
        server = Connection("server")
        self.assertEqual(server.feed(b"PRI * HTT"), [])
        self.assertEqual([tell(event) for event in server.feed(b"X")], ["failed PROTOCOL_ERROR"])
        for wire in (frame(6, 0, 0, b"12345678"), frame(4, 1, 0), headers(1, *GET)):
            events = Connection("server").feed(PREFACE + wire)
            self.assertEqual([tell(event) for event in events], ["failed PROTOCOL_ERROR"])
        events = Connection("client").feed(headers(1, *OK))
        self.assertEqual([tell(event) for event in events], ["failed PROTOCOL_ERROR"])

    def test_many_streams(self) -> None:
        """After so many streams a server says GOAWAY by itself, and finishes those that are open."""
        pair = Pair(server=Connection("server", limits=Limits(max_total_streams=2)))
        first, second = pair.client.open_stream(GET, end=True), pair.client.open_stream(GET, end=True)
        self.assertEqual(pair.turn(), (["head 1 end", "head 3 end"], [f"goaway {second} 0 "]))
        pair.server.send_headers(first, OK, end=True)
        self.assertEqual(pair.turn()[1], ["head 1 end"])


class SendingTests(SynchronousTestCase):
    def test_malformed(self) -> None:
        """What a peer would refuse is not sent, and changes nothing."""
        client = opened("client")
        before = client.take_output()
        wrong: list[Fields] = [
            [],
            GET[1:],
            [*GET, (b"a", b"b\r\nc: d")],
            [*GET, (b"a b", b"c")],
            [*GET, (b"connection", b"close")],
            [*GET, (b"te", b"gzip")],
            [*GET, (b"a", b"b"), (b":path", b"/")],
            [*GET[:3], (b":path", b"/a b")],
            [*GET, (b"host", b"b.test")],
            [*GET, (b"content-length", b"1")],
            [*GET, (b"content-length", b"+1")],
            [(b":method", b"G T"), *GET[1:]],
        ]
        for fields in wrong:
            self.assertRaises(LocalProtocolError, client.open_stream, fields, True)
        self.assertEqual((before, client.take_output(), client.open_streams), (b"", b"", []))
        self.assertEqual(client.open_stream(GET, end=True), 1)

    def test_wrong_response(self) -> None:
        """A server sends one final head, none that ends with 1xx, and no body before it."""
        pair = Pair()
        number = pair.client.open_stream(GET, end=True)
        pair.turn()
        server = pair.server
        self.assertRaises(LocalProtocolError, server.send_data, number, b"x")
        self.assertRaises(LocalProtocolError, server.end_stream, number)
        for fields, end in (
            ([(b":status", b"101")], False),
            ([(b":status", b"100")], True),
            ([(b"a", b"b")], False),
            ([*OK, (b":path", b"/")], False),
            ([*OK, (b"content-length", b"3")], True),
        ):
            self.assertRaises(LocalProtocolError, server.send_headers, number, fields, end)
        self.assertEqual(server.take_output(), b"")
        server.send_headers(number, OK)
        self.assertRaises(LocalProtocolError, server.send_headers, number, OK)
        self.assertRaises(LocalProtocolError, server.end_stream, number, [(b":path", b"/")])
        self.assertRaises(LocalProtocolError, server.end_stream, number, [(b"content-length", b"0")])
        self.assertRaises(LocalProtocolError, server.open_stream, GET)
        self.assertRaises(LocalProtocolError, server.send_headers, 99, OK)

    def test_length(self) -> None:
        """A body is as long as its Content-Length says; HEAD, 204 and 304 have none."""
        pair = Pair()
        number = pair.client.open_stream([*POST, (b"content-length", b"3")])
        self.assertRaises(LocalProtocolError, pair.client.send_data, number, b"abcd")
        self.assertRaises(LocalProtocolError, pair.client.send_data, number, b"ab", True)
        pair.client.send_data(number, b"ab")
        self.assertRaises(LocalProtocolError, pair.client.end_stream, number)
        self.assertRaises(LocalProtocolError, pair.client.end_stream, number, [(b"a", b"b")])
        pair.client.send_data(number, b"c", end=True)
        self.assertEqual(pair.turn()[0], ["head 1", "data 1 2", "data 1 1 end"])
        for method, status in ((b"HEAD", b"200"), (b"GET", b"304")):
            number = pair.client.open_stream([(b":method", method), *GET[1:]], end=True)
            pair.turn()
            pair.server.send_headers(number, [(b":status", status), (b"content-length", b"9")])
            self.assertRaises(LocalProtocolError, pair.server.send_data, number, b"x")
            pair.server.end_stream(number)
            self.assertEqual(pair.turn()[1], [f"head {number}", f"ended {number}"])

    def test_most_streams(self) -> None:
        """No more streams are opened than the peer takes, and again when one ended."""
        pair = Pair(server=Connection("server", limits=Limits(max_concurrent_streams=2)))
        self.assertEqual(pair.client.free_streams, 2)
        first = pair.client.open_stream(GET, end=True)
        pair.client.open_stream(GET, end=True)
        self.assertEqual(pair.client.free_streams, 0)
        self.assertRaises(LocalProtocolError, pair.client.open_stream, GET)
        pair.turn()
        pair.server.send_headers(first, OK, end=True)
        pair.turn()
        self.assertEqual(pair.client.free_streams, 1)

    def test_settings(self) -> None:
        """Settings that must not be sent are refused."""
        client = Connection("client")
        for wrong in ({2: 1}, {4: 2**31}, {5: 1}, {8: 2}, {2**16: 1}, {3: 2**32}, {3: -1}):
            self.assertRaises(LocalProtocolError, client.settings, wrong)
        server = Connection("server")
        self.assertRaises(LocalProtocolError, server.settings, {8: 0})


class RandomTests(SynchronousTestCase):
    def test_any_frames(self) -> None:
        """Whatever frames come, cut anywhere, nothing but events comes of them, and it is the same however cut."""
        payloads = st.binary(max_size=20) | st.sampled_from((block(*GET), block(*OK), word(1), b"\0" * 8))
        frames = st.builds(frame, st.integers(0, 17), st.integers(0, 255), st.integers(0, 7), payloads)

        @settings(max_examples=150, deadline=None, derandomize=True, database=None)
        @given(
            st.lists(frames | st.just(headers(1, *GET, flags=4)), max_size=12),
            st.lists(st.integers(0, 400), max_size=4),
            st.sampled_from((("server", ()), ("client", (b"GET", b"CONNECT")))),
        )
        def check(sent: list[bytes], places: list[int], side: tuple[str, tuple[bytes, ...]]) -> None:
            wire = b"".join(sent)
            outcomes = []
            for pieces in ([wire], cut(wire, places)):
                connection = opened(*side)
                told = [tell(event) for piece in pieces if piece for event in connection.feed(piece)]
                outcomes.append((told, connection.take_output(), connection.open_streams))
                self.assertLessEqual(len(connection._held), 16384 + 9)
            self.assertEqual(outcomes[0], outcomes[1])

        check()

    def test_any_octets(self) -> None:
        """Random octets after the preface are refused, or wait."""

        @settings(max_examples=60, deadline=None, derandomize=True, database=None)
        @given(st.binary(max_size=80))
        def check(wire: bytes) -> None:
            for event in opened("server").feed(wire):
                tell(event)

        check()
