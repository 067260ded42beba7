"""
Whatever fails, and whenever: a flow ends in exactly one of C{response} and C{error}, the error is a sentence, the
client gets a page or, when something of an answer was sent already, a reset, and the next request on a new connection
is served. Here: the server, and addons.
"""

from typing import Any

from mitmtw.testing import Recorder
from tests.acceptance.base import GET, request
from tests.acceptance.failures_base import Holder, Scene, XorCase

#: Collected and streamed.
SETTINGS_OF_REQUESTS: tuple[dict[str, Any], ...] = ({}, {"on_requestheaders": lambda flow: stream_request(flow)})
HEAD_10 = b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc"
HEAD_CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n"


def stream_request(flow: Any) -> None:
    flow.request.stream = True


def stream_response(flow: Any) -> None:
    flow.response.stream = True


class ConnectFailureTests(XorCase):
    """No connection to the server."""

    def ask(self, host: str = "example.com", scheme: str = "http", **settings: Any) -> Scene:
        """A request to a host."""
        scene = Scene(self, **settings)
        scene.send(f"GET {scheme}://{host}/ HTTP/1.1\r\nHost: {host}\r\n\r\n".encode())
        return scene

    def test_dns_failure(self) -> None:
        """A name that cannot be resolved: 502, and a connect error, but no disconnect."""
        scene = self.ask("nowhere.example")
        self.check_error(scene, 502, "name of nowhere.example:80 cannot be resolved")
        self.assertEqual(scene.recorder.count("server_connect_error"), 1)

    def test_refused(self) -> None:
        """Nobody listens: 502."""
        self.check_error(self.ask("127.0.0.9"), 502, "127.0.0.9:80 refused the connection")

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
        self.check_error(self.ask("127.0.0.1:8080"), 508, "this proxy itself")

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
        """Serverconnect may kill: nothing is dialled, 502."""
        scene = self.ask(on_serverconnect=lambda conn: conn.kill() if conn.host == "example.com" else None)
        self.assertEqual(scene.harness.network.attempts[1:], [])
        self.check_error(scene, 502, "an addon refused the connection")

    def test_page_of_an_addon(self) -> None:
        """A handler of error may put another page in place of ours."""

        def error(flow: Any) -> None:
            from mitmtw.model import Response

            flow.response = Response.make(418, b"teapot")

        scene = self.ask("127.0.0.9", on_error=error)
        self.assertTrue(scene.client.received.startswith(b"HTTP/1.1 418 "))
        self.assertTrue(scene.client.received.endswith(b"\r\n\r\nteapot"))
        self.check_over(scene.harness, scene.recorder, scene.client)

    def test_page_keeps_the_connection(self) -> None:
        """A page is a response like others: the next request on the same connection is served."""
        scene = self.ask("127.0.0.9")
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
        for bad in (b"SSH-2.0-OpenSSH_9.9", b"HTTP/1.1 2000 OK", b"HTTP/1.1 200 OK\r\nno colon"):
            scene = Scene(self).send(GET).serve(bad + b"\r\n\r\n")
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
        """A large request, collected or streamed, to a server that does not read it: 504 after tcp_timeout."""
        for settings in SETTINGS_OF_REQUESTS:
            scene = Scene(self, tcp_timeout=20, response_head_timeout=15, **settings)
            scene.harness.network.ports[("192.0.2.1", 80)].stopReading()
            scene.send(request("POST", "/", body=b"x" * 1_000_000))
            scene.harness.advance(10, 9)
            self.assertEqual(scene.client.received, b"")
            scene.harness.advance(5)
            self.check_error(scene, 504, "took nothing of the request for 20 seconds")

    def test_server_that_reads_late(self) -> None:
        """A slow upload is no silence of the server: its time to answer begins when it has the whole request."""
        scene = Scene(self, response_head_timeout=15).send(request("POST", "/", "Content-Length: 1000000"))
        scene.harness.network.ports[("192.0.2.1", 80)].stopReading()
        scene.send(b"x" * 1_000_000)
        scene.harness.advance(10, 10, 10)
        self.assertEqual(scene.client.received, b"")
        scene.harness.network.ports[("192.0.2.1", 80)].startReading()
        scene.harness.pump()
        self.assertTrue(scene.origin.received.endswith(b"x" * 1_000_000))
        scene.harness.advance(10, 4)
        self.assertEqual(scene.client.received, b"")
        scene.harness.advance(2)
        self.check_error(scene, 504, "did not answer within 15 seconds")

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
        cases: list[tuple[dict[str, Any], int | None]] = [({}, 502), ({"on_responseheaders": stream_response}, None)]
        for settings, status in cases:
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


class HookDeadlineTests(XorCase):
    """A handler that does not answer within hook_timeout, of an addon that says kill."""

    def test_hook_deadline(self) -> None:
        """Each ask hook of an exchange: error, nothing but a reset for the client."""
        for hook in ("requestheaders", "request", "responseheaders", "response"):
            handlers: dict[str, Any] = {hook: Holder()}
            recorder = Recorder(only=(), **handlers)
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
