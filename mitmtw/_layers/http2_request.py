"""
From the head of an HTTP/2 request to a flow: where it goes, by its pseudo-fields (RFC 9113 section 8.3.1).
"""

from typing import TYPE_CHECKING

from mitmtw._layers.request import read_authority
from mitmtw._streams.http2_heads import VERSION, HTTP2RequestHead
from mitmtw._wire.events import CHUNKED, LENGTH, NO_BODY
from mitmtw._wire.http2 import HeadersReceived
from mitmtw.errors import RemoteProtocolError
from mitmtw.model import HTTPFlow, Request

if TYPE_CHECKING:
    from mitmtw._layers.layer import Layer

__all__ = ["read_http2_head", "read_http2_request"]

_DEFAULT_PORTS = {b"http": 80, b"https": 443}
_NO_NAMES: frozenset[bytes] = frozenset()


def read_http2_head(event: HeadersReceived) -> HTTP2RequestHead:
    """What an exchange wants to know of a request's head."""
    host = None
    expect = False
    for name, value in event.fields:
        if name == b"host":
            host = value
        elif name == b"expect":
            expect = not event.end_stream and value.lower() == b"100-continue"
    if event.end_stream:
        framing, length = NO_BODY, 0
    elif event.length >= 0:
        framing, length = LENGTH, event.length
    else:
        framing, length = CHUNKED, -1
    return HTTP2RequestHead(
        event.method,
        event.path or b"",
        VERSION,
        event.fields,
        framing,
        length,
        True,
        host,
        _NO_NAMES,
        None,
        expect,
        event.never_indexed,
        tuple([name for name, _ in event.pseudo]),
    )


def read_http2_request(layer: "Layer", event: HeadersReceived, head: HTTP2RequestHead, now: float) -> HTTPFlow:
    """
    The flow of a request that came on C{layer}.

    @raise RemoteProtocolError: when it is not one that can be served here.
    """
    if event.method == b"CONNECT":
        raise RemoteProtocolError("CONNECT is not served over HTTP/2 here", 405 if layer.target is not None else 501)
    target, path = layer.target, head.target
    authority = event.authority or head.host or b""
    default = _DEFAULT_PORTS.get(event.scheme or b"", 0)
    if not default:
        raise RemoteProtocolError("the request's scheme is neither http nor https")
    if path == b"*" and event.method != b"OPTIONS":
        raise RemoteProtocolError("only OPTIONS may have the target *")
    host, port = read_authority(authority, default)
    scheme = "https" if default == 443 else "http"
    if target is not None:  # inside a tunnel, or behind a listener with a fixed target, the connection decides
        scheme, host, port = "https" if target.tls else "http", target.host, target.port
    request = Request.of(
        event.method, scheme, host, port, path, path, VERSION, head.fields, now, None if head.framing else b""
    )
    if event.authority is not None:
        request.authority = event.authority
    client = layer.client
    if target is not None and target.is_fixed and not client.proxy.options.keep_host_header:
        literal = f"[{host}]" if ":" in host else host
        request.authority = literal if port == (443 if target.tls else 80) else f"{literal}:{port}"
        if head.host is not None:
            request.headers["host"] = request.authority
    return HTTPFlow(client.client_conn, None, request)
