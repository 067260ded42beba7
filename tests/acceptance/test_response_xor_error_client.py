"""
A client that goes away, stops, or sends what is no request: its flow ends in exactly one of C{response} and C{error}.
"""

from typing import Any

from tests.acceptance.base import GET, request
from tests.acceptance.failures_base import Scene, XorCase

POST = request("POST", "/", "Content-Length: 10", body=b"abc")
CHUNKED_POST = request("POST", "/", "Transfer-Encoding: chunked", body=b"3\r\nabc\r\n")
#: Collected and streamed.
SETTINGS_OF_REQUESTS: tuple[dict[str, Any], ...] = ({}, {"on_requestheaders": lambda flow: stream_request(flow)})
HEAD_10 = b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc"


def stream_request(flow: Any) -> None:
    flow.request.stream = True


def stream_response(flow: Any) -> None:
    flow.response.stream = True


class ClientFailureTests(XorCase):
    """The client goes away, or sends what is no request."""

    def check_gone(self, *requests: bytes, ending: str = "reset", **settings: Any) -> Scene:
        """The client sends, then ends."""
        scene = Scene(self, **settings)
        for part in requests:
            scene.send(part)
        getattr(scene.client, ending)()
        scene.harness.pump()
        self.check_error(scene, None, "the client closed the connection")
        return scene

    def test_client_gone_in_the_request(self) -> None:
        """FIN or RST in the middle of a body, collected or streamed: error at once, and the server is reset."""
        for ending in ("reset", "close", "half_close"):
            for post in (POST, CHUNKED_POST):
                self.check_gone(post, ending=ending)
                scene = self.check_gone(post, ending=ending, on_requestheaders=stream_request)
                self.assertTrue(scene.origin.peers[0].was_reset())

    def test_client_gone_while_the_server_is_asked(self) -> None:
        """RST while nothing is back yet: error, and the server is reset."""
        scene = self.check_gone(GET)
        self.assertTrue(scene.origin.peers[0].was_reset())

    def test_client_gone_in_the_response(self) -> None:
        """RST in the middle of a streamed body: error; FIN there is a half-close, and the answer is finished."""
        scene = Scene(self, on_responseheaders=stream_response).send(GET).serve(HEAD_10)
        scene.client.reset()
        scene.harness.pump()
        self.check_error(scene, None, "the client closed the connection")
        scene = Scene(self, on_responseheaders=stream_response).send(GET).serve(HEAD_10)
        scene.client.half_close()
        scene.harness.pump()
        scene.serve(b"defghij")
        self.assertTrue(scene.client.received.endswith(b"abcdefghij"))
        self.assertEqual((scene.recorder.count("error"), scene.recorder.count("response")), (0, 1))
        self.check_over(scene.harness, scene.recorder, scene.client)

    def test_client_gone_while_a_collected_response_is_sent(self) -> None:
        """The flow has ended in response when its bytes were given to the connection: no error follows."""
        scene = Scene(self)
        scene.client.wire.pauseProducing()
        scene.send(GET).serve(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n" + b"x" * 1_000_000)
        scene.client.reset()
        scene.harness.pump()
        self.assertEqual((scene.recorder.count("error"), scene.recorder.count("response")), (0, 1))
        self.check_over(scene.harness, scene.recorder, scene.client)

    def collected_for_a_slow_client(self, **settings: Any) -> Scene:
        """A megabyte that was collected, and that the client does not read."""
        scene = Scene(self, **settings)
        scene.client.wire.pauseProducing()
        scene.send(GET).serve(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n" + b"x" * 1_000_000)
        self.assertEqual(scene.recorder.count("response"), 1)
        return scene

    def test_client_that_reads_late(self) -> None:
        """A slow client is not idle: it gets its answer, and the next one on the same connection."""
        scene = self.collected_for_a_slow_client(client_idle_timeout=5)
        scene.harness.advance(5, 5, 5)
        scene.client.wire.resumeProducing()
        scene.harness.pump()
        self.assertTrue(scene.client.take().endswith(b"x" * 1_000_000))
        scene.send(GET).serve(b"HTTP/1.1 204 No Content\r\n\r\n")
        self.assertEqual(scene.client.received, b"HTTP/1.1 204 No Content\r\n\r\n")
        self.check_over(scene.harness, scene.recorder, scene.client)

    def test_client_that_reads_nothing_of_a_collected_answer(self) -> None:
        """It is reset after tcp_timeout; the flow has ended in response."""
        scene = self.collected_for_a_slow_client(tcp_timeout=20, client_idle_timeout=5)
        scene.harness.advance(10, 9)
        self.assertFalse(scene.proxy_wire.disconnected)
        scene.harness.advance(2)
        self.assertTrue(scene.proxy_wire.disconnected)
        self.assertEqual((scene.recorder.count("error"), scene.recorder.trace[-1]), (0, "clientdisconnect"))
        self.check_over(scene.harness, scene.recorder, scene.client)

    def test_client_that_stops_in_the_body(self) -> None:
        """A request body that does not come on: error after tcp_timeout, and the client is reset."""
        for settings in SETTINGS_OF_REQUESTS:
            scene = Scene(self, tcp_timeout=20, **settings).send(POST)
            scene.harness.advance(10, 11)
            self.assertTrue(scene.client.was_reset())
            self.check_error(scene, None, "too long")

    def test_client_that_does_not_read(self) -> None:
        """A streamed response that is not taken: error after tcp_timeout, and both sides are reset."""
        scene = Scene(self, tcp_timeout=20, on_responseheaders=stream_response)
        scene.client.wire.pauseProducing()
        scene.send(GET).serve(b"HTTP/1.1 200 OK\r\nContent-Length: 9000000\r\n\r\n" + b"x" * 1_000_000)
        scene.harness.advance(10, 11)
        scene.client.wire.resumeProducing()
        scene.harness.pump()
        self.check_error(scene, None, "too long")

    def test_bad_request(self) -> None:
        """What comes is no request: error with a flow that has none, a page, and the connection is closed."""
        cases = {
            b"nonsense\r\n\r\n": 400,
            b"GET / HTTP/1.1\r\nHost: example.com\r\n\r\n": 400,
            b"GET http://example.com/ HTTP/1.1\r\nHost: other.example\r\n\r\n": 400,
            b"GET http://example.com/ HTTP/3.0\r\nHost: example.com\r\n\r\n": 505,
            b"GET http://example.com/ HTTP/1.1\r\nHost: example.com\r\nX: " + b"x" * 70000: 431,
        }
        for bad, status in cases.items():
            scene = Scene(self).send(bad)
            self.assertIsNone(scene.recorder.last("error").request)
            self.assertEqual(scene.recorder.count("requestheaders"), 0)
            self.assertTrue(scene.client.has_ended)
            self.check_error(scene, status, "")

    def test_bad_request_body(self) -> None:
        """A chunk that is none: 400 when collected, and also when streamed, since nothing was answered yet."""
        for settings in SETTINGS_OF_REQUESTS:
            scene = Scene(self, **settings).send(CHUNKED_POST).send(b"nonsense\r\n")
            self.check_error(scene, 400, "")

    def test_request_body_too_large(self) -> None:
        """413, by its length or while it comes."""
        for post in (POST, CHUNKED_POST + b"3\r\nabc\r\n"):
            scene = Scene(self, body_size_limit=5).send(post)
            self.check_error(scene, 413, "larger than 5 bytes")

    def test_head_that_does_not_come(self) -> None:
        """A part of a head: 408 after request_head_timeout; the flow has no request."""
        scene = Scene(self, request_head_timeout=8).send(GET[:30])
        scene.harness.advance(4, 5)
        self.assertIsNone(scene.recorder.last("error").request)
        self.check_error(scene, 408, "in time")
