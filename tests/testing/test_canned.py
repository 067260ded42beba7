"""Tests for L{mitmtw.testing.canned}: servers with canned answers."""

from twisted.trial.unittest import SynchronousTestCase

from mitmtw.model import Request, Response
from mitmtw.testing import Canned, Network, Origin, Peer, make_response
from mitmtw.testing.canned import Answers
from mitmtw.testing.messages import ResponseReader
from mitmtw.testing.peers import Once


class CannedTests(SynchronousTestCase):
    """What is answered, and what is remembered."""

    def connect(self, answers: Answers) -> tuple[Canned, Peer]:
        """A client of a server with these answers."""
        self.network = Network()
        canned = Canned(answers)
        self.network.listenTCP(80, Origin(canned), interface="127.0.0.1")
        self.network.connectTCP("127.0.0.1", 80, Once(peer := Peer()))
        self.network.settle()
        return canned, peer

    def ask(self, peer: Peer, path: str, method: str = "GET") -> Response:
        """What one request is answered."""
        peer.send(f"{method} {path} HTTP/1.1\r\nHost: a\r\n\r\n".encode())
        self.network.settle()
        (response,) = ResponseReader(method.encode()).feed(peer.take())
        return response

    def test_by_path(self) -> None:
        """The most exact key wins; what is not there is 404."""
        names = ["POST /a", "/a", "/a?x", "/b"]
        canned, peer = self.connect({name: make_response(200, name.encode()) for name in names})
        asked = [("/a", "POST"), ("/a", "GET"), ("/a?x", "GET"), ("/a?y", "GET"), ("/b?z", "PUT")]
        answers = [self.ask(peer, path, method).text for path, method in asked]
        self.assertEqual(answers, ["POST /a", "/a", "/a?x", "/a", "/b"])
        self.assertEqual(self.ask(peer, "/c").status_code, 404)
        self.assertEqual(canned.paths, ["/a", "/a", "/a?x", "/a?y", "/b?z", "/c"])

    def test_the_rest(self) -> None:
        """An asterisk stands for the rest."""
        _, peer = self.connect({"*": make_response(200, b"rest"), "/a": make_response(200, b"a")})
        self.assertEqual([self.ask(peer, path).text for path in ("/a", "/b")], ["a", "rest"])

    def test_kinds(self) -> None:
        """Bytes, and callables that give a response or bytes, at once for all paths too."""
        wire = b"HTTP/1.1 299 X\r\nContent-Length: 0\r\n\r\n"
        _, peer = self.connect({"/bytes": wire, "/call": lambda request: make_response(200, request.raw_path)})
        self.assertEqual(self.ask(peer, "/bytes").status_code, 299)
        self.assertEqual(self.ask(peer, "/call").content, b"/call")

        def answer(request: Request) -> bytes:
            return wire

        _, peer = self.connect(answer)
        self.assertEqual(self.ask(peer, "/any").status_code, 299)

    def test_changed(self) -> None:
        """Answers may be changed while it serves."""
        canned, peer = self.connect(make_response(200))
        self.ask(peer, "/")
        canned.answers = make_response(500)
        self.assertEqual(self.ask(peer, "/").status_code, 500)

    def test_pipelined(self) -> None:
        """Requests that come in one piece, or in many, are each answered once, and HEAD without a body."""
        canned, peer = self.connect(make_response(200, b"hi"))
        peer.send(b"HEAD / HTTP/1.1\r\nHost: a\r\n\r\nGET / HTTP/1.1\r\nHo")
        self.network.settle()
        peer.send(b"st: a\r\n\r\n")
        self.network.settle()
        self.assertEqual(peer.received.count(b"200 OK"), 2)
        self.assertEqual(peer.received.count(b"hi"), 1)
        self.assertEqual([request.method for request in canned.requests], ["HEAD", "GET"])

    def test_close(self) -> None:
        """The connection ends after an answer that says so, and where only that ends the body."""
        for answer in (make_response(connection="close"), Response(body=b"unframed")):
            _, peer = self.connect(answer)
            peer.send(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
            self.network.settle()
            self.assertTrue(peer.has_ended or peer.lost)
        _, peer = self.connect(make_response(204, b""))
        self.ask(peer, "/")
        self.assertFalse(peer.has_ended or peer.lost)
