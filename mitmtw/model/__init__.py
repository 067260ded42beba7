"""
The nouns that an addon touches: flows, requests, responses, connections. Plain Python, without a reactor.
"""

from mitmtw.model.coding import ContentTooLarge
from mitmtw.model.connection import ClientConnection, Connection, ConnectionState, ServerConnection
from mitmtw.model.cookies import CookieAttrs
from mitmtw.model.flow import Error, Flow, HTTPFlow
from mitmtw.model.headers import Headers
from mitmtw.model.http import Request, Response
from mitmtw.model.message import Message
from mitmtw.model.multidict import MultiDict, MultiDictView

__all__ = [
    "ClientConnection",
    "Connection",
    "ConnectionState",
    "ContentTooLarge",
    "CookieAttrs",
    "Error",
    "Flow",
    "HTTPFlow",
    "Headers",
    "Message",
    "MultiDict",
    "MultiDictView",
    "Request",
    "Response",
    "ServerConnection",
]
