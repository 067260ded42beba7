"""
A TLS engine that spends less on each message: it calls OpenSSL by the functions that pyOpenSSL itself is made of.

pyOpenSSL's C{recv} and C{bio_read} allocate as much as could come, and raise an exception when nothing does: more work
than decrypting a short message. Here one buffer serves all connections, and what was decrypted from one read of the
network goes on in one piece. The handshake, the closing and everything that fails is Twisted's as before.

The names used are private to pyOpenSSL and Twisted: L{is_available} looks whether they are there, and where they are
not L{mitmtw._tls.engine.TwistedEngine} does the same on public ones.
"""

from typing import Any, Final

from OpenSSL import SSL
from twisted.internet.interfaces import IProtocol
from twisted.protocols.tls import TLSMemoryBIOProtocol
from twisted.python.failure import Failure
from typing_extensions import override
from zope.interface import implementer

from mitmtw._tls.engine import Gate, IEngine, Transport, TwistedEngine

__all__ = ["LeanEngine", "is_available"]

_lib: Final[Any] = getattr(SSL, "_lib", None)
_ffi: Final[Any] = getattr(SSL, "_ffi", None)

_FUNCTIONS: Final = ("BIO_read", "BIO_write", "SSL_ERROR_WANT_READ", "SSL_get_error", "SSL_read", "SSL_write")
_OF_PROTOCOL: Final = (
    "_bufferedWrite",
    "_flushReceiveBIO",
    "_flushSendBIO",
    "_handshakeDone",
    "_lostTLSConnection",
    "_shutdownTLS",
    "_tlsShutdownFinished",
    "_write",
)
_RECORD_BYTES: Final = 16384  # the most plaintext in one record (RFC 8446 section 5.1)
_BUFFER_BYTES: Final = 256 * 1024  # what a transport of ours reads at once, so that it goes on in one piece
#: Plaintext encrypted before it is sent; with the headers of its records it fits the buffer.
_MOST_WRITTEN: Final = 8 * _RECORD_BYTES
_WANT_READ: Final[int] = getattr(_lib, "SSL_ERROR_WANT_READ", 0)
_buffer: Final[Any] = None if _ffi is None else _ffi.new("char[]", _BUFFER_BYTES)


def is_available() -> bool:
    """Whether all private names are there."""
    if _lib is None or _ffi is None:
        return False
    connection = SSL.Connection(SSL.Context(SSL.TLS_METHOD), None)
    has_handles = all(hasattr(connection, name) for name in ("_from_ssl", "_into_ssl", "_raise_ssl_error", "_ssl"))
    has_functions = all(hasattr(_lib, name) for name in _FUNCTIONS)
    return has_handles and has_functions and all(hasattr(TLSMemoryBIOProtocol, name) for name in _OF_PROTOCOL)


class _LeanTransport(Transport):
    """Twisted's TLS protocol, with reading, writing and flushing of our own."""

    @override
    def dataReceived(self, data: bytes) -> None:
        """
        Decrypt what came.

        @param data: Bytes of the network.
        """
        if not self._handshakeDone or self._appSendBuffer:
            super().dataReceived(data)
            return
        connection = self._tlsConnection
        _lib.BIO_write(connection._into_ssl, data, len(data))
        self._flushReceiveBIO()

    @override
    def _flushReceiveBIO(self) -> None:
        """Pass on all plaintext that is there, then what OpenSSL wants to say to it, then the end of the stream."""
        while not self._lostTLSConnection:
            size, is_empty, end = _read_records(self._tlsConnection)
            if size and not self._aborted:
                self.wrappedProtocol.dataReceived(_ffi.buffer(_buffer, size)[:])
            if end is not None and not self._lostTLSConnection:
                self._end_reading(end)
            if is_empty:
                break
        if self._tlsConnection is not None:
            self._flushSendBIO()

    def _end_reading(self, end: Failure) -> None:
        """
        There will be no more plaintext.

        @param end: Why: the peer's C{close_notify}, or something is wrong.
        """
        if end.check(SSL.ZeroReturnError):
            self._shutdownTLS()
            self._tlsShutdownFinished(None)
        else:
            self._tlsShutdownFinished(end)

    @override
    def _flushSendBIO(self) -> None:
        """Send what OpenSSL has written."""
        source, transport = self._tlsConnection._from_ssl, self.transport
        assert transport is not None
        while (size := _lib.BIO_read(source, _buffer, _BUFFER_BYTES)) > 0:
            transport.write(_ffi.buffer(_buffer, size)[:])

    @override
    def _write(self, data: bytes) -> None:
        """
        Encrypt and send.

        @param data: The plaintext.
        """
        if self._lostTLSConnection:
            return
        connection = self._tlsConnection
        size = len(data)
        sent, unflushed = 0, 0
        start: Any = data if size <= _RECORD_BYTES else _ffi.from_buffer(data)
        while sent < size:
            count = _lib.SSL_write(connection._ssl, start + sent if sent else start, min(size - sent, _RECORD_BYTES))
            if count <= 0:
                self._stop_writing(connection, count, data[sent:])
                break
            sent += count
            unflushed += count
            if unflushed >= _MOST_WRITTEN:
                unflushed = 0
                self._flushSendBIO()
        if self._tlsConnection is not None:
            self._flushSendBIO()

    def _stop_writing(self, connection: SSL.Connection, outcome: int, rest: bytes) -> None:
        """
        Keep what cannot be encrypted now, or end the connection.

        @param connection: The OpenSSL connection.
        @param outcome: What C{SSL_write} has returned.
        @param rest: The plaintext that is left.
        """
        try:
            connection._raise_ssl_error(connection._ssl, outcome)
        except SSL.WantReadError:
            self._bufferedWrite(rest)
        except SSL.Error:
            self._tlsShutdownFinished(Failure())


def _read_records(connection: SSL.Connection) -> tuple[int, bool, Failure | None]:
    """
    Decrypt into the buffer all that is there, as far as it fits.

    OpenSSL is asked at once why there is no more: when the plaintext has been passed on, it may have been used again.

    @param connection: The OpenSSL connection.
    @return: How many bytes; whether that was all; and what has ended the stream, if it is at its end.
    """
    ssl: Any = connection._ssl
    outcome = size = _lib.SSL_read(ssl, _buffer, _BUFFER_BYTES)
    while outcome > 0:
        if _BUFFER_BYTES - size < _RECORD_BYTES:
            return size, False, None
        outcome = _lib.SSL_read(ssl, _buffer + size, _RECORD_BYTES)
        if outcome > 0:
            size += outcome
    end = None
    if _lib.SSL_get_error(ssl, outcome) != _WANT_READ:
        try:
            connection._raise_ssl_error(ssl, outcome)
        except SSL.Error:
            end = Failure()
    return max(size, 0), True, end


@implementer(IEngine)
class LeanEngine(TwistedEngine):
    """The engine on OpenSSL's own functions."""

    @override
    def server(self, gate: Gate) -> IProtocol:
        """See L{IEngine.server}."""
        return _LeanTransport(self._server, gate)

    @override
    def client(self, gate: Gate) -> IProtocol:
        """See L{IEngine.client}."""
        return _LeanTransport(self._client, gate)
