"""
Leave the TLS of some hosts alone: their bytes are relayed unread, with the certificates of the servers themselves.

    mitmtw run --script examples/pass_through.py --set pass_through="bank.example"
"""

from typing import Any

from mitmtw.interfaces import ILoader


class PassThrough:
    """The hook C{next_layer} decides what is spoken on a stream of bytes."""

    def load(self, loader: ILoader) -> None:
        """Declare the option."""
        loader.add_option("pass_through", str, "", "Hosts whose TLS is not intercepted, with blanks between them.")

    def configure(self, options: Any, updated: set[str]) -> None:
        """Take the option over."""
        self.hosts = frozenset(options.pass_through.split())

    def next_layer(self, layer: Any) -> Any:
        """The argument is what the proxy would do; another layer that is returned takes its place."""
        if layer.name == "tls" and layer.target is not None and layer.target.host in self.hosts:
            return layer.proxy.layers["relay"](layer)
        return None


addons = [PassThrough()]
