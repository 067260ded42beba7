"""
The authority's own certificate: how one is made, and what a user's own must be like.
"""

from datetime import UTC, datetime, timedelta
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from mitmtw._tls.bundle import Bundle
from mitmtw._tls.leaf import digest_for, new_key
from mitmtw.errors import AuthorityError

__all__ = ["check_root", "issuers_to_send", "make_root"]

_LIFETIME: Final = timedelta(days=3650)
_BACKDATED: Final = timedelta(days=2)  # for clients whose clock is late
_SHORTEST_RSA: Final = 2048  # bits; CA/Browser Forum Baseline Requirements 6.1.5
_CURVES: Final = ("secp256r1", "secp384r1", "secp521r1")  # the same


def make_root(kind: str, now: float) -> Bundle:
    """
    Make a new authority: a key and a self-signed certificate for ten years.

    @param kind: C{ec} or C{rsa}.
    @param now: Seconds since the epoch.
    @raise OptionsError: The kind is neither.
    """
    key = new_key(kind, "ca_key_type")
    name = x509.Name(
        [x509.NameAttribute(NameOID.COMMON_NAME, "mitmtw"), x509.NameAttribute(NameOID.ORGANIZATION_NAME, "mitmtw")]
    )
    start = datetime.fromtimestamp(int(now), UTC) - _BACKDATED
    usage = x509.KeyUsage(
        digital_signature=False,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=True,
        crl_sign=True,
        encipher_only=False,
        decipher_only=False,
    )
    certificate = (
        x509.CertificateBuilder(issuer_name=name, subject_name=name, public_key=key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(start)
        .not_valid_after(start + _LIFETIME)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .add_extension(usage, critical=True)
        # for servers only: whoever trusts it trusts it neither for mail nor for programs
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .sign(key, digest_for(key))
    )
    return Bundle(key, certificate, ())


def check_root(bundle: Bundle, path: str, now: float) -> None:
    """
    Check that clients can accept what an authority issues.

    @param bundle: The authority.
    @param path: Where it comes from, for messages.
    @param now: Seconds since the epoch.
    @raise AuthorityError: They cannot; the message says why.
    """
    certificate, moment = bundle.certificate, datetime.fromtimestamp(now, UTC)
    try:
        extensions = certificate.extensions
    except ValueError as error:
        raise AuthorityError(f"the certificate in {path} cannot be read: {error}") from error
    problem = _purpose_problem(extensions) or _key_problem(bundle)
    if problem is None and certificate.not_valid_after_utc < moment:
        problem = f"has expired (notAfter {certificate.not_valid_after_utc:%Y-%m-%d})"
    if problem is None and certificate.not_valid_before_utc > moment:
        problem = f"is not valid yet (notBefore {certificate.not_valid_before_utc:%Y-%m-%d})"
    if problem is not None:
        raise AuthorityError(f"the certificate in {path} {problem}")


def _purpose_problem(extensions: x509.Extensions) -> str | None:
    """
    Find out why a certificate may not issue those of servers.

    @param extensions: Its extensions.
    @return: The rest of a sentence, or None.
    """
    try:
        if not extensions.get_extension_for_class(x509.BasicConstraints).value.ca:
            return "is not a certificate authority's (basicConstraints)"
    except x509.ExtensionNotFound:
        return "is not a certificate authority's (it has no basicConstraints)"
    for extension in extensions:
        value = extension.value
        if isinstance(value, x509.KeyUsage) and not value.key_cert_sign:
            return "may not issue certificates (keyUsage lacks keyCertSign)"
        if isinstance(value, x509.ExtendedKeyUsage) and not {
            ExtendedKeyUsageOID.SERVER_AUTH,
            ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE,
        }.intersection(value):
            return "may not issue certificates of servers (extendedKeyUsage lacks serverAuth)"
    return None


def _key_problem(bundle: Bundle) -> str | None:
    """
    Find out why clients do not accept a key.

    @param bundle: The authority.
    @return: The rest of a sentence, or None.
    """
    if isinstance(bundle.key, rsa.RSAPrivateKey):
        size = bundle.key.key_size
        return f"has an RSA key of {size} bits; {_SHORTEST_RSA} are the least" if size < _SHORTEST_RSA else None
    curve = bundle.key.curve.name
    return None if curve in _CURVES else f"has an EC key on the curve {curve}; {', '.join(_CURVES)} are accepted"


def issuers_to_send(bundle: Bundle) -> tuple[x509.Certificate, ...]:
    """
    Choose the certificates to send along with a leaf: the chain below the root. A client has the root, and does not
    trust one it is sent.

    @param bundle: The authority.
    """
    chain = (bundle.certificate, *bundle.others)
    return tuple(certificate for certificate in chain if certificate.subject != certificate.issuer)
