"""
Change fields on their way.

    mitmtw run --script examples/modify_header.py
"""

from mitmtw.model import HTTPFlow


def request(flow: HTTPFlow) -> None:
    """Say who asks, and ask for no compression."""
    flow.request.headers["X-Proxied-By"] = "mitmtw"
    flow.request.headers.pop("Accept-Encoding", None)


def responseheaders(flow: HTTPFlow) -> None:
    """Take a field away before the body comes: a handler of C{responseheaders} does not make the proxy collect it."""
    if flow.response is not None:
        flow.response.headers.pop("Server", None)
