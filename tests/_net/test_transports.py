"""Tests of transports that send at once."""

from typing import Any

from twisted.internet import tcp
from twisted.internet.main import CONNECTION_DONE, CONNECTION_LOST
from twisted.internet.testing import AccumulatingProtocol
from twisted.trial.unittest import SynchronousTestCase

from mitmtw._net.transports import PRIVATE_NAMES, PromptClient, PromptConnector, PromptPort, PromptServer
from tests._net.fakes import FakeReactor, FakeSocket


def served(socket: Any, protocol: Any, reactor: Any) -> Any:
    """The transport of an accepted connection."""
    port: Any = None
    return PromptServer(socket, protocol, ("127.0.0.1", 1), port, 1, reactor)


class CanaryTests(SynchronousTestCase):
    """What we use of Twisted is there."""

    def test_private_names(self) -> None:
        """Each private name is where we look for it; a new Twisted without it must be looked at."""
        for owner, names in PRIVATE_NAMES.items():
            for name in names:
                self.assertTrue(hasattr(owner, name), f"{owner.__name__}.{name}")
        self.assertIs(tcp.Port.transport, tcp.Server)

    def test_buffers(self) -> None:
        """A new transport has the empty buffers that sending at once looks at."""
        transport = served(FakeSocket(), AccumulatingProtocol(), FakeReactor())
        self.assertEqual((transport._tempDataBuffer, transport.dataBuffer, transport.connected), ([], b"", 1))


class TransportTests(SynchronousTestCase):
    """One connection."""

    def setUp(self) -> None:
        self.socket, self.reactor = FakeSocket(), FakeReactor()
        self.protocol = AccumulatingProtocol()
        self.transport = served(self.socket, self.protocol, self.reactor)
        self.protocol.makeConnection(self.transport)

    def test_at_once(self) -> None:
        """What fits is sent in the call, and the reactor is not asked."""
        self.transport.write(b"hello")
        self.assertEqual((self.socket.sent, self.reactor.writers), (b"hello", set()))

    def test_rest_is_kept(self) -> None:
        """What does not fit is sent when the socket takes more, in order with later writes."""
        self.socket.room = 3
        self.transport.write(b"hello")
        self.transport.write(b" world")
        self.assertEqual((self.socket.sent, self.reactor.writers), (b"hel", {self.transport}))
        self.socket.room = 100
        self.transport.write(b"!")
        self.assertEqual(self.socket.sent, b"hel")
        self.transport.doWrite()
        self.assertEqual((self.socket.sent, self.reactor.writers), (b"hello world!", set()))
        self.transport.write(b" again")
        self.assertEqual(self.socket.sent, b"hello world! again")

    def test_full_at_once(self) -> None:
        """A socket that takes nothing loses nothing."""
        self.socket.room = 0
        self.transport.write(b"hello")
        self.socket.room = 100
        self.transport.doWrite()
        self.assertEqual(self.socket.sent, b"hello")

    def test_error_is_met_later(self) -> None:
        """An error is not raised to who writes; the reactor meets it and ends the connection."""
        self.socket.error = ConnectionResetError(104, "reset")
        self.transport.write(b"hello")
        self.assertEqual(self.reactor.writers, {self.transport})
        self.assertIs(self.transport.doWrite(), CONNECTION_LOST)

    def test_producer_is_paused(self) -> None:
        """A producer hears that the buffer is full, as with Twisted's own transport."""
        heard: list[str] = []

        class Producer:
            pauseProducing = staticmethod(lambda: heard.append("pause"))
            resumeProducing = staticmethod(lambda: heard.append("resume"))
            stopProducing = staticmethod(lambda: heard.append("stop"))

        self.transport.registerProducer(Producer(), True)
        self.socket.room = 10
        self.transport.write(b"x" * 100_000)
        self.assertEqual(heard, ["pause"])
        self.socket.room = 1 << 20
        self.transport.doWrite()
        self.assertEqual(heard, ["pause", "resume"])

    def test_nothing_after_abort(self) -> None:
        """What is written after an abort is not sent: the peer must not take a cut stream for whole."""
        self.transport.abortConnection()
        self.transport.write(b"late")
        self.assertEqual(self.socket.sent, b"")

    def test_nothing_when_lost(self) -> None:
        """Writing to a lost connection does nothing."""
        self.transport.connected = 0
        self.transport.write(b"late")
        self.assertEqual((self.socket.sent, self.reactor.writers), (b"", set()))

    def test_read(self) -> None:
        """What comes is passed on; no bytes are the end, errors a lost connection, nothing is nothing."""
        self.socket.incoming = [b"hello", b"", ConnectionResetError(104, "reset"), InterruptedError(4, "signal")]
        outcomes = [self.transport.doRead() for _ in range(5)]
        self.assertEqual(outcomes, [None, CONNECTION_DONE, CONNECTION_LOST, None, None])
        self.assertEqual(self.protocol.data, b"hello")

    def test_read_size(self) -> None:
        """A peer that fills a read is read in larger pieces, until it sends little for some time."""
        full = b"x" * 65536
        self.socket.incoming = [full, full, *[b"x"] * 8, full, *[b"x"] * 10]
        for _ in range(21):
            self.transport.doRead()
        self.assertEqual(self.socket.read_sizes, [65536, *[262144] * 19, 65536])


class OwnerTests(SynchronousTestCase):
    """Ports and connectors make these transports."""

    def test_port(self) -> None:
        """A port's connections are ours."""
        self.assertIs(PromptPort.transport, PromptServer)

    def test_connector(self) -> None:
        """A connector's connection is ours."""
        made: list[Any] = []
        self.patch(PromptClient, "__init__", lambda self, *arguments: made.append(arguments))
        reactor: Any = FakeReactor()
        connector = PromptConnector("127.0.0.1", 80, None, 30, None, reactor)  # type: ignore[arg-type]
        self.assertIsInstance(connector._makeTransport(), PromptClient)
        self.assertEqual(made, [("127.0.0.1", 80, None, connector, reactor)])
