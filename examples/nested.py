"""
An addon that brings others, which come after it in the chain and share what it knows.

    mitmtw run --script examples/nested.py
"""

from typing import Any

from mitmtw.model import HTTPFlow


class Names:
    """Knows who is asking, by the client's address."""

    def __init__(self) -> None:
        self.seen: dict[str, int] = {}
        self.addons = [Tag(self)]

    def clientconnect(self, root_layer: Any) -> None:
        """Give each address a number, in the order of their first connections."""
        host = root_layer.client_conn.address[0]
        if len(self.seen) < 1000:
            self.seen.setdefault(host, len(self.seen) + 1)


class Tag:
    """Tells servers the number."""

    def __init__(self, names: Names) -> None:
        self.names = names

    def requestheaders(self, flow: HTTPFlow) -> None:
        """What one addon wrote to C{flow.metadata} the others can read, too."""
        assert flow.client_conn.address is not None
        number = flow.metadata["client_number"] = self.names.seen.get(flow.client_conn.address[0], 0)
        flow.request.headers["X-Client-Number"] = str(number)


addons = [Names()]
