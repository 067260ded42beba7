"""The command, as a process: C{mitmtw run} and C{twistd mitmtw} start, refuse to start, drain, and end."""

import signal
import socket
import stat
import sys
import time
from pathlib import Path

from twisted.internet.threads import deferToThread

from tests.interop.cases import InteropCase, Started
from tests.interop.origins import Talk
from tests.tools import require_tool

_LISTENS = r"proxy listens on .*port=(\d+)"
_ANY_PORT = ("--listen", "tcp:0:interface=127.0.0.1")

# Longer than a test waits for a process: who waited for all of it would fail.
_LONG_DRAIN = ("--set", "drain_timeout=600")


class CommandCase(InteropCase):
    """A proxy in a process of its own."""

    def start_twistd(self, *arguments: str) -> Started:
        """Start C{twistd --nodaemon mitmtw}."""
        twistd = str(Path(sys.executable).with_name("twistd"))
        own = (twistd, "--nodaemon", "--pidfile=")
        mine = ("mitmtw", "--confdir", str(self.confdir), *arguments)
        return self.start_program(sys.executable, *own, *mine, name="twistd")

    async def listening(self, started: Started) -> int:
        """The port, as soon as it is open."""
        self.port = int((await deferToThread(started.wait_for, _LISTENS))[0])
        return self.port

    def ask(self, port: int, path: str) -> Talk:
        """Send a request; in a thread."""
        client = self.connect(self.port)
        client.send(f"GET http://127.0.0.1:{port}{path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n\r\n".encode())
        return client


class LifeTests(CommandCase):
    """From the start to the end."""

    async def _drains(self, started: Started, expected: int) -> None:
        """A request under way when SIGTERM comes is answered, and then nothing more is waited for."""
        origin = self.http_origin()
        await self.listening(started)

        def talk() -> tuple[bytes, int]:
            idle = self.connect(self.port)
            client = self.ask(origin.port, "/slow")
            while not origin.requests:
                time.sleep(0.01)
            started.signal(signal.SIGTERM)
            head = client.read_head()
            body = client.read_exactly(4)
            assert idle.read_all() == b""
            return head + body, started.wait()

        answer, status = await deferToThread(talk)
        self.assertTrue(answer.startswith(b"HTTP/1.1 200 OK\r\n"), (answer, started.output))
        self.assertTrue(answer.endswith(b"late"))
        self.assertIn(b"Connection: close\r\n", answer)
        self.assertEqual(status, expected, started.output)
        self.assertNotIn("Traceback", started.output)

    async def test_run(self) -> None:
        """C{mitmtw run} ends with status 0."""
        await self._drains(self.start_command(*_ANY_PORT, *_LONG_DRAIN), 0)

    async def test_twistd(self) -> None:
        """C{twistd mitmtw}; twistd ends all its programs by the signal that it got, when they are done."""
        await self._drains(self.start_twistd(*_ANY_PORT, *_LONG_DRAIN), -signal.SIGTERM)

    async def test_interrupt(self) -> None:
        """SIGINT ends it with status 0 too, and a script's C{done} is called, last."""
        script = self.directory / "last.py"
        script.write_text(
            "def running():\n    print('RUNNING', flush=True)\ndef done():\n    print('DONE', flush=True)\n"
        )
        started = self.start_command(*_ANY_PORT, "--script", str(script))
        await deferToThread(started.wait_for, "RUNNING")
        started.signal(signal.SIGINT)
        self.assertEqual(await deferToThread(started.wait), 0)
        self.assertIn("DONE", started.output)

    async def test_killed_after_the_drain(self) -> None:
        """A flow that does not end is killed when C{drain_timeout} is over."""

        def never(talk: Talk) -> None:
            talk.read_head()
            talk.read_all()

        origin = self.raw_origin(never)
        started = self.start_command(*_ANY_PORT, "--set", "drain_timeout=0.3")
        await self.listening(started)

        def talk() -> int:
            client = self.ask(origin.port, "/")
            while not origin.connections:
                time.sleep(0.01)
            started.signal()
            try:
                assert client.read_all() == b""
            except ConnectionResetError:
                pass
            return started.wait()

        self.assertEqual(await deferToThread(talk), 0, started.output)

    async def test_confdir(self) -> None:
        """The first start makes the files of the authority, the key for its owner alone; the second keeps them."""
        contents = []
        for name in ("first", "second"):
            started = self.start_command(*_ANY_PORT, name=name)
            await self.listening(started)
            started.signal()
            self.assertEqual(await deferToThread(started.wait), 0)
            contents.append({path.name: path.read_bytes() for path in self.confdir.iterdir()})
        self.assertEqual(contents[0], contents[1])
        modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in self.confdir.iterdir()}
        self.assertEqual(modes["mitmtw-ca.pem"], 0o600)
        self.assertEqual(modes["mitmtw-ca-cert.pem"], 0o644)
        self.assertEqual(stat.S_IMODE(self.confdir.stat().st_mode), 0o700)
        self.assertNotIn(b"PRIVATE", contents[0]["mitmtw-ca-cert.pem"])

    async def test_tls(self) -> None:
        """The command intercepts TLS with the authority that it has made."""
        curl = require_tool(self, "curl")
        origin = self.http_origin(is_tls=True)
        started = self.start_command(*_ANY_PORT, "--set", f"upstream_ca={self.origin_ca}")
        await self.listening(started)
        fixed = ("-q", "-sS", "-x", self.url, "--cacert", self.ca)
        done = await self.run_program(curl, *fixed, f"https://localhost:{origin.port}/c")
        self.assertEqual(done.stdout, b"GET /c", done.stderr)


class RefusalTests(CommandCase):
    """Reasons not to start: one line, status 2."""

    async def _refused(self, started: Started) -> str:
        self.assertEqual(await deferToThread(started.wait), 2, started.output)
        self.assertNotIn("Traceback", started.output)
        return started.output

    async def test_script(self) -> None:
        """A script with an error is named with its line."""
        script = self.directory / "broken.py"
        script.write_text("x = 1\nraise ValueError('no good')\n")
        said = await self._refused(self.start_command(*_ANY_PORT, "--script", str(script)))
        lines = [line for line in said.splitlines() if line.startswith("mitmtw: ")]
        self.assertEqual(lines, [f"mitmtw: {script}:2: ValueError: no good"])
        self.assertNotIn("proxy listens", said)

    async def test_port(self) -> None:
        """A port that is taken is named."""
        with socket.create_server(("127.0.0.1", 0)) as taken:
            port = taken.getsockname()[1]
            said = await self._refused(self.start_command("--listen", f"tcp:{port}:interface=127.0.0.1"))
        lines = [line for line in said.splitlines() if line.startswith("mitmtw: ")]
        self.assertEqual(len(lines), 1, said)
        self.assertIn(str(port), lines[0])

    async def test_option(self) -> None:
        """An unknown option, and a value that is none, are refused before anything is made."""
        for assignment, word in (("no_such=1", "no_such"), ("connect_timeout=soon", "soon")):
            said = await self._refused(self.start_command(*_ANY_PORT, "--set", assignment, name=assignment))
            self.assertEqual(len(said.splitlines()), 1, said)
            self.assertIn(word, said)
        self.assertFalse(self.confdir.exists())

    async def test_listener(self) -> None:
        """A listener that is none is refused."""
        said = await self._refused(self.start_command("--listen", "sideways@tcp:0"))
        self.assertEqual(len(said.splitlines()), 1, said)

    async def test_twistd_port(self) -> None:
        """C{twistd} ends when the port is taken, and its log says so."""
        with socket.create_server(("127.0.0.1", 0)) as taken:
            port = taken.getsockname()[1]
            started = self.start_twistd("--listen", f"tcp:{port}:interface=127.0.0.1")
            await deferToThread(started.wait)
        self.assertRegex(started.output, rf"cannot start: Couldn't listen on 127\.0\.0\.1:{port}")
        self.assertNotIn("Traceback", started.output)

    async def test_twistd_option(self) -> None:
        """C{twistd} refuses it in one line too."""
        said = await self._refused(self.start_twistd("--set", "no_such=1"))
        self.assertEqual(len(said.splitlines()), 1, said)

    async def test_foreign_files(self) -> None:
        """A key that others can read is not used."""
        started = self.start_command(*_ANY_PORT, name="first")
        await self.listening(started)
        started.signal()
        await deferToThread(started.wait)
        (self.confdir / "mitmtw-ca.pem").chmod(0o644)
        said = await self._refused(self.start_command(*_ANY_PORT, name="second"))
        self.assertIn("chmod 600", said)
