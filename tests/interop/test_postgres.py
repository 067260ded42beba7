"""PostgreSQL through the proxy in TCP mode: its client and its server notice nothing, and an addon sees and edits."""

import hashlib
import os
import pwd
import shutil
import socket
import subprocess
import tempfile
from pathlib import Path
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.threads import deferToThread

from tests.interop.cases import InteropCase
from tests.tools import require_tool

_SSL_REQUEST = bytes.fromhex("0000000804d2162f")  # length 8, then 80877103: "PostgreSQL protocol", SSLRequest
_ROWS = 100_000
_MANY = f"select i, md5(i::text) from generate_series(1, {_ROWS}) as i"


def _tool(case: InteropCase, name: str) -> str:
    """A program of PostgreSQL's; Debian keeps those of the server out of the search path."""
    found = sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}"))
    return str(found[-1]) if found else require_tool(case, name)


def _free_port() -> int:
    """A port that is free at this moment."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


class Listener:
    """Keeps each flow and what was said, and edits what the server says."""

    def __init__(self, before: bytes = b"", after: bytes = b"") -> None:
        self.flows: list[Any] = []
        self.said: list[tuple[bool, bytes]] = []
        self.ended = 0
        self._last: Deferred[None] = Deferred()
        self._before, self._after = before, after

    def tcp_start(self, flow: Any) -> None:
        self.flows.append(flow)

    def tcp_message(self, flow: Any) -> None:
        message = flow.messages[-1]
        self.said.append((message.from_client, message.content))
        if self._before and not message.from_client:
            message.content = message.content.replace(self._before, self._after)

    def tcp_end(self, flow: Any) -> None:
        self.ended += 1
        if self.ended == len(self.flows) and not self._last.called:
            self._last.callback(None)

    def all_ended(self) -> "Deferred[None]":
        """Fires when the first flows are over, all of them."""
        return self._last


class PostgresTests(InteropCase):
    """C{psql} asks a server of our own."""

    def setUp(self) -> None:
        super().setUp()
        self.psql = _tool(self, "psql")
        self._programs = [_tool(self, name) for name in ("initdb", "postgres")]
        # Not below trial's directory: the server's user may not come as far.
        self._cluster = Path(tempfile.mkdtemp(prefix="mitmtw-postgres-"))
        self.addCleanup(shutil.rmtree, self._cluster)
        self._user: list[str] = []
        if os.geteuid() == 0:  # the server refuses to run as root
            user = pwd.getpwnam("postgres")
            os.chown(self._cluster, user.pw_uid, user.pw_gid)
            numbers = (f"--reuid={user.pw_uid}", f"--regid={user.pw_gid}")
            self._user = [require_tool(self, "setpriv"), *numbers, "--clear-groups", "--"]

    async def start_postgres(self, *settings: str) -> int:
        """
        Make a database, and start a server for it.

        @param settings: C{name=value}.
        @return: its port.
        """
        initdb, postgres = self._programs
        kind = ("--username=tester", "--auth=trust", "--no-sync", "--locale=C", "--encoding=UTF8")
        done = await self.run_program(*self._user, initdb, f"--pgdata={self._cluster}", *kind)
        self.assertEqual(done.returncode, 0, done.stderr)
        port = _free_port()
        fixed = ("fsync=off", "listen_addresses=127.0.0.1", "unix_socket_directories=", "log_timezone=UTC")
        words = [word for setting in (*fixed, *settings) for word in ("-c", setting)]
        started = self.start_program(
            *self._user, postgres, "-D", str(self._cluster), "-p", str(port), *words, name="postgres"
        )
        await deferToThread(started.wait_for, "(ready to accept connections)")
        return port

    async def start(self, addon: object, *settings: str) -> None:
        """Start a server, and a proxy in front of it."""
        port = await self.start_postgres(*settings)
        await self.start_proxy(addon, listeners=[f"reverse:tcp://127.0.0.1:{port}@tcp:0:interface=127.0.0.1"])

    async def ask(self, query: str, mode: str) -> subprocess.CompletedProcess[bytes]:
        """Ask through the proxy; C{mode} says whether the client wants TLS."""
        where = f"host=127.0.0.1 port={self.port} user=tester dbname=postgres gssencmode=disable sslmode={mode}"
        return await self.run_program(self.psql, where, "--no-psqlrc", "-A", "-t", "-c", query)

    async def test_many_rows(self) -> None:
        """A client that asks for TLS first, and does without: the request is the first message, all rows are intact."""
        addon = Listener()
        await self.start(addon)
        done = await self.ask(_MANY, "prefer")
        self.assertEqual(done.stderr, b"")
        rows = "".join(f"{i}|{hashlib.md5(str(i).encode()).hexdigest()}\n" for i in range(1, _ROWS + 1))
        self.assertEqual(hashlib.sha256(done.stdout).digest(), hashlib.sha256(rows.encode()).digest())
        self.assertEqual(addon.said[:2], [(True, _SSL_REQUEST), (False, b"N")])
        self.assertEqual(addon.flows[0].server_conn.address[0], "127.0.0.1")
        await addon.all_ended()  # the client may be told of its end before the addon is
        self.assertEqual((len(addon.flows), addon.ended), (1, 1))
        self.assertIsNone(addon.flows[0].error)

    async def test_edit(self) -> None:
        """An answer that an addon replaces by one of the same length is what the client shows."""
        addon = Listener(b"the secret one", b"another answer")
        await self.start(addon)
        done = await self.ask("select 'the ' || 'secret one'", "disable")
        self.assertEqual((done.stdout, done.stderr), (b"another answer\n", b""))
        is_from_client, first = addon.said[0]
        self.assertTrue(is_from_client)
        self.assertIn(b"user\0tester\0", first)

    async def test_server_tls(self) -> None:
        """TLS that starts within the protocol is passed on: the client verifies the server's own certificate."""
        certificate = self._cluster.with_name(self._cluster.name + ".pem")
        self.addCleanup(certificate.unlink)
        certificate.write_bytes(self.origin_pem.read_bytes())
        certificate.chmod(0o600)
        if self._user:
            os.chown(certificate, pwd.getpwnam("postgres").pw_uid, pwd.getpwnam("postgres").pw_gid)
        addon = Listener()
        await self.start(addon, "ssl=on", f"ssl_cert_file={certificate}", f"ssl_key_file={certificate}")
        done = await self.ask("select 6 * 7", f"verify-full sslrootcert={self.origin_ca}")
        self.assertEqual((done.stdout, done.stderr), (b"42\n", b""))
        self.assertEqual(addon.said[:2], [(True, _SSL_REQUEST), (False, b"S")])
        self.assertFalse(any(b"user\0tester" in content for _, content in addon.said))

    async def test_server_gone(self) -> None:
        """Without a server the client is told, by its connection's end, and the flow says why."""
        told: list[str] = []

        class Told:
            def tcp_error(self, flow: Any) -> None:
                told.append(str(flow.error))

        port = _free_port()
        await self.start_proxy(Told(), listeners=[f"reverse:tcp://127.0.0.1:{port}@tcp:0:interface=127.0.0.1"])
        done = await self.ask("select 1", "prefer")
        self.assertEqual(done.returncode, 2)
        self.assertIn(b"closed the connection unexpectedly", done.stderr)
        self.assertIn("refused", " ".join(told))
