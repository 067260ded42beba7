"""
A protocol of one's own with a hook of its own: what is said on port 6667 (IRC) is seen line by line.

    mitmtw run --script examples/line_protocol.py
"""

from typing import Any

from zope.interface import Interface

from mitmtw.interfaces.gates import ASK, tag
from mitmtw.layers import LineLayer


class ILineAddon(Interface):
    """C{line_start}, C{line_error} and C{line_end} would be fired too, if they were declared here."""

    def line_message(flow: Any) -> Any:  # noqa: N805 - the methods of an interface have no self
        """Called for each line, which is C{flow.messages[-1]} and may be changed or killed, before it is passed on."""


tag(ILineAddon, ASK, "line_message")  # the line waits for its handlers


class LineProtocol:
    """Declares the hook and chooses the layer; this and any other addon may listen to the hook."""

    def load(self, loader: Any) -> None:  # noqa: D102
        loader.add_hooks(ILineAddon)

    def next_layer(self, layer: Any) -> None:  # noqa: D102
        if layer.name == "tcp" and layer.target is not None and layer.target.port == 6667:
            layer.replacement = LineLayer(layer.client, layer.target)
            layer.replacement.family = "line"  # the first word of its hooks

    def line_message(self, flow: Any) -> None:  # noqa: D102
        print(flow.messages[-1])


addons = [LineProtocol()]
