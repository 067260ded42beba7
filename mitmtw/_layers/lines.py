"""
Lines of text in a TCP conversation, one message each: what SMTP, IRC, FTP and many others speak.
"""

from collections.abc import Iterable

from typing_extensions import override

from mitmtw._layers.client import Client, Target
from mitmtw._layers.server_end import ServerEnd
from mitmtw._layers.tcp import TCPLayer

__all__ = ["LineLayer"]

_LONGEST_BYTES = 65536  # bytes of a line; what is longer is passed on in pieces, as TCP messages are


class LineLayer(TCPLayer):
    """
    A conversation whose messages are lines, each with its end (LF, CRLF). Its hooks are those of TCP, unless a subclass
    has a C{family} of its own.
    """

    name = "line"

    def __init__(self, client: Client, target: Target | None = None, end: ServerEnd | None = None) -> None:
        super().__init__(client, target, end)
        self._unfinished = {True: b"", False: b""}

    @override
    def split(self, from_client: bool, data: bytes) -> Iterable[bytes]:
        *lines, unfinished = (self._unfinished[from_client] + data).split(b"\n")
        whole = [line + b"\n" for line in lines]
        if len(unfinished) > _LONGEST_BYTES:
            whole.append(unfinished)
            unfinished = b""
        self._unfinished[from_client] = unfinished
        return whole

    @override
    def rest(self, from_client: bool) -> bytes:
        unfinished, self._unfinished[from_client] = self._unfinished[from_client], b""
        return unfinished
