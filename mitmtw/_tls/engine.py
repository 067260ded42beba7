"""
The TLS engine: protocols that encrypt and decrypt, on Twisted's C{TLSMemoryBIOProtocol}.

L{IEngine} is all that the rest of the room knows of it, so that a leaner one can take its place. Between the engine
and the protocol that it carries stands a L{Gate}: nothing passes before the handshake, verification included, is over,
and errors become ours.
"""
# ruff: noqa: N805 - methods of an interface have no self

from typing import Any

from OpenSSL import SSL
from twisted.internet.error import ConnectionAborted, ConnectionDone, ConnectionLost
from twisted.internet.interfaces import (
    IHandshakeListener,
    IOpenSSLClientConnectionCreator,
    IOpenSSLServerConnectionCreator,
    IProtocol,
    IReactorTime,
    ITransport,
)
from twisted.internet.protocol import Factory, Protocol, connectionDone
from twisted.protocols.tls import TLSMemoryBIOFactory, TLSMemoryBIOProtocol
from twisted.python.failure import Failure
from typing_extensions import override
from zope.interface import Interface, implementer

from mitmtw._tls.failures import Peer, failure_of
from mitmtw._tls.verify import Verification
from mitmtw.errors import CertificateRejected, TLSFailed

__all__ = ["Gate", "IEngine", "Transport", "TwistedEngine"]


@implementer(IHandshakeListener)
class Gate(Protocol):
    """
    Stands between the engine and the protocol that it carries.

    @ivar connection: The OpenSSL connection, ready to shake hands; None once it was taken or is over.
    @ivar verification: How the peer is verified; None if it is not.
    """

    def __init__(
        self, inner: IProtocol, connection: SSL.Connection, peer: Peer, verification: Verification | None
    ) -> None:
        """
        @param inner: The protocol that gets the plaintext.
        @param connection: The OpenSSL connection.
        @param peer: Who is at the other end, for sentences.
        @param verification: How to verify it, or None.
        """
        self._inner = inner
        self._peer = peer
        self._is_open = False
        self.connection: SSL.Connection | None = connection
        self.verification = verification

    def take_connection(self) -> SSL.Connection:
        """Hand the OpenSSL connection over to the engine, once."""
        connection, self.connection = self.connection, None
        assert connection is not None, "a TLS protocol is connected once"
        return connection

    @override
    def makeConnection(self, transport: ITransport) -> None:
        """
        Connect the inner protocol: the engine's protocol is its transport.

        @param transport: The engine's protocol.
        """
        self.transport = transport
        self._inner.makeConnection(transport)

    @override
    def dataReceived(self, data: bytes) -> None:
        """
        Pass plaintext on.

        @param data: What was decrypted; never before L{handshakeCompleted}.
        """
        self._inner.dataReceived(data)

    def handshakeCompleted(self) -> None:
        """Open the gate, if the certificate was verified when it had to be."""
        if self.verification is not None and not self.verification.passed:
            # OpenSSL fails the handshake itself; this is for the day when it does not, a resumed session for instance
            self._refuse(f"the certificate of {self.verification.name} was not verified")
            return
        self._is_open = True
        if IHandshakeListener.providedBy(self._inner):
            self._inner.handshakeCompleted()

    def _refuse(self, sentence: str) -> None:
        """
        Abort a connection whose certificate was not verified.

        @param sentence: What to tell the inner protocol.
        """
        assert isinstance(self.transport, TLSMemoryBIOProtocol)
        self.transport.failVerification(Failure(CertificateRejected(sentence)))

    @override
    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """
        Tell the inner protocol that the connection is over, in our errors.

        @param reason: A L{TLSFailed} if TLS failed, or if the peer hung up during the handshake; else what the
            transport says.
        """
        error = self._translated(reason)
        self.transport = None
        self.connection = None
        self._inner.connectionLost(reason if error is None else Failure(error))

    def _translated(self, reason: Failure) -> TLSFailed | None:
        """
        Turn a reason into an error of ours.

        @param reason: What the engine or the transport says.
        @return: The error; None if the reason stands as it is.
        """
        if self.verification is not None and self.verification.rejection is not None:
            return self.verification.rejection
        if reason.check(SSL.Error):
            assert isinstance(reason.value, SSL.Error)
            return failure_of(reason.value, self._peer, self._is_open)
        was_ours = bool(getattr(self.transport, "disconnecting", False))
        if not self._is_open and not was_ours and reason.check(ConnectionDone, ConnectionLost, ConnectionAborted):
            return TLSFailed(f"the TLS handshake with {self._peer.name} failed: it hung up before it was over")
        return None


class IEngine(Interface):
    """Makes TLS protocols."""

    def server(gate: Gate) -> IProtocol:
        """
        Make a protocol that plays the server.

        @param gate: The gate with the OpenSSL connection and the inner protocol.
        """

    def client(gate: Gate) -> IProtocol:
        """
        Make a protocol that plays the client.

        @param gate: The gate with the OpenSSL connection and the inner protocol.
        """


class Transport(TLSMemoryBIOProtocol):
    """Twisted's TLS protocol, writing at once, and safe to abort at any moment."""

    @property
    def verification(self) -> Verification | None:
        """How the peer is verified: what OpenSSL's callback asks for."""
        gate = self.wrappedProtocol
        return gate.verification if isinstance(gate, Gate) else None

    @override
    def abortConnection(self) -> None:
        """
        Abort; nothing happens if the connection is gone already.

        The transport goes first: a C{close_notify} that reached the peer would make a cut stream look whole.
        """
        if self.connected:
            self._aborted = True
            transport: Any = self.transport
            transport.abortConnection()
            super().abortConnection()

    @override
    def unregisterProducer(self) -> None:
        """Forget the producer; nothing else happens if the connection is gone already."""
        if self.connected:
            super().unregisterProducer()


@implementer(IOpenSSLClientConnectionCreator, IOpenSSLServerConnectionCreator)
class _Creator:
    """Gives Twisted's TLS protocol the connection that waits in its gate."""

    def serverConnectionForTLS(self, tlsProtocol: TLSMemoryBIOProtocol) -> SSL.Connection:  # noqa: N802, N803
        """
        Give the connection.

        @param tlsProtocol: The protocol that asks.
        """
        gate = tlsProtocol.wrappedProtocol
        assert isinstance(gate, Gate)
        return gate.take_connection()

    clientConnectionForTLS = serverConnectionForTLS  # noqa: N815 - Twisted's name


@implementer(IEngine)
class TwistedEngine:
    """
    The engine on Twisted's own TLS.

    It takes the unbuffered protocol: our messages are written as a whole, so gathering small writes would only cost a
    turn of the reactor.
    """

    def __init__(self, clock: IReactorTime) -> None:
        """
        @param clock: The reactor's clock.
        """
        self._server = TLSMemoryBIOFactory(_Creator(), False, Factory(), clock)
        self._client = TLSMemoryBIOFactory(_Creator(), True, Factory(), clock)

    def server(self, gate: Gate) -> IProtocol:
        """See L{IEngine.server}."""
        return Transport(self._server, gate)

    def client(self, gate: Gate) -> IProtocol:
        """See L{IEngine.client}."""
        return Transport(self._client, gate)
