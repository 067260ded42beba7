"""
Answer some requests without asking the server; it does not even have to exist.

    mitmtw run --script examples/answer_locally.py
    curl -x http://127.0.0.1:8080 http://anything.example/teapot
"""

from mitmtw.model import HTTPFlow, Response


def request(flow: HTTPFlow) -> None:
    """With a response set here, nothing goes upstream; C{responseheaders} and C{response} fire as always."""
    if flow.request.path == "/teapot":
        flow.response = Response.make(418, b"short and stout\n", {"Content-Type": "text/plain"})
