"""
Tell clients when to try again, whether a server is overloaded or cannot be reached at all.

    mitmtw run --script examples/retry_after.py
"""

from mitmtw.model import HTTPFlow, Response

SECONDS = "30"


def responseheaders(flow: HTTPFlow) -> None:
    """The server answers that it cannot (RFC 9110 section 10.2.3)."""
    response = flow.response
    if response is not None and response.status_code in (429, 503):
        response.headers.setdefault("Retry-After", SECONDS)


def error(flow: HTTPFlow) -> None:
    """The server does not answer. Each flow ends in exactly one of C{response} and C{error}."""
    if flow.response is None:
        flow.response = Response.make(503, f"{flow.error}\n", {"Retry-After": SECONDS})
