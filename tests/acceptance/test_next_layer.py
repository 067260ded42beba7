"""next_layer, and servers that speak first."""

from typing import Any

from twisted.internet.defer import Deferred

from mitmtw._layers.client import Target
from mitmtw.testing import Harness, Peer, Recorder
from tests.acceptance.base import GET, OK, Acceptance

CONNECT = b"CONNECT example.com:25 HTTP/1.1\r\nHost: example.com:25\r\n\r\n"
ESTABLISHED = b"HTTP/1.1 200 Connection established\r\n\r\n"
SSH = b"SSH-2.0-OpenSSH_9.6\r\n"


def relayed(layer: Any) -> Any:
    """A relay to example.com, port 25, in place of a proposal."""
    relay = layer.proxy.layers["relay"](layer)
    relay.target = Target("example.com", 25)
    return relay


class TunnelCase(Acceptance):
    """Clients in a tunnel."""

    def tunnel(self, harness: Harness, data: bytes = b"") -> Peer:
        """A client whose CONNECT was answered, and what it sent then."""
        client = self.send(harness, CONNECT)
        self.assertEqual(client.take(), ESTABLISHED)
        if data:
            client.send(data)
            harness.pump()
        return client


class NextLayerTests(TunnelCase):
    """Which protocol comes next."""

    def test_proposals(self) -> None:
        """Each switch asks once, with what we would take: HTTP at first, then what is in the tunnel."""
        recorder = Recorder(only=("next_layer",))
        harness = self.proxy(recorder)
        harness.origin("example.com", 25, OK)
        self.tunnel(harness, b"GET / HTTP/1.1\r\nHost: example.com\r\n\r\n")
        layers = [layer for _, layer in recorder.events]
        self.assertEqual([layer.name for layer in layers], ["http1", "http1"])
        self.assertEqual(layers[0].data_client(), CONNECT)
        self.assertEqual(layers[1].data_client(), b"GET / HTTP/1.1\r\nHost: example.com\r\n\r\n")

    def test_next_layer_by_value(self) -> None:
        """What a handler returns is taken, and gets the bytes seen so far."""
        harness = self.proxy(Recorder(next_layer=lambda layer: relayed(layer) if layer.target is None else None))
        origin = harness.origin("example.com", 25)
        self.send(harness, GET)
        self.assertEqual(origin.received, GET)

    def test_next_layer_by_deferred(self) -> None:
        """The same by a Deferred; all bytes that come meanwhile, and the end, are kept."""
        pending: Deferred[Any] = Deferred()
        proposals: list[Any] = []

        def next_layer(layer: Any) -> Deferred[Any]:
            proposals.append(layer)
            return pending

        harness = self.proxy(Recorder(next_layer=next_layer))
        origin = harness.origin("example.com", 25)
        client = self.send(harness, GET)
        client.send(b"more")
        client.half_close()
        harness.pump()
        self.assertEqual(origin.peers, [])
        pending.callback(relayed(proposals[0]))
        harness.pump()
        self.assertEqual(origin.received, GET + b"more")
        self.assertTrue(origin.peer.has_ended)
        origin.peer.send(b"late")
        origin.peer.close()
        harness.pump()
        self.assertEqual(client.received, b"late")

    def test_next_layer_by_assignment(self) -> None:
        """layer.replacement is the same as a returned layer; a later handler sees the latest choice."""
        seen: list[str] = []
        first = Recorder("a", only=(), next_layer=lambda layer: setattr(layer, "replacement", relayed(layer)))
        second = Recorder("b", only=(), next_layer=lambda layer: seen.append(layer.name))
        harness = self.proxy(first, second)
        origin = harness.origin("example.com", 25)
        self.send(harness, GET)
        self.assertEqual(origin.received, GET)
        self.assertEqual(seen, ["relay"])

    def test_next_layer_undecided(self) -> None:
        """ask_again: the hook fires again when there is more to see, and only then."""

        def next_layer(layer: Any) -> None:
            if len(layer.data_client()) < len(GET):
                layer.ask_again()

        recorder = Recorder(only=("request",), next_layer=next_layer)
        harness = self.proxy(recorder)
        self.origin(harness)
        client = self.send(harness, GET[:10])
        self.assertEqual(recorder.count("next_layer"), 1)
        client.send(GET[10:20])
        harness.pump()
        self.assertEqual(recorder.count("next_layer"), 2)
        client.send(GET[20:])
        harness.pump()
        self.assertEqual(recorder.trace, ["next_layer"] * 3 + ["request"])
        self.assertEqual(recorder.events[2][1].data_client(), GET)
        self.assertEqual(client.received, OK)

    def test_undecided_at_the_end(self) -> None:
        """A client that ends while a handler wants more does not hang."""
        recorder = Recorder(next_layer=lambda layer: layer.ask_again())
        harness = self.proxy(recorder)
        client = self.send(harness, b"GET / ")
        client.half_close()
        harness.pump()
        self.assertTrue(client.has_ended or client.lost)
        self.assertEqual(recorder.trace[-1], "clientdisconnect")

    def test_kill(self) -> None:
        """A handler may kill the connection."""
        recorder = Recorder(next_layer=lambda layer: layer.kill())
        harness = self.proxy(recorder)
        client = self.send(harness, GET)
        self.assertTrue(client.was_reset())
        self.assertEqual(recorder.trace, ["clientconnect", "next_layer", "clientdisconnect"])

    def test_client_gone_while_pending(self) -> None:
        """A client that resets meanwhile is noticed, and the decision dropped."""
        cancelled: list[Any] = []
        recorder = Recorder(next_layer=lambda layer: Deferred(cancelled.append))
        harness = self.proxy(recorder)
        client = self.send(harness, GET)
        client.reset()
        harness.pump()
        self.assertEqual(len(cancelled), 1)
        self.assertEqual(recorder.trace[-1], "clientdisconnect")


class ServerFirstTests(TunnelCase):
    """Servers that speak first."""

    def test_after_connect(self) -> None:
        """After CONNECT and server_first_delay the server is connected, and its greeting gets to the client."""
        recorder = Recorder()
        harness = self.proxy(recorder)
        origin = harness.origin("example.com", 25)
        client = self.tunnel(harness)
        harness.advance(0.29)
        self.assertEqual(origin.peers, [])
        harness.advance(0.02)
        self.assertEqual(len(origin.peers), 1)
        origin.peer.send(b"220 hello\r\n")
        harness.pump()
        self.assertEqual(client.received, b"220 hello\r\n")
        self.assertEqual(recorder.last("next_layer").data_server(), b"220 hello\r\n")
        client.send(b"HELO me\r\n")
        harness.pump()
        self.assertEqual(origin.received, b"HELO me\r\n")
        self.assertEqual(recorder.count("serverconnect"), 1)

    def test_client_speaks_after_all(self) -> None:
        """The connection that was made for a silent client is used when it speaks HTTP at last."""
        recorder = Recorder()
        harness = self.proxy(recorder)
        origin = harness.origin("example.com", 25, OK)
        client = self.tunnel(harness)
        harness.advance(0.5)
        self.assertEqual(len(origin.peers), 1)
        client.send(b"GET / HTTP/1.1\r\nHost: example.com:25\r\n\r\n")
        harness.pump()
        self.assertEqual(client.received, OK)
        self.assertEqual((len(origin.peers), recorder.count("serverconnect")), (1, 1))

    def test_fixed_target(self) -> None:
        """With reverse:tcp the same after accept."""
        recorder = Recorder()
        harness = self.proxy(recorder, listen=["reverse:tcp://example.com:25@tcp:8080:interface=127.0.0.1"])
        origin = harness.origin("example.com", 25)
        client = harness.client()
        harness.advance(0.31)
        origin.peer.send(b"220 hello\r\n")
        harness.pump()
        self.assertEqual(client.received, b"220 hello\r\n")
        self.assertEqual(
            recorder.trace,
            ["clientconnect", "serverconnect", "server_connected", "next_layer", "tcp_start", "tcp_message"],
        )

    def test_undecided_about_a_server(self) -> None:
        """ask_again works for what the server says, too."""

        def next_layer(layer: Any) -> None:
            if layer.target is not None and b"\n" not in layer.data_server():
                layer.ask_again()

        recorder = Recorder(next_layer=next_layer)
        harness = self.proxy(recorder)
        origin = harness.origin("example.com", 25)
        client = self.tunnel(harness)
        harness.advance(0.31)
        for piece in (b"220 ", b"hel", b"lo\r\n"):
            self.assertEqual(client.received, b"")
            origin.peer.send(piece)
            harness.pump()
        self.assertEqual(client.received, b"220 hello\r\n")
        self.assertEqual((recorder.count("next_layer"), recorder.count("serverconnect")), (4, 1))

    def test_inside_tls(self) -> None:
        """Inside of TLS a server that speaks first works too."""
        harness = self.proxy(Recorder())
        origin = harness.tls_origin("example.com", 25, alpn=())
        inner = harness.secure(self.tunnel(harness), "example.com", alpn=())
        harness.advance(0.4)
        self.assertEqual(len(origin.peers), 1)
        origin.peer.send(b"220 hello\r\n")
        harness.pump()
        self.assertEqual(inner.received, b"220 hello\r\n")
        inner.send(b"HELO me\r\n")
        harness.pump()
        self.assertEqual(origin.received, b"HELO me\r\n")

    def test_http_inside_tls_after_a_pause(self) -> None:
        """A client that is slow to send its request inside of TLS is still understood."""
        recorder = Recorder()
        harness = self.proxy(recorder)
        origin = harness.tls_origin("example.com", 25, OK)
        inner = harness.secure(self.tunnel(harness), "example.com")
        harness.advance(0.4)
        inner.send(b"GET / HTTP/1.1\r\nHost: example.com:25\r\n\r\n")
        harness.pump()
        self.assertEqual(inner.received, OK)
        self.assertEqual(recorder.count("request"), 1)
        self.assertEqual(len(origin.peers), 1)

    def test_http_inside_tls_without_alpn_after_a_pause(self) -> None:
        """The same without ALPN; the connection that was made for a server that might speak first is given up."""
        recorder = Recorder()
        harness = self.proxy(recorder)
        origin = harness.tls_origin("example.com", 25, OK)
        inner = harness.secure(self.tunnel(harness), "example.com", alpn=())
        harness.advance(0.4)
        self.assertEqual(len(origin.peers), 1)
        inner.send(b"GET / HTTP/1.1\r\nHost: example.com:25\r\n\r\n")
        harness.pump()
        self.assertEqual(inner.received, OK)
        self.assertEqual(recorder.count("request"), 1)
        self.assertTrue(origin.peers[0].lost)

    def test_half_close_before_the_server_speaks(self) -> None:
        """A client that only listens: its half-close gets to the server, the server's words to the client."""
        harness = self.proxy(Recorder())
        origin = harness.origin("example.com", 25)
        client = self.tunnel(harness)
        harness.advance(0.4)
        client.half_close()
        harness.pump()
        self.assertTrue(origin.peer.has_ended)
        origin.peer.send(b"12:00\r\n")
        origin.peer.close()
        harness.pump()
        self.assertEqual(client.received, b"12:00\r\n")
        self.assertTrue(client.has_ended)

    def test_unknown_words(self) -> None:
        """What is neither TLS nor HTTP is relayed as it is."""
        harness = self.proxy(Recorder())
        origin = harness.origin("example.com", 25)
        self.tunnel(harness, SSH)
        self.assertEqual(origin.received, SSH)

    def test_a_word_without_an_end(self) -> None:
        """What might become a request and does not go on is relayed after server_first_delay."""
        harness = self.proxy(Recorder())
        origin = harness.origin("example.com", 25)
        client = self.tunnel(harness, b"PING")
        self.assertEqual(origin.peers, [])
        harness.advance(0.31)
        self.assertEqual(origin.received, b"PING")
        origin.peer.send(b"PONG")
        harness.pump()
        self.assertEqual(client.received, b"PONG")

    def test_half_a_request_line(self) -> None:
        """A request that comes slowly is still read as one, on the connection that was made meanwhile."""
        recorder = Recorder()
        harness = self.proxy(recorder)
        origin = harness.origin("example.com", 25, OK)
        client = self.tunnel(harness, b"GET /slow")
        harness.advance(0.5)
        client.send(b" HTTP/1.1\r\nHost: example.com:25\r\n\r\n")
        harness.pump()
        self.assertEqual(client.received, OK)
        self.assertEqual((recorder.flow.request.path, len(origin.peers)), ("/slow", 1))

    def test_refused(self) -> None:
        """A server that cannot be connected when the client is silent: the client learns it when it asks."""
        recorder = Recorder()
        harness = self.proxy(recorder)
        client = self.tunnel(harness)
        harness.advance(0.5)
        client.send(b"GET / HTTP/1.1\r\nHost: example.com:25\r\n\r\n")
        harness.pump()
        self.assertTrue(client.received.startswith(b"HTTP/1.1 502 "))
        self.assertEqual(recorder.count("error"), 1)

    def test_client_leaves_while_silent(self) -> None:
        """A client that leaves before anybody spoke takes its server connection with it."""
        recorder = Recorder()
        harness = self.proxy(recorder)
        origin = harness.origin("example.com", 25)
        client = self.tunnel(harness)
        harness.advance(0.5)
        client.close()
        harness.pump()
        self.assertTrue(origin.peer.has_ended)
        origin.peer.close()
        harness.pump()
        self.assertEqual(recorder.trace[-2:], ["serverdisconnect", "clientdisconnect"])
