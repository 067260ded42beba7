"""A proxy service that does nothing, in the place of L{mitmtw.daemon}."""

from typing import Any

from twisted.application.service import Service
from twisted.internet.defer import Deferred
from typing_extensions import override

__all__ = ["FakeProxyService"]


class FakeProxyService(Service):
    """
    Remembers how it was made, started and stopped.

    @cvar start_error: what C{startService} raises.
    """

    start_error: BaseException | None = None

    def __init__(self, reactor: Any, options: Any, *, listeners: Any, scripts: Any, addons: Any = ()) -> None:
        self.made_with = (reactor, options, listeners, scripts, addons)
        self.failed: Deferred[None] = Deferred()
        self.calls: list[str] = []

    @override
    def startService(self) -> None:
        super().startService()
        self.calls.append("start")
        if self.start_error is not None:
            raise self.start_error

    @override
    def stopService(self) -> None:
        super().stopService()
        self.calls.append("stop")
