"""
The key log: session secrets of both sides, so that a packet capture can be read (RFC 9850, the format of
C{SSLKEYLOGFILE}).
"""

import os

from OpenSSL import SSL
from twisted.logger import Logger

from mitmtw.errors import AuthorityError

__all__ = ["KeyLog"]


class KeyLog:
    """Appends the lines that OpenSSL gives to a file that its owner alone can read."""

    _log = Logger()

    def __init__(self, path: str) -> None:
        """
        @param path: The file; made with mode 0600 if it is missing, else appended to.
        @raise AuthorityError: The file cannot be opened.
        """
        self._path = path
        try:
            self._descriptor = os.open(
                path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | getattr(os, "O_CLOEXEC", 0), 0o600
            )
        except OSError as error:
            raise AuthorityError(f"the key log {path} cannot be opened: {error.strerror}") from error

    def append(self, connection: SSL.Connection, line: bytes) -> None:
        """
        Write one line: OpenSSL's key log callback.

        Each line is one C{write} to a file opened for appending, so that several processes can share it. An error is
        logged once and ends the log: a full disk must not end connections.

        @param connection: The connection the secret belongs to.
        @param line: The line, without its end.
        """
        if self._descriptor < 0:
            return
        try:
            os.write(self._descriptor, line + b"\n")
        except OSError as error:
            self._log.error("the key log {path} ends here: {reason}", path=self._path, reason=error.strerror)
            self.close()

    def close(self) -> None:
        """Close the file; lines that come later are dropped."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1
