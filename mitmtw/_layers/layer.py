"""
What all layers are: one protocol on a byte stream, put there by a L{Switch}.

A layer is also what addons see as C{root_layer} and as the argument of C{next_layer}.
"""

from typing import TYPE_CHECKING, Any

from twisted.internet.interfaces import IReactorTime
from twisted.python.failure import Failure
from zope.interface import implementer

from mitmtw._layers.client import Client, Target
from mitmtw.interfaces.layers import ILayer
from mitmtw.interfaces.services import IProxy
from mitmtw.model import ClientConnection, ServerConnection

if TYPE_CHECKING:
    from mitmtw._layers.switch import Switch

__all__ = ["Layer", "chosen"]


@implementer(ILayer)
class Layer:
    """
    One protocol on a byte stream. Not a L{twisted.internet.protocol.Protocol}: the L{Switch} below it is that, and
    calls it.

    @cvar name: what it speaks, for logs and addons.
    @ivar client: what the layers of one client connection share.
    @ivar target: where the bytes are meant to go, None when only requests tell.
    @ivar replacement: the layer that an addon wants instead of this one.
    """

    name = "layer"

    def __init__(self, client: Client, target: Target | None = None) -> None:
        self.client = client
        self.target = target
        self.replacement: Layer | None = None
        self.wants_more = False
        self.switch: Switch
        self.transport: Any = None
        self._seen_client = b""
        self._seen_server = b""

    # -- for addons ---------------------------------------------------------------------------------------------------

    @property
    def client_conn(self) -> ClientConnection:
        """The client's connection."""
        return self.client.client_conn

    @property
    def server_conn(self) -> ServerConnection:
        """The connection to the server, unconnected as long as none was needed."""
        return self.client.server_conn

    @property
    def proxy(self) -> IProxy:
        """The proxy; C{proxy.layers} makes layers by name."""
        return self.client.proxy

    @property
    def ctx(self) -> "Layer":
        """What addons of older proxies read the connections from: this layer."""
        return self

    def data_client(self) -> bytes:
        """The bytes of the client that were seen when this layer was proposed."""
        return self._seen_client

    def data_server(self) -> bytes:
        """The bytes of the server that were seen when this layer was proposed (a server that speaks first)."""
        return self._seen_server

    def ask_again(self) -> None:
        """In C{next_layer}: decide nothing yet, fire the hook again when more bytes are there."""
        self.wants_more = True

    def kill(self) -> None:
        """Abort the client's connection."""
        self.client.kill()

    def saw(self, client: bytes, server: bytes) -> None:
        """Remember what the choice of this layer was made from."""
        self._seen_client = client
        self._seen_server = server

    # -- for the switch -----------------------------------------------------------------------------------------------

    @property
    def clock(self) -> IReactorTime:
        """The proxy's clock."""
        clock: IReactorTime = self.client.proxy.reactor
        return clock

    def attach(self, switch: "Switch") -> None:
        """Become the current layer of C{switch}, whose transport is connected."""
        self.switch = switch
        self.transport = switch.transport
        self.started()

    def started(self) -> None:
        """The layer is current: begin."""

    def dataReceived(self, data: bytes) -> None:
        """Bytes of the client."""

    def readConnectionLost(self) -> None:
        """The client has sent its last byte (never under TLS)."""
        self.transport.loseConnection()

    def connectionLost(self, reason: Failure) -> None:
        """The client's connection is gone."""

    def peer_gone(self) -> None:
        """The client was found to be gone while nobody read from it."""
        self.transport.abortConnection()

    def timed_out(self) -> None:
        """The connection's deadline has passed."""
        self.transport.abortConnection()

    def drain(self) -> None:
        """The proxy shuts down: end as soon as nothing is under way."""


def chosen(layer: Layer) -> Layer:
    """The layer that addons made of the proposal C{layer}: its replacement's replacement and so on."""
    seen = {id(layer)}
    while layer.replacement is not None and id(layer.replacement) not in seen:
        layer = layer.replacement
        seen.add(id(layer))
    return layer
