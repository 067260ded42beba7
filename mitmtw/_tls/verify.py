"""
Verification of a server's certificate, and the sentence that tells what is wrong with it.

The chain is OpenSSL's business; the name (RFC 9525) is compared by service_identity, within OpenSSL's verification
callback. So a wrong name fails the handshake like a wrong chain does: the server gets an alert, and neither our client
certificate nor a byte of plaintext.
"""

from collections.abc import Iterable
from datetime import datetime
from typing import Final

from cryptography import x509
from OpenSSL import SSL
from OpenSSL.crypto import X509
from service_identity import CertificateError, VerificationError
from service_identity.hazmat import (
    DNS_ID,
    CertificatePattern,
    DNSPattern,
    IPAddress_ID,
    IPAddressPattern,
    verify_service_identity,
)

from mitmtw._tls.names import IPAddress, address_of, alternative_names, dns_name, names_of
from mitmtw.errors import CertificateRejected

__all__ = ["Verification", "verify_callback"]

_CODES: Final = SSL.X509VerificationCodes
_SELF_SIGNED: Final = _CODES.ERR_DEPTH_ZERO_SELF_SIGNED_CERT
_UNKNOWN_ROOT: Final = _CODES.ERR_SELF_SIGNED_CERT_IN_CHAIN
_UNKNOWN_ISSUER: Final = frozenset(
    (
        _CODES.ERR_UNABLE_TO_GET_ISSUER_CERT,
        _CODES.ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY,
        _CODES.ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE,
    )
)

#: The constants of OpenSSL's x509_vfy.h: those that pyOpenSSL knows, and newer ones that users meet.
_CONSTANTS: Final = {number: name for name, number in vars(_CODES).items() if name.startswith("ERR_")} | {
    66: "ERR_EE_KEY_TOO_SMALL",
    67: "ERR_CA_KEY_TOO_SMALL",
    68: "ERR_CA_MD_TOO_WEAK",
    79: "ERR_INVALID_CA",
    94: "ERR_CA_CERT_MISSING_KEY_USAGE",
}

#: What other errors are in words.
_WORDS: Final = {
    "ERR_CERT_SIGNATURE_FAILURE": "its signature is wrong",
    "ERR_CERT_REVOKED": "it was revoked",
    "ERR_CERT_UNTRUSTED": "it is marked as not trusted",
    "ERR_CERT_REJECTED": "it is marked as rejected",
    "ERR_INVALID_CA": "it is used to issue others but is no certificate authority's",
    "ERR_CA_CERT_MISSING_KEY_USAGE": "it may not issue others",
    "ERR_INVALID_PURPOSE": "it may not be used by a TLS server",
    "ERR_PATH_LENGTH_EXCEEDED": "the chain of issuers is longer than one of them allows",
    "ERR_CERT_CHAIN_TOO_LONG": "the chain of issuers is too long",
    "ERR_EE_KEY_TOO_SMALL": "its key is too short to be secure",
    "ERR_CA_KEY_TOO_SMALL": "its key is too short to be secure",
    "ERR_CA_MD_TOO_WEAK": "it is signed with a digest that is broken",
}

_MOST_SHOWN: Final = 3  # names of a certificate in a sentence
_LONGEST_SHOWN: Final = 100  # characters of text from a certificate in a sentence


class Verification:
    """
    The verification of one connection's server.

    @ivar name: The DNS name or IP literal that the certificate must be for.
    @ivar rejection: Why the certificate was not accepted, or None.
    @ivar passed: Whether chain and name were found good.
    """

    __slots__ = ("name", "passed", "rejection")

    def __init__(self, name: str) -> None:
        self.name = name
        self.passed = False
        self.rejection: CertificateRejected | None = None

    def judge(self, certificate: X509, error: int, depth: int, is_good: bool) -> bool:
        """
        Hear OpenSSL's opinion on one certificate of the chain, and compare the name if it is the server's own.

        @param certificate: The certificate.
        @param error: OpenSSL's number of what is wrong with it.
        @param depth: Its place in the chain; 0 is the server's own.
        @param is_good: Whether OpenSSL found nothing wrong.
        @return: Whether to go on.
        """
        sentence = None
        try:
            if not is_good:
                sentence = _chain_sentence(self.name, certificate.to_cryptography(), error, depth)
            elif depth == 0:
                sentence = _name_sentence(self.name, certificate.to_cryptography())
                self.passed = sentence is None and self.rejection is None
        except ValueError as problem:  # OpenSSL reads certificates that the stricter library does not
            sentence = f"the certificate of {self.name} is malformed: {_shown(str(problem))}"
        if sentence is not None and self.rejection is None:
            self.passed = False
            self.rejection = CertificateRejected(sentence)
        return sentence is None


def verify_callback(connection: SSL.Connection, certificate: X509, error: int, depth: int, is_good: int) -> bool:
    """
    OpenSSL's verification callback of all client contexts: contexts are shared, so it asks the connection's own
    L{Verification}.

    @param connection: A connection whose application data has an attribute C{verification}.
    @param certificate: The certificate that OpenSSL looks at.
    @param error: What is wrong with it.
    @param depth: Its place in the chain.
    @param is_good: 1 if nothing is wrong.
    """
    verification: Verification = connection.get_app_data().verification
    return verification.judge(certificate, error, depth, bool(is_good))


def _name_sentence(name: str, certificate: x509.Certificate) -> str | None:
    """
    Compare a name with those that a certificate is for.

    @param name: The DNS name or IP literal wanted.
    @param certificate: The server's certificate.
    @return: What is wrong, or None.
    """
    address = address_of(name)
    wanted = dns_name(name) if address is None else None
    if address is None and (wanted is None or "*" in wanted):
        return f"{_shown(name)!r} is no name that a certificate can be verified for"
    entries = alternative_names(certificate)
    if entries is None:
        subject = _named(certificate.subject)
        return f"the certificate of {name} names no host at all: it has no subjectAltName, only {subject}"
    identity = IPAddress_ID(str(address)) if wanted is None else DNS_ID(wanted)
    try:
        verify_service_identity(list(_patterns(entries)), [identity], [])
    except (VerificationError, CertificateError):  # the second if no entry is left to compare with
        return f"the certificate of {name} is for {_listed(list(names_of(certificate)))}, not for {name}"
    return None


def _patterns(entries: Iterable[x509.GeneralName]) -> Iterable[CertificatePattern]:
    """
    Make patterns of the entries that can match; one that is malformed matches nothing and spoils no other.

    @param entries: The entries of a subjectAltName.
    """
    for entry in entries:
        try:
            if isinstance(entry, x509.DNSName):
                yield DNSPattern.from_bytes(entry.value.encode("utf-8"))
            elif isinstance(entry, x509.IPAddress) and isinstance(entry.value, IPAddress):
                yield IPAddressPattern.from_bytes(entry.value.packed)
        except CertificateError:
            continue


def _chain_sentence(name: str, certificate: x509.Certificate, error: int, depth: int) -> str:
    """
    Tell what OpenSSL found wrong.

    @param name: The server's name.
    @param certificate: The certificate that is wrong.
    @param error: OpenSSL's number.
    @param depth: The certificate's place in the chain.
    """
    constant = _CONSTANTS.get(error, f"ERR number {error}")
    whose = f"the certificate of {name}"
    if depth > 0:
        issuer = "the certificate of its issuer " + _named(certificate.subject)
        it, own = f"{whose} cannot be trusted: {issuer}", False
    else:
        it, own = whose, True
    if error == _CODES.ERR_CERT_HAS_EXPIRED:
        text = f"{it} has expired (notAfter {_date(certificate.not_valid_after_utc)})"
    elif error == _CODES.ERR_CERT_NOT_YET_VALID:
        text = f"{it} is not valid yet (notBefore {_date(certificate.not_valid_before_utc)})"
    elif error == _SELF_SIGNED:
        text = f"{whose} is self-signed ({_named(certificate.subject)})"
    elif error == _UNKNOWN_ROOT:
        text = f"{whose} comes from an unknown root, the self-signed {_named(certificate.subject)}"
    elif error in _UNKNOWN_ISSUER:
        text = f"{whose} comes from an unknown issuer, {_named(certificate.issuer)}"
        if own:
            text += ", or the server does not send its intermediate certificates"
    else:
        text = f"{it} is not accepted: {_WORDS.get(constant, 'OpenSSL refuses it')}"
    return f"{text} [X509_V_{constant}]"


def _named(name: x509.Name) -> str:
    """
    Show a subject or issuer.

    @param name: The name.
    """
    return _shown(name.rfc4514_string()) or "somebody without a name"


def _listed(names: list[str]) -> str:
    """
    Show the first names of a list.

    @param names: Names from a certificate.
    """
    shown = ", ".join(_shown(name) for name in names[:_MOST_SHOWN]) or "no host at all"
    more = len(names) - _MOST_SHOWN
    return f"{shown} and {more} more" if more > 0 else shown


def _shown(text: str) -> str:
    """
    Make text from a certificate fit for a log line: short, without control characters.

    @param text: Any text.
    """
    clean = "".join(character if character.isprintable() else "?" for character in text)
    return clean if len(clean) <= _LONGEST_SHOWN else clean[: _LONGEST_SHOWN - 1] + "…"


def _date(moment: datetime) -> str:
    """
    Show a moment.

    @param moment: In UTC.
    """
    return f"{moment:%Y-%m-%d %H:%M:%S} UTC"
