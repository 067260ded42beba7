"""WebSocket: what passes between the sides, and what addons make of it."""

from typing import Any

from mitmtw._wire.websocket import BINARY, TEXT
from mitmtw.testing import Recorder
from tests.acceptance.conversation_base import ConversationCase, WebSocketScene, closing, frame, ping, words
from tests.acceptance.failures_base import Holder

HTTP_PART = ["requestheaders", "request", "websocket_handshake", "serverconnect", "server_connected", "responseheaders"]


def edit(content: bytes) -> Any:
    """A handler that gives every message this content."""

    def websocket_message(flow: Any) -> None:
        flow.messages[-1].content = content

    return websocket_message


class OrderTests(ConversationCase):
    """The hooks in their order."""

    def test_all(self) -> None:
        """The HTTP hooks, then those of the connection, then those of the connections below it."""
        scene = WebSocketScene(self)
        scene.say(True, words(True, b"one"))
        scene.say(False, words(False, b"two"))
        scene.end()
        self.assertEqual(scene.heard(True)[-2:], b"\x03\xe8")
        scene.check_end("start", "end")
        trace = scene.recorder.trace
        first = trace.index("requestheaders")
        self.assertEqual(
            trace[first:],
            [
                *HTTP_PART,
                "response",
                "next_layer",
                "websocket_start",
                "websocket_message",
                "websocket_message",
                "websocket_end",
                "serverdisconnect",
                "clientdisconnect",
            ],
        )

    def test_flow(self) -> None:
        """The flow knows its handshake, both connections and how it ended."""
        scene = WebSocketScene(self, fields=("Sec-WebSocket-Protocol: chat, other",), is_asked=False)
        scene.ask()
        scene.agree("Sec-WebSocket-Protocol: other")
        flow = scene.flow
        self.assertIs(flow.handshake_flow, scene.recorder.last("websocket_handshake"))
        self.assertEqual((flow.request.path, flow.response.status_code), ("/chat", 101))
        self.assertEqual((flow.client_protocol, flow.server_protocol), ("chat, other", "other"))
        self.assertEqual(flow.server_conn.address, ("example.com", 443 if self.is_tls else 80))
        self.assertIs(flow.client_conn, scene.recorder.last("clientconnect").client_conn)
        self.assertTrue(flow.live)
        scene.say(False, closing(False, 4001, "no more"))
        scene.say(True, closing(True, 4001))
        self.assertEqual((flow.close_sender, flow.close_code, flow.close_reason), ("server", 4001, "no more"))
        scene.check_end("start", "end")

    def test_message(self) -> None:
        """A message has a type, a direction, a content and the time at which it came."""
        scene = WebSocketScene(self)
        scene.harness.advance(5)
        scene.say(True, words(True, "grüße".encode()))
        scene.say(False, frame(False, b"\xff\x00", BINARY))
        first, second = scene.flow.messages
        self.assertEqual((first.type, first.from_client, first.text), ("text", True, "grüße"))
        self.assertEqual((second.type, second.from_client, second.content), (BINARY, False, b"\xff\x00"))
        self.assertEqual(first.timestamp, scene.harness.network.seconds())
        scene.end()
        scene.check_end("start", "end")

    def test_start_gates(self) -> None:
        """Nothing is passed on before websocket_start is done, also not what came right behind both heads."""
        holder = Holder()
        scene = WebSocketScene(self, holder, on_websocket_start=holder, is_asked=False)
        scene.ask()
        scene.say(True, words(True, b"early"))
        scene.agree(behind=words(False, b"early too"))
        scene.holds()
        self.assertTrue(scene.response.endswith(b"\r\n\r\n"))
        scene.say(True, ping(True, b"p"))
        self.assertEqual((scene.heard(False), scene.heard(True)), (b"", b""))
        self.assertEqual(scene.hooks, ["start"])
        holder.answer()
        scene.harness.pump()
        self.assertEqual(scene.heard(False), words(True, b"early") + ping(True, b"p"))
        self.assertEqual(scene.heard(True), words(False, b"early too"))
        scene.end()
        scene.check_end("start", "end")

    def test_behind_the_heads(self) -> None:
        """Frames right behind the heads of both sides are not lost and not doubled, whoever listens."""
        for only in (None, ()):
            scene = WebSocketScene(self, is_asked=False, only=only)
            scene.ask()
            scene.client.send(words(True, b"a"))
            scene.agree(behind=words(False, b"b"))
            self.assertEqual(scene.heard(False), words(True, b"a"))
            self.assertTrue(scene.response.endswith(b"\r\n\r\n" + words(False, b"b")))
            scene.check_end()


class ReverseOrderTests(OrderTests):
    """The same in reverse mode."""

    is_reverse = True


class TLSOrderTests(OrderTests):
    """The same inside of intercepted TLS."""

    is_tls = True


class TLSReverseOrderTests(OrderTests):
    """The same inside of TLS in reverse mode."""

    is_tls = True
    is_reverse = True


class VerbatimTests(ConversationCase):
    """What nobody changes."""

    only: Any = None

    def both(self, make: Any) -> None:
        """What C{make} makes for a side gets to the other one as it is."""
        for from_client in (True, False):
            scene = WebSocketScene(self, only=self.only)
            data = make(from_client)
            scene.say(from_client, data)
            self.assertEqual(scene.heard(not from_client), data)
            scene.end()
            scene.check_end()
            self.assertEqual(scene.recorder.count("websocket_error"), 0)

    def test_message(self) -> None:
        """A message keeps its mask."""
        self.both(lambda from_client: words(from_client, b"hello", b"", b"again"))

    def test_fragments(self) -> None:
        """A message in fragments keeps them, empty ones included."""
        self.both(lambda from_client: self.fragmented(from_client, b"", b"hel", b"", b"lo"))

    def test_text_split_within_a_character(self) -> None:
        """A character may be in two fragments."""
        self.both(lambda from_client: self.fragmented(from_client, b"gr\xc3", b"\xbc\xc3\x9fe"))

    def test_long(self) -> None:
        """Lengths of 16 and of 64 bits."""
        self.both(lambda from_client: frame(from_client, b"x" * 126, BINARY) + frame(from_client, b"y" * 70000, BINARY))

    def test_byte_by_byte(self) -> None:
        """However the bytes come."""
        for from_client in (True, False):
            scene = WebSocketScene(self, only=self.only)
            data = self.fragmented(from_client, b"ab", b"c") + ping(from_client, b"!") + words(from_client, b"d")
            for at in range(len(data)):
                scene.say(from_client, data[at : at + 1])
            self.assertEqual(scene.heard(not from_client), data)
            scene.check_end()

    def test_ping_and_pong(self) -> None:
        """Pings and pongs get their payload through, and nobody answers in the peer's place."""
        self.both(
            lambda from_client: (
                ping(from_client, b"payload") + ping(from_client, b"unasked", 10) + ping(from_client, b"")
            )
        )

    def test_ping_between_fragments(self) -> None:
        """A ping between two fragments is passed on before the message is whole."""
        for from_client in (True, False):
            scene = WebSocketScene(self, only=self.only)
            start, end = frame(from_client, b"a", TEXT, False), frame(from_client, b"b", 0)
            scene.say(from_client, start + ping(from_client, b"now"))
            self.assertEqual(scene.heard(not from_client), ping(from_client, b"now"))
            scene.say(from_client, end)
            self.assertEqual(scene.heard(not from_client), start + end)
            scene.check_end()

    def test_pings_are_no_messages(self) -> None:
        """There is no hook for them."""
        scene = WebSocketScene(self)
        scene.say(True, ping(True, b"x"))
        self.assertEqual(scene.hooks, ["start"])
        scene.end()
        scene.check_end("start", "end")


class UnheardVerbatimTests(VerbatimTests):
    """The same when nobody listens."""

    only = ()

    def test_pings_are_no_messages(self) -> None:
        """Nothing is recorded, and no message is kept."""
        scene = WebSocketScene(self, only=("websocket_start", "websocket_end"))
        scene.say(True, words(True, b"x"))
        self.assertEqual(scene.heard(False), words(True, b"x"))
        self.assertEqual(len(scene.flow.messages), 0)
        scene.end()
        scene.check_end("start", "end")


class EditTests(ConversationCase):
    """What addons change."""

    def edited(self, handler: Any, make: Any) -> list[tuple[int, bytes, tuple[int, ...]]]:
        """Type, content and cuts of what both sides hear in place of what C{make} makes for a side."""
        heard = []
        for from_client in (True, False):
            scene = WebSocketScene(self, on_websocket_message=handler)
            scene.say(from_client, make(from_client))
            events: list[Any] = list(scene.readers[not from_client].feed(scene.heard(not from_client)))
            heard.append([(event.opcode, event.payload, event.sizes) for event in events])
            scene.end()
            scene.check_end("start", "end")
        self.assertEqual(heard[0], heard[1])
        return heard[0]

    def test_longer(self) -> None:
        """A longer content is framed anew, and masked anew towards a server."""
        heard = self.edited(edit(b"a longer one"), lambda from_client: words(from_client, b"short"))
        self.assertEqual(heard, [(TEXT, b"a longer one", (12,))])

    def test_shorter(self) -> None:
        """A shorter one, down to nothing: an empty message is a message."""
        heard = self.edited(edit(b""), lambda from_client: words(from_client, b"short"))
        self.assertEqual(heard, [(TEXT, b"", (0,))])

    def test_same_length_fragmented(self) -> None:
        """The same length is cut in the same places."""
        heard = self.edited(edit(b"HELLO"), lambda from_client: self.fragmented(from_client, b"he", b"", b"llo"))
        self.assertEqual(heard, [(TEXT, b"HELLO", (2, 0, 3))])

    def test_longer_fragmented(self) -> None:
        """Another length of what came in fragments is cut at each 64 KiB."""
        heard = self.edited(edit(b"x" * 70000), lambda from_client: self.fragmented(from_client, b"he", b"llo"))
        self.assertEqual(heard, [(TEXT, b"x" * 70000, (65536, 4464))])

    def test_str(self) -> None:
        """Text may be given as C{str}."""

        def websocket_message(flow: Any) -> None:
            flow.messages[-1].text += "!"

        heard = self.edited(websocket_message, lambda from_client: words(from_client, b"short"))
        self.assertEqual(heard, [(TEXT, b"short!", (6,))])

    def test_type(self) -> None:
        """The type may be changed, with or without the content."""

        def websocket_message(flow: Any) -> None:
            flow.messages[-1].type = "binary"

        heard = self.edited(websocket_message, lambda from_client: words(from_client, b"short"))
        self.assertEqual(heard, [(BINARY, b"short", (5,))])

    def test_killed(self) -> None:
        """A killed message is not passed on, stays in the history, marked, and the next one goes on."""

        def websocket_message(flow: Any) -> None:
            if flow.messages[-1].content == b"bad":
                flow.messages[-1].kill()

        for from_client in (True, False):
            scene = WebSocketScene(self, on_websocket_message=websocket_message)
            scene.say(from_client, words(from_client, b"good", b"bad", b"good"))
            self.assertEqual(scene.heard(not from_client), words(from_client, b"good", b"good"))
            self.assertEqual([message.killed for message in scene.flow.messages], [False, True, False])
            scene.end()
            scene.check_end("start", "end")

    def test_later_edit(self) -> None:
        """What is written after the hook is over has no effect on the wire."""
        scene = WebSocketScene(self)
        scene.say(True, words(True, b"one"))
        scene.flow.messages[-1].content = b"late"
        scene.say(True, words(True, b"two"))
        self.assertEqual(scene.heard(False), words(True, b"one", b"two"))
        scene.check_end()

    def test_two_addons(self) -> None:
        """The second addon sees what the first one made."""
        second = Recorder("second", only=(), websocket_message=lambda flow: edit(flow.messages[-1].content * 2)(flow))
        scene = WebSocketScene(self, on_websocket_message=edit(b"ab"), addons=[second])
        scene.say(False, words(False, b"x"))
        self.assertEqual(scene.messages(True), [b"abab"])
        scene.check_end()
