"""
Put a script into every HTML page, before the end of its body.

    mitmtw run --script examples/inject_script.py
"""

import re

from mitmtw.model import HTTPFlow

SCRIPT = '<script>console.log("seen by mitmtw")</script>'


def response(flow: HTTPFlow) -> None:
    """C{text} undoes compression and encoding; to set it does them again and makes Content-Length right."""
    response = flow.response
    if response is None or response.body is None or not _is_page(response.headers.get("Content-Type", "")):
        return  # no page, or one so large that it was streamed
    page = response.get_text(strict=False) or ""
    response.text = re.sub(r"(?i)</body>|\Z", lambda end: SCRIPT + end[0], page, count=1)
    # A page that allows only its own scripts would not run this one.
    response.headers.pop("Content-Security-Policy", None)


def _is_page(content_type: str) -> bool:
    return content_type.lower().partition(";")[0].strip() == "text/html"
