"""
PEM files that hold a private key and its certificates: an authority's, or a client's.
"""

import os
import re
from dataclasses import dataclass
from typing import Final

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.types import CertificatePublicKeyTypes
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_private_key

from mitmtw._tls.leaf import CAKey
from mitmtw.errors import AuthorityError

__all__ = ["Bundle", "parse_bundle", "read_bundle"]

#: One block with a private key (RFC 7468 sections 10 and 11, and the older forms that OpenSSL writes).
_KEY_BLOCK: Final = re.compile(rb"-----BEGIN ((?:[A-Z0-9]+ )*PRIVATE KEY)-----.*?-----END \1-----", re.DOTALL)
#: One block with a certificate (RFC 7468 section 5).
_CERTIFICATE_BLOCK: Final = re.compile(rb"-----BEGIN CERTIFICATE-----.*?-----END CERTIFICATE-----", re.DOTALL)
_LARGEST_FILE: Final = 1_048_576  # bytes; a key with a long chain has some 20 KB


@dataclass(frozen=True, slots=True)
class Bundle:
    """
    A private key and its certificates.

    @ivar key: The key.
    @ivar certificate: The certificate for that key.
    @ivar others: The other certificates of the file, in its order: issuers.
    """

    key: CAKey
    certificate: x509.Certificate
    others: tuple[x509.Certificate, ...]


def read_bundle(path: str | os.PathLike[str], passphrase: str | None, option: str) -> Bundle:
    """
    Read a PEM file with a key and certificates.

    @param path: The file.
    @param passphrase: The key's passphrase; None if it has none.
    @param option: The option that gives the passphrase, for messages; empty if there is none.
    @raise AuthorityError: The file cannot be read, or is not what it should be.
    """
    try:
        with open(path, "rb") as file:
            content = file.read(_LARGEST_FILE)
    except OSError as error:
        raise AuthorityError(f"{os.fspath(path)} cannot be read: {error.strerror}") from error
    return parse_bundle(content, os.fspath(path), passphrase, option)


def parse_bundle(content: bytes, path: str, passphrase: str | None, option: str) -> Bundle:
    """
    Parse PEM text with a key and certificates, in any order.

    @param content: The text.
    @param path: Where it comes from, for messages.
    @param passphrase: The key's passphrase; None if it has none.
    @param option: The option that gives the passphrase, for messages; empty if there is none.
    @raise AuthorityError: It is not what it should be.
    """
    key = _key(content, path, passphrase, option)
    try:
        certificates = [x509.load_pem_x509_certificate(block) for block in _CERTIFICATE_BLOCK.findall(content)]
    except ValueError as error:
        raise AuthorityError(f"a certificate in {path} cannot be read: {error}") from error
    if not certificates:
        raise AuthorityError(f"{path} holds no certificate")
    mine = _public(key.public_key())
    own = next((certificate for certificate in certificates if _belongs(certificate, mine)), None)
    if own is None:
        raise AuthorityError(f"the key in {path} belongs to none of the certificates in it")
    return Bundle(key, own, tuple(certificate for certificate in certificates if certificate is not own))


def _key(content: bytes, path: str, passphrase: str | None, option: str) -> CAKey:
    """
    Find and load the private key.

    @param content: PEM text.
    @param path: Where it comes from.
    @param passphrase: The key's passphrase, or None.
    @param option: The option that gives it.
    @raise AuthorityError: There is no key, or it cannot be loaded.
    """
    block = _KEY_BLOCK.search(content)
    if block is None:
        raise AuthorityError(f"{path} holds no private key")
    secret = passphrase.encode() if passphrase else None
    is_encrypted = b"ENCRYPTED" in block[0]  # in the block's name or, in the older form, in a Proc-Type field
    if is_encrypted and secret is None:
        cure = f"give its passphrase by the option {option}" if option else "decrypt it first"
        raise AuthorityError(f"the key in {path} is encrypted: {cure}")
    try:
        key = load_pem_private_key(block[0], secret if is_encrypted else None)
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        why = "is the passphrase right?" if is_encrypted else str(error)
        raise AuthorityError(f"the key in {path} cannot be read: {why}") from error
    if not isinstance(key, ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey):
        raise AuthorityError(f"the key in {path} is neither RSA nor EC")
    return key


def _belongs(certificate: x509.Certificate, public_key: bytes) -> bool:
    """
    Compare a certificate's key.

    @param certificate: The certificate.
    @param public_key: The key's encoding.
    """
    try:
        return _public(certificate.public_key()) == public_key
    except (ValueError, UnsupportedAlgorithm):
        return False


def _public(key: CertificatePublicKeyTypes) -> bytes:
    """
    Encode a public key, to compare it.

    @param key: The key.
    """
    return key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
