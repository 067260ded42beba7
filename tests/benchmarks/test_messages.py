"""The benchmark of conversations runs, and its client finds what was not said."""

import contextlib
import io
import socket
import threading
from collections.abc import Callable
from unittest import skipUnless

from twisted.python.runtime import platform
from twisted.trial.unittest import SynchronousTestCase

from benchmarks import messages, talkers
from benchmarks.load import LoadFailed


@skipUnless(platform.isLinux(), "processor time is read from /proc")
class SmokeTests(SynchronousTestCase):
    """Seconds, not figures."""

    def test_smoke(self) -> None:
        """One short round of all scenarios, with all answers right."""
        out, err = io.StringIO(), io.StringIO()
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            status = messages.main(["--smoke"])
        self.assertEqual((status, err.getvalue()), (0, ""))
        for group in messages.SCENARIOS.values():
            for scenario in group:
                self.assertIn(f"{scenario.name}    mitmtw", out.getvalue())


class WrongTests(SynchronousTestCase):
    """A peer that does not say what it should."""

    def check(self, kind: str, answer: Callable[[socket.socket], None]) -> None:
        """Talk to a server that has C{answer} called with its one connection."""
        listening = socket.create_server(("127.0.0.1", 0))
        self.addCleanup(listening.close)

        def serve() -> None:
            connection, _ = listening.accept()
            with connection:
                answer(connection)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        port = listening.getsockname()[1]
        self.assertRaises(LoadFailed, talkers.run_talk, kind, port, 10, 1, 0.1)
        thread.join(10)

    def test_echo(self) -> None:
        """An echo of something else."""

        def answer(connection: socket.socket) -> None:
            got = b""
            while len(got) < 11:
                got += connection.recv(100)
            connection.sendall(b"0123456780")

        self.check("echo", answer)

    def test_handshake(self) -> None:
        """No WebSocket."""

        def answer(connection: socket.socket) -> None:
            connection.recv(65536)
            connection.sendall(b"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\n\r\n")

        self.check("text", answer)

    def test_down(self) -> None:
        """Bytes that are not those of the pattern."""

        def answer(connection: socket.socket) -> None:
            connection.recv(1)
            connection.sendall(b"\0\1\2\4")

        self.check("down", answer)

    def test_up(self) -> None:
        """A server that has found something else."""

        def answer(connection: socket.socket) -> None:
            while connection.recv(65536):
                pass
            connection.sendall(b"7")

        self.check("up", answer)
