"""
Builders of flows, for tests of handlers that need one to look at.
"""

from collections.abc import Iterable
from typing import Any

from mitmtw.model import (
    ClientConnection,
    HTTPFlow,
    MessageType,
    Request,
    Response,
    ServerConnection,
    TCPFlow,
    TCPMessage,
    WebSocketFlow,
    WebSocketMessage,
)

__all__ = ["client_conn", "http_flow", "make_request", "make_response", "server_conn", "tcp_flow", "websocket_flow"]

_AT = 1_700_000_000.0  # seconds since the epoch; any moment, always the same


def client_conn(**attributes: Any) -> ClientConnection:
    """A client's connection from 127.0.0.1."""
    conn = ClientConnection(("127.0.0.1", 50000), ("127.0.0.1", 8080), _AT)
    for name, value in attributes.items():
        setattr(conn, name, value)
    return conn


def server_conn(**attributes: Any) -> ServerConnection:
    """A connection to example.com, port 80."""
    conn = ServerConnection(("example.com", 80))
    conn.peername = ("192.0.2.1", 80)
    conn.timestamp_start = _AT
    for name, value in attributes.items():
        setattr(conn, name, value)
    return conn


def make_request(
    method: str = "GET", url: str = "http://example.com/", content: bytes = b"", **headers: str
) -> Request:
    """A request."""
    made = Request.make(method, url, content, {name.replace("_", "-"): value for name, value in headers.items()})
    made.timestamp_start = _AT
    made.timestamp_end = _AT + 0.01
    return made


def make_response(status: int = 200, content: bytes = b"content", **headers: str) -> Response:
    """A response."""
    made = Response.make(status, content, {name.replace("_", "-"): value for name, value in headers.items()})
    made.timestamp_start = _AT + 0.1
    made.timestamp_end = _AT + 0.11
    return made


def http_flow(request: Request | None = None, response: Response | bool | None = None) -> HTTPFlow:
    """
    A flow that is not live.

    @param response: True for an ordinary one.
    """
    answer = make_response() if response is True else (response or None)
    return HTTPFlow(client_conn(), server_conn(), request or make_request(), answer)


def websocket_flow(said: Iterable[tuple[bool, bytes | str]] = ((True, "hello"), (False, "hi"))) -> WebSocketFlow:
    """
    A WebSocket flow that is not live, with its handshake.

    @param said: for each message whether the client said it, and what: C{str} for text, C{bytes} for binary.
    """
    fields = {"connection": "Upgrade", "upgrade": "websocket"}
    key, accept = "dGhlIHNhbXBsZSBub25jZQ==", "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="  # RFC 6455 section 1.3
    asked = make_request("GET", "http://example.com/", b"", **fields, sec_websocket_version="13", sec_websocket_key=key)
    answer = make_response(101, b"", **fields, sec_websocket_accept=accept)
    handshake = HTTPFlow(client_conn(), server_conn(), asked, answer)
    flow = WebSocketFlow(handshake.client_conn, handshake.server_conn, handshake)
    for from_client, content in said:
        kind = MessageType.TEXT if isinstance(content, str) else MessageType.BINARY
        flow.messages.append(WebSocketMessage(kind, from_client, content, _AT + 1))
    return flow


def tcp_flow(said: Iterable[tuple[bool, bytes]] = ((True, b"hello"), (False, b"hi"))) -> TCPFlow:
    """
    A TCP flow that is not live.

    @param said: for each message whether the client said it, and what.
    """
    flow = TCPFlow(client_conn(), server_conn())
    for from_client, content in said:
        flow.messages.append(TCPMessage(from_client, content, _AT + 1))
    return flow
