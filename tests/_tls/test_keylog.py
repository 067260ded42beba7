"""The key log."""

import errno
import os
import stat
from pathlib import Path

from OpenSSL import SSL
from twisted.trial.unittest import SynchronousTestCase

from mitmtw._tls.keylog import KeyLog
from mitmtw.errors import AuthorityError

CONNECTION = SSL.Connection(SSL.Context(SSL.TLS_METHOD), None)


class KeyLogTests(SynchronousTestCase):
    """Lines, mode, and failures."""

    def setUp(self) -> None:
        self.path = Path(self.mktemp())

    def test_lines(self) -> None:
        """Lines are appended, also to a file that was there; a new file has mode 0600 whatever the umask."""
        before = os.umask(0)
        try:
            first = KeyLog(str(self.path))
        finally:
            os.umask(before)
        self.assertEqual(stat.S_IMODE(self.path.stat().st_mode), 0o600)
        first.append(CONNECTION, b"CLIENT_RANDOM aa bb")
        first.close()
        second = KeyLog(str(self.path))
        second.append(CONNECTION, b"CLIENT_RANDOM cc dd")
        second.close()
        self.assertEqual(self.path.read_bytes(), b"CLIENT_RANDOM aa bb\nCLIENT_RANDOM cc dd\n")

    def test_closed(self) -> None:
        """After it was closed, once or twice, lines are dropped."""
        keylog = KeyLog(str(self.path))
        keylog.close()
        keylog.close()
        keylog.append(CONNECTION, b"late")
        self.assertEqual(self.path.read_bytes(), b"")

    def test_cannot_open(self) -> None:
        """A file that cannot be opened is an error that names it."""
        error = self.assertRaises(AuthorityError, KeyLog, str(self.path / "below"))
        self.assertIn(f"{self.path}/below cannot be opened", str(error))

    def test_full_disk(self) -> None:
        """An error of writing is logged once, ends the log, and does not reach the connection."""
        keylog = KeyLog(str(self.path))
        calls: list[int] = []

        def write(descriptor: int, line: bytes) -> int:
            calls.append(descriptor)
            raise OSError(errno.ENOSPC, "No space left on device")

        self.patch(os, "write", write)
        keylog.append(CONNECTION, b"one")
        keylog.append(CONNECTION, b"two")
        self.assertEqual(len(calls), 1)
