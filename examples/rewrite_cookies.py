"""
Keep tracking cookies from servers, and make those that servers set unreadable for scripts.

    mitmtw run --script examples/rewrite_cookies.py
"""

from mitmtw.model import HTTPFlow

TRACKING = ("_ga", "_fbp", "_gid")


def requestheaders(flow: HTTPFlow) -> None:
    """Take some cookies out; the others keep their bytes."""
    cookies = flow.request.cookies
    for name in TRACKING:
        cookies.pop(name, None)


def responseheaders(flow: HTTPFlow) -> None:
    """A cookie is its value and its attributes; an attribute without a value is None."""
    assert flow.response is not None
    cookies = flow.response.cookies
    for name in list(cookies):
        value, attributes = cookies[name]
        attributes["HttpOnly"] = None
        if flow.request.scheme == "https":
            attributes["Secure"] = None
        cookies[name] = value, attributes
