"""
Give a page of our own when a server cannot be reached.

    mitmtw run --script examples/error_page.py
"""

from html import escape

from mitmtw.model import HTTPFlow, Response

PAGE = """<!doctype html>
<title>Not now</title>
<h1>{host} does not answer</h1>
<p>{reason}</p>
"""


def error(flow: HTTPFlow) -> None:
    """
    C{flow.error} says why. A response set here is sent if nothing was sent before; the request is missing when it could
    not be read.
    """
    if flow.error is not None and flow.request is not None:
        page = PAGE.format(host=escape(flow.request.host), reason=escape(flow.error.msg))
        flow.response = Response.make(502, page, {"Content-Type": "text/html; charset=utf-8"})
