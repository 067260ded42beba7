"""Leaf certificates: their form, and a second opinion on them."""

import ipaddress
from datetime import UTC, datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID
from cryptography.x509.verification import PolicyBuilder, Store
from twisted.trial.unittest import SynchronousTestCase

from mitmtw._tls.bundle import Bundle
from mitmtw._tls.leaf import CAKey, LeafIssuer, digest_for, new_key
from mitmtw._tls.root import make_root
from mitmtw.errors import OptionsError
from tests._tls.certificates import DAY, made

NOW = datetime(2026, 11, 23, 12, 0, 0, tzinfo=UTC)
NOW_SECONDS = NOW.timestamp()


class LeafTests(SynchronousTestCase):
    """One authority, one shared key."""

    root: Bundle
    issuer: LeafIssuer

    def setUp(self) -> None:
        self.root = make_root("ec", NOW_SECONDS)
        self.issuer = LeafIssuer(self.root.certificate, self.root.key, new_key("ec", "leaf_key_type"))

    def issue(self, *names: str, like: list[x509.Certificate] | None = None) -> x509.Certificate:
        return self.issuer.issue(names, like, NOW_SECONDS)

    def san(self, certificate: x509.Certificate) -> list[str]:
        value = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        return [str(name.value) for name in value]

    def test_second_opinion(self) -> None:
        """The verifier of the cryptography library, strict as browsers, accepts names, wildcards and addresses."""
        store = Store([self.root.certificate])
        for name in ("www.example.com", "xn--bcher-kva.example"):
            verifier = PolicyBuilder().store(store).time(NOW).build_server_verifier(x509.DNSName(name))
            verifier.verify(self.issue(name), [])
        verifier = PolicyBuilder().store(store).time(NOW).build_server_verifier(x509.DNSName("a.example.com"))
        verifier.verify(self.issue("*.example.com"), [])
        for address in ("192.0.2.1", "2001:db8::1"):
            subject = x509.IPAddress(ipaddress.ip_address(address))
            PolicyBuilder().store(store).time(NOW).build_server_verifier(subject).verify(self.issue(address), [])

    def test_second_opinion_rsa(self) -> None:
        """The same for an RSA authority, with an EC and with an RSA leaf."""
        root = make_root("rsa", NOW_SECONDS)
        builder = PolicyBuilder().store(Store([root.certificate])).time(NOW)
        for kind in ("ec", "rsa"):
            leaf = LeafIssuer(root.certificate, root.key, new_key(kind, "leaf_key_type")).issue(
                ["a.example"], None, NOW_SECONDS
            )
            builder.build_server_verifier(x509.DNSName("a.example")).verify(leaf, [])

    def test_signature(self) -> None:
        """The leaf is issued by the authority directly: names and signature fit."""
        self.issue("a.example").verify_directly_issued_by(self.root.certificate)

    def test_key_identifiers(self) -> None:
        """SKI is the leaf key's; AKI is what the authority calls itself, also if that is no digest of its key."""
        odd = x509.SubjectKeyIdentifier(b"called by another name")
        own = make_root("ec", NOW_SECONDS)
        certificate = (
            x509.CertificateBuilder(own.certificate.subject, own.certificate.subject, own.key.public_key(), 1)
            .not_valid_before(NOW - DAY)
            .not_valid_after(NOW + DAY)
            .add_extension(odd, critical=False)
            .sign(own.key, digest_for(own.key))
        )
        leaf = LeafIssuer(certificate, own.key, self.issuer.key).issue(["a.example"], None, NOW_SECONDS)
        authority = leaf.extensions.get_extension_for_class(x509.AuthorityKeyIdentifier).value
        self.assertEqual(authority.key_identifier, b"called by another name")
        subject = leaf.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value
        self.assertEqual(subject, x509.SubjectKeyIdentifier.from_public_key(self.issuer.key.public_key()))

    def test_authority_without_identifier(self) -> None:
        """An authority that does not call itself anything is named by the digest of its key."""
        own = make_root("ec", NOW_SECONDS)
        certificate = (
            x509.CertificateBuilder(own.certificate.subject, own.certificate.subject, own.key.public_key(), 1)
            .not_valid_before(NOW - DAY)
            .not_valid_after(NOW + DAY)
            .sign(own.key, digest_for(own.key))
        )
        leaf = LeafIssuer(certificate, own.key, self.issuer.key).issue(["a.example"], None, NOW_SECONDS)
        authority = leaf.extensions.get_extension_for_class(x509.AuthorityKeyIdentifier).value
        self.assertEqual(
            authority.key_identifier, x509.SubjectKeyIdentifier.from_public_key(own.key.public_key()).digest
        )

    def test_usage(self) -> None:
        """A leaf is no authority, is for servers only, and says what its kind of key can do."""
        for kind, encipherment in (("ec", False), ("rsa", True)):
            leaf = LeafIssuer(self.root.certificate, self.root.key, new_key(kind, "")).issue(
                ["a.example"], None, NOW_SECONDS
            )
            constraints = leaf.extensions.get_extension_for_class(x509.BasicConstraints)
            self.assertFalse(constraints.value.ca)
            usage = leaf.extensions.get_extension_for_class(x509.KeyUsage)
            self.assertTrue(usage.critical)
            self.assertTrue(usage.value.digital_signature)
            self.assertEqual(usage.value.key_encipherment, encipherment)
            self.assertFalse(usage.value.key_cert_sign)
            purpose = leaf.extensions.get_extension_for_class(x509.ExtendedKeyUsage)
            self.assertFalse(purpose.critical)
            self.assertEqual(list(purpose.value), [ExtendedKeyUsageOID.SERVER_AUTH])

    def test_serial(self) -> None:
        """Serial numbers are random, positive, and have at least 64 and at most 159 bits."""
        serials = {self.issue("a.example").serial_number for _ in range(50)}
        self.assertEqual(len(serials), 50)
        self.assertTrue(all(0 < serial < 1 << 159 for serial in serials))
        self.assertGreater(max(serials).bit_length(), 64)

    def test_validity(self) -> None:
        """It starts two days back, or with the authority, and lasts at most 197 days."""
        old = make_root("ec", NOW_SECONDS - 86400 * 100)
        leaf = LeafIssuer(old.certificate, old.key, self.issuer.key).issue(["a.example"], None, NOW_SECONDS)
        self.assertEqual(leaf.not_valid_before_utc, NOW - 2 * DAY)
        self.assertEqual(leaf.not_valid_after_utc - leaf.not_valid_before_utc, timedelta(days=197, seconds=-1))

    def test_never_outlives_the_authority(self) -> None:
        """It ends with the authority, and begins no earlier."""
        root = made("root", is_authority=True, start=-DAY, end=5 * DAY)
        now = datetime.now(UTC).timestamp()
        leaf = LeafIssuer(root.certificate, root.key, self.issuer.key).issue(["a.example"], None, now)
        self.assertEqual(leaf.not_valid_after_utc, root.certificate.not_valid_after_utc)
        self.assertEqual(leaf.not_valid_before_utc, root.certificate.not_valid_before_utc)

    def test_expired_authority(self) -> None:
        """An authority that expired meanwhile still issues: it is the client that says so."""
        root = made("root", is_authority=True, start=-20 * DAY, end=-10 * DAY)
        leaf = LeafIssuer(root.certificate, root.key, self.issuer.key).issue(
            ["a.example"], None, datetime.now(UTC).timestamp()
        )
        self.assertEqual(self.san(leaf), ["a.example"])

    def test_subject(self) -> None:
        """The common name is the first name; beyond 64 characters there is none, and the other is critical."""
        short, long = self.issue("a.example", "b.example"), self.issue("a" * 60 + ".example.com")
        self.assertEqual(short.subject.get_attributes_for_oid(NameOID.COMMON_NAME)[0].value, "a.example")
        self.assertFalse(short.extensions.get_extension_for_class(x509.SubjectAlternativeName).critical)
        self.assertEqual(list(long.subject), [])
        self.assertTrue(long.extensions.get_extension_for_class(x509.SubjectAlternativeName).critical)
        self.assertEqual(self.san(long), ["a" * 60 + ".example.com"])
        verifier = PolicyBuilder().store(Store([self.root.certificate])).time(NOW)
        verifier.build_server_verifier(x509.DNSName("a" * 60 + ".example.com")).verify(long, [])

    def test_longest_common_name(self) -> None:
        """Exactly 64 characters still are a common name."""
        name = "a" * 56 + ".example"
        self.assertEqual(len(name), 64)
        self.assertEqual(self.issue(name).subject.rfc4514_string(), f"CN={name}")

    def test_international_name(self) -> None:
        """A U-label stands as its A-label, mapped as browsers map it."""
        self.assertEqual(self.san(self.issue("Bücher.example")), ["xn--bcher-kva.example"])

    def test_like(self) -> None:
        """The names of the true certificate are added after those wanted, wildcards included, each once."""
        true = made("x", names=["example.com", "*.example.com", "192.0.2.7", "a.example"])
        self.assertEqual(
            self.san(self.issue("a.example", like=[true.certificate])),
            ["a.example", "example.com", "*.example.com", "192.0.2.7"],
        )

    def test_garbage(self) -> None:
        """Names that cannot stand in a certificate are left out; if none remains it is for C{invalid}."""
        self.assertEqual(self.san(self.issue("a" * 64 + ".example", "", "ok.example")), ["ok.example"])
        self.assertEqual(self.san(self.issue("a..b", "x\0y", "\ud800")), ["invalid"])
        self.assertEqual(self.san(self.issue()), ["invalid"])


class KeyTests(SynchronousTestCase):
    """Keys and digests."""

    def test_kinds(self) -> None:
        """C{ec} is P-256 and C{rsa} has 2048 bits; others are refused by the option's name."""
        key = new_key("ec", "ca_key_type")
        assert isinstance(key, ec.EllipticCurvePrivateKey)
        self.assertEqual(key.curve.name, "secp256r1")
        key = new_key("rsa", "ca_key_type")
        assert isinstance(key, rsa.RSAPrivateKey)
        self.assertEqual(key.key_size, 2048)
        error = self.assertRaises(OptionsError, new_key, "dsa", "ca_key_type")
        self.assertIn("ca_key_type", str(error))

    def test_digests(self) -> None:
        """The digest is as strong as the key."""
        curves: list[tuple[CAKey, str]] = [
            (ec.generate_private_key(ec.SECP256R1()), "sha256"),
            (ec.generate_private_key(ec.SECP384R1()), "sha384"),
            (ec.generate_private_key(ec.SECP521R1()), "sha512"),
        ]
        for key, digest in curves:
            self.assertEqual(digest_for(key).name, digest)
