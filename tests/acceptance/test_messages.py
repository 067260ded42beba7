"""Messages on the wire: framing, trailers, versions, interim and bodiless responses."""

from typing import Any

from mitmtw.model import Headers
from mitmtw.testing import Peer, Recorder
from tests.acceptance.base import GET, OK, Acceptance, answer, request

CHUNKED_POST = request(
    "POST", "/", "Transfer-Encoding: chunked", "Trailer: X-Sum", body=b"3\r\nabc\r\n0\r\nX-Sum: 1\r\n\r\n"
)
CHUNKED_ANSWER = answer(b"3\r\nabc\r\n0\r\nX-Sum: 1\r\n\r\n", "Transfer-Encoding: chunked")


def whole(peer: Peer) -> None:
    """Answer when a chunked request is whole."""
    if peer.received.endswith(b"\r\n\r\n") and b"\r\n0\r\n" in peer.received:
        peer.send(OK)


class FramingTests(Acceptance):
    """Chunked bodies and trailers."""

    def addons(self) -> tuple[tuple[Recorder, ...], ...]:
        """Nobody, and somebody who collects."""
        return (), (Recorder(),)

    def test_chunked_request_kept(self) -> None:
        """A chunked request goes out chunked, with its trailers, relayed or collected."""
        for addons in self.addons():
            harness = self.proxy(*addons)
            origin = harness.origin("example.com", 80, whole)
            client = self.send(harness, CHUNKED_POST)
            head, _, body = origin.received.partition(b"\r\n\r\n")
            self.assertIn(b"\r\nTransfer-Encoding: chunked", head)
            self.assertEqual(body, b"3\r\nabc\r\n0\r\nX-Sum: 1\r\n\r\n")
            self.assertEqual(client.received, OK)

    def test_chunked_response_kept(self) -> None:
        """A chunked response goes out chunked, with its trailers, relayed or collected."""
        for addons in self.addons():
            harness = self.proxy(*addons)
            harness.origin("example.com", 80, CHUNKED_ANSWER)
            client = self.send(harness, GET)
            self.assertEqual(client.received, CHUNKED_ANSWER)

    def test_byte_by_byte(self) -> None:
        """A response that comes one byte at a time is the same, relayed or collected."""
        for addons in self.addons():
            for reply in (OK, CHUNKED_ANSWER):
                harness = self.proxy(*addons)
                origin = harness.origin("example.com", 80)
                client = self.send(harness, GET)
                for byte in reply:
                    origin.peer.send(bytes([byte]))
                    harness.pump()
                if addons or reply is OK:
                    self.assertEqual(client.received, reply)
                else:
                    self.assertTrue(client.received.endswith(b"1\r\na\r\n1\r\nb\r\n1\r\nc\r\n0\r\nX-Sum: 1\r\n\r\n"))
                client.send(GET)
                harness.pump()
                self.assertEqual(len(origin.peers), 1)

    def test_trailers_edited(self) -> None:
        """Addons see trailers of both directions and can edit, add and remove them."""

        def edit(flow: Any) -> None:
            self.assertEqual(flow.request.trailers["x-sum"], "1")
            flow.request.trailers["X-Sum"] = "2"

        def add(flow: Any) -> None:
            self.assertEqual(flow.response.trailers["x-sum"], "1")
            flow.response.trailers = Headers([(b"X-New", b"3")])

        harness = self.proxy(Recorder(request=edit, response=add))
        origin = harness.origin("example.com", 80, lambda peer: peer.send(CHUNKED_ANSWER))
        client = self.send(harness, CHUNKED_POST)
        self.assertTrue(origin.received.endswith(b"0\r\nX-Sum: 2\r\n\r\n"))
        self.assertTrue(client.received.endswith(b"0\r\nX-New: 3\r\n\r\n"))

    def test_trailers_of_streamed_messages_edited(self) -> None:
        """The same when bodies are streamed: the hooks come after the last byte, before the trailers."""

        def edit(flow: Any) -> None:
            message = flow.response or flow.request
            message.trailers["X-Sum"] = "2"

        recorder: Any = Recorder(request=edit, response=edit)
        recorder.wants_body = False
        harness = self.proxy(recorder)
        origin = harness.origin("example.com", 80)
        client = self.send(harness, CHUNKED_POST[:-17])
        self.assertTrue(origin.received.endswith(b"\r\n\r\n3\r\nabc\r\n"))
        client.send(CHUNKED_POST[-17:])
        harness.pump()
        self.assertTrue(origin.received.endswith(b"3\r\nabc\r\n0\r\nX-Sum: 2\r\n\r\n"))
        origin.peer.send(CHUNKED_ANSWER[:-17])
        harness.pump()
        self.assertTrue(client.received.endswith(b"\r\n\r\n3\r\nabc\r\n"))
        origin.peer.send(CHUNKED_ANSWER[-17:])
        harness.pump()
        self.assertTrue(client.received.endswith(b"3\r\nabc\r\n0\r\nX-Sum: 2\r\n\r\n"))

    def test_collected_body_edited(self) -> None:
        """A new body gets its own length, or stays chunked."""

        def edit(flow: Any) -> None:
            flow.response.text = "something longer"

        for reply in (OK, CHUNKED_ANSWER):
            harness = self.proxy(Recorder(response=edit))
            harness.origin("example.com", 80, reply)
            client = self.send(harness, GET)
            self.assertIn(b"something longer", client.received)
            if reply is OK:
                self.assertIn(b"\r\nContent-Length: 16\r\n", client.received)

    def test_body_removed(self) -> None:
        """A request whose body an addon takes away, and one that gets a body."""

        def edit(flow: Any) -> None:
            flow.request.content = b"" if flow.request.content else b"new"

        harness = self.proxy(Recorder(request=edit))
        origin = harness.origin("example.com", 80, lambda peer: peer.send(OK) if peer.received else None)
        self.send(harness, request("POST", body=b"abc"))
        self.assertTrue(origin.received.endswith(b"Content-Length: 0\r\n\r\n"))
        origin.peer.take()
        self.send(harness, GET)
        self.assertTrue(origin.received.endswith(b"Content-Length: 3\r\n\r\nnew"))

    def test_content_length_zero(self) -> None:
        """A POST with a length of zero keeps it."""
        harness = self.proxy()
        origin = self.origin(harness)
        client = self.send(harness, request("POST", "/", "Content-Length: 0"))
        self.assertIn(b"\r\nContent-Length: 0\r\n", origin.received)
        self.assertEqual(client.received, OK)

    def test_until_close(self) -> None:
        """A response that lasts until the close: to HTTP/1.1 it goes as it came, and the client's connection ends."""
        for addons in self.addons():
            harness = self.proxy(*addons)
            origin = harness.origin("example.com", 80)
            client = self.send(harness, GET)
            origin.peer.send(b"HTTP/1.1 200 OK\r\n\r\nab")
            harness.pump()
            origin.peer.send(b"cd")
            origin.peer.close()
            harness.pump()
            self.assertTrue(client.received.endswith(b"abcd"))
            if addons:
                self.assertIn(b"\r\nContent-Length: 4\r\n", client.received)
            else:
                self.assertTrue(client.has_ended)


class VersionTests(Acceptance):
    """HTTP/1.0 on either side."""

    OLD = b"GET http://example.com/ HTTP/1.0\r\nHost: example.com\r\n"

    def test_http10_client(self) -> None:
        """It is answered and its connection closes; the server is asked in HTTP/1.1."""
        harness = self.proxy()
        origin = self.origin(harness)
        client = self.send(harness, self.OLD + b"\r\n")
        self.assertTrue(origin.received.startswith(b"GET / HTTP/1.1\r\n"))
        self.assertTrue(client.received.endswith(b"\r\n\r\nhi"))
        self.assertTrue(client.has_ended)

    def test_http10_client_with_keep_alive(self) -> None:
        """One that asks for it keeps its connection, and is told."""
        harness = self.proxy()
        self.origin(harness)
        client = self.send(harness, self.OLD + b"Connection: keep-alive\r\n\r\n")
        self.assertIn(b"\r\nConnection: keep-alive\r\n", client.received)
        self.assertFalse(client.has_ended)
        client.take()
        client.send(self.OLD + b"\r\n")
        harness.pump()
        self.assertTrue(client.received.endswith(b"\r\n\r\nhi"))

    def test_http10_client_and_chunks(self) -> None:
        """It gets no chunks: the body lasts until the close, or has a length if it is here already."""
        harness = self.proxy()
        origin = harness.origin("example.com", 80)
        client = self.send(harness, self.OLD + b"Connection: keep-alive\r\n\r\n")
        origin.peer.send(CHUNKED_ANSWER)
        harness.pump()
        self.assertIn(b"\r\nContent-Length: 3\r\n", client.received)
        self.assertTrue(client.take().endswith(b"\r\n\r\nabc"))
        client.send(self.OLD + b"Connection: keep-alive\r\n\r\n")
        harness.pump()
        origin.peer.send(CHUNKED_ANSWER[:-18])
        harness.pump()
        origin.peer.send(CHUNKED_ANSWER[-18:])
        harness.pump()
        self.assertTrue(client.received.endswith(b"\r\n\r\nabc"))
        self.assertNotIn(b"chunked", client.received)
        self.assertTrue(client.has_ended)

    def test_http10_client_and_interim(self) -> None:
        """It gets no interim responses."""
        harness = self.proxy()
        harness.origin("example.com", 80, b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n" + OK)
        client = self.send(harness, self.OLD + b"\r\n")
        self.assertTrue(client.received.startswith(b"HTTP/1.1 200 OK\r\n"))

    def test_http10_server(self) -> None:
        """Its connection is not reused, the client's is."""
        harness = self.proxy()
        origin = harness.origin("example.com", 80, b"HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nhi")
        client = self.send(harness, GET)
        client.send(GET)
        harness.pump()
        self.assertEqual(client.received, OK + OK)
        self.assertEqual(len(origin.peers), 2)


class StatusTests(Acceptance):
    """Responses without a body, and interim ones."""

    def test_head(self) -> None:
        """To HEAD: the length as the server said, no body, both connections stay."""
        for addons in ((), (Recorder(),)):
            harness = self.proxy(*addons)
            head = answer(b"", "Content-Length: 1234")
            origin = harness.origin("example.com", 80, head)
            client = self.send(harness, request("HEAD"))
            client.send(request("HEAD"))
            harness.pump()
            self.assertEqual(client.received, head + head)
            self.assertEqual(len(origin.peers), 1)

    def test_no_content(self) -> None:
        """204 and 304 have no body, whatever their fields say."""
        for status, field in (("204 No Content", "X: y"), ("304 Not Modified", "Content-Length: 99")):
            for addons in ((), (Recorder(),)):
                harness = self.proxy(*addons)
                reply = f"HTTP/1.1 {status}\r\n{field}\r\n\r\n".encode()
                origin = harness.origin("example.com", 80, reply)
                client = self.send(harness, GET)
                client.send(GET)
                harness.pump()
                self.assertEqual(client.received, reply + reply)
                self.assertEqual(len(origin.peers), 1)

    def test_early_hints(self) -> None:
        """103 is forwarded as it comes, before the final response, and fires no hook."""
        recorder = Recorder()
        harness = self.proxy(recorder)
        origin = harness.origin("example.com", 80)
        client = self.send(harness, GET)
        hints = b"HTTP/1.1 103 Early Hints\r\nLink: </a.css>; rel=preload\r\n\r\n"
        origin.peer.send(hints)
        harness.pump()
        self.assertEqual(client.take(), hints)
        self.assertEqual(recorder.count("responseheaders"), 0)
        origin.peer.send(OK)
        harness.pump()
        self.assertEqual(client.received, OK)
        self.assertEqual(recorder.count("responseheaders"), 1)

    def test_hop_by_hop_fields_of_hints(self) -> None:
        """What an interim response says about its connection is not passed on."""
        harness = self.proxy()
        hints = b"HTTP/1.1 103 Early Hints\r\nX-Hop: 1\r\nConnection: X-Hop\r\nLink: </a>\r\n\r\n"
        harness.origin("example.com", 80, hints + OK)
        client = self.send(harness, GET)
        self.assertEqual(client.received, b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n" + OK)

    def test_unsolicited_continue(self) -> None:
        """A 100 that the client did not ask for is not forwarded."""
        harness = self.proxy()
        harness.origin("example.com", 80, b"HTTP/1.1 100 Continue\r\n\r\n" + OK)
        self.assertEqual(self.send(harness, GET).received, OK)

    def test_unknown_status(self) -> None:
        """Statuses and reasons nobody knows are passed on."""
        harness = self.proxy(Recorder())
        reply = answer(b"x", "X: y", status="599 Sort of")
        harness.origin("example.com", 80, reply)
        self.assertEqual(self.send(harness, GET).received, reply)
