"""
The reactor of C{mitmtw run} on Linux: Twisted's epoll reactor, with less work per event and with transports that send
at once. On other systems, and with a Twisted in which a private name is missing, the default reactor is installed
instead.

C{twistd --reactor mitmtw} installs it too.
"""

import sys
from typing import Any

from twisted.internet import default
from twisted.internet.main import installReactor

__all__ = ["install", "make_reactor"]


def make_reactor() -> Any:
    """
    Make the quick reactor, without installing it.

    @return: None where there is none.
    """
    if not sys.platform.startswith("linux"):
        return None
    try:
        from mitmtw._net.epoll import PRIVATE_ATTRIBUTES, PromptReactor
        from mitmtw._net.transports import PRIVATE_NAMES
    except (ImportError, AttributeError):  # a Python without epoll, or a Twisted that was rebuilt
        return None
    if not all(hasattr(owner, name) for owner, names in PRIVATE_NAMES.items() for name in names):
        return None
    reactor = PromptReactor()
    return reactor if all(hasattr(reactor, name) for name in PRIVATE_ATTRIBUTES) else None


def install() -> None:
    """
    Install the quick reactor, or the default one where it is not there.

    @raise ReactorAlreadyInstalledError: there is one already.
    """
    reactor = make_reactor()
    if reactor is None:
        default.install()
    else:
        installReactor(reactor)
