"""PEM files with a key and certificates."""

from pathlib import Path

from cryptography.hazmat.primitives.asymmetric import ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from twisted.trial.unittest import SynchronousTestCase

from mitmtw._tls.bundle import parse_bundle, read_bundle
from mitmtw.errors import AuthorityError
from tests._tls.certificates import made


class BundleTests(SynchronousTestCase):
    """Parsing and its refusals."""

    def refused(self, sentence: str, content: bytes, passphrase: str | None = None, option: str = "the_option") -> None:
        error = self.assertRaises(AuthorityError, parse_bundle, content, "the/file", passphrase, option)
        self.assertIn("the/file", str(error))
        self.assertIn(sentence, str(error))
        self.assertNotIn("\n", str(error))

    def test_any_order(self) -> None:
        """Key first or last, other certificates before or after: the certificate is the one the key belongs to."""
        root, own = made("root", is_authority=True), made("own")
        key = own.pem().partition(b"-----BEGIN CERT")[0]
        for content in (
            own.pem(root),
            b"text before\n" + root.certificate_pem() + own.certificate_pem() + key,
            root.certificate_pem() + key + own.certificate_pem(),
        ):
            bundle = parse_bundle(content, "the/file", None, "")
            self.assertEqual(bundle.certificate, own.certificate)
            self.assertEqual(bundle.others, (root.certificate,))

    def test_key_formats(self) -> None:
        """PKCS #8 and OpenSSL's older form are read, RSA and EC; encrypted ones with their passphrase."""
        for key in (None, rsa.generate_private_key(public_exponent=65537, key_size=2048)):
            one = made("own", key=key)
            for form in (PrivateFormat.PKCS8, PrivateFormat.TraditionalOpenSSL):
                self.assertEqual(parse_bundle(one.pem(key_format=form), "", None, "").others, ())
                locked = one.pem(passphrase=b"s3cret", key_format=form)
                self.assertEqual(parse_bundle(locked, "", "s3cret", "").certificate, one.certificate)
                self.refused("is encrypted: give its passphrase by the option the_option", locked)
                self.refused("is the passphrase right?", locked, "wrong")
                self.refused("is encrypted: decrypt it first", locked, None, "")

    def test_passphrase_not_needed(self) -> None:
        """A passphrase for a key that is not encrypted does no harm."""
        one = made("own")
        self.assertEqual(parse_bundle(one.pem(), "", "s3cret", "").certificate, one.certificate)

    def test_refused(self) -> None:
        """What lacks a part, or holds garbage, is refused in one sentence."""
        one, other = made("own"), made("other")
        key = one.pem().partition(b"-----BEGIN CERT")[0]
        self.refused("holds no private key", one.certificate_pem())
        self.refused("holds no private key", b"")
        self.refused("holds no certificate", key)
        self.refused("belongs to none of the certificates", key + other.certificate_pem())
        garbage = b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"
        self.refused("a certificate in the/file cannot be read", key + garbage)
        self.refused("cannot be read", b"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n")
        edwards = ed25519.Ed25519PrivateKey.generate().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        self.refused("neither RSA nor EC", edwards + one.certificate_pem())

    def test_files(self) -> None:
        """A file is read; one that cannot be is an error of ours."""
        path = Path(self.mktemp())
        error = self.assertRaises(AuthorityError, read_bundle, path, None, "")
        self.assertIn("cannot be read: No such file", str(error))
        one = made("own")
        self.assertEqual(read_bundle(one.save(path), None, "").certificate, one.certificate)
