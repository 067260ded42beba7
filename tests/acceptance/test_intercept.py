"""Flows that are held on purpose: in each ask hook, longer than any deadline, killed, resumed, left by their client."""

from typing import Any

from twisted.internet.defer import Deferred

from mitmtw.testing import Recorder
from tests.acceptance.base import GET, request
from tests.acceptance.failures_base import CONNECT, FailureCase, Scene

WHOLE = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi"
#: Where a flow can be held: what is sent, and how the answer begins that comes after it was resumed.
HOOKS = {
    "requestheaders": (GET, b"HTTP/1.1 200 OK"),
    "request": (GET, b"HTTP/1.1 200 OK"),
    "responseheaders": (GET, b"HTTP/1.1 200 OK"),
    "response": (GET, b"HTTP/1.1 200 OK"),
    "error": (request(host="127.0.0.9"), b"HTTP/1.1 502 "),
    "http_connect": (CONNECT, b"HTTP/1.1 200 Connection established"),
}


def intercept(flow: Any) -> None:
    flow.intercept()


class InterceptTests(FailureCase):
    """One flow, held in one hook."""

    def held(self, hook: str, handler: Any = intercept, **settings: Any) -> Scene:
        """A scene in which the flow is held."""
        scene = Scene(self, **{f"on_{hook}": handler, "hook_timeout": 10, **settings}).send(HOOKS[hook][0])
        if hook.startswith("response"):
            scene.serve(WHOLE)
        self.assertEqual((scene.recorder.trace[-1], scene.flow.intercepted), (hook, True))
        self.assertEqual(scene.client.received, b"")
        return scene

    def go_on(self, scene: Scene, hook: str) -> None:
        """What follows when the flow was resumed."""
        scene.harness.pump()
        if hook.startswith("request"):
            scene.serve(WHOLE)
        self.assertTrue(scene.client.received.startswith(HOOKS[hook][1]), (hook, scene.client.received))
        self.check_over(scene.harness, scene.recorder, scene.client)

    def test_resumed(self) -> None:
        """In each hook: it goes no further until it is resumed, then it goes on as ever."""
        for hook in HOOKS:
            scene = self.held(hook)
            scene.flow.resume()
            self.assertFalse(scene.flow.intercepted)
            self.go_on(scene, hook)

    def test_longer_than_the_deadline(self) -> None:
        """hook_timeout does not count for a flow that is held."""
        for hook in HOOKS:
            scene = self.held(hook)
            scene.harness.advance(5, 6, 30, 30)
            self.assertEqual((scene.recorder.trace[-1], scene.client.received), (hook, b""))
            scene.flow.resume()
            self.go_on(scene, hook)

    def test_handler_that_holds_and_waits(self) -> None:
        """A handler that intercepts and is pending itself has no deadline either, as long as the flow is held."""
        waiting: Deferred[None] = Deferred()

        def handler(flow: Any) -> Deferred[None]:
            flow.intercept()
            return waiting

        scene = self.held("request", handler)
        scene.harness.advance(5, 6, 30)
        scene.flow.resume()
        scene.harness.pump()
        self.assertEqual(scene.origin.peers, [])  # its handler has not answered
        waiting.callback(None)
        self.go_on(scene, "request")

    def test_resumed_twice(self) -> None:
        """The second time means nothing, also when the flow is held again later."""
        scene = self.held("request")
        flow = scene.flow
        flow.resume()
        flow.resume()
        scene.harness.pump()
        self.assertEqual(len(scene.origin.peers), 1)
        self.go_on(scene, "request")

    def test_resumed_at_once(self) -> None:
        """A handler that holds the flow and lets it go: nothing is held."""

        def handler(flow: Any) -> None:
            flow.intercept()
            flow.resume()

        scene = Scene(self, on_request=handler).send(GET)
        self.go_on(scene, "request")

    def test_held_in_two_hooks(self) -> None:
        """Each hold needs its own resume."""
        scene = self.held("request", on_response=intercept)
        scene.flow.resume()
        scene.harness.pump()
        scene.serve(WHOLE)
        self.assertEqual((scene.client.received, scene.flow.intercepted), (b"", True))
        scene.flow.resume()
        scene.harness.pump()
        self.assertEqual(scene.client.received, WHOLE)
        self.check_over(scene.harness, scene.recorder, scene.client)

    def test_killed_while_held(self) -> None:
        """Both sides are reset, error once; to resume it means nothing."""
        for hook in HOOKS:
            scene = self.held(hook)
            flow = scene.flow
            flow.kill()
            scene.harness.pump()
            self.assertTrue(scene.client.was_reset(), hook)
            self.assertEqual(scene.recorder.count("error"), 1)
            trace = list(scene.recorder.trace)
            flow.resume()
            scene.harness.pump()
            self.assertEqual(scene.recorder.trace, trace)
            self.check_over(scene.harness, scene.recorder, scene.client)

    def test_client_gone_while_held(self) -> None:
        """It ends as any other; to resume it means nothing."""
        for hook in HOOKS:
            scene = self.held(hook)
            flow = scene.flow
            scene.client.reset()
            scene.harness.pump()
            self.assertEqual((scene.recorder.count("error"), scene.recorder.trace[-1]), (1, "clientdisconnect"), hook)
            trace = list(scene.recorder.trace)
            flow.resume()
            scene.harness.pump()
            self.assertEqual(scene.recorder.trace, trace)
            self.check_over(scene.harness, scene.recorder, scene.client)

    def test_held_in_error_after_a_broken_body(self) -> None:
        """A flow that ended because its request's body is broken, and is held in error, ends with its client."""
        for end in ("reset", "kill"):
            scene = Scene(self, on_error=intercept)
            scene.send(request("POST", "/", "Transfer-Encoding: chunked")).send(b"nonsense\r\n")
            self.assertEqual((scene.recorder.trace[-1], scene.flow.intercepted), ("error", True))
            (scene.client if end == "reset" else scene.flow).__getattribute__(end)()
            scene.harness.pump()
            self.assertEqual(scene.recorder.trace[-1], "clientdisconnect")
            self.check_over(scene.harness, scene.recorder, scene.client)

    def test_dead_flow_cannot_be_held(self) -> None:
        """To intercept in the error of a flow that was killed, or whose client is gone, holds nothing."""
        scene = Scene(self, on_error=intercept).send(GET)
        scene.client.reset()
        scene.harness.pump()
        self.assertEqual(scene.recorder.trace[-1], "clientdisconnect")
        scene = Scene(self, on_error=intercept, on_request=lambda flow: flow.kill()).send(GET)
        self.assertEqual(scene.recorder.trace[-1], "clientdisconnect")

    def test_shutdown_while_held(self) -> None:
        """It is drained like others, then killed."""
        scene = self.held("request", drain_timeout=5)
        stopped = scene.harness.stop()
        scene.harness.advance(4)
        self.assertNoResult(stopped)
        scene.harness.advance(1)
        self.successResultOf(stopped)
        self.assertEqual((scene.recorder.count("error"), scene.recorder.trace[-1]), (1, "clientdisconnect"))

    def test_other_flows_go_on(self) -> None:
        """A second client is served while the first one's flow is held."""
        first: list[Any] = []

        def handler(flow: Any) -> None:
            if not first:
                first.append(flow)
                flow.intercept()

        recorder = Recorder(request=handler)
        harness = self.proxy(recorder)
        harness.origin("example.com", 80, WHOLE)
        held, other = self.send(harness, GET), self.send(harness, GET)
        self.assertEqual((held.received, other.received), (b"", WHOLE))
        first[0].resume()
        harness.pump()
        self.assertEqual(held.received, WHOLE)
        self.check_over(harness, recorder, held, other)
