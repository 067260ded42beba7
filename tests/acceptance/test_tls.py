"""TLS interception, end to end in memory."""

from typing import Any

from mitmtw.testing import Harness, Peer, Recorder
from tests.acceptance.base import GET, OK, Acceptance

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

    def test_keep_alive(self) -> None:
        """Several requests use one TLS connection on each side."""
        harness = self.proxy()
        origin = harness.tls_origin("example.com", 443, OK)
        client = self.inside(harness, INSIDE)
        for _ in range(3):
            client.send(INSIDE)
            harness.pump()
        self.assertEqual(client.received, OK * 4)
        self.assertEqual(len(origin.peers), 1)

    def test_large_body(self) -> None:
        """A body of many TLS records, both ways."""
        big = b"x" * 1_000_000
        harness = self.proxy(Recorder())
        reply = b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n" + big
        origin = harness.tls_origin(
            "example.com", 443, lambda peer: peer.send(reply) if peer.received.endswith(b"x" * 1_000_000) else None
        )
        client = self.inside(harness, b"POST / HTTP/1.1\r\nHost: example.com\r\nContent-Length: 1000000\r\n\r\n" + big)
        self.assertEqual(client.received, reply)
        self.assertTrue(origin.received.endswith(b"\r\n\r\n" + big))

    def test_close_after_the_answer(self) -> None:
        """Connection: close ends with close_notify, and both connections' last events come."""
        recorder = Recorder()
        harness = self.proxy(recorder)
        harness.tls_origin("example.com", 443, OK)
        client = self.inside(harness, INSIDE.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n"))
        self.assertTrue(client.received.endswith(b"hi"))
        self.assertTrue(client.lost)
        self.assertIn("closed cleanly", str(client.lost))
        self.assertEqual(recorder.trace[-1], "clientdisconnect")

    def test_client_closes_in_an_exchange(self) -> None:
        """A TLS connection that the client closes while it waits means gone: error."""
        recorder = Recorder()
        harness = self.proxy(recorder)
        origin = harness.tls_origin("example.com", 443)
        client = self.inside(harness, INSIDE)
        client.close()
        harness.pump()
        self.assertEqual((recorder.count("error"), recorder.count("response")), (1, 0))
        self.assertTrue(origin.peer.lost)
        self.assertEqual(recorder.trace[-2:], ["serverdisconnect", "clientdisconnect"])

    def test_host_names_another_server(self) -> None:
        """The tunnel decides where a request goes, the Host field does not."""
        recorder = Recorder()
        harness = self.proxy(recorder)
        origin = harness.tls_origin("example.com", 443, OK)
        client = self.inside(harness, INSIDE.replace(b"example.com", b"other.example"))
        self.assertEqual(client.received, OK)
        self.assertIn(b"\r\nHost: other.example\r\n", origin.received)
        self.assertEqual(recorder.flow.request.host, "example.com")

    def test_sni_is_passed_on(self) -> None:
        """The server is asked for, and verified by, the name that the client sent."""
        recorder = Recorder()
        harness = self.proxy(recorder)
        harness.tls_origin("192.0.2.200", 443, OK, names=["example.com"])
        connect = b"CONNECT 192.0.2.200:443 HTTP/1.1\r\nHost: 192.0.2.200:443\r\n\r\n"
        client = harness.secure(self.tunnel(harness, connect), "example.com")
        client.send(INSIDE)
        harness.pump()
        self.assertEqual(client.received, OK)
        self.assertEqual(recorder.flow.server_conn.sni, "example.com")

    def test_plain_http_in_the_tunnel(self) -> None:
        """A tunnel without TLS inside is HTTP all the same, on port 443, too."""
        recorder = Recorder()
        harness = self.proxy(recorder)
        harness.origin("example.com", 443, OK)
        client = self.tunnel(harness)
        client.send(INSIDE)
        harness.pump()
        self.assertEqual(client.received, OK)
        self.assertEqual(recorder.flow.request.url, "http://example.com:443/path")

    def test_client_hello_in_pieces(self) -> None:
        """A ClientHello that comes byte by byte."""
        harness = self.proxy()
        harness.tls_origin("example.com", 443, OK)
        client = self.tunnel(harness)
        wire = client.wire
        write = wire.write
        written: list[bytes] = []
        wire.write = written.append
        inner = harness.secure(client, "example.com")
        wire.write = write
        for byte in b"".join(written):
            write(bytes([byte]))
            harness.pump()
        inner.send(INSIDE)
        harness.pump()
        self.assertEqual(inner.received, OK)


class CertificateTests(TLSCase):
    """What the client is shown."""

    def names(self, inner: Peer) -> list[str]:
        """The names in the certificate that the client got."""
        from cryptography import x509

        certificate = inner.wire.getHandle().get_peer_certificate().to_cryptography()
        extension = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName)
        return [str(name.value) for name in extension.value]

    def test_names_of_the_leaf(self) -> None:
        """The name that the client sent and the one in CONNECT, nothing more; no server is asked."""
        harness = self.proxy()
        origin = harness.tls_origin("example.com", 443, OK)
        self.assertEqual(self.names(self.inside(harness)), ["example.com"])
        self.assertEqual(self.names(self.inside(harness, name="other.example")), ["other.example", "example.com"])
        self.assertEqual(origin.peers, [])

    def test_address_in_the_leaf(self) -> None:
        """A client that connects to an address gets a certificate for it."""
        harness = self.proxy()
        connect = b"CONNECT 192.0.2.200:443 HTTP/1.1\r\nHost: 192.0.2.200:443\r\n\r\n"
        inner = harness.secure(self.tunnel(harness, connect), "192.0.2.200")
        self.assertEqual(self.names(inner), ["192.0.2.200"])

    def test_upstream_cert(self) -> None:
        """By option the server is asked first; its names are in the leaf, its connection is used for the request."""
        recorder = Recorder()
        harness = self.proxy(recorder, upstream_cert=True)
        origin = harness.tls_origin("example.com", 443, OK, names=["example.com", "also.example"])
        inner = self.inside(harness)
        self.assertIn("also.example", self.names(inner))
        self.assertEqual(len(origin.peers), 1)
        inner.send(INSIDE)
        harness.pump()
        self.assertEqual(inner.received, OK)
        self.assertEqual((len(origin.peers), recorder.count("serverconnect")), (1, 1))

    def test_upstream_cert_of_a_server_that_fails(self) -> None:
        """A server that cannot be asked: the client learns why inside of TLS."""
        recorder = Recorder()
        harness = self.proxy(recorder, upstream_cert=True)
        inner = self.inside(harness, INSIDE)
        self.assertTrue(inner.received.startswith(b"HTTP/1.1 502 "))
        self.assertEqual(recorder.count("error"), 1)

    def test_client_leaves_while_the_server_is_asked(self) -> None:
        """A client that goes while its server is asked takes that attempt with it."""
        recorder = Recorder()
        harness = self.proxy(recorder, upstream_cert=True)
        harness.network.names["example.com"] = ["192.0.2.66"]
        harness.network.black_holes.add(("192.0.2.66", 443))
        client = self.tunnel(harness)
        harness.secure(client, "example.com")
        client.reset()
        harness.pump()
        self.assertEqual(recorder.trace[-1], "clientdisconnect")

    def test_client_that_rejects_our_certificate(self) -> None:
        """The connection says why it failed; no flow, no server, and clientdisconnect as ever."""
        recorder = Recorder()
        harness = self.proxy(recorder)
        origin = harness.tls_origin("example.com", 443, OK)
        inner = self.inside(harness, is_trusting=False)
        self.assertTrue(inner.lost)
        conn = recorder.last("clientdisconnect").client_conn
        self.assertIn("example.com", conn.error)
        self.assertEqual(origin.peers, [])
        self.assertEqual(recorder.count("requestheaders"), 0)


class AlpnTests(TLSCase):
    """Which protocol is agreed on."""

    def test_http1_is_chosen(self) -> None:
        """Of h2 and http/1.1 the client gets http/1.1."""
        harness = self.proxy()
        harness.tls_origin("example.com", 443, OK)
        inner = self.inside(harness, INSIDE, alpn=(b"h2", b"http/1.1"))
        self.assertEqual(inner.wire.getHandle().get_alpn_proto_negotiated(), b"http/1.1")
        self.assertEqual(inner.received, OK)

    def test_strange_alpn_is_mirrored(self) -> None:
        """An ALPN that is not HTTP: the server is asked first, its choice is the client's, and bytes are relayed."""
        recorder = Recorder()
        harness = self.proxy(recorder)
        origin = harness.tls_origin("example.com", 443, alpn=(b"imap",))
        inner = self.inside(harness, alpn=(b"strange", b"imap"))
        self.assertEqual(inner.wire.getHandle().get_alpn_proto_negotiated(), b"imap")
        self.assertEqual(len(origin.peers), 1)
        inner.send(b"\x00 a1 login\r\n")
        harness.pump()
        self.assertEqual(origin.received, b"\x00 a1 login\r\n")
        self.assertEqual((len(origin.peers), recorder.count("serverconnect")), (1, 1))

    def test_strange_alpn_and_a_server_that_speaks_first(self) -> None:
        """The greeting of such a server gets to the client."""
        harness = self.proxy()
        origin = harness.tls_origin("example.com", 443, alpn=(b"imap",))
        inner = self.inside(harness, alpn=(b"imap",))
        origin.peer.send(b"* OK hello\r\n")
        harness.advance(0.5)
        self.assertEqual(inner.received, b"* OK hello\r\n")
        self.assertEqual(len(origin.peers), 1)

    def test_strange_alpn_that_the_server_refuses(self) -> None:
        """A server that knows none of them: the client's handshake fails, or ends without ALPN; nothing is left."""
        recorder = Recorder()
        harness = self.proxy(recorder)
        harness.tls_origin("example.com", 443, alpn=(b"h2",))
        inner = self.inside(harness, alpn=(b"strange",))
        self.assertTrue(inner.lost or not inner.wire.getHandle().get_alpn_proto_negotiated())


class VerificationTests(TLSCase):
    """Servers that are not whom they should be."""

    def test_wrong_name(self) -> None:
        """A certificate for another name: 502 that names it, error, and not a byte of the request went out."""
        recorder = Recorder()
        harness = self.proxy(recorder)
        origin = harness.tls_origin("example.com", 443, OK, names=["wrong.example"])
        client = self.inside(harness, INSIDE)
        self.assertTrue(client.received.startswith(b"HTTP/1.1 502 "))
        self.assertIn(b"example.com", client.received)
        self.assertEqual(origin.received, b"")
        self.assertEqual((recorder.count("error"), recorder.count("response")), (1, 0))
        self.assertIn("certificate", recorder.last("error").error.msg)
        self.assertIsNotNone(recorder.last("serverconnect").error)

    def test_unknown_root(self) -> None:
        """A certificate of a root that is not trusted: the same."""
        recorder = Recorder()
        harness = self.proxy(recorder, tls={"upstream_ca": None})
        harness.tls_origin("example.com", 443, OK)
        client = self.inside(harness, INSIDE)
        self.assertTrue(client.received.startswith(b"HTTP/1.1 502 "))
        self.assertIn("certificate", recorder.last("error").error.msg)

    def test_insecure(self) -> None:
        """By option nothing is verified."""
        harness = self.proxy(upstream_insecure=True, tls={"upstream_ca": None})
        harness.tls_origin("example.com", 443, OK, names=["wrong.example"])
        self.assertEqual(self.inside(harness, INSIDE).received, OK)

    def test_no_tls_at_all(self) -> None:
        """A server that answers in plain words: 502."""
        recorder = Recorder()
        harness = self.proxy(recorder)
        harness.origin("example.com", 443, lambda peer: peer.send(b"HTTP/1.1 400 Bad Request\r\n\r\n"))
        client = self.inside(harness, INSIDE)
        self.assertTrue(client.received.startswith(b"HTTP/1.1 502 "))
        self.assertEqual(recorder.count("error"), 1)

    def test_handshake_timeout(self) -> None:
        """A server that says nothing in the handshake: 504 after tls_handshake_timeout."""
        harness = self.proxy(tls_handshake_timeout=5)
        harness.origin("example.com", 443)
        client = self.inside(harness, INSIDE)
        harness.advance(*[1] * 7)
        self.assertTrue(client.received.startswith(b"HTTP/1.1 504 "))

    def test_handshake_timeout_of_the_client(self) -> None:
        """A client that stops in its handshake is reset after tls_handshake_timeout."""
        harness = self.proxy(Recorder(), tls_handshake_timeout=5)
        client = self.tunnel(harness)
        client.send(b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03")
        harness.advance(*[1] * 7)
        self.assertTrue(client.was_reset())


class ServerConnectTests(TLSCase):
    """What serverconnect can do about TLS."""

    def test_sni_follows(self) -> None:
        """Another sni is sent, and is the name that is verified."""
        harness = self.proxy(Recorder(serverconnect=lambda conn: setattr(conn, "sni", "other.example")))
        harness.tls_origin("example.com", 443, OK, names=["other.example"])
        self.assertEqual(self.inside(harness, INSIDE).received, OK)

    def test_tls_off(self) -> None:
        """Without tls: the server is spoken to in plain HTTP."""
        harness = self.proxy(Recorder(serverconnect=lambda conn: setattr(conn, "tls", False)))
        origin = harness.origin("example.com", 443, OK)
        self.assertEqual(self.inside(harness, INSIDE).received, OK)
        self.assertEqual(origin.received, INSIDE)

    def test_tls_on(self) -> None:
        """With tls for a plain request: the server's name is sent and verified."""

        def secure(conn: Any) -> None:
            conn.address, conn.tls = ("example.com", 443), True

        recorder = Recorder(serverconnect=secure)
        harness = self.proxy(recorder)
        harness.tls_origin("example.com", 443, OK)
        self.assertEqual(self.send(harness, GET).received, OK)
        self.assertEqual(recorder.flow.server_conn.sni, "example.com")

    def test_via(self) -> None:
        """Through a proxy: its tunnel first, then TLS inside, verified for the server's name."""

        def connect(peer: Peer) -> None:
            if peer.received.endswith(b"\r\n\r\n"):
                tunnels.append(peer.take())
                peer.send(b"HTTP/1.1 200 go\r\n\r\n")
                secure = harness.tls_origin("unused.example", 1, OK, names=["example.com"]).buildProtocol(None)
                wire = peer.wire
                wire.protocol = secure
                secure.makeConnection(wire)

        tunnels: list[bytes] = []
        harness = self.proxy(
            Recorder(serverconnect=lambda conn: setattr(conn, "via", "httpconnect:proxy.example:3128"))
        )
        harness.origin("proxy.example", 3128, connect)
        self.assertEqual(self.inside(harness, INSIDE).received, OK)
        self.assertEqual(tunnels, [b"CONNECT example.com:443 HTTP/1.1\r\nHost: example.com:443\r\n\r\n"])
