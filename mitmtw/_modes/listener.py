"""
One listener: makes the first layer of each connection that comes in, and fires C{clientconnect}.
"""

from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IAddress, IListeningPort
from twisted.internet.protocol import Factory, Protocol
from typing_extensions import override

from mitmtw._layers.client import Client
from mitmtw._layers.layer import chosen
from mitmtw._layers.opening import Opening
from mitmtw._layers.switch import Switch
from mitmtw._modes.spec import ListenSpec
from mitmtw._streams.channel import address_of, send_at_once
from mitmtw.interfaces.services import IProxy
from mitmtw.model import ClientConnection
from mitmtw.model.connection import ConnectionState

__all__ = ["Listener"]


class Listener(Factory):
    """
    Accepts clients for one C{[MODE@]ENDPOINT}.

    @ivar port: the listening port, once it is bound.
    @ivar is_open: whether clients are accepted.
    """

    noisy = False

    def __init__(self, proxy: IProxy, spec: ListenSpec) -> None:
        self.spec = spec
        self.port: IListeningPort | None = None
        self.is_open = False
        self._proxy = proxy

    def bound(self, port: IListeningPort) -> None:
        """The endpoint listens: accept nobody before L{open}."""
        self.port = port
        if not self.is_open and hasattr(port, "stopReading"):
            port.stopReading()

    def open(self) -> None:
        """Accept clients from now on."""
        self.is_open = True
        if self.port is not None and hasattr(self.port, "startReading"):
            self.port.startReading()

    @override
    def buildProtocol(self, addr: IAddress | None) -> Protocol:
        """A new client."""
        conn = ClientConnection()
        conn.mode = self.spec.mode
        client = Client(self._proxy, conn, self.spec.mode)
        return Switch(client, lambda switch: self._connected(switch, client))

    def _connected(self, switch: Switch, client: Client) -> None:
        """Accepted: tell addons before a byte is read."""
        conn = client.client_conn
        transport = switch.transport
        send_at_once(transport)
        conn.address = address_of(transport.getPeer())
        conn.sockname = address_of(transport.getHost())
        conn.timestamp_start = self._proxy.now()
        conn.state = ConnectionState.OPEN
        client.abort = transport.abortConnection
        client.switch = switch
        switch.lost = client.lost
        self._proxy.clients.add(client)
        if not self.is_open:  # an endpoint that cannot be told to wait
            transport.abortConnection()
            return
        if self.spec.target is not None:
            client.server_conn.address = (self.spec.target.host, self.spec.target.port)
        root = Opening(client, self.spec.target)
        root.transport = transport
        client.root = root
        hook = self._proxy.hooks.clientconnect
        client.announced()
        deferred: Deferred[Any] | None = hook(root) if hook is not None else None

        def decided(_: Any) -> None:
            if conn.error:
                transport.abortConnection()
            else:
                switch.to(chosen(root))

        if deferred is None:
            decided(None)
        else:
            switch.wait(deferred, decided)
