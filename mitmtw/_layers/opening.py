"""
Bytes that are not recognised yet: kept until it is sure what they are, then C{next_layer} is asked.

A server that speaks first must work too: when the client says nothing for C{server_first_delay} and it is known where
its bytes are meant to go, the server is connected, and the first bytes of either side decide.
"""

from dataclasses import replace
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IDelayedCall
from twisted.python.failure import Failure
from typing_extensions import override

from mitmtw._layers.client import Client, Target
from mitmtw._layers.layer import Layer, chosen
from mitmtw._layers.switch import Switch
from mitmtw._streams.channel import HIGH_WATER_BYTES
from mitmtw._streams.timeouts import NEVER
from mitmtw._wire.sniff import Sniffed, sniff
from mitmtw.model import ServerConnection

__all__ = ["Opening", "propose"]


def propose(switch: Switch, proposal: Layer, client_bytes: bytes, server_bytes: bytes = b"", again: Any = None) -> None:
    """
    Ask addons what comes next on C{switch}, then put it there.

    @param proposal: the layer that we would take.
    @param client_bytes: what the client sent and nobody has read; the layer that is chosen gets it.
    @param again: called without arguments when an addon wants to see more first; None when there will not be more.
    """
    client = switch.client
    proposal.saw(client_bytes, server_bytes)
    hook = client.proxy.hooks.next_layer

    def decided(result: Any) -> None:
        layer = chosen(proposal)
        if client.client_conn.error:
            client.abort()
        elif proposal.wants_more and again is not None:
            again()
        else:
            switch.to(layer, client_bytes)

    deferred = hook(proposal) if hook is not None else None
    if deferred is None:
        decided(None)
    else:
        switch.wait(deferred, decided)


class Opening(Layer):
    """Keeps bytes until they are recognised."""

    name = "opening"

    def __init__(self, client: Client, target: Target | None = None, seen: bytes = b"") -> None:
        super().__init__(client, target)
        self._buffer = seen
        self._link: Any = None
        self._connecting: Deferred[Any] | None = None
        self._call: IDelayedCall | None = None
        self._asked_at = -1
        self._is_over = False

    @override
    def started(self) -> None:
        """Wait for bytes; not for long, when the server may be the one to speak."""
        options = self.client.proxy.options
        self.switch.deadline = self.client.proxy.timeouts.seconds() + (options.client_idle_timeout or NEVER)
        if self.target is not None and self.target.protocol == "tcp" and not self.target.is_fixed:
            self._propose(Sniffed.OTHER)
        elif self.target is not None and self.target.protocol != "http" and self.client.early is None:
            self._call = self.clock.callLater(options.server_first_delay, self._silent)

    @override
    def dataReceived(self, data: bytes) -> None:
        """Bytes of the client."""
        self._buffer += data
        self._decide()

    def _decide(self) -> None:
        """Propose a layer, if it is sure what this is."""
        buffer = self._buffer
        if self._is_over or not buffer:
            return
        found = sniff(buffer)
        if self.target is None:
            if found is None and (buffer[:1] == b"\x16" or b"PRI * HTTP/2.0\r\n".startswith(buffer)):
                return
            if found is not Sniffed.TLS:
                found = Sniffed.HTTP1  # whatever it is, only a request makes sense here: the codec refuses the rest
        elif self.target.protocol == "http" and found is Sniffed.OTHER:
            found = Sniffed.HTTP1
        elif self.target.protocol == "tcp" and found in (Sniffed.HTTP1, Sniffed.HTTP2):
            found = Sniffed.OTHER
        if found is None:
            if len(buffer) <= HIGH_WATER_BYTES:
                return
            found = Sniffed.OTHER
        if len(buffer) > self._asked_at:
            self._propose(found)

    def _propose(self, found: Sniffed) -> None:
        """Ask addons, giving up what was prepared here."""
        self._stop_timer()
        layers = self.client.proxy.layers
        name = {Sniffed.TLS: "tls", Sniffed.HTTP1: "http1"}.get(found, "relay")
        proposal: Layer = layers[name](self)
        server_bytes = b""
        if self._link is not None:
            server_bytes = self._link.seen()
            self._link.when_heard(None)
            self.client.early = self._link
            self._link = None
        buffer, self._buffer = self._buffer, b""
        self._is_over = True
        self._asked_at = len(buffer)

        def again() -> None:
            opening = Opening(self.client, self.target, buffer)
            opening._asked_at = len(buffer)
            self.switch.to(opening)

        propose(self.switch, proposal, buffer, server_bytes, again)

    # -- servers that speak first -------------------------------------------------------------------------------------

    def _silent(self) -> None:
        """The client says nothing: perhaps it waits for the server."""
        self._call = None
        target = self.target
        if target is None or self._buffer:
            return
        conn = ServerConnection((target.host, target.port), target.tls, target.sni)
        self.client.server_conn = conn
        self._connecting = self.client.proxy.upstream.connect(conn, self.client)
        self._connecting.addCallbacks(self._connected, self._failed)

    def _connected(self, link: Any) -> None:
        """The server is there: the first bytes of either side decide."""
        self._connecting = None
        if self._is_over:
            if self.client.is_gone or self.client.early is not None:
                link.abort()
            else:
                self.client.early = link
            return
        target = self.target
        if target is not None and target.tls:
            # What the server says first is inside TLS: only a relay can find out.
            self._link = link
            self._propose(Sniffed.OTHER)
            return
        self._link = link
        link.when_heard(self._server_spoke)
        if link.seen() or link.is_lost:
            self._server_spoke()

    def _server_spoke(self) -> None:
        """The server has said something, or hung up."""
        if not self._is_over:
            self._propose(Sniffed.OTHER)

    def _failed(self, failure: Failure) -> None:
        """No connection: the client may still say something that we can answer with the reason."""
        self._connecting = None

    def _stop_timer(self) -> None:
        if self._call is not None:
            self._call.cancel()
            self._call = None

    # -- endings ------------------------------------------------------------------------------------------------------

    @override
    def readConnectionLost(self) -> None:
        """The client will say no more: take what it said for what it most likely is."""
        if self._is_over:
            return
        if self._buffer:
            self._propose(Sniffed.OTHER if self.target is not None else Sniffed.HTTP1)
        elif self._link is None and self._connecting is None:
            self._close()

    def _close(self) -> None:
        self._is_over = True
        self._stop_timer()
        self.transport.loseConnection()

    @override
    def timed_out(self) -> None:
        """Nothing came for too long."""
        self._close()

    @override
    def drain(self) -> None:
        """Nothing is under way."""
        self._close()

    @override
    def connectionLost(self, reason: Failure) -> None:
        """The client is gone before it was known what it wanted."""
        self._is_over = True
        self._stop_timer()
        connecting, self._connecting = self._connecting, None
        if connecting is not None:
            connecting.cancel()
        link, self._link = self._link, None
        if link is not None:
            link.abort()


def inside_tls(target: Target | None, sni: str | None, host: str) -> Target:
    """The target of what is inside a client's TLS."""
    if target is None:
        raise ValueError("a client that speaks TLS to the proxy itself has no target")
    if target.is_fixed:
        return target
    return replace(target, tls=True, sni=sni or host)
