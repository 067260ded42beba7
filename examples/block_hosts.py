"""
Refuse requests to some hosts and all below them; nothing is sent there.

    mitmtw run --script examples/block_hosts.py --set block_hosts="ads.example tracker.example"
"""

from collections.abc import Set as AbstractSet
from typing import Any

from mitmtw.interfaces import ILoader
from mitmtw.model import HTTPFlow, Response

blocked: tuple[str, ...] = ()


def load(loader: ILoader) -> None:
    """Declare the option."""
    loader.add_option("block_hosts", str, "", "Hosts to refuse, with blanks between them.")


def configure(options: Any, updated: AbstractSet[str]) -> None:
    """Take the option over, on startup and whenever it changes."""
    global blocked
    blocked = tuple(options.block_hosts.lower().split())


def refuse(flow: HTTPFlow) -> None:
    """Answer instead of the server if it is one of them."""
    if any(flow.request.host == host or flow.request.host.endswith(f".{host}") for host in blocked):
        flow.response = Response.make(403, f"{flow.request.host} is blocked\n", {"Content-Type": "text/plain"})


# Refused before a body is uploaded, and before a tunnel is opened.
requestheaders = http_connect = refuse
