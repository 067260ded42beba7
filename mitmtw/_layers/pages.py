"""
The answers that we write ourselves: what went wrong, in plain text or in HTML, as the client prefers.

They name the cause and never show a field of the request: an error page must not give credentials to whoever reads it.
"""

import html
from http import HTTPStatus

from mitmtw.errors import MitmtwError
from mitmtw.model import Request, Response

__all__ = ["error_page", "page"]

_UPGRADE_REQUIRED = 426  # what a client is told that wants another version of WebSocket
_HTML = """<!DOCTYPE html>
<html><head><meta charset="utf-8"><title>{status} {reason}</title></head>
<body style="font-family: sans-serif; margin: 3em; max-width: 50em">
<h1>{status} {reason}</h1><p>{message}</p><p><small>mitmtw</small></p>
</body></html>
"""


def reason_phrase(status: int) -> str:
    """The standard reason phrase, empty for a status that has none."""
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return ""


def page(status: int, message: str, request: Request | None) -> Response:
    """A response with C{message}, a sentence, in the form that the request's Accept field prefers."""
    reason = reason_phrase(status)
    if request is not None and "text/html" in request.headers.get("Accept", ""):
        content = _HTML.format(status=status, reason=html.escape(reason), message=html.escape(message))
        kind = b"text/html; charset=utf-8"
    else:
        content = f"{status} {reason}: {message}\n"
        kind = b"text/plain; charset=utf-8"
    body = content.encode("utf-8", "replace")
    fields = [
        (b"Content-Type", kind),
        (b"Content-Length", b"%d" % len(body)),
        (b"Cache-Control", b"no-store"),
        (b"X-Content-Type-Options", b"nosniff"),
    ]
    return Response.make(status, body, fields)


def error_page(error: MitmtwError, request: Request | None) -> Response:
    """The response that tells a client about C{error}."""
    message = str(error) or type(error).__name__
    message = message[:1].upper() + message[1:] + ("" if message.endswith(".") else ".")
    response = page(error.http_status, message, request)
    if error.http_status == _UPGRADE_REQUIRED:
        response.headers["Sec-WebSocket-Version"] = "13"  # the one version that is spoken (RFC 6455 section 4.4)
    return response
