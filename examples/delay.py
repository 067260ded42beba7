"""
Make every answer late, as a slow network would; other flows do not wait.

    mitmtw run --script examples/delay.py --set delay=1.5
"""

from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.task import deferLater

from mitmtw.interfaces import ILoader
from mitmtw.model import HTTPFlow


class DelayAnswers:
    """Waits by a Deferred, with the reactor that the proxy gives: never import one."""

    def load(self, loader: ILoader) -> None:
        """Declare the option, and keep the reactor."""
        self.reactor = loader.reactor
        loader.add_option("delay", float, 1.0, "How late answers are.", unit="seconds")

    def configure(self, options: Any, updated: set[str]) -> None:
        """Keep the options: they are a live view."""
        self.options = options

    def responseheaders(self, flow: HTTPFlow) -> Deferred[None]:
        """The answer waits until this fires; when the client goes away before, it is cancelled."""
        return deferLater(self.reactor, self.options.delay)


addons = [DelayAnswers()]
