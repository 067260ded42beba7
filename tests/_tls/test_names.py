"""Names in certificates."""

import ipaddress

from cryptography import x509
from cryptography.x509.oid import ExtensionOID
from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from mitmtw._tls.names import address_of, alternative_names, dns_name, general_names, names_of, wanted_names
from tests._tls.certificates import made


class DNSNameTests(SynchronousTestCase):
    """C{dns_name}."""

    def test_accepted(self) -> None:
        """Names as servers have them, in the form that stands in a certificate."""
        for given_name, expected in (
            ("Example.COM", "example.com"),
            ("example.com.", "example.com"),
            ("localhost", "localhost"),
            ("_dmarc.example.com", "_dmarc.example.com"),
            ("-odd-.example.com", "-odd-.example.com"),
            ("*.example.com", "*.example.com"),
            ("*.bücher.example", "*.xn--bcher-kva.example"),
            ("BÜCHER.example", "xn--bcher-kva.example"),
            ("faß.example", "xn--fa-hia.example"),
            ("a" * 63 + ".example", "a" * 63 + ".example"),
        ):
            self.assertEqual(dns_name(given_name), expected)

    def test_refused(self) -> None:
        """What no certificate can be for."""
        longest = ".".join(["a" * 49] * 5) + ".abcd"
        self.assertIsNotNone(dns_name(longest[:253]))
        refused = (
            "",
            ".",
            "a..b",
            ".a",
            "a" * 64,
            longest,
            "a b",
            "a\nb",
            "a\0b",
            "a/b",
            "*",
            "a.*.b",
            "*a.b",
            "a:80",
            "ü" * 64,
            "\ud800",
        )
        for text in refused:
            self.assertIsNone(dns_name(text), repr(text))

    @given(st.text(max_size=80))
    @settings(max_examples=200, deadline=None)
    def test_never_raises(self, text: str) -> None:
        """Any text gives entries that a certificate can hold, or none."""
        for entry in general_names([text]):
            x509.SubjectAlternativeName([entry]).public_bytes()


class AddressTests(SynchronousTestCase):
    """C{address_of}."""

    def test_literals(self) -> None:
        """IPv4, IPv6, with brackets and zone."""
        self.assertEqual(address_of("192.0.2.1"), ipaddress.ip_address("192.0.2.1"))
        self.assertEqual(address_of("[2001:db8::1]"), ipaddress.ip_address("2001:db8::1"))
        self.assertEqual(address_of("fe80::1%eth0"), ipaddress.ip_address("fe80::1"))

    def test_others(self) -> None:
        """Names, and what only looks like an address."""
        for text in ("example.com", "1.2.3", "1.2.3.4.5", "", "[]", "192.0.2.01"):
            self.assertIsNone(address_of(text), text)


class CertificateNamesTests(SynchronousTestCase):
    """Names read from certificates."""

    def test_alternative_names_win(self) -> None:
        """The common name counts only where there is no subjectAltName."""
        self.assertEqual(
            list(names_of(made("cn.example", names=["a.example", "192.0.2.1"]).certificate)), ["a.example", "192.0.2.1"]
        )
        self.assertEqual(list(names_of(made("cn.example", names=[]).certificate)), ["cn.example"])

    def test_malformed(self) -> None:
        """A subjectAltName that cannot be read holds no names; it is not the same as none at all."""
        broken = x509.UnrecognizedExtension(ExtensionOID.SUBJECT_ALTERNATIVE_NAME, b"\x30\x03\x82\x01\xff")
        certificate = made("cn.example", names=[], extensions=[(broken, False)]).certificate
        self.assertEqual(alternative_names(certificate), [])
        self.assertEqual(list(names_of(certificate)), [])
        self.assertIsNone(alternative_names(made("cn.example", names=[]).certificate))

    def test_order_and_number(self) -> None:
        """Wanted names come first; names are taken once; 250 are the most."""
        true = made("x", names=["b.example", "a.example"]).certificate
        self.assertEqual(list(wanted_names(["a.example"], [true])), ["a.example", "b.example", "a.example"])
        self.assertEqual(list(wanted_names(["a.example"], None)), ["a.example"])
        entries = general_names(["a.example", "A.example.", "192.0.2.1", "192.0.2.1"])
        self.assertEqual([str(entry.value) for entry in entries], ["a.example", "192.0.2.1"])
        self.assertEqual(len(general_names(f"h{number}.example" for number in range(300))), 250)
