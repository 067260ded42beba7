"""
The way out: straight to the address, through an HTTP proxy by CONNECT, or by any client endpoint string.
"""

from collections.abc import Callable
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.endpoints import (
    HostnameEndpoint,
    TCP4ClientEndpoint,
    TCP6ClientEndpoint,
    clientFromString,
)
from twisted.internet.interfaces import IProtocol, IProtocolFactory, IStreamClientEndpoint
from twisted.internet.protocol import Factory, Protocol, connectionDone
from twisted.python.failure import Failure
from typing_extensions import override
from zope.interface import implementer

from mitmtw._wire.http1_read import HeadBuffer, read_response_head
from mitmtw._wire.http1_write import request_head
from mitmtw.errors import ConnectFailed, MitmtwError, RemoteProtocolError
from mitmtw.model.connection import Via
from mitmtw.model.url import parse

__all__ = ["HTTPConnectEndpoint", "direct", "through"]


def _family(host: str) -> int:
    """4 or 6 for an IP literal, 0 for a name."""
    if ":" in host:
        return 6
    return 4 if host.replace(".", "").isdigit() and host.count(".") == 3 else 0


def direct(reactor: Any, resolving: Any, host: str, port: int, timeout: float, source: Any) -> IStreamClientEndpoint:
    """
    The endpoint of an address: by happy eyeballs for a name (RFC 8305), without a resolver for a literal.

    @param resolving: the reactor for names, see L{mitmtw._upstream.resolve.Resolving}.
    @param source: our own (host, port) for the connection, or None.
    """
    family = _family(host)
    if family == 4:
        return TCP4ClientEndpoint(reactor, host, port, timeout, source)
    if family == 6:
        return TCP6ClientEndpoint(reactor, host, port, timeout, source)
    return HostnameEndpoint(resolving, host, port, timeout, source)


def through(reactor: Any, via: Via, host: str, port: int) -> IStreamClientEndpoint:
    """
    The endpoint of an address by way of C{via}: C{http://HOST:PORT}, C{httpconnect:HOST:PORT}, C{("http", (host,
    port))}, or a client endpoint string, which is dialled instead of the address.

    @raise ConnectFailed: when C{via} is none of these.
    """
    if isinstance(via, tuple) and len(via) == 2 and via[0] == "http" and isinstance(via[1], tuple):
        proxy_host, proxy_port = via[1]
    elif isinstance(via, str) and via.lower().startswith("http://"):
        try:
            _, proxy_host, proxy_port, _ = parse(via)
        except ValueError as error:
            raise ConnectFailed(f"the way out {via!r} is not http://HOST:PORT: {error}") from error
    elif isinstance(via, str) and via.startswith("httpconnect:"):
        proxy_host, _, text = via.removeprefix("httpconnect:").rpartition(":")
        if not proxy_host or not text.isdigit():
            raise ConnectFailed(f"the way out {via!r} is not httpconnect:HOST:PORT")
        proxy_port = int(text)
    elif isinstance(via, str):
        try:
            endpoint: IStreamClientEndpoint = clientFromString(reactor, via)
            return endpoint
        except (ValueError, TypeError, KeyError) as error:
            raise ConnectFailed(f"the way out {via!r} is not a client endpoint: {error}") from error
    else:
        raise ConnectFailed(f"the way out {via!r} is not understood")
    proxy_host = proxy_host.strip("[]")
    return HTTPConnectEndpoint(direct(reactor, reactor, proxy_host, proxy_port, 30, None), host, port)


@implementer(IStreamClientEndpoint)
class HTTPConnectEndpoint:
    """A tunnel through an HTTP proxy (RFC 9110 section 9.3.6)."""

    def __init__(self, proxy: IStreamClientEndpoint, host: str, port: int) -> None:
        """
        @param proxy: the endpoint of the proxy.
        @param host: where the tunnel leads.
        """
        self._proxy = proxy
        literal = f"[{host}]" if ":" in host else host
        self._authority = f"{literal}:{port}".encode("utf-8", "surrogateescape")

    def connect(self, protocolFactory: IProtocolFactory) -> Deferred[IProtocol]:  # noqa: N803 - Twisted's name
        """Connect to the proxy, ask for the tunnel, then connect the factory's protocol to its inside."""
        tunnel: list[Any] = []

        def give_up(_: Deferred[IProtocol]) -> None:
            if tunnel:
                tunnel[0].transport.abortConnection()
            else:
                attempt.cancel()

        done: Deferred[IProtocol] = Deferred(give_up)
        factory = Factory.forProtocol(lambda: _Connect(self._authority, protocolFactory, done))
        attempt = self._proxy.connect(factory)

        def failed(failure: Failure) -> None:
            if not done.called:
                done.errback(failure)

        attempt.addCallbacks(tunnel.append, failed)
        return done


class _Connect(Protocol):
    """Asks a proxy for a tunnel."""

    transport: Any
    dataReceived: Callable[[bytes], None]  # type: ignore[assignment]  # the inner protocol's, once there is one

    def __init__(self, authority: bytes, factory: IProtocolFactory, done: Deferred[IProtocol]) -> None:
        self._authority = authority
        self._factory = factory
        self._done = done
        self._head = HeadBuffer(is_response=True)
        self._inner: Any = None
        self.dataReceived = self._answered

    @override
    def connectionMade(self) -> None:
        """Ask."""
        fields = [(b"Host", self._authority)]
        self.transport.write(request_head(b"CONNECT", self._authority, b"HTTP/1.1", fields))

    def _answered(self, data: bytes) -> None:
        """The proxy's answer, or a part of it."""
        try:
            block = self._head.feed(data)
            if block is None:
                return
            head = read_response_head(block, b"CONNECT")
        except RemoteProtocolError as error:
            self._fail(ConnectFailed(f"the upstream proxy's answer is broken: {error}"))
            return
        if not 200 <= head.status < 300:
            reason = head.reason.decode("latin-1")
            self._fail(ConnectFailed(f"the upstream proxy refused the tunnel: {head.status} {reason}"))
            return
        inner: Any = self._factory.buildProtocol(None)  # type: ignore[arg-type]
        self._inner = inner
        inner.makeConnection(self.transport)
        self.dataReceived = lambda piece: inner.dataReceived(piece)
        done = self._done
        if not done.called:
            done.callback(inner)
        if self._head.rest:
            inner.dataReceived(self._head.rest)

    def _fail(self, error: MitmtwError) -> None:
        self.transport.abortConnection()
        if not self._done.called:
            self._done.errback(error)

    @override
    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """The proxy is gone."""
        if self._inner is not None:
            self._inner.connectionLost(reason)
        elif not self._done.called:
            self._done.errback(ConnectFailed("the upstream proxy closed the connection before the tunnel was there"))
