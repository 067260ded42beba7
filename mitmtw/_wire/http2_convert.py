"""
What changes in the fields of a message between HTTP/1 and HTTP/2 (RFC 9113 sections 8.2.2 and 8.2.3).
"""

from typing import Final

from mitmtw._wire.events import Fields
from mitmtw._wire.fields import CONNECTION, KEEP_ALIVE, PROXY_CONNECTION, TE, TRANSFER_ENCODING, UPGRADE, kind_of

__all__ = ["HOP", "joined_cookies", "split_cookies", "without_hop"]

#: Kinds of fields that are about one connection, and never in HTTP/2.
HOP: Final = frozenset((CONNECTION, PROXY_CONNECTION, KEEP_ALIVE, TRANSFER_ENCODING, UPGRADE))
_NO_NAMES: Final[frozenset[bytes]] = frozenset()


def joined_cookies(fields: Fields) -> Fields:
    """The fields with all Cookie fields as one, at the place of the first, as HTTP/1 needs (RFC 9113 section 8.2.3)."""
    crumbs = [value for name, value in fields if name == b"cookie"]
    if len(crumbs) < 2:
        return fields
    out: Fields = []
    for pair in fields:
        if pair[0] != b"cookie":
            out.append(pair)
        elif crumbs:
            out.append((b"cookie", b"; ".join(crumbs)))
            crumbs = []
    return out


def split_cookies(fields: Fields) -> Fields:
    """The fields with each cookie pair for itself, so that the table keeps those that stay (RFC 9113 section 8.2.3)."""
    out: Fields = []
    for pair in fields:
        if len(pair[0]) == 6 and pair[0].lower() == b"cookie" and b"; " in pair[1]:
            out.extend((b"cookie", crumb) for crumb in pair[1].split(b"; ") if crumb)
        else:
            out.append(pair)
    return out


def without_hop(fields: Fields, nominated: frozenset[bytes] = _NO_NAMES) -> Fields:
    """
    The fields of an HTTP/1 message that HTTP/2 may carry (RFC 9113 section 8.2.2): names in lower case, nothing about
    one connection, of TE only C{trailers}. Host stays, and must say the same as the authority then.

    @param nominated: the lower-case tokens of the Connection field, without those that no Connection field may name.
    """
    out: Fields = []
    for name, value in fields:
        kind = kind_of(name)
        lower = name.lower()
        if kind in HOP or lower in nominated - {b"te"}:
            continue
        if kind == TE:
            if b"trailers" in [element.strip(b" \t").lower() for element in value.split(b",")]:
                out.append((b"te", b"trailers"))
            continue
        out.append((lower, value))
    return out
