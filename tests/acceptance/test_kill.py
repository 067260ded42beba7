"""
C{flow.kill()} at each moment: both sides are aborted in that turn, C{error} fires once, no C{response} comes after it,
and C{clientdisconnect} is last.
"""

from collections.abc import Callable
from typing import Any

from twisted.internet.defer import Deferred

from tests.acceptance.base import GET, request
from tests.acceptance.failures_base import CONNECT, FailureCase, Holder, Scene

POST = request("POST", "/", "Content-Length: 10", body=b"abc")
HEAD_10 = b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc"
WHOLE = HEAD_10 + b"defghij"


def kill(subject: Any) -> None:
    subject.kill()


def stream_request(flow: Any) -> None:
    flow.request.stream = True


def stream_response(flow: Any) -> None:
    flow.response.stream = True


class KillCase(FailureCase):
    """What a kill does."""

    def check_killed(self, scene: Scene, server: bool = True) -> None:
        """
        The flow was killed, and all is over.

        @param server: whether there is a connection to the server, which must have been reset.
        """
        recorder = scene.recorder
        self.assertTrue(scene.client.was_reset(), recorder.trace)
        self.assertEqual(len(scene.origin.peers), 1 if server else 0)
        if server:
            self.assertTrue(scene.origin.peer.was_reset())
        self.assertEqual(recorder.count("error"), 1, recorder.trace)
        flow = recorder.last("error")
        self.assertTrue(flow.killed)
        self.assertEqual(flow.error.msg, "Connection killed.")
        self.assertFalse(flow.kill())
        self.assertEqual(recorder.trace[-1], "clientdisconnect")
        self.check_over(scene.harness, recorder, scene.client)


class KillInHookTests(KillCase):
    """A handler kills the flow that it was given, at once."""

    def test_in_requestheaders(self) -> None:
        """Nothing else fires but error; nobody is connected; the body is not awaited."""
        for sent in (GET, POST):
            scene = Scene(self, on_requestheaders=kill).send(sent)
            self.assertEqual(scene.recorder.trace[-3:], ["requestheaders", "error", "clientdisconnect"])
            self.check_killed(scene, server=False)

    def test_in_request(self) -> None:
        """Nobody is connected."""
        scene = Scene(self, on_request=kill).send(GET)
        self.assertEqual(scene.recorder.trace[-3:], ["request", "error", "clientdisconnect"])
        self.check_killed(scene, server=False)

    def test_in_request_of_a_streamed_upload(self) -> None:
        """Both sides are reset, though all of the request went up; the end of the message did not."""
        post = request("POST", "/", "Transfer-Encoding: chunked", body=b"3\r\nabc\r\n0\r\n\r\n")
        scene = Scene(self, on_requestheaders=stream_request, on_request=kill).send(post)
        self.assertNotIn(b"0\r\n\r\n", scene.origin.received)
        self.check_killed(scene)

    def test_in_responseheaders(self) -> None:
        """Neither body nor response."""
        for answer in (HEAD_10, WHOLE):
            scene = Scene(self, on_responseheaders=kill).send(GET).serve(answer)
            self.assertEqual(scene.recorder.count("response"), 0)
            self.check_killed(scene)

    def test_in_response(self) -> None:
        """The response is not sent; its flow ends in error."""
        scene = Scene(self, on_response=kill).send(GET).serve(WHOLE)
        self.assertEqual(scene.client.received, b"")
        self.check_killed(scene)

    def test_in_response_of_a_streamed_body(self) -> None:
        """All bytes of the body are out, but the end of the message is not."""
        scene = Scene(self, on_responseheaders=stream_response, on_response=kill).send(GET)
        scene.serve(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n")
        self.assertNotIn(b"0\r\n\r\n", scene.client.received)
        self.check_killed(scene)

    def test_in_error(self) -> None:
        """The page is not sent; error fires once."""
        scene = Scene(self, on_error=kill).send(request(host="127.0.0.9"))
        self.assertEqual(scene.client.received, b"")
        self.check_killed(scene, server=False)

    def test_in_http_connect(self) -> None:
        """No tunnel."""
        scene = Scene(self, on_http_connect=kill).send(CONNECT)
        self.assertEqual(scene.recorder.trace[-3:], ["http_connect", "error", "clientdisconnect"])
        self.check_killed(scene, server=False)

    def test_in_clientconnect(self) -> None:
        """The connection is reset before a byte is read; there is no flow."""
        scene = Scene(self, on_clientconnect=kill).send(GET)
        self.assertTrue(scene.client.was_reset())
        self.assertEqual(scene.recorder.trace, ["clientconnect", "clientdisconnect"])
        self.assertEqual(scene.recorder.last("clientconnect").client_conn.error, "killed")

    def test_in_next_layer(self) -> None:
        """The connection is reset before a request is read."""
        scene = Scene(self, on_next_layer=kill).send(GET)
        self.assertTrue(scene.client.was_reset())
        self.assertEqual(scene.recorder.trace, ["clientconnect", "next_layer", "clientdisconnect"])

    def test_in_serverconnect_and_server_connected(self) -> None:
        """The connection is not made, or reset; the client gets a page that says so."""
        for hook, disconnects in (("serverconnect", 0), ("server_connected", 1)):
            scene = Scene(self, **{f"on_{hook}": kill}).send(GET)
            self.assertTrue(scene.client.received.startswith(b"HTTP/1.1 502 "))
            self.assertIn("an addon refused the connection: killed", scene.recorder.last("error").error.msg)
            self.assertEqual(scene.recorder.count("serverdisconnect"), disconnects)
            self.check_over(scene.harness, scene.recorder, scene.client)

    def test_in_the_stream_callable(self) -> None:
        """What the callable returns after it has killed its flow is not written, and no response hook fires."""
        for answer in (HEAD_10, WHOLE):

            def responseheaders(flow: Any) -> None:
                def stream(data: bytes) -> bytes:
                    flow.kill()
                    return b"too late"

                flow.response.stream = stream

            scene = Scene(self, on_responseheaders=responseheaders).send(GET).serve(answer)
            self.assertNotIn(b"too late", scene.client.received)
            self.assertEqual(scene.recorder.count("response"), 0)
            self.check_killed(scene)

    def test_in_the_stream_callable_of_an_upload(self) -> None:
        """The same for a request's body, one that is here already and one that is not."""
        for post in (POST, POST + b"defghij"):

            def requestheaders(flow: Any) -> None:
                def stream(data: bytes) -> Deferred[bytes]:
                    flow.kill()
                    return Deferred()

                flow.request.stream = stream

            scene = Scene(self, on_requestheaders=requestheaders).send(post)
            self.assertEqual((scene.recorder.count("request"), scene.recorder.count("response")), (0, 0))
            self.check_killed(scene)


class KillFromOutsideTests(KillCase):
    """Somebody else kills a flow while something is pending."""

    def kill(self, scene: Scene) -> None:
        """Kill the latest flow, and see that the exchange has ended before anything else happens."""
        flow = scene.flow
        self.assertTrue(flow.kill())
        self.assertFalse(flow.live)
        self.assertEqual(scene.recorder.trace[-1], "error")
        scene.harness.pump()

    def test_while_a_hook_is_pending(self) -> None:
        """Each ask hook: its handler is cancelled in that turn."""
        cases: list[tuple[str, bytes, bytes, bool]] = [
            ("requestheaders", GET, b"", False),
            ("requestheaders", POST, b"", False),
            ("request", GET, b"", False),
            ("responseheaders", GET, HEAD_10, True),
            ("responseheaders", GET, WHOLE, True),
            ("response", GET, WHOLE, True),
            ("http_connect", CONNECT, b"", False),
            ("serverconnect", GET, b"", False),
            ("server_connected", GET, b"", True),
        ]
        for hook, sent, answer, server in cases:
            holder = Holder()
            scene = Scene(self, holder, **{f"on_{hook}": holder}).send(sent)
            if answer:
                scene.serve(answer)
            self.assertEqual((len(holder.held), holder.cancelled), (1, 0), hook)
            self.kill(scene)
            self.assertEqual(holder.cancelled, 1)
            self.check_killed(scene, server)

    def test_while_error_is_pending(self) -> None:
        """Its handler is cancelled, no page is sent, and it does not fire again."""
        holder = Holder()
        scene = Scene(self, holder, on_error=holder).send(request(host="127.0.0.9"))
        self.kill(scene)
        self.assertEqual(holder.cancelled, 1)
        self.assertEqual(scene.client.received, b"")
        self.check_killed(scene, server=False)

    def test_error_of_a_killed_flow_may_take_time(self) -> None:
        """Both sides are aborted at once; clientdisconnect waits for the handler of error, which is not cancelled."""
        holder = Holder()
        scene = Scene(self, holder, on_request=kill, on_error=holder).send(GET)
        self.assertTrue(scene.client.was_reset())
        self.assertEqual((scene.recorder.trace[-1], holder.cancelled), ("error", 0))
        holder.answer()
        self.check_killed(scene, server=False)

    def test_while_upstream_connects(self) -> None:
        """The attempt is given up."""
        scene = Scene(self)
        scene.harness.network.black_holes.add(("192.0.2.1", 80))
        scene.send(GET)
        self.kill(scene)
        self.assertIn("given up", scene.recorder.last("server_connect_error").error)
        self.check_killed(scene, server=False)

    def test_in_the_tls_handshake_upstream(self) -> None:
        """The connection is reset."""
        scene = Scene(self)
        scene.origin = scene.harness.origin("secure.example", 443)
        scene.send(b"GET https://secure.example/ HTTP/1.1\r\nHost: secure.example\r\n\r\n")
        self.kill(scene)
        self.check_killed(scene)

    def test_in_the_middle(self) -> None:
        """While the head is awaited, and in bodies of both directions, collected and streamed."""
        cases: list[Callable[[], Scene]] = [
            lambda: Scene(self).send(GET),
            lambda: Scene(self).send(GET).serve(HEAD_10[:20]),
            lambda: Scene(self, on_requestheaders=stream_request).send(POST),
            lambda: Scene(self).send(GET).serve(HEAD_10),
            lambda: Scene(self, on_responseheaders=stream_response).send(GET).serve(HEAD_10),
            lambda: Scene(self, on_requestheaders=stream_request).send(POST).serve(HEAD_10),
        ]
        for state in cases:
            scene = state()
            self.kill(scene)
            self.check_killed(scene)

    def test_in_a_collected_request(self) -> None:
        """Nobody is connected."""
        scene = Scene(self).send(POST)
        self.kill(scene)
        self.check_killed(scene, server=False)

    def test_while_the_stream_callable_is_pending(self) -> None:
        """It is cancelled, in both directions."""
        for hook, sent, answer in (("requestheaders", POST, b""), ("responseheaders", GET, HEAD_10)):
            holder = Holder()

            def set_stream(flow: Any, holder: Holder = holder) -> None:
                (flow.response or flow.request).stream = holder

            scene = Scene(self, holder, **{f"on_{hook}": set_stream}).send(sent)
            if answer:
                scene.serve(answer)
            self.assertEqual(len(holder.pending), 1)
            self.kill(scene)
            self.assertEqual(holder.cancelled, 1)
            self.check_killed(scene)

    def test_slow_client(self) -> None:
        """A client that does not read is reset too."""
        scene = Scene(self, on_responseheaders=stream_response)
        scene.client.wire.pauseProducing()
        scene.send(GET).serve(b"HTTP/1.1 200 OK\r\nContent-Length: 9000000\r\n\r\n" + b"x" * 1_000_000)
        self.kill(scene)
        self.assertTrue(scene.proxy_wire.disconnected)
        scene.client.wire.resumeProducing()
        scene.harness.pump()
        self.check_killed(scene)

    def test_after_the_end(self) -> None:
        """A flow that is over cannot be killed: nothing happens, and the connection goes on."""
        scene = Scene(self).send(GET).serve(WHOLE)
        flow = scene.flow
        self.assertFalse(flow.kill())
        self.assertFalse(flow.killed)
        scene.send(GET).serve(WHOLE)
        self.assertEqual((scene.recorder.count("response"), scene.recorder.count("error")), (2, 0))
        self.check_over(scene.harness, scene.recorder, scene.client)

    def test_pipelined_requests_of_a_killed_client(self) -> None:
        """What waited behind the killed flow is not served."""
        scene = Scene(self, on_request=kill).send(GET + GET)
        self.assertEqual(scene.recorder.count("requestheaders"), 1)
        self.check_killed(scene, server=False)

    def test_connection_killed_while_a_flow_runs(self) -> None:
        """root_layer.kill(): the flow ends because its client is gone."""
        scene = Scene(self).send(GET)
        scene.recorder.last("clientconnect").kill()
        scene.harness.pump()
        self.assertTrue(scene.client.was_reset())
        self.assertEqual(scene.recorder.last("error").error.msg, "the client closed the connection: killed")
        self.check_over(scene.harness, scene.recorder, scene.client)
