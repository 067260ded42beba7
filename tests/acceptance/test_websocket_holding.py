"""WebSocket: hooks that take their time or fail, and sides that do not read."""

from typing import Any

from mitmtw._wire.websocket import BINARY
from tests.acceptance.conversation_base import ConversationCase, WebSocketScene, closing, frame, ping, words
from tests.acceptance.failures_base import Holder

READ = 65536  # bytes of one read
BOUND = 2 * READ  # what is kept in one direction: 64 KiB and one read


class HeldTests(ConversationCase):
    """A hook that is held."""

    def scene(self, **settings: Any) -> WebSocketScene:
        """A connection whose messages are held."""
        holder = Holder()
        return WebSocketScene(self, holder, on_websocket_message=holder, **settings)

    def test_latest_message(self) -> None:
        """messages[-1] is the message for as long as the hook is pending, whatever either side says meanwhile."""
        scene = self.scene()
        scene.say(True, words(True, b"one"))
        scene.say(False, words(False, b"two"))
        scene.say(True, words(True, b"three"))
        for count, content in enumerate((b"one", b"two", b"three"), 1):
            scene.holds()
            self.assertEqual(scene.flow.messages[-1].content, content)
            self.assertEqual(scene.hooks.count("message"), count)
            scene.holder.answer()
            scene.harness.pump()
        self.assertEqual(scene.heard(False), words(True, b"one", b"three"))
        self.assertEqual(scene.heard(True), words(False, b"two"))
        scene.check_end()

    def test_order(self) -> None:
        """All else waits too, in its order: control frames, and the close frame."""
        scene = self.scene()
        scene.say(True, words(True, b"one") + ping(True, b"p") + words(True, b"two") + closing(True))
        self.assertEqual(scene.heard(False), b"")
        scene.holder.answer()
        scene.harness.pump()
        self.assertEqual(scene.heard(False), words(True, b"one") + ping(True, b"p"))
        self.assertIsNone(scene.flow.close_sender)
        scene.holder.answer()
        scene.harness.pump()
        self.assertEqual(scene.heard(False), words(True, b"two") + closing(True))
        scene.say(False, closing(False))
        scene.check_end("start", "end")

    def test_broken_frame_waits(self) -> None:
        """What came before a broken frame is dealt with first."""
        scene = self.scene()
        scene.say(True, words(True, b"good") + b"\xff\xff")
        self.assertEqual((scene.heard(True), scene.heard(False)), (b"", b""))
        scene.holder.answer()
        scene.harness.pump()
        self.assertEqual(scene.messages(False)[0], b"good")
        self.assertEqual(scene.messages(True)[0][1][:2], (1002).to_bytes(2, "big"))
        scene.check_end("start", "error", "end")

    def test_other_flows_go_on(self) -> None:
        """Only this flow is held."""
        pending = Holder()
        scene = WebSocketScene(
            self,
            pending,
            on_websocket_message=lambda flow: pending(flow) if flow.messages[-1].content == b"hold" else None,
        )
        scene.say(True, words(True, b"hold"))
        first_client, first_server = scene.client, scene.server
        scene.client = scene.harness.client()
        scene.ask()
        scene.agree()
        scene.say(True, words(True, b"go"))
        self.assertEqual(scene.heard(False), words(True, b"go"))
        self.assertEqual(first_server.received, b"")
        first_client.reset()
        scene.harness.pump()
        self.assertEqual(pending.cancelled, 1)
        scene.end()
        scene.check_end("start", "end")

    def test_client_gone(self) -> None:
        """A client that resets: the hook is cancelled, what waits is dropped, then the last hooks."""
        for sent in (b"", words(True, *[b"x" * 1000] * 30)):
            scene = self.scene()
            scene.say(True, words(True, b"one") + sent)
            scene.client.reset()
            scene.harness.pump()
            self.assertEqual(scene.holder.cancelled, 1)
            self.assertEqual(scene.hooks, ["start", "message", "error", "end"])
            self.assertTrue(scene.server.was_reset())
            self.assertEqual(scene.server.received, b"")
            self.assertEqual(scene.recorder.trace[-1], "clientdisconnect")
            scene.check_end("start", "error", "end")

    def test_client_gone_unread(self) -> None:
        """So is one that is not read from any more because too much of it waits."""
        scene = self.scene()
        scene.say(True, frame(True, bytes(READ), BINARY) * 4)
        self.assertTrue(scene.proxy_wire.paused)
        scene.client.reset()
        scene.harness.pump()
        scene.harness.advance(1, 1)
        scene.holder.answer()  # in memory a paused end notices nothing
        scene.harness.pump()
        scene.check_end("start", "error", "end")

    def test_client_closes(self) -> None:
        """A client that closes without a close frame: what it said is passed on, then the connection has failed."""
        scene = self.scene()
        scene.say(True, words(True, b"one"))
        scene.client.close()
        scene.harness.pump()
        scene.holds()
        scene.holder.answer()
        scene.harness.pump()
        self.assertEqual(scene.heard(False), words(True, b"one"))
        self.assertTrue(scene.server.has_ended)
        scene.check_end("start", "error", "end", error="without a close frame")

    def test_server_gone(self) -> None:
        """The handler completes and the client gets what the server said before it was gone."""
        for do in ("reset", "close"):
            scene = self.scene()
            scene.say(False, words(False, b"one"))
            getattr(scene.server, do)()
            scene.harness.pump()
            scene.holds()
            self.assertEqual(scene.holder.cancelled, 0)
            scene.holder.answer()
            scene.harness.pump()
            self.assertFalse(scene.client.is_connected and not scene.client.has_ended)
            scene.check_end("start", "error", "end")

    def test_start_and_client_gone(self) -> None:
        """The same in websocket_start."""
        holder = Holder()
        scene = WebSocketScene(self, holder, on_websocket_start=holder)
        scene.client.reset()
        scene.harness.pump()
        self.assertEqual(holder.cancelled, 1)
        scene.check_end("start", "error", "end")

    def test_intercepted(self) -> None:
        """A flow that is intercepted is held until it is resumed, without any deadline; edits count until then."""
        scene = WebSocketScene(
            self, on_websocket_message=lambda flow: flow.intercept(), hook_timeout=10, tcp_timeout=60
        )
        scene.say(True, words(True, b"one", b"two"))
        scene.harness.advance(*[50] * 5)
        self.assertEqual(scene.heard(False), b"")
        self.assertEqual(scene.contents, [b"one"])
        scene.flow.messages[-1].content = b"ONE"
        scene.flow.resume()
        scene.harness.pump()
        self.assertEqual(scene.messages(False), [b"ONE"])
        scene.flow.resume()
        scene.harness.pump()
        self.assertEqual(scene.heard(False), words(True, b"two"))
        scene.harness.advance(50, 30)
        self.assertFalse(scene.client.is_connected, "the deadline of silence counts again")
        scene.check_end("start", "error", "end", error="nothing was said for too long")

    def test_intercepted_and_killed(self) -> None:
        """Or until it is killed, or its client is gone."""
        for end in ("kill", "reset"):
            scene = WebSocketScene(self, on_websocket_message=lambda flow: flow.intercept())
            scene.say(True, words(True, b"one"))
            scene.flow.kill() if end == "kill" else scene.client.reset()
            scene.harness.pump()
            self.assertEqual(scene.hooks, ["start", "message", "error", "end"])
            scene.check_end("start", "error", "end")

    def test_intercepted_start(self) -> None:
        """In websocket_start too, also when nobody listens to messages."""
        scene = WebSocketScene(self, only=(), on_websocket_start=lambda flow: flow.intercept())
        scene.say(True, words(True, b"one"))
        self.assertEqual(scene.heard(False), b"")
        flow = scene.flow
        flow.resume()
        scene.harness.pump()
        self.assertEqual(scene.heard(False), words(True, b"one"))


class FailureTests(ConversationCase):
    """Handlers that fail."""

    def scene(self, policy: str, handler: Any, **settings: Any) -> WebSocketScene:
        """A connection with such a failure policy."""
        scene = WebSocketScene(self, is_asked=False, on_websocket_message=handler, **settings)
        link = scene.harness.service.lifecycle._hooks.chain.find(scene.recorder)  # type: ignore[union-attr]
        link.policy = policy == "kill"
        scene.ask()
        scene.agree()
        scene.say(True, words(True, b"one"))
        return scene

    @staticmethod
    def fails(flow: Any) -> None:
        """A handler that raises."""
        raise ZeroDivisionError

    def test_continue(self) -> None:
        """It is logged, and the message goes on."""
        scene = self.scene("continue", self.fails)
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 1)
        self.assertEqual(scene.heard(False), words(True, b"one"))
        scene.end()
        scene.check_end("start", "end")

    def test_kill(self) -> None:
        """With the policy kill the connection is closed."""
        scene = self.scene("kill", self.fails)
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 1)
        self.assertEqual(scene.messages(False), [(8, (1001).to_bytes(2, "big"))])
        scene.check_end("start", "error", "end", error="failed")

    def test_silent(self) -> None:
        """A handler that never answers is cancelled at its deadline: the message goes on, or the connection ends."""
        for policy in ("continue", "kill"):
            holder = Holder()
            scene = self.scene(policy, holder, hook_timeout=10, holder=holder)
            scene.say(False, words(False, b"two"))
            scene.harness.advance(5, 4)
            self.assertEqual(scene.heard(False), b"")
            scene.harness.advance(2)
            self.assertEqual(holder.cancelled, 1)
            if policy == "kill":
                self.assertEqual(scene.messages(False), [(8, (1001).to_bytes(2, "big"))])
                scene.check_end("start", "error", "end")
            else:
                self.assertEqual(scene.heard(False), words(True, b"one"))
                scene.harness.advance(5, 5, 1)
                self.assertEqual(scene.heard(True), words(False, b"two"))
                scene.end()
                scene.check_end("start", "end")

    def test_last_hooks(self) -> None:
        """One that fails in the last hooks, or never answers there, does not hold the end of the connection."""
        for hook in ("websocket_error", "websocket_end"):
            holder = Holder()
            scene = WebSocketScene(self, holder, hook_timeout=10, **{f"on_{hook}": holder})  # type: ignore[arg-type]
            scene.client.reset()
            scene.harness.pump()
            self.assertNotIn("clientdisconnect", scene.recorder.trace)
            scene.harness.advance(5, 5, 1)
            self.assertEqual(scene.recorder.trace[-1], "clientdisconnect")
            scene.check_end("start", "error", "end")


class PressureTests(ConversationCase):
    """Bounded memory."""

    def check_bound(self, scene: WebSocketScene, from_client: bool, kept: int) -> None:
        """The sender cannot get rid of more than C{kept} bytes beyond what the network holds."""
        sender = scene.side(from_client).wire
        below = 131072  # bytes on their way in one direction, in memory
        taken = sender.bytes_written - len(sender.outgoing) - len(sender.peer.arrived)
        self.assertLessEqual(taken, kept)
        self.assertTrue(sender.peer.paused)
        self.assertLessEqual(len(sender.peer.arrived), below)

    def test_receiver_does_not_read(self) -> None:
        """With and without a listener, both ways: nothing more is read than there is room for."""
        for only in (None, ()):
            for from_client in (True, False):
                scene = WebSocketScene(self, only=only)
                receiver = scene.side(not from_client)
                before = scene.side(from_client).wire.bytes_written
                receiver.wire.pauseProducing()
                piece = frame(from_client, bytes(10_000), BINARY)
                scene.say(from_client, piece * 100)
                self.check_bound(scene, from_client, before + 131072 + 2 * READ)
                receiver.wire.resumeProducing()
                scene.harness.pump()
                self.assertEqual(receiver.received, piece * 100)
                scene.check_end()

    def test_other_direction_goes_on(self) -> None:
        """A receiver that does not read holds its own direction only."""
        scene = WebSocketScene(self)
        scene.server.wire.pauseProducing()
        scene.say(True, frame(True, bytes(10_000), BINARY) * 100)
        scene.say(False, words(False, b"still here"))
        self.assertEqual(scene.heard(True), words(False, b"still here"))
        scene.check_end()

    def test_hook_held(self) -> None:
        """While a hook is held, 64 KiB and one read of each direction are kept beside the message it is about."""
        holder = Holder()
        for from_client in (True, False):
            scene = WebSocketScene(self, holder, on_websocket_message=holder)
            before = scene.side(from_client).wire.bytes_written
            scene.say(from_client, words(from_client, b"first"))
            piece = frame(from_client, bytes(1000), BINARY)
            scene.say(from_client, piece * 1000)
            self.check_bound(scene, from_client, before + len(words(from_client, b"first")) + BOUND)
            for _ in range(1001):
                holder.answer()
                scene.harness.pump()
            self.assertEqual(scene.heard(not from_client), words(from_client, b"first") + piece * 1000)
            self.assertFalse(scene.side(from_client).wire.peer.paused)
            scene.end()
            scene.check_end("start", "end")

    def test_start_held(self) -> None:
        """The same while websocket_start is held and nobody listens to messages."""
        holder = Holder()
        scene = WebSocketScene(self, holder, only=(), on_websocket_start=holder)
        before = scene.client.wire.bytes_written
        piece = frame(True, bytes(1000), BINARY)
        scene.say(True, piece * 1000)
        self.check_bound(scene, True, before + BOUND)
        holder.answer()
        scene.harness.pump()
        self.assertEqual(scene.heard(False), piece * 1000)

    def test_full_and_held(self) -> None:
        """Both reasons at once: the one that is over first does not let it be read."""
        holder = Holder()
        scene = WebSocketScene(self, holder, on_websocket_message=holder)
        scene.server.wire.pauseProducing()
        piece = frame(True, bytes(100_000), BINARY)
        scene.say(True, piece * 20)
        for _ in range(10):
            holder.answer()
            scene.harness.pump()
        self.assertTrue(scene.proxy_wire.paused)
        scene.server.wire.resumeProducing()
        scene.harness.pump()
        self.assertTrue(scene.proxy_wire.paused)
        for _ in range(20):
            holder.answer()
            scene.harness.pump()
        self.assertEqual(scene.heard(False), piece * 20)
        self.assertFalse(scene.proxy_wire.paused)
        scene.check_end()
