"""
Servers with canned answers that remember what they were asked.
"""

from collections.abc import Callable, Mapping
from weakref import WeakKeyDictionary

from mitmtw.model import Request, Response
from mitmtw.testing.messages import RequestReader, response_bytes
from mitmtw.testing.peers import Peer

__all__ = ["Answer", "Answers", "Canned"]

Answer = Response | bytes | Callable[[Request], Response | bytes]
"""A response, the bytes of one, or a callable that gives either for a request."""

Answers = Mapping[str, Answer] | Answer
"""One answer for all, or answers by C{"METHOD path"}, C{"path"} with or without its query, or C{"*"} for the rest."""


class Canned:
    """
    What an L{mitmtw.testing.Origin} or L{mitmtw.testing.TLSOrigin} answers, in memory or on real sockets.

        origin = harness.origin("example.com", 80, canned := Canned({"/": make_response(), "POST /form": post}))
        …
        assert canned.requests[0].headers["x-added"] == "yes"

    A path that is not there is answered with 404. The connection stays open after an answer, but after one that says
    C{Connection: close}, or whose fields say nothing of the length of its body.

    @ivar answers: the answers; may be changed at any time.
    @ivar requests: all that was asked, in order.
    """

    def __init__(self, answers: Answers, scheme: str = "http") -> None:
        """@param scheme: that of the URLs of C{requests}."""
        self.answers = answers
        self.requests: list[Request] = []
        self._scheme = scheme
        self._readers: WeakKeyDictionary[Peer, tuple[RequestReader, int]] = WeakKeyDictionary()

    @property
    def paths(self) -> list[str]:
        """The paths that were asked for, in order."""
        return [request.path for request in self.requests]

    def __call__(self, peer: Peer) -> None:
        """Answer what came on a connection; called after each read."""
        reader, seen = self._readers.get(peer) or (RequestReader(self._scheme), 0)
        self._readers[peer] = reader, len(peer.received)
        for request in reader.feed(peer.received[seen:]):
            self.requests.append(request)
            self._answer(peer, request)

    def _answer(self, peer: Peer, request: Request) -> None:
        answer = self.find(request)
        if callable(answer):
            answer = answer(request)
        if isinstance(answer, bytes):
            peer.send(answer)
            return
        peer.send(response_bytes(answer, request.raw_method))
        headers = answer.headers
        is_framed = "content-length" in headers or "transfer-encoding" in headers
        if "close" in headers.get("connection", "").lower() or (answer.body and not is_framed):
            peer.close()

    def find(self, request: Request) -> Answer:
        """The answer for a request."""
        answers = self.answers
        if not isinstance(answers, Mapping):
            return answers
        path = request.path
        for key in (f"{request.method} {path}", path, path.partition("?")[0], "*"):
            if key in answers:
                return answers[key]
        return Response.make(404, b"there is nothing canned for this\n", {"Content-Type": "text/plain"})
