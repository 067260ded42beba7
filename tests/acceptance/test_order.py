"""The order of one exchange, in all variants of the contract."""

from typing import Any

from twisted.internet.defer import Deferred

from mitmtw.testing import Origin, Peer, Recorder
from tests.acceptance.base import GET, OK, Acceptance, answer, request

HTTP = ("requestheaders", "request", "serverconnect", "responseheaders", "response", "error")
UPLOAD = request("POST", "/", "Content-Length: 6")


def streaming(**handlers: Any) -> Recorder:
    """A recorder that streams requests."""
    handlers.setdefault("requestheaders", lambda flow: setattr(flow.request, "stream", True))
    return Recorder(only=HTTP, **handlers)


class OrderTests(Acceptance):
    """Which hook comes when."""

    def test_plain(self) -> None:
        """No body: each hook once, the server is asked after request."""
        recorder = Recorder(only=HTTP)
        harness = self.proxy(recorder)
        self.origin(harness)
        self.send(harness, GET)
        self.assertEqual(recorder.trace, ["requestheaders", "request", "serverconnect", "responseheaders", "response"])

    def test_collected_request(self) -> None:
        """C{requestheaders} before the body, request with all of it; nothing goes up before."""
        recorder = Recorder(only=HTTP)
        harness = self.proxy(recorder)
        origin = harness.origin("example.com", 80)
        client = self.send(harness, UPLOAD + b"abc")
        self.assertEqual((recorder.trace, recorder.flow.request.body, origin.peers), (["requestheaders"], None, []))
        client.send(b"def")
        harness.pump()
        self.assertEqual(recorder.trace[1:], ["request", "serverconnect"])
        self.assertEqual(recorder.flow.request.body, b"abcdef")
        self.assertTrue(origin.received.endswith(b"\r\n\r\nabcdef"))

    def test_collected_response(self) -> None:
        """C{responseheaders} with the head, response with all; nothing goes down before."""
        recorder = Recorder(only=HTTP)
        harness = self.proxy(recorder)
        origin = harness.origin("example.com", 80)
        client = self.send(harness, GET)
        origin.peer.send(answer(b"", "Content-Length: 6") + b"abc")
        harness.pump()
        self.assertEqual(recorder.trace[-1], "responseheaders")
        self.assertEqual((recorder.flow.response.body, client.received), (None, b""))
        origin.peer.send(b"def")
        harness.pump()
        self.assertEqual((recorder.trace[-1], recorder.flow.response.body), ("response", b"abcdef"))

    def test_streamed_request(self) -> None:
        """C{requestheaders}, serverconnect, bytes, request after the last one, then the answer's hooks."""
        recorder = streaming()
        harness = self.proxy(recorder)
        origin = harness.origin("example.com", 80)
        client = self.send(harness, UPLOAD + b"abc")
        self.assertEqual(recorder.trace, ["requestheaders", "serverconnect"])
        client.send(b"def")
        harness.pump()
        self.assertEqual(recorder.trace[2:], ["request"])
        origin.peer.send(OK)
        harness.pump()
        self.assertEqual(recorder.trace[3:], ["responseheaders", "response"])

    def test_streamed_without_a_body(self) -> None:
        """A request without a body is never streamed: request comes before the server is asked."""
        recorder = streaming()
        harness = self.proxy(recorder)
        self.origin(harness)
        self.send(harness, GET)
        self.assertEqual(recorder.trace, ["requestheaders", "request", "serverconnect", "responseheaders", "response"])

    def early(self, recorder: Recorder, whole: bool = True) -> tuple[Any, Origin, Peer]:
        """A streamed request whose answer comes before its end."""
        harness = self.proxy(recorder)
        origin = harness.origin("example.com", 80)
        client = self.send(harness, UPLOAD + b"abc")
        origin.peer.send(OK if whole else answer(b"", "Content-Length: 2") + b"h")
        harness.pump()
        return harness, origin, client

    def test_responseheaders_before_request(self) -> None:
        """An answer that begins early: responseheaders before request, response never."""
        recorder = streaming()
        harness, origin, client = self.early(recorder, whole=False)
        self.assertEqual(recorder.trace[2:], ["responseheaders"])
        client.send(b"def")
        harness.pump()
        self.assertEqual(recorder.trace[2:], ["responseheaders", "request"])
        origin.peer.send(b"i")
        harness.pump()
        self.assertEqual(recorder.trace[2:], ["responseheaders", "request", "response"])
        self.assertEqual(client.received, OK)

    def test_abandoned_upload_skips_request(self) -> None:
        """A whole answer before the end of the upload: the rest is not sent, request is skipped."""
        recorder = streaming()
        _, origin, client = self.early(recorder)
        self.assertEqual(recorder.trace[2:], ["responseheaders", "response"])
        self.assertTrue(client.received.startswith(b"HTTP/1.1 200 OK\r\n"))
        self.assertIn(b"\r\nConnection: close\r\n", client.received)
        self.assertTrue(client.has_ended)
        self.assertTrue(origin.peer.lost or origin.peer.has_ended)

    def test_response_waits_for_request(self) -> None:
        """C{response} waits for a handler of request that takes its time after the last byte."""
        pending: Deferred[None] = Deferred()
        recorder = streaming(request=lambda flow: pending)
        harness, origin, client = self.early(recorder, whole=False)
        client.send(b"def")
        origin.peer.send(b"i")
        harness.pump()
        self.assertEqual(recorder.trace[2:], ["responseheaders", "request"])
        self.assertEqual(client.received, b"")
        pending.callback(None)
        harness.pump()
        self.assertEqual(recorder.trace[-1], "response")
        self.assertEqual(client.received, OK)

    def test_end_of_the_upload_after_the_answer(self) -> None:
        """A streamed answer that is whole while request is pending: the upload gets its end, the connection stays."""
        pending: Deferred[None] = Deferred()
        recorder = Recorder(
            only=(), requestheaders=lambda flow: setattr(flow.request, "stream", True), request=lambda flow: pending
        )
        harness = self.proxy(recorder)
        origin = harness.origin("example.com", 80)
        self.send(harness, request("POST", "/", "Transfer-Encoding: chunked", body=b"3\r\nabc\r\n0\r\n\r\n"))
        origin.peer.send(OK)
        harness.pump()
        self.assertFalse(origin.received.endswith(b"0\r\n\r\n"))
        pending.callback(None)
        harness.pump()
        self.assertTrue(origin.received.endswith(b"\r\n\r\n3\r\nabc\r\n0\r\n\r\n"))
        self.assertTrue(origin.peer.is_connected)

    def test_no_overlap(self) -> None:
        """H2: while responseheaders is pending, request waits."""
        pending: Deferred[None] = Deferred()
        recorder = streaming(responseheaders=lambda flow: pending)
        harness, _origin, client = self.early(recorder)
        client.send(b"def")
        harness.pump()
        self.assertEqual(recorder.trace[2:], ["responseheaders"])
        pending.callback(None)
        harness.pump()
        self.assertEqual(sorted(recorder.trace[3:]), ["request", "response"])
        self.assertEqual(recorder.trace[-1], "response")

    def test_both_streamed(self) -> None:
        """Both bodies flow at the same time (a full-duplex exchange)."""
        recorder = streaming(responseheaders=lambda flow: setattr(flow.response, "stream", True))
        harness = self.proxy(recorder)
        origin = harness.origin("example.com", 80)
        client = self.send(harness, UPLOAD + b"abc")
        origin.peer.send(answer(b"", "Content-Length: 4") + b"12")
        harness.pump()
        self.assertTrue(client.received.endswith(b"12"))
        client.send(b"def")
        harness.pump()
        self.assertTrue(origin.received.endswith(b"abcdef"))
        origin.peer.send(b"34")
        harness.pump()
        self.assertTrue(client.received.endswith(b"1234"))
        self.assertEqual(recorder.trace[2:], ["responseheaders", "request", "response"])

    def test_streamed_answer_before_the_upload_ends(self) -> None:
        """A streamed answer that is whole before the upload: as an abandoned upload."""
        recorder = streaming(responseheaders=lambda flow: setattr(flow.response, "stream", True))
        _, _, client = self.early(recorder)
        self.assertTrue(client.received.endswith(b"hi"))
        self.assertEqual(recorder.trace[2:], ["responseheaders", "response"])
        self.assertTrue(client.has_ended)

    def test_pending_request_hook_holds_the_wire(self) -> None:
        """H3: while request is pending nothing goes up; while response is pending nothing goes down."""
        pending: dict[str, Deferred[None]] = {"request": Deferred(), "response": Deferred()}
        recorder = Recorder(only=(), request=lambda _: pending["request"], response=lambda _: pending["response"])
        harness = self.proxy(recorder)
        origin = self.origin(harness)
        client = self.send(harness, GET)
        self.assertEqual(origin.peers, [])
        pending["request"].callback(None)
        harness.pump()
        self.assertEqual((len(origin.peers), client.received), (1, b""))
        pending["response"].callback(None)
        harness.pump()
        self.assertEqual(client.received, OK)

    def test_intercept(self) -> None:
        """An intercepted flow is held after the hook, beyond hook_timeout, until it is resumed."""
        recorder = Recorder(only=HTTP, request=lambda flow: flow.intercept())
        harness = self.proxy(recorder, hook_timeout=5)
        origin = self.origin(harness)
        client = self.send(harness, GET)
        harness.advance(60)
        self.assertEqual((client.received, origin.peers), (b"", []))
        recorder.flow.resume()
        harness.pump()
        self.assertEqual(client.received, OK)

    def test_timestamps(self) -> None:
        """The flow knows when each part began and ended."""
        recorder = Recorder(only=HTTP)
        harness = self.proxy(recorder)
        origin = harness.origin("example.com", 80)
        begun = harness.network.seconds()
        client = self.send(harness, UPLOAD + b"abc")
        harness.advance(1)
        client.send(b"def")
        harness.pump()
        harness.advance(2)
        origin.peer.send(answer(b"", "Content-Length: 2") + b"h")
        harness.pump()
        harness.advance(3)
        origin.peer.send(b"i")
        harness.pump()
        flow = recorder.flow
        messages = (flow.request, flow.response)
        times = [at for each in messages for at in (each.timestamp_start, each.timestamp_end)]
        self.assertEqual([at - begun for at in times], [0, 1, 3, 6])


class PipeliningTests(Acceptance):
    """Requests of one connection are taken one after another."""

    def test_one_after_another(self) -> None:
        """The second request is not seen before the first one was answered; answers are in order."""
        pending: list[Deferred[None]] = []

        def hold(flow: Any) -> Deferred[None]:
            pending.append(Deferred())
            return pending[-1]

        recorder = Recorder(only=HTTP, request=hold)
        harness = self.proxy(recorder)
        harness.origin("example.com", 80, lambda peer: peer.send(answer(peer.take()[5:7])))
        client = self.send(harness, request(path="/1") + request(path="/2"))
        client.send(request(path="/3"))
        harness.pump()
        for number in (1, 2, 3):
            self.assertEqual(recorder.count("requestheaders"), number)
            pending[-1].callback(None)
            harness.pump()
        self.assertEqual(client.received, b"".join(answer(b"%d " % number) for number in (1, 2, 3)))

    def test_two_thousand_answered_synchronously(self) -> None:
        """2000 pipelined requests that an addon answers at once do not deepen the stack."""
        from mitmtw.model import Response

        def canned(flow: Any) -> None:
            flow.response = Response.make(200, flow.request.path.encode())

        recorder = Recorder(only=("response",), request=canned)
        harness = self.proxy(recorder)
        client = self.send(harness, b"".join(request(path=f"/{number}") for number in range(2000)))
        self.assertEqual(recorder.count("response"), 2000)
        self.assertEqual(client.received, b"".join(answer(b"/%d" % number) for number in range(2000)))

    def test_split_anywhere(self) -> None:
        """The same bytes one at a time make the same exchanges."""
        recorder = Recorder(only=HTTP)
        harness = self.proxy(recorder)
        origin = harness.origin("example.com", 80, lambda peer: peer.send(OK) if peer.take().endswith(b"\n") else None)
        client = harness.client()
        for byte in request("POST", body=b"ab\r\n") + GET:
            client.send(bytes([byte]))
            harness.pump()
        self.assertEqual(client.received, OK + OK)
        self.assertEqual(recorder.count("response"), 2)
        self.assertEqual(len(origin.peers), 1)


class HalfCloseTests(Acceptance):
    """H5: a FIN after a whole request."""

    def test_half_close_after_a_complete_request(self) -> None:
        """The exchange and its handlers go on, the answer is sent, then we close."""
        pending: Deferred[None] = Deferred()
        recorder = Recorder(request=lambda flow: pending)
        harness = self.proxy(recorder)
        self.origin(harness)
        client = self.send(harness, GET)
        client.half_close()
        harness.pump()
        self.assertFalse(client.has_ended)
        pending.callback(None)
        harness.pump()
        self.assertIn(b"\r\nConnection: close\r\n", client.received)
        self.assertTrue(client.received.endswith(b"\r\n\r\nhi"))
        self.assertTrue(client.has_ended)
        self.assertEqual((recorder.count("response"), recorder.count("error")), (1, 0))

    def test_half_close_with_pipelined_requests(self) -> None:
        """All requests that were sent before are answered."""
        harness = self.proxy()
        self.origin(harness)
        client = harness.client()
        client.send(GET * 3)
        client.half_close()
        harness.pump()
        self.assertEqual(client.received.count(b"\r\n\r\nhi"), 3)
        self.assertTrue(client.has_ended)

    def test_half_close_in_a_request(self) -> None:
        """A FIN in the middle of a body is a client that has gone: error, no request."""
        recorder = Recorder(only=HTTP)
        harness = self.proxy(recorder)
        client = self.send(harness, UPLOAD + b"abc")
        client.half_close()
        harness.pump()
        self.assertEqual(recorder.trace, ["requestheaders", "error"])

    def test_abort_on_half_close(self) -> None:
        """By option a FIN after a whole request means gone as well."""
        recorder = Recorder(only=HTTP)
        harness = self.proxy(recorder, abort_on_half_close=True)
        harness.origin("example.com", 80)
        client = self.send(harness, GET)
        client.half_close()
        harness.pump()
        self.assertEqual(recorder.trace[-1], "error")
