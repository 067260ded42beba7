"""OpenSSL's own client and server: versions, names, ALPN, client certificates, the key log."""

import os
import stat
import subprocess
from typing import Any

from twisted.internet.threads import deferToThread

from tests._tls.certificates import made
from tests.interop.cases import InteropCase
from tests.interop.origins import Talk
from tests.tools import require_tool

_GET = b"GET /o HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"


class ClientTests(InteropCase):
    """C{openssl s_client}."""

    def setUp(self) -> None:
        super().setUp()
        self.program = require_tool(self, "openssl")

    async def s_client(self, *arguments: str, port: int | None = None) -> tuple[str, bytes]:
        """
        Ask for a page.

        @return: what it says of the connection, and all bytes that came.
        """
        where = ("-connect", f"127.0.0.1:{port}") if port else ()
        done = await self.run_program(
            self.program, "s_client", *where, "-CAfile", self.ca, "-verify_return_error", "-ign_eof", "-brief",
            *arguments, stdin=_GET,
        )  # fmt: skip
        self.assertEqual(done.returncode, 0, done)
        return done.stderr.decode(), done.stdout

    async def start_reverse(self, *addons: object) -> None:
        """Start a proxy in front of an HTTPS origin."""
        origin = self.http_origin(is_tls=True)
        await self.start_proxy(
            *addons, listeners=[f"reverse:https://localhost:{origin.port}@tcp:0:interface=127.0.0.1"]
        )

    async def test_through_connect(self) -> None:
        """C{-proxy}: a tunnel, a certificate for the name that was asked for, an answer from the origin."""
        origin = self.http_origin(is_tls=True)
        await self.start_proxy()
        way = ("-proxy", f"127.0.0.1:{self.port}", "-connect", f"localhost:{origin.port}")
        said, came = await self.s_client(*way, "-servername", "localhost", "-verify_hostname", "localhost")
        self.assertIn("Verification: OK", said)
        self.assertIn(b"GET /o", came)

    async def test_versions(self) -> None:
        """TLS 1.2 and 1.3 at a listener with a fixed target."""
        await self.start_reverse()
        for argument, version in (("-tls1_2", "TLSv1.2"), ("-tls1_3", "TLSv1.3")):
            names = ("-verify_hostname", "localhost", "-servername", "localhost")
            said, came = await self.s_client(argument, *names, port=self.port)
            self.assertIn(f"Protocol version: {version}", said)
            self.assertIn(b"GET /o", came)

    async def test_no_name(self) -> None:
        """Without a name in the ClientHello the certificate is for the fixed target."""
        await self.start_reverse()
        _, came = await self.s_client("-noservername", "-verify_hostname", "localhost", port=self.port)
        self.assertIn(b"GET /o", came)

    async def test_old_version(self) -> None:
        """TLS 1.1 is refused in the handshake, and the listener goes on."""
        await self.start_reverse()
        argv = (self.program, "s_client", "-connect", f"127.0.0.1:{self.port}", "-tls1_1", "-cipher", "ALL:@SECLEVEL=0")
        done = await self.run_program(*argv)
        self.assertNotEqual(done.returncode, 0)
        self.assertIn(b"alert protocol version", done.stderr)
        await self.s_client(port=self.port)

    async def test_alpn(self) -> None:
        """C{http/1.1} is chosen where h2 is offered too."""
        await self.start_reverse()
        argv = (self.program, "s_client", "-connect", f"127.0.0.1:{self.port}", "-alpn", "h2,http/1.1", "-ign_eof")
        done = await self.run_program(*argv, stdin=_GET)
        self.assertIn(b"ALPN protocol: http/1.1", done.stdout)

    async def test_foreign_alpn(self) -> None:
        """A protocol that is not HTTP is negotiated with the server, and its bytes are relayed."""

        def answer(talk: Talk) -> None:
            talk.send(b"pong " + talk.read_until(b"\n"))

        origin = self.raw_origin(answer, is_tls=True, alpn=["acme/1"])
        await self.start_proxy()
        done = await self.run_program(
            self.program, "s_client", "-proxy", f"127.0.0.1:{self.port}", "-connect", f"localhost:{origin.port}",
            "-alpn", "acme/1", "-CAfile", self.ca, "-verify_return_error", "-ign_eof", stdin=b"ping\n",
        )  # fmt: skip
        self.assertIn(b"ALPN protocol: acme/1", done.stdout)
        self.assertIn(b"pong ping", done.stdout)
        self.assertEqual(origin.alpn, ["acme/1"])

    async def test_resumed(self) -> None:
        """A second connection with the session of the first works."""
        await self.start_reverse()
        await self.s_client("-tls1_3", "-sess_out", "session", port=self.port)
        _, came = await self.s_client("-tls1_3", "-sess_in", "session", port=self.port)
        self.assertIn(b"GET /o", came)

    async def test_connection_facts(self) -> None:
        """What an addon reads of the client's connection is what OpenSSL says."""
        facts = Facts()
        await self.start_reverse(facts)
        said, _ = await self.s_client("-tls1_2", "-servername", "app.example.test", port=self.port)
        version, cipher, sni = facts.seen[0]
        self.assertEqual((version, sni), ("TLSv1.2", "app.example.test"))
        self.assertIn(f"Ciphersuite: {cipher}", said)


class Facts:
    """Writes down what TLS has agreed on with the client."""

    def __init__(self) -> None:
        self.seen: list[tuple[Any, ...]] = []

    def request(self, flow: Any) -> None:
        conn = flow.client_conn
        self.seen.append((conn.tls_version, conn.cipher, conn.sni))


class ServerTests(InteropCase):
    """C{openssl s_server}, and what it wants of us."""

    def setUp(self) -> None:
        super().setUp()
        self.program = require_tool(self, "openssl")
        self.curl = require_tool(self, "curl")

    async def _ask(self, port: int) -> subprocess.CompletedProcess[bytes]:
        """Ask C{s_server -www} for its page, through the proxy."""
        fixed = ("-q", "-sS", "--max-time", "20", "-x", self.url, "--cacert", self.ca)
        return await self.run_program(self.curl, *fixed, f"https://localhost:{port}/", "-w", "%{http_code}")

    async def _start_server(self, *arguments: str) -> int:
        """Start it on a free port, which it prints."""
        own = ("-accept", "127.0.0.1:0", "-cert", str(self.origin_pem), "-key", str(self.origin_pem), "-www")
        server = self.start_program(self.program, "s_server", *own, *arguments, name="server" + "".join(arguments))
        return int((await deferToThread(server.wait_for, r"ACCEPT 127\.0\.0\.1:(\d+)"))[0])

    async def test_client_certificate(self) -> None:
        """A server that insists on a client certificate gets the one of the option."""
        client = made("the proxy", made("Client CA", is_authority=True))
        path = client.save(self.directory / "client.pem")
        port = await self._start_server("-Verify", "1")
        await self.start_proxy(client_certs=path)
        done = await self._ask(port)
        self.assertTrue(done.stdout.endswith(b"200"), done)
        self.assertIn(b"Client certificate", done.stdout)
        self.assertRegex(done.stdout, rb"Subject: CN ?= ?the proxy")

    async def test_no_client_certificate(self) -> None:
        """Without one the page says what is wrong; in TLS 1.3 the server's alert may be lost in its reset."""
        for version in ("-tls1_2", "-tls1_3"):
            port = await self._start_server("-Verify", "1", version)
            await self.start_proxy()
            done = await self._ask(port)
            self.assertTrue(done.stdout.endswith(b"502"), done)
            if version == "-tls1_2":
                self.assertIn(b"client certificate", done.stdout)
            await self.service.stopService()

    async def test_tls12_only(self) -> None:
        """A server that speaks nothing above TLS 1.2."""
        port = await self._start_server("-tls1_2")
        await self.start_proxy()
        done = await self._ask(port)
        self.assertIn(b"TLSv1.2", done.stdout)

    async def test_key_log(self) -> None:
        """C{SSLKEYLOGFILE} gets the secrets of both sides, and is for its owner alone."""
        port = await self._start_server()
        path = self.directory / "keys"
        self.patch(os, "environ", {**os.environ, "SSLKEYLOGFILE": str(path)})
        await self.start_proxy()
        await self._ask(port)
        lines = path.read_text("ascii").splitlines()
        randoms = {line.split()[1] for line in lines if line.startswith("CLIENT_TRAFFIC_SECRET_0 ")}
        self.assertEqual(len(randoms), 2, lines)
        self.assertEqual(stat.S_IMODE(path.stat().st_mode), 0o600)
