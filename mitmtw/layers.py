"""
Protocols of addons' own: layers, which C{next_layer} may put in the place of what the proxy would speak.

A layer is one protocol on a client's byte stream. Choose a base by how much is to be done:

  - L{LineLayer}: messages that are lines of text.
  - L{TCPLayer}: messages that are other parts of a byte stream. The queue, the hooks, the history and the ends of
    connections are there; what is left is to say where a message ends.
  - L{TwoSidedLayer}: a client and a server that were joined. What passes is the subclass's affair, addons see nothing
    of it; back-pressure is there.
  - L{Layer}: the client's bytes alone, for a protocol that is answered here.

Layers of the proxy are made by C{layer.proxy.layers[name](layer)}, for the same byte stream as C{layer}: C{"opening"}
recognises what comes, C{"tls"} is intercepted, C{"http1"} is read as requests, C{"tcp"} is seen by addons as messages,
C{"relay"} is not read at all.
"""

from mitmtw._layers.client import Client, Target
from mitmtw._layers.joint import TwoSidedLayer
from mitmtw._layers.layer import Layer
from mitmtw._layers.lines import LineLayer
from mitmtw._layers.server_end import ServerEnd
from mitmtw._layers.tcp import TCPLayer

__all__ = ["Client", "Layer", "LineLayer", "ServerEnd", "TCPLayer", "Target", "TwoSidedLayer"]
