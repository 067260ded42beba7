"""
Names in certificates: text to the form that stands in a subjectAltName, and back.

DNS names follow RFC 5280 section 4.2.1.6 and RFC 9525 section 6.3, internationalised ones IDNA 2008 with the mapping
of UTS 46, as browsers do. Underscores and leading hyphens are kept: servers with such names exist.
"""

import ipaddress
import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Final

import idna
from cryptography import x509
from cryptography.x509.oid import NameOID

__all__ = ["IPAddress", "address_of", "alternative_names", "dns_name", "general_names", "names_of", "wanted_names"]

IPAddress = ipaddress.IPv4Address | ipaddress.IPv6Address

#: A DNS name without its final dot: labels of at most 63 octets (RFC 1035 section 2.3.4), the first one perhaps a
#: wildcard.
_DNS_NAME: Final = re.compile(r"(?:\*\.)?[a-z0-9_-]{1,63}(?:\.[a-z0-9_-]{1,63})*", re.ASCII)
_LONGEST_NAME: Final = 253  # characters; RFC 1035 section 2.3.4, without length octets
#: Names in one certificate; public authorities issue up to 250, and each costs bytes in every handshake.
_MOST_NAMES: Final = 250


def address_of(text: str) -> IPAddress | None:
    """
    Read an IP literal; brackets around IPv6 and a zone (C{%eth0}) are taken off.

    @param text: A host name or IP literal.
    @return: The address, or None if it is no IP literal.
    """
    if text.startswith("[") and text.endswith("]"):
        text = text[1:-1]
    try:
        return ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        return None


def dns_name(text: str) -> str | None:
    """
    Bring a DNS name into the form that stands in a certificate: A-labels, lower case, no final dot.

    @param text: A name with A-labels or U-labels, perhaps with a wildcard as its first label.
    @return: The name, or None if no certificate can be for it (empty or overlong labels, control characters and so on).
    """
    if not text.isascii():
        star, text = ("*.", text[2:]) if text.startswith("*.") else ("", text)
        try:
            text = star + idna.encode(text, uts46=True).decode("ascii")
        except (idna.IDNAError, UnicodeError):
            return None
    text = text.lower().removesuffix(".")
    return text if len(text) <= _LONGEST_NAME and _DNS_NAME.fullmatch(text) else None


def alternative_names(certificate: x509.Certificate) -> Sequence[x509.GeneralName] | None:
    """
    Read the subjectAltName of a certificate that may hold any nonsense.

    @param certificate: Somebody else's certificate.
    @return: Its entries, none of them if they cannot be read; None if the certificate has no such extension.
    """
    try:
        return list(certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value)
    except x509.ExtensionNotFound:
        return None
    except ValueError:
        return []


def names_of(certificate: x509.Certificate) -> Iterator[str]:
    """
    List the DNS names and IP literals that a certificate is for; the common name only where there is no subjectAltName.

    @param certificate: Any certificate, also one whose extensions cannot be read.
    """
    names = alternative_names(certificate)
    if names is None:
        yield from _common_names(certificate)
        return
    for name in names:
        if isinstance(name, x509.DNSName):
            yield name.value
        elif isinstance(name, x509.IPAddress) and isinstance(name.value, IPAddress):
            yield str(name.value)


def _common_names(certificate: x509.Certificate) -> Iterator[str]:
    """
    List the common names of a certificate's subject.

    @param certificate: Any certificate, also one whose subject cannot be read.
    """
    try:
        attributes = certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
    except ValueError:
        return
    for attribute in attributes:
        if isinstance(attribute.value, str):
            yield attribute.value


def wanted_names(names: Sequence[str], like: Sequence[x509.Certificate] | None) -> Iterator[str]:
    """
    List all names that a leaf certificate is to be for, the wanted ones before the copied ones.

    @param names: The names that were asked for.
    @param like: The chain of the true server, its own certificate first; or None.
    """
    yield from names
    if like:
        yield from names_of(like[0])


def general_names(texts: Iterable[str]) -> list[x509.GeneralName]:
    """
    Turn names into the entries of a subjectAltName: each once, in order; what no certificate can be for is left out.

    @param texts: DNS names and IP literals.
    @return: At most 250 entries; empty if nothing remains.
    """
    found: dict[x509.GeneralName, None] = {}
    for text in texts:
        if (address := address_of(text)) is not None:
            found[x509.IPAddress(address)] = None
        elif (name := dns_name(text)) is not None:
            found[x509.DNSName(name)] = None
        if len(found) == _MOST_NAMES:
            break
    return list(found)
