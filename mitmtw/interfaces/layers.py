"""
What the rooms below and above the layers know of them: layers, the switch that holds them, the streams of an exchange.
"""

from typing import Any

from zope.interface import Attribute, Interface

__all__ = ["IBody", "IClient", "IHTTPStream", "ILayer", "ISwitch"]


class ISwitch(Interface):
    """The bottom of one byte stream: holds the current layer, or waits for one."""

    layer = Attribute("The current L{ILayer}, None while waiting.")
    transport = Attribute("The L{twisted.internet.interfaces.ITransport} below.")

    def to(layer: Any, leftover: bytes = b"") -> None:
        """Make C{layer} current and give it C{leftover} and whatever was kept."""

    def wait(deferred: Any, then: Any) -> None:
        """Keep what arrives until C{deferred} fires, then call C{then} with its result."""


class ILayer(Interface):
    """
    One protocol on a byte stream: the C{root_layer} of C{clientconnect}, the C{layer} of C{next_layer}.

    Addons make layers by C{layer.proxy.layers[name](layer)}, which gives a new one for the same stream.
    """

    name = Attribute("What it speaks, C{str}.")
    client_conn = Attribute("The client's connection.")
    server_conn = Attribute("The server's connection, unconnected as long as none was needed.")
    proxy = Attribute("The L{mitmtw.interfaces.services.IProxy}.")
    replacement = Attribute("The layer that an addon wants instead; assigning it is the same as returning it.")

    def data_client() -> bytes:
        """The bytes of the client that were seen so far."""

    def data_server() -> bytes:
        """The bytes of the server that were seen so far, not empty when the server speaks first."""

    def ask_again() -> None:
        """In C{next_layer}: decide nothing yet, fire the hook again when more bytes are there."""

    def kill() -> None:
        """Abort the client's connection."""


class IClient(Interface):
    """What the layers of one client connection, and the upstream connections held for it, share."""

    client_conn = Attribute("What addons see of it.")
    held = Attribute("Idle upstream connections that only this client may use: key → list.")
    is_gone = Attribute("Whether the connection is lost.")
    early = Attribute("An upstream connection made before it was known what for, or None.")

    def begin() -> None:
        """Something starts that has to be over before C{clientdisconnect}."""

    def done() -> None:
        """What L{begin} told of is over."""


class IBody(Interface):
    """The body of one message as it comes."""

    done = Attribute("Whether its last byte is here.")
    trailers = Attribute("Raw pairs, when it is done.")
    framing = Attribute("How it was framed where it came from.")
    length = Attribute("Bytes, -1 when unknown.")

    def collect(limit: int, collected: Any) -> Any:
        """Keep all of it: None when it is whole, else a Deferred of whether it became whole within the limits."""

    def take() -> bytes:
        """What was kept."""

    def join(consumer: Any) -> Any:
        """Give all of it to C{consumer} as it comes: None when that was done at once, else a Deferred of the end."""


class IHTTPStream(Interface):
    """
    One request and its response on a connection of either side, whatever the version of HTTP.

    On the client's side we write the response and read the request's body, on the server's side the other way round.
    How a head, or a whole message, is sent differs between the two: a request needs to know how it came.
    """

    body = Attribute("The L{IBody} that comes in, None when there is none.")
    sent = Attribute("How much of the outgoing message was sent: nothing, head, whole.")
    full = Attribute("Whether the connection has more to send than it wants.")
    source = Attribute("What writes the outgoing body at the moment.")

    def write(data: bytes) -> None:
        """Send some bytes of the body."""

    def finish(trailers: Any = ()) -> None:
        """The body is over."""

    def reset(error: Exception) -> None:
        """Abort: nothing more is sent, nothing more is awaited."""
