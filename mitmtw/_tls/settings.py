"""
The settings of this room, filled from the options by whoever opens the authority.
"""

from dataclasses import dataclass
from typing import Final

from OpenSSL import SSL

from mitmtw.errors import OptionsError

__all__ = ["TLSSettings", "version_number"]

#: Names of protocol versions to OpenSSL's numbers; 0 is its "no bound".
_VERSIONS: Final = {
    "UNBOUNDED": 0,
    "TLS1": SSL.TLS1_VERSION,
    "TLS1_1": SSL.TLS1_1_VERSION,
    "TLS1_2": SSL.TLS1_2_VERSION,
    "TLS1_3": SSL.TLS1_3_VERSION,
}


@dataclass(frozen=True, slots=True)
class TLSSettings:
    """
    What a user can choose about TLS. C{client} is the side towards our clients, C{server} the side towards servers.

    @ivar ca_key_type: Key of an authority that is made anew: C{ec} (P-256) or C{rsa} (2048 bit).
    @ivar leaf_key_type: The key shared by all leaf certificates: C{ec} or C{rsa}.
    @ivar ca_passphrase: Passphrase of the authority's key file; a key made anew is encrypted with it. None: not
        encrypted.
    @ivar upstream_ca: PEM file, or directory of PEM files with hashed names (C{openssl rehash}), of the roots to trust
        instead of the system's.
    @ivar upstream_insecure: True turns all verification of servers off.
    @ivar client_certs: PEM file with key and certificate to show to every server, or directory with one C{host.pem} a
        server.
    @ivar tls_version_client_min: Lowest version: C{UNBOUNDED}, C{TLS1}, C{TLS1_1}, C{TLS1_2} or C{TLS1_3}.
    @ivar tls_version_client_max: Highest version.
    @ivar tls_version_server_min: Lowest version.
    @ivar tls_version_server_max: Highest version.
    @ivar ciphers_client: Cipher suites in OpenSSL's syntax; names that begin with C{TLS_} are those of TLS 1.3. None:
        OpenSSL's default.
    @ivar ciphers_server: The same, towards servers.
    @ivar keylog: Path of the file that gets the session secrets in the format of C{SSLKEYLOGFILE} (RFC 9850), or None.
    @ivar cache_size: Number of server contexts, each with its leaf certificate, that are kept.
    """

    ca_key_type: str = "ec"
    leaf_key_type: str = "ec"
    ca_passphrase: str | None = None
    upstream_ca: str | None = None
    upstream_insecure: bool = False
    client_certs: str | None = None
    tls_version_client_min: str = "TLS1_2"
    tls_version_client_max: str = "UNBOUNDED"
    tls_version_server_min: str = "TLS1_2"
    tls_version_server_max: str = "UNBOUNDED"
    ciphers_client: str | None = None
    ciphers_server: str | None = None
    keylog: str | None = None
    cache_size: int = 1000


def version_number(option: str, name: str) -> int:
    """
    Translate the name of a TLS version.

    @param option: The option's name, for the message.
    @param name: C{UNBOUNDED}, C{TLS1}, C{TLS1_1}, C{TLS1_2} or C{TLS1_3}.
    @return: OpenSSL's number; 0 for no bound.
    @raise OptionsError: The name is none of these.
    """
    try:
        return _VERSIONS[name]
    except KeyError:
        raise OptionsError(f"{option}: {name!r} is none of {', '.join(_VERSIONS)}") from None
