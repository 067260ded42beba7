"""
Bytes that are not recognised yet: kept until it is sure what they are, then C{next_layer} is asked.

A server that speaks first must work too: when the client says nothing for C{server_first_delay} and it is known where
its bytes are meant to go, the server is connected, and the first bytes of either side decide.
"""

import re
from dataclasses import replace
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IDelayedCall
from twisted.python.failure import Failure
from typing_extensions import override

from mitmtw._layers.client import Client, Target
from mitmtw._layers.layer import Layer, chosen
from mitmtw._layers.server_end import connect_end
from mitmtw._layers.switch import Switch
from mitmtw._streams.channel import HIGH_WATER_BYTES
from mitmtw._streams.timeouts import NEVER
from mitmtw._wire.sniff import HTTP2_PREFACE, Sniffed, sniff
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

    def __init__(
        self, client: Client, target: Target | None = None, seen: bytes = b"", is_client_first: bool = False
    ) -> None:
        """
        @param seen: bytes that the client has sent already.
        @param is_client_first: whether the client is sure to speak first, because it has agreed to speak HTTP.
        """
        super().__init__(client, target)
        self._buffer = seen
        self._is_client_first = is_client_first
        self._client_ended = False
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
        target, early = self.target, self.client.early_end
        if target is not None and target.protocol == "tcp" and not target.is_fixed:
            self._propose(Sniffed.OTHER)
        elif target is not None and target.tls and early is not None:
            self.client.early_end = None
            self._connected(early)
        elif target is not None and target.protocol != "http" and self._link is None and not self._is_client_first:
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
            speaks_http2 = self.client.proxy.options.http2
            preface = HTTP2_PREFACE if speaks_http2 else b"PRI * HTTP/2.0\r\n"
            if found is None and (buffer[:1] == b"\x16" or preface.startswith(buffer)):
                return
            if found is not Sniffed.TLS and not (found is Sniffed.HTTP2 and speaks_http2):
                found = Sniffed.HTTP1  # whatever it is, only a request makes sense here: the codec refuses the rest
        elif self.target.protocol == "http" and found is Sniffed.OTHER:
            found = Sniffed.HTTP1
        elif self._is_raw() and found is not Sniffed.TLS and buffer[:1] != b"\x16":
            found = Sniffed.OTHER
        if found is None:
            if len(buffer) <= HIGH_WATER_BYTES:
                return
            found = Sniffed.OTHER
        if len(buffer) > self._asked_at:
            self._propose(found)

    def _is_raw(self) -> bool:
        """Whether what comes is not to be read as HTTP, because the listener or the option C{tcp_hosts} says so."""
        return is_raw(self.client, self.target)

    def _propose(self, found: Sniffed, is_last: bool = False) -> None:
        """
        Ask addons, giving up what was prepared here.

        @param is_last: whether the client will say no more, so that nobody can ask for more.
        """
        self._stop_timer()
        layers = self.client.proxy.layers
        name = {Sniffed.TLS: "tls", Sniffed.HTTP1: "http1"}.get(found, "tcp")
        if found is Sniffed.HTTP2 and self.client.proxy.options.http2:
            name = "http2"
        proposal: Layer = layers[name](self)
        server_bytes = b""
        link, self._link = self._link, None
        if link is not None:
            server_bytes = link.seen()
            link.when_heard(None)
            self._give(link)
        buffer, self._buffer = self._buffer, b""
        self._is_over = True
        self._asked_at = len(buffer)

        def again() -> None:
            opening = Opening(self.client, self.target, buffer, self._is_client_first)
            opening._asked_at = len(buffer)
            if link is not None and link in (self.client.early, self.client.early_end):
                self._give(None)
                opening._link = link
                link.when_heard(opening._server_spoke)
            self.switch.to(opening)

        propose(self.switch, proposal, buffer, server_bytes, None if is_last else again)

    # -- servers that speak first -------------------------------------------------------------------------------------

    def _silent(self) -> None:
        """The client says nothing: perhaps it waits for the server."""
        self._call = None
        target = self.target
        if target is None:
            return
        conn = ServerConnection((target.host, target.port), target.tls, target.sni)
        self.client.server_conn = conn
        if target.tls:  # what the server says first is inside TLS
            self._connecting = Deferred.fromCoroutine(connect_end(self.client, conn, ()))
        else:
            self._connecting = self.client.proxy.upstream.connect(conn, self.client)
        self.client.preparing = self._connecting
        self._connecting.addCallbacks(self._connected, self._failed)

    def _give(self, link: Any) -> None:
        """Leave a connection, or none, to the layer that comes next."""
        if self.target is not None and self.target.tls:
            self.client.early_end = link
        else:
            self.client.early = link

    def _connected(self, link: Any) -> None:
        """The server is there: the first bytes of either side decide."""
        self._connecting = self.client.preparing = None
        if self._is_over:
            if self.client.is_gone or self.client.early is not None or self.client.early_end is not None:
                link.abort()
            else:
                self._give(link)
            return
        self._link = link
        link.when_heard(self._server_spoke)
        if link.seen() or link.is_lost:
            self._server_spoke()
        elif self._client_ended or (self._buffer and b" " not in self._buffer and self._buffer[:1] != b"\x16"):
            self._propose(Sniffed.OTHER, self._client_ended)  # a word that nothing followed: hardly HTTP

    def _server_spoke(self) -> None:
        """The server has said something, or hung up."""
        if not self._is_over:
            self._propose(Sniffed.OTHER)

    def _failed(self, failure: Failure) -> None:
        """No connection: the client may still say something that we can answer with the reason, but in TCP mode."""
        self._connecting = self.client.preparing = None
        if self._is_over:
            return
        if self.target is not None and self.target.protocol == "tcp":
            self._propose(Sniffed.OTHER, self._client_ended)
        elif self._client_ended:
            self._close()

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
            self._propose(Sniffed.OTHER if self.target is not None else Sniffed.HTTP1, True)
        elif self._link is not None:
            self._propose(Sniffed.OTHER, True)
        elif self._connecting is not None:
            self._client_ended = True
        else:
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


def is_raw(client: Client, target: Target | None) -> bool:
    """Whether the listener or the option C{tcp_hosts} says that what goes to C{target} is not to be read as HTTP."""
    patterns = client.proxy.options.tcp_hosts
    if target is None or target.protocol == "tcp":
        return target is not None
    return bool(patterns) and any(re.search(each, f"{target.host}:{target.port}") for each in patterns)


def inside_tls(target: Target | None, sni: str | None, host: str) -> Target:
    """The target of what is inside a client's TLS."""
    if target is None:
        raise ValueError("a client that speaks TLS to the proxy itself has no target")
    if target.is_fixed:
        return target
    return replace(target, tls=True, sni=sni or host)
