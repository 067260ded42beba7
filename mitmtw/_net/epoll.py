"""
An epoll reactor that goes from a readable descriptor straight to its C{doRead}.

Twisted's own sets up a logging context for each event, for C{twisted.python.log} to say who spoke. We log by
C{twisted.logger}, which does not look at it.
"""

import errno
import sys
from select import EPOLLIN
from typing import Any, Final

from twisted.internet.epollreactor import EPollReactor
from twisted.logger import Logger
from twisted.python import log
from typing_extensions import override

from mitmtw._net.transports import PromptConnector, PromptPort

__all__ = ["PRIVATE_ATTRIBUTES", "PromptReactor"]

#: What is used of Twisted's reactor beyond its public interface.
PRIVATE_ATTRIBUTES: Final = ("_disconnectSelectable", "_doReadOrWrite", "_poller", "_selectables")

_log = Logger()


class PromptReactor(EPollReactor):
    """Twisted's epoll reactor with quicker reads, and with transports that send at once."""

    @override
    def doPoll(self, timeout: float | None) -> None:
        """
        Wait for events and serve them.

        @param timeout: seconds; None waits until there is an event.
        """
        selectables = self._selectables
        try:
            events = self._poller.poll(-1 if timeout is None else timeout, len(selectables))
        except OSError as error:
            if error.errno == errno.EINTR:
                return
            raise
        for descriptor, event in events:
            selectable = selectables.get(descriptor)
            if selectable is None:
                continue  # an event before this one has closed it
            if event != EPOLLIN:
                log.callWithLogger(selectable, self._doReadOrWrite, selectable, descriptor, event)
                continue
            try:
                why: Any = selectable.doRead()
            except BaseException:  # as every reactor of Twisted: what went wrong costs this one connection
                _log.failure("unhandled error while reading")
                why = sys.exc_info()[1]
            if why is not None:
                self._disconnectSelectable(selectable, why, True)

    doIteration = doPoll  # noqa: N815 - Twisted's name

    @override
    def listenTCP(self, port: int, factory: Any, backlog: int = 50, interface: str = "") -> PromptPort:
        """See L{twisted.internet.interfaces.IReactorTCP.listenTCP}."""
        listening = PromptPort(port, factory, backlog, interface, self)
        listening.startListening()
        return listening

    @override
    def connectTCP(
        self, host: str, port: int, factory: Any, timeout: float = 30, bindAddress: Any = None
    ) -> PromptConnector:
        """See L{twisted.internet.interfaces.IReactorTCP.connectTCP}."""
        connector = PromptConnector(host, port, factory, timeout, bindAddress, self)
        connector.connect()
        return connector
