"""
A whole proxy on an in-memory network: what a test of an exchange needs.
"""

from collections.abc import Callable, Sequence
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.protocol import Factory

from mitmtw._tls.authority import Authority
from mitmtw.daemon import ProxyService
from mitmtw.testing.authority import throw_away_authority, throw_away_root
from mitmtw.testing.network import Network
from mitmtw.testing.options import options_with
from mitmtw.testing.peers import Once, Origin, Peer
from mitmtw.testing.tls import TLSOrigin, secure_client

__all__ = ["Harness"]


class Harness:
    r"""
    A started proxy that listens on 127.0.0.1:8080 of its own network.

        harness = Harness(recorder)
        origin = harness.origin("example.com", 80, b"HTTP/1.1 204 No Content\r\n\r\n")
        client = harness.client()
        client.send(b"GET http://example.com/ HTTP/1.1\r\nHost: example.com\r\n\r\n")
        harness.pump()

    @ivar network: the network and the clock.
    @ivar service: the proxy.
    """

    def __init__(
        self,
        *addons: object,
        listen: Sequence[str] = ("tcp:8080:interface=127.0.0.1",),
        tls: dict[str, Any] | None = None,
        start: bool = True,
        **options: object,
    ) -> None:
        """
        @param listen: C{[MODE@]ENDPOINT} strings.
        @param tls: settings of the certificate authority; unless they say otherwise it trusts the servers of
            L{tls_origin}.
        @param start: False to start later, by L{start}.
        @param options: values of options, those that the addons declare included.
        """
        self.network = Network()
        trusting = {"upstream_ca": throw_away_root()}
        self.authority = throw_away_authority(self.network, **{**trusting, **(tls or {})})
        self._peers_authority = throw_away_authority(self.network, **trusting)
        self.options = options_with(options)
        self.service = ProxyService(
            self.network, self.options, listeners=listen, addons=addons, authority=self.authority
        )
        self.failures: list[Any] = []
        self.service.failed.addErrback(self.failures.append)
        if start:
            self.start()

    def start(self) -> None:
        """Start the proxy."""
        self.service.privilegedStartService()
        self.service.startService()
        self.pump()

    def stop(self) -> Deferred[None]:
        """Stop the proxy; what it waits for needs time to pass."""
        deferred = self.service.stopService()
        self.pump()
        return deferred

    def pump(self) -> None:
        """Let everything happen that happens without time passing."""
        self.network.settle()

    def advance(self, *seconds: float) -> None:
        """Let time pass, step by step."""
        for each in seconds:
            self.network.advance(each)
            self.network.settle()

    def origin(self, host: str, port: int, answer: bytes | Callable[[Peer], None] | None = None) -> Origin:
        """A server; a name gets an address of its own."""
        origin = Origin(answer)
        self.serve(host, port, origin)
        return origin

    def tls_origin(
        self,
        host: str,
        port: int,
        answer: bytes | Callable[[Peer], None] | None = None,
        names: Sequence[str] = (),
        alpn: Sequence[bytes] = (b"http/1.1",),
    ) -> TLSOrigin:
        """
        A server that speaks TLS.

        @param names: those in its certificate, C{host} unless given.
        @param alpn: the protocols it knows.
        """
        origin = TLSOrigin(self._peers_authority, names or [host], alpn, answer)
        self.serve(host, port, origin)
        return origin

    def secure(self, client: Peer, name: str, alpn: Sequence[bytes] = (b"http/1.1",), is_trusting: bool = True) -> Peer:
        """
        Start TLS on a client's connection, behind what was sent on it.

        @param name: the name to send and to verify.
        @param is_trusting: whether the client trusts the proxy's root.
        @return: a peer that speaks inside.
        """
        authority = self._peers_authority if is_trusting else throw_away_authority(self.network)
        inner = secure_client(authority, client, name, alpn)
        self.pump()
        return inner

    def serve(self, host: str, port: int, factory: Factory) -> None:
        """Listen with any factory."""
        names = self.network.names
        address = host
        if not host.replace(".", "").isdigit():
            if host not in names:
                names[host] = [f"192.0.2.{len(names)}"]
            address = names[host][0]
        self.network.listenTCP(port, factory, interface=address)

    def client(self, port: int = 8080) -> Peer:
        """A connected client of the proxy."""
        peer = Peer()
        self.connect(peer, port)
        self.pump()
        return peer

    def connect(self, peer: Peer, port: int = 8080) -> None:
        """Begin to connect a client of any kind to the proxy."""
        self.network.connectTCP("127.0.0.1", port, Once(peer))

    @property
    def trusted(self) -> Authority:
        """Whom clients trust that trust the proxy."""
        return self._peers_authority
