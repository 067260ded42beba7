"""
Leaf certificates: what a client sees instead of the server's own certificate.

All leaves share one key, so that issuing one costs one signature. Their form is that of a public authority's
certificates (RFC 5280 section 4.2, and the CA/Browser Forum's Baseline Requirements 7.1.2.7) because clients check it.
"""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from mitmtw._tls.names import general_names, wanted_names
from mitmtw.errors import OptionsError

__all__ = ["CAKey", "LeafIssuer", "digest_for", "new_key"]

#: The kinds of private key that an authority can have.
CAKey = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey

#: Chromium refuses more than 200 days from 2026 on (CA/Browser Forum ballot SC-081).
_LIFETIME: Final = timedelta(days=197)
_BACKDATED: Final = timedelta(days=2)  # for clients whose clock is late
_SECOND: Final = timedelta(seconds=1)  # both ends of a validity count (RFC 5280 section 4.1.2.5)
_LONGEST_COMMON_NAME: Final = 64  # characters; ub-common-name, RFC 5280 appendix A.1
_NAMELESS: Final = x509.DNSName("invalid")  # RFC 6761 section 6.4: no client ever asks for it


def new_key(kind: str, option: str) -> CAKey:
    """
    Make a private key.

    @param kind: C{ec} for P-256, C{rsa} for RSA with 2048 bit.
    @param option: The option that said so, for the message.
    @raise OptionsError: The kind is neither.
    """
    if kind == "ec":
        return ec.generate_private_key(ec.SECP256R1())
    if kind == "rsa":
        return rsa.generate_private_key(public_exponent=65537, key_size=2048)
    raise OptionsError(f"{option}: {kind!r} is neither ec nor rsa")


def digest_for(key: CAKey) -> hashes.SHA256 | hashes.SHA384 | hashes.SHA512:
    """
    Choose the digest to sign with: as strong as the key (RFC 5480 section 4).

    @param key: The key that signs.
    """
    if isinstance(key, ec.EllipticCurvePrivateKey) and key.curve.key_size > 256:
        return hashes.SHA384() if key.curve.key_size <= 384 else hashes.SHA512()
    return hashes.SHA256()


class LeafIssuer:
    """
    Issues leaf certificates in the name of one authority.

    @ivar key: The private key that all leaves share.
    """

    def __init__(self, certificate: x509.Certificate, ca_key: CAKey, key: CAKey) -> None:
        """
        @param certificate: The authority's certificate.
        @param ca_key: Its key.
        @param key: The key to share.
        """
        self.key: Final = key
        self._ca_key = ca_key
        self._digest = digest_for(ca_key)
        self._earliest = certificate.not_valid_before_utc
        self._latest = certificate.not_valid_after_utc
        usage = _key_usage(encipherment=isinstance(key, rsa.RSAPrivateKey))
        self._template = (
            x509.CertificateBuilder(issuer_name=certificate.subject, public_key=key.public_key())
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(usage, critical=True)
            .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
            .add_extension(_authority_identifier(certificate), critical=False)
        )

    def issue(self, names: Sequence[str], like: Sequence[x509.Certificate] | None, now: float) -> x509.Certificate:
        """
        Issue one leaf certificate.

        @param names: DNS names and IP literals, the main one first. If none can stand in a certificate, the leaf is
            for the name C{invalid}, and the client says that names differ.
        @param like: The chain of the true server, whose names are added; or None.
        @param now: Seconds since the epoch.
        """
        san = general_names(wanted_names(names, like)) or [_NAMELESS]
        subject = _subject(str(san[0].value))
        start = datetime.fromtimestamp(int(now), UTC) - _BACKDATED
        first = max(start, self._earliest)
        return (
            self._template.serial_number(x509.random_serial_number())
            .subject_name(subject)
            .not_valid_before(first)
            # the outer max(): an authority that expired while we run must not raise here; clients refuse it anyway
            .not_valid_after(max(first, min(start + _LIFETIME - _SECOND, self._latest)))
            # critical where there is no subject (RFC 5280 section 4.2.1.6)
            .add_extension(x509.SubjectAlternativeName(san), critical=not subject.rdns)
            .sign(self._ca_key, self._digest)
        )


def _subject(name: str) -> x509.Name:
    """
    Make a subject of the main name; an empty one if it is too long for a common name.

    @param name: A name as it stands in the subjectAltName.
    """
    if len(name) > _LONGEST_COMMON_NAME:
        return x509.Name([])
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])


def _key_usage(encipherment: bool) -> x509.KeyUsage:
    """
    Make the key usage of a TLS server's certificate.

    @param encipherment: Whether the key can also encipher keys: RSA can (RFC 4055 section 1.2), EC cannot.
    """
    return x509.KeyUsage(
        digital_signature=True,
        content_commitment=False,
        key_encipherment=encipherment,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=False,
        crl_sign=False,
        encipher_only=False,
        decipher_only=False,
    )


def _authority_identifier(certificate: x509.Certificate) -> x509.AuthorityKeyIdentifier:
    """
    Make the extension that names the authority's key: as the authority's certificate calls it itself.

    @param certificate: The authority's certificate.
    """
    try:
        own = certificate.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value
    except x509.ExtensionNotFound:
        digest = x509.SubjectKeyIdentifier.from_public_key(certificate.public_key()).digest
        return x509.AuthorityKeyIdentifier(digest, None, None)
    return x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(own)
