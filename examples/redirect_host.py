"""
Send what is meant for one server to another one, and tell that server its own name.

    mitmtw run --script examples/redirect_host.py --set redirect_from=api.example --set redirect_to=127.0.0.1:8000
"""

from collections.abc import Set as AbstractSet
from typing import Any

from mitmtw.addon import OptionsError
from mitmtw.interfaces import ILoader
from mitmtw.model import HTTPFlow


class RedirectHost:
    """Everything about this addon is in one object; scripts with functions do as well."""

    def load(self, loader: ILoader) -> None:
        """Declare the options."""
        loader.add_option("redirect_from", str, "", "The host whose requests go elsewhere.")
        loader.add_option("redirect_to", str, "localhost:8000", "Where they go, HOST:PORT.")

    def configure(self, options: Any, updated: AbstractSet[str]) -> None:
        """Check before it is too late; a change that is refused is taken back."""
        self.options = options
        host, _, port = options.redirect_to.rpartition(":")
        if not host or not port.isdigit():
            raise OptionsError(f"redirect_to must be HOST:PORT, not {options.redirect_to}")
        self.host, self.port = host, int(port)

    def requestheaders(self, flow: HTTPFlow) -> None:
        """To set host and port changes the Host field, too."""
        if flow.request.host == self.options.redirect_from:
            flow.request.scheme, flow.request.host, flow.request.port = "http", self.host, self.port


addons = [RedirectHost()]
