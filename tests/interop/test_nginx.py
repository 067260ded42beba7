"""
nginx as the server: the pool of kept connections, gzip, chunks, TLS, and the proxy in front of it in reverse mode.
"""

import socket
import subprocess
from pathlib import Path
from typing import Any

from twisted.internet.threads import deferToThread

from tests._tls.certificates import made
from tests.interop.cases import InteropCase
from tests.tools import require_tool

_CONFIG = """
daemon off;
master_process off;
worker_processes 1;
pid {directory}/pid;
error_log {directory}/error.log info;
events {{ worker_connections 256; }}
http {{
    log_format connections '$connection $connection_requests $request_uri $server_port';
    access_log {directory}/access.log connections;
    client_body_temp_path {directory}/body; proxy_temp_path {directory}/proxy; fastcgi_temp_path {directory}/fastcgi;
    uwsgi_temp_path {directory}/uwsgi; scgi_temp_path {directory}/scgi;
    default_type text/plain;
    keepalive_timeout 30s;
    gzip on; gzip_types text/plain; gzip_min_length 100; gzip_http_version 1.1;
    ssl_certificate {certificate}; ssl_certificate_key {certificate};
    server {{
        listen 127.0.0.1:{plain};
        listen 127.0.0.1:{secure} ssl http2;
        root {directory}/root;
        location /hello {{ return 200 "hello $http_host\\n"; }}
        location /moved {{ return 302 /hello; }}
        location /short {{ keepalive_requests 2; return 200 "short\\n"; }}
    }}
}}
"""
_TEXT = b"a line that packs well\n" * 5000


def _free_port() -> int:
    """A port that is free at this moment."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


class Texts:
    """Keeps the decoded bodies of responses."""

    def __init__(self) -> None:
        self.texts: list[str] = []

    def response(self, flow: Any) -> None:
        self.texts.append(flow.response.text)


class NginxTests(InteropCase):
    """A proxy, and nginx behind it."""

    async def setUp(self) -> None:  # type: ignore[override]
        super().setUp()
        program = require_tool(self, "nginx")
        self.curl = require_tool(self, "curl")
        directory = self.directory / "served"
        (directory / "root").mkdir(parents=True)
        (directory / "root" / "large.txt").write_bytes(_TEXT)
        for path in (self.directory, directory, directory / "root"):
            path.chmod(0o755)
        own = made("nginx CA", is_authority=True)
        self.origin_ca.write_bytes(own.certificate_pem())
        certificate = made("localhost", own, names=["localhost", "127.0.0.1"]).save(directory / "nginx.pem")
        self.plain, self.secure = _free_port(), _free_port()
        config = directory / "nginx.conf"
        config.write_text(
            _CONFIG.format(directory=directory, certificate=certificate, plain=self.plain, secure=self.secure)
        )
        self.access_log = directory / "access.log"
        started = self.start_program(
            program, "-p", str(directory), "-c", str(config), "-e", str(directory / "error.log"), name="nginx"
        )
        await deferToThread(_wait_for_port, self.plain, directory / "error.log")
        self.assertTrue(started.pid)

    async def fetch(self, *arguments: str) -> bytes:
        """Run curl, which must succeed."""
        done = await self.run_program(
            self.curl, "-q", "-sS", "--no-progress-meter", "--max-time", "20", "--cacert", self.ca, *arguments
        )
        self.assertEqual((done.returncode, done.stderr), (0, b""))
        return done.stdout

    def logged(self) -> list[tuple[str, str]]:
        """Connection and path of each request that nginx has served."""
        return [(line.split()[0], line.split()[2]) for line in self.access_log.read_text().splitlines()]

    async def test_pool(self) -> None:
        """Clients one after another share one connection to nginx, and a second one at the same time makes a second."""
        await self.start_proxy()
        for _ in range(5):
            await self.fetch("-x", self.url, f"http://127.0.0.1:{self.plain}/hello")
        self.assertEqual(len({connection for connection, _ in self.logged()}), 1)
        for _ in range(3):
            await self.fetch("-x", self.url, f"https://localhost:{self.secure}/hello")
        self.assertEqual(len({connection for connection, _ in self.logged()}), 2)

    async def test_server_closes(self) -> None:
        """Where nginx closes after two requests, none is lost."""
        await self.start_proxy()
        urls = [f"http://127.0.0.1:{self.plain}/short"] * 7
        self.assertEqual(await self.fetch("-x", self.url, *urls), b"short\n" * 7)
        self.assertEqual(len({connection for connection, _ in self.logged()}), 4)

    async def test_restarted(self) -> None:
        """A kept connection that has died meanwhile is replaced."""
        await self.start_proxy(upstream_idle_timeout=30)
        await self.fetch("-x", self.url, f"http://127.0.0.1:{self.plain}/hello")
        await self.fetch("-x", self.url, f"http://127.0.0.1:{self.plain}/short", "-H", "Connection: close")
        body = await self.fetch("-x", self.url, "-d", "x=1", "-o", "-", f"http://127.0.0.1:{self.plain}/hello")
        self.assertEqual(body, f"hello 127.0.0.1:{self.plain}\n".encode())

    async def test_gzip(self) -> None:
        """Packed and chunked by nginx: an addon reads text, the client gets what nginx sent."""
        spy = Texts()
        await self.start_proxy(spy)
        for url in (f"http://127.0.0.1:{self.plain}/large.txt", f"https://localhost:{self.secure}/large.txt"):
            out = await self.fetch("-x", self.url, "--compressed", url, "-D", "head")
            self.assertEqual(out, _TEXT)
            head = (self.directory / "head").read_bytes()
            self.assertIn(b"Content-Encoding: gzip", head)
            self.assertIn(b"Transfer-Encoding: chunked", head)
        self.assertEqual(spy.texts, [_TEXT.decode()] * 2)

    async def test_range(self) -> None:
        """206 with its range."""
        await self.start_proxy(Texts())
        out = await self.fetch(
            "-x", self.url, "-r", "5-9", f"http://127.0.0.1:{self.plain}/large.txt", "-w", "%{http_code}"
        )
        self.assertEqual(out, _TEXT[5:10] + b"206")

    async def test_not_modified(self) -> None:
        """304 has no body, and the connection goes on."""
        await self.start_proxy(Texts())
        url = f"http://127.0.0.1:{self.plain}/large.txt"
        await self.fetch("-x", self.url, url, "-o", "kept", "-R", "--etag-save", "etag")
        arguments = ("-x", self.url, "--etag-compare", "etag", url, "-w", "%{http_code} %{size_download} ")
        out = await self.fetch(
            *arguments, "--next", "-sS", "-x", self.url, f"http://127.0.0.1:{self.plain}/hello", "-w", "%{num_connects}"
        )
        self.assertEqual(out, f"304 0 hello 127.0.0.1:{self.plain}\n0".encode())

    async def test_reverse(self) -> None:
        """In front of nginx: plain and HTTPS clients, the Host field rewritten or kept, a redirect left alone."""
        listeners = [
            f"reverse:http://127.0.0.1:{self.plain}@tcp:0:interface=127.0.0.1",
            f"reverse:https://localhost:{self.secure}@tcp:0:interface=127.0.0.1",
        ]
        await self.start_proxy(listeners=listeners)
        plain, secure = self.ports
        self.assertEqual(
            await self.fetch(f"http://127.0.0.1:{plain}/hello"), f"hello 127.0.0.1:{self.plain}\n".encode()
        )
        self.assertEqual(
            await self.fetch(f"http://127.0.0.1:{secure}/hello"), f"hello localhost:{self.secure}\n".encode()
        )
        self.assertEqual(
            await self.fetch(f"https://localhost:{secure}/hello"), f"hello localhost:{self.secure}\n".encode()
        )
        out = await self.fetch(f"http://127.0.0.1:{plain}/moved", "-o", "moved", "-w", "%{http_code}")
        self.assertEqual(out, b"302")

    async def test_reverse_keeps_host(self) -> None:
        """C{keep_host_header}."""
        listener = f"reverse:http://127.0.0.1:{self.plain}@tcp:0:interface=127.0.0.1"
        await self.start_proxy(listeners=[listener], keep_host_header=True)
        out = await self.fetch(f"http://127.0.0.1:{self.port}/hello", "-H", "Host: shop.example.test")
        self.assertEqual(out, b"hello shop.example.test\n")

    async def test_many_at_once(self) -> None:
        """Sixty transfers at the same time, through TLS on both sides."""
        await self.start_proxy()
        url = f"https://localhost:{self.secure}/large.txt?[1-60]"
        out = await self.fetch(
            "-x", self.url, "-Z", "--parallel-max", "30", url, "-o", "many_#1", "-w", "%{http_code} "
        )
        self.assertEqual(out, b"200 " * 60)
        self.assertEqual({(self.directory / f"many_{n}").read_bytes() == _TEXT for n in range(1, 61)}, {True})
        self.assertEqual(len(self.logged()), 60)


def _wait_for_port(port: int, log: Path) -> None:
    """Block until somebody listens."""
    for _ in range(200):
        try:
            socket.create_connection(("127.0.0.1", port), 0.1).close()
        except OSError:
            subprocess.run(["sleep", "0.05"], check=True)
        else:
            return
    raise AssertionError(log.read_text() if log.exists() else "nginx does not listen")
