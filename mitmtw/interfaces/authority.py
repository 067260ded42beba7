"""
What a certificate authority is to the rooms that speak TLS.

The layers towards the client and towards the server get their TLS protocols from one L{IAuthority} and know neither
contexts nor certificates. Importing this module is light: OpenSSL and the certificate library are named in annotations
only.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from zope.interface import Interface

if TYPE_CHECKING:
    from cryptography import x509
    from OpenSSL import SSL
    from twisted.internet.interfaces import IProtocol

__all__ = ["IAuthority", "TLSDescription", "TLSParameters"]


@dataclass(frozen=True, slots=True)
class TLSParameters:
    """
    How to speak TLS to one server; hashable, so that it can be part of a connection pool's key.

    @ivar sni: The name to send in the ClientHello (RFC 6066 section 3), or None to send none; an IP literal is never
        sent.
    @ivar verify_name: The DNS name or IP literal that the certificate must be for (RFC 9525).
    @ivar alpn: The application protocols to offer, the best first; empty to offer none (RFC 7301).
    @ivar client_certificate: Path of a PEM file with the key and the certificate to show, or None.
    @ivar verify: Whether the certificate is verified, chain and name.
    """

    sni: str | None
    verify_name: str
    alpn: tuple[bytes, ...] = ()
    client_certificate: str | None = None
    verify: bool = True


class TLSDescription:
    """
    What was negotiated on one TLS connection; the peer's certificates are decoded when they are asked for first.

    @ivar tls_version: The protocol's name, for instance C{TLSv1.3}.
    @ivar cipher: The cipher suite's name as OpenSSL writes it, or None before the handshake is done.
    @ivar alpn: The application protocol agreed upon, or None.
    @ivar sni: The name in the ClientHello, or None.
    """

    __slots__ = ("_chain", "_decode", "alpn", "cipher", "sni", "tls_version")

    def __init__(
        self,
        tls_version: str,
        cipher: str | None,
        alpn: bytes | None,
        sni: str | None,
        decode: "Callable[[], tuple[x509.Certificate, ...]]",
    ) -> None:
        self.tls_version = tls_version
        self.cipher = cipher
        self.alpn = alpn
        self.sni = sni
        self._decode: Callable[[], tuple[x509.Certificate, ...]] | None = decode
        self._chain: tuple[x509.Certificate, ...] = ()

    @property
    def chain(self) -> "tuple[x509.Certificate, ...]":
        """The certificates as the peer sent them, its own first; empty when it sent none."""
        if self._decode is not None:
            self._chain, self._decode = self._decode(), None
        return self._chain

    @property
    def certificate(self) -> "x509.Certificate | None":
        """The peer's own certificate, or None."""
        return self.chain[0] if self.chain else None


class IAuthority(Interface):
    """
    Issues certificates to clients, judges those of servers, and speaks TLS to both.

    Both methods that return a protocol return one that is not connected yet. Connect it with
    C{makeConnection(transport)}, then feed it with C{dataReceived}, the bytes that were read already first. It calls
    C{inner.makeConnection} with itself at once; it is then C{inner}'s transport: all methods of a transport work on
    it, and C{getHandle()} is the L{SSL.Connection}. When C{inner} provides
    L{IHandshakeListener<twisted.internet.interfaces.IHandshakeListener>}, it hears C{handshakeCompleted} after the
    handshake and the verification succeeded; nothing is read for it, and nothing it wrote is sent, before that. A
    failure reaches C{inner.connectionLost} as L{TLSFailed<mitmtw.errors.TLSFailed>} or
    L{CertificateRejected<mitmtw.errors.CertificateRejected>}. TLS has no half-close: a close_notify and a FIN both end
    in C{connectionLost}.
    """

    def server_side(
        names: Sequence[str], alpn: Sequence[bytes], like: "Sequence[x509.Certificate] | None", inner: "IProtocol"
    ) -> "IProtocol":
        """
        Make the TLS protocol that plays the server for a client.

        @param names: DNS names (A-labels or U-labels) and IP literals that the certificate is to be for, the main one
            first. A name that cannot stand in a certificate is left out; this never fails because of names.
        @param alpn: The protocols that we accept, the best first; empty to negotiate none. Where the client offers
            none of them, the connection goes on without one.
        @param like: The chain of the true server, its own certificate first; its names are added. None if it was not
            seen.
        @param inner: The protocol that gets the plaintext.
        @return: A protocol, not connected yet.
        """

    def client_side(server: TLSParameters, inner: "IProtocol") -> "IProtocol":
        """
        Make the TLS protocol that plays the client to a server.

        @param server: Names, protocols, certificate, and whether to verify.
        @param inner: The protocol that gets the plaintext.
        @return: A protocol, not connected yet.
        @raise TLSFailed: The client certificate cannot be read or used.
        """

    def client_certificate(host: str) -> str | None:
        """
        The path of the PEM file to put into L{TLSParameters.client_certificate} for a host, or None.

        @param host: The server's name or IP literal.
        """

    def describe(connection: "SSL.Connection") -> TLSDescription:
        """
        Tell what was negotiated on a connection: call it in C{handshakeCompleted}, with C{transport.getHandle()}.

        @param connection: The connection of either side.
        """

    def root_pem() -> bytes:
        """The root certificate that clients must trust, as PEM, without its key."""
