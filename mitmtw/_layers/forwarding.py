"""
What a proxy does to a request on its way, beyond what addons do (RFC 9110 section 7.6): very little.
"""

from typing import TYPE_CHECKING

from mitmtw._wire.events import RequestHead
from mitmtw.model import Request, Response

if TYPE_CHECKING:
    from mitmtw._layers.layer import Layer

__all__ = ["answer_here", "wire_request"]

_MAX_FORWARDED = (b"TRACE", b"OPTIONS")  # the methods that Max-Forwards is for (RFC 9110 section 7.6.2)
_SECRET = frozenset({"authorization", "cookie", "proxy-authorization"})


def answer_here(request: Request) -> Response | None:
    """
    The answer to TRACE or OPTIONS with C{Max-Forwards: 0}: we are its final recipient (RFC 9110 section 7.6.2).

    @return: None when the request is to be forwarded.
    """
    if request.raw_method not in _MAX_FORWARDED or request.headers.get("Max-Forwards", "").strip() != "0":
        return None
    if request.method == "OPTIONS":
        return Response.make(200, b"", [(b"Allow", b"GET, HEAD, POST, PUT, DELETE, OPTIONS, TRACE, PATCH, CONNECT")])
    lines = [b" ".join((request.raw_method, request.raw_target, request.http_version.encode("ascii", "replace")))]
    # RFC 9110 section 9.3.8: fields that may hold credentials are left out of what is sent back.
    lines.extend(
        name + b": " + value for name, value in request.headers.raw if name.lower().decode("latin-1") not in _SECRET
    )
    return Response.make(200, b"\r\n".join(lines) + b"\r\n\r\n", [(b"Content-Type", b"message/http")])


def wire_request(request: Request, head: RequestHead | None, layer: "Layer", is_heard: bool) -> Request:
    """
    The request as it goes out: what addons have made of it up to now; what they write later has no effect.

    @param is_heard: whether any addon could write later; without one the request itself is good enough.
    """
    options = layer.client.proxy.options
    max_forwards = request.raw_method in _MAX_FORWARDED and "Max-Forwards" in request.headers
    if not is_heard and not max_forwards and not options.via_header and not options.x_forwarded_for:
        return request
    wire = request.copy()
    if max_forwards:
        hops = wire.headers["Max-Forwards"].strip()
        if hops.isdigit() and int(hops) > 0:
            wire.headers["Max-Forwards"] = str(int(hops) - 1)
    if options.via_header:
        wire.headers.add("Via", "1.1 mitmtw")
    address = layer.client.client_conn.address
    if options.x_forwarded_for and address is not None:
        before = wire.headers.get("X-Forwarded-For")
        wire.headers["X-Forwarded-For"] = f"{before}, {address[0]}" if before else str(address[0])
    return wire
