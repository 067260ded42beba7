"""TCP: what passes between the sides, and what addons make of it."""

from typing import Any

from twisted.internet.defer import Deferred

from mitmtw.testing import Recorder
from tests.acceptance.conversation_base import ConversationCase, TCPScene
from tests.acceptance.failures_base import Holder

FIRST = b"\x00hello"
CONVERSATION = ("tcp_start", "tcp_error", "tcp_end")  # without tcp_message: no message is made


class OrderTests(ConversationCase):
    """The hooks in their order."""

    def test_all(self) -> None:
        """tcp_start after the server is connected, each chunk, tcp_end, then the ends of the connections."""
        scene = TCPScene(self)
        scene.say(False, b"answer")
        scene.client.close()
        scene.harness.pump()
        scene.server.close()
        scene.harness.pump()
        trace = scene.recorder.trace
        expected = ["tcp_start", "tcp_message", "tcp_message", "tcp_end", "serverdisconnect", "clientdisconnect"]
        self.assertEqual([name for name in trace if name in {*expected, "tcp_error"}], expected)
        self.assertLess(trace.index("server_connected"), trace.index("tcp_start"))
        scene.check_end("start", "end")

    def test_flow(self) -> None:
        """The flow knows both connections, its messages know direction and time."""
        scene = TCPScene(self)
        scene.harness.advance(3)
        scene.say(False, b"answer")
        flow = scene.flow
        self.assertEqual(flow.server_conn.address, ("example.com", 9999))
        self.assertIs(flow.client_conn, scene.recorder.last("clientconnect").client_conn)
        self.assertEqual(
            [(each.from_client, each.content) for each in flow.messages], [(True, FIRST), (False, b"answer")]
        )
        self.assertEqual(flow.messages[-1].timestamp, scene.harness.network.seconds())
        self.assertTrue(flow.live)
        scene.check_end()

    def test_start_gates(self) -> None:
        """Nothing is passed on before tcp_start is done, of neither side."""
        holder = Holder()
        scene = TCPScene(self, holder, on_tcp_start=holder)
        scene.holds()
        scene.say(False, b"answer")
        self.assertEqual((scene.heard(True), scene.heard(False)), (b"", b""))
        holder.answer()
        scene.harness.pump()
        self.assertEqual((scene.heard(True), scene.heard(False)), (b"answer", FIRST))
        self.assertEqual(scene.hooks, ["start", "message", "message"])
        scene.check_end()


class TLSOrderTests(OrderTests):
    """The same inside of intercepted TLS."""

    is_tls = True


class ReverseOrderTests(OrderTests):
    """The same with reverse:tcp."""

    is_reverse = True


class TLSReverseOrderTests(OrderTests):
    """The same with reverse:tls, for a client that speaks plain TCP."""

    is_tls = True
    is_reverse = True


class MessageTests(ConversationCase):
    """Messages, and what addons make of them."""

    def test_edit(self) -> None:
        """Another content goes out in place of what came, both ways."""

        def tcp_message(flow: Any) -> None:
            flow.messages[-1].content = flow.messages[-1].content.upper() + b"!"

        scene = TCPScene(self, on_tcp_message=tcp_message)
        scene.say(False, b"answer")
        self.assertEqual((scene.heard(False), scene.heard(True)), (b"\x00HELLO!", b"ANSWER!"))
        self.assertEqual([message.original for message in scene.flow.messages], [FIRST, b"answer"])
        scene.check_end()

    def test_nothing(self) -> None:
        """Empty content sends nothing, and the conversation goes on."""

        def tcp_message(flow: Any) -> None:
            if flow.messages[-1].content == b"bad":
                flow.messages[-1].content = b""

        scene = TCPScene(self, on_tcp_message=tcp_message)
        scene.say(True, b"bad")
        scene.say(True, b"good")
        self.assertEqual(scene.heard(False), FIRST + b"good")
        self.assertFalse(scene.flow.messages[1].killed)
        scene.check_end()

    def test_killed(self) -> None:
        """A killed message is dropped, and marked."""

        def tcp_message(flow: Any) -> None:
            if flow.messages[-1].content == b"bad":
                flow.messages[-1].kill()

        scene = TCPScene(self, on_tcp_message=tcp_message)
        scene.say(False, b"bad")
        scene.say(False, b"good")
        self.assertEqual(scene.heard(True), b"good")
        self.assertEqual([message.killed for message in scene.flow.messages], [False, True, False])
        scene.check_end()

    def test_chunks(self) -> None:
        """No message is longer than 64 KiB, and nothing is lost."""
        for from_client in (True, False):
            scene = TCPScene(self)
            data = bytes(range(256)) * 1000
            scene.heard(False)
            scene.say(from_client, data)
            sizes = [len(content) for content in scene.contents[1:]]
            self.assertEqual((max(sizes), sum(sizes)), (65536, len(data)))
            self.assertEqual(scene.heard(not from_client), data)
            scene.check_end()

    def test_long_first_message(self) -> None:
        """What the client said while the server was being connected is cut as well."""
        data = b"\x00" + bytes(150_000)
        holder = Holder()
        scene = TCPScene(self, holder, first=data, on_serverconnect=holder)
        holder.answer()
        scene.harness.pump()
        self.assertEqual(scene.heard(False), data)
        self.assertEqual(max(map(len, scene.contents)), 65536)
        scene.check_end()

    def test_history(self) -> None:
        """Bounded by count and by bytes; with 0 only the message of the hook is there."""
        rows: list[tuple[dict[str, Any], list[bytes]]] = [
            ({"message_history_count": 2}, [b"two", b"three"]),
            ({"message_history_bytes": 5}, [b"three"]),
            ({"message_history_count": 0}, []),
            ({"message_history_bytes": 0}, []),
        ]
        for options, kept in rows:
            seen: list[bytes] = []

            def tcp_message(flow: Any, seen: list[bytes] = seen) -> None:
                seen.append(flow.messages[-1].content)

            scene = TCPScene(self, on_tcp_message=tcp_message, **options)
            scene.say(True, b"two")
            scene.say(False, b"three")
            self.assertEqual((scene.contents, seen), (kept, [FIRST, b"two", b"three"]))
            scene.check_end()

    def test_unheard(self) -> None:
        """When nobody listens to messages none are made, and all bytes pass."""
        scene = TCPScene(self, only=CONVERSATION)
        scene.say(False, b"x" * 200_000)
        self.assertEqual((scene.heard(False), len(scene.heard(True))), (FIRST, 200_000))
        self.assertEqual((len(scene.flow.messages), scene.flow.messages.forgotten), (0, 0))
        self.assertEqual(scene.hooks, ["start"])

    def test_two_addons(self) -> None:
        """Both in order; a later one sees what the earlier one made."""

        def double(flow: Any) -> None:
            flow.messages[-1].content *= 2

        def mark(flow: Any) -> None:
            flow.messages[-1].content += b"."

        scene = TCPScene(self, on_tcp_message=mark, addons=[Recorder("second", only=(), tcp_message=double)])
        self.assertEqual(scene.heard(False), b"\x00hello.\x00hello.")
        scene.check_end()


class HeldTests(ConversationCase):
    """Hooks that take their time or fail."""

    def scene(self, **settings: Any) -> TCPScene:
        """A conversation whose messages are held, the first one now."""
        holder = Holder()
        return TCPScene(self, holder, on_tcp_message=holder, **settings)

    def test_latest_message(self) -> None:
        """messages[-1] is the message for as long as the hook is pending, whatever either side says meanwhile."""
        scene = self.scene()
        scene.say(False, b"two")
        scene.say(True, b"three")
        for content in (FIRST, b"two", b"three"):
            scene.holds()
            self.assertEqual(scene.flow.messages[-1].content, content)
            scene.holder.answer()
            scene.harness.pump()
        self.assertEqual((scene.heard(False), scene.heard(True)), (FIRST + b"three", b"two"))
        scene.check_end()

    def test_snapshot(self) -> None:
        """An edit while the hook is pending counts, one after it does not."""
        scene = self.scene()
        message = scene.flow.messages[-1]
        message.content = b"in time"
        scene.holder.answer()
        message.content = b"late"
        scene.harness.pump()
        self.assertEqual(scene.heard(False), b"in time")
        scene.check_end()

    def test_client_gone(self) -> None:
        """A client that resets: the hook is cancelled, what waits is dropped."""
        scene = self.scene()
        scene.say(True, b"two")
        scene.client.reset()
        scene.harness.pump()
        self.assertEqual(scene.holder.cancelled, 1)
        self.assertEqual(scene.server.received, b"")
        self.assertTrue(scene.server.was_reset())
        self.assertEqual(scene.hooks, ["start", "message", "error", "end"])
        scene.check_end("start", "error", "end", error="the client broke the connection")

    def test_server_gone(self) -> None:
        """The handlers complete; the client gets all that the server said."""
        for do in ("reset", "close"):
            scene = self.scene()
            scene.say(False, b"last words")
            getattr(scene.server, do)()
            scene.harness.pump()
            scene.holds()
            scene.holder.answer()
            scene.harness.pump()
            scene.holder.answer()
            scene.harness.pump()
            if do == "reset":
                self.assertTrue(scene.client.was_reset())
                scene.check_end("start", "error", "end", error="the server broke the connection")
            else:
                self.assertEqual(scene.heard(True), b"last words")
                self.assertTrue(scene.client.has_ended)
                scene.check_end()

    def test_failing(self) -> None:
        """One that raises is logged, and the message goes on; with the policy kill both sides are reset."""

        def tcp_message(flow: Any) -> None:
            raise ZeroDivisionError

        for policy in (False, True):
            scene = TCPScene(self, first=None, on_tcp_message=tcp_message)
            link = scene.harness.service.lifecycle._hooks.chain.find(scene.recorder)  # type: ignore[union-attr]
            link.policy = policy
            scene.say(True, FIRST)
            self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 1)
            if policy:
                self.assertTrue(scene.client.was_reset() and scene.server.was_reset())
                scene.check_end("start", "error", "end", error="failed")
            else:
                self.assertEqual(scene.heard(False), FIRST)
                scene.check_end()

    def test_silent(self) -> None:
        """One that never answers is cancelled at its deadline, and the message goes on."""
        scene = self.scene(hook_timeout=10)
        scene.say(True, b"two")
        scene.harness.advance(5, 4)
        self.assertEqual(scene.heard(False), b"")
        scene.harness.advance(2)
        self.assertEqual((scene.heard(False), scene.holder.cancelled), (FIRST, 1))
        scene.harness.advance(5, 5, 1)
        self.assertEqual(scene.heard(False), b"two")
        scene.check_end()

    def test_intercepted(self) -> None:
        """Held until it is resumed, without any deadline."""
        scene = TCPScene(self, on_tcp_message=lambda flow: flow.intercept(), hook_timeout=10, tcp_timeout=60)
        scene.harness.advance(*[50] * 5)
        self.assertEqual(scene.heard(False), b"")
        scene.flow.resume()
        scene.harness.pump()
        self.assertEqual(scene.heard(False), FIRST)
        scene.check_end()

    def test_deferred(self) -> None:
        """A handler that waits for something of its own, then drops the message."""
        waited: Deferred[None] = Deferred()

        async def tcp_message(flow: Any) -> None:
            message = flow.message
            await waited
            message.kill()

        scene = TCPScene(self, on_tcp_message=tcp_message)
        waited.callback(None)
        scene.harness.pump()
        scene.say(True, b"more")
        self.assertEqual(scene.heard(False), b"")
        self.assertEqual(len(scene.flow.messages), 2)
        scene.check_end()


class PressureTests(ConversationCase):
    """Bounded memory."""

    def taken(self, scene: TCPScene, from_client: bool) -> int:
        """How much the proxy has taken of one side."""
        sender = scene.side(from_client).wire
        self.assertTrue(sender.peer.paused)
        return int(sender.bytes_written - len(sender.outgoing) - len(sender.peer.arrived))

    def test_receiver_does_not_read(self) -> None:
        """With and without a listener, both ways."""
        for only in (None, CONVERSATION):
            for from_client in (True, False):
                scene = TCPScene(self, only=only)
                scene.heard(False)
                receiver = scene.side(not from_client)
                before = scene.side(from_client).wire.bytes_written
                receiver.wire.pauseProducing()
                scene.say(from_client, bytes(1_000_000))
                self.assertLessEqual(self.taken(scene, from_client), before + 131072 + 2 * 65536)
                receiver.wire.resumeProducing()
                scene.harness.pump()
                self.assertEqual(len(receiver.received), 1_000_000)

    def test_hook_held(self) -> None:
        """64 KiB and one read are kept beside the message that the hook is about."""
        for from_client in (True, False):
            holder = Holder()
            scene = TCPScene(self, holder, on_tcp_message=holder)
            before = scene.side(from_client).wire.bytes_written
            scene.say(from_client, bytes(1_000_000))
            self.assertLessEqual(self.taken(scene, from_client), before + 2 * 65536)
            for _ in range(60):
                holder.answer()
                scene.harness.pump()
            self.assertEqual(len(scene.heard(not from_client)), 1_000_000 + (len(FIRST) if from_client else 0))
            scene.check_end()

    def test_connecting(self) -> None:
        """So much is kept while the server is being connected."""
        holder = Holder()
        scene = TCPScene(self, holder, on_serverconnect=holder, first=None)
        before = scene.client.wire.bytes_written
        scene.say(True, b"\x00" + bytes(999_999))
        self.assertLessEqual(self.taken(scene, True), before + 2 * 65536)
        holder.answer()
        scene.harness.pump()
        self.assertEqual(len(scene.heard(False)), 1_000_000)
        scene.check_end()
