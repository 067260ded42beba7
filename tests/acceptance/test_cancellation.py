"""
A handler that swallows its cancellation holds nothing: the next step is taken in that turn, and what it does later has
no effect but a line in the log.
"""

from collections.abc import Callable
from typing import Any

from mitmtw.model import Response
from tests.acceptance.base import GET
from tests.acceptance.failures_base import FailureCase, Holder, Scene, Stubborn

WHOLE = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi"
HOOKS = ("requestheaders", "request", "responseheaders", "response")


def reset(scene: Scene) -> None:
    scene.client.reset()


def kill(scene: Scene) -> None:
    scene.flow.kill()


class StubbornTests(FailureCase):
    """A coroutine that catches CancelledError and goes on."""

    def stubborn(
        self, hook: str, end: Callable[[Scene], None], finish: Any = lambda flow: None
    ) -> tuple[Scene, Stubborn]:
        """A scene that has ended while the handler of a hook was pending, which swallowed that."""
        handler: Any = Stubborn(finish)
        scene = Scene(self, **{f"on_{hook}": handler}).send(GET)
        if hook.startswith("response"):
            scene.serve(WHOLE)
        end(scene)
        scene.harness.pump()
        self.assertEqual((handler.cancelled, handler.ended), (1, 0))
        self.assertEqual((scene.recorder.count("error"), scene.recorder.trace[-1]), (1, "clientdisconnect"))
        return scene, handler

    def test_next_step_in_that_turn(self) -> None:
        """By reset and by kill, in each hook: error and clientdisconnect do not wait for the handler."""
        for hook in HOOKS:
            for end in (reset, kill):
                scene, _ = self.stubborn(hook, end)
                self.check_over(scene.harness, scene.recorder, scene.client)

    def test_late_result(self) -> None:
        """When it ends after all, nothing happens."""
        for hook in HOOKS:
            scene, handler = self.stubborn(hook, reset)
            trace = list(scene.recorder.trace)
            handler.second.callback("too late")
            scene.harness.pump()
            self.assertEqual((handler.ended, scene.recorder.trace), (1, trace))
            self.check_over(scene.harness, scene.recorder, scene.client)

    def test_late_writes(self) -> None:
        """A response that it sets on the dead flow goes nowhere."""

        def finish(flow: Any) -> None:
            flow.response = Response.make(200, b"late")
            flow.request.host = "other.example"

        for hook in HOOKS:
            scene, handler = self.stubborn(hook, reset, finish)
            attempts = list(scene.harness.network.attempts)
            handler.second.callback(None)
            scene.harness.pump()
            self.assertEqual(handler.ended, 1)
            self.assertEqual(scene.harness.network.attempts, attempts)
            self.check_over(scene.harness, scene.recorder, scene.client)

    def test_late_failure(self) -> None:
        """It is logged, with addon and hook, and that is all."""
        for hook in HOOKS:
            events = self.logged()
            scene, handler = self.stubborn(hook, reset)
            handler.second.errback(ZeroDivisionError("late"))
            scene.harness.pump()
            late = [event for event in events if event.get("hook") == hook and event["log_level"].name == "error"]
            self.assertEqual(len(late), 1)
            self.assertIn("nobody waited", late[0]["log_format"])
            self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 1)
            self.check_over(scene.harness, scene.recorder, scene.client)

    def test_writes_after_the_deadline(self) -> None:
        """A handler whose time is over writes to a flow that went on: the wire does not see it."""

        def finish(flow: Any) -> None:
            flow.request.path = "/late"
            flow.request.headers["X-Late"] = "yes"

        handler: Any = Stubborn(finish)
        holder = Holder()
        scene = Scene(self, on_request=handler, on_serverconnect=holder, hook_timeout=10).send(GET)
        scene.harness.advance(5, 5)
        self.assertEqual(len(holder.pending), 1)
        handler.second.callback(None)
        holder.answer()
        scene.harness.pump()
        self.assertEqual(handler.ended, 1)
        self.assertEqual(scene.origin.received, b"GET / HTTP/1.1\r\nHost: example.com\r\n\r\n")

    def test_edit_while_upstream_connects(self) -> None:
        """What is written after the last handler has answered, while the server is connected, is not on the wire."""
        holder = Holder()
        scene = Scene(self, on_serverconnect=holder).send(GET)
        scene.flow.request.path = "/late"
        scene.flow.request.host = "late.example"
        scene.flow.request.headers["X-Late"] = "yes"
        holder.answer()
        scene.harness.pump()
        self.assertEqual(scene.origin.received, b"GET / HTTP/1.1\r\nHost: example.com\r\n\r\n")

    def test_edit_while_the_response_is_sent(self) -> None:
        """What is written to the response after its hook is not on the wire."""
        scene = Scene(self)
        scene.client.wire.pauseProducing()
        body = b"x" * 1_000_000
        scene.send(GET).serve(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n" + body)
        scene.flow.response.body = b"late"
        scene.client.wire.resumeProducing()
        scene.harness.pump()
        self.assertTrue(scene.client.received.endswith(body))


class IdleCancellerTests(FailureCase):
    """A Deferred whose canceller does nothing."""

    def test_deferred(self) -> None:
        """It fails by itself; whoever fires it later is not punished."""
        for hook in HOOKS:
            holder = Holder()
            scene = Scene(self, holder, **{f"on_{hook}": holder}).send(GET)
            if hook.startswith("response"):
                scene.serve(WHOLE)
            scene.client.reset()
            scene.harness.pump()
            self.assertEqual((holder.cancelled, scene.recorder.trace[-1]), (1, "clientdisconnect"))
            self.check_over(scene.harness, scene.recorder, scene.client)

    def test_canceller_that_raises(self) -> None:
        """It is logged, and holds nothing."""
        from twisted.internet.defer import Deferred

        def canceller(deferred: Any) -> None:
            raise ZeroDivisionError("in a canceller")

        scene = Scene(self, on_request=lambda flow: Deferred(canceller)).send(GET)
        scene.client.reset()
        scene.harness.pump()
        self.assertEqual(scene.recorder.trace[-1], "clientdisconnect")
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 1)
        self.check_over(scene.harness, scene.recorder, scene.client)

    def test_canceller_that_answers(self) -> None:
        """A canceller that fires with a result: it is dropped."""
        from twisted.internet.defer import Deferred

        scene = Scene(self, on_request=lambda flow: Deferred(lambda deferred: deferred.callback("done"))).send(GET)
        scene.client.reset()
        scene.harness.pump()
        self.assertEqual(scene.recorder.trace[-2:], ["error", "clientdisconnect"])
        self.check_over(scene.harness, scene.recorder, scene.client)
