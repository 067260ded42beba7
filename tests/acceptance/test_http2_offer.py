"""When HTTP/2 is spoken, and when it is not: ALPN on both sides, prior knowledge, modes, options."""

from typing import Any

from OpenSSL import SSL

from mitmtw.testing import Peer, Recorder, secure_client
from tests.acceptance.base import OK
from tests.acceptance.http2_base import CONNECT, Client2, Got, HTTP2Case, Origins, Scene2, respond

INSIDE = b"GET / HTTP/1.1\r\nHost: example.com\r\n\r\n"


def fine(got: Got) -> None:
    respond(got, 200, "content-length: 2", body=b"hi")


class ClientSideTests(HTTP2Case):
    """What clients are offered."""

    def negotiated(self, alpn: tuple[bytes, ...], *, connect: bytes = CONNECT, **settings: Any) -> bytes | None:
        """What a client in a tunnel gets that offers C{alpn}."""
        recorder = Recorder()
        harness = self.proxy(recorder, **settings)
        harness.tls_origin("example.com", 443, alpn=(b"h2", b"http/1.1"))
        outer = harness.client()
        outer.send(connect)
        harness.pump()
        inner = harness.secure(outer, "example.com", alpn)
        chosen: bytes = inner.wire.getHandle().get_alpn_proto_negotiated()
        self.check_stopped(harness)
        return chosen

    def test_choice(self) -> None:
        """Ours is the preference; who does not offer h2 does not get it."""
        self.assertEqual(self.negotiated((b"h2", b"http/1.1"), http2=True), b"h2")
        self.assertEqual(self.negotiated((b"http/1.1", b"h2"), http2=True), b"h2")
        self.assertEqual(self.negotiated((b"h2",), http2=True), b"h2")
        self.assertEqual(self.negotiated((b"http/1.1",), http2=True), b"http/1.1")
        self.assertEqual(self.negotiated((), http2=True), b"")

    def test_off(self) -> None:
        """Without the option h2 is not agreed on."""
        self.assertEqual(self.negotiated((b"h2", b"http/1.1"), http2=False), b"http/1.1")
        self.assertEqual(self.negotiated((b"h2",), http2=False), b"")

    def test_not_for_what_is_not_read(self) -> None:
        """A host that is relayed unread is not spoken HTTP/2 to."""
        self.assertEqual(self.negotiated((b"h2", b"http/1.1"), http2=True, tcp_hosts=["example.com:443"]), b"http/1.1")

    def test_http1_client_gets_http1_upstream(self) -> None:
        """A client that speaks HTTP/1 is served by HTTP/1 as far as the server goes."""
        recorder = Recorder()
        harness = self.proxy(recorder, http2=True)
        origin = harness.tls_origin("example.com", 443, OK, alpn=(b"h2", b"http/1.1"))
        client = harness.client()
        client.send(b"GET https://example.com/ HTTP/1.1\r\nHost: example.com\r\n\r\n")
        harness.pump()
        self.assertEqual(client.received, OK)
        self.assertEqual(recorder.flow.server_conn.alpn, b"http/1.1")
        self.assertEqual(origin.received, INSIDE)

    def test_prior_knowledge_off(self) -> None:
        """Without the option the preface of HTTP/2 is refused as the bad request that it is."""
        harness = self.proxy(http2=False)
        client = harness.client()
        client.send(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")
        harness.pump()
        self.assertTrue(client.received.startswith(b"HTTP/1.1 "), client.received)

    def test_preface_in_pieces(self) -> None:
        """Prior knowledge is known however the preface is cut."""
        harness = self.proxy(http2=True)
        harness.origin("example.com", 80, OK)
        client = Client2()
        peer = client.peer = Peer()
        harness.connect(peer)
        harness.pump()
        number = client.connection.open_stream(
            [(b":method", b"GET"), (b":scheme", b"http"), (b":authority", b"example.com"), (b":path", b"/")], True
        )
        for octet in client.connection.take_output():
            peer.send(bytes([octet]))
            harness.pump()
        client.hear(peer)
        self.assertEqual((client.answer(number).status, client.answer(number).body), (200, b"hi"))

    def test_prior_knowledge_in_a_tunnel(self) -> None:
        """Inside of CONNECT without TLS."""
        harness = self.proxy(Recorder(), http2=True)
        harness.origin("example.com", 8000, OK)
        outer = harness.client()
        outer.send(b"CONNECT example.com:8000 HTTP/1.1\r\nHost: example.com:8000\r\n\r\n")
        harness.pump()
        outer.take()
        client = Client2(authority=b"example.com:8000")
        client.peer = outer
        outer._answer = client.hear
        number = client.request()
        harness.pump()
        self.assertEqual(client.answer(number).body, b"hi")

    def test_next_layer(self) -> None:
        """Addons see the proposal by its name, and may take another."""
        recorder = Recorder()
        scene = Scene2(self, 2, 1, recorder=recorder, reply=fine)
        scene.ask()
        self.assertEqual(recorder.last("next_layer").name, "http2")
        self.check_all(scene)


class ReverseTests(HTTP2Case):
    """A listener with a fixed target."""

    def test_plain(self) -> None:
        """Prior knowledge; the target's name is in Host, unless it is kept."""
        for keep, host in ((False, b"example.com"), (True, b"front.example")):
            harness = self.proxy(
                http2=True, listen=["reverse:http://example.com@tcp:8080:interface=127.0.0.1"], keep_host_header=keep
            )
            origins = Origins(1, fine)
            origins.origin = harness.origin("example.com", 80, origins.hear)
            client = Client2(authority=b"front.example")
            client.peer = Peer(client.hear)
            harness.connect(client.peer)
            harness.pump()
            number = client.request("GET", "/x")
            harness.pump()
            self.assertEqual(client.answer(number).body, b"hi")
            self.assertEqual(origins.request.authority, host)

    def test_tls_on_both_sides(self) -> None:
        """A client's TLS ends here, and the target is spoken to by HTTP/2 where it can."""
        recorder = Recorder()
        harness = self.proxy(recorder, http2=True, listen=["reverse:https://example.com@tcp:8080:interface=127.0.0.1"])
        origins = Origins(2, fine)
        origins.origin = harness.tls_origin("example.com", 443, origins.hear, alpn=(b"h2",))
        client = Client2(b"https", b"front.example")
        client.peer = Peer(client.hear)
        outer = harness.client()
        secure_client(harness.trusted, outer, "front.example", (b"h2",), client.peer)
        harness.pump()
        number = client.request()
        harness.pump()
        self.assertEqual(client.answer(number).body, b"hi")
        self.assertEqual(origins.request.authority, b"example.com")
        self.assertEqual(recorder.flow.request.pretty_url, "https://example.com/")

    def test_connect(self) -> None:
        """CONNECT makes no sense here."""
        harness = self.proxy(http2=True, listen=["reverse:http://example.com@tcp:8080:interface=127.0.0.1"])
        client = Client2()
        client.peer = Peer(client.hear)
        harness.connect(client.peer)
        harness.pump()
        number = client.connection.open_stream([(b":method", b"CONNECT"), (b":authority", b"example.com:443")])
        client.flush()
        harness.pump()
        self.assertEqual(client.answer(number).status, 405)


class ServerSideTests(HTTP2Case):
    """What servers are offered."""

    def test_offers(self) -> None:
        """An HTTP/2 client's server is offered both; what it chose is told."""
        for up, chosen in ((1, b"http/1.1"), (2, b"h2")):
            scene = Scene2(self, 2, up, is_tls=True, reply=fine)
            scene.ask()
            conn = scene.recorder.last("server_connected")
            self.assertEqual((conn.alpn_offers, conn.alpn), ([b"h2", b"http/1.1"], chosen))
            self.check_all(scene)

    def test_addon_wants_http1(self) -> None:
        """An addon that sets the version has a request sent by HTTP/1 to a server that speaks both."""
        recorder = Recorder(request=lambda flow: setattr(flow.request, "http_version", "HTTP/1.1"))
        harness = self.proxy(recorder, http2=True)
        origin = harness.tls_origin("example.com", 443, OK, alpn=(b"h2", b"http/1.1"))
        client = Client2(b"https")
        client.peer = Peer(client.hear)
        harness.connect(client.peer)
        harness.pump()
        number = client.request()
        harness.pump()
        self.assertEqual(client.answer(number).body, b"hi")
        self.assertEqual(origin.received, b"GET / HTTP/1.1\r\nHost: example.com\r\n\r\n")

    def test_addon_wants_http2_of_an_http1_server(self) -> None:
        """A version that the server does not speak is no error."""
        recorder = Recorder(request=lambda flow: setattr(flow.request, "http_version", "HTTP/2.0"))
        harness = self.proxy(recorder, http2=True)
        origin = harness.tls_origin("example.com", 443, OK)
        client = harness.client()
        client.send(b"GET https://example.com/ HTTP/1.1\r\nHost: example.com\r\n\r\n")
        harness.pump()
        self.assertEqual(client.received, OK)
        self.assertEqual(origin.received, INSIDE)

    def test_upgrade_goes_by_http1(self) -> None:
        """A WebSocket handshake is not sent by HTTP/2, whatever an addon says."""
        recorder = Recorder(requestheaders=lambda flow: setattr(flow.request, "http_version", "HTTP/2.0"))
        harness = self.proxy(recorder, http2=True)
        origin = harness.tls_origin("example.com", 443, alpn=(b"h2", b"http/1.1"))
        client = harness.client()
        client.send(
            b"GET https://example.com/ HTTP/1.1\r\nHost: example.com\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
            b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
        )
        harness.pump()
        self.assertTrue(origin.received.startswith(b"GET / HTTP/1.1\r\n"), origin.received)
        self.assertIn(b"\r\nUpgrade: websocket\r\n", origin.received)

    def test_server_that_speaks_http2_only(self) -> None:
        """A server that refuses the handshake without h2 is asked again, also for a client of HTTP/1; then known."""
        scene = Scene2(self, 1, 2, recorder=Recorder(), reply=fine)
        _refuse_all_but_http2(scene)
        for _ in range(2):
            got = scene.ask()
            self.assertEqual((got.status, got.body), (200, b"hi"))
        self.assertEqual(scene.flow.request.http_version, "HTTP/1.1")
        self.assertEqual(scene.flow.server_conn.alpn, b"h2")
        self.assertEqual(scene.recorder.count("serverconnect"), 2)
        self.check_all(scene)

    def test_tls_failure(self) -> None:
        """A certificate that is not accepted is a page for each stream."""
        scene = Scene2(self, 2, 2)
        names = scene.harness.network.names
        names["other.example"] = names["example.com"]
        scene.client.authority = b"other.example"
        numbers = [scene.client.request() for _ in range(3)]
        scene.harness.pump()
        self.assertEqual({scene.client.answer(number).status for number in numbers}, {502})
        self.assertEqual(scene.recorder.count("error"), 3)
        self.check_all(scene)

    def test_handshake_takes_too_long(self) -> None:
        """504 for all that wait."""
        harness = self.proxy(Recorder(), http2=True)
        harness.origin("example.com", 443, lambda peer: None)
        client = Client2(b"https")
        client.peer = Peer(client.hear)
        harness.connect(client.peer)
        harness.pump()
        numbers = [client.request() for _ in range(2)]
        harness.pump()
        harness.advance(15, 15, 1)
        self.assertEqual({client.answer(number).status for number in numbers}, {504})

    def test_given_up_in_the_handshake(self) -> None:
        """A request that is given up while TLS is being spoken aborts that connection."""
        harness = self.proxy(Recorder(), http2=True)
        origin = harness.origin("example.com", 443, lambda peer: None)
        client = Client2(b"https")
        client.peer = Peer(client.hear)
        harness.connect(client.peer)
        harness.pump()
        number = client.request()
        harness.pump()
        self.assertTrue(origin.peer.is_connected)
        client.reset(number)
        harness.pump()
        self.assertTrue(origin.peer.was_reset())

    def test_upstream_cert(self) -> None:
        """The connection by which the certificate was seen serves the requests, by HTTP/2."""
        for up in (1, 2):
            scene = Scene2(self, 2, up, is_tls=True, reply=fine, upstream_cert=True)
            self.assertEqual(scene.ask().body, b"hi")
            self.assertEqual(scene.ask().body, b"hi")
            self.assertEqual(len(scene.origins.origin.peers), 1)
            self.check_all(scene)

    def test_eager(self) -> None:
        """A connection made before CONNECT was answered is used."""
        for up in (1, 2):
            scene = Scene2(self, 2, up, is_tls=True, reply=fine, connection_strategy="eager")
            self.assertEqual(scene.ask().body, b"hi")
            self.assertEqual(scene.recorder.count("serverconnect"), 1)
            self.check_all(scene)


def _refuse_all_but_http2(scene: Scene2) -> None:
    """Have the scene's server fail handshakes that offer no h2, as many servers do (RFC 7301 section 3.2)."""
    contexts: Any = scene.origins.origin._authority._contexts  # type: ignore[attr-defined]
    make = contexts.server_side

    def choose(connection: Any, offered: list[bytes]) -> bytes:
        if b"h2" not in offered:
            raise SSL.Error([("", "", "nothing in common")])
        return b"h2"

    def server_side(*arguments: Any) -> Any:
        context = make(*arguments)
        context.set_alpn_select_callback(choose)
        return context

    contexts.server_side = server_side
