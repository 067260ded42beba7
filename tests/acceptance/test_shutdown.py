"""
The end of the proxy: draining, killing, C{done} in reverse order; stops that come twice or too early; starts that fail.
"""

from typing import Any, cast

from twisted.internet.defer import Deferred

from mitmtw.errors import AddonError, OptionsError
from mitmtw.testing import Harness, Recorder
from tests.acceptance.base import GET, request
from tests.acceptance.failures_base import CONNECT, FailureCase, Holder, Scene

WHOLE = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi"


class DrainTests(FailureCase):
    """What is under way may finish within drain_timeout."""

    def test_exchange_finishes(self) -> None:
        """It is answered, with Connection: close, and the proxy stops then."""
        scene = Scene(self).send(GET)
        stopped = scene.harness.stop()
        scene.harness.advance(2)
        self.assertNoResult(stopped)
        scene.serve(WHOLE)
        self.successResultOf(stopped)
        self.assertIn(b"\r\nConnection: close\r\n", scene.client.received)
        self.assertTrue(scene.client.received.endswith(b"hi"))
        self.check_over(scene.harness, scene.recorder, scene.client)

    def test_new_clients_are_refused(self) -> None:
        """Nobody listens any more while flows are drained."""
        scene = Scene(self).send(GET)
        scene.harness.stop()
        self.assertFalse(scene.harness.client().is_connected)
        scene.serve(WHOLE)

    def test_pipelined_requests_are_dropped(self) -> None:
        """The request under way is answered, those behind it are not."""
        scene = Scene(self).send(GET + GET)
        scene.harness.stop()
        scene.serve(WHOLE)
        self.assertEqual(scene.recorder.count("requestheaders"), 1)
        self.check_over(scene.harness, scene.recorder, scene.client)

    def test_idle_connections_close_at_once(self) -> None:
        """Clients that wait, and servers in the pool: nothing is drained; serverdisconnect comes before done."""
        scene = Scene(self, on_done=lambda: None).send(GET).serve(WHOLE)
        fresh = scene.harness.client()
        self.successResultOf(scene.harness.stop())
        self.assertFalse(scene.client.was_reset())
        self.assertTrue(scene.client.has_ended)
        self.assertTrue(fresh.has_ended)
        self.assertEqual(scene.recorder.trace[-1], "done")
        self.assertEqual(scene.recorder.count("serverdisconnect"), 1)

    def test_the_rest_is_killed(self) -> None:
        """After drain_timeout: error says why, both sides are reset."""
        for sent in (GET, request("POST", "/", "Content-Length: 10", body=b"abc"), CONNECT):
            scene = Scene(self, drain_timeout=3, on_http_connect=Holder()).send(sent)
            stopped = scene.harness.stop()
            scene.harness.advance(2.9)
            self.assertNoResult(stopped)
            self.assertEqual(scene.recorder.count("error"), 0)
            scene.harness.advance(0.2)
            self.successResultOf(stopped)
            self.assertTrue(scene.client.was_reset())
            self.assertIn("shuts down", scene.recorder.last("error").error.msg)
            self.check_over(scene.harness, scene.recorder, scene.client)

    def test_no_drain(self) -> None:
        """drain_timeout=0: killed at once."""
        scene = Scene(self, drain_timeout=0).send(GET)
        self.successResultOf(scene.harness.stop())
        self.assertTrue(scene.client.was_reset())

    def test_tunnel_is_killed(self) -> None:
        """A relay has no end of its own."""
        scene = Scene(self, drain_timeout=3)
        scene.origin = scene.harness.origin("example.com", 9999)
        scene.send(CONNECT).send(b"\x00\x01\x02 opaque")
        stopped = scene.harness.stop()
        scene.serve(b"still here")
        self.assertTrue(scene.client.received.endswith(b"still here"))
        scene.harness.advance(3)
        self.successResultOf(stopped)
        self.assertTrue(scene.client.was_reset())

    def test_handlers_that_never_answer(self) -> None:
        """Ask, error, tell: whatever is silent, the stop is bounded, also without hook_timeout."""
        for hook in ("request", "error", "clientdisconnect", "serverdisconnect"):
            scene = Scene(self, hook_timeout=0, upstream_pool="off", **{f"on_{hook}": Holder()})
            scene.send(GET if hook != "error" else request(host="127.0.0.9"))
            if scene.origin.peers:
                scene.serve(WHOLE)
            stopped = scene.harness.stop()
            for _ in range(30):
                scene.harness.advance(1)
            self.successResultOf(stopped)
            self.assertEqual(scene.harness.network.getDelayedCalls(), [], hook)


class DoneTests(FailureCase):
    """The addons' ends."""

    def test_reverse_order(self) -> None:
        """The last addon first, children before parents, one after another."""
        order: list[str] = []

        def addon(name: str, *children: Recorder) -> Recorder:
            made = Recorder(name=name, only=(), done=lambda: order.append(name))
            made.addons = list(children)  # type: ignore[attr-defined]
            return made

        harness = self.proxy(addon("a", addon("b"), addon("c")), addon("d"))
        self.successResultOf(harness.stop())
        self.assertEqual(order, ["d", "c", "b", "a"])

    def test_done_that_never_answers(self) -> None:
        """It gets done_timeout; the next one's turn comes then."""
        holder, other = Holder(), Recorder(name="other", only=(), done=lambda: None)
        harness = self.proxy(other, Recorder(only=(), done=holder), done_timeout=3)
        stopped = harness.stop()
        harness.advance(2.9)
        self.assertNoResult(stopped)
        self.assertEqual(other.trace, [])
        harness.advance(0.2)
        self.successResultOf(stopped)
        self.assertEqual((other.trace, holder.cancelled), (["done"], 1))

    def test_done_waits_for_the_last_flow(self) -> None:
        """No hook of a flow or connection comes after done."""
        recorder = Recorder(done=lambda: None)
        harness = self.proxy(recorder, drain_timeout=1)
        harness.origin("example.com", 80)
        self.send(harness, GET)
        stopped = harness.stop()
        harness.advance(1)
        self.successResultOf(stopped)
        self.assertEqual(recorder.trace[-4:], ["error", "serverdisconnect", "clientdisconnect", "done"])


class StopTests(FailureCase):
    """Stops at odd moments."""

    def test_twice(self) -> None:
        """Both Deferreds fire when all is over; done is called once."""
        holder = Holder()
        harness = self.proxy(Recorder(only=(), done=holder))
        first, second = harness.stop(), harness.stop()
        self.assertNoResult(first)
        self.assertNoResult(second)
        holder.answer()
        self.successResultOf(first)
        self.successResultOf(second)
        self.successResultOf(harness.stop())
        self.assertEqual(len(holder.held), 1)

    def test_never_started(self) -> None:
        """There is nothing to stop."""
        harness = Harness(start=False)
        self.successResultOf(harness.service.stopService())
        self.assertEqual(harness.network.getDelayedCalls(), [])

    def test_while_starting(self) -> None:
        """An addon's start is pending: it is cancelled, done is called, nobody was accepted, and this is no failure."""
        for hook in ("start", "configure", "load"):
            holder, later = Holder(), Recorder(name="later", only=("start", "done"))
            recorder = Recorder(only=("done",), **{hook: cast(Any, holder)})
            harness = self.proxy(recorder, later)
            self.assertEqual(len(holder.held), 1)
            self.successResultOf(harness.stop())
            self.assertEqual((holder.cancelled, harness.failures), (1, []), hook)
            self.assertEqual(recorder.count("done"), 1)
            self.assertEqual(harness.network.ports, {})
            self.assertEqual(harness.network.getDelayedCalls(), [])

    def test_while_running_is_pending(self) -> None:
        """The hook running does not hold the stop."""
        holder = Holder()
        harness = self.proxy(Recorder(only=("done",), running=holder))
        self.assertEqual(len(holder.held), 1)
        self.successResultOf(harness.stop())
        self.assertEqual(harness.failures, [])

    def test_started_again(self) -> None:
        """A service that was stopped can be started again: sockets, addons, traffic."""
        recorder = Recorder(start=lambda: None, done=lambda: None)
        harness = self.proxy(recorder)
        self.successResultOf(harness.stop())
        harness.start()
        harness.origin("example.com", 80, WHOLE)
        self.assertEqual(self.send(harness, GET).received, WHOLE)
        self.assertEqual((recorder.count("start"), recorder.count("done")), (2, 1))


class FailedStartTests(FailureCase):
    """service.failed says why; nothing listens, and nothing is left."""

    def check_failed(self, harness: Harness, kind: type[Exception], sentence: str) -> None:
        """The service has failed with one error."""
        self.assertEqual(len(harness.failures), 1)
        self.assertIsInstance(harness.failures[0].value, kind)
        self.assertIn(sentence, str(harness.failures[0].value))
        self.assertEqual(harness.network.ports, {})
        self.assertEqual(harness.network.getDelayedCalls(), [])
        self.successResultOf(harness.stop())

    def test_options_error_in_configure(self) -> None:
        """The addons that were started get done."""

        def configure(options: Any, updated: Any) -> None:
            raise OptionsError("nonsense is not acceptable")

        recorder = Recorder(only=("start", "done"), configure=configure)
        harness = self.proxy(recorder)
        self.check_failed(harness, OptionsError, "nonsense is not acceptable")
        self.assertEqual(recorder.trace, ["start", "configure", "done"])

    def test_options_error_later(self) -> None:
        """The same when it comes by a Deferred."""
        holder = Holder()
        recorder = Recorder(only=("done",), configure=holder)
        harness = self.proxy(recorder)
        self.assertEqual(harness.failures, [])
        holder.fail(OptionsError("no, after all"))
        harness.pump()
        self.check_failed(harness, OptionsError, "no, after all")
        self.assertEqual(recorder.count("done"), 1)

    def test_addon_that_is_none(self) -> None:
        """A handler that is no function, or two addons of a name."""

        class Wrong:
            request = 5

        self.check_failed(self.proxy(Wrong()), AddonError, "request")
        self.check_failed(self.proxy(Recorder(), Recorder()), AddonError, "two addons are called recorder")

    def test_script_with_an_error(self) -> None:
        """The error names the file, and the line."""
        path = self.mktemp() + ".py"
        with open(path, "w") as script:
            script.write("x = 1\nraise ValueError('in the script')\n")
        harness = Harness(start=False)
        harness.service._scripts.append(path)
        self.addCleanup(self.check_stopped, harness)
        harness.start()
        self.check_failed(harness, AddonError, "in the script")

    def test_port_in_use(self) -> None:
        """The ports that were bound before are given back; no addon was started."""
        harness = Harness(
            recorder := Recorder(start=lambda: None),
            listen=["tcp:8081:interface=127.0.0.1", "tcp:8080:interface=127.0.0.1", "tcp:8082:interface=127.0.0.1"],
            start=False,
        )
        harness.origin("127.0.0.1", 8080)
        harness.start()
        self.assertEqual(len(harness.failures), 1)
        self.assertEqual(list(harness.network.ports), [("127.0.0.1", 8080)])
        self.assertEqual(harness.network.getDelayedCalls(), [])
        self.assertEqual(recorder.trace, [])
        self.successResultOf(harness.stop())


class LateAddonTests(FailureCase):
    """Addons that come and go while flows are under way."""

    def test_removed_while_pending(self) -> None:
        """It is drained, then cancelled, which counts as its failure; then it gets done, and the flow goes on."""
        holder = Holder()
        addon = Recorder(name="leaving", only=("done",), request=holder)
        harness = self.proxy(addon)
        harness.origin("example.com", 80, WHOLE)
        client = self.send(harness, GET)
        removed: Deferred[None] = self.lifecycle(harness).remove_addon("leaving", drain=3.0)
        harness.advance(2.9)
        self.assertNoResult(removed)
        self.assertEqual((client.received, addon.count("done")), (b"", 0))
        harness.advance(0.2)
        self.successResultOf(removed)
        self.assertEqual((holder.cancelled, addon.count("done")), (1, 1))
        self.assertEqual(client.received, WHOLE)
