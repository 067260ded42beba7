"""The authority's own certificate."""

from datetime import UTC, datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID
from twisted.trial.unittest import SynchronousTestCase

from mitmtw._tls.bundle import Bundle
from mitmtw._tls.root import check_root, issuers_to_send, make_root
from mitmtw.errors import AuthorityError, OptionsError
from tests._tls.certificates import DAY, Made, made

NOW = datetime(2026, 11, 23, 12, 0, 0, tzinfo=UTC)


def usage(key_cert_sign: bool) -> x509.KeyUsage:
    """A key usage that differs in one bit only."""
    return x509.KeyUsage(True, False, False, False, False, key_cert_sign, True, False, False)


class MakeTests(SynchronousTestCase):
    """A new authority."""

    def test_form(self) -> None:
        """Self-signed for ten years from two days back; what it may do is critical, and servers only."""
        root = make_root("ec", NOW.timestamp()).certificate
        root.verify_directly_issued_by(root)
        self.assertEqual(root.subject.rfc4514_string(), "O=mitmtw,CN=mitmtw")
        self.assertEqual(root.not_valid_before_utc, NOW - 2 * DAY)
        self.assertEqual(root.not_valid_after_utc - root.not_valid_before_utc, timedelta(days=3650))
        constraints = root.extensions.get_extension_for_class(x509.BasicConstraints)
        self.assertEqual(
            (constraints.critical, constraints.value.ca, constraints.value.path_length), (True, True, None)
        )
        key_usage = root.extensions.get_extension_for_class(x509.KeyUsage)
        self.assertEqual(
            (key_usage.critical, key_usage.value.key_cert_sign, key_usage.value.crl_sign), (True, True, True)
        )
        self.assertFalse(key_usage.value.digital_signature)
        purpose = root.extensions.get_extension_for_class(x509.ExtendedKeyUsage)
        self.assertEqual(list(purpose.value), [ExtendedKeyUsageOID.SERVER_AUTH])
        identifier = root.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value
        self.assertEqual(identifier, x509.SubjectKeyIdentifier.from_public_key(root.public_key()))

    def test_kinds(self) -> None:
        """EC and RSA; others are refused."""
        self.assertIsInstance(make_root("ec", NOW.timestamp()).key, ec.EllipticCurvePrivateKey)
        self.assertIsInstance(make_root("rsa", NOW.timestamp()).key, rsa.RSAPrivateKey)
        self.assertRaises(OptionsError, make_root, "x", NOW.timestamp())

    def test_serials_differ(self) -> None:
        """Two authorities never have the same serial number: browsers refuse that for one name."""
        self.assertNotEqual(
            make_root("ec", NOW.timestamp()).certificate.serial_number,
            make_root("ec", NOW.timestamp()).certificate.serial_number,
        )

    def test_accepts_itself(self) -> None:
        """What is made passes the check, to its last day."""
        root = make_root("ec", NOW.timestamp())
        check_root(root, "the/file", NOW.timestamp())
        check_root(root, "the/file", NOW.timestamp() + 86400 * 3647)
        self.assertRaises(AuthorityError, check_root, root, "the/file", NOW.timestamp() + 86400 * 3649)


class CheckTests(SynchronousTestCase):
    """A user's own authority."""

    def check(self, one: Made) -> None:
        check_root(Bundle(one.key, one.certificate, ()), "the/file", datetime.now(UTC).timestamp())

    def refused(self, sentence: str, one: Made) -> None:
        error = self.assertRaises(AuthorityError, self.check, one)
        self.assertIn("the certificate in the/file", str(error))
        self.assertIn(sentence, str(error))

    def test_accepted(self) -> None:
        """RSA from 2048 bits, EC on the curves that clients know, with or without usages."""
        self.check(made("root", is_authority=True))
        self.check(made("root", is_authority=True, key=ec.generate_private_key(ec.SECP384R1())))
        self.check(made("root", is_authority=True, key=rsa.generate_private_key(public_exponent=65537, key_size=2048)))
        self.check(made("root", is_authority=True, extensions=[(usage(True), True)]))
        any_use = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE])
        self.check(made("root", is_authority=True, extensions=[(any_use, False)]))

    def test_refused(self) -> None:
        """What clients would not accept is refused at once, with the reason."""
        short = rsa.generate_private_key(public_exponent=65537, key_size=1024)
        mail = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.EMAIL_PROTECTION])
        self.refused("basicConstraints", made("leaf"))
        self.refused("keyCertSign", made("root", is_authority=True, extensions=[(usage(False), True)]))
        self.refused("serverAuth", made("root", is_authority=True, extensions=[(mail, False)]))
        self.refused("1024 bits", made("root", is_authority=True, key=short))
        self.refused("secp256k1", made("root", is_authority=True, key=ec.generate_private_key(ec.SECP256K1())))
        self.refused("has expired", made("root", is_authority=True, start=-3 * DAY, end=-DAY))
        self.refused("is not valid yet", made("root", is_authority=True, start=DAY))

    def test_without_constraints(self) -> None:
        """A certificate that says nothing about being an authority is none."""
        key = ec.generate_private_key(ec.SECP256R1())
        name = x509.Name([])
        builder = (
            x509.CertificateBuilder(name, name, key.public_key(), 1)
            .not_valid_before(NOW - DAY)
            .not_valid_after(NOW + DAY)
        )
        self.refused("has no basicConstraints", Made(builder.sign(key, hashes.SHA256()), key))

    def test_issuers_to_send(self) -> None:
        """An intermediate authority is sent along with those above it; roots are not."""
        root = made("root", is_authority=True)
        middle = made("middle", root, is_authority=True)
        low = made("low", middle, is_authority=True)
        self.assertEqual(issuers_to_send(Bundle(root.key, root.certificate, ())), ())
        self.assertEqual(
            issuers_to_send(Bundle(low.key, low.certificate, (middle.certificate, root.certificate))),
            (low.certificate, middle.certificate),
        )
