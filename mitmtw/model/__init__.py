"""
The nouns that an addon touches: flows, requests, responses, connections. Plain Python, without a reactor.
"""

from mitmtw.model.coding import ContentTooLarge
from mitmtw.model.connection import ClientConnection, Connection, ConnectionState, ServerConnection
from mitmtw.model.cookies import CookieAttrs
from mitmtw.model.flow import Error, Flow, HTTPFlow
from mitmtw.model.headers import Headers
from mitmtw.model.history import Conversation, FlowMessage, History
from mitmtw.model.http import Request, Response
from mitmtw.model.message import Message
from mitmtw.model.multidict import MultiDict, MultiDictView
from mitmtw.model.tcp import TCPFlow, TCPMessage
from mitmtw.model.websocket import MessageType, WebSocketFlow, WebSocketMessage

__all__ = [
    "ClientConnection",
    "Connection",
    "ConnectionState",
    "ContentTooLarge",
    "Conversation",
    "CookieAttrs",
    "Error",
    "Flow",
    "FlowMessage",
    "HTTPFlow",
    "Headers",
    "History",
    "Message",
    "MessageType",
    "MultiDict",
    "MultiDictView",
    "Request",
    "Response",
    "ServerConnection",
    "TCPFlow",
    "TCPMessage",
    "WebSocketFlow",
    "WebSocketMessage",
]
