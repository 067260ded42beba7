"""WebSocket: how connections end, and what each side is told."""

from typing import Any

from mitmtw._wire.websocket import BINARY, CLOSE, TEXT
from tests.acceptance.conversation_base import ConversationCase, WebSocketScene, closing, frame, ping, words
from tests.acceptance.failures_base import Holder


def code(number: int) -> bytes:
    """The payload of a close frame without words."""
    return number.to_bytes(2, "big")


class ShutdownTests(ConversationCase):
    """The proxy stops."""

    def test_going_away(self) -> None:
        """Both sides are told with 1001, and nobody is reset."""
        scene = WebSocketScene(self)
        scene.harness.stop()
        for is_client in (True, False):
            self.assertEqual(scene.messages(is_client), [(CLOSE, code(1001))])
            self.assertFalse(scene.side(is_client).was_reset())
        scene.check_end("start", "error", "end", error="the proxy shuts down")


class GoodEndTests(ConversationCase):
    """The closing handshake."""

    only: Any = None

    def test_both_ways(self) -> None:
        """It is passed on as it came, code and reason included, whoever begins; then both connections are closed."""
        for from_client in (True, False):
            scene = WebSocketScene(self, only=self.only)
            first, second = closing(from_client, 3999, "grüße"), closing(not from_client, 1000, "bye")
            scene.say(from_client, first)
            self.assertEqual(scene.heard(not from_client), first)
            self.assertEqual(scene.heard(from_client), b"")
            self.assertTrue(scene.client.is_connected and scene.server.is_connected)
            scene.say(not from_client, second)
            self.assertEqual(scene.heard(from_client), second)
            for is_client in (True, False):
                side = scene.side(is_client)
                self.assertTrue(side.has_ended or side.lost)
                self.assertFalse(side.was_reset())
            if self.only is None:
                flow = scene.flow
                self.assertEqual(flow.close_sender, "client" if from_client else "server")
                self.assertEqual((flow.close_code, flow.close_reason), (3999, "grüße"))
                scene.check_end("start", "end")

    def test_without_a_code(self) -> None:
        """A close frame that says nothing."""
        scene = WebSocketScene(self)
        scene.say(True, closing(True, None))
        self.assertEqual(scene.heard(False), closing(True, None))
        scene.say(False, closing(False, None))
        flow = scene.flow
        self.assertEqual((flow.close_sender, flow.close_code, flow.close_reason), ("client", None, ""))
        scene.check_end("start", "end")

    def test_what_the_other_side_says_meanwhile(self) -> None:
        """Between the two close frames the other side may go on."""
        scene = WebSocketScene(self, only=self.only)
        scene.say(True, closing(True))
        scene.say(False, words(False, b"late") + ping(False, b"p"))
        self.assertEqual(scene.heard(True), words(False, b"late") + ping(False, b"p"))
        scene.say(False, closing(False))
        self.assertEqual(scene.heard(True), closing(False))

    def test_behind_the_close_frame(self) -> None:
        """What a side says behind its close frame is dropped, in the same read or later."""
        scene = WebSocketScene(self, only=self.only)
        scene.say(True, words(True, b"one") + closing(True) + words(True, b"two"))
        scene.say(True, b"\xff\xff\xff")
        self.assertEqual(scene.heard(False), words(True, b"one") + closing(True))
        self.assertEqual(scene.heard(True), b"")
        scene.say(False, closing(False) + ping(False, b"x"))
        self.assertEqual(scene.heard(True), closing(False))
        if self.only is None:
            self.assertIsNone(scene.flow.error)
            scene.check_end("start", "end")

    def test_at_once(self) -> None:
        """Both sides begin at the same time."""
        scene = WebSocketScene(self, only=self.only)
        scene.client.send(closing(True, 1001))
        scene.server.send(closing(False, 1012))
        scene.harness.pump()
        self.assertEqual((scene.heard(True), scene.heard(False)), (closing(False, 1012), closing(True, 1001)))
        if self.only is None:
            scene.check_end("start", "end")

    def test_fin_behind_the_close_frame(self) -> None:
        """A side that closes its connection right behind its close frame has ended as it should."""
        for from_client in (True, False):
            scene = WebSocketScene(self)
            scene.side(from_client).send(words(from_client, b"last") + closing(from_client))
            scene.side(from_client).close()
            scene.harness.pump()
            self.assertEqual(scene.heard(not from_client), words(from_client, b"last") + closing(from_client))
            self.assertEqual(scene.flow.close_sender, "client" if from_client else "server")
            scene.check_end("start", "end")

    def test_no_answer(self) -> None:
        """A close frame that nobody answers is waited for a while, also when the other side goes on talking."""
        for from_client in (True, False):
            scene = WebSocketScene(self)
            scene.say(from_client, closing(from_client))
            for _ in range(4):
                scene.harness.advance(2)
                scene.say(not from_client, words(not from_client, b"talk"))
            self.assertTrue(scene.client.is_connected and scene.server.is_connected)
            scene.harness.advance(4)
            self.assertFalse(scene.client.is_connected or scene.server.is_connected)
            scene.check_end()


class UnheardGoodEndTests(GoodEndTests):
    """The same when nobody listens."""

    only = ()


class BrokenTests(ConversationCase):
    """A side that breaks the protocol."""

    only: Any = None

    def broken(self, from_client: bool, bad: bytes, number: int, **settings: Any) -> WebSocketScene:
        """
        A side sends a good message and then something bad: it is told the code C{number}, the other side that we go,
        and gets nothing of it.
        """
        scene = WebSocketScene(self, only=self.only, **settings)
        good = words(from_client, b"good")
        scene.say(from_client, good + bad)
        told, raw = scene.messages(from_client), scene.heard(not from_client)
        self.assertEqual([(opcode, payload[:2]) for opcode, payload in told], [(CLOSE, code(number))])
        self.assertGreater(len(told[0][1]), 10, "it should be told why")
        self.assertEqual(raw[: len(good)], good)
        events = scene.readers[not from_client].feed(raw[len(good) :])
        self.assertEqual([(event.opcode, event.payload) for event in events], [(CLOSE, code(1001))])
        scene.say(from_client, words(from_client, b"more"))
        self.assertEqual(scene.heard(not from_client), b"")
        for is_client in (True, False):
            side = scene.side(is_client)
            self.assertTrue(side.has_ended or side.lost)
        if self.only is None:
            flow = scene.flow
            self.assertEqual((flow.close_sender, flow.close_code), (None, number))
            self.assertEqual(scene.contents, [b"good"])
            who = "client" if from_client else "server"
            scene.check_end("start", "error", "end", error=f"the {who} broke the protocol")
        return scene

    def test_mask(self) -> None:
        """A client's frame without a mask, a server's with one."""
        for from_client in (True, False):
            self.broken(from_client, words(not from_client, b"x"), 1002)

    def test_opcode(self) -> None:
        """An opcode that does not exist."""
        for from_client in (True, False):
            self.broken(from_client, bytes([0x83]) + words(from_client, b"x")[1:], 1002)

    def test_continuation(self) -> None:
        """A continuation of nothing, and a message within another one."""
        for from_client in (True, False):
            self.broken(from_client, frame(from_client, b"x", 0), 1002)
            self.broken(from_client, frame(from_client, b"x", TEXT, False) + words(from_client, b"y"), 1002)

    def test_utf8(self) -> None:
        """Text that is not UTF-8, also in fragments, and in the reason of a close frame."""
        for from_client in (True, False):
            self.broken(from_client, frame(from_client, b"\xff"), 1007)
            self.broken(from_client, self.fragmented(from_client, b"\xc3", b"x"), 1007)
            self.broken(from_client, frame(from_client, b"\x03\xe8\xff", CLOSE), 1007)

    def test_close_code(self) -> None:
        """A close frame with a code that may not be sent."""
        for from_client in (True, False):
            self.broken(from_client, frame(from_client, code(1005), CLOSE), 1002)

    def test_too_big(self) -> None:
        """A message, or a frame, that is too long: found by its head, before it is here."""
        for from_client in (True, False):
            head = frame(from_client, bytes(1001), BINARY)[:8]
            self.broken(from_client, head, 1009, websocket_max_message=1000)
            self.broken(from_client, head, 1009, websocket_max_frame=1000)
            pieces = frame(from_client, bytes(600), BINARY, False) + frame(from_client, bytes(600), 0, False)
            self.broken(from_client, pieces, 1009, websocket_max_message=1000)

    def test_binary_is_not_looked_at(self) -> None:
        """Binary messages may have any content."""
        scene = WebSocketScene(self, only=self.only)
        scene.say(True, frame(True, b"\xff", BINARY))
        self.assertEqual(scene.heard(False), frame(True, b"\xff", BINARY))

    def test_in_the_closing_handshake(self) -> None:
        """A side that answers a close frame with garbage: nothing follows the close frame that it was passed."""
        for from_client in (True, False):
            scene = WebSocketScene(self, only=self.only)
            scene.say(from_client, closing(from_client, 4000))
            scene.say(not from_client, words(from_client, b"masked wrongly"))
            self.assertEqual(scene.heard(not from_client), closing(from_client, 4000))
            self.assertEqual(scene.messages(from_client), [(CLOSE, code(1001))])
            if self.only is None:
                self.assertEqual(scene.flow.close_code, 4000)
                scene.check_end("start", "error", "end")


class UnheardBrokenTests(BrokenTests):
    """The same when nobody listens."""

    only = ()


class LingerTests(ConversationCase):
    """A client that was refused while it still sends."""

    def test_told_why(self) -> None:
        """It can read our close frame: its connection is half-closed first, and what it sends is dropped."""
        scene = WebSocketScene(self, websocket_max_message=1000)
        scene.say(True, frame(True, bytes(500_000), BINARY))
        self.assertEqual(scene.messages(True)[0][1][:2], code(1009))
        self.assertTrue(scene.client.has_ended and scene.client.is_connected)
        self.assertFalse(scene.wire.wire.peer.arrived, "it is read on")
        scene.client.close()
        scene.harness.pump()
        self.assertFalse(scene.client.was_reset())
        self.assertEqual(scene.recorder.trace[-1], "clientdisconnect")

    def test_not_for_ever(self) -> None:
        """But not for ever."""
        scene = WebSocketScene(self)
        scene.say(True, b"\xff\xff")
        self.assertTrue(scene.client.is_connected)
        scene.harness.advance(1, 1, 1, 1)
        self.assertFalse(scene.client.is_connected)
        self.assertEqual(scene.recorder.count("websocket_end"), 1)
        scene.check_end("start", "error", "end")


class AbnormalTests(ConversationCase):
    """Connections that end without close frames."""

    def test_closed(self) -> None:
        """A side that closes its connection, after or within a message."""
        for from_client in (True, False):
            for said in (
                b"",
                words(from_client, b"whole"),
                frame(from_client, b"cut")[:4],
                frame(from_client, b"c", fin=False),
            ):
                scene = WebSocketScene(self)
                who = "client" if from_client else "server"
                scene.side(from_client).send(said)
                scene.side(from_client).close()
                scene.harness.pump()
                other = scene.side(not from_client)
                self.assertTrue(other.has_ended or other.lost)
                self.assertEqual(scene.heard(not from_client), said if b"whole" in scene.contents else b"")
                flow = scene.flow
                self.assertEqual((flow.close_sender, flow.close_code, flow.close_reason), (None, None, None))
                scene.check_end("start", "error", "end", error=f"the {who} closed the connection without a close frame")

    def test_reset(self) -> None:
        """A side that resets its connection: the other one's is reset, too."""
        for from_client in (True, False):
            scene = WebSocketScene(self)
            scene.side(from_client).reset()
            scene.harness.pump()
            self.assertTrue(scene.side(not from_client).was_reset())
            who = "client" if from_client else "server"
            scene.check_end("start", "error", "end", error=f"the {who} broke the connection")

    def test_silence(self) -> None:
        """A connection on which nothing is said for tcp_timeout is ended; a ping is something."""
        scene = WebSocketScene(self, tcp_timeout=100)
        scene.harness.advance(60)
        scene.say(False, ping(False, b""))
        scene.harness.advance(60)
        self.assertTrue(scene.client.is_connected)
        scene.harness.advance(50)
        self.assertFalse(scene.client.is_connected or scene.server.is_connected)
        scene.check_end("start", "error", "end", error="nothing was said for too long")

    def test_last_events(self) -> None:
        """The last hooks are waited for: nothing of the connection comes before they are done."""
        holder = Holder()
        scene = WebSocketScene(self, holder, on_websocket_error=holder, on_websocket_end=holder)
        scene.client.reset()
        scene.harness.pump()
        scene.holds()
        self.assertNotIn("websocket_end", scene.recorder.trace)
        holder.answer()
        scene.harness.pump()
        scene.holds()
        self.assertEqual(scene.recorder.trace[-2:], ["serverdisconnect", "websocket_end"])
        holder.answer()
        scene.harness.pump()
        self.assertEqual(scene.recorder.trace[-1], "clientdisconnect")
        scene.check_end("start", "error", "end")


class TLSAbnormalTests(AbnormalTests):
    """The same inside of TLS."""

    is_tls = True


class KillTests(ConversationCase):
    """flow.kill()."""

    def check_killed(self, scene: WebSocketScene) -> None:
        """Both sides were sent close frames, once."""
        for is_client in (True, False):
            self.assertEqual(scene.messages(is_client)[-1:], [(CLOSE, code(1001))])
            side = scene.side(is_client)
            self.assertTrue(side.has_ended or side.lost)
        self.assertTrue(scene.flow.killed)
        scene.check_end("start", "error", "end", error="kill")

    def test_in_message(self) -> None:
        """In a message's hook: that message and the ones behind it are not passed on."""
        for from_client in (True, False):
            scene = WebSocketScene(self, on_websocket_message=lambda flow: flow.kill() and None)
            scene.say(from_client, words(from_client, b"one", b"two"))
            self.assertEqual(scene.contents, [b"one"])
            self.check_killed(scene)

    def test_in_message_and_pending(self) -> None:
        """A handler that kills and then waits for ever holds nothing."""
        holder = Holder()

        def websocket_message(flow: Any) -> Any:
            flow.kill()
            return holder(flow)

        scene = WebSocketScene(self, holder, on_websocket_message=websocket_message)
        scene.say(True, words(True, b"one"))
        self.assertEqual(holder.cancelled, 1)
        self.check_killed(scene)

    def test_in_start(self) -> None:
        """In websocket_start."""
        scene = WebSocketScene(self, on_websocket_start=lambda flow: flow.kill() and None)
        self.assertEqual(scene.response[-4:], bytes((0x88, 2, 3, 0xE9)))
        scene.client.received = scene.response[-4:]
        self.check_killed(scene)

    def test_at_any_moment(self) -> None:
        """From outside, with nothing under way, and while a hook is held."""
        for is_held in (False, True):
            holder = Holder()
            scene = WebSocketScene(self, holder, on_websocket_message=holder)
            if is_held:
                scene.say(False, words(False, b"one"))
                scene.holds()
            self.assertTrue(scene.flow.kill())
            scene.harness.pump()
            self.assertEqual(holder.cancelled, is_held)
            self.check_killed(scene)
            self.assertFalse(scene.flow.kill())

    def test_in_the_closing_handshake(self) -> None:
        """A side that was sent a close frame already is not sent another one."""
        scene = WebSocketScene(self)
        scene.say(True, closing(True, 4000))
        scene.flow.kill()
        scene.harness.pump()
        self.assertEqual(scene.messages(False), [(CLOSE, code(4000))])
        self.assertEqual(scene.messages(True), [(CLOSE, code(1001))])
        scene.check_end("start", "error", "end")

    def test_slow_side(self) -> None:
        """A side that does not read holds the other one not, and is not waited for without end."""
        scene = WebSocketScene(self)
        scene.client.wire.pauseProducing()
        scene.say(False, frame(False, bytes(600_000), BINARY))
        scene.flow.kill()
        scene.harness.pump()
        self.assertFalse(scene.server.is_connected and not scene.server.has_ended)
        scene.harness.advance(*[60] * 11)
        scene.client.wire.resumeProducing()
        scene.harness.pump()
        self.assertFalse(scene.client.is_connected)
        scene.check_end("start", "error", "end")


class TLSKillTests(KillTests):
    """The same inside of TLS."""

    is_tls = True

    def test_slow_side(self) -> None:
        """Not asked here: the peer's TLS reads on."""
