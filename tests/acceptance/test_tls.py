"""TLS interception, end to end in memory."""

from typing import Any

from mitmtw.testing import Harness, Peer, Recorder
from tests.acceptance.base import OK, Acceptance, answer

CONNECT = b"CONNECT example.com:443 HTTP/1.1\r\nHost: example.com:443\r\n\r\n"
ESTABLISHED = b"HTTP/1.1 200 Connection established\r\n\r\n"
INSIDE = b"GET /path HTTP/1.1\r\nHost: example.com\r\n\r\n"


class TLSCase(Acceptance):
    """A client that speaks TLS inside of CONNECT."""

    def tunnel(self, harness: Harness, connect: bytes = CONNECT) -> Peer:
        """A client whose CONNECT was answered."""
        client = self.send(harness, connect)
        self.assertEqual(client.take(), ESTABLISHED)
        return client

    def inside(self, harness: Harness, data: bytes = b"", name: str = "example.com", **settings: Any) -> Peer:
        """A client's plaintext inside of TLS inside of a tunnel, which has sent C{data}."""
        inner = harness.secure(self.tunnel(harness), name, **settings)
        if data:
            inner.send(data)
            harness.pump()
        return inner


class InterceptionTests(TLSCase):
    """Both sides speak TLS, and addons see what is inside."""

    def test_end_to_end(self) -> None:
        """A request inside of TLS gets to the server inside of TLS, and addons see both connections' facts."""
        recorder = Recorder()
        harness = self.proxy(recorder)
        origin = harness.tls_origin("example.com", 443, OK)
        client = self.inside(harness, INSIDE)
        self.assertEqual(client.received, OK)
        self.assertEqual(origin.received, INSIDE)
        flow = recorder.last("response")
        self.assertEqual(flow.request.url, "https://example.com/path")
        self.assertEqual((flow.client_conn.sni, flow.client_conn.alpn), ("example.com", b"http/1.1"))
        self.assertTrue(flow.client_conn.tls_established)
        self.assertTrue(flow.server_conn.tls_established)
        self.assertEqual(flow.server_conn.sni, "example.com")
        self.assertIn("example.com", str(flow.server_conn.certificate.extensions))
