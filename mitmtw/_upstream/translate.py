"""
The fields of a request where its two sides speak different versions of HTTP (RFC 9113 section 8.3.1, RFC 9112 section
3.2).

The authority that a request names is one thing in two places: C{:authority} in HTTP/2 and Host in HTTP/1. What an addon
wrote into a Host field that was not there before is meant.
"""

from mitmtw._streams.http2_heads import HTTP2RequestHead, http2_fields
from mitmtw._wire.events import Fields, RequestHead
from mitmtw._wire.http2 import joined_cookies
from mitmtw.model import Request

__all__ = ["http1_fields", "http2_head"]

_ORDER = (b":method", b":scheme", b":authority", b":path")
_PRIVATE = frozenset({b"host", b"proxy-authorization"})


def _authority(message: Request, came: RequestHead | None) -> bytes:
    """The authority that the request names."""
    host = message.headers.first(b"host")
    is_new = came is None or came.version != b"HTTP/2.0" or host != came.host
    if host is not None and is_new:
        return host
    if message.raw_authority:
        return message.raw_authority
    if host is not None:
        return host
    literal = f"[{message.host}]" if ":" in message.host else message.host
    default = 443 if message.scheme == "https" else 80
    text = literal if message.port == default else f"{literal}:{message.port}"
    return text.encode("utf-8", "surrogateescape")


def http1_fields(message: Request, came: RequestHead) -> Fields:
    """The fields of a request that came by HTTP/2, for HTTP/1: Host from the authority, one Cookie field."""
    fields = joined_cookies(message.headers.raw)
    authority = _authority(message, came)
    out = [pair for pair in fields if pair[0].lower() != b"host"]
    out.insert(0, (b"Host", authority))
    return out


def http2_head(
    message: Request, framing: int, length: int, came: RequestHead | None, keep_expect: bool
) -> tuple[Fields, frozenset[bytes]]:
    """
    The head of a request for HTTP/2.

    @return: pseudo-fields and fields, and the names that must not be indexed.
    """
    fields = http2_fields(message.headers.raw, framing, length, came.connection if came is not None else frozenset())
    drop = _PRIVATE if keep_expect or came is None or not came.expect else _PRIVATE | {b"expect"}
    values = {
        b":method": message.raw_method,
        b":scheme": message.scheme.encode("ascii", "replace"),
        b":authority": _authority(message, came),
        b":path": message.raw_path or b"/",
    }
    order, never_indexed = _ORDER, frozenset[bytes]()
    if isinstance(came, HTTP2RequestHead):
        never_indexed = came.never_indexed
        if len(came.pseudo) == len(_ORDER):
            order = came.pseudo  # type: ignore[assignment]
    head = [(name, values[name]) for name in order]
    head += [pair for pair in fields if pair[0].lower() not in drop]
    return head, never_indexed
