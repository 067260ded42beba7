"""
SMTP: both sides go on in TLS in the middle of their dialogue (STARTTLS, RFC 3207), and it is seen still.

    mitmtw run --script examples/starttls.py --listen reverse:tcp://mail.example:25@2525
"""

from typing import Any

from typing_extensions import override

from mitmtw.layers import LineLayer
from mitmtw.model import TCPFlow, TCPMessage


class SMTPLayer(LineLayer):
    """Lines, with the hooks of TCP. What a server says behind its 220 is dropped: it was not protected."""

    is_always_split = True  # also when no addon listens
    is_asked = False

    @override
    def passed_on(self, message: TCPMessage) -> None:
        line = message.content.strip().upper()
        if not message.killed and not message.from_client and self.is_asked and line.startswith(b"220"):
            self.start_tls(self.rest(True))
        self.is_asked = message.from_client and not message.killed and line == b"STARTTLS"


class SMTP:
    """Chooses the layer by port, outside and inside of TLS, and prints the dialogue."""

    def next_layer(self, layer: Any) -> None:  # noqa: D102
        if layer.name != "tls" and layer.target is not None and layer.target.port in (25, 587):
            layer.replacement = SMTPLayer(layer.client, layer.target)

    def tcp_message(self, flow: TCPFlow) -> None:  # noqa: D102
        print("TLS" if flow.server_conn.tls_established else "   ", flow.messages[-1])


addons = [SMTP()]
