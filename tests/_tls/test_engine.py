"""The engine and its gate: order, transport methods, and failures."""

from collections.abc import Callable
from pathlib import Path

from OpenSSL import SSL
from twisted.internet.error import ConnectionAborted, ConnectionDone, ConnectionLost
from twisted.internet.interfaces import IHandshakeListener, IProtocol, ITransport
from twisted.internet.protocol import Protocol
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase
from typing_extensions import override
from zope.interface.verify import verifyObject

from mitmtw._tls.contexts import Contexts
from mitmtw._tls.engine import Gate, IEngine, TwistedEngine
from mitmtw._tls.failures import CLIENT, SERVER, Peer
from mitmtw._tls.settings import TLSSettings
from mitmtw._tls.verify import Verification
from mitmtw.errors import CertificateRejected, TLSFailed
from tests._tls import peers
from tests._tls.certificates import made

ROOT = made("root", is_authority=True)
LEAF = made("a.example", ROOT)


class _Producer:
    """A push producer that counts."""

    def __init__(self) -> None:
        self.heard: list[str] = []

    def pauseProducing(self) -> None:
        self.heard.append("pause")

    def resumeProducing(self) -> None:
        self.heard.append("resume")

    def stopProducing(self) -> None:
        self.heard.append("stop")


class EngineCase(SynchronousTestCase):
    """Makes both sides."""

    def setUp(self) -> None:
        self.directory = Path(self.mktemp())
        self.directory.mkdir()
        self.root = self.directory / "root.pem"
        self.root.write_bytes(ROOT.certificate_pem())
        self.contexts = Contexts(TLSSettings(upstream_ca=str(self.root)), None)
        self.engine = TwistedEngine(Clock())

    def server(self, inner: IProtocol) -> peers.Wire:
        """We play the server."""
        context = self.contexts.server_side(LEAF.certificate, LEAF.key, (), ())
        gate = Gate(inner, SSL.Connection(context, None), Peer("the client", CLIENT), None)
        return peers.Wire(self.engine.server(gate))

    def client(self, inner: IProtocol, name: str = "a.example") -> peers.Wire:
        """We play the client."""
        context = self.contexts.client_side(True, None)
        gate = Gate(inner, SSL.Connection(context, None), Peer(name, SERVER), Verification(name))
        return peers.Wire(self.engine.client(gate))

    def their_client(self) -> peers.Peer:
        return peers.client(ROOT.certificate_pem(), "a.example")

    def their_server(self) -> peers.Peer:
        return peers.Peer(peers.server_context(self.directory, LEAF), True)


class TransportTests(EngineCase):
    """What the inner protocol has as its transport."""

    def test_interfaces(self) -> None:
        """The parts provide what they say."""
        verifyObject(IEngine, self.engine)
        gate = Gate(
            peers.Recorder(), SSL.Connection(self.contexts.client_side(False, None), None), Peer("x", SERVER), None
        )
        verifyObject(IHandshakeListener, gate)
        verifyObject(IProtocol, gate)
        inner = peers.Recorder()
        self.server(inner)
        verifyObject(ITransport, inner.transport)

    def test_order(self) -> None:
        """Made, handshake, data, lost; data both ways."""
        inner, client = peers.Recorder(b"welcome"), self.their_client()
        wire = self.server(inner)
        wire.pump(client)
        client.send(b"question")
        wire.pump(client)
        inner.out.write(b", answer")
        inner.out.writeSequence([b"!", b"!"])
        wire.pump(client)
        self.assertEqual((inner.received, client.received), (b"question", b"welcome, answer!!"))
        client.close()
        wire.pump(client)
        self.assertEqual(inner.heard, ["made", "handshake", "data", "lost"])
        assert inner.reason is not None
        self.assertTrue(inner.reason.check(ConnectionDone))

    def test_byte_by_byte(self) -> None:
        """How the bytes are cut makes no difference."""
        inner, server = peers.Recorder(b"question"), self.their_server()
        wire = self.client(inner)
        for _ in range(20):
            out = wire.value()
            wire.clear()
            server.feed(out)
            for byte in server.take():
                wire.protocol.dataReceived(bytes([byte]))
        self.assertEqual((inner.heard, server.received), (["made", "handshake"], b"question"))

    def test_first_bytes_were_read_already(self) -> None:
        """A ClientHello that was buffered, with more behind it, can be fed right after connecting."""
        inner, client = peers.Recorder(), self.their_client()
        hello = client.take()
        wire = self.server(inner)
        wire.protocol.dataReceived(hello)
        wire.pump(client)
        self.assertEqual(inner.heard, ["made", "handshake"])

    def test_writes_at_once(self) -> None:
        """One message is on the wire when write returns: no turn of the reactor lies between."""
        inner, client = peers.Recorder(), self.their_client()
        wire = self.server(inner)
        wire.pump(client)
        inner.out.write(b"x" * 1000)
        self.assertGreater(len(wire.value()), 1000)

    def test_large_message(self) -> None:
        """A message of many records arrives whole."""
        inner, client = peers.Recorder(), self.their_client()
        wire = self.server(inner)
        wire.pump(client)
        inner.out.write(bytes(range(256)) * 4096)
        wire.pump(client)
        self.assertEqual(client.received, bytes(range(256)) * 4096)

    def test_handle(self) -> None:
        """C{getHandle} is the OpenSSL connection, from the start."""
        inner = peers.Recorder()
        self.server(inner)
        self.assertIsInstance(inner.tls, SSL.Connection)

    def test_addresses_and_pausing(self) -> None:
        """Addresses and the pausing of reading are those of the transport below."""
        inner, client = peers.Recorder(), self.their_client()
        wire = self.server(inner)
        wire.pump(client)
        self.assertEqual(inner.out.getPeer(), wire.getPeer())
        self.assertEqual(inner.out.getHost(), wire.getHost())
        inner.out.pauseProducing()
        self.assertEqual(wire.producerState, "paused")
        inner.out.resumeProducing()
        self.assertEqual(wire.producerState, "producing")

    def test_producer(self) -> None:
        """A push producer is paused and resumed from below, and holds back the close until it is unregistered."""
        inner, client, producer = peers.Recorder(), self.their_client(), _Producer()
        wire = self.server(inner)
        wire.pump(client)
        inner.out.registerProducer(producer, True)
        assert wire.producer is not None
        wire.producer.pauseProducing()
        wire.producer.resumeProducing()
        self.assertEqual(producer.heard, ["pause", "resume"])
        inner.out.loseConnection()
        wire.pump(client)
        self.assertFalse(client.is_closed)
        inner.out.unregisterProducer()
        wire.pump(client)
        self.assertTrue(client.is_closed)
        self.assertIsNone(wire.producer)

    def test_lose(self) -> None:
        """C{loseConnection} sends what was written, then a close_notify."""
        inner, client = peers.Recorder(), self.their_client()
        wire = self.server(inner)
        wire.pump(client)
        inner.out.write(b"last words")
        inner.out.loseConnection()
        wire.pump(client)
        self.assertEqual((client.received, client.is_closed), (b"last words", True))
        self.assertIsNone(client.error)

    def test_abort(self) -> None:
        """C{abortConnection} aborts the transport below, before and after the handshake; nothing is read any more."""
        for is_open in (False, True):
            inner, client = peers.Recorder(), self.their_client()
            wire = self.server(inner)
            if is_open:
                wire.pump(client)
                client.send(b"unread")
            inner.out.abortConnection()
            self.assertTrue(wire.aborting)
            wire.protocol.dataReceived(client.take())
            wire.lose(ConnectionAborted())
            assert inner.reason is not None
            self.assertTrue(inner.reason.check(ConnectionLost))  # ConnectionAborted is one
            self.assertFalse(inner.reason.check(TLSFailed))
            self.assertEqual(inner.received, b"")

    def test_after_the_end(self) -> None:
        """All that may be called too late does nothing."""
        kept: list[Callable[[], object]] = []

        class Late(peers.Recorder):
            @override
            def connectionMade(self) -> None:
                transport = self.out
                kept.extend(
                    (
                        transport.abortConnection,
                        transport.loseConnection,
                        transport.unregisterProducer,
                        lambda: transport.write(b"late"),
                    )
                )

        producer = _Producer()
        inner, client = Late(), self.their_client()
        wire = self.server(inner)
        wire.pump(client)
        transport = inner.out
        transport.registerProducer(producer, True)
        transport.loseConnection()  # held back by the producer
        wire.lose()
        wire.clear()
        for late in kept * 2:
            late()
        transport.registerProducer(producer, True)
        self.assertEqual(wire.value(), b"")
        self.assertEqual(producer.heard, ["stop"])


class GateTests(EngineCase):
    """Nothing passes before the handshake and verification are over."""

    def test_plain_inner(self) -> None:
        """A protocol that is no handshake listener works, too."""

        class Plain(Protocol):
            received = b""

            @override
            def dataReceived(self, data: bytes) -> None:
                self.received += data

        inner, client = Plain(), self.their_client()
        wire = self.server(inner)
        wire.pump(client)
        client.send(b"question")
        wire.pump(client)
        self.assertEqual(inner.received, b"question")

    def test_wrong_name(self) -> None:
        """A wrong name fails the handshake: no plaintext leaves, the server gets an alert, we the sentence."""
        inner, server = peers.Recorder(b"secret"), self.their_server()
        wire = self.client(inner, "b.example")
        wire.pump(server)
        self.assertEqual((inner.heard, server.received, server.is_open), (["made", "lost"], b"", False))
        self.assertIsNotNone(server.error)
        assert inner.reason is not None
        self.assertTrue(inner.reason.check(CertificateRejected))
        self.assertEqual(inner.error(), "the certificate of b.example is for a.example, not for b.example")

    def test_verification_that_did_not_happen(self) -> None:
        """If OpenSSL did not ask us, the connection is aborted, and nothing that was written leaves."""
        inner, server = peers.Recorder(b"secret"), self.their_server()
        context = self.contexts.client_side(False, None)
        gate = Gate(inner, SSL.Connection(context, None), Peer("a.example", SERVER), Verification("a.example"))
        wire = peers.Wire(self.engine.client(gate))
        server.feed(wire.value())
        wire.clear()
        wire.protocol.dataReceived(server.take())
        self.assertTrue(wire.aborting)
        server.feed(wire.value())
        server.take()
        self.assertEqual(server.received, b"")
        wire.lose(ConnectionAborted())
        self.assertEqual(inner.heard, ["made", "lost"])
        assert inner.reason is not None
        self.assertTrue(inner.reason.check(CertificateRejected))
        self.assertIn("was not verified", inner.error())

    def test_abort_in_handshake_completed(self) -> None:
        """Who aborts when the handshake is over gets no data that came with it."""

        class Refusing(peers.Recorder):
            @override
            def handshakeCompleted(self) -> None:
                super().handshakeCompleted()
                self.out.abortConnection()

        inner, client = Refusing(), self.their_client()
        wire = self.server(inner)
        wire.protocol.dataReceived(client.take())
        client.feed(wire.value())
        last = client.take()
        client.send(b"early")
        wire.protocol.dataReceived(last + client.take())
        self.assertTrue(wire.aborting)
        self.assertEqual((inner.heard, inner.received), (["made", "handshake"], b""))


class FailureTests(EngineCase):
    """How failures are told."""

    def failure(self, inner: peers.Recorder) -> str:
        assert inner.reason is not None
        self.assertTrue(inner.reason.check(TLSFailed), inner.reason)
        return inner.error()

    def test_hung_up(self) -> None:
        """A peer that hangs up during the handshake, politely or not."""
        for reason in (ConnectionDone(), ConnectionLost()):
            inner, server = peers.Recorder(), self.their_server()
            wire = self.client(inner)
            server.feed(wire.value())
            wire.lose(reason)
            self.assertEqual(
                self.failure(inner), "the TLS handshake with a.example failed: it hung up before it was over"
            )

    def test_we_gave_up(self) -> None:
        """If it was us who gave up during the handshake, the server is not blamed for it."""
        inner = peers.Recorder()
        wire = self.client(inner)
        inner.out.loseConnection()
        self.assertTrue(wire.aborting)
        wire.lose(ConnectionAborted())
        assert inner.reason is not None
        self.assertFalse(inner.reason.check(TLSFailed))
        self.assertTrue(inner.reason.check(ConnectionLost, ConnectionAborted))

    def test_lost_later(self) -> None:
        """After the handshake the reason of the transport stands, a cut connection included."""
        inner, client = peers.Recorder(), self.their_client()
        wire = self.server(inner)
        wire.pump(client)
        wire.lose(ConnectionLost())
        assert inner.reason is not None
        self.assertTrue(inner.reason.check(ConnectionLost))
        self.assertFalse(inner.reason.check(TLSFailed))

    def test_not_tls(self) -> None:
        """A peer that speaks something else is told from one whose TLS fails."""
        for answer in (b"HTTP/1.1 400 Bad Request\r\n\r\n", b"220 mail.example ESMTP\r\n", b"\0" * 20):
            inner = peers.Recorder()
            wire = self.client(inner)
            wire.protocol.dataReceived(answer)
            wire.lose()
            self.assertIn("it does not speak TLS [OpenSSL: ", self.failure(inner))
        inner = peers.Recorder()
        wire = self.server(inner)
        wire.protocol.dataReceived(b"GET / HTTP/1.1\r\n\r\n")
        wire.lose()
        self.assertIn("it speaks plain HTTP, not TLS", self.failure(inner))

    def test_client_does_not_trust_us(self) -> None:
        """A client without our root says so by an alert, which is put into words."""
        inner = peers.Recorder()
        client = peers.client(made("other", is_authority=True).certificate_pem(), "a.example")
        self.server(inner).pump(client)
        self.assertIn(
            "the TLS handshake with the client failed: it does not trust our root certificate", self.failure(inner)
        )
        self.assertEqual(inner.heard, ["made", "lost"])

    def test_broken_record(self) -> None:
        """A record that was damaged after the handshake ends the connection with OpenSSL's words."""
        inner, client = peers.Recorder(), self.their_client()
        wire = self.server(inner)
        wire.pump(client)
        client.send(b"question")
        record = bytearray(client.take())
        record[-1] ^= 1
        wire.protocol.dataReceived(bytes(record))
        self.assertTrue(wire.disconnecting)
        wire.lose()
        self.assertIn("the TLS connection with the client failed [OpenSSL: ", self.failure(inner))
        self.assertEqual(inner.received, b"")
