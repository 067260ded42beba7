"""Tests of L{mitmtw.model.connection}."""

from datetime import UTC, datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from twisted.trial.unittest import SynchronousTestCase

from mitmtw.model.connection import ClientConnection, ConnectionState, ServerConnection


def certificate() -> x509.Certificate:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "a.example")])
    start = datetime(2026, 1, 1, tzinfo=UTC)
    builder = x509.CertificateBuilder(name, name, key.public_key(), 1, start, start + timedelta(days=1))
    return builder.sign(key, hashes.SHA256())


class ConnectionTests(SynchronousTestCase):
    def test_defaults(self) -> None:
        """A new connection knows nothing, and says so."""
        client = ClientConnection(("192.0.2.1", 5), ("192.0.2.2", 8080), 3.0)
        self.assertEqual(
            (client.address, client.sockname, client.timestamp_start), (("192.0.2.1", 5), ("192.0.2.2", 8080), 3.0)
        )
        self.assertEqual((client.peername, client.ip_address), (client.address, client.address))
        self.assertEqual((client.mode, client.proxy_mode), ("regular", "regular"))
        self.assertFalse(client.tls or client.tls_established or client.connected)
        self.assertEqual((client.certificate, tuple(client.certificate_list)), (None, ()))
        client.peername = None
        self.assertIsNone(client.address)

    def test_id(self) -> None:
        """The id is made once and differs from others'."""
        one, other = ClientConnection(), ClientConnection()
        self.assertEqual(one.id, one.id)
        self.assertNotEqual(one.id, other.id)
        one.id = "given"
        self.assertEqual(one.id, "given")

    def test_tls(self) -> None:
        """TLS counts as established once its time is known, under the old names too."""
        server = ServerConnection(("a", 443), True, "a")
        self.assertTrue(server.tls)
        self.assertFalse(server.tls_established)
        server.timestamp_tls_setup = 2.0
        self.assertTrue(server.tls_established and server.ssl_established)
        self.assertEqual(server.timestamp_ssl_setup, 2.0)

    def test_certificates_are_lazy(self) -> None:
        """A callable is asked once, and only when somebody looks."""
        calls = []
        chain = [certificate()]

        def shown() -> list[x509.Certificate]:
            calls.append(1)
            return chain

        server = ServerConnection()
        server.certificate_list = shown
        self.assertEqual(calls, [])
        self.assertIs(server.certificate, chain[0])
        self.assertEqual(list(server.certificate_list), chain)
        self.assertEqual(calls, [1])

    def test_connected(self) -> None:
        """Connected means both directions."""
        server = ServerConnection()
        server.state = ConnectionState.CAN_READ
        self.assertFalse(server.connected)
        server.state |= ConnectionState.CAN_WRITE
        self.assertTrue(server.connected)

    def test_kill(self) -> None:
        """Killing sets the error and leaves an earlier one."""
        client = ClientConnection()
        client.kill()
        self.assertEqual(client.error, "killed")
        client.error = "reset"
        client.kill()
        self.assertEqual(client.error, "reset")

    def test_host_port(self) -> None:
        """Host and port are parts of the address."""
        server = ServerConnection(("a", 1))
        server.host = "b"
        server.port = 2
        self.assertEqual((server.address, server.host, server.port), (("b", 2), "b", 2))
        nowhere = ServerConnection(tls=True)
        self.assertEqual((nowhere.host, nowhere.port), (None, None))
        nowhere.host = "c"
        self.assertEqual(nowhere.address, ("c", 443))
        server.peername = ("192.0.2.9", 2)
        self.assertEqual(server.ip_address, ("192.0.2.9", 2))

    def test_repr(self) -> None:
        """The peer in words, IPv6 in brackets, a missing address too."""
        self.assertEqual(repr(ClientConnection(("::1", 5))), "<ClientConnection [::1]:5 CLOSED>")
        self.assertEqual(repr(ServerConnection(("a", 5), True)), "<ServerConnection a:5 TLS CLOSED>")
        self.assertEqual(repr(ServerConnection()), "<ServerConnection nowhere CLOSED>")
        self.assertEqual(repr(ClientConnection()), "<ClientConnection local CLOSED>")


class StateTests(SynchronousTestCase):
    def test_round_trip(self) -> None:
        """A state brings back every fact, certificates included."""
        server = ServerConnection(("a", 443), True, "a")
        server.certificate_list = [certificate()]
        server.via = [["http", ["proxy", 8080]]]
        server.alpn, server.alpn_offers = b"h2", (b"h2", b"http/1.1")
        server.state = ConnectionState.OPEN
        state = server.get_state()
        other = ServerConnection.from_state(state)
        self.assertEqual(other.get_state(), state)
        self.assertEqual(other.certificate, server.certificate)
        self.assertTrue(other.connected)
        state["address"] = ["a", 443]
        self.assertEqual(ServerConnection.from_state(state).address, ("a", 443))
        client = ClientConnection(("b", 1), mode="reverse:http://x")
        self.assertEqual(ClientConnection.from_state(client.get_state()).get_state(), client.get_state())

    def test_state_shares_nothing(self) -> None:
        """Changing the state does not change the connection."""
        server = ServerConnection()
        server.via = ["a"]
        server.get_state()["via"].append("b")
        self.assertEqual(server.via, ["a"])

    def test_copy(self) -> None:
        """A copy has the facts under another id, and is not connected."""
        server = ServerConnection(("a", 1))
        server.state = ConnectionState.OPEN
        other = server.copy()
        self.assertNotEqual(other.id, server.id)
        self.assertFalse(other.connected)
        other.host = "b"
        self.assertEqual(server.address, ("a", 1))
