"""
OpenSSL contexts: made once, wholly, and never changed after their first connection (OpenSSL would not pick the change
up reliably, and pyOpenSSL refuses it). What differs between connections is set on the connection.
"""

from collections.abc import Sequence
from typing import Final

from cryptography import x509
from OpenSSL import SSL

from mitmtw._tls.bundle import Bundle
from mitmtw._tls.failures import openssl_text
from mitmtw._tls.keylog import KeyLog
from mitmtw._tls.leaf import CAKey
from mitmtw._tls.roots import load_roots, system_has_roots
from mitmtw._tls.settings import TLSSettings, version_number
from mitmtw._tls.verify import verify_callback
from mitmtw.errors import OptionsError

__all__ = ["Contexts"]

#: RFC 9325: compression leaks (section 3.3), renegotiation is an attack surface and nothing here needs it (section
#: 3.5).
_SAFE: Final = SSL.OP_NO_COMPRESSION | SSL.OP_NO_RENEGOTIATION
#: OpenSSL's level that admits TLS 1.0 and 1.1, which need SHA-1 signatures.
_OLD_VERSIONS: Final = "@SECLEVEL=0"


class Contexts:
    """Makes contexts by the settings."""

    def __init__(self, settings: TLSSettings, keylog: KeyLog | None) -> None:
        """
        @param settings: The settings.
        @param keylog: The key log, or None.
        @raise OptionsError: A version or a cipher suite is unknown, or the lowest version is above the highest.
        """
        self._settings = settings
        self._keylog = keylog
        self._has_system_roots = system_has_roots()
        client = (settings.tls_version_client_min, settings.tls_version_client_max)
        server = (settings.tls_version_server_min, settings.tls_version_server_max)
        self._client_versions = _versions("client", *client)
        self._server_versions = _versions("server", *server)
        self._towards_client()
        self._towards_server()

    def server_side(
        self, leaf: x509.Certificate, key: CAKey, issuers: Sequence[x509.Certificate], alpn: tuple[bytes, ...]
    ) -> SSL.Context:
        """
        Make the context of a server, towards our clients.

        @param leaf: The certificate to show.
        @param key: Its key.
        @param issuers: The certificates to send along.
        @param alpn: The protocols that we accept, the best first; empty to negotiate none.
        """
        context = self._towards_client()
        context.use_certificate(leaf)
        context.use_privatekey(key)
        for issuer in issuers:
            context.add_extra_chain_cert(issuer)
        if alpn:

            def choose(connection: SSL.Connection, offered: list[bytes]) -> "bytes | SSL._NoOverlappingProtocols":
                """Choose our best; without one in common go on without ALPN: what is spoken may be relayed unread."""
                return next((protocol for protocol in alpn if protocol in offered), SSL.NO_OVERLAPPING_PROTOCOLS)

            context.set_alpn_select_callback(choose)
        return context

    def client_side(self, verify: bool, certificate: Bundle | None) -> SSL.Context:
        """
        Make the context of a client, towards servers. It costs some milliseconds when it verifies: the roots are read.

        @param verify: Whether servers are verified.
        @param certificate: What to show to a server that asks for a certificate; or None.
        @raise OptionsError: C{upstream_ca} cannot be used.
        @raise SSL.Error: The client certificate does not fit the settings, by its key's length for instance.
        """
        context = self._towards_server()
        if verify:
            load_roots(context, self._settings.upstream_ca, self._has_system_roots)
            context.set_verify(SSL.VERIFY_PEER, verify_callback)
        else:
            context.set_verify(SSL.VERIFY_NONE)
            context.set_options(SSL.OP_LEGACY_SERVER_CONNECT)  # who does not verify wants to reach old servers, too
        if certificate is not None:
            context.use_certificate(certificate.certificate)
            context.use_privatekey(certificate.key)
            for issuer in certificate.others:
                context.add_extra_chain_cert(issuer)
        return context

    def _towards_client(self) -> SSL.Context:
        """Make a context with all that is common to servers."""
        context = self._bare(
            SSL.TLS_SERVER_METHOD, self._client_versions, "ciphers_client", self._settings.ciphers_client
        )
        # Resumption saves a client little, and a ticket that outlives a change of the options would keep what they
        # forbid now.
        context.set_options(SSL.OP_NO_TICKET)
        context.set_session_cache_mode(SSL.SESS_CACHE_OFF)
        return context

    def _towards_server(self) -> SSL.Context:
        """Make a context with all that is common to clients."""
        return self._bare(SSL.TLS_CLIENT_METHOD, self._server_versions, "ciphers_server", self._settings.ciphers_server)

    def _bare(self, method: int, versions: tuple[int, int], option: str, ciphers: str | None) -> SSL.Context:
        """
        Make a context with all that is common to both sides.

        @param method: OpenSSL's method.
        @param versions: Lowest and highest version, 0 for no bound.
        @param option: The name of the option of the cipher suites.
        @param ciphers: Its value.
        @raise OptionsError: The cipher suites are unknown.
        """
        context = SSL.Context(method)
        context.set_options(_SAFE)
        context.set_mode(SSL.MODE_RELEASE_BUFFERS)  # 11 KB less for each idle connection
        context.set_min_proto_version(versions[0])
        context.set_max_proto_version(versions[1])
        _set_ciphers(context, option, ciphers, versions[0] < SSL.TLS1_2_VERSION)
        if self._keylog is not None:
            context.set_keylog_callback(self._keylog.append)
        return context


def _versions(side: str, lowest: str, highest: str) -> tuple[int, int]:
    """
    Read the versions of one side.

    @param side: C{client} or C{server}.
    @param lowest: The name of the lowest version.
    @param highest: The name of the highest version.
    @return: OpenSSL's numbers; 0 for no bound.
    @raise OptionsError: A name is unknown, or the lowest is above the highest.
    """
    first = version_number(f"tls_version_{side}_min", lowest)
    last = version_number(f"tls_version_{side}_max", highest)
    if 0 < last < first:
        raise OptionsError(f"tls_version_{side}_min ({lowest}) is above tls_version_{side}_max ({highest})")
    return first, last


def _set_ciphers(context: SSL.Context, option: str, ciphers: str | None, has_old_versions: bool) -> None:
    """
    Choose the cipher suites.

    @param context: A context without connections yet.
    @param option: The option's name, for the message.
    @param ciphers: OpenSSL's syntax; names that begin with C{TLS_} are those of TLS 1.3. None for OpenSSL's default.
    @param has_old_versions: Whether versions below 1.2 are allowed: they get OpenSSL's lowest security level, unless
        one is named.
    @raise OptionsError: OpenSSL knows none of them.
    """
    names = ciphers.split(":") if ciphers else []
    newest = [name for name in names if name.startswith("TLS_")]
    older = [name for name in names if not name.startswith("TLS_")]
    if has_old_versions and "@SECLEVEL=" not in (ciphers or ""):
        older = [*(older or ["DEFAULT"]), _OLD_VERSIONS]
    try:
        if older:
            context.set_cipher_list(":".join(older).encode())
        if newest:
            context.set_tls13_ciphersuites(":".join(newest).encode())
    except SSL.Error as error:
        raise OptionsError(f"{option}: OpenSSL does not take {ciphers!r}: {openssl_text(error)}") from error
