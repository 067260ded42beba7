"""Throw-away authorities and certificates of any kind, for tests."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    KeySerializationEncryption,
    NoEncryption,
    PrivateFormat,
)
from cryptography.x509.oid import NameOID

from mitmtw._tls.leaf import CAKey

DAY = timedelta(days=1)


def general_name(text: str) -> x509.GeneralName:
    """Make an entry of a subjectAltName: C{1.2.3.4} an address, all else a DNS name as it is."""
    try:
        return x509.IPAddress(ip_address(text))
    except ValueError:
        return x509.DNSName(text)


class Made:
    """A certificate that was made for a test, with its key."""

    def __init__(self, certificate: x509.Certificate, key: CAKey) -> None:
        self.certificate = certificate
        self.key = key

    def pem(
        self, *others: "Made", passphrase: bytes | None = None, key_format: PrivateFormat = PrivateFormat.PKCS8
    ) -> bytes:
        """Write key and certificates as PEM."""
        encryption: KeySerializationEncryption = BestAvailableEncryption(passphrase) if passphrase else NoEncryption()
        certificates = b"".join(one.certificate.public_bytes(Encoding.PEM) for one in (self, *others))
        return self.key.private_bytes(Encoding.PEM, key_format, encryption) + certificates

    def certificate_pem(self) -> bytes:
        """Write the certificate alone as PEM."""
        return self.certificate.public_bytes(Encoding.PEM)

    def save(self, path: Path, *others: "Made", passphrase: bytes | None = None) -> str:
        """Write key and certificates to a file with mode 0600."""
        path.write_bytes(self.pem(*others, passphrase=passphrase))
        path.chmod(0o600)
        return str(path)


def made(
    name: str,
    issuer: Made | None = None,
    *,
    names: Sequence[str] | None = None,
    is_authority: bool = False,
    start: timedelta = -DAY,
    end: timedelta = 30 * DAY,
    key: CAKey | None = None,
    extensions: Sequence[tuple[x509.ExtensionType, bool]] = (),
) -> Made:
    """
    Make a certificate, self-signed if there is no issuer; C{start} and C{end} count from now.

    C{names} None leaves the subjectAltName out of an authority's certificate and puts C{name} into any other.
    """
    own = key or ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.now(UTC).replace(microsecond=0)
    by = issuer or None
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(by.certificate.subject if by else subject)
        .public_key(own.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now + start)
        .not_valid_after(now + end)
        .add_extension(x509.BasicConstraints(ca=is_authority, path_length=None), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(own.public_key()), critical=False)
    )
    if names is None and not is_authority:
        names = [name]
    if names:
        builder = builder.add_extension(
            x509.SubjectAlternativeName([general_name(one) for one in names]), critical=False
        )
    for extension, is_critical in extensions:
        builder = builder.add_extension(extension, critical=is_critical)
    return Made(builder.sign(by.key if by else own, hashes.SHA256()), own)
