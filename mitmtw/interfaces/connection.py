"""The hooks of connections, and the one that chooses what a byte stream is."""

from typing import TYPE_CHECKING, Any

from zope.interface import Interface

from mitmtw.interfaces.gates import ASK, TELL, tag
from mitmtw.interfaces.hooks import HookResult

if TYPE_CHECKING:
    from mitmtw.model import ServerConnection

__all__ = ["IConnectionAddon", "ILayerAddon"]


class IConnectionAddon(Interface):
    """
    Connections of clients to us, and of us to servers.

    Events of one connection never overlap.
    """

    def clientconnect(root_layer: Any) -> Any:
        """
        Called when a client has connected, before a byte of it is read.

        The connection may be killed by C{root_layer.kill()}. A result that is a layer becomes the root layer in its
        place; handlers after it are given the latest choice.

        @param root_layer: the layer at the root of this connection; C{root_layer.client_conn} tells who connected.
        """

    def clientdisconnect(root_layer: Any) -> HookResult:
        """
        Called exactly once for each C{clientconnect}, after every other event of that connection.

        @param root_layer: the layer at the root of this connection.
        """

    def serverconnect(server_conn: "ServerConnection") -> HookResult:
        """
        Called before each attempt to connect to a server. A connection that is used again fires no event.

        A handler may change C{address}, C{source_address}, C{sni}, C{tls} and C{via}, or call C{server_conn.kill()}.
        The name that the server's certificate is verified against follows C{sni}.

        @param server_conn: the connection to be; its C{address} is never None.
        """

    def serverdisconnect(server_conn: "ServerConnection") -> HookResult:
        """
        Called exactly once for each connection that was established, when it has closed; never for a failed attempt.

        A connection held for one client closes before that client's C{clientdisconnect}; an idle one in the shared pool
        may close after it.

        @param server_conn: the connection that was closed.
        """


class ILayerAddon(Interface):
    """The choice of the protocol that is spoken on a byte stream."""

    def next_layer(layer: Any) -> Any:
        """
        Called whenever a byte stream must be given a protocol: after accept, after CONNECT, inside TLS, after an
        upgrade.

        To choose another layer return it, or set C{layer.replacement}; None keeps the proposal. Each handler is given
        the latest choice. The bytes seen so far are C{layer.data_client()} and C{layer.data_server()}.

        @param layer: the proposal.
        """


tag(IConnectionAddon, ASK, "clientconnect", returns_layer=True)
tag(IConnectionAddon, TELL, "clientdisconnect", "serverdisconnect")
tag(IConnectionAddon, ASK, "serverconnect")
tag(ILayerAddon, ASK, "next_layer", returns_layer=True)
