"""
The authority: where certificates, contexts, verification and the engine come together.
"""

import os
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding
from OpenSSL import SSL
from twisted.internet.interfaces import IProtocol, IReactorTime
from zope.interface import implementer

from mitmtw._tls.bundle import Bundle, read_bundle
from mitmtw._tls.cache import RecentlyUsed
from mitmtw._tls.contexts import Contexts
from mitmtw._tls.engine import Gate, IEngine, TwistedEngine
from mitmtw._tls.failures import CLIENT, SERVER, Peer, openssl_text
from mitmtw._tls.keylog import KeyLog
from mitmtw._tls.leaf import LeafIssuer, new_key
from mitmtw._tls.lean import LeanEngine, is_available
from mitmtw._tls.names import address_of, dns_name
from mitmtw._tls.root import issuers_to_send
from mitmtw._tls.settings import TLSSettings
from mitmtw._tls.store import RootStore
from mitmtw._tls.verify import Verification
from mitmtw.errors import AuthorityError, OptionsError, TLSFailed
from mitmtw.interfaces.authority import IAuthority, TLSDescription, TLSParameters

__all__ = ["Authority"]

_BEFORE_EXPIRY: Final = 86_400.0  # seconds; a leaf is replaced a day before it expires
_FOREVER: Final = float("inf")
#: Client contexts kept: one for each way to verify and each client certificate. Each that verifies holds all roots:
#: about 1 MB.
_CLIENT_CONTEXTS: Final = 32

#: What a server context depends on: names, ALPN, and the fingerprint of the true server's certificate.
_ServerKey = tuple[tuple[str, ...], tuple[bytes, ...], bytes | None]
#: What a client context depends on: verification, and path, time of change and size of the client certificate.
_ClientKey = tuple[bool, tuple[str, int, int] | None]


@implementer(IAuthority)
class Authority:
    """
    Issues certificates to clients, judges those of servers, and speaks TLS to both.

    @ivar certificate: The authority's own certificate.
    """

    def __init__(
        self, bundle: Bundle, settings: TLSSettings, engine: IEngine, keylog: KeyLog | None, now: Callable[[], float]
    ) -> None:
        """
        See L{open}, which makes one from files.

        @param bundle: Key and certificates of the authority.
        @param settings: The settings.
        @param engine: Makes TLS protocols.
        @param keylog: The key log, or None.
        @param now: Tells seconds since the epoch: certificates are valid by the wall clock.
        @raise OptionsError: A setting is not acceptable.
        """
        self.certificate = bundle.certificate
        self._settings = settings
        self._engine = engine
        self._keylog = keylog
        self._now = now
        self._issuer = LeafIssuer(bundle.certificate, bundle.key, new_key(settings.leaf_key_type, "leaf_key_type"))
        self._issuers = issuers_to_send(bundle)
        self._contexts = Contexts(settings, keylog)
        self._client = Peer("the client", CLIENT)
        self._server_contexts: RecentlyUsed[_ServerKey, SSL.Context] = RecentlyUsed(settings.cache_size)
        self._client_contexts: RecentlyUsed[_ClientKey, SSL.Context] = RecentlyUsed(_CLIENT_CONTEXTS)
        self._client_context(not settings.upstream_insecure, None)  # reads the roots now, and complains now
        self._client_certs = _client_certs(settings.client_certs)
        if self._client_certs is not None and not self._client_certs.is_dir():
            self._start_with(str(self._client_certs))

    @classmethod
    def open(
        cls,
        confdir: str | os.PathLike[str],
        *,
        clock: IReactorTime,
        settings: TLSSettings | None = None,
        now: Callable[[], float] = time.time,
    ) -> "Authority":
        """
        Open the authority in a configuration directory; make one at the first start.

        @param confdir: The directory; made with mode 0700 if it is missing. C{~} is the user's home.
        @param clock: The reactor's clock.
        @param settings: The settings; None for the defaults.
        @param now: Tells seconds since the epoch.
        @raise AuthorityError: The files cannot be used; the message is one sentence that says why.
        @raise OptionsError: A setting is not acceptable.
        """
        settings = settings or TLSSettings()
        bundle = RootStore(confdir, settings, now).open()
        keylog = KeyLog(settings.keylog) if settings.keylog else None
        engine = LeanEngine if is_available() else TwistedEngine
        try:
            return cls(bundle, settings, engine(clock), keylog, now)
        except OptionsError:
            if keylog is not None:
                keylog.close()
            raise

    def close(self) -> None:
        """Close the key log; connections that are open go on."""
        if self._keylog is not None:
            self._keylog.close()

    def server_side(
        self, names: Sequence[str], alpn: Sequence[bytes], like: Sequence[x509.Certificate] | None, inner: IProtocol
    ) -> IProtocol:
        """See L{IAuthority.server_side}."""
        key = (tuple(names), tuple(alpn), like[0].fingerprint(hashes.SHA256()) if like else None)

        def make() -> tuple[SSL.Context, float]:
            """Issue a leaf certificate and make its context."""
            leaf = self._issuer.issue(names, like, self._now())
            until = leaf.not_valid_after_utc.timestamp() - _BEFORE_EXPIRY
            return self._contexts.server_side(leaf, self._issuer.key, self._issuers, key[1]), until

        context = self._server_contexts.get(key, self._now(), make)
        return self._engine.server(Gate(inner, SSL.Connection(context, None), self._client, None))

    def client_side(self, server: TLSParameters, inner: IProtocol) -> IProtocol:
        """See L{IAuthority.client_side}."""
        verify = server.verify and not self._settings.upstream_insecure
        connection = SSL.Connection(self._client_context(verify, server.client_certificate), None)
        # what a client offered may be passed on to here; names have 1 to 255 octets (RFC 7301 section 3.1)
        if offered := [protocol for protocol in server.alpn if 0 < len(protocol) < 256]:
            connection.set_alpn_protos(offered)
        name = dns_name(server.sni) if server.sni and address_of(server.sni) is None else None
        if name is not None and "*" not in name:
            connection.set_tlsext_host_name(name.encode("ascii"))
        verification = Verification(server.verify_name) if verify else None
        return self._engine.client(Gate(inner, connection, Peer(server.verify_name, SERVER), verification))

    def _client_context(self, verify: bool, path: str | None) -> SSL.Context:
        """
        Give the context of a client.

        @param verify: Whether the server is verified.
        @param path: The client certificate's file, or None; it is read again when it changed.
        @raise TLSFailed: The client certificate cannot be used.
        """
        if path is None:
            return self._client_contexts.get(
                (verify, None), 0.0, lambda: (self._contexts.client_side(verify, None), _FOREVER)
            )

        def make() -> tuple[SSL.Context, float]:
            """Read the client certificate and make its context."""
            return self._contexts.client_side(verify, read_bundle(path, None, "")), _FOREVER

        try:
            status = os.stat(path)
            return self._client_contexts.get((verify, (path, status.st_mtime_ns, status.st_size)), 0.0, make)
        except OSError as error:
            raise TLSFailed(f"the client certificate {path} cannot be read: {error.strerror}") from error
        except (AuthorityError, OptionsError) as error:
            raise TLSFailed(f"the client certificate cannot be used: {error}") from error
        except SSL.Error as error:
            raise TLSFailed(f"the client certificate {path} cannot be used [OpenSSL: {openssl_text(error)}]") from error

    def _start_with(self, path: str) -> None:
        """
        Read the one client certificate at the start, so that it is then that a mistake shows.

        @param path: Its file.
        @raise OptionsError: It cannot be used.
        """
        try:
            self._client_context(not self._settings.upstream_insecure, path)
        except TLSFailed as error:
            raise OptionsError(f"client_certs: {error}") from error

    def client_certificate(self, host: str) -> str | None:
        """See L{IAuthority.client_certificate}."""
        if self._client_certs is None:
            return None
        if not self._client_certs.is_dir():
            return str(self._client_certs)
        address = address_of(host)
        name = dns_name(host) if address is None else str(address)
        path = self._client_certs / f"{name}.pem"  # a name in this form has no slash
        return str(path) if name is not None and path.is_file() else None

    def describe(self, connection: SSL.Connection) -> TLSDescription:
        """See L{IAuthority.describe}."""
        chain = connection.get_peer_cert_chain() or []  # references only; OpenSSL's connection can be freed
        sni = connection.get_servername()
        return TLSDescription(
            connection.get_protocol_version_name(),
            connection.get_cipher_name(),
            connection.get_alpn_proto_negotiated() or None,
            None if sni is None else sni.decode("ascii", "replace"),
            lambda: tuple(certificate.to_cryptography() for certificate in chain),
        )

    def root_pem(self) -> bytes:
        """See L{IAuthority.root_pem}."""
        return self.certificate.public_bytes(Encoding.PEM)


def _client_certs(option: str | None) -> Path | None:
    """
    Read the option C{client_certs}.

    @param option: Its value.
    @raise OptionsError: There is no such file or directory.
    """
    if option is None:
        return None
    path = Path(option).expanduser()
    if not path.exists():
        raise OptionsError(f"client_certs: there is no file or directory {path}")
    return path
