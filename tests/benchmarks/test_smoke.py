"""The benchmark of the whole proxy runs, and its load finds wrong answers."""

import contextlib
import io
import socket
import threading
from unittest import skipUnless

from twisted.python.runtime import platform
from twisted.trial.unittest import SynchronousTestCase

from benchmarks import load, proxy


@skipUnless(platform.isLinux(), "processor time is read from /proc")
class SmokeTests(SynchronousTestCase):
    """Seconds, not figures."""

    def test_smoke(self) -> None:
        """One short round, plain and TLS, with all answers right."""
        out, err = io.StringIO(), io.StringIO()
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            status = proxy.main(["--smoke"])
        self.assertEqual((status, err.getvalue()), (0, ""))
        self.assertIn("mitmtw  plain", out.getvalue())

    def test_wrong_answer(self) -> None:
        """An answer that the origin never sends fails the load."""
        listening = socket.create_server(("127.0.0.1", 0))
        self.addCleanup(listening.close)

        def answer() -> None:
            connection, _ = listening.accept()
            connection.recv(65536)
            connection.sendall(b"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 1024\r\n\r\n" + b"x" * 1024)
            connection.close()

        thread = threading.Thread(target=answer, daemon=True)
        thread.start()
        self.assertRaises(load.LoadFailed, load.run_load, listening.getsockname()[1], 1, 1, 0.2, None)
        thread.join(10)
