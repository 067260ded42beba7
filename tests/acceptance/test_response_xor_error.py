"""
Whatever fails, and whenever: a flow ends in exactly one of C{response} and C{error}, the error is a sentence, the client
gets a page or, when something of an answer was sent already, a reset, and the next request on a new connection is served.
"""

from collections.abc import Callable
from typing import Any

from mitmtw.testing import Peer, Recorder
from tests.acceptance.base import GET, request
from tests.acceptance.failures_base import FailureCase, Holder, Scene

POST = request("POST", "/", "Content-Length: 10", body=b"abc")
CHUNKED_POST = request("POST", "/", "Transfer-Encoding: chunked", body=b"3\r\nabc\r\n")
HEAD_10 = b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc"
HEAD_CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n"


def stream_request(flow: Any) -> None:
    flow.request.stream = True


def stream_response(flow: Any) -> None:
    flow.response.stream = True


class XorCase(FailureCase):
    """How a flow ended."""

    def check_error(self, scene: Scene, status: int | None, sentence: str) -> None:
        """
        The flow has ended in C{error} with C{sentence} in it, and all else is as it must be.

        @param status: of the page, or None when the client was reset.
        """
        recorder, client = scene.recorder, scene.client
        self.assertEqual((recorder.count("error"), recorder.count("response")), (1, 0), recorder.trace)
        message = recorder.last("error").error.msg
        self.assertIn(sentence, message)
        if status is None:
            self.assertFalse(client.is_connected)
        else:
            self.assertTrue(client.received.startswith(f"HTTP/1.1 {status} ".encode()), client.received)
            self.assertIn(message[1:].encode(), client.received)
        self.check_next_is_served(scene.harness, scene.harness.origin("next.example", 80), "next.example")
        self.check_over(scene.harness, recorder, client)


class ConnectFailureTests(XorCase):
    """No connection to the server."""

    def fail(self, host: str = "example.com", scheme: str = "http", **settings: Any) -> Scene:
        """A request to a host."""
        scene = Scene(self, **settings)
        scene.send(f"GET {scheme}://{host}/ HTTP/1.1\r\nHost: {host}\r\n\r\n".encode())
        return scene

    def test_dns_failure(self) -> None:
        """A name that cannot be resolved: 502, and a connect error, but no disconnect."""
        scene = self.fail("nowhere.example")
        self.check_error(scene, 502, "name of nowhere.example:80 cannot be resolved")
        self.assertEqual(scene.recorder.count("server_connect_error"), 1)

    def test_refused(self) -> None:
        """Nobody listens: 502."""
        self.check_error(self.fail("127.0.0.9"), 502, "127.0.0.9:80 refused the connection")

    def test_connect_timeout(self) -> None:
        """Nobody answers: 504 after connect_timeout, for a name and for an address."""
        for host in ("example.com", "192.0.2.1"):
            scene = Scene(self, connect_timeout=7)
            scene.harness.network.black_holes.add(("192.0.2.1", 80))
            scene.send(f"GET http://{host}/ HTTP/1.1\r\nHost: {host}\r\n\r\n".encode())
            scene.harness.advance(6.5)
            self.assertEqual(scene.client.received, b"")
            scene.harness.advance(1)
            self.check_error(scene, 504, "within 7 seconds")

    def test_the_proxy_itself(self) -> None:
        """A request to the proxy's own address does not go round in circles: 508."""
        self.check_error(self.fail("127.0.0.1:8080"), 508, "this proxy itself")

    def test_tls_failure(self) -> None:
        """The server speaks no TLS: 502."""
        scene = Scene(self)
        scene.harness.origin("plain.example", 443, lambda peer: peer.send(b"HTTP/1.1 400 Bad Request\r\n\r\n"))
        scene.send(b"GET https://plain.example/ HTTP/1.1\r\nHost: plain.example\r\n\r\n")
        self.check_error(scene, 502, "TLS")

    def test_verification_failure(self) -> None:
        """The server's certificate is not from a root that is trusted: 502 that says so; nothing was sent to it."""
        scene = Scene(self, tls={"upstream_ca": None, "upstream_insecure": False})
        origin = scene.harness.tls_origin("secure.example", 443)
        scene.send(b"GET https://secure.example/ HTTP/1.1\r\nHost: secure.example\r\n\r\n")
        self.check_error(scene, 502, "certificate")
        self.assertEqual(origin.received, b"")
        self.assertEqual(scene.recorder.count("serverdisconnect"), 2)  # that of the next request too

    def test_tls_timeout(self) -> None:
        """The server accepts, and says nothing: 504 after tls_handshake_timeout."""
        scene = Scene(self, tls_handshake_timeout=4)
        scene.harness.origin("silent.example", 443)
        scene.send(b"GET https://silent.example/ HTTP/1.1\r\nHost: silent.example\r\n\r\n")
        scene.harness.advance(1, 1, 1, 2)
        self.check_error(scene, 504, "TLS handshake")

    def test_server_closes_in_the_tls_handshake(self) -> None:
        """Hang-up instead of a ServerHello: 502."""
        for ending in ("close", "reset"):
            scene = Scene(self)
            scene.origin = scene.harness.origin("rude.example", 443)
            scene.send(b"GET https://rude.example/ HTTP/1.1\r\nHost: rude.example\r\n\r\n")
            getattr(scene.origin.peer, ending)()
            scene.harness.pump()
            self.check_error(scene, 502, "TLS handshake")

    def test_addon_refuses_the_connection(self) -> None:
        """serverconnect may kill: nothing is dialled, 502."""
        scene = self.fail(on_serverconnect=lambda conn: conn.address == ("example.com", 80) and conn.kill() or None)
        self.assertEqual(scene.harness.network.attempts[1:], [])
        self.check_error(scene, 502, "an addon refused the connection")

    def test_page_of_an_addon(self) -> None:
        """A handler of error may put another page in place of ours."""

        def error(flow: Any) -> None:
            from mitmtw.model import Response

            flow.response = Response.make(418, b"teapot")

        scene = self.fail("127.0.0.9", on_error=error)
        self.assertTrue(scene.client.received.startswith(b"HTTP/1.1 418 "))
        self.assertTrue(scene.client.received.endswith(b"\r\n\r\nteapot"))
        self.check_over(scene.harness, scene.recorder, scene.client)

    def test_page_keeps_the_connection(self) -> None:
        """A page is a response like others: the next request on the same connection is served."""
        scene = self.fail("127.0.0.9")
        self.assertTrue(scene.client.take().startswith(b"HTTP/1.1 502 "))
        scene.send(GET).serve(b"HTTP/1.1 204 No Content\r\n\r\n")
        self.assertEqual(scene.client.received, b"HTTP/1.1 204 No Content\r\n\r\n")
        self.assertEqual((scene.recorder.count("error"), scene.recorder.count("response")), (1, 1))
        self.check_over(scene.harness, scene.recorder, scene.client)


class ServerFailureTests(XorCase):
    """The connection is there, but no whole answer comes."""

    def test_close_before_the_head(self) -> None:
        """FIN or RST on a new connection without a byte, or after a part of a head: 502."""
        for ending in ("close", "half_close", "reset"):
            for part in (b"", b"HTTP/1.1 200"):
                scene = Scene(self).send(GET)
                scene.serve(part)
                getattr(scene.origin.peer, ending)()
                scene.harness.pump()
                self.check_error(scene, 502, "the server closed the connection")

    def test_bad_head(self) -> None:
        """What comes is no HTTP: 502, and the connection to the server is reset."""
        for bad in (b"SSH-2.0-OpenSSH_9.9\r\n\r\n", b"HTTP/1.1 2000 OK\r\n\r\n", b"HTTP/1.1 200 OK\r\nno colon\r\n\r\n"):
            scene = Scene(self).send(GET).serve(bad)
            self.assertTrue(scene.origin.peer.was_reset())
            self.check_error(scene, 502, "")

    def test_head_too_large(self) -> None:
        """A head beyond max_head_bytes: 502."""
        scene = Scene(self, max_head_bytes=1000).send(GET).serve(b"HTTP/1.1 200 OK\r\nX: " + b"x" * 2000)
        self.check_error(scene, 502, "")

    def test_head_timeout(self) -> None:
        """Nothing, or only an interim response, or a part of a head: 504 after response_head_timeout."""
        for part in (b"", b"HTTP/1.1 200 OK\r\nX:"):
            scene = Scene(self, response_head_timeout=9).send(GET).serve(part)
            scene.harness.advance(1, 1, 1, 1, 1, 1, 1, 1, 0.9)
            self.assertEqual(scene.client.received, b"")
            scene.harness.advance(1, 1)
            self.check_error(scene, 504, "did not answer within 9 seconds")

    def test_silence_in_the_body(self) -> None:
        """A body that stops coming: 504 when it was collected, else a reset."""
        scene = Scene(self, tcp_timeout=20).send(GET).serve(HEAD_10)
        scene.harness.advance(10, 11, 5)
        self.check_error(scene, 504, "sent nothing of its body")

    def test_server_that_reads_nothing(self) -> None:
        """A large request to a server that does not read it: 504 after tcp_timeout, for a collected and a streamed one."""
        for settings in ({}, {"on_requestheaders": stream_request}):
            scene = Scene(self, tcp_timeout=20, response_head_timeout=15, **settings)
            scene.harness.network.ports[("192.0.2.1", 80)].stopReading()
            scene.send(request("POST", "/", body=b"x" * 1_000_000))
            scene.harness.advance(10, 9)
            self.assertEqual(scene.client.received, b"")
            scene.harness.advance(5)
            self.check_error(scene, 504, "took nothing of the request for 20 seconds")

    def test_cut_collected_body(self) -> None:
        """A body that ends too soon and was collected: nothing was sent, so 502."""
        for head in (HEAD_10, HEAD_CHUNKED):
            for ending in ("close", "half_close", "reset"):
                scene = Scene(self).send(GET).serve(head)
                getattr(scene.origin.peer, ending)()
                scene.harness.pump()
                self.check_error(scene, 502, "after 3 bytes of the body")

    def test_cut_streamed_body(self) -> None:
        """A body that ends too soon and was streamed: the client has a part of it, so it is reset."""
        for head in (HEAD_10, HEAD_CHUNKED):
            for ending in ("close", "half_close", "reset"):
                scene = Scene(self, on_responseheaders=stream_response).send(GET).serve(head)
                self.assertIn(b"abc", scene.client.received)
                getattr(scene.origin.peer, ending)()
                scene.harness.pump()
                self.assertTrue(scene.client.was_reset())
                self.check_error(scene, None, "after 3 bytes of the body")

    def test_body_until_close_is_cut_by_a_reset_only(self) -> None:
        """A body without a length is whole after FIN, and cut after RST."""
        scene = Scene(self).send(GET).serve(b"HTTP/1.1 200 OK\r\n\r\nabc")
        scene.origin.peer.close()
        scene.harness.pump()
        self.assertTrue(scene.client.received.endswith(b"abc"))
        self.assertEqual((scene.recorder.count("error"), scene.recorder.count("response")), (0, 1))
        scene = Scene(self).send(GET).serve(b"HTTP/1.1 200 OK\r\n\r\nabc")
        scene.origin.peer.reset()
        scene.harness.pump()
        self.check_error(scene, 502, "after 3 bytes")

    def test_bad_chunk(self) -> None:
        """Bytes that are no chunk: 502 when collected, a reset when streamed."""
        for settings, status in (({}, 502), ({"on_responseheaders": stream_response}, None)):
            scene = Scene(self, **settings).send(GET).serve(HEAD_CHUNKED).serve(b"nonsense\r\n")
            self.assertTrue(scene.origin.peer.was_reset())
            self.check_error(scene, status, "")

    def test_body_too_large(self) -> None:
        """A response beyond body_size_limit: 502; the connection to the server is reset."""
        scene = Scene(self, body_size_limit=5).send(GET).serve(HEAD_10)
        self.assertTrue(scene.origin.peer.was_reset())
        self.check_error(scene, 502, "larger than 5 bytes")
        scene = Scene(self, body_size_limit=5).send(GET).serve(HEAD_CHUNKED).serve(b"3\r\nabc\r\n")
        self.check_error(scene, 502, "larger than 5 bytes")


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

    def test_client_that_stops_in_the_body(self) -> None:
        """A request body that does not come on: error after tcp_timeout, and the client is reset."""
        for settings in ({}, {"on_requestheaders": stream_request}):
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
        for settings in ({}, {"on_requestheaders": stream_request}):
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


class HookDeadlineTests(XorCase):
    """A handler that does not answer within hook_timeout, of an addon that says kill."""

    def test_hook_deadline(self) -> None:
        """Each ask hook of an exchange: error, nothing but a reset for the client."""
        for hook in ("requestheaders", "request", "responseheaders", "response"):
            recorder = Recorder(only=(), **{hook: Holder()})
            recorder.failure_policy = "kill"  # type: ignore[attr-defined]
            watching = Recorder(name="watching")
            harness = self.proxy(watching, recorder, hook_timeout=10)
            harness.origin("example.com", 80, b"HTTP/1.1 204 No Content\r\n\r\n")
            client = self.send(harness, GET)
            harness.advance(5, 6)
            self.assertTrue(client.was_reset(), hook)
            self.assertEqual(watching.count("error"), 1)
            self.assertIn("recorder failed", watching.last("error").error.msg)
            self.check_over(harness, watching, client)


