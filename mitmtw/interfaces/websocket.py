"""The hooks of WebSocket connections."""

from typing import TYPE_CHECKING, Any

from zope.interface import Interface

from mitmtw.interfaces.gates import ASK, TELL, tag
from mitmtw.interfaces.hooks import HookResult

if TYPE_CHECKING:
    from mitmtw.model import HTTPFlow

__all__ = ["IWebSocketAddon"]


class IWebSocketAddon(Interface):
    """
    One WebSocket connection: C{websocket_handshake} among the HTTP hooks, then the others with the WebSocket flow.

    Both directions share one queue: C{flow.messages[-1]} is the message for as long as a handler is pending.
    """

    def websocket_handshake(flow: "HTTPFlow") -> HookResult:
        """
        Called when a client wants to open a WebSocket connection, after C{request} and before the server is connected.

        The C{Sec-WebSocket-*} fields may be edited. It is skipped when C{request} already set a response.

        @param flow: the HTTP flow with the handshake's request.
        """

    def websocket_start(flow: Any) -> HookResult:
        """
        Called when both ends are open; nothing is relayed before this hook has finished.

        @param flow: the WebSocket flow; its C{handshake_flow} is the HTTP flow.
        """

    def websocket_message(flow: Any) -> HookResult:
        """
        Called for each whole message, of either side, before it is relayed.

        Change C{flow.messages[-1].content}, or drop it by C{flow.messages[-1].kill()}; C{flow.kill()} closes the
        connection.

        @param flow: the WebSocket flow; the message is C{flow.messages[-1]}.
        """

    def websocket_error(flow: Any) -> HookResult:
        """
        Called when the connection ended abnormally, before C{websocket_end}.

        @param flow: the WebSocket flow, whose C{error} is set.
        """

    def websocket_end(flow: Any) -> HookResult:
        """
        Called always, exactly once, as the last event of the flow.

        @param flow: the WebSocket flow; C{close_sender}, C{close_code} and C{close_reason} say how it ended.
        """


tag(IWebSocketAddon, ASK, "websocket_handshake", can_respond=True)
tag(IWebSocketAddon, ASK, "websocket_start", "websocket_message")
tag(IWebSocketAddon, TELL, "websocket_error", "websocket_end")
