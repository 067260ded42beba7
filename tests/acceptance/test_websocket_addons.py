"""WebSocket: messages of addons, the history, and other layers after 101."""

from typing import Any

from mitmtw._wire.websocket import BINARY, TEXT
from mitmtw.model import ClientConnection, WebSocketFlow, WebSocketMessage
from tests.acceptance.conversation_base import ConversationCase, WebSocketScene, closing, frame, words
from tests.acceptance.failures_base import Holder


class InjectTests(ConversationCase):
    """What addons say themselves."""

    def test_both_ways(self) -> None:
        """Towards both sides, text and bytes; the hook sees it, marked, in the name of the other side."""
        scene = WebSocketScene(self)
        made = scene.flow.inject("to the server", to_client=False)
        scene.flow.inject(b"\xff", to_client=True)
        scene.harness.pump()
        self.assertEqual(scene.messages(False), [b"to the server"])
        self.assertEqual(scene.heard(True), frame(False, b"\xff", BINARY))
        self.assertEqual((made.injected, made.from_client, made.type), (True, True, "text"))
        self.assertEqual(scene.hooks, ["start", "message", "message"])
        scene.end()
        scene.check_end("start", "end")

    def test_in_start(self) -> None:
        """In websocket_start already: it goes out when that is done, before what came meanwhile."""

        def websocket_start(flow: Any) -> None:
            flow.inject("welcome", to_client=True)

        scene = WebSocketScene(self, on_websocket_start=websocket_start, is_asked=False)
        scene.ask()
        scene.agree(behind=words(False, b"hello"))
        self.assertTrue(scene.response.endswith(words(False, b"welcome", b"hello")))
        scene.check_end()

    def test_not_before_start(self) -> None:
        """Before websocket_start there is no such flow; one of an addon's own cannot send."""
        self.assertRaises(ValueError, WebSocketFlow(ClientConnection()).inject, "x", True)

    def test_behind_waiting_messages(self) -> None:
        """It comes after the messages that wait already, of either side."""
        holder = Holder()
        scene = WebSocketScene(self, holder, on_websocket_message=lambda flow: None if held else holder(flow))
        held: list[int] = []
        scene.say(True, words(True, b"one"))
        scene.say(True, words(True, b"two"))
        scene.flow.inject(b"three", to_client=False)
        scene.harness.pump()
        self.assertEqual(scene.heard(False), b"")
        held.append(1)
        holder.answer()
        scene.harness.pump()
        self.assertEqual(scene.messages(False), [b"one", b"two", b"three"])
        self.assertEqual(scene.contents, [b"one", b"two", b"three"])
        scene.check_end()

    def test_of_an_answer(self) -> None:
        """An addon that answers in the server's place: the question is dropped, the answer injected by its own hook."""

        def websocket_message(flow: Any) -> None:
            message = flow.messages[-1]
            if message.from_client:
                message.kill()
                flow.inject(message.text.upper(), to_client=True)

        scene = WebSocketScene(self, on_websocket_message=websocket_message)
        scene.say(True, words(True, b"a", b"b"))
        self.assertEqual((scene.messages(True), scene.heard(False)), ([b"A", b"B"], b""))
        scene.check_end()

    def test_may_be_killed(self) -> None:
        """A later addon, or the same, may drop or change it."""

        def websocket_message(flow: Any) -> None:
            if flow.messages[-1].injected:
                flow.messages[-1].kill()

        scene = WebSocketScene(self, on_websocket_message=websocket_message)
        scene.flow.inject("x", to_client=True)
        scene.harness.pump()
        self.assertEqual(scene.heard(True), b"")
        scene.check_end()

    def test_between_fragments(self) -> None:
        """It never comes between the fragments of another message."""
        scene = WebSocketScene(self)
        scene.say(True, frame(True, b"a", TEXT, False))
        scene.flow.inject(WebSocketMessage("text", True, "x"), to_client=False)
        scene.say(True, frame(True, b"b", 0))
        self.assertEqual(scene.messages(False), [b"x", b"ab"])
        scene.check_end()

    def test_after_the_end(self) -> None:
        """ValueError in websocket_end and after it, and in the name of a side that has said goodbye."""
        raised: list[Exception] = []

        def websocket_end(flow: Any) -> None:
            try:
                flow.inject("x", to_client=True)
            except ValueError as error:
                raised.append(error)

        scene = WebSocketScene(self, on_websocket_end=websocket_end, on_websocket_error=websocket_end)
        scene.server.reset()
        scene.harness.pump()
        self.assertEqual(len(raised), 2)
        raised.clear()
        scene = WebSocketScene(self, on_websocket_end=websocket_end)
        scene.say(True, closing(True))
        self.assertRaises(ValueError, scene.flow.inject, "x", to_client=False)
        scene.flow.inject("for you", to_client=True)
        scene.harness.pump()
        self.assertEqual(scene.messages(True), [b"for you"])
        scene.say(False, closing(False))
        self.assertEqual(len(raised), 1)
        self.assertRaises(ValueError, scene.flow.inject, "x", to_client=True)
        scene.check_end("start", "end")


class UnheardInjectTests(ConversationCase):
    """Messages of addons that do not listen to messages."""

    def test_both_ways(self) -> None:
        """They are sent as well."""
        scene = WebSocketScene(self, only=("websocket_start",))
        scene.flow.inject("x", to_client=True)
        scene.flow.inject("y", to_client=False)
        scene.harness.pump()
        self.assertEqual((scene.messages(True), scene.messages(False)), ([b"x"], [b"y"]))
        scene.harness.stop()


class HistoryTests(ConversationCase):
    """How much is kept."""

    def test_count(self) -> None:
        """The latest ones, and how many went before."""
        scene = WebSocketScene(self, message_history_count=2)
        scene.say(True, words(True, b"1", b"2", b"3"))
        self.assertEqual((scene.contents, scene.flow.messages.forgotten), ([b"2", b"3"], 1))
        scene.check_end()

    def test_bytes(self) -> None:
        """As many as there is room for; the latest is there in its hook, however long it is."""
        seen: list[int] = []
        scene = WebSocketScene(
            self,
            message_history_bytes=10,
            on_websocket_message=lambda flow: seen.append(len(flow.messages[-1].content)),
        )
        scene.say(True, words(True, b"12345", b"678", b"9abcd"))
        self.assertEqual(scene.contents, [b"678", b"9abcd"])
        scene.say(True, words(True, b"x" * 11))
        self.assertEqual((scene.contents, seen), ([], [5, 3, 5, 11]))
        scene.check_end()

    def test_none(self) -> None:
        """With 0 only the message of the hook is there, as long as that runs."""
        for option in ("message_history_count", "message_history_bytes"):
            seen: list[bytes] = []

            def websocket_message(flow: Any, seen: list[bytes] = seen) -> None:
                seen.append(flow.messages[-1].content)

            settings: dict[str, Any] = {option: 0}
            scene = WebSocketScene(self, on_websocket_message=websocket_message, **settings)
            scene.say(True, words(True, b"a", b"b"))
            self.assertEqual((len(scene.flow.messages), seen), (0, [b"a", b"b"]))
            self.assertEqual(scene.heard(False), words(True, b"a", b"b"))
            scene.check_end()


class NextLayerTests(ConversationCase):
    """next_layer after 101."""

    def test_relay(self) -> None:
        """A relay in its place passes all bytes on, unread, on the same connections; no hook fires."""

        def next_layer(layer: Any) -> Any:
            return layer.proxy.layers["relay"](layer) if layer.name == "websocket" else None

        scene = WebSocketScene(self, on_next_layer=next_layer)
        scene.say(True, b"\xff\xff\xffno frames")
        scene.say(False, b"none")
        self.assertEqual((scene.heard(False), scene.heard(True)), (b"\xff\xff\xffno frames", b"none"))
        self.assertEqual(len(scene.origin.peers), 1)
        self.assertEqual(scene.recorder.trace[-1], "next_layer")

    def test_tcp(self) -> None:
        """A TCP conversation in its place."""

        def next_layer(layer: Any) -> Any:
            return layer.proxy.layers["tcp"](layer) if layer.name == "websocket" else None

        scene = WebSocketScene(self, on_next_layer=next_layer)
        scene.say(True, b"\xff")
        self.assertEqual(scene.heard(False), b"\xff")
        self.assertEqual(scene.recorder.trace[-2:], ["tcp_start", "tcp_message"])
        self.assertEqual(len(scene.origin.peers), 1)

    def test_client_gone_while_held(self) -> None:
        """A client that resets while next_layer is held takes the connection to the server with it."""
        holder = Holder()

        def next_layer(layer: Any) -> Any:
            return holder(layer) if layer.name == "websocket" else None

        scene = WebSocketScene(self, holder=holder, on_next_layer=next_layer)
        scene.client.reset()
        scene.harness.pump()
        self.assertEqual(holder.cancelled, 1)
        self.assertTrue(scene.server.was_reset())
        self.assertEqual(scene.recorder.trace[-2:], ["serverdisconnect", "clientdisconnect"])

    def test_kill_in_next_layer(self) -> None:
        """So does one that is killed there."""
        scene = WebSocketScene(self, on_next_layer=lambda layer: layer.kill() if layer.name == "websocket" else None)
        self.assertTrue(scene.client.was_reset())
        self.assertTrue(scene.server.was_reset())
        self.assertEqual(scene.recorder.trace[-2:], ["serverdisconnect", "clientdisconnect"])
