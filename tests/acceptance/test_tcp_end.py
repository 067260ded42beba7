"""TCP: how conversations end."""

from typing import Any

from mitmtw.testing import Recorder
from tests.acceptance.conversation_base import ConversationCase, TCPScene
from tests.acceptance.failures_base import CONNECT, Holder

FIRST = b"\x00hello"


class HalfCloseTests(ConversationCase):
    """A side that has sent its last byte."""

    only: Any = None

    def test_mirrored(self) -> None:
        """The other side is told so, and may go on; after both have said so it is over."""
        for from_client in (True, False):
            scene = TCPScene(self, only=self.only)
            scene.side(from_client).half_close()
            scene.harness.pump()
            self.assertTrue(scene.side(not from_client).has_ended)
            self.assertTrue(scene.side(not from_client).is_connected)
            scene.heard(from_client)
            scene.say(not from_client, b"last words")
            self.assertEqual(scene.heard(from_client), b"last words")
            self.assertNotIn("tcp_end", scene.recorder.trace)
            scene.side(not from_client).half_close()
            scene.harness.pump()
            self.assertTrue(scene.side(from_client).has_ended)
            if self.only is None:
                self.assertIn("tcp_end", scene.recorder.trace)
                scene.check_end("start", "end")

    def test_while_connecting(self) -> None:
        """A client that ends before the server is connected: what it said, and then its end, get there."""
        holder = Holder()
        scene = TCPScene(self, holder, only=self.only, on_serverconnect=holder)
        scene.client.half_close()
        scene.harness.pump()
        holder.answer()
        scene.harness.pump()
        self.assertEqual(scene.heard(False), FIRST)
        self.assertTrue(scene.server.has_ended)

    def test_receiver_does_not_read(self) -> None:
        """The end comes behind what is still on its way to a slow receiver."""
        for from_client in (True, False):
            scene = TCPScene(self, only=self.only)
            scene.heard(False)
            receiver = scene.side(not from_client)
            receiver.wire.pauseProducing()
            scene.say(from_client, bytes(300_000))
            scene.side(from_client).half_close()
            scene.harness.pump()
            self.assertFalse(receiver.has_ended)
            receiver.wire.resumeProducing()
            scene.harness.pump()
            self.assertEqual(len(receiver.received), 300_000)
            self.assertTrue(receiver.has_ended, "the half-close was forgotten")
            self.assertTrue(receiver.is_connected)


class UnheardHalfCloseTests(HalfCloseTests):
    """The same when nobody listens."""

    only = ()


class RelayHalfCloseTests(ConversationCase):
    """The same for a relay."""

    def test_receiver_does_not_read(self) -> None:
        """The end comes behind what is still on its way to a slow receiver."""
        for from_client in (True, False):
            scene = TCPScene(
                self, on_next_layer=lambda layer: layer.proxy.layers["relay"](layer) if layer.target else None
            )
            scene.heard(False)
            receiver = scene.side(not from_client)
            receiver.wire.pauseProducing()
            scene.say(from_client, bytes(300_000))
            scene.side(from_client).half_close()
            scene.harness.pump()
            receiver.wire.resumeProducing()
            scene.harness.pump()
            self.assertEqual(len(receiver.received), 300_000)
            self.assertTrue(receiver.has_ended, "the half-close was forgotten")

    def test_while_connecting(self) -> None:
        """All that a client said before the server was connected, and its end, get there at once."""
        holder = Holder()
        scene = TCPScene(
            self,
            holder,
            on_serverconnect=holder,
            on_next_layer=lambda layer: layer.proxy.layers["relay"](layer) if layer.target else None,
        )
        scene.say(True, bytes(60_000))
        scene.client.half_close()
        scene.harness.pump()
        holder.answer()
        scene.harness.pump()
        self.assertEqual(len(scene.server.received), 60_000 + len(FIRST))
        self.assertTrue(scene.server.has_ended, "the half-close was forgotten")


class HeldHalfCloseTests(ConversationCase):
    """A half-close while messages wait."""

    def test_behind_messages(self) -> None:
        """It comes after the messages that were said before it."""
        for from_client in (True, False):
            holder = Holder()
            scene = TCPScene(self, holder, on_tcp_message=holder)
            holder.answer()
            scene.harness.pump()
            scene.heard(False)
            scene.say(from_client, b"last words")
            scene.side(from_client).half_close()
            scene.harness.pump()
            other = scene.side(not from_client)
            self.assertFalse(other.has_ended)
            holder.answer()
            scene.harness.pump()
            self.assertEqual((other.received, other.has_ended), (b"last words", True))
            scene.check_end()

    def test_full(self) -> None:
        """It is not forgotten when the messages before it fill the other side at once."""
        for from_client in (True, False):
            holder = Holder()
            scene = TCPScene(
                self, holder, on_tcp_message=lambda flow, of=holder: None if len(flow.messages) > 2 else of(flow)
            )
            holder.answer()
            scene.harness.pump()
            scene.heard(False)
            scene.say(from_client, bytes(60_000))
            scene.say(from_client, bytes(60_000))
            scene.side(from_client).half_close()
            scene.harness.pump()
            scene.side(not from_client).wire.pauseProducing()
            holder.answer()
            scene.harness.pump()
            other = scene.side(not from_client)
            other.wire.resumeProducing()
            scene.harness.pump()
            self.assertEqual(len(other.received), 120_000)
            self.assertTrue(other.has_ended, "the half-close was forgotten")
            self.assertTrue(other.is_connected)
            scene.check_end()

    def test_then_reset(self) -> None:
        """A client that has half-closed and then resets is gone."""
        holder = Holder()
        scene = TCPScene(self, holder, on_tcp_message=holder)
        scene.client.half_close()
        scene.harness.pump()
        scene.client.reset()
        scene.harness.pump()
        self.assertEqual(holder.cancelled, 1)
        scene.check_end("start", "error", "end")


class TLSEndTests(ConversationCase):
    """Inside of TLS, which has no half-close."""

    is_tls = True

    def test_closed(self) -> None:
        """A side that closes ends the other one."""
        for from_client in (True, False):
            scene = TCPScene(self)
            scene.heard(False)
            scene.side(from_client).send(b"last words")
            scene.side(from_client).close()
            scene.harness.pump()
            self.assertEqual(scene.heard(not from_client), b"last words")
            self.assertTrue(scene.side(not from_client).lost)
            scene.check_end("start", "end")

    def test_client_closes_while_held(self) -> None:
        """A client whose TLS is closed is gone: what was not passed on is an error."""
        holder = Holder()
        scene = TCPScene(self, holder, on_tcp_message=holder)
        scene.client.close()
        scene.harness.pump()
        self.assertEqual(holder.cancelled, 1)
        scene.check_end("start", "error", "end", error="before all that it had said was passed on")

    def test_server_closes_while_held(self) -> None:
        """What a server said before it closed gets to the client."""
        holder = Holder()
        scene = TCPScene(self, holder, on_tcp_message=holder)
        holder.answer()
        scene.harness.pump()
        scene.say(False, b"last words")
        scene.server.close()
        scene.harness.pump()
        holder.answer()
        scene.harness.pump()
        self.assertEqual(scene.heard(True), b"last words")
        scene.check_end("start", "end")

    def test_cut(self) -> None:
        """A client that is cut off without the farewell of TLS: an error, and the server's TLS ends without it too."""
        scene = TCPScene(self)
        scene.wire.wire.loseConnection()
        scene.harness.pump()
        self.assertEqual(scene.heard(False), FIRST)
        scene.check_end("start", "error", "end", error="the client broke the connection")


class AbnormalTests(ConversationCase):
    """Resets, kills, timeouts, failed connects."""

    def test_reset(self) -> None:
        """A reset is passed on as a reset."""
        for from_client in (True, False):
            scene = TCPScene(self)
            scene.side(from_client).reset()
            scene.harness.pump()
            self.assertTrue(scene.side(not from_client).was_reset())
            who = "client" if from_client else "server"
            if from_client:
                last = ["tcp_error", "tcp_end", "serverdisconnect", "clientdisconnect"]
                self.assertEqual(scene.recorder.trace[-4:], last)
            scene.check_end("start", "error", "end", error=f"the {who} broke the connection")

    def test_kill(self) -> None:
        """flow.kill() resets both sides, in a hook or from outside."""
        for hook in ("tcp_start", "tcp_message", ""):
            handlers: dict[str, Any] = {f"on_{hook}": lambda flow: flow.kill() and None} if hook else {}
            scene = TCPScene(self, **handlers)
            if not hook:
                scene.heard(False)
                scene.flow.kill()
                scene.harness.pump()
            self.assertTrue(scene.client.was_reset() and scene.server.was_reset())
            self.assertEqual(scene.server.received, b"")
            scene.check_end("start", "error", "end", error="kill")

    def test_kill_while_held(self) -> None:
        """A held hook is cancelled."""
        holder = Holder()
        scene = TCPScene(self, holder, on_tcp_message=holder)
        scene.flow.kill()
        scene.harness.pump()
        self.assertEqual(holder.cancelled, 1)
        scene.check_end("start", "error", "end")

    def test_silence(self) -> None:
        """After tcp_timeout without a byte both sides are reset; a byte of either side is enough."""
        scene = TCPScene(self, tcp_timeout=100)
        scene.harness.advance(60)
        scene.say(False, b"x")
        scene.harness.advance(60)
        self.assertTrue(scene.client.is_connected)
        scene.harness.advance(50)
        self.assertFalse(scene.client.is_connected or scene.server.is_connected)
        scene.check_end("start", "error", "end", error="nothing was said for too long")

    def test_shutdown(self) -> None:
        """A conversation goes on while the proxy drains, then it is reset."""
        scene = TCPScene(self, drain_timeout=5)
        scene.harness.stop()
        scene.say(False, b"still here")
        self.assertEqual(scene.heard(True), b"still here")
        scene.harness.advance(3, 3)
        self.assertTrue(scene.client.was_reset() and scene.server.was_reset())
        self.assertEqual(scene.hooks[-2:], ["error", "end"])
        scene.check_end("start", "error", "end", error="the proxy shuts down")

    def test_end_in_time_to_drain(self) -> None:
        """One that ends by itself in that time ends well, and the proxy with it."""
        scene = TCPScene(self, drain_timeout=5)
        stopped = scene.harness.stop()
        scene.harness.advance(1)
        scene.client.close()
        scene.harness.pump()
        scene.server.close()
        scene.harness.pump()
        self.assertTrue(stopped.called)
        scene.check_end("start", "end")

    def test_last_hooks_are_waited_for(self) -> None:
        """tcp_end after tcp_error is done, clientdisconnect after both."""
        holder = Holder()
        scene = TCPScene(self, holder, on_tcp_error=holder, on_tcp_end=holder)
        scene.client.reset()
        scene.harness.pump()
        self.assertNotIn("tcp_end", scene.recorder.trace)
        holder.answer()
        scene.harness.pump()
        self.assertEqual(scene.recorder.trace[-2:], ["serverdisconnect", "tcp_end"])
        holder.answer()
        scene.harness.pump()
        self.assertEqual(scene.recorder.trace[-1], "clientdisconnect")
        scene.check_end("start", "error", "end")


class ConnectFailureTests(ConversationCase):
    """A server that cannot be connected."""

    def failed(self, **settings: Any) -> TCPScene:
        """A client that speaks to a server that is not there."""
        scene = TCPScene(self, first=None, **settings)
        scene.harness.network.ports.clear()
        scene.say(True, FIRST)
        scene.harness.advance(1)
        return scene

    def test_hooks(self) -> None:
        """tcp_start, tcp_error, tcp_end and no message; the client's connection is closed."""
        scene = self.failed()
        self.assertEqual(scene.hooks, ["start", "error", "end"])
        self.assertTrue(scene.client.has_ended)
        self.assertEqual(scene.flow.server_conn.address, ("example.com", 9999))
        self.assertEqual(scene.recorder.count("serverdisconnect"), 0)
        scene.client.close()
        scene.harness.pump()
        scene.check_end("start", "error", "end", error="refused")

    def test_tunnel(self) -> None:
        """The CONNECT request's flow learns why, too."""
        scene = self.failed()
        self.assertEqual(scene.recorder.count("error"), 1)
        self.assertIn("refused", scene.recorder.last("error").error.msg)
        scene.check_end()

    def test_start_held(self) -> None:
        """tcp_error waits for tcp_start, and clientdisconnect for both."""
        holder = Holder()
        scene = self.failed(holder=holder, on_tcp_start=holder)
        scene.holds()
        self.assertEqual(scene.hooks, ["start"])
        scene.client.close()
        scene.harness.pump()
        self.assertNotIn("clientdisconnect", scene.recorder.trace)
        holder.answer()
        scene.harness.pump()
        scene.check_end("start", "error", "end")

    def test_killed_in_start(self) -> None:
        """A kill there changes nothing but the reason."""
        scene = self.failed(on_tcp_start=lambda flow: flow.kill() and None)
        scene.check_end("start", "error", "end", error="kill")

    def test_refused_by_an_addon(self) -> None:
        """An addon may refuse it."""

        def serverconnect(conn: Any) -> None:
            conn.error = "not there"

        scene = TCPScene(self, on_serverconnect=serverconnect)
        self.assertEqual(scene.origin.peers, [])
        scene.check_end("start", "error", "end", error="not there")

    def test_client_gone_meanwhile(self) -> None:
        """A client that is gone while the server is being connected: the attempt is given up, nothing began."""
        scene = TCPScene(self, first=None)
        scene.harness.network.black_holes.add(("192.0.2.1", 9999))
        scene.say(True, FIRST)
        scene.client.reset()
        scene.harness.pump()
        self.assertIsNone(scene.flow)
        self.assertEqual(scene.recorder.trace[-1], "clientdisconnect")
        scene.check_end()


class ReverseConnectFailureTests(ConnectFailureTests):
    """The same with reverse:tcp."""

    is_reverse = True

    def test_tunnel(self) -> None:
        """There is no tunnel's flow."""
        self.assertEqual(self.failed().recorder.count("error"), 0)


class PoolTests(ConversationCase):
    """What else there is."""

    def test_eager(self) -> None:
        """With connection_strategy=eager the conversation takes the connection that was made for CONNECT."""
        recorder = Recorder()
        harness = self.proxy(recorder, connection_strategy="eager")
        origin = harness.origin("example.com", 9999)
        client = self.send(harness, CONNECT)
        client.send(FIRST)
        harness.pump()
        self.assertEqual((len(origin.peers), origin.received), (1, FIRST))
        self.assertEqual(recorder.count("serverconnect"), 1)
