"""
Connections in TCP mode: bytes as they come, in pieces.
"""

from typing import ClassVar

from mitmtw.model.history import Conversation, FlowMessage

__all__ = ["TCPFlow", "TCPMessage"]


class TCPMessage(FlowMessage):
    """
    Bytes that came in one piece: 64 KiB at most, cut wherever the network cut them. Content that is set to nothing is
    not sent.
    """

    __slots__ = ()


class TCPFlow(Conversation[TCPMessage]):
    """A connection in TCP mode; C{messages[-1]} is what C{tcp_message} is about."""

    __slots__ = ()

    type: ClassVar[str] = "tcp"
    message_class = TCPMessage
