"""
Ask some hosts by way of another proxy, the others directly.

    mitmtw run --script examples/upstream_proxy.py --set corporate_proxy=http://10.0.0.1:3128
"""

from typing import Any

from mitmtw.interfaces import ILoader
from mitmtw.model import HTTPFlow


class UpstreamProxy:
    """Decides the way for each request."""

    def load(self, loader: ILoader) -> None:
        """Declare the options."""
        loader.add_option("corporate_proxy", str, "", "The URL of the other proxy.")
        loader.add_option("corporate_hosts", str, ".internal", "The end of the names that are asked through it.")

    def configure(self, options: Any, updated: set[str]) -> None:
        """Keep the options."""
        self.options = options

    def requestheaders(self, flow: HTTPFlow) -> None:
        """C{flow.upstream} is the way for this request alone; connections for it are kept apart from others."""
        options = self.options
        if options.corporate_proxy and flow.request.host.endswith(options.corporate_hosts):
            flow.upstream = options.corporate_proxy


addons = [UpstreamProxy()]
