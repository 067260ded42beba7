"""
What C{twistd} reads to know the command C{mitmtw}; names only, nothing of the proxy is imported here.

Never rename the variable: Twisted keeps it in a cache, and an old cache with a new name hides the plugin.
"""

from twisted.application.service import ServiceMaker

mitmtw = ServiceMaker("mitmtw", "mitmtw.tap", "An intercepting proxy for HTTP, TLS, WebSocket and TCP.", "mitmtw")
