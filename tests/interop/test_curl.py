"""curl as the client: methods, framings, interim responses, connection reuse, TLS, error pages."""

import json
import socket
import subprocess
from typing import Any

from tests.interop.cases import InteropCase
from tests.interop.origins import Talk, digest_of
from tests.tools import require_tool


class Spy:
    """Keeps what an addon sees of responses."""

    def __init__(self) -> None:
        self.texts: list[str] = []
        self.bodies: list[bytes] = []
        self.flows: list[Any] = []

    def response(self, flow: Any) -> None:
        self.flows.append(flow)
        self.texts.append(flow.response.text)
        self.bodies.append(flow.response.body)


class CurlCase(InteropCase):
    """A test with curl."""

    def setUp(self) -> None:
        super().setUp()
        self.program = require_tool(self, "curl")

    async def curl(self, *arguments: str, stdin: bytes = b"") -> subprocess.CompletedProcess[bytes]:
        """Run curl through the proxy, silent but for errors."""
        fixed = ("-q", "-sS", "--max-time", "25", "-x", self.url, "--cacert", self.ca)
        return await self.run_program(self.program, *fixed, *arguments, stdin=stdin)

    async def fetch(self, *arguments: str, stdin: bytes = b"") -> bytes:
        """Run curl, which must succeed, and give the body."""
        done = await self.curl(*arguments, stdin=stdin)
        self.assertEqual((done.returncode, done.stderr), (0, b""))
        return done.stdout


class PlainTests(CurlCase):
    """Requests with an absolute URL."""

    async def test_get(self) -> None:
        """A plain request goes through, and the origin gets the origin form and no proxy field."""
        origin = self.http_origin()
        await self.start_proxy()
        self.assertEqual(await self.fetch(f"http://127.0.0.1:{origin.port}/a?b"), b"GET /a?b")
        _, _, fields = origin.requests[0]
        self.assertNotIn("Proxy-Connection", fields)
        self.assertEqual(fields["Host"], f"127.0.0.1:{origin.port}")

    async def test_environment(self) -> None:
        """A client that is told of the proxy by its environment."""
        origin = self.http_origin()
        await self.start_proxy()
        environment = {"http_proxy": self.url, "no_proxy": ""}
        url = f"http://127.0.0.1:{origin.port}/e"
        done = await self.run_program(self.program, "-q", "-sS", "-w", " %{remote_port}", url, environment=environment)
        self.assertEqual(done.stdout.decode(), f"GET /e {self.port}")

    async def test_name(self) -> None:
        """A host name is resolved by the system's resolver."""
        origin = self.http_origin()
        await self.start_proxy()
        self.assertEqual(await self.fetch(f"http://localhost:{origin.port}/x"), b"GET /x")

    async def test_ipv6(self) -> None:
        """An IPv6 literal is dialled, and stays in brackets in the Host field."""
        origin = self.http_origin(host="::1")
        await self.start_proxy()
        self.assertEqual(await self.fetch("-g", f"http://[::1]:{origin.port}/six"), b"GET /six")
        self.assertEqual(origin.requests[0][2]["Host"], f"[::1]:{origin.port}")

    async def test_head(self) -> None:
        """HEAD has a Content-Length and no body, and the connection can be used again."""
        origin = self.http_origin()
        await self.start_proxy(Spy())
        url = f"http://127.0.0.1:{origin.port}/"
        second = ("--next", "-sS", "-x", self.url, url, "-w", " %{num_connects}")
        out = await self.fetch("-I", url, "-w", "%{num_connects}", *second)
        self.assertIn(b"Content-Length: 12345\r\n", out)
        self.assertTrue(out.endswith(b"\r\n\r\n1GET / 0"), out)

    async def test_http10(self) -> None:
        """A client of HTTP/1.0 gets an answer that it can read, also when the origin sends chunks."""
        origin = self.http_origin()
        await self.start_proxy()
        out = await self.fetch("-0", f"http://127.0.0.1:{origin.port}/chunked/100000", "-D", "-", "-o", "body")
        self.assertNotIn(b"chunked", out.lower())
        self.assertEqual((self.directory / "body").stat().st_size, 100000)

    async def test_keep_alive(self) -> None:
        """Three requests take one connection to the proxy and one to the origin."""
        origin = self.http_origin()
        await self.start_proxy()
        urls = [f"http://127.0.0.1:{origin.port}/{n}" for n in range(3)]
        out = await self.fetch(*urls, "-w", " %{num_connects}\n")
        self.assertEqual(out, b"GET /0 1\nGET /1 0\nGET /2 0\n")
        self.assertEqual(origin.connections, 1)

    async def test_connect(self) -> None:
        """CONNECT to a plain HTTP port is a tunnel that is looked into."""
        origin = self.http_origin()
        spy = Spy()
        await self.start_proxy(spy)
        self.assertEqual(await self.fetch("-p", f"http://127.0.0.1:{origin.port}/t"), b"GET /t")
        self.assertEqual(spy.texts, ["GET /t"])
        self.assertEqual(spy.flows[0].request.url, f"http://127.0.0.1:{origin.port}/t")


class UploadTests(CurlCase):
    """Request bodies."""

    async def test_expect(self) -> None:
        """A client that waits for 100 gets it, whether or not an addon wants the body, and is not kept waiting."""
        for addons in ((), (Spy(), RequestSpy())):
            with self.subTest(addons=addons):
                origin = self.http_origin()
                await self.start_proxy(*addons)
                expecting = ("-v", "-H", "Expect: 100-continue", "--expect100-timeout", "20", "-d", "x" * 5000)
                done = await self.curl(*expecting, f"http://127.0.0.1:{origin.port}/")
                self.assertEqual(done.stdout.split()[0], b"5000")
                self.assertIn(b"< HTTP/1.1 100 Continue", done.stderr)
                await self.service.stopService()

    async def test_chunked(self) -> None:
        """A chunked upload of unknown length arrives whole."""
        origin = self.http_origin()
        await self.start_proxy()
        out = await self.fetch("-T", "-", f"http://127.0.0.1:{origin.port}/up", stdin=b"z" * 200_000)
        self.assertEqual(out.split()[0], b"200000")
        self.assertEqual(origin.requests[0][2]["Transfer-Encoding"], "chunked")

    async def test_chunked_collected(self) -> None:
        """A chunked upload that an addon collects still goes out whole, and chunked."""
        origin = self.http_origin()
        spy = RequestSpy()
        await self.start_proxy(spy)
        arguments = ("-H", "Transfer-Encoding: chunked", "-d", "y" * 70_000)
        out = await self.fetch(*arguments, f"http://127.0.0.1:{origin.port}/up")
        self.assertEqual(out.split()[0], b"70000")
        self.assertEqual(spy.bodies, [b"y" * 70_000])
        self.assertEqual(origin.requests[0][2]["Transfer-Encoding"], "chunked")

    async def test_redirected_upload(self) -> None:
        """An answer before the body was read ends the upload, not the client."""

        def refuse(talk: Talk) -> None:
            talk.read_head()
            talk.send(b"HTTP/1.1 403 No\r\nContent-Length: 2\r\nConnection: close\r\n\r\nno")
            talk.read_all()

        origin = self.raw_origin(refuse)
        await self.start_proxy()
        (self.directory / "large").write_bytes(b"q" * 3_000_000)
        done = await self.curl("-T", "large", f"http://127.0.0.1:{origin.port}/", "-w", "%{http_code}", "-H", "Expect:")
        self.assertEqual(done.stdout, b"no403", done.stderr)


class RequestSpy:
    """Keeps request bodies."""

    def __init__(self) -> None:
        self.bodies: list[bytes] = []

    def request(self, flow: Any) -> None:
        self.bodies.append(flow.request.body)


class InterimTests(CurlCase):
    """What comes before and after a response's body."""

    async def test_early_hints(self) -> None:
        """103 reaches the client before the final response."""

        def hint(talk: Talk) -> None:
            talk.read_head()
            talk.send(b"HTTP/1.1 103 Early Hints\r\nLink: </a.css>; rel=preload\r\n\r\n")
            talk.send(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi")

        origin = self.raw_origin(hint)
        await self.start_proxy(Spy())
        out = await self.fetch("-i", f"http://127.0.0.1:{origin.port}/")
        hint_head = b"HTTP/1.1 103 Early Hints\r\nLink: </a.css>; rel=preload\r\n\r\n"
        self.assertTrue(out.startswith(hint_head + b"HTTP/1.1 200 OK\r\n"), out)
        self.assertTrue(out.endswith(b"\r\n\r\nhi"))

    async def test_trailers(self) -> None:
        """Trailers reach an addon, and the client, streamed and collected."""

        def answer(talk: Talk) -> None:
            talk.read_head()
            talk.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X-Sum\r\n\r\n")
            talk.send(b"2\r\nhi\r\n0\r\nX-Sum: 7\r\n\r\n")

        spy = Spy()
        for addons in ((), (spy,)):
            with self.subTest(addons=addons):
                origin = self.raw_origin(answer)
                await self.start_proxy(*addons)
                out = await self.fetch("--raw", f"http://127.0.0.1:{origin.port}/", "-D", "head")
                self.assertEqual(out, b"2\r\nhi\r\n0\r\nX-Sum: 7\r\n\r\n")
                self.assertIn(b"Trailer: X-Sum\r\n", (self.directory / "head").read_bytes())
                await self.service.stopService()
        self.assertEqual(spy.flows[0].response.trailers["x-sum"], "7")

    async def test_until_close(self) -> None:
        """A body that lasts until the connection ends arrives whole."""

        def answer(talk: Talk) -> None:
            talk.read_head()
            talk.send(b"HTTP/1.0 200 OK\r\n\r\n" + b"e" * 100_000)

        for addons in ((), (Spy(),)):
            with self.subTest(addons=addons):
                origin = self.raw_origin(answer)
                await self.start_proxy(*addons)
                self.assertEqual(len(await self.fetch(f"http://127.0.0.1:{origin.port}/")), 100_000)
                await self.service.stopService()

    async def test_cut(self) -> None:
        """A body that is cut short is an error for curl too, not a short success."""

        def answer(talk: Talk) -> None:
            talk.read_head()
            talk.send(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nshort")

        origin = self.raw_origin(answer)
        await self.start_proxy()
        done = await self.curl(f"http://127.0.0.1:{origin.port}/")
        self.assertIn(done.returncode, (18, 56))

    async def test_codings(self) -> None:
        """An addon sees gzip and br decoded; on the wire they are as they were."""
        origin = self.http_origin()
        spy = Spy()
        await self.start_proxy(spy)
        for path in ("gzip", "br"):
            raw = await self.fetch("-H", f"Accept-Encoding: {path}", f"http://127.0.0.1:{origin.port}/{path}")
            self.assertEqual(raw, spy.bodies[-1])
            self.assertNotEqual(raw, b"packed text")
        self.assertEqual(spy.texts, ["packed text", "packed text"])
        self.assertEqual(await self.fetch("--compressed", f"http://127.0.0.1:{origin.port}/br"), b"packed text")


class TLSTests(CurlCase):
    """HTTPS, with a certificate of ours towards curl."""

    async def test_get(self) -> None:
        """The client trusts our certificate for a name and for an address, and the addon sees inside."""
        origin = self.http_origin(is_tls=True)
        spy = Spy()
        await self.start_proxy(spy)
        for host in ("localhost", "127.0.0.1"):
            self.assertEqual(await self.fetch(f"https://{host}:{origin.port}/s"), b"GET /s")
        self.assertEqual(spy.texts, ["GET /s"] * 2)
        self.assertEqual(spy.flows[0].request.scheme, "https")

    async def test_ipv6(self) -> None:
        """An IPv6 literal is verified as an address on both sides."""
        origin = self.http_origin(is_tls=True, host="::1")
        await self.start_proxy()
        self.assertEqual(await self.fetch("-g", f"https://[::1]:{origin.port}/s6"), b"GET /s6")

    async def test_untrusted_by_client(self) -> None:
        """Without our certificate curl refuses, and the proxy goes on."""
        origin = self.http_origin(is_tls=True)
        await self.start_proxy()
        done = await self.run_program(self.program, "-q", "-sS", "-x", self.url, f"https://localhost:{origin.port}/")
        self.assertEqual(done.returncode, 60)
        self.assertEqual(await self.fetch(f"https://localhost:{origin.port}/"), b"GET /")

    async def test_alpn(self) -> None:
        """A client and an origin that both offer h2 are given HTTP/1.1."""
        origin = self.http_origin(is_tls=True, alpn=["h2", "http/1.1"])
        await self.start_proxy()
        for version in ("--http1.1", "--http2"):
            out = await self.fetch(version, f"https://localhost:{origin.port}/", "-w", " %{http_version}")
            self.assertEqual(out, b"GET / 1.1")

    async def test_keep_alive(self) -> None:
        """Three requests in one tunnel, one connection to the origin."""
        origin = self.http_origin(is_tls=True)
        await self.start_proxy()
        urls = [f"https://localhost:{origin.port}/{n}" for n in range(3)]
        out = await self.fetch(*urls, "-w", " %{num_connects}\n")
        self.assertEqual(out, b"GET /0 1\nGET /1 0\nGET /2 0\n")
        self.assertEqual(origin.connections, 1)

    async def test_versions(self) -> None:
        """TLS 1.2 and 1.3 both work."""
        origin = self.http_origin(is_tls=True)
        await self.start_proxy()
        for version in ("1.2", "1.3"):
            arguments = (f"--tlsv{version}", "--tls-max", version)
            out = await self.fetch(*arguments, f"https://localhost:{origin.port}/{version}")
            self.assertEqual(out, f"GET /{version}".encode())


class BulkTests(CurlCase):
    """100 MB in each direction, compared by their digests."""

    size = 100 * 1024 * 1024

    async def _both_ways(self, scheme: str) -> None:
        origin = self.http_origin(is_tls=scheme == "https")
        await self.start_proxy()
        url = f"{scheme}://localhost:{origin.port}"
        await self.fetch(f"{url}/bytes/{self.size}", "-o", "large")
        digest = await self.run_program("sha256sum", "large")
        self.assertEqual(digest.stdout.split()[0].decode(), digest_of(self.size))
        out = await self.fetch("-T", "large", f"{url}/up")
        self.assertEqual(out.decode(), f"{self.size} {digest_of(self.size)}")

    async def test_plain(self) -> None:
        """Plain."""
        await self._both_ways("http")

    async def test_tls(self) -> None:
        """TLS on both sides."""
        await self._both_ways("https")


class ErrorTests(CurlCase):
    """What the client is told when there is no answer."""

    async def _status(self, url: str) -> tuple[int, bytes]:
        done = await self.curl(url, "-w", "%{stderr}%{http_code}")
        return int(done.stderr), done.stdout

    async def test_no_such_name(self) -> None:
        """502, and the page names the host."""
        await self.start_proxy()
        status, page = await self._status("http://no-such-host.invalid/")
        self.assertEqual(status, 502)
        self.assertIn(b"no-such-host.invalid", page)

    async def test_refused(self) -> None:
        """502, and the page says that the connection was refused."""
        with socket.socket() as bound:  # bound, and not listening: nobody else gets the port meanwhile
            bound.bind(("127.0.0.1", 0))
            await self.start_proxy()
            status, page = await self._status(f"http://127.0.0.1:{bound.getsockname()[1]}/")
        self.assertEqual(status, 502)
        self.assertIn(b"refused", page)

    async def test_bad_certificate(self) -> None:
        """A server's certificate that is not trusted is a page inside the client's TLS, which names the reason."""
        origin = self.http_origin(is_tls=True)
        await self.start_proxy(upstream_ca=None)
        status, page = await self._status(f"https://localhost:{origin.port}/")
        self.assertEqual(status, 502)
        self.assertIn(b"certificate", page)
        self.assertEqual(origin.requests, [])

    async def test_wrong_name(self) -> None:
        """A certificate for another name is refused."""
        origin = self.http_origin(is_tls=True)
        await self.start_proxy()
        done = await self.curl(f"https://127.0.0.2:{origin.port}/", "-w", "%{http_code}")
        self.assertTrue(done.stdout.endswith(b"502"), done)

    async def test_no_http(self) -> None:
        """A server that does not speak HTTP is 502."""
        origin = self.raw_origin(lambda talk: talk.send(b"220 mail.example.test ESMTP\r\n"))
        await self.start_proxy()
        status, _ = await self._status(f"http://127.0.0.1:{origin.port}/")
        self.assertEqual(status, 502)

    async def test_html(self) -> None:
        """A browser gets HTML."""
        await self.start_proxy()
        done = await self.curl("-H", "Accept: text/html", "http://no-such-host.invalid/", "-w", "%{content_type}")
        self.assertTrue(done.stdout.endswith(b"text/html; charset=utf-8"))


class ReportTests(CurlCase):
    """curl's own account of a transfer."""

    async def test_json(self) -> None:
        """What curl measured is consistent: one hop, the size, no redirect."""
        origin = self.http_origin()
        await self.start_proxy()
        out = await self.fetch(f"http://127.0.0.1:{origin.port}/chunked/70000", "-o", "body", "-w", "%{json}")
        report = json.loads(out)
        self.assertEqual((report["response_code"], report["size_download"]), (200, 70000))
