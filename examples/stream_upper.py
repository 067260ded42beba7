"""
Change a large body while it flows, in constant memory: set C{stream} to a callable in C{responseheaders}.

    mitmtw run --script examples/stream_upper.py
"""


def upper(piece):
    """
    Give what goes on instead of C{piece}: bytes, an iterable of bytes, or a Deferred or coroutine of either.

    The pieces are cut anywhere. The last one is C{b""}, for whatever was kept back.
    """
    return piece.upper()


def responseheaders(flow):
    """Stream plain text through L{upper}; a body that is packed could not be changed piece by piece."""
    headers = flow.response.headers
    if headers.get("Content-Type", "").startswith("text/plain") and "Content-Encoding" not in headers:
        flow.response.stream = upper
