"""
A whole proxy on transports that keep what is written: real layers, real upstream, the real clock, and no sockets.
"""

import time
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

from twisted.internet.address import IPv4Address
from twisted.internet.interfaces import ITransport
from twisted.internet.task import Clock
from zope.interface import implementer

from benchmarks.load import REQUEST_FIELDS
from benchmarks.origin import ANSWER
from mitmtw._tls.authority import Authority
from mitmtw._tls.settings import TLSSettings
from mitmtw.core_options import core_options
from mitmtw.daemon import ProxyService

__all__ = ["REQUEST", "Exchanges", "Reactor", "Transport", "make_authority"]

_ADDRESS = "192.0.2.7"
_FIELDS = "".join(f"{name}: {value}\r\n" for name, value in REQUEST_FIELDS)
_URL = f"http://{_ADDRESS}/articles/2026/how-proxies-work?page=2"
REQUEST = f"GET {_URL} HTTP/1.1\r\nHost: {_ADDRESS}\r\n{_FIELDS}\r\n".encode()


@implementer(ITransport)
class Transport:
    """A connection that keeps what is written to it."""

    disconnecting = False

    def __init__(self) -> None:
        self.written: list[bytes] = []
        self.write: Callable[[bytes], None] = self.written.append
        self.protocol: Any = None

    def connect(self, protocol: Any) -> None:
        """Connect a protocol."""
        self.protocol = protocol
        protocol.makeConnection(self)

    def getPeer(self) -> IPv4Address:  # noqa: N802 - Twisted's name
        """The other end."""
        return IPv4Address("TCP", _ADDRESS, 80)

    getHost = getPeer  # noqa: N815 - Twisted's name

    def writeSequence(self, pieces: Iterable[bytes]) -> None:  # noqa: N802 - Twisted's name
        """Keep several pieces."""
        self.write(b"".join(pieces))

    def registerProducer(self, producer: Any, streaming: bool) -> None:  # noqa: N802 - Twisted's name
        """It is never full."""

    def unregisterProducer(self) -> None:  # noqa: N802 - Twisted's name
        """It is never full."""

    def pauseProducing(self) -> None:
        """It does not read by itself."""

    def resumeProducing(self) -> None:
        """It does not read by itself."""

    def loseConnection(self) -> None:  # noqa: N802 - Twisted's name
        """Nobody closes in a benchmark."""
        raise AssertionError("the proxy has closed a connection")

    abortConnection = loseConnection  # noqa: N815 - Twisted's name


class Reactor(Clock):
    """
    Time as it passes, and connections that are there at once.

    @ivar connected: the transports that the proxy has opened.
    @ivar factory: what listens.
    """

    def __init__(self) -> None:
        super().__init__()
        self.connected: list[Transport] = []
        self.factory: Any = None

    seconds = staticmethod(time.time)  # as a real reactor tells the time

    def connectTCP(self, host: str, port: int, factory: Any, *_: Any, **__: Any) -> None:  # noqa: N802 - Twisted's name
        """Connect."""
        transport = Transport()
        self.connected.append(transport)
        transport.connect(factory.buildProtocol(transport.getPeer()))

    def listenTCP(self, port: int, factory: Any, *_: Any, **__: Any) -> Any:  # noqa: N802 - Twisted's name
        """Listen."""
        self.factory = factory
        return self

    def getHost(self) -> IPv4Address:  # noqa: N802 - Twisted's name
        """Where it listens."""
        return IPv4Address("TCP", "127.0.0.1", 8080)


def make_authority(folder: Path, reactor: Any, **settings: Any) -> Authority:
    """A certificate authority in a folder."""
    return Authority.open(folder, clock=reactor, settings=TLSSettings(**settings))


class Exchanges:
    """
    One client of a proxy, and the connection to its server.

    @ivar client: the client's transport.
    @ivar server: the server's.
    """

    def __init__(self, authority_folder: Path, addons: Sequence[object]) -> None:
        reactor = Reactor()
        authority = make_authority(authority_folder, reactor)
        service = ProxyService(reactor, core_options(), addons=addons, authority=authority)
        service.failed.addErrback(lambda failure: failure.raiseException())
        service.privilegedStartService()
        service.startService()
        self.client = Transport()
        self.client.connect(reactor.factory.buildProtocol(self.client.getPeer()))
        self.client.protocol.dataReceived(REQUEST)
        self.server = reactor.connected[0]
        self.server.protocol.dataReceived(ANSWER)
        self._check()

    def _check(self) -> None:
        """Both messages have passed."""
        sent, got = b"".join(self.server.written), b"".join(self.client.written)
        if not sent.startswith(b"GET /articles/") or not got.endswith(ANSWER[-1024:]) or got.count(b"\r\n") < 12:
            raise AssertionError(f"the exchange went wrong: {sent!r} {got!r}")
        self.client.written.clear()
        self.server.written.clear()

    def run(self, count: int, varied: bool = False) -> float:
        """
        Make some exchanges.

        @param varied: let the fields differ from those of the message before, so that no head is remembered.
        @return: seconds for each.
        """
        client, server = self.client, self.server
        ask, answer = client.protocol.dataReceived, server.protocol.dataReceived
        requests, answers = [REQUEST, REQUEST], [ANSWER, ANSWER]
        if varied:
            requests[1] = REQUEST.replace(b"DNT: 1", b"DNT: 0")
            answers[1] = ANSWER.replace(b"nosniff", b"sniff")
        pairs = list(zip(requests, answers, strict=True)) * (count // 2)
        began = time.perf_counter()
        for request, response in pairs:
            ask(request)
            answer(response)
        spent = time.perf_counter() - began
        if len(client.written) != count or len(server.written) != count:
            raise AssertionError(f"{len(server.written)} requests and {len(client.written)} answers of {count}")
        client.written.clear()
        server.written.clear()
        return spent / count
