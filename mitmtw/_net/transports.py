"""
TCP transports that send at once.

Twisted's own wait for the reactor to say that a socket can be written to, which costs two system calls and a turn of
the reactor for each message; a socket can nearly always be written to. These try first, and leave to the base class
what could not be sent. They read in larger pieces while a peer sends a lot.

They use names that are private to Twisted: L{PRIVATE_NAMES} lists them, and L{mitmtw._net.reactor} looks whether they
are there.
"""

from typing import Any, Final

from twisted.internet import tcp
from twisted.internet.main import CONNECTION_DONE, CONNECTION_LOST
from typing_extensions import override

__all__ = ["PRIVATE_NAMES", "PromptClient", "PromptConnector", "PromptPort", "PromptServer"]

#: What is used of Twisted's own classes beyond their public interfaces.
PRIVATE_NAMES: Final = {
    tcp.Connection: ("TLS", "_aborting", "_writeDisconnected", "dataBuffer", "doRead"),
    tcp.Port: ("transport",),
    tcp.Connector: ("_makeTransport",),
}
_SMALL_READ_BYTES: Final = 64 * 1024  # what Twisted reads at once
_LARGE_READ_BYTES: Final = 256 * 1024  # beyond this a bulk transfer gets no quicker
_SMALL_READS: Final = 8  # so many in succession, and no more is read at once than they need


class _Prompt(tcp.Connection):
    """What both ends have."""

    _read_bytes = _SMALL_READ_BYTES
    _small_reads = 0

    @override
    def write(self, data: bytes) -> None:
        """
        Send as much as the socket takes, and keep the rest.

        An error is not looked at here: the base class meets it again where it can report it.
        """
        if (
            self._tempDataBuffer
            or self.dataBuffer
            or self._aborting
            or not self.connected
            or self._writeDisconnected
            or self.TLS
        ):
            super().write(data)
            return
        try:
            sent = self.socket.send(data)
        except OSError:
            sent = 0
        if sent < len(data):
            super().write(data[sent:] if sent else data)

    @override
    def doRead(self) -> Any:  # as _AbortingMixin declares what it puts in its place
        """Read, in larger pieces from a peer that filled the last one."""
        size = self._read_bytes
        try:
            data = self.socket.recv(size)
        except (BlockingIOError, InterruptedError):
            return None
        except OSError:
            return CONNECTION_LOST
        if not data:
            return CONNECTION_DONE
        if len(data) == size:
            self._read_bytes = _LARGE_READ_BYTES
            self._small_reads = 0
        elif size != _SMALL_READ_BYTES:
            if len(data) >= _SMALL_READ_BYTES:
                self._small_reads = 0
            elif self._small_reads < _SMALL_READS:  # the last piece of a message is no sign of smaller ones
                self._small_reads += 1
            else:
                self._read_bytes = _SMALL_READ_BYTES
        self.protocol.dataReceived(data)
        return None


class PromptServer(_Prompt, tcp.Server):
    """The transport of an accepted connection."""


class PromptClient(_Prompt, tcp.Client):
    """The transport of a connection of ours."""


class PromptPort(tcp.Port):
    """A listening port whose connections send at once."""

    transport = PromptServer


class PromptConnector(tcp.Connector):
    """A connector whose connection sends at once."""

    @override
    def _makeTransport(self) -> tcp.Client:
        """Make the transport."""
        arguments: tuple[Any, ...] = (self.host, self.port, self.bindAddress, self, self.reactor)
        return PromptClient(*arguments)
