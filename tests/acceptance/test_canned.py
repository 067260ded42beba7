"""Responses that an addon gives instead of the server, and edits that move a request."""

from typing import Any

from twisted.internet.defer import Deferred

from mitmtw.model import Response
from mitmtw.testing import Harness, Peer, Recorder
from tests.acceptance.base import GET, OK, Acceptance, request

TEAPOT = b"HTTP/1.1 418 I'm a Teapot\r\nContent-Length: 5\r\n\r\nshort"


def teapot(flow: Any) -> None:
    """Answer."""
    flow.response = Response.make(418, b"short")


class CannedTests(Acceptance):
    """No request goes upstream, and no connection either."""

    def check(self, hook: str, handler: Any, data: bytes = GET) -> tuple[Harness, Recorder, Peer]:
        """Answer at C{hook} and look that nobody was asked."""
        recorder = Recorder(**{hook: handler})
        harness = self.proxy(recorder)
        origin = self.origin(harness)
        client = self.send(harness, data)
        self.addCleanup(lambda: self.assertEqual((origin.peers, origin.received), ([], b"")))
        self.addCleanup(lambda: self.assertEqual(recorder.count("serverconnect"), 0))
        return harness, recorder, client

    def test_canned_in_request(self) -> None:
        """C{responseheaders} and response still fire, in order."""
        _, recorder, client = self.check("request", teapot)
        self.assertEqual(client.received, TEAPOT)
        self.assertEqual(recorder.trace[2:], ["requestheaders", "request", "responseheaders", "response"])

    def test_canned_in_requestheaders(self) -> None:
        """C{request} is skipped."""
        _, recorder, client = self.check("requestheaders", teapot)
        self.assertEqual(client.received, TEAPOT)
        self.assertEqual(recorder.trace[2:], ["requestheaders", "responseheaders", "response"])

    def test_canned_by_deferred(self) -> None:
        """The same when the handler takes its time, in both hooks."""
        for hook in ("requestheaders", "request"):
            pending: Deferred[Any] = Deferred()

            async def handler(flow: Any, pending: Deferred[Any] = pending) -> None:
                flow.response = await pending

            harness, _, client = self.check(hook, handler)
            self.assertEqual(client.received, b"")
            pending.callback(Response.make(418, b"short"))
            harness.pump()
            self.assertEqual(client.received, TEAPOT)

    def test_canned_with_an_unread_small_body(self) -> None:
        """The rest of a small body is read and dropped, and the connection is used again."""
        head = request("POST", "/", "Content-Length: 1000")
        harness, _recorder, client = self.check("requestheaders", teapot, head + b"x" * 300)
        self.assertEqual(client.received, TEAPOT)
        client.send(b"x" * 700 + GET)
        harness.pump()
        self.assertEqual(client.received, TEAPOT * 2)

    def test_canned_with_an_unread_large_body(self) -> None:
        """A body beyond 64 KiB is not read: the connection closes after the answer, which is not lost."""
        head = request("POST", "/", "Content-Length: 1000000")
        _harness, _recorder, client = self.check("requestheaders", teapot, head + b"x" * 300)
        self.assertTrue(client.received.startswith(b"HTTP/1.1 418 "))
        self.assertIn(b"\r\nConnection: close\r\n", client.received)
        self.assertTrue(client.received.endswith(b"\r\n\r\nshort"))
        self.assertTrue(client.has_ended)
        self.assertFalse(client.was_reset())

    def test_canned_with_a_chunked_body_that_goes_on(self) -> None:
        """A body of unknown length is dropped up to 64 KiB, then the connection closes."""
        head = request("POST", "/", "Transfer-Encoding: chunked")
        harness, _, client = self.check("requestheaders", teapot, head)
        self.assertEqual(client.received, TEAPOT)
        for _ in range(5):
            client.send(b"8000\r\n" + b"x" * 0x8000 + b"\r\n")
            harness.pump()
        self.assertTrue(client.has_ended or client.lost)

    def test_canned_keeps_the_connection(self) -> None:
        """A canned answer to a request with a whole body, then a next request."""
        harness, _, client = self.check("request", teapot, request("POST", body=b"abc"))
        client.send(GET)
        harness.pump()
        self.assertEqual(client.received, TEAPOT * 2)

    def test_canned_head(self) -> None:
        """To HEAD, the length is said and the body is not sent."""
        _, _, client = self.check("request", teapot, request("HEAD"))
        self.assertEqual(client.received, TEAPOT[: -len(b"short")])

    def test_replaced_in_responseheaders(self) -> None:
        """Another response in place of the server's: its body is not waited for."""
        recorder = Recorder(responseheaders=teapot)
        harness = self.proxy(recorder)
        origin = harness.origin("example.com", 80, b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\npart")
        client = self.send(harness, GET)
        self.assertEqual(client.received, TEAPOT)
        self.assertTrue(origin.peer.lost)
        self.assertEqual(recorder.count("response"), 1)

    def test_replaced_in_response(self) -> None:
        """Another response in the last hook: the server's connection is in step, and kept."""
        harness = self.proxy(Recorder(response=teapot))
        origin = self.origin(harness)
        client = self.send(harness, GET)
        client.send(GET)
        harness.pump()
        self.assertEqual(client.received, TEAPOT * 2)
        self.assertEqual(len(origin.peers), 1)


class RewriteTests(Acceptance):
    """Edits of where a request goes."""

    def test_host_rewrite_in_keep_alive(self) -> None:
        """In the middle of a connection one request goes elsewhere, the next one where it says."""

        def rewrite(flow: Any) -> None:
            if flow.request.path == "/moved":
                flow.request.host = "other.example"

        harness = self.proxy(Recorder(request=rewrite))
        here, there = self.origin(harness), self.origin(harness, b"there", "other.example")
        client = self.send(harness, GET)
        for path in ("/moved", "/"):
            client.send(request(path=path))
            harness.pump()
        self.assertEqual(client.received, OK + OK.replace(b"2\r\n\r\nhi", b"5\r\n\r\nthere") + OK)
        self.assertEqual(self.heads(here.received), [b"GET / HTTP/1.1", b"GET / HTTP/1.1"])
        self.assertTrue(there.received.startswith(b"GET /moved HTTP/1.1\r\nHost: other.example\r\n"))

    def test_scheme_port_and_method(self) -> None:
        """Port, scheme, method and path may change as well."""

        def rewrite(flow: Any) -> None:
            flow.request.url = "https://secure.example:8443/new?x=1"
            flow.request.method = "PUT"
            flow.request.content = b"body"

        harness = self.proxy(Recorder(request=rewrite))
        origin = harness.tls_origin(
            "secure.example", 8443, lambda peer: peer.send(OK) if b"body" in peer.received else None
        )
        client = self.send(harness, GET)
        self.assertEqual(client.received, OK)
        self.assertEqual(
            origin.received,
            b"PUT /new?x=1 HTTP/1.1\r\nHost: secure.example:8443\r\nContent-Length: 4\r\n\r\nbody",
        )

    def test_version(self) -> None:
        """A version that an addon chooses is sent."""
        harness = self.proxy(Recorder(request=lambda flow: setattr(flow.request, "http_version", "HTTP/1.0")))
        origin = self.origin(harness)
        self.send(harness, GET)
        self.assertTrue(origin.received.startswith(b"GET / HTTP/1.0\r\n"))

    def test_late_edit_is_not_on_the_wire(self) -> None:
        """H8: what is written after the result fired, while the server is still connecting, is not sent."""
        recorder = Recorder(serverconnect=lambda conn: pending)
        pending: Deferred[None] = Deferred()
        harness = self.proxy(recorder)
        origin = self.origin(harness)
        self.send(harness, request("POST", body=b"abc"))
        message = recorder.last("request").request
        message.headers["X-Late"] = "yes"
        message.path = "/late"
        message.method = "DELETE"
        message.content = b"late"
        pending.callback(None)
        harness.pump()
        self.assertNotIn(b"late", origin.received)
        self.assertNotIn(b"X-Late", origin.received)
        self.assertTrue(origin.received.startswith(b"POST / HTTP/1.1\r\n"))
        self.assertTrue(origin.received.endswith(b"\r\n\r\nabc"))

    def test_late_edit_of_a_swallowed_handler(self) -> None:
        """A handler that was given up cannot write to the response on the wire any more."""
        pending: Deferred[None] = Deferred(lambda _: None)

        async def response(flow: Any) -> None:
            await pending
            flow.response.headers["X-Late"] = "yes"

        harness = self.proxy(Recorder(response=response), hook_timeout=3)
        self.origin(harness)
        client = self.send(harness, GET)
        harness.advance(3.5)
        self.assertEqual(client.received, OK)
        self.flushLoggedErrors()


class UnsendableTests(Acceptance):
    """Messages that addons make, and that must not be written."""

    def test_response_that_cannot_be_sent(self) -> None:
        """A line break in a value is not sent: a page instead; response was the flow's last event all the same."""

        def split(flow: Any) -> None:
            flow.response.headers["X-Split"] = "a\r\nSet-Cookie: b"

        recorder = Recorder(response=split)
        harness = self.proxy(recorder)
        self.origin(harness)
        client = self.send(harness, GET)
        self.assertTrue(client.received.startswith(b"HTTP/1.1 502 "))
        self.assertNotIn(b"Set-Cookie: b", client.received)
        self.assertEqual((recorder.count("response"), recorder.count("error")), (1, 0))

    def test_request_that_cannot_be_sent(self) -> None:
        """The same in a request: nothing goes up, the flow ends in error."""

        def split(flow: Any) -> None:
            flow.request.headers["X-Split"] = "a\r\nGET /evil HTTP/1.1"

        recorder = Recorder(request=split)
        harness = self.proxy(recorder)
        origin = self.origin(harness)
        client = self.send(harness, GET)
        self.assertTrue(client.received.startswith(b"HTTP/1.1 502 "))
        self.assertEqual(origin.received, b"")
        self.assertEqual((recorder.count("response"), recorder.count("error")), (0, 1))

    def test_connect_answer_that_cannot_be_sent(self) -> None:
        """The same for CONNECT, which has no other last event than error."""

        def split(flow: Any) -> None:
            flow.response = Response.make(200, b"", {"X-Split": "a\r\nb"})

        recorder = Recorder(http_connect=split)
        harness = self.proxy(recorder)
        client = self.send(harness, b"CONNECT example.com:80 HTTP/1.1\r\nHost: example.com:80\r\n\r\n")
        self.assertTrue(client.received.startswith(b"HTTP/1.1 502 "))
        self.assertEqual(recorder.count("error"), 1)
