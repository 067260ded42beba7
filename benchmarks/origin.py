"""
The origin server of a benchmark: nginx where it is installed, else a small one of our own. One process, two ports.

C{python -m benchmarks.origin PORT TLS_PORT CERTIFICATE} is the latter.
"""

import asyncio
import shutil
import socket
import ssl
import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID
from typing_extensions import override

__all__ = ["ANSWER", "BODY", "HOST", "Origin", "free_port", "wait_for"]

HOST = "localhost"
BODY = b"0123456789abcdef" * 64  # 1 KiB
# What a common server of web applications sends.
_FIELDS = (
    ("Content-Type", "text/html; charset=utf-8"),
    ("Cache-Control", "private, max-age=0, must-revalidate"),
    ("ETag", '"5f3e1c2a-400"'),
    ("Last-Modified", "Mon, 02 Nov 2026 08:15:30 GMT"),
    ("Vary", "Accept-Encoding, Cookie"),
    ("X-Content-Type-Options", "nosniff"),
    ("X-Frame-Options", "SAMEORIGIN"),
    ("Strict-Transport-Security", "max-age=31536000"),
    ("X-Request-Id", "4c0a1f52-83f4-4f0c-9c2f-6d1b7e0a9d11"),
)
ANSWER = b"".join(
    [
        b"HTTP/1.1 200 OK\r\nServer: origin\r\nDate: Mon, 02 Nov 2026 08:15:30 GMT\r\n",
        *(f"{name}: {value}\r\n".encode() for name, value in _FIELDS),
        b"Content-Length: %d\r\n\r\n" % len(BODY),
        BODY,
    ]
)

_NGINX = """
worker_processes 1;
daemon off;
pid {folder}/nginx.pid;
error_log {folder}/error.log crit;
events {{ worker_connections 1024; }}
http {{
    access_log off;
    keepalive_requests 100000000;
    keepalive_timeout 600;
    client_body_temp_path {folder}/a; proxy_temp_path {folder}/b; fastcgi_temp_path {folder}/c;
    uwsgi_temp_path {folder}/d; scgi_temp_path {folder}/e;
    ssl_certificate {certificate};
    ssl_certificate_key {certificate};
    server {{
        listen 127.0.0.1:{port};
        listen 127.0.0.1:{tls_port} ssl;
        {fields}
        default_type text/html;
        location / {{ return 200 "{body}"; }}
    }}
}}
"""


def free_port() -> int:
    """A TCP port on 127.0.0.1 that nobody listens on at the moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_for(port: int, process: "subprocess.Popen[bytes]", seconds: float = 30) -> None:
    """
    Wait until somebody listens on a port.

    @raise RuntimeError: the process has ended, or it takes too long.
    """
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        if process.poll() is not None:
            raise RuntimeError(f"{process.args!r} has ended with status {process.returncode}")
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
            return
        except OSError:
            time.sleep(0.05)
    raise RuntimeError(f"{process.args!r} does not listen on port {port}")


class Origin:
    """
    A running origin server.

    @ivar port: where it speaks HTTP.
    @ivar tls_port: where it speaks it in TLS.
    @ivar root: the PEM file with the certificate that issued its own.
    """

    def __init__(self, folder: Path, varied: bool = False) -> None:
        """@param varied: let a field of each answer differ from the one before; only nginx can."""
        self._varied = varied
        self.port = free_port()
        self.tls_port = free_port()
        self.root = folder / "root.pem"
        certificate = folder / "origin.pem"
        _issue(self.root, certificate)
        nginx = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin:/usr/local/sbin")
        if nginx:
            command = [nginx, "-p", str(folder), "-c", str(self._configure(folder, certificate))]
        else:
            command = [sys.executable, "-m", "benchmarks.origin", str(self.port), str(self.tls_port), str(certificate)]
        self._process = subprocess.Popen(command, stderr=subprocess.DEVNULL)
        wait_for(self.port, self._process)
        wait_for(self.tls_port, self._process)

    def _configure(self, folder: Path, certificate: Path) -> Path:
        """Write nginx's configuration."""
        path = folder / "nginx.conf"
        fields = "\n        ".join(
            f"add_header {name} '{'$request_id' if self._varied and name == 'X-Request-Id' else value}';"
            for name, value in _FIELDS
            if name != "Content-Type"
        )
        text = _NGINX.format(
            folder=folder,
            certificate=certificate,
            port=self.port,
            tls_port=self.tls_port,
            fields=fields,
            body=BODY.decode(),
        )
        path.write_text(text)
        return path

    def stop(self) -> None:
        """End it."""
        self._process.terminate()
        self._process.wait()


def _name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


def _issue(root_path: Path, path: Path) -> None:
    """Make a root that lives for a day, and a certificate of it for L{HOST}; the latter's file holds its key too."""
    keys = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    now = datetime.now(UTC)
    issuer = _name("benchmark root")
    made = []
    for subject, key, is_root in ((issuer, keys[0], True), (_name(HOST), keys[1], False)):
        builder = (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(issuer)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - timedelta(hours=1))
            .not_valid_after(now + timedelta(days=1))
            .add_extension(x509.BasicConstraints(is_root, None), critical=True)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(keys[0].public_key()), critical=False)
        )
        if not is_root:
            builder = builder.add_extension(x509.SubjectAlternativeName([x509.DNSName(HOST)]), critical=False)
        made.append(builder.sign(keys[0], hashes.SHA256()))
    root_path.write_bytes(made[0].public_bytes(Encoding.PEM))
    secret = keys[1].private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    path.write_bytes(made[1].public_bytes(Encoding.PEM) + secret)


class _Answering(asyncio.Protocol):
    """Answers every request head."""

    _held = b""

    @override
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    @override
    def data_received(self, data: bytes) -> None:
        """Requests have no body."""
        *heads, self._held = (self._held + data).split(b"\r\n\r\n")
        self._transport.write(ANSWER * len(heads))


async def _serve(port: int, tls_port: int, certificate: str) -> None:
    """Answer for ever."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    loop = asyncio.get_running_loop()
    await loop.create_server(_Answering, "127.0.0.1", port)
    server = await loop.create_server(_Answering, "127.0.0.1", tls_port, ssl=context)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(_serve(int(sys.argv[1]), int(sys.argv[2]), sys.argv[3]))
