"""Verification of servers: names and sentences, without connections."""

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtensionOID
from OpenSSL import SSL
from OpenSSL.crypto import FILETYPE_ASN1, X509, load_certificate
from twisted.trial.unittest import SynchronousTestCase

from mitmtw._tls.verify import Verification
from tests._tls.certificates import DAY, Made, made

CODES = SSL.X509VerificationCodes


def openssl(one: Made) -> X509:
    """The certificate as OpenSSL's callback gives it."""
    return load_certificate(FILETYPE_ASN1, one.certificate.public_bytes(Encoding.DER))


class NameTests(SynchronousTestCase):
    """The name check."""

    def outcome(self, name: str, one: Made) -> str | None:
        """Judge a certificate whose chain is good: the sentence, or None."""
        verification = Verification(name)
        is_good = verification.judge(openssl(one), 0, 0, True)
        self.assertEqual(is_good, verification.passed)
        self.assertEqual(is_good, verification.rejection is None)
        return None if verification.rejection is None else str(verification.rejection)

    def test_matches(self) -> None:
        """Exact names, any case, a final dot, wildcards for one label, U-labels, addresses."""
        one = made("x", names=["a.example", "*.w.example", "xn--bcher-kva.example", "192.0.2.1", "2001:db8::1"])
        names = (
            "a.example",
            "A.Example.",
            "b.w.example",
            "bücher.example",
            "192.0.2.1",
            "[2001:DB8::1]",
            "2001:db8:0::1",
        )
        for name in names:
            self.assertIsNone(self.outcome(name, one), name)

    def test_mismatches(self) -> None:
        """Other names, deeper or no labels under a wildcard, addresses not listed as addresses."""
        one = made("x", names=["a.example", "*.w.example", "192.0.2.1"])
        for name in ("b.example", "w.example", "a.b.w.example", "xa.example", "192.0.2.2", "2001:db8::1"):
            told = self.outcome(name, one)
            self.assertEqual(
                told, f"the certificate of {name} is for a.example, *.w.example, 192.0.2.1, not for {name}"
            )

    def test_address_is_no_name(self) -> None:
        """An address written as a DNS name does not count (RFC 9525 section 4.2); neither does a wildcard for it."""
        one = made(
            "x",
            extensions=[(x509.SubjectAlternativeName([x509.DNSName("192.0.2.1"), x509.DNSName("*.0.2.1")]), False)],
            names=[],
        )
        self.assertIn("not for 192.0.2.1", self.outcome("192.0.2.1", one) or "")

    def test_common_name_is_no_name(self) -> None:
        """A certificate without alternative names is for nobody, whatever its common name says."""
        told = self.outcome("a.example", made("a.example", names=[]))
        self.assertEqual(
            told, "the certificate of a.example names no host at all: it has no subjectAltName, only CN=a.example"
        )

    def test_malformed_entry_spoils_no_other(self) -> None:
        """One entry with an odd wildcard does not make the others useless, and matches nothing itself."""
        one = made("x", names=["f*o.example", "*.*.example", "a.example"])
        self.assertIsNone(self.outcome("a.example", one))
        self.assertIsNotNone(self.outcome("foo.example", one))
        self.assertIsNotNone(self.outcome("a.b.example", one))

    def test_malformed_extension(self) -> None:
        """A subjectAltName that cannot be read rejects; it does not raise."""
        broken = x509.UnrecognizedExtension(ExtensionOID.SUBJECT_ALTERNATIVE_NAME, b"\x30\x03\x82\x01\xff")
        one = made("a.example", names=[], extensions=[(broken, False)])
        self.assertIn("is for no host at all, not for a.example", self.outcome("a.example", one) or "")

    def test_name_that_cannot_be(self) -> None:
        """A wanted name that no certificate can be for is rejected, with no certificate at all matching it."""
        one = made("x", names=["a.example", "*.example"])
        for name in ("", "*.example", "a..b", "a\nb"):
            told = self.outcome(name, one)
            self.assertIn("is no name that a certificate can be verified for", told or "")
            self.assertNotIn("\n", told or "")

    def test_many_names(self) -> None:
        """Only the first names are listed, and hostile ones are cut and cleaned."""
        one = made("x", names=["a.example", "b.example", "c.example", "d.example", "e.example"])
        self.assertIn(
            "is for a.example, b.example, c.example and 2 more, not for x.example", self.outcome("x.example", one) or ""
        )
        one = made("x", names=["evil\r\nInjected: yes" + "x" * 200])
        told = self.outcome("x.example", one) or ""
        self.assertNotIn("\r", told)
        self.assertNotIn("\n", told)
        self.assertLess(len(told), 200)


class ChainTests(SynchronousTestCase):
    """What OpenSSL finds wrong, in words."""

    def told(self, one: Made, error: int, depth: int = 0) -> str:
        verification = Verification("a.example")
        self.assertFalse(verification.judge(openssl(one), error, depth, False))
        self.assertFalse(verification.passed)
        return str(verification.rejection)

    def test_dates(self) -> None:
        """Expired and not valid yet, with the moment; the issuer's certificate is named if it is that."""
        old, new = made("a.example", start=-9 * DAY, end=-2 * DAY), made("a.example", start=2 * DAY)
        moment = f"{old.certificate.not_valid_after_utc:%Y-%m-%d %H:%M:%S} UTC"
        told = self.told(old, CODES.ERR_CERT_HAS_EXPIRED)
        self.assertEqual(
            told, f"the certificate of a.example has expired (notAfter {moment}) [X509_V_ERR_CERT_HAS_EXPIRED]"
        )
        moment = f"{new.certificate.not_valid_before_utc:%Y-%m-%d %H:%M:%S} UTC"
        told = self.told(new, CODES.ERR_CERT_NOT_YET_VALID)
        self.assertIn(f"the certificate of a.example is not valid yet (notBefore {moment})", told)
        issuer = made("Old CA", is_authority=True, start=-9 * DAY, end=-2 * DAY)
        told = self.told(issuer, CODES.ERR_CERT_HAS_EXPIRED, 1)
        self.assertIn("cannot be trusted: the certificate of its issuer CN=Old CA has expired", told)

    def test_trust(self) -> None:
        """Self-signed, unknown root, unknown issuer."""
        root = made("Some CA", is_authority=True)
        self.assertIn(
            "is self-signed (CN=a.example)", self.told(made("a.example"), CODES.ERR_DEPTH_ZERO_SELF_SIGNED_CERT)
        )
        told = self.told(root, CODES.ERR_SELF_SIGNED_CERT_IN_CHAIN, 1)
        self.assertIn("the certificate of a.example comes from an unknown root, the self-signed CN=Some CA", told)
        told = self.told(made("a.example", root), CODES.ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY)
        self.assertIn("comes from an unknown issuer, CN=Some CA, or the server does not send", told)
        told = self.told(made("Middle", root, is_authority=True), CODES.ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY, 1)
        self.assertIn("comes from an unknown issuer, CN=Some CA [", told)

    def test_others(self) -> None:
        """Other errors, those that pyOpenSSL has no name for, and those that nobody knows yet."""
        one = made("a.example")
        self.assertIn(
            "its signature is wrong [X509_V_ERR_CERT_SIGNATURE_FAILURE]",
            self.told(one, CODES.ERR_CERT_SIGNATURE_FAILURE),
        )
        self.assertIn("its key is too short to be secure [X509_V_ERR_EE_KEY_TOO_SMALL]", self.told(one, 66))
        self.assertIn("OpenSSL refuses it [X509_V_ERR number 9999]", self.told(one, 9999))

    def test_first_reason_stays(self) -> None:
        """The first thing that is wrong is what is told, and nothing later makes it good."""
        verification = Verification("a.example")
        verification.judge(openssl(made("x")), CODES.ERR_CERT_HAS_EXPIRED, 0, False)
        verification.judge(openssl(made("a.example")), 0, 0, True)
        self.assertIn("has expired", str(verification.rejection))
        self.assertFalse(verification.passed)

    def test_issuers_have_no_name(self) -> None:
        """Certificates above the server's own are not compared with the name, and do not suffice."""
        verification = Verification("a.example")
        self.assertTrue(verification.judge(openssl(made("Some CA", is_authority=True)), 0, 1, True))
        self.assertFalse(verification.passed)
        self.assertIsNone(verification.rejection)
