"""
What C{twistd --reactor mitmtw} reads; names only, nothing of the proxy is imported here.

Never rename the variable: Twisted keeps it in a cache, and an old cache with a new name hides the plugin.
"""

from twisted.application.reactors import Reactor

mitmtw_reactor = Reactor("mitmtw", "mitmtw._net.reactor", "epoll(7), sending at once: quicker for a proxy.")
