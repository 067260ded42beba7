"""
The services that rooms find in the one argument C{proxy}: hooks, upstream, authority, options, time.

They are how C{_layers}, C{_upstream}, C{_tls} and C{_hooks} meet without importing one another; L{mitmtw.daemon} wires
them.
"""

from typing import Any

from zope.interface import Attribute, Interface

__all__ = ["IProxy", "IUpstream"]


class IUpstream(Interface):
    """The way to the servers."""

    def open(request: Any, flow: Any, client: Any, target: Any, must_be_fresh: bool) -> Any:
        """
        A stream for a request on a pooled or a new connection.

        @param request: what is to be sent: its host, port and scheme say where to.
        @param flow: whose C{upstream} says by which way.
        @param target: where the client's tunnel or listener leads, None without one.
        @param must_be_fresh: do not reuse a connection.
        @return: an L{mitmtw.interfaces.layers.IHTTPStream}, or a Deferred of one that fails with
            L{mitmtw.errors.ConnectFailed} or a subclass.
        """

    def connect(server_conn: Any, client: Any) -> Any:
        """
        A connection of its own for one client, for bytes that are not read as HTTP.

        @param server_conn: where to; C{tls} says whether the caller will speak TLS.
        @return: a Deferred of the connection, on which nothing is spoken yet; it fails like L{open}.
        """

    def secure(link: Any, inner: Any, alpn: Any) -> None:
        """Speak TLS on a connection of L{connect}, with C{inner} inside."""

    def warm(host: str, port: int, sni: str, client: Any) -> Any:
        """
        Connect by TLS before anything is asked; a Deferred of something whose C{server_conn} tells the certificate.
        """

    def describe(transport: Any, conn: Any) -> None:
        """Write down in C{conn} what the TLS handshake on C{transport} has agreed on."""


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

    def is_own_address(host: str, port: int, here: str | None = None) -> bool:
        """
        Whether a connection to this address would come back to us.

        @param here: our own address on such a connection, when it is there already.
        """
