"""
URLs, authorities and percent-encoding (RFC 3986, RFC 9110 section 4.2, WHATWG URL 5 for forms).

A host stays as it was given: no lower case, no IDNA in either direction.
"""

import re
from collections import deque
from collections.abc import Iterable, Sequence
from urllib.parse import quote as _quote
from urllib.parse import quote_plus, unquote_plus
from urllib.parse import unquote as _unquote

__all__ = [
    "decode_form",
    "default_port",
    "encode_form",
    "hostport",
    "parse",
    "parse_authority",
    "quote",
    "rewrite_form",
    "unparse",
    "unquote",
]

_PORTS = {"http": 80, "https": 443, "ws": 80, "wss": 443, "ftp": 21}

_URL = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*)://([^/?#]*)([^#]*)(?:#.*)?", re.S)

# No control, no blank and no delimiter of RFC 3986 may be in a name; brackets hold an IP literal. An IDN in Unicode is
# welcome.
_AUTHORITY = re.compile(r"(\[[0-9A-Fa-f:.]+(?:%[^\]\s]+)?\]|[^\x00-\x20\x7f:/?#\[\]@\\<>\"^`{|}]+)(?::([0-9]{0,5}))?")

# What may stand in a request target without being encoded: all visible ASCII, so that nothing of the sender's is
# changed.
_VISIBLE = "".join(map(chr, range(0x21, 0x7F)))


def default_port(scheme: str) -> int | None:
    """The port that a URL of this scheme means when it names none; None for a scheme that we do not know."""
    return _PORTS.get(scheme)


def parse_authority(authority: str) -> tuple[str, int | None]:
    """
    Split C{host:port}; brackets of an IP literal are removed, and the port is None when there is none.

    @raise ValueError: that is no authority.
    """
    found = _AUTHORITY.fullmatch(authority)
    if found is None:
        raise ValueError(f"not a host with or without port: {authority!r}")
    host, port = found[1], int(found[2]) if found[2] else None
    if port is not None and not 0 < port < 65536:
        raise ValueError(f"port out of range: {authority!r}")
    return host.removeprefix("[").removesuffix("]"), port


def parse(url: str | bytes) -> tuple[str, str, int, str]:
    """
    Split an absolute URL in scheme, host, port and path with query. User information and fragment are dropped, for
    neither is sent (RFC 9110 sections 4.2.4 and 7.1); what may not stand in a path is percent-encoded.

    @raise ValueError: it is not absolute, has no host, or neither names a port nor has a scheme that implies one.
    """
    text = url.decode("utf-8", "surrogateescape") if isinstance(url, bytes) else url
    found = _URL.fullmatch(text)
    if found is None:
        raise ValueError(f"not an absolute URL: {text!r}")
    scheme = found[1].lower()
    host, port = parse_authority(found[2].rpartition("@")[2])
    if port is None:
        port = default_port(scheme)
        if port is None:
            raise ValueError(f"no port, and {scheme!r} implies none: {text!r}")
    path = found[3] if found[3].startswith("/") else "/" + found[3]
    return scheme, host, port, _quote(path, safe=_VISIBLE, errors="surrogateescape")


def hostport(scheme: str, host: str, port: int) -> str:
    """C{host:port} as in a Host field: the scheme's own port is left out, an IPv6 address stands in brackets."""
    if ":" in host and not host.startswith("["):
        host = f"[{host}]"
    return host if port == default_port(scheme) else f"{host}:{port}"


def unparse(scheme: str, host: str, port: int, path: str = "") -> str:
    """The URL of these parts; the asterisk form has no path."""
    return f"{scheme}://{hostport(scheme, host, port)}{'' if path == '*' else path}"


def quote(text: str, safe: str = "/") -> str:
    """Percent-encode all but letters, digits, C{_.-~} and C{safe}."""
    return _quote(text, safe=safe, errors="surrogateescape")


def unquote(text: str) -> str:
    """Undo L{quote}; what is no UTF-8 becomes surrogates, so that nothing is lost."""
    return _unquote(text, errors="surrogateescape")


def _decode_pair(segment: str) -> tuple[str, str]:
    """One C{name=value} of a form; a name without C{=} has an empty value."""
    name, _, value = segment.partition("=")
    return unquote_plus(name, errors="surrogateescape"), unquote_plus(value, errors="surrogateescape")


def decode_form(text: str) -> list[tuple[str, str]]:
    """The pairs of a query or of an urlencoded form, empty values included."""
    return [_decode_pair(segment) for segment in text.split("&") if segment]


def encode_form(pairs: Iterable[tuple[str, str]]) -> str:
    """
    An urlencoded form of these pairs.

    @raise TypeError: a name or value is not C{str}.
    """
    return "&".join([f"{_plus(name)}={_plus(value)}" for name, value in pairs])


def _plus(text: str) -> str:
    """Encode a name or value for a form."""
    if not isinstance(text, str):
        raise TypeError(f"expected str, got {type(text).__name__}: {text!r}")
    return quote_plus(text, errors="surrogateescape")


def rewrite_form(old: str, pairs: Sequence[tuple[str, str]]) -> str:
    """
    An urlencoded form of these pairs, in which each pair that stood in the old form keeps its old spelling.
    """
    spellings: dict[tuple[str, str], deque[str]] = {}
    for segment in old.split("&"):
        if segment:
            spellings.setdefault(_decode_pair(segment), deque()).append(segment)
    segments = []
    for name, value in pairs:
        kept = spellings.get((name, value))
        segments.append(kept.popleft() if kept else encode_form([(name, value)]))
    return "&".join(segments)
