"""
Log answers that took long, with the time to the first and to the last byte.

    mitmtw run --script examples/log_slow.py --set slow=0.5
"""

from typing import Any

from twisted.logger import Logger

from mitmtw.addon import wants_body
from mitmtw.interfaces import ILoader
from mitmtw.model import HTTPFlow


class LogSlow:
    """Times are seconds since the epoch."""

    log = Logger()

    def load(self, loader: ILoader) -> None:
        """Declare the option."""
        loader.add_option("slow", float, 1.0, "Answers that take longer are logged.", unit="seconds")

    def configure(self, options: Any, updated: set[str]) -> None:
        """Keep the options."""
        self.options = options

    @wants_body(False)
    def response(self, flow: HTTPFlow) -> None:
        """Called after the last byte; the body itself is not needed, so it is not collected."""
        began, response = flow.request.timestamp_start, flow.response
        assert response is not None and response.timestamp_end is not None
        first, last = response.timestamp_start - began, response.timestamp_end - began
        if last > self.options.slow:
            self.log.warn("{url}: {first:.2f} s, {last:.2f} s", url=flow.request.url, first=first, last=last)


addons = [LogSlow()]
