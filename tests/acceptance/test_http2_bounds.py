"""Malformed requests, deadlines, and the end of the proxy, over HTTP/2."""

from typing import Any

from mitmtw._wire.http2 import ErrorCode
from mitmtw._wire.http2_frames import block_frames
from mitmtw.testing import Harness
from tests.acceptance.http2_base import EndingCase, Got, HTTP2Case, Scene2, respond


def kill(flow: Any) -> None:
    flow.kill()


def fine(got: Got) -> None:
    respond(got, 200, "content-length: 2", body=b"hi")


class MalformedTests(EndingCase):
    """What is no request."""

    def test_stream_error(self) -> None:
        """It is reset, error fires with a flow without a request, and another stream goes on."""
        scene = Scene2(self, 2, 1, reply=lambda got: respond(got, 200, body=b"next"))
        block = b"\x82\x86\x84" + b"\x00\x0aconnection\x05close"
        hello = scene.client.connection.take_output()
        scene.client.connection._last_own = 1
        scene.client.peer.send(hello + block_frames(1, block, True, 16384))
        scene.harness.pump()
        self.assertEqual((scene.client.failure, scene.client.goaway), (None, None))
        self.assertIsNone(scene.recorder.last("error").request)
        self.assertEqual(scene.recorder.trace[-1], "error")
        self.check_goes_on(scene)
        self.check_all(scene)

    def test_connection_error(self) -> None:
        """GOAWAY and the end; flows that were under way end in error."""
        scene = Scene2(self, 2, 1)
        scene.client.request()
        scene.harness.pump()
        scene.client.peer.send(b"\0\0\x04\x08\0\0\0\0\0\0\0\0\0")
        scene.harness.pump()
        self.assertEqual(scene.client.goaway, 1)
        scene.harness.advance(1, 2)
        self.assertFalse(scene.client.peer.is_connected)
        self.assertEqual(scene.recorder.count("error"), 1)
        self.check_all(scene)

    def test_head_too_large(self) -> None:
        """431, and the connection goes on."""
        scene = Scene2(self, 2, 1, max_head_bytes="8k", reply=lambda got: respond(got, 200, body=b"next"))
        got = scene.ask("GET", "/", "x-large: " + "y" * 9000)
        self.assertEqual((got.status, got.ended), (431, True))
        self.assertIsNone(scene.recorder.last("error").request)
        self.check_goes_on(scene)
        self.check_all(scene)

    def test_body_longer_than_said(self) -> None:
        """The stream is reset, and the flow ends in error."""
        scene = Scene2(self, 2, 1, reply=lambda got: respond(got, 200, body=b"next"))
        number = scene.client.request("POST", "/", "content-length: 2", body=b"ab", end=False)
        scene.harness.pump()
        scene.client.peer.send(b"\0\0\x03\0\x01" + number.to_bytes(4, "big") + b"cde")
        scene.harness.pump()
        self.assertEqual(scene.client.answer(number).reset, ErrorCode.PROTOCOL_ERROR)
        self.assertEqual(scene.names()[-1], "error")
        self.check_goes_on(scene)
        self.check_all(scene)

    def test_malformed_with_its_body(self) -> None:
        """The same in one read with the head: error fires, with a flow without a request."""
        scene = Scene2(self, 2, 1)
        number = scene.client.request("POST", "/", "content-length: 2", body=b"ab", end=False)
        scene.client.peer.send(b"\0\0\x03\0\x01" + number.to_bytes(4, "big") + b"cde")
        scene.harness.pump()
        self.assertEqual(scene.client.answer(number).reset, ErrorCode.PROTOCOL_ERROR)
        self.assertEqual(scene.recorder.trace[-1], "error")
        self.assertIsNone(scene.recorder.last("error").request)
        self.check_all(scene)

    def test_connect(self) -> None:
        """CONNECT is answered 501 in regular mode, and the connection goes on."""
        scene = Scene2(self, 2, 1, reply=lambda got: respond(got, 200, body=b"next"))
        number = scene.client.connection.open_stream([(b":method", b"CONNECT"), (b":authority", b"example.com:443")])
        scene.client.flush()
        scene.harness.pump()
        self.assertEqual(scene.client.answer(number).status, 501)
        self.check_goes_on(scene)
        self.check_all(scene)

    def test_extended_connect(self) -> None:
        """It is not offered, and refused."""
        scene = Scene2(self, 2, 1, reply=lambda got: respond(got, 200, body=b"next"))
        self.assertFalse(scene.client.connection.may_extend_connect)

    def test_other_scheme(self) -> None:
        """A scheme that is not of the web is answered 400."""
        scene = Scene2(self, 2, 1)
        scene.client.scheme = b"ftp"
        self.assertEqual(scene.ask().status, 400)
        self.check_all(scene)


class TimeTests(HTTP2Case):
    """Deadlines."""

    def test_idle_client(self) -> None:
        """GOAWAY, then the end."""
        scene = Scene2(self, 2, 1, reply=fine)
        scene.ask()
        scene.harness.advance(30, 30)
        self.assertTrue(scene.client.peer.is_connected)
        scene.harness.advance(16, 2, 2)
        self.assertEqual(scene.client.goaway, 1)
        self.assertFalse(scene.client.peer.is_connected)
        self.check_all(scene)

    def test_idle_server(self) -> None:
        """A connection that nobody uses is closed, politely."""
        scene = Scene2(self, 2, 2, reply=fine)
        scene.ask()
        scene.harness.advance(30, 26, 1)
        self.assertEqual(scene.origins.ends[0].goaway, 0)
        self.assertFalse(scene.origins.ends[0].peer.is_connected)
        self.check_all(scene)

    def test_no_answer(self) -> None:
        """504 after C{response_head_timeout}, for the stream that waits; the connection takes no new ones."""
        scene = Scene2(self, 2, 2)
        got = scene.ask()
        scene.harness.advance(60, 59)
        self.assertEqual(got.status, 0)
        scene.harness.advance(2)
        self.assertEqual((got.status, scene.origins.request.reset), (504, ErrorCode.CANCEL))
        scene.ask()
        self.assertEqual(len(scene.origins.ends), 2)
        self.check_all(scene)

    def test_answer_stalls(self) -> None:
        """A body that stops coming ends its flow, and no other."""
        scene = Scene2(self, 2, 2, tcp_timeout=20)
        stalled, other = scene.client.request("GET", "/a"), scene.client.request("GET", "/b")
        scene.harness.pump()
        for each in scene.origins.requests:
            scene.respond(each, 200, body=b"abc", end=False)
        slow = next(each for each in scene.origins.requests if each.path == b"/b")
        for _ in range(3):
            scene.harness.advance(9)
            slow.end.data(slow.number, b"x")
            scene.harness.pump()
        self.assertEqual(scene.client.answer(stalled).status, 504)
        slow.end.data(slow.number, b"y", True)
        scene.harness.pump()
        self.assertEqual(scene.client.answer(other).body, b"abcxxxy")
        self.check_all(scene)

    def test_request_stalls(self) -> None:
        """A request's body that stops coming ends its flow, and no other."""
        scene = Scene2(self, 2, 1, tcp_timeout=20)
        number = scene.client.request("POST", "/", body=b"abc", end=False)
        scene.harness.pump()
        scene.harness.advance(10, 11, 1)
        self.assertEqual(scene.client.answer(number).reset, ErrorCode.CANCEL)
        self.assertEqual(scene.names()[-1], "error")
        self.assertTrue(scene.client.peer.is_connected)
        self.check_all(scene)

    def test_client_takes_nothing(self) -> None:
        """A client that opens no window for too long loses that stream."""
        scene = Scene2(self, 2, 2, tcp_timeout=20)
        scene.client.is_taking = False
        got = scene.ask()
        scene.respond(None, 200, body=b"x" * 300_000)
        scene.harness.advance(10, 11, 1)
        self.assertEqual((len(got.body), got.reset), (65535, ErrorCode.CANCEL))
        self.assertTrue(scene.client.peer.is_connected)
        self.check_all(scene)


class DrainTests(HTTP2Case):
    """The proxy stops."""

    def test_under_way(self) -> None:
        """GOAWAY at once; what is under way is finished; then both connections are closed."""
        scene = Scene2(self, 2, 2)
        got = scene.ask()
        harness: Harness = scene.harness
        stopped = harness.stop()
        self.assertEqual(scene.client.goaway, 1)
        self.assertFalse(stopped.called)
        scene.respond(None, 200, body=b"last")
        harness.advance(1, 2)
        self.assertEqual((got.body, got.ended), (b"last", True))
        self.assertFalse(scene.client.peer.is_connected)
        self.assertTrue(stopped.called)
        self.check_all(scene)

    def test_idle(self) -> None:
        """Nothing is under way: it ends at once."""
        for tls in (False, True):
            scene = Scene2(self, 2, 2, is_tls=tls, reply=fine)
            scene.ask()
            scene.harness.stop()
            scene.harness.advance(3)
            self.assertEqual(scene.client.goaway, 1)
            self.assertFalse(scene.client.peer.is_connected)
            self.check_all(scene)

    def test_not_in_time(self) -> None:
        """What is not over in time ends in error."""
        scene = Scene2(self, 2, 2)
        scene.ask()
        scene.harness.stop()
        scene.harness.advance(6, 6)
        self.assertEqual(scene.names()[-1], "error")
        self.check_all(scene)
