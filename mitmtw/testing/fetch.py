"""
A client that asks one thing through a proxy, over a connection of any kind.
"""

from collections.abc import Callable
from typing import Any, NoReturn

from twisted.internet.defer import Deferred
from twisted.internet.protocol import connectionDone
from twisted.python.failure import Failure
from typing_extensions import override

from mitmtw.errors import RemoteProtocolError
from mitmtw.interfaces.authority import IAuthority
from mitmtw.model import Request, Response
from mitmtw.model.url import hostport
from mitmtw.testing.messages import ResponseReader, request_bytes
from mitmtw.testing.peers import Once, Peer
from mitmtw.testing.tls import secure_client

__all__ = ["Fetch", "fetch"]


class _Told(Peer):
    """A peer that tells everything that happens, its end included."""

    def __init__(self, told: Callable[[], object]) -> None:
        super().__init__(lambda _: told())
        self._told = told

    @override
    def connectionMade(self) -> None:
        """There is a connection."""
        super().connectionMade()
        self._told()

    @override
    def readConnectionLost(self) -> None:
        """The other end has sent its last byte."""
        super().readConnectionLost()
        self._told()

    @override
    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """The connection is over."""
        super().connectionLost(reason)
        self._told()


class Fetch:
    """
    One request, through a CONNECT and inside of TLS when its scheme is C{https}.

    @ivar peer: the connection to the proxy.
    @ivar inner: where the request was written: C{peer}, or a peer inside of TLS; None before.
    @ivar response: the answer, when it is whole. That to a CONNECT, if it was refused.
    @ivar done: fires with this object when there is an answer, or when the connection has ended without.
    """

    def __init__(self, request: Request, authority: IAuthority) -> None:
        """@param authority: whom the client trusts."""
        self.request = request
        self.peer: Peer = _Told(self._look)
        self.inner: Peer | None = None
        self.response: Response | None = None
        self.done: Deferred[Fetch] = Deferred(self._cancelled)
        self._authority = authority
        self._reader: ResponseReader | None = None

    @property
    def is_over(self) -> bool:
        """Whether there is nothing more to wait for."""
        return self.done.called

    def close(self) -> None:
        """Close the connection."""
        peer = self.inner or self.peer
        if peer.is_connected:
            peer.close()
        elif self.peer.is_connected:
            self.peer.reset()

    def _cancelled(self, _done: object) -> None:
        self.peer.reset()

    def _look(self) -> None:
        """Something has happened."""
        peer = self.inner or self.peer
        if self.done.called:
            return
        if self._reader is None and peer.is_connected:
            self._begin()
        try:
            found = self._reader.feed(peer.take()) if self._reader is not None else []
            if not found and (peer.has_ended or peer.lost is not None) and self._reader is not None:
                self._reader.eof()
                found = self._reader.responses
        except RemoteProtocolError:  # what came is no answer, or not all of one
            self._finish(None)
            return
        if found:
            self._answered(found[0])
        elif peer.has_ended or peer.lost is not None:
            self._finish(None)

    def _begin(self) -> None:
        """The connection is there."""
        request, peer = self.request, self.peer
        if request.scheme == "https" and self.inner is None:
            self._reader = ResponseReader(b"CONNECT")
            where = hostport("", request.host, request.port)  # the port always stands there
            peer.send(f"CONNECT {where} HTTP/1.1\r\nHost: {where}\r\n\r\n".encode())
            return
        self._reader = ResponseReader(request.raw_method)
        (self.inner or peer).send(request_bytes(request, is_absolute=self.inner is None))

    def _answered(self, response: Response) -> None:
        request = self.request
        if request.scheme == "https" and self.inner is None and 200 <= response.status_code < 300:
            self._reader = None
            self.inner = _Told(self._look)
            secure_client(self._authority, self.peer, request.host, (b"http/1.1",), self.inner)
        else:
            self._finish(response)

    def _finish(self, response: Response | None) -> None:
        self.response = response
        self.done.callback(self)


def fetch(reactor: Any, port: int, request: Request, authority: IAuthority, timeout: float = 30) -> Deferred[Fetch]:
    """
    Ask one thing through the proxy that listens at C{port} of 127.0.0.1; the connection is closed afterwards.

    @param timeout: seconds for all of it.
    @return: fires when there is an answer, or when the connection has ended without; fails with C{TimeoutError}.
    """
    fetching = Fetch(request, authority)
    reactor.connectTCP("127.0.0.1", port, Once(fetching.peer), timeout=timeout)

    def close(outcome: Any) -> Any:
        fetching.close()
        return outcome

    def too_late(_result: object, seconds: float) -> NoReturn:
        raise TimeoutError(f"there was no answer within {seconds:g} s")

    return fetching.done.addTimeout(timeout, reactor, too_late).addBoth(close)
