"""
From the head of an HTTP/1 request to a flow: where it goes, by its target and its Host field (RFC 9112 section 3.2).
"""

from typing import TYPE_CHECKING

from mitmtw._wire.events import NO_BODY, RequestHead
from mitmtw.errors import RemoteProtocolError
from mitmtw.model import HTTPFlow, Request

if TYPE_CHECKING:
    from mitmtw._layers.layer import Layer

__all__ = ["read_authority", "read_request"]

_DEFAULT_PORTS = {b"http": 80, b"https": 443}
_MAX_KNOWN = 4096  # authorities remembered; the table is emptied when it is full
_known: dict[tuple[bytes, int], tuple[str, int]] = {}


def read_authority(authority: bytes, default_port: int) -> tuple[str, int]:
    """
    Host and port of C{host}, C{host:port}, C{[v6]} or C{[v6]:port}; the host in lower case, without brackets.

    @param default_port: 0 when the port has to be there.
    @raise RemoteProtocolError: when it is none of these, or holds user information (RFC 9110 section 4.2.4).
    """
    key = (authority, default_port)
    found = _known.get(key)
    if found is None:
        found = _parse_authority(authority, default_port)
        if len(_known) >= _MAX_KNOWN:
            _known.clear()
        if len(authority) <= 256:  # bytes; longer names are not worth keeping
            _known[key] = found
    return found


def _parse_authority(authority: bytes, default_port: int) -> tuple[str, int]:
    """See L{read_authority}."""
    if authority.startswith(b"["):
        host, bracket, port = authority[1:].partition(b"]")
        if not bracket or (port and not port.startswith(b":")):
            raise RemoteProtocolError("the authority has no closing bracket")
        port = port[1:]
    else:
        host, _, port = authority.partition(b":")
    if not host or b"@" in authority or b"/" in authority or b" " in authority or (b":" in port):
        raise RemoteProtocolError("the request's host is not valid")
    if port:
        if not port.isdigit() or not 0 < int(port) < 65536 or len(port) > 5:
            raise RemoteProtocolError("the request's port is not valid")
        number = int(port)
    elif default_port:
        number = default_port
    else:
        raise RemoteProtocolError("the request's target has no port")
    return host.decode("utf-8", "surrogateescape").lower(), number


def read_request(layer: "Layer", head: RequestHead, now: float) -> HTTPFlow:
    """
    The flow of a request that came on C{layer}.

    @raise RemoteProtocolError: when the target is not one that can be served here.
    """
    target = head.target
    first = target[:1]
    if head.method == b"CONNECT":
        scheme, host, port, path = _connect(layer, head)
    elif first == b"/" or target == b"*":
        scheme, host, port, path = _origin(layer, head)
    else:
        scheme, host, port, path = _absolute(layer, head)
    request = Request.of(
        head.method, scheme, host, port, path, target, head.version, head.fields, now, None if head.framing else b""
    )
    client = layer.client
    flow = HTTPFlow(client.client_conn, None, request)
    fixed = layer.target
    if fixed is not None and fixed.is_fixed and not client.proxy.options.keep_host_header:
        default = 443 if fixed.tls else 80
        literal = f"[{fixed.host}]" if ":" in fixed.host else fixed.host
        request.headers["Host"] = literal if fixed.port == default else f"{literal}:{fixed.port}"
    return flow


def _connect(layer: "Layer", head: RequestHead) -> tuple[str, str, int, bytes]:
    """CONNECT: the target is an authority (RFC 9110 section 9.3.6)."""
    if layer.target is not None:
        raise RemoteProtocolError("CONNECT is not served here", 405)
    if head.framing != NO_BODY and head.length != 0:
        raise RemoteProtocolError("CONNECT has no body")
    host, port = read_authority(head.target, 0)
    return "https" if port == 443 else "http", host, port, b""


def _origin(layer: "Layer", head: RequestHead) -> tuple[str, str, int, bytes]:
    """A path, or an asterisk: where it goes is known from the tunnel or the listener."""
    target = layer.target
    if target is None:
        raise RemoteProtocolError("this is a proxy: it serves requests with an absolute URL, and CONNECT")
    if head.target == b"*" and head.method != b"OPTIONS":
        raise RemoteProtocolError("only OPTIONS may have the target *")
    return "https" if target.tls else "http", target.host, target.port, head.target


def _absolute(layer: "Layer", head: RequestHead) -> tuple[str, str, int, bytes]:
    """A URL; a Host field that says otherwise is refused, not repaired."""
    scheme, separator, rest = head.target.partition(b"://")
    scheme = scheme.lower()
    default = _DEFAULT_PORTS.get(scheme, 0)
    if not separator or not default:
        raise RemoteProtocolError("the request's target is neither a path nor an http or https URL")
    slash = rest.find(b"/")
    query = rest.find(b"?")
    if slash < 0 or -1 < query < slash:
        cut = query if query >= 0 else len(rest)
        authority, path = rest[:cut], b"/" + rest[cut:]
        if head.method == b"OPTIONS" and cut == len(rest):
            path = b"*"  # RFC 9112 section 3.2.4: no path means the server as a whole
    else:
        authority, path = rest[:slash], rest[slash:]
    host, port = read_authority(authority, default)
    if head.host is not None and head.host != authority and read_authority(head.host, default) != (host, port):
        raise RemoteProtocolError("the Host field and the request's URL name different hosts")
    target = layer.target
    if target is not None:  # inside a tunnel, or behind a listener with a fixed target, the connection decides
        return "https" if target.tls else "http", target.host, target.port, path
    return scheme.decode("ascii"), host, port, path
