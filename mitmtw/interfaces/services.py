"""
The services that rooms find in the one argument C{proxy}: hooks, upstream, authority, options, time.

They are how C{_layers}, C{_upstream}, C{_tls} and C{_hooks} meet without importing one another; L{mitmtw.daemon} wires them.
"""

from typing import Any

from zope.interface import Attribute, Interface

__all__ = ["IProxy", "IUpstream"]


class IUpstream(Interface):
    """The way to the servers."""

    def open(flow: Any, client: Any, target: Any) -> Any:
        """
        A stream for the flow's request on a pooled or a new connection.

        @return: an L{mitmtw.interfaces.layers.IHTTPStream}, or a Deferred of one that fails with
            L{mitmtw.errors.ConnectFailed} or a subclass.
        """

    def connect(server_conn: Any, client: Any, alpn: Any = ()) -> Any:
        """
        A connection of its own for one client, for bytes that are not read as HTTP.

        @param server_conn: where to; C{tls} says whether TLS is spoken.
        @param alpn: what is offered in TLS.
        @return: a Deferred of the connection; it fails like L{open}.
        """


class IProxy(Interface):
    """What everything shares."""

    hooks = Attribute("L{mitmtw.interfaces.hooks.IHooks}.")
    upstream = Attribute("L{IUpstream}.")
    authority = Attribute("L{mitmtw.interfaces.authority.IAuthority}.")
    options = Attribute("L{mitmtw.options.Options}.")
    reactor = Attribute("The reactor, at least L{twisted.internet.interfaces.IReactorTime}.")
    layers = Attribute("Factories of layers by name: C{layers[name](layer)} gives a new layer for the same stream.")
    watch = Attribute("L{mitmtw._streams.watch.Watch}.")
    timeouts = Attribute("L{mitmtw._streams.timeouts.Timeouts}.")
    collected = Attribute("L{mitmtw._streams.body.Collected}: the memory of collected bodies.")
    is_heard = Attribute("Whether any addon gets to see HTTP flows.")
    clients = Attribute("The set of clients that are connected, or whose last hook is not done.")

    def now() -> float:
        """The time of day, seconds since the epoch."""

    def client_ended(client: Any) -> None:
        """The last hook of C{client} is done."""

    def is_own_address(host: str, port: int) -> bool:
        """Whether a connection to this address would come back to us."""
