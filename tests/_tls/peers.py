"""The other end of a TLS connection in memory: Python's own ssl module, which shares nothing with what is tested."""

import ssl
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from OpenSSL import SSL
from twisted.internet.error import ConnectionDone
from twisted.internet.interfaces import IHandshakeListener, IProtocol
from twisted.internet.protocol import Protocol, connectionDone
from twisted.internet.testing import StringTransport
from twisted.python.failure import Failure
from typing_extensions import override
from zope.interface import implementer

from tests._tls.certificates import Made


class Peer:
    """A client or server on Python's ssl module."""

    def __init__(
        self,
        context: ssl.SSLContext,
        is_server: bool,
        name: str | None = None,
        session: ssl.SSLSession | None = None,
    ) -> None:
        self._incoming = ssl.MemoryBIO()
        self._outgoing = ssl.MemoryBIO()
        self.tls = context.wrap_bio(self._incoming, self._outgoing, is_server, name, session)
        self.is_open = False
        self.is_closed = False
        self.error: ssl.SSLError | None = None
        self.received = b""

    def take(self) -> bytes:
        """Do what can be done, and take the bytes for the other end."""
        if self.error is None and not self.is_closed:
            try:
                self._step()
            except ssl.SSLWantReadError:
                pass
            except ssl.SSLZeroReturnError:
                self.is_closed = True
            except ssl.SSLError as error:
                self.error = error
        return self._outgoing.read()

    def _step(self) -> None:
        if not self.is_open:
            self.tls.do_handshake()
            self.is_open = True
        while True:
            read = self.tls.read(65536)
            if not read:
                self.is_closed = True
                return
            self.received += read

    def feed(self, received: bytes) -> None:
        """Take bytes from the other end."""
        self._incoming.write(received)

    def send(self, plaintext: bytes) -> None:
        """Write plaintext, after the handshake."""
        self.tls.write(plaintext)

    def close(self) -> None:
        """Send a close_notify."""
        try:
            self.tls.unwrap()
        except ssl.SSLWantReadError:
            pass


def client(root: bytes, name: str, alpn: Sequence[str] = ()) -> Peer:
    """Make a client that trusts one root and wants one name."""
    return Peer(client_context(root, alpn), False, name)


def client_context(root: bytes, alpn: Sequence[str] = ()) -> ssl.SSLContext:
    """Make the context of a client that trusts one root."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.load_verify_locations(cadata=root.decode())
    if alpn:
        context.set_alpn_protocols(list(alpn))
    return context


def server_context(directory: Path, leaf: Made, *issuers: Made, alpn: Sequence[str] = ()) -> ssl.SSLContext:
    """Make the context of a server with one certificate."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(leaf.save(directory / "server.pem", *issuers))
    if alpn:
        context.set_alpn_protocols(list(alpn))
    return context


@implementer(IHandshakeListener)
class Recorder(Protocol):
    """An inner protocol that writes down what it hears, in order."""

    def __init__(self, greeting: bytes = b"") -> None:
        self.greeting = greeting
        self.heard: list[str] = []
        self.received = b""
        self.reason: Failure | None = None

    @property
    def out(self) -> Any:
        """The transport, whose interfaces are many."""
        return self.transport

    @property
    def tls(self) -> SSL.Connection:
        """The OpenSSL connection of the transport."""
        connection = self.out.getHandle()
        assert isinstance(connection, SSL.Connection)
        return connection

    @override
    def connectionMade(self) -> None:
        self.heard.append("made")
        if self.greeting:
            self.out.write(self.greeting)

    def handshakeCompleted(self) -> None:
        self.heard.append("handshake")

    @override
    def dataReceived(self, data: bytes) -> None:
        if not self.received:
            self.heard.append("data")
        self.received += data

    @override
    def connectionLost(self, reason: Failure = connectionDone) -> None:
        self.heard.append("lost")
        self.reason = reason

    def error(self) -> str:
        """The sentence that the connection was lost with."""
        assert self.reason is not None
        return str(self.reason.value)


class Wire(StringTransport):
    """The transport below the protocol that is tested; it keeps all that was ever written."""

    def __init__(self, protocol: IProtocol) -> None:
        super().__init__()
        self.protocol = protocol
        self.written = b""
        self.is_lost = False
        self.aborting = False
        protocol.makeConnection(self)

    @override
    def abortConnection(self) -> None:
        self.aborting = True
        super().abortConnection()

    def pump(self, peer: Peer) -> None:
        """Carry bytes both ways until there are none, then close if that was wanted."""
        while True:
            out = self.value()
            self.clear()
            self.written += out
            peer.feed(out)
            back = peer.take()
            if not out and not back:
                break
            if back and not self.is_lost and not self.disconnecting:
                self.protocol.dataReceived(back)
        if self.disconnecting:
            self.lose()

    def lose(self, reason: Exception | None = None) -> None:
        """Tell the protocol, once, that the connection is gone."""
        if not self.is_lost:
            self.is_lost = True
            self.protocol.connectionLost(Failure(reason or ConnectionDone()))
