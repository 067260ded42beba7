"""CONNECT and http_connect."""

from typing import Any

from twisted.internet.defer import Deferred

from mitmtw.model import Response
from mitmtw.testing import Recorder
from tests.acceptance.base import OK, Acceptance

CONNECT = b"CONNECT example.com:80 HTTP/1.1\r\nHost: example.com:80\r\nX-Secret: 1\r\n\r\n"
ESTABLISHED = b"HTTP/1.1 200 Connection established\r\n\r\n"
INSIDE = b"GET / HTTP/1.1\r\nHost: example.com\r\n\r\n"


def answering(response: Response) -> Any:
    """A handler of http_connect that answers with this."""
    return lambda flow: setattr(flow, "response", response)


class ConnectTests(Acceptance):
    """What a handler can make of a tunnel."""

    def test_http_connect_403_with_body(self) -> None:
        """A response outside 2xx is returned with its body, and the connection ends; no other HTTP hook fires."""
        recorder = Recorder(http_connect=answering(Response.make(403, b"not there")))
        harness = self.proxy(recorder)
        origin = self.origin(harness)
        client = self.send(harness, CONNECT + INSIDE)
        self.assertTrue(client.received.startswith(b"HTTP/1.1 403 Forbidden\r\n"))
        self.assertIn(b"\r\nConnection: close\r\n", client.received)
        self.assertTrue(client.received.endswith(b"\r\n\r\nnot there"))
        self.assertTrue(client.has_ended)
        self.assertEqual(origin.peers, [])
        client.close()
        harness.pump()
        self.assertEqual(recorder.trace, ["clientconnect", "next_layer", "http_connect", "clientdisconnect"])

    def test_http_connect_custom_2xx(self) -> None:
        """A 2xx is sent as it is, without a body or its length, and the tunnel opens."""
        response = Response.make(299, b"no body here", {"X-Tunnel": "yes"})
        harness = self.proxy(Recorder(http_connect=answering(response)))
        origin = self.origin(harness)
        client = self.send(harness, CONNECT + INSIDE)
        head, _, rest = client.received.partition(b"\r\n\r\n")
        self.assertEqual(head, b"HTTP/1.1 299 \r\nX-Tunnel: yes")
        self.assertEqual(rest, OK)
        self.assertEqual(origin.received, INSIDE)

    def test_http_connect_moved_target(self) -> None:
        """Another host and port move the tunnel."""

        def move(flow: Any) -> None:
            flow.request.host, flow.request.port = "other.example", 81

        harness = self.proxy(Recorder(http_connect=move))
        origin = self.origin(harness, b"moved", "other.example", 81)
        client = self.send(harness, CONNECT + INSIDE)
        self.assertTrue(client.received.startswith(ESTABLISHED))
        self.assertTrue(client.received.endswith(b"moved"))
        self.assertIn(b"Host: example.com\r\n", origin.received)

    def test_http_connect_later(self) -> None:
        """A handler may take its time; what the client sends ahead is kept."""
        pending: Deferred[None] = Deferred()
        harness = self.proxy(Recorder(http_connect=lambda flow: pending))
        origin = self.origin(harness)
        client = self.send(harness, CONNECT + INSIDE)
        self.assertEqual((client.received, origin.peers), (b"", []))
        pending.callback(None)
        harness.pump()
        self.assertEqual(client.received, ESTABLISHED + OK)

    def test_flow_of_http_connect(self) -> None:
        """The flow has the request with its fields, also under the name of the specification."""
        recorder = Recorder()
        harness = self.proxy(recorder)
        self.send(harness, CONNECT)
        flow = recorder.last("http_connect")
        self.assertEqual((flow.request.method, flow.request.host, flow.request.port), ("CONNECT", "example.com", 80))
        self.assertIs(flow.requestheaders, flow.request.headers)
        self.assertEqual(flow.requestheaders["x-secret"], "1")

    def test_kill(self) -> None:
        """A killed CONNECT resets the client and ends in error."""
        recorder = Recorder(http_connect=lambda flow: flow.kill())
        harness = self.proxy(recorder)
        client = self.send(harness, CONNECT)
        self.assertTrue(client.was_reset())
        self.assertEqual(recorder.trace[-3:], ["http_connect", "error", "clientdisconnect"])

    def test_no_connection_before_it_is_needed(self) -> None:
        """The tunnel is answered before anything is connected."""
        harness = self.proxy()
        origin = self.origin(harness)
        client = self.send(harness, CONNECT)
        self.assertEqual((client.received, origin.peers), (ESTABLISHED, []))

    def test_tunnel_that_fails(self) -> None:
        """Bytes that are no HTTP for a server that is not there: error fires for the CONNECT's flow."""
        recorder = Recorder()
        harness = self.proxy(recorder)
        client = self.send(harness, CONNECT + b"\x00\x01\x02")
        self.assertEqual(client.received, ESTABLISHED)
        self.assertTrue(client.has_ended)
        self.assertIs(recorder.last("error"), recorder.last("http_connect"))
        self.assertEqual(recorder.count("error"), 1)

    def test_connect_needs_a_port(self) -> None:
        """A target without a port is refused, with an error that has no request."""
        recorder = Recorder()
        harness = self.proxy(recorder)
        client = self.send(harness, b"CONNECT example.com HTTP/1.1\r\nHost: example.com\r\n\r\n")
        self.assertTrue(client.received.startswith(b"HTTP/1.1 400 "))
        self.assertIsNone(recorder.last("error").request)

    def test_connect_in_reverse_mode(self) -> None:
        """CONNECT is valid in regular mode only: 405."""
        recorder = Recorder()
        harness = self.proxy(recorder, listen=["reverse:http://example.com@tcp:8080:interface=127.0.0.1"])
        client = self.send(harness, CONNECT)
        self.assertTrue(client.received.startswith(b"HTTP/1.1 405 Method Not Allowed\r\n"))
        self.assertEqual(recorder.count("http_connect"), 0)

    def test_connect_inside_a_tunnel(self) -> None:
        """CONNECT is not served inside of a tunnel either."""
        harness = self.proxy()
        client = self.send(harness, CONNECT + CONNECT)
        self.assertIn(b"HTTP/1.1 405 ", client.received)
