"""The lean engine: all that the other one can do, and what is its own."""

from typing import Any

from OpenSSL import SSL
from twisted.internet.task import Clock
from twisted.protocols.tls import TLSMemoryBIOProtocol
from twisted.trial.unittest import SynchronousTestCase
from typing_extensions import override

from mitmtw._tls import authority, lean
from mitmtw._tls.engine import TwistedEngine
from mitmtw._tls.lean import LeanEngine, is_available
from mitmtw._tls.settings import TLSSettings
from tests._tls import peers, test_engine


class LeanTransportTests(test_engine.TransportTests):
    """The transport of the lean engine."""

    @override
    def setUp(self) -> None:
        super().setUp()
        self.engine = LeanEngine(Clock())

    def test_large(self) -> None:
        """More than the buffer holds passes both ways, in whole."""
        inner, client = peers.Recorder(), self.their_client()
        wire = self.server(inner)
        wire.pump(client)
        large = bytes(range(256)) * 4096
        client.send(large)
        wire.pump(client)
        inner.out.write(large + b"!")
        wire.pump(client)
        self.assertEqual((inner.received == large, client.received == large + b"!"), (True, True))

    def test_one_piece(self) -> None:
        """Records that come together are passed on together."""
        inner, client = peers.Recorder(), self.their_client()
        wire = self.server(inner)
        wire.pump(client)
        pieces: list[int] = []
        self.patch(inner, "dataReceived", lambda data: pieces.append(len(data)))
        client.send(b"x" * 50_000)
        wire.pump(client)
        self.assertEqual(pieces, [50_000])

    def test_answer_while_reading(self) -> None:
        """What is written while plaintext is passed on does not disturb the reading."""
        inner, client = peers.Recorder(), self.their_client()
        wire = self.server(inner)
        wire.pump(client)
        self.patch(inner, "dataReceived", lambda data: inner.out.write(b"<" + data + b">"))
        for text in (b"one", b"two"):
            client.send(text)
            wire.pump(client)
        self.assertEqual((client.received, wire.is_lost), (b"<one><two>", False))

    def test_data_before_the_end(self) -> None:
        """What comes with the end of the stream is passed on before it."""
        inner, client = peers.Recorder(), self.their_client()
        wire = self.server(inner)
        wire.pump(client)
        client.send(b"last words")
        client.close()
        wire.pump(client)
        self.assertEqual((inner.received, inner.heard), (b"last words", ["made", "handshake", "data", "lost"]))

    def test_abort_while_reading(self) -> None:
        """An inner protocol that aborts gets no more, and nothing breaks."""
        inner, client = peers.Recorder(), self.their_client()
        wire = self.server(inner)
        wire.pump(client)
        self.patch(inner, "dataReceived", lambda data: inner.out.abortConnection())
        client.send(b"x")
        wire.pump(client)
        self.assertTrue(wire.aborting)


class LeanGateTests(test_engine.GateTests):
    """The gate over the lean engine."""

    @override
    def setUp(self) -> None:
        super().setUp()
        self.engine = LeanEngine(Clock())


class LeanFailureTests(test_engine.FailureTests):
    """Failures of the lean engine."""

    @override
    def setUp(self) -> None:
        super().setUp()
        self.engine = LeanEngine(Clock())


class AbortTests(test_engine.EngineCase):
    """Aborting tells the peer nothing, with either engine."""

    def test_no_close_notify(self) -> None:
        """The transport is aborted before OpenSSL can say that the stream is whole."""
        for engine in (TwistedEngine(Clock()), LeanEngine(Clock())):
            self.engine = engine
            inner, client = peers.Recorder(), self.their_client()
            wire = self.server(inner)
            wire.pump(client)
            heard: list[str] = []
            self.patch(wire, "write", lambda data, heard=heard: heard.append("write"))
            self.patch(wire, "abortConnection", lambda heard=heard: heard.append("abort"))
            inner.out.abortConnection()
            self.assertEqual(heard[0], "abort")


class AvailableTests(SynchronousTestCase):
    """Which engine is taken."""

    def chosen(self) -> Any:
        """The engine of a new authority."""
        made = authority.Authority.open(self.mktemp(), clock=Clock(), settings=TLSSettings(upstream_insecure=True))
        return type(made._engine)

    def test_private_names(self) -> None:
        """All private names are there; a new pyOpenSSL or Twisted without one must be looked at."""
        self.assertTrue(is_available())
        self.assertIs(self.chosen(), LeanEngine)

    def test_missing(self) -> None:
        """Without one of them it is Twisted's engine."""
        for owner, name in ((TLSMemoryBIOProtocol, "_flushReceiveBIO"), (SSL.Connection, "_raise_ssl_error")):
            kept = getattr(owner, name)
            delattr(owner, name)
            try:
                self.assertFalse(is_available())
            finally:
                setattr(owner, name, kept)
        self.patch(lean, "_lib", None)
        self.assertIs(self.chosen(), TwistedEngine)
