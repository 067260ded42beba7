"""
The trust store: which roots a server's certificate may come from.
"""

import os
from typing import Final

import certifi
from OpenSSL import SSL
from OpenSSL.crypto import X509StoreFlags

from mitmtw._tls.failures import openssl_text
from mitmtw.errors import OptionsError

__all__ = ["load_roots", "system_has_roots"]

#: Where systems keep their roots, and where OpenSSL finds them by itself or by pyOpenSSL's fallback: Debian, Fedora,
#: openSUSE, older RHEL, Alpine and the BSDs; then the directories with hashed names.
_PLACES: Final = (
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/ca-bundle.pem",
    "/etc/pki/tls/cacert.pem",
    "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",
    "/etc/ssl/cert.pem",
)
_DIRECTORIES: Final = ("/etc/ssl/certs",)


def system_has_roots() -> bool:
    """Whether the system, or the environment (C{SSL_CERT_FILE}, C{SSL_CERT_DIR}), has roots that OpenSSL finds."""
    if os.environ.get("SSL_CERT_FILE") or os.environ.get("SSL_CERT_DIR"):
        return True
    if any(os.path.isfile(place) for place in _PLACES):
        return True
    return any(os.path.isdir(place) and os.listdir(place) for place in _DIRECTORIES)


def load_roots(context: SSL.Context, upstream_ca: str | None, has_system_roots: bool) -> None:
    """
    Give a context the roots to trust.

    @param context: A context without connections yet.
    @param upstream_ca: PEM file or directory with hashed names, trusted instead of the system's roots; or None.
    @param has_system_roots: Whether the system has any; if not, certifi's are taken.
    @raise OptionsError: C{upstream_ca} cannot be used.
    """
    if upstream_ca is not None:
        is_directory = os.path.isdir(upstream_ca)
        try:
            context.load_verify_locations(*((None, upstream_ca) if is_directory else (upstream_ca, None)))
        except SSL.Error as error:
            why = openssl_text(error) if os.path.exists(upstream_ca) else "there is no such file"
            raise OptionsError(f"upstream_ca: {upstream_ca} cannot be used: {why}") from error
    elif has_system_roots:
        context.set_default_verify_paths()
    else:
        context.load_verify_locations(certifi.where())
    store = context.get_cert_store()
    assert store is not None
    # An anchor need not be a root: a trusted intermediate, or the server's own certificate, ends the chain, as in curl
    # and Python 3.13.
    store.set_flags(X509StoreFlags.PARTIAL_CHAIN)
