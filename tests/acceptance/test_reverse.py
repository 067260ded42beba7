"""Reverse mode: listeners with a fixed target."""

from typing import Any

from mitmtw.testing import Harness, Recorder
from tests.acceptance.base import OK, Acceptance

PLAIN = b"GET /x HTTP/1.1\r\nHost: front.example\r\n\r\n"


class ReverseCase(Acceptance):
    """A proxy in front of one server."""

    def reverse(self, target: str, *addons: object, **settings: Any) -> Harness:
        """A proxy whose listener sends everything to C{target}."""
        return self.proxy(*addons, listen=[f"reverse:{target}@tcp:8080:interface=127.0.0.1"], **settings)


class ReverseHTTPTests(ReverseCase):
    """reverse:http and reverse:https."""

    def test_http(self) -> None:
        """A request with a path goes to the target, whose name is in Host."""
        recorder = Recorder()
        harness = self.reverse("http://example.com", recorder)
        origin = self.origin(harness)
        client = self.send(harness, PLAIN)
        self.assertEqual(client.received, OK)
        self.assertEqual(origin.received, b"GET /x HTTP/1.1\r\nHost: example.com\r\n\r\n")
        self.assertEqual(recorder.flow.request.url, "http://example.com/x")
        self.assertEqual(recorder.last("clientconnect").server_conn.address, ("example.com", 80))

    def test_port(self) -> None:
        """A port that is not the default one is in Host, too."""
        harness = self.reverse("http://example.com:8000")
        origin = self.origin(harness, port=8000)
        self.send(harness, PLAIN)
        self.assertIn(b"\r\nHost: example.com:8000\r\n", origin.received)

    def test_keep_host_header(self) -> None:
        """By option the client's Host stays."""
        harness = self.reverse("http://example.com", keep_host_header=True)
        origin = self.origin(harness)
        self.send(harness, PLAIN)
        self.assertEqual(origin.received, PLAIN)

    def test_https(self) -> None:
        """A plain client, a server that speaks TLS: its certificate is verified for the target's name."""
        recorder = Recorder()
        harness = self.reverse("https://example.com", recorder)
        origin = harness.tls_origin("example.com", 443, OK)
        client = self.send(harness, PLAIN)
        self.assertEqual(client.received, OK)
        self.assertEqual(origin.received, b"GET /x HTTP/1.1\r\nHost: example.com\r\n\r\n")
        self.assertEqual(recorder.flow.server_conn.sni, "example.com")

    def test_tls_or_plain_on_the_same_port(self) -> None:
        """The same port takes clients that speak TLS and such that do not."""
        for target in ("http://example.com", "https://example.com"):
            harness = self.reverse(target)
            self.origin(harness)
            harness.tls_origin("example.com", 443, OK)
            self.assertEqual(self.send(harness, PLAIN).received, OK)
            inner = harness.secure(harness.client(), "front.example")
            inner.send(PLAIN)
            harness.pump()
            self.assertEqual(inner.received, OK)

    def test_absolute_form(self) -> None:
        """A URL in the request does not lead elsewhere."""
        harness = self.reverse("http://example.com")
        origin, other = self.origin(harness), self.origin(harness, host="other.example")
        self.send(harness, b"GET http://other.example/y HTTP/1.1\r\nHost: other.example\r\n\r\n")
        self.assertEqual(other.peers, [])
        self.assertTrue(origin.received.startswith(b"GET /y HTTP/1.1\r\nHost: example.com\r\n"))

    def test_options_asterisk(self) -> None:
        """OPTIONS * is for the server as a whole; other methods may not ask it."""
        harness = self.reverse("http://example.com")
        origin = self.origin(harness)
        client = self.send(harness, b"OPTIONS * HTTP/1.1\r\nHost: front.example\r\n\r\n")
        self.assertEqual(client.received, OK)
        self.assertTrue(origin.received.startswith(b"OPTIONS * HTTP/1.1\r\n"))
        client = self.send(harness, b"GET * HTTP/1.1\r\nHost: front.example\r\n\r\n")
        self.assertTrue(client.received.startswith(b"HTTP/1.1 400 "))

    def test_http10_without_host(self) -> None:
        """An old client that sends no Host is served."""
        harness = self.reverse("http://example.com")
        origin = self.origin(harness)
        client = self.send(harness, b"GET /old HTTP/1.0\r\n\r\n")
        self.assertTrue(client.received.endswith(b"hi"))
        self.assertIn(b"\r\nHost: example.com\r\n", origin.received)

    def test_addon_sends_elsewhere(self) -> None:
        """An addon may send a request to another server."""

        def move(flow: Any) -> None:
            flow.request.host = "other.example"

        harness = self.reverse("http://example.com", Recorder(request=move))
        origin = self.origin(harness, host="other.example")
        self.send(harness, PLAIN)
        self.assertIn(b"\r\nHost: other.example\r\n", origin.received)

    def test_not_http(self) -> None:
        """What is no HTTP is refused, and does not get to the server."""
        harness = self.reverse("http://example.com")
        origin = self.origin(harness)
        client = self.send(harness, b"\x00\x01\x02\x03\r\n\r\n")
        self.assertTrue(client.received.startswith(b"HTTP/1.1 400 "))
        self.assertEqual(origin.peers, [])

    def test_two_listeners(self) -> None:
        """Listeners of several modes share one proxy and its pool."""
        listen = ["tcp:8080:interface=127.0.0.1", "reverse:http://example.com@tcp:8081:interface=127.0.0.1"]
        harness = self.proxy(listen=listen)
        origin = self.origin(harness)
        self.send(harness, b"GET http://example.com/ HTTP/1.1\r\nHost: example.com\r\n\r\n")
        client = harness.client(8081)
        client.send(PLAIN)
        harness.pump()
        self.assertEqual(client.received, OK)
        self.assertEqual(len(origin.peers), 1)


class ReverseTCPTests(ReverseCase):
    """reverse:tcp and reverse:tls."""

    def test_tcp(self) -> None:
        """Bytes go as they are, HTTP or not, and half-closes are passed on."""
        recorder = Recorder()
        harness = self.reverse("tcp://example.com:25", recorder)
        origin = harness.origin("example.com", 25)
        client = self.send(harness, PLAIN)
        self.assertEqual(origin.received, PLAIN)
        client.half_close()
        harness.pump()
        self.assertTrue(origin.peer.has_ended)
        origin.peer.send(b"late")
        origin.peer.close()
        harness.pump()
        self.assertEqual(client.received, b"late")
        self.assertTrue(client.has_ended)
        self.assertEqual(recorder.count("requestheaders"), 0)
        self.assertEqual(recorder.trace[-2:], ["serverdisconnect", "clientdisconnect"])

    def test_tls(self) -> None:
        """reverse:tls: the server is spoken to in TLS, the client is not."""
        harness = self.reverse("tls://example.com:993")
        origin = harness.tls_origin("example.com", 993, alpn=())
        client = self.send(harness, b"anything")
        self.assertEqual(origin.received, b"anything")
        origin.peer.send(b"back")
        harness.pump()
        self.assertEqual(client.received, b"back")

    def test_refused(self) -> None:
        """No server: the client's connection ends."""
        recorder = Recorder()
        harness = self.reverse("tcp://example.com:25", recorder)
        client = self.send(harness, b"anything")
        self.assertTrue(client.has_ended or client.lost)
        self.assertEqual(recorder.trace[-1], "clientdisconnect")

    def test_reset(self) -> None:
        """A reset of the server is a reset for the client."""
        harness = self.reverse("tcp://example.com:25")
        origin = harness.origin("example.com", 25)
        client = self.send(harness, b"anything")
        origin.peer.reset()
        harness.pump()
        self.assertTrue(client.was_reset())

    def test_idle(self) -> None:
        """A relay that is silent for tcp_timeout ends."""
        harness = self.reverse("tcp://example.com:25", tcp_timeout=10)
        origin = harness.origin("example.com", 25)
        client = self.send(harness, b"anything")
        harness.advance(*[1] * 9)
        origin.peer.send(b"still here")
        harness.pump()
        harness.advance(*[1] * 9)
        self.assertFalse(client.lost)
        harness.advance(1, 1, 1)
        self.assertTrue(client.lost)
        self.assertTrue(origin.peer.lost)
