"""
Servers in threads: Python's C{http.server} with a few paths, and one that speaks whatever bytes a test wants.
"""

import gzip
import hashlib
import socket
import ssl
import threading
import time
from collections.abc import Callable, Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import brotli

__all__ = ["BLOCK", "HTTPOrigin", "RawOrigin", "Talk", "digest_of"]

#: What large bodies are made of; its length is no multiple of any buffer's.
BLOCK = bytes(range(256)) * 251
_PATIENCE = 20.0  # seconds; a peer that is silent for so long is a defect


def digest_of(size: int) -> str:
    """The SHA-256 of C{size} bytes made of L{BLOCK}s."""
    digest = hashlib.sha256()
    for start in range(0, size, len(BLOCK)):
        digest.update(BLOCK[: size - start])
    return digest.hexdigest()


class Talk:
    """One blocking connection, read in heads and bodies."""

    def __init__(self, connection: socket.socket) -> None:
        connection.settimeout(_PATIENCE)
        self.socket = connection
        self.buffer = b""

    @classmethod
    def to(cls, host: str, port: int) -> "Talk":
        """Connect."""
        return cls(socket.create_connection((host, port), _PATIENCE))

    def send(self, data: bytes) -> None:
        """Send all of it."""
        self.socket.sendall(data)

    def read_until(self, end: bytes) -> bytes:
        """Everything up to and with C{end}; less when the connection ends before."""
        while end not in self.buffer:
            data = self.socket.recv(65536)
            if not data:
                data, self.buffer = self.buffer, b""
                return data
            self.buffer += data
        cut = self.buffer.index(end) + len(end)
        data, self.buffer = self.buffer[:cut], self.buffer[cut:]
        return data

    def read_head(self) -> bytes:
        """A head with its empty line; nothing at the end of the connection."""
        return self.read_until(b"\r\n\r\n")

    def read_exactly(self, size: int) -> bytes:
        """C{size} bytes; less when the connection ends before."""
        pieces, left = [self.buffer], size - len(self.buffer)
        while left > 0 and (data := self.socket.recv(65536)):
            pieces.append(data)
            left -= len(data)
        whole = b"".join(pieces)
        self.buffer = whole[size:]
        return whole[:size]

    def read_all(self) -> bytes:
        """Everything up to the end of the connection."""
        while data := self.socket.recv(65536):
            self.buffer += data
        data, self.buffer = self.buffer, b""
        return data

    def half_close(self) -> None:
        """Say that nothing more will be sent."""
        self.socket.shutdown(socket.SHUT_WR)

    def close(self) -> None:
        """Close."""
        self.socket.close()


def _server_context(certificate: Path, alpn: Sequence[str]) -> ssl.SSLContext:
    """A TLS context that shows C{certificate}."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    if alpn:
        context.set_alpn_protocols(alpn)
    return context


class RawOrigin:
    """
    Calls a function with each connection, in a thread of its own.

    @ivar port: where it listens.
    @ivar connections: how many there were.
    @ivar alpn: what was negotiated on each, in TLS.
    """

    def __init__(
        self, answer: Callable[[Talk], None], *, certificate: Path | None = None, host: str = "127.0.0.1",
        alpn: Sequence[str] = (),
    ) -> None:  # fmt: skip
        self._answer = answer
        self._context = _server_context(certificate, alpn) if certificate else None
        self._socket = socket.create_server((host, 0), family=socket.AF_INET6 if ":" in host else socket.AF_INET)
        self._talks: list[Talk] = []
        self._threads: list[threading.Thread] = []
        self.port: int = self._socket.getsockname()[1]
        self.connections = 0
        self.alpn: list[str | None] = []
        self._accepting = threading.Thread(target=self._accept, daemon=True)
        self._accepting.start()

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._socket.accept()
            except OSError:
                return
            self.connections += 1
            thread = threading.Thread(target=self._serve, args=(connection,), daemon=True)
            self._threads.append(thread)
            thread.start()

    def _serve(self, connection: socket.socket) -> None:
        talk = Talk(connection)
        self._talks.append(talk)
        try:
            if self._context is not None:
                connection.settimeout(_PATIENCE)
                secured = self._context.wrap_socket(connection, server_side=True)
                self.alpn.append(secured.selected_alpn_protocol())
                talk.socket = secured
            self._answer(talk)
        except OSError:
            pass  # the peer has gone, which the test sees at its own end
        finally:
            talk.close()

    def stop(self) -> None:
        """Close everything and wait for the threads."""
        self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()
        self._accepting.join(_PATIENCE)
        for talk in self._talks:
            try:
                talk.socket.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
        for thread in self._threads:
            thread.join(_PATIENCE)


class _Paths(BaseHTTPRequestHandler):
    """The paths of an L{HTTPOrigin}."""

    protocol_version = "HTTP/1.1"
    server: "_Server"
    timeout = _PATIENCE

    def setup(self) -> None:
        self.server.connections += 1
        super().setup()

    def log_message(self, format: str, *arguments: object) -> None:
        """Write nothing."""

    def parse_request(self) -> bool:
        understood = super().parse_request()
        if understood:
            self.server.requests.append((self.command, self.path, dict(self.headers.items())))
        return understood

    def do_GET(self) -> None:
        path = self.path
        if path.startswith("/bytes/"):
            self._send_bytes(int(path.removeprefix("/bytes/")))
        elif path.startswith("/chunked/"):
            self._send_chunked(int(path.removeprefix("/chunked/")))
        elif path == "/gzip":
            self._send(gzip.compress(b"packed text"), ("Content-Encoding", "gzip"))
        elif path == "/br":
            self._send(brotli.compress(b"packed text"), ("Content-Encoding", "br"))
        elif path == "/slow":
            time.sleep(1)
            self._send(b"late")
        else:
            self._send(f"{self.command} {path}".encode())

    def do_HEAD(self) -> None:
        self.send_response(200)
        self.send_header("Content-Length", "12345")
        self.end_headers()

    def do_POST(self) -> None:
        """Answer with the size and the digest of what came."""
        digest, size = hashlib.sha256(), 0
        for piece in self._body():
            digest.update(piece)
            size += len(piece)
        self._send(f"{size} {digest.hexdigest()}".encode())

    do_PUT = do_POST  # noqa: N815 - the standard library's name

    def _body(self) -> Any:
        if self.headers.get("Transfer-Encoding", "").lower() == "chunked":
            while size := int(self.rfile.readline(), 16):
                yield self.rfile.read(size)
                self.rfile.readline()
            while self.rfile.readline() not in (b"\r\n", b""):
                pass
            return
        left = int(self.headers.get("Content-Length", "0"))
        while left and (piece := self.rfile.read(min(left, 262144))):
            left -= len(piece)
            yield piece

    def _send(self, body: bytes, *fields: tuple[str, str]) -> None:
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        for name, value in fields:
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def _send_bytes(self, size: int) -> None:
        self.send_response(200)
        self.send_header("Content-Length", str(size))
        self.end_headers()
        for start in range(0, size, len(BLOCK)):
            self.wfile.write(BLOCK[: size - start])

    def _send_chunked(self, size: int) -> None:
        self.send_response(200)
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        for start in range(0, size, len(BLOCK)):
            piece = BLOCK[: size - start]
            self.wfile.write(b"%x\r\n%b\r\n" % (len(piece), piece))
        self.wfile.write(b"0\r\n\r\n")


class _Server(ThreadingHTTPServer):
    """Counts what an L{HTTPOrigin} tells."""

    daemon_threads = True
    block_on_close = False

    def __init__(self, address: tuple[str, int], context: ssl.SSLContext | None) -> None:
        self.address_family = socket.AF_INET6 if ":" in address[0] else socket.AF_INET
        self.connections = 0
        self.requests: list[tuple[str, str, dict[str, str]]] = []
        super().__init__(address, _Paths)
        if context is not None:
            self.socket = context.wrap_socket(self.socket, server_side=True)

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that is gone is the test's own business."""


class HTTPOrigin:
    """
    Python's C{http.server}.

    @ivar port: where it listens.
    """

    def __init__(self, *, certificate: Path | None = None, host: str = "127.0.0.1", alpn: Sequence[str] = ()) -> None:
        self._server = _Server((host, 0), _server_context(certificate, alpn) if certificate else None)
        self.port: int = self._server.server_address[1]
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)
        self._thread.start()

    @property
    def connections(self) -> int:
        """How many connections there were."""
        return self._server.connections

    @property
    def requests(self) -> list[tuple[str, str, dict[str, str]]]:
        """Method, path and fields of each request."""
        return self._server.requests

    def stop(self) -> None:
        """Close."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(_PATIENCE)
