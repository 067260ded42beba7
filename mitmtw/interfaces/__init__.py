"""
What addons may implement, and what the rooms know of each other.

Importing this is light and cannot fail: every Twisted program on a machine may do it when it looks for plugins. So
there is no reactor, no OpenSSL and no model here.
"""

from mitmtw.interfaces.connection import IConnectionAddon, ILayerAddon
from mitmtw.interfaces.hooks import IHooks
from mitmtw.interfaces.http import IHTTPAddon
from mitmtw.interfaces.lifecycle import ILifecycleAddon
from mitmtw.interfaces.messages import ITCPAddon
from mitmtw.interfaces.plugins import IAddonMaker
from mitmtw.interfaces.superset import ILoader, IServerConnectionAddon, IStartupAddon, IUpdateAddon
from mitmtw.interfaces.websocket import IWebSocketAddon

__all__ = [
    "ADDON_INTERFACES",
    "IAddonMaker",
    "IConnectionAddon",
    "IHTTPAddon",
    "IHooks",
    "ILayerAddon",
    "ILifecycleAddon",
    "ILoader",
    "IServerConnectionAddon",
    "IStartupAddon",
    "ITCPAddon",
    "IUpdateAddon",
    "IWebSocketAddon",
]

#: All interfaces whose methods are hooks, in the order of the documentation. The table of hooks is made from them.
ADDON_INTERFACES = (
    ILifecycleAddon,
    IConnectionAddon,
    ILayerAddon,
    IHTTPAddon,
    IWebSocketAddon,
    ITCPAddon,
    IStartupAddon,
    IUpdateAddon,
    IServerConnectionAddon,
)
