"""
Proxies and servers on real sockets of this machine, for tests with clients of any kind.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from twisted.internet.defer import Deferred, maybeDeferred
from twisted.python.failure import Failure

from mitmtw.daemon import ProxyService
from mitmtw.model import Request, Response
from mitmtw.testing.authority import throw_away_authority, throw_away_root
from mitmtw.testing.canned import Answers, Canned
from mitmtw.testing.fetch import Fetch, fetch
from mitmtw.testing.flows import make_request
from mitmtw.testing.options import options_with
from mitmtw.testing.peers import Origin
from mitmtw.testing.tls import TLSOrigin

__all__ = ["RunningOrigin", "RunningProxy"]

_HOST = "127.0.0.1"


class RunningProxy:
    """
    A proxy that listens on a port of 127.0.0.1 that the system chose. It trusts the servers of L{RunningOrigin}.

    It is bound at once; clients that come before the addons have started wait.

    @ivar service: the proxy.
    @ivar port: where it listens: its first listener.
    @ivar ports: where all its listeners do.
    @ivar ca_file: the path of the certificate that its clients have to trust.
    """

    def __init__(
        self,
        reactor: Any,
        addons: Sequence[object] = (),
        *,
        scripts: Sequence[str] = (),
        listeners: Sequence[str] = (f"tcp:0:interface={_HOST}",),
        options: Mapping[str, object] | None = None,
    ) -> None:
        """
        Start it.

        @param scripts: paths of Python files.
        @param options: values of options; by default C{drain_timeout} is 1 second.
        @raise OptionsError: an option is unknown or wrong.
        """
        self._reactor = reactor
        self.ca_file = throw_away_root()
        self._authority = throw_away_authority(reactor, upstream_ca=self.ca_file)
        registry = options_with({"drain_timeout": 1, **(options or {})})
        self.service = ProxyService(
            reactor, registry, listeners=listeners, scripts=scripts, addons=addons, authority=self._authority
        )
        self._failure: Failure | None = None
        self.service.failed.addErrback(self._failed)
        self.service.startService()
        self.check()
        self.ports: list[int] = [address.port for address in self.service.addresses]
        self.port = self.ports[0]

    @property
    def url(self) -> str:
        """The proxy's URL."""
        return f"http://{_HOST}:{self.port}"

    def fetch(self, request: Request | str, timeout: float = 30) -> Deferred[Response | None]:
        """
        Ask one thing through the proxy, on a connection of its own.

        @param request: the request, or a URL for a GET.
        @param timeout: seconds.
        @return: the response; None when the connection ended without one. It fails with C{TimeoutError}.
        """
        asked = make_request(url=request) if isinstance(request, str) else request

        def answered(fetching: Fetch) -> Response | None:
            self.check()
            return fetching.response

        return fetch(self._reactor, self.port, asked, self._authority, timeout).addCallback(answered)

    def check(self) -> None:
        """Raise why the proxy could not start, if it could not."""
        if self._failure is not None:
            self._failure.raiseException()

    def stop(self) -> Deferred[None]:
        """Stop it; fires when all addons are done, and fails with why it could not start."""
        return self.service.stopService().addCallback(lambda _: self.check())

    def _failed(self, failure: Failure) -> None:
        self._failure = failure


class RunningOrigin:
    """
    A server on a port of 127.0.0.1 that the system chose.

    @ivar canned: what it answers, and what it was asked.
    @ivar port: where it listens.
    @ivar url: its root, without a slash at the end.
    """

    def __init__(
        self, reactor: Any, answers: Answers, *, tls: bool = False, names: Sequence[str] = ("localhost", _HOST)
    ) -> None:
        """
        Start it.

        @param answers: see L{mitmtw.testing.canned}.
        @param names: those in its certificate, which the root of L{RunningProxy.ca_file} has issued.
        """
        scheme = "https" if tls else "http"
        self.canned = Canned(answers, scheme)
        authority = throw_away_authority(reactor) if tls else None
        self._origin = TLSOrigin(authority, names, (b"http/1.1",), self.canned) if authority else Origin(self.canned)
        self._listening = reactor.listenTCP(0, self._origin, interface=_HOST)
        self.port: int = self._listening.getHost().port
        self.url = f"{scheme}://{names[0] if tls else _HOST}:{self.port}"

    @property
    def requests(self) -> list[Request]:
        """What it was asked, in order."""
        return self.canned.requests

    @property
    def connections(self) -> int:
        """How many connections there were."""
        return len(self._origin.peers)

    def stop(self) -> Deferred[None]:
        """Listen no more, and end all connections."""
        for peer in self._origin.peers:
            if peer.is_connected:
                peer.reset()
        return maybeDeferred(self._listening.stopListening)
