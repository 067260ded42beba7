"""
Change a large body while it flows, in constant memory: set C{stream} to a callable in C{responseheaders}.

    mitmtw run --script examples/stream_upper.py
"""

from mitmtw.model import HTTPFlow


def upper(piece: bytes) -> bytes:
    """
    Give what goes on instead of C{piece}: bytes, an iterable of bytes, or a Deferred or coroutine of either.

    The pieces are cut anywhere. The last one is C{b""}, for whatever was kept back.
    """
    return piece.upper()


def responseheaders(flow: HTTPFlow) -> None:
    """Stream plain text through L{upper}; a body that is packed could not be changed piece by piece."""
    assert flow.response is not None
    headers = flow.response.headers
    if headers.get("Content-Type", "").startswith("text/plain") and "Content-Encoding" not in headers:
        flow.response.stream = upper
