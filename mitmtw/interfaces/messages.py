"""The hooks of raw message streams: connections in TCP mode."""

from typing import Any

from zope.interface import Interface

from mitmtw.interfaces.gates import ASK, TELL, tag
from mitmtw.interfaces.hooks import HookResult

__all__ = ["ITCPAddon"]


class ITCPAddon(Interface):
    """
    One connection in TCP mode. HTTP connections fire none of these.

    Both directions share one queue: C{flow.messages[-1]} is the message for as long as a handler is pending.
    """

    def tcp_start(flow: Any) -> HookResult:
        """
        Called when the server is connected, or could not be; nothing is relayed before this hook has finished.

        @param flow: the TCP flow.
        """

    def tcp_message(flow: Any) -> HookResult:
        """
        Called for each chunk of up to 64 KiB, of either side, before it is relayed.

        Change C{flow.messages[-1].content} (empty sends nothing), or drop it by C{flow.messages[-1].kill()}.

        @param flow: the TCP flow; the chunk is C{flow.messages[-1]}.
        """

    def tcp_error(flow: Any) -> HookResult:
        """
        Called when the connection broke, or the server could not be connected; before C{tcp_end}.

        @param flow: the TCP flow, whose C{error} is set.
        """

    def tcp_end(flow: Any) -> HookResult:
        """
        Called always, exactly once, as the last event of the flow.

        @param flow: the TCP flow.
        """


tag(ITCPAddon, ASK, "tcp_start", "tcp_message")
tag(ITCPAddon, TELL, "tcp_error", "tcp_end")
