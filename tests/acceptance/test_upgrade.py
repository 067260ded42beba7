"""Upgrades: 101 and what comes after it."""

from typing import Any

from mitmtw.testing import Harness, Origin, Peer, Recorder
from tests.acceptance.base import OK, Acceptance, request

UPGRADE = request("GET", "/", "Upgrade: chat", "Connection: Upgrade")
SWITCHING = b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: chat\r\nConnection: Upgrade\r\n\r\n"


class UpgradeTests(Acceptance):
    """A connection that becomes something else."""

    def upgraded(self, harness: Harness, ahead: bytes = b"", behind: bytes = b"") -> tuple[Peer, Origin]:
        """An upgrade that was taken, with bytes right behind both heads."""
        origin = harness.origin("example.com", 80)
        client = self.send(harness, UPGRADE + ahead)
        self.assertEqual(
            origin.peer.take(), b"GET / HTTP/1.1\r\nHost: example.com\r\nUpgrade: chat\r\nConnection: Upgrade\r\n\r\n"
        )
        origin.peer.send(SWITCHING + behind)
        harness.pump()
        return client, origin

    def test_tunnel(self) -> None:
        """101 is passed on, then bytes go both ways, and the hooks of the exchange fired."""
        recorder = Recorder()
        harness = self.proxy(recorder)
        client, origin = self.upgraded(harness)
        self.assertEqual(client.take(), SWITCHING)
        client.send(b"to the server")
        origin.peer.send(b"to the client")
        harness.pump()
        self.assertEqual((origin.received, client.received), (b"to the server", b"to the client"))
        self.assertEqual(
            recorder.trace[-6:],
            ["responseheaders", "response", "next_layer", "tcp_start", "tcp_message", "tcp_message"],
        )
        self.assertEqual(recorder.last("response").response.status_code, 101)

    def test_again(self) -> None:
        """A second client that sends the very same bytes is served in the same way."""
        harness = self.proxy()
        origin = harness.origin("example.com", 80, SWITCHING)
        clients = [self.send(harness, UPGRADE) for _ in range(3)]
        self.assertEqual([client.received for client in clients], [SWITCHING] * 3)
        self.assertEqual(len(origin.peers), 3)

    def test_leftover_bytes(self) -> None:
        """Bytes right behind both heads are not lost and not doubled."""
        harness = self.proxy(Recorder())
        client, origin = self.upgraded(harness, b"eager client", b"eager server")
        self.assertEqual(client.received, SWITCHING + b"eager server")
        self.assertEqual(origin.received, b"eager client")

    def test_half_close(self) -> None:
        """Half-closes are passed on, both ways."""
        harness = self.proxy()
        client, origin = self.upgraded(harness)
        client.take()
        client.half_close()
        harness.pump()
        self.assertTrue(origin.peer.has_ended)
        origin.peer.send(b"last words")
        origin.peer.half_close()
        harness.pump()
        self.assertEqual(client.received, b"last words")
        self.assertTrue(client.has_ended)

    def test_half_close_of_the_server(self) -> None:
        """The server may be the first to end."""
        harness = self.proxy()
        client, origin = self.upgraded(harness)
        origin.peer.half_close()
        harness.pump()
        self.assertTrue(client.has_ended)
        client.send(b"last words")
        harness.pump()
        self.assertEqual(origin.received, b"last words")

    def test_reset(self) -> None:
        """A reset of one side is a reset of the other, and serverdisconnect comes before clientdisconnect."""
        recorder = Recorder()
        harness = self.proxy(recorder)
        client, origin = self.upgraded(harness)
        client.reset()
        harness.pump()
        self.assertTrue(origin.peer.was_reset())
        self.assertEqual(recorder.trace[-2:], ["serverdisconnect", "clientdisconnect"])
        self.assertEqual(recorder.count("error"), 0)

    def test_inside_tls(self) -> None:
        """The same with TLS on both sides."""
        harness = self.proxy()
        origin = harness.tls_origin("example.com", 443)
        outer = self.send(harness, b"CONNECT example.com:443 HTTP/1.1\r\nHost: example.com:443\r\n\r\n")
        client = harness.secure(outer, "example.com")
        client.send(UPGRADE.replace(b"http://example.com", b"") + b"eager client")
        harness.pump()
        origin.peer.take()
        origin.peer.send(SWITCHING + b"eager server")
        harness.pump()
        self.assertEqual(client.received, SWITCHING + b"eager server")
        client.send(b"more")
        harness.pump()
        self.assertEqual(origin.received, b"eager clientmore")
        origin.peer.close()
        harness.pump()
        self.assertTrue(client.lost)

    def test_refused(self) -> None:
        """A server that does not want it answers as usual, and the connection goes on."""
        harness = self.proxy()
        self.origin(harness)
        client = self.send(harness, UPGRADE)
        client.send(UPGRADE)
        harness.pump()
        self.assertEqual(client.received, OK + OK)

    def test_h2c_is_taken_out(self) -> None:
        """h2c is not forwarded: the offer is taken out, the request goes up as HTTP/1.1."""
        harness = self.proxy()
        origin = self.origin(harness)
        fields = ("Upgrade: h2c", "HTTP2-Settings: AAMAAABkAAQAAP__", "Connection: Upgrade, HTTP2-Settings")
        client = self.send(harness, request("GET", "/", *fields))
        self.assertEqual(origin.received, b"GET / HTTP/1.1\r\nHost: example.com\r\n\r\n")
        self.assertEqual(client.received, OK)

    def test_unsolicited(self) -> None:
        """101 to a request that asked for no upgrade is an error: 502."""
        recorder = Recorder()
        harness = self.proxy(recorder)
        harness.origin("example.com", 80, SWITCHING)
        client = self.send(harness, request())
        self.assertTrue(client.received.startswith(b"HTTP/1.1 502 "))
        self.assertEqual((recorder.count("error"), recorder.count("response")), (1, 0))

    def test_replaced_by_an_addon(self) -> None:
        """A response that an addon puts in the place of 101 is answered, and nothing is switched."""
        from mitmtw.model import Response

        for hook in ("responseheaders", "response"):
            handlers: dict[str, Any] = {hook: lambda flow: setattr(flow, "response", Response.make(403))}
            harness = self.proxy(Recorder(**handlers))
            client, origin = self.upgraded(harness)
            self.assertTrue(client.received.startswith(b"HTTP/1.1 403 "))
            self.assertTrue(origin.peer.lost or origin.peer.has_ended)
