"""
What the layers of one client connection share: who the client is, where its bytes are meant to go, and what must be
over before C{clientdisconnect}.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from twisted.internet.defer import Deferred
from zope.interface import implementer

from mitmtw.errors import ClientGone
from mitmtw.interfaces.layers import IClient
from mitmtw.interfaces.services import IProxy
from mitmtw.model import ClientConnection, HTTPFlow, ServerConnection

__all__ = ["Client", "Target"]


@dataclass(frozen=True, slots=True)
class Target:
    """
    Where a byte stream is meant to go, as far as that is known without reading a request.

    @ivar host: name or address of the server.
    @ivar port: its TCP port.
    @ivar tls: whether the server is spoken to in TLS.
    @ivar sni: the name to send and to verify; None for C{host}.
    @ivar protocol: C{"http"} when only HTTP is expected, C{"tcp"} when nothing is to be read, else C{""}.
    @ivar is_fixed: whether the listener says so (reverse mode), not the client.
    @ivar flow: the flow of the CONNECT request that opened the tunnel.
    """

    host: str
    port: int
    tls: bool = False
    sni: str | None = None
    protocol: str = ""
    is_fixed: bool = False
    flow: HTTPFlow | None = None


@implementer(IClient)
class Client:
    """
    One client connection, from C{clientconnect} to C{clientdisconnect}.

    @ivar proxy: what everything shares.
    @ivar client_conn: what addons see of it.
    @ivar server_conn: what addons see as long as no server was asked.
    @ivar held: the idle upstream connections that only this client may use.
    @ivar is_gone: whether the connection is lost.
    @ivar is_cut: whether it is lost by a FIN without the farewell of TLS: what came before counts.
    @ivar early: an upstream connection that was made before it was known what for, or None.
    @ivar early_end: the same, with TLS established on it.
    @ivar preparing: a Deferred of one that is being made, or None.
    """

    def __init__(self, proxy: IProxy, client_conn: ClientConnection, mode: str) -> None:
        self.proxy = proxy
        self.client_conn = client_conn
        self.server_conn = ServerConnection()
        self.mode = mode
        self.held: dict[Any, list[Any]] = {}
        self.early: Any = None
        self.early_end: Any = None
        self.preparing: Deferred[Any] | None = None
        self.is_gone = False
        self.is_cut = False
        self.root: Any = None
        self.switch: Any = None
        self.abort: Callable[[], None] = lambda: None
        self._busy = 0
        self._announced = False
        self._ended = False

    def begin(self) -> None:
        """Something starts that has to be over before C{clientdisconnect}."""
        self._busy += 1

    def done(self) -> None:
        """What L{begin} told of is over."""
        self._busy -= 1
        if self.is_gone and not self._busy:
            self._end()

    def announced(self) -> None:
        """C{clientconnect} was fired, so C{clientdisconnect} has to be."""
        self._announced = True

    def lost(self) -> None:
        """The connection is gone. Idle upstream connections held for it are closed, then C{clientdisconnect} fires."""
        if self.is_gone:
            return
        self.is_gone = True
        self.begin()
        if self.preparing is not None:
            self.preparing.cancel()
        for early in (self.early, self.early_end):
            if early is not None:
                early.abort()
        self.early = self.early_end = None
        for connections in list(self.held.values()):
            for connection in list(connections):
                connection.close()
        self.done()

    def drain(self) -> None:
        """The proxy shuts down: close as soon as nothing is under way."""
        if self.switch is not None:
            if self.switch.layer is not None:
                self.switch.layer.drain()
            else:
                self.abort()

    def kill(self) -> None:
        """Abort the connection; whatever runs on it ends with L{ClientGone}."""
        if not self.client_conn.error:
            self.client_conn.error = "killed"
        self.abort()

    def _end(self) -> None:
        """All is over but for the last hook."""
        if self._ended:
            return
        self._ended = True
        hook = self.proxy.hooks.clientdisconnect
        self.client_conn.timestamp_end = self.proxy.now()
        deferred: Deferred[Any] | None = None
        if self._announced and hook is not None:
            deferred = hook(self.root)
        if deferred is None:
            self._forget(None)
        else:
            deferred.addBoth(self._forget)

    def _forget(self, result: Any) -> None:
        """The last hook is done."""
        self.proxy.clients.discard(self)
        self.proxy.client_ended(self)


def client_gone(client: Client) -> ClientGone:
    """Why an exchange of C{client} ends."""
    return ClientGone(
        f"the client closed the connection{': ' + client.client_conn.error if client.client_conn.error else ''}"
    )
