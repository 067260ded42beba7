"""What is collected and what flows: wants_body, bounds, and 100-continue."""

from typing import Any

from twisted.internet.defer import Deferred

from mitmtw import addon
from mitmtw._streams.body import Collected
from mitmtw.model import Response
from mitmtw.testing import Harness, Origin, Peer, Recorder
from tests.acceptance.base import GET, OK, Acceptance, answer, request

SSE = "Content-Type: text/event-stream; charset=utf-8"
EXPECT = request("POST", "/", "Content-Length: 3", "Expect: 100-continue")
CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"


class Half(Acceptance):
    """Exchanges of which half of the response's body came."""

    def half(self, *addons: object, fields: str = "X: y", **options: Any) -> tuple[Harness, Origin, Peer]:
        """A response of six bytes of which three came."""
        harness = self.proxy(*addons, **options)
        origin = harness.origin("example.com", 80)
        client = self.send(harness, GET)
        origin.peer.send(answer(b"", "Content-Length: 6", fields) + b"abc")
        harness.pump()
        return harness, origin, client

    def is_collected(self, *addons: object, fields: str = "X: y", **options: Any) -> bool:
        """Whether the client has to wait for the whole body."""
        harness, origin, client = self.half(*addons, fields=fields, **options)
        collected = not client.received
        if not collected:
            self.assertTrue(client.received.endswith(b"\r\n\r\nabc"))
        origin.peer.send(b"def")
        harness.pump()
        self.assertTrue(client.received.endswith(b"\r\n\r\nabcdef"))
        return collected


class WantsBodyTests(Half):
    """A body that nobody asked for is never collected."""

    def wanting(self, wanted: bool | None) -> Any:
        """An addon that says so."""
        recorder: Any = Recorder(f"wants {wanted}", only=("response",))
        recorder.wants_body = wanted
        return recorder

    def test_nobody_listens(self) -> None:
        """No addon at all, and addons that listen to neither request nor response."""
        self.assertFalse(self.is_collected())
        self.assertFalse(self.is_collected(Recorder(only=("requestheaders", "responseheaders"))))

    def test_none(self) -> None:
        """By default bodies are collected."""
        self.assertTrue(self.is_collected(self.wanting(None)))

    def test_false(self) -> None:
        """False: relayed as they come, and the hook fires after the last one."""
        recorder = self.wanting(False)
        self.assertFalse(self.is_collected(recorder))
        self.assertEqual(recorder.count("response"), 1)
        self.assertIsNone(recorder.flow.response.body)
        self.assertTrue(recorder.flow.response.streamed)

    def test_true(self) -> None:
        """True collects endless kinds as well, None does not."""
        for kind in (
            SSE,
            "Content-Type: application/grpc+proto",
            "Content-Type: multipart/x-mixed-replace; boundary=x",
        ):
            self.assertTrue(self.is_collected(self.wanting(True), fields=kind))
            self.assertFalse(self.is_collected(self.wanting(None), fields=kind))

    def test_one_wants_it(self) -> None:
        """One addon that wants bodies is enough."""
        self.assertTrue(self.is_collected(self.wanting(False), self.wanting(None)))

    def test_by_handler(self) -> None:
        """A handler's decorator wins over the addon's attribute."""

        class Quiet:
            """Wants nothing, but for one handler."""

            wants_body = True

            @addon.wants_body(False)
            def response(self, flow: Any) -> None:
                """Not with a body."""

        self.assertFalse(self.is_collected(Quiet()))

    def test_request_only(self) -> None:
        """Who listens to request alone has requests collected, not responses."""
        recorder = Recorder(only=("request",))
        harness = self.proxy(recorder)
        origin = harness.origin("example.com", 80)
        client = self.send(harness, request("POST", "/", "Content-Length: 6") + b"abc")
        self.assertEqual(origin.peers, [])
        client.send(b"def")
        harness.pump()
        self.assertEqual(recorder.flow.request.body, b"abcdef")
        origin.peer.send(answer(b"", "Content-Length: 6") + b"abc")
        harness.pump()
        self.assertTrue(client.received.endswith(b"abc"))

    def test_fits_one_read(self) -> None:
        """A body that came with its head and that nobody wants is relayed, and not given to addons."""
        recorder = self.wanting(False)
        harness = self.proxy(recorder)
        self.origin(harness)
        self.assertEqual(self.send(harness, GET).received, OK)
        self.assertIsNone(recorder.flow.response.body)


class BoundTests(Half):
    """How much is collected."""

    def test_stream_large_bodies_by_length(self) -> None:
        """A length beyond it: streamed from the start."""
        self.assertFalse(self.is_collected(Recorder(), stream_large_bodies=5))
        self.assertTrue(self.is_collected(Recorder(), stream_large_bodies=6))

    def test_stream_large_bodies_in_the_middle(self) -> None:
        """Reached in the middle of a body of unknown length: what was collected and the rest are relayed."""
        recorder = Recorder()
        harness = self.proxy(recorder, stream_large_bodies=5)
        origin = harness.origin("example.com", 80)
        client = self.send(harness, GET)
        origin.peer.send(answer(b"3\r\nabc\r\n", "Transfer-Encoding: chunked"))
        harness.pump()
        self.assertEqual(client.received, b"")
        origin.peer.send(b"3\r\ndef\r\n")
        harness.pump()
        self.assertTrue(client.received.endswith(b"abcdef\r\n"))
        origin.peer.send(b"3\r\nghi\r\n0\r\n\r\n")
        harness.pump()
        self.assertTrue(client.received.endswith(b"3\r\nghi\r\n0\r\n\r\n"))
        response = recorder.last("response").response
        self.assertEqual((response.streamed, response.body), (True, None))

    def test_stream_large_bodies_of_a_request(self) -> None:
        """The same upwards: request fires after the last byte."""
        recorder = Recorder(only=("request",))
        harness = self.proxy(recorder, stream_large_bodies=5)
        origin = harness.origin("example.com", 80)
        client = self.send(harness, request("POST", "/", "Transfer-Encoding: chunked", body=b"3\r\nabc\r\n"))
        self.assertEqual(origin.peers, [])
        client.send(b"3\r\ndef\r\n")
        harness.pump()
        self.assertTrue(origin.received.endswith(b"abcdef\r\n"))
        self.assertEqual(recorder.count("request"), 0)
        client.send(b"0\r\n\r\n")
        harness.pump()
        self.assertTrue(origin.received.endswith(b"0\r\n\r\n"))
        self.assertEqual(recorder.count("request"), 1)
        origin.peer.send(OK)
        harness.pump()
        self.assertEqual(client.received, OK)

    def test_body_size_limit_of_a_request(self) -> None:
        """A larger request is refused with 413, nothing goes up."""
        recorder = Recorder()
        harness = self.proxy(recorder, body_size_limit=5)
        origin = self.origin(harness)
        client = self.send(harness, request("POST", body=b"abcdef"))
        self.assertTrue(client.received.startswith(b"HTTP/1.1 413 "))
        self.assertEqual((origin.peers, recorder.count("error"), recorder.count("response")), ([], 1, 0))

    def test_body_size_limit_in_the_middle_of_a_request(self) -> None:
        """Reached in the middle of a chunked request: 413, and the connection closes."""
        recorder = Recorder()
        harness = self.proxy(recorder, body_size_limit=5)
        client = self.send(harness, request("POST", "/", "Transfer-Encoding: chunked", body=b"3\r\nabc\r\n"))
        client.send(b"3\r\ndef\r\n")
        harness.pump()
        self.assertTrue(client.received.startswith(b"HTTP/1.1 413 "))
        self.assertIn(b"\r\nConnection: close\r\n", client.received)
        self.assertTrue(client.has_ended)

    def test_body_size_limit_of_a_streamed_request(self) -> None:
        """Reached in the middle of a streamed request: the server's connection is reset."""
        recorder = Recorder(requestheaders=lambda flow: setattr(flow.request, "stream", True))
        harness = self.proxy(recorder, body_size_limit=5)
        origin = harness.origin("example.com", 80)
        client = self.send(harness, request("POST", "/", "Transfer-Encoding: chunked", body=b"3\r\nabc\r\n"))
        client.send(b"3\r\ndef\r\n")
        harness.pump()
        self.assertTrue(origin.peer.was_reset())
        self.assertTrue(client.received.startswith(b"HTTP/1.1 413 "))
        self.assertEqual((recorder.count("error"), recorder.count("response")), (1, 0))

    def test_body_size_limit_of_a_response(self) -> None:
        """A larger response is refused with 502."""
        recorder = Recorder()
        harness = self.proxy(recorder, body_size_limit=5)
        origin = self.origin(harness, b"abcdef")
        client = self.send(harness, GET)
        self.assertTrue(client.received.startswith(b"HTTP/1.1 502 "))
        self.assertEqual((recorder.count("error"), recorder.count("response")), (1, 0))
        self.assertTrue(origin.peer.lost)

    def test_body_size_limit_in_the_middle_of_a_response(self) -> None:
        """Reached in the middle: 502 when it was collected, a reset when it was streamed."""
        for stream in (False, True):
            recorder = Recorder(responseheaders=lambda flow, stream=stream: setattr(flow.response, "stream", stream))
            harness = self.proxy(recorder, body_size_limit=5)
            origin = harness.origin("example.com", 80)
            client = self.send(harness, GET)
            origin.peer.send(answer(b"3\r\nabc\r\n", "Transfer-Encoding: chunked"))
            harness.pump()
            origin.peer.send(b"3\r\ndef\r\n")
            harness.pump()
            self.assertEqual(client.received.startswith(b"HTTP/1.1 502 "), not stream)
            self.assertEqual(client.was_reset(), stream)
            self.assertEqual((recorder.count("error"), recorder.count("response")), (1, 0))
            self.assertTrue(origin.peer.was_reset())

    def account(self, harness: Harness) -> Collected:
        """The account of all collected bodies."""
        assert harness.service.proxy is not None
        return harness.service.proxy.collected

    def test_collected_bytes_limit(self) -> None:
        """All collected bodies together: beyond it bodies stream, and are counted."""
        pending: Deferred[None] = Deferred()
        holds = Recorder(only=(), response=lambda flow: pending if flow.request.path == "/held" else None)
        harness = self.proxy(holds, collected_bytes_limit=8)
        harness.origin("example.com", 80, answer(b"abcdef"))
        held = harness.client()
        origin = harness.origin("slow.example", 80)
        held.send(request(path="/held"))
        harness.pump()
        client = self.send(harness, request(host="slow.example"))
        origin.peer.send(answer(b"", "Content-Length: 60") + b"x" * 30)
        harness.pump()
        self.assertTrue(client.received.endswith(b"x" * 30))
        self.assertEqual(self.account(harness).refused, 1)
        origin.peer.send(b"x" * 30)
        pending.callback(None)
        harness.pump()
        self.assertEqual(self.account(harness).total, 0)

    def test_collected_bytes_are_given_back(self) -> None:
        """After an exchange, whole or cut, nothing is accounted for."""
        harness, _origin, client = self.half(Recorder())
        self.assertEqual(self.account(harness).total, 3)
        client.reset()
        harness.pump()
        self.assertEqual(self.account(harness).total, 0)


class ContinueTests(Acceptance):
    """Expect: 100-continue."""

    def test_collect(self) -> None:
        """When we collect we answer, and the field does not go up."""
        harness = self.proxy(Recorder())
        origin = harness.origin(
            "example.com", 80, lambda peer: peer.send(OK) if peer.received.endswith(b"abc") else None
        )
        client = self.send(harness, EXPECT)
        self.assertEqual(client.take(), CONTINUE)
        client.send(b"abc")
        harness.pump()
        self.assertEqual(client.received, OK)
        self.assertNotIn(b"Expect", origin.received)

    def test_stream(self) -> None:
        """When we stream the field goes up, and the server's 100 comes back, once."""
        harness = self.proxy()
        origin = harness.origin("example.com", 80)
        client = self.send(harness, EXPECT)
        self.assertEqual(client.received, b"")
        self.assertIn(b"\r\nExpect: 100-continue\r\n", origin.received)
        origin.peer.send(CONTINUE + CONTINUE)
        harness.pump()
        self.assertEqual(client.take(), CONTINUE)
        client.send(b"abc")
        harness.pump()
        origin.peer.send(OK)
        harness.pump()
        self.assertEqual(client.received, OK)

    def test_stream_refused(self) -> None:
        """A server that refuses at once: the client gets that, and no 100."""
        harness = self.proxy()
        origin = harness.origin("example.com", 80)
        client = self.send(harness, EXPECT)
        origin.peer.send(answer(b"no", status="417 Expectation Failed"))
        harness.pump()
        self.assertTrue(client.received.startswith(b"HTTP/1.1 417 "))
        self.assertTrue(client.has_ended)

    def test_canned_in_requestheaders(self) -> None:
        """Refused by an addon in requestheaders: no 100, and the connection closes, for nobody knows what follows."""
        recorder = Recorder(requestheaders=lambda flow: setattr(flow, "response", Response.make(403)))
        harness = self.proxy(recorder)
        client = self.send(harness, EXPECT)
        self.assertTrue(client.received.startswith(b"HTTP/1.1 403 "))
        self.assertIn(b"\r\nConnection: close\r\n", client.received)

    def test_body_sent_at_once(self) -> None:
        """A client that does not wait gets no 100 it does not need, and its answer."""
        harness = self.proxy(Recorder())
        self.origin(harness)
        harness.origin("other.example", 80)
        origin = harness.origin(
            "eager.example", 80, lambda peer: peer.send(OK) if peer.received.endswith(b"abc") else None
        )
        head = request("POST", "/", "Content-Length: 3", "Expect: 100-continue", host="eager.example")
        client = self.send(harness, head + b"abc")
        self.assertTrue(client.received.endswith(OK))
        self.assertEqual(len(origin.peers), 1)

    def test_too_large(self) -> None:
        """A body beyond body_size_limit is refused without 100."""
        harness = self.proxy(Recorder(), body_size_limit=2)
        client = self.send(harness, EXPECT)
        self.assertTrue(client.received.startswith(b"HTTP/1.1 413 "))
