"""
A client that goes away while an addon is asked: the handler is cancelled in that turn, C{error} fires, then
C{clientdisconnect}. A client that has sent a whole request and only half-closes is answered.
"""

from typing import Any

from twisted.internet.defer import CancelledError, Deferred

from mitmtw.testing import Recorder
from tests.acceptance.base import GET, request
from tests.acceptance.failures_base import CONNECT, FailureCase, Holder, Scene

HEAD_10 = b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc"
WHOLE = HEAD_10 + b"defghij"
PART = request("POST", "/", "Content-Length: 2000000")
_HUNDRED = b"x" * 100
#: More bytes than are kept for one direction would hold reading, and in memory that hides a reset; see tests.interop.
_SOME = b"x" * 60000


class Abort:
    """An asynchronous handler that says how it ended."""

    def __init__(self) -> None:
        self.waiting: Deferred[Any] = Deferred()
        self.seen: list[str] = []

    async def __call__(self, subject: Any) -> None:
        self.seen.append("called")
        try:
            await self.waiting
        except CancelledError:
            self.seen.append("cancelled")
            raise
        finally:
            self.seen.append("finally")


#: Ask hooks: what is sent, and what the server answers, to make them fire.
CASES: dict[str, tuple[bytes, bytes]] = {
    "clientconnect": (b"", b""),
    "next_layer": (GET, b""),
    "requestheaders": (GET, b""),
    "request": (GET, b""),
    "serverconnect": (GET, b""),
    "server_connected": (GET, b""),
    "responseheaders": (GET, HEAD_10),
    "response": (GET, WHOLE),
    "error": (request(host="127.0.0.9"), b""),
    "http_connect": (CONNECT, b""),
}
NO_FLOW = ("clientconnect", "next_layer")


class AbortCase(FailureCase):
    """A client that goes while a hook is pending."""

    def pending(self, hook: str, more: bytes = b"", **settings: Any) -> tuple[Scene, Abort]:
        """The scene in which the hook is pending, and the client has sent C{more} meanwhile."""
        handler: Any = Abort()
        sent, answer = CASES[hook]
        scene = Scene(self, **{f"on_{hook}": handler}, **settings)
        if sent:
            scene.send(sent)
        if answer:
            scene.serve(answer)
        self.assertEqual(handler.seen, ["called"], hook)
        if more:
            scene.send(more)
        return scene, handler

    def check_gone(self, scene: Scene, handler: Abort, hook: str) -> None:
        """The handler was cancelled, the flow has ended, and all is over."""
        recorder = scene.recorder
        self.assertEqual(handler.seen, ["called", "cancelled", "finally"], hook)
        self.assertEqual(recorder.trace[-1], "clientdisconnect")
        self.assertEqual(recorder.count("error"), 0 if hook in NO_FLOW else 1)
        if hook not in NO_FLOW and hook != "error":
            self.assertIn("the client closed the connection", recorder.last("error").error.msg)
        self.check_over(scene.harness, recorder, scene.client)


class ResetTests(AbortCase):
    """RST while a hook is pending."""

    def test_in_each_ask_hook(self) -> None:
        """At once, and after 100 bytes and some thousands of a pipelined request."""
        for more in (b"", _HUNDRED, _SOME):
            for hook in CASES:
                scene, handler = self.pending(hook, more)
                scene.client.reset()
                scene.harness.pump()
                self.check_gone(scene, handler, hook)

    def test_in_the_middle_of_a_body(self) -> None:
        """While requestheaders is pending, with 100 bytes and some thousands of the body."""
        for more in (b"", _HUNDRED, _SOME):
            handler = Abort()
            scene = Scene(self, on_requestheaders=handler).send(PART + more)
            scene.client.reset()
            scene.harness.pump()
            self.check_gone(scene, handler, "requestheaders")

    def test_in_the_turn_of_the_reset(self) -> None:
        """Handler cancelled and error fired before connectionLost returns; no step of the network lies between."""
        scene, handler = self.pending("request")
        scene.client.reset()
        seen: list[tuple[list[str], str]] = []
        lost = scene.proxy_wire.protocol.connectionLost

        def connection_lost(reason: Any) -> None:
            lost(reason)
            seen.append((list(handler.seen), scene.recorder.trace[-1]))

        scene.proxy_wire.protocol.connectionLost = connection_lost
        scene.harness.pump()
        self.assertEqual(seen, [(["called", "cancelled", "finally"], "clientdisconnect")])

    def test_later_handlers_are_skipped(self) -> None:
        """The rest of the chain of the event, and all later ask events, are skipped."""
        holder = Holder()
        first, second = Recorder(name="a", only=("error",), request=holder), Recorder(name="b")
        harness = self.proxy(first, second)
        harness.origin("example.com", 80)
        client = self.send(harness, GET)
        client.reset()
        harness.pump()
        self.assertEqual(holder.cancelled, 1)
        self.assertEqual(second.trace, ["clientconnect", "next_layer", "requestheaders", "error", "clientdisconnect"])
        self.check_over(harness, second)

    def test_error_may_take_its_time(self) -> None:
        """Clientdisconnect waits for a handler of error, which is not cancelled by the end that it is told of."""
        holder = Holder()
        scene = Scene(self, on_error=holder).send(GET)
        scene.client.reset()
        scene.harness.pump()
        self.assertEqual((scene.recorder.trace[-1], holder.cancelled), ("serverdisconnect", 0))
        holder.answer()
        self.assertEqual(scene.recorder.trace[-1], "clientdisconnect")
        self.check_over(scene.harness, scene.recorder, scene.client)


class FinTests(AbortCase):
    """FIN while a hook is pending."""

    def test_complete_request_goes_on(self) -> None:
        """The handler is not cancelled; when it answers the exchange goes on, and the connection closes after it."""
        for hook in CASES:
            if hook == "http_connect":
                continue
            scene, handler = self.pending(hook)
            if hook == "clientconnect":
                scene.send(GET)
            scene.client.half_close()
            scene.harness.pump()
            self.assertEqual(handler.seen, ["called"], hook)
            self.assertTrue(scene.client.is_connected)
            handler.waiting.callback(None)
            scene.harness.pump()
            if scene.origin.peers and hook != "error":
                scene.serve(WHOLE[len(HEAD_10) if hook == "responseheaders" else 0 :] if hook != "response" else b"")
            status = b"HTTP/1.1 502" if hook == "error" else b"HTTP/1.1 200"
            self.assertTrue(scene.client.received.startswith(status), hook)
            self.assertTrue(scene.client.has_ended)
            self.assertTrue(scene.proxy_wire.disconnected)
            self.check_over(scene.harness, scene.recorder, scene.client)

    def test_incomplete_request_is_gone(self) -> None:
        """FIN in the middle of a body: gone, as by RST."""
        for more in (b"", _HUNDRED, _SOME):
            for ending in ("half_close", "close"):
                handler = Abort()
                scene = Scene(self, on_requestheaders=handler).send(PART + more)
                getattr(scene.client, ending)()
                scene.harness.pump()
                self.check_gone(scene, handler, "requestheaders")
                self.assertIn("before its request was complete", scene.recorder.last("error").error.msg)

    def test_abort_on_half_close(self) -> None:
        """With the option, FIN after a whole request means gone."""
        for hook in ("requestheaders", "request", "serverconnect", "server_connected", "responseheaders", "response"):
            scene, handler = self.pending(hook, abort_on_half_close=True)
            scene.client.half_close()
            scene.harness.pump()
            self.check_gone(scene, handler, hook)

    def test_fin_then_rst(self) -> None:
        """A client that has half-closed may still go away; in memory that is seen as soon as it happens."""
        scene, handler = self.pending("request")
        scene.client.half_close()
        scene.harness.pump()
        scene.client.reset()
        scene.harness.pump()
        self.check_gone(scene, handler, "request")

    def test_pipelined_requests_before_fin(self) -> None:
        """All whole requests that came before FIN are answered, in order, then the connection closes."""
        scene = Scene(self).send(GET + GET + GET)
        scene.client.half_close()
        scene.harness.pump()
        for _ in range(3):
            scene.serve(WHOLE)
        self.assertEqual(scene.client.received.count(b"HTTP/1.1 200 OK"), 3)
        self.assertTrue(scene.proxy_wire.disconnected)
        self.assertEqual(scene.recorder.count("response"), 3)
        self.check_over(scene.harness, scene.recorder, scene.client)

    def test_part_of_a_request_before_fin(self) -> None:
        """What is no whole request is dropped without an answer, and there is no flow."""
        scene = Scene(self).send(GET[:25])
        scene.client.half_close()
        scene.harness.pump()
        self.assertEqual((scene.client.received, scene.proxy_wire.disconnected), (b"", True))
        self.assertEqual(scene.recorder.trace, ["clientconnect", "next_layer", "clientdisconnect"])


class UpstreamGoneTests(FailureCase):
    """The server goes away while an addon is asked: noted, and decided after."""

    def gone(self, hook: str, ending: str, answer: bytes, **settings: Any) -> tuple[Scene, Holder]:
        """A hook is pending, and the server has gone."""
        holder = Holder()
        scene = Scene(self, holder, **{f"on_{hook}": holder}, **settings).send(GET)
        if answer:
            scene.serve(answer)
        self.assertEqual(len(holder.held), 1)
        getattr(scene.origin.peer, ending)()
        scene.harness.pump()
        self.assertEqual((holder.cancelled, scene.recorder.count("error")), (0, 0))
        self.assertEqual(scene.client.received, b"")
        return scene, holder

    def answer(self, scene: Scene, holder: Holder, starts: bytes, trace: str) -> None:
        """Let the handler answer; the flow ends as told."""
        holder.answer()
        scene.harness.pump()
        self.assertTrue(scene.client.received.startswith(starts), scene.client.received)
        self.assertEqual(scene.recorder.count(trace), 1)
        self.assertEqual(scene.recorder.count("serverdisconnect"), 1)
        self.check_over(scene.harness, scene.recorder, scene.client)

    def test_before_its_answer_is_whole(self) -> None:
        """A body that is cut by then is an error when the handler has answered."""
        for ending in ("reset", "close", "half_close"):
            scene, holder = self.gone("responseheaders", ending, HEAD_10)
            self.answer(scene, holder, b"HTTP/1.1 502 ", "error")

    def test_after_its_answer_was_whole(self) -> None:
        """The answer is here: it is sent."""
        for hook in ("responseheaders", "response"):
            for ending in ("reset", "close", "half_close"):
                scene, holder = self.gone(hook, ending, WHOLE)
                self.answer(scene, holder, b"HTTP/1.1 200 ", "response")

    def test_answer_of_the_addon(self) -> None:
        """A cut body does not matter when the addon answers itself."""
        from mitmtw.model import Response

        scene, holder = self.gone("responseheaders", "reset", HEAD_10)
        scene.flow.response = Response.make(203, b"mine")
        self.answer(scene, holder, b"HTTP/1.1 203 ", "response")

    def test_before_anything_was_asked(self) -> None:
        """server_connected is pending: 502."""
        for ending in ("reset", "close"):
            scene, holder = self.gone("server_connected", ending, b"")
            self.answer(scene, holder, b"HTTP/1.1 502 ", "error")

    def test_answer_before_it_is_asked_for(self) -> None:
        """A server that answers at once and closes: what it said belongs to no request."""
        scene, holder = self.gone("server_connected", "close", b"")
        self.answer(scene, holder, b"HTTP/1.1 502 ", "error")

    def test_while_101_is_decided(self) -> None:
        """The server has gone before both are joined: what it said is passed on, then the client is closed."""
        for ending in ("reset", "close", "half_close"):
            holder = Holder()
            scene = Scene(self, holder, on_response=holder)
            scene.send(request("GET", "/", "Connection: Upgrade", "Upgrade: strange"))
            scene.serve(b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: strange\r\n\r\nmore")
            getattr(scene.origin.peer, ending)()
            scene.harness.pump()
            holder.answer()
            scene.harness.pump()
            self.assertTrue(scene.client.has_ended or not scene.client.is_connected, ending)
            if ending != "reset":
                self.assertTrue(scene.client.received.endswith(b"\r\n\r\nmore"), (ending, scene.client.received))
            self.check_over(scene.harness, scene.recorder, scene.client)
