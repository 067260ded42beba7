"""Tests for L{mitmtw._hooks.reload} and L{mitmtw._hooks.takeover}: scripts that change while the proxy runs."""

from typing import Any

from twisted.internet.defer import Deferred
from twisted.logger import ILogObserver, formatEvent, globalLogPublisher
from typing_extensions import override
from zope.interface import implementer

from mitmtw._wire.websocket_message import MessageReader
from mitmtw.testing import Harness
from tests._hooks.reloading import ANSWER, REQUEST, SCRIPT, ReloadTestCase
from tests.acceptance.conversation_base import HANDSHAKE, switching, words


class QuietTests(ReloadTestCase):
    """Nothing is under way when the script changes."""

    def test_life(self) -> None:
        """The old version ends before the new one begins, which knows the options and takes part."""
        self.run_script()
        self.assertEqual(self.versions(self.ask()), ("1", "1"))
        self.new_version()
        self.assertEqual(self.seen, ["start 1", "configure 1", "done 1", "start 2", "configure 2"])
        self.assertEqual(self.versions(self.ask()), ("2", "2"))

    def test_done_once(self) -> None:
        """Each version has its C{done} once, also at the end."""
        self.run_script()
        self.new_version()
        self.harness.stop()
        self.harness.advance(1)
        self.assertEqual([one for one in self.seen if "done" in one], ["done 1", "done 2"])

    def test_same_file(self) -> None:
        """A file that was only looked at is no change."""
        self.run_script()
        self.harness.advance(1, 1, 1)
        self.assertEqual(self.seen, ["start 1", "configure 1"])

    def test_switched_off(self) -> None:
        """Nothing happens with C{reload_scripts=false}."""
        self.run_script(reload_scripts=False)
        self.new_version()
        self.assertEqual(self.seen, ["start 1", "configure 1"])

    def test_not_watched(self) -> None:
        """Without scripts nobody looks at files: nothing is on the clock."""
        harness = Harness()
        self.assertEqual([c for c in harness.network.getDelayedCalls() if "poll" in str(c)], [])
        harness.stop()

    def test_place(self) -> None:
        """The new version is where the old one was in the chain."""
        self.run_script(type("Last", (), {"name": "last"})())
        self.new_version()
        self.assertEqual(self.names(), ["probe", "last"])

    def test_being_written(self) -> None:
        """A file that is away or empty for a moment is no change."""
        self.run_script()
        self.script.unlink()
        self.harness.advance(1)
        self.write("")
        self.harness.advance(1)
        self.assertEqual(self.seen, ["start 1", "configure 1"])
        self.new_version()
        self.assertEqual(self.seen[-1], "configure 2")

    def test_state(self) -> None:
        """Values in C{state} go on; those that only the new version knows keep their beginning."""
        text = """
            state = {"count": 0, "new_in": "VERSION"}
            def request(flow):
                state["count"] += 1
                flow.response = flow.response or None
                flow.request.headers["x-asked"] = f"{state['count']} {sorted(state)}"
            def response(flow):
                flow.response.headers["x-asked"] = flow.request.headers["x-asked"]
                flow.response.headers["x-answered"] = "VERSION"
        """
        self.script = self.write(text.replace(', "new_in": "VERSION"', ""), "1")
        self.run_script()
        self.ask()
        self.write(text, "2")
        self.harness.advance(1)
        self.assertEqual(self.versions(self.ask()), ("2 ['count', 'new_in']", "2"))

    def test_held(self) -> None:
        """While the old version is over and the new one begins, events wait; then they are the new one's."""
        self.write("import builtins\nasync def done(): await builtins.mitmtw_reload_gates['done']\n")
        self.run_script()
        self.gates["done"] = Deferred()
        self.write(SCRIPT + "    def clientconnect(layer): seen.append('client')\n", "2")
        self.harness.advance(1)
        client = self.ask()
        gone = self.harness.client()
        gone.send(REQUEST)
        self.harness.pump()
        gone.reset()
        self.harness.pump()
        self.assertEqual((client.received, self.seen), (b"", []))
        self.gates["done"].callback(None)
        self.harness.pump()
        self.assertEqual(self.versions(client), ("2", "2"))
        self.assertEqual(len(self.origin.peers), 1)
        self.assertEqual(self.seen, ["start 2", "configure 2", "client"], "who is gone is no event any more")

    def test_stopped_meanwhile(self) -> None:
        """The proxy can be stopped while versions change."""
        self.write("import builtins\nasync def done(): await builtins.mitmtw_reload_gates['done']\n")
        self.run_script()
        self.gates["done"] = Deferred()
        self.new_version()
        self.ask()


class BrokenTests(ReloadTestCase):
    """New versions that are of no use."""

    def assert_goes_on(self, *reasons: str) -> None:
        """The first version is still there, and the log says why, once."""
        logged = [str(error.value) for error in self.flushLoggedErrors()]
        self.assertEqual(logged, [])
        self.assertEqual(self.versions(self.ask()), ("1", "1"))
        self.assertEqual(self.names(), ["probe"])
        self.assertEqual(len(self.errors), len(reasons), self.errors)
        for reason, error in zip(reasons, self.errors, strict=True):
            self.assertIn(reason, error)
            self.assertNotIn("\n", error)

    @override
    def setUp(self) -> None:
        super().setUp()
        self.errors: list[str] = []

        @implementer(ILogObserver)
        def observe(event: Any) -> None:
            if event.get("log_level") is not None and event["log_level"].name == "error":
                self.errors.append(formatEvent(event))

        globalLogPublisher.addObserver(observe)
        self.addCleanup(globalLogPublisher.removeObserver, observe)

    def test_syntax(self) -> None:
        """What is no Python changes nothing, and is said once for each change."""
        self.run_script()
        self.write("def request(flow:\n")
        self.harness.advance(1, 1, 1)
        self.assert_goes_on("probe.py:1: SyntaxError")
        self.assertEqual(self.seen, ["start 1", "configure 1"])
        self.write("1 / 0\n")
        self.harness.advance(1, 1, 1)
        self.assert_goes_on("probe.py:1: SyntaxError", "probe.py:1: ZeroDivisionError")
        self.new_version()
        self.assertEqual(self.versions(self.ask()), ("2", "2"))

    def test_wrong_handler(self) -> None:
        """What cannot be an addon changes nothing."""
        self.run_script()
        self.write("def request(): pass\n")
        self.harness.advance(1)
        self.assert_goes_on("request is called with (flow)")

    def test_circle(self) -> None:
        """What makes the order a circle changes nothing."""
        self.run_script(type("Other", (), {"name": "other", "before": ("probe",)})())
        self.write("before = ['other']\n")
        self.harness.advance(1)
        self.assertEqual(self.names(), ["other", "probe"])
        self.assertIn("circle: other → probe → other", self.errors[0])
        self.assertEqual(self.versions(self.ask()), ("1", "1"))

    def test_start_fails(self) -> None:
        """A version that cannot be started changes nothing: the old one, which had its C{done}, is started again."""
        self.run_script()
        self.write(SCRIPT + "    def start(): raise ValueError('no luck')", "2")
        self.harness.advance(1)
        self.errors = [error for error in self.errors if "goes on" in error]
        self.flushLoggedErrors(ValueError)
        self.assert_goes_on("start failed: ValueError: no luck")
        self.assertEqual(self.seen, ["start 1", "configure 1", "done 1", "done 2", "start 1", "configure 1"])
        self.harness.stop()
        self.harness.advance(1)
        self.assertEqual(self.seen[6:], ["done 1"], "it was started twice, so it ends twice")

    def test_configure_refuses(self) -> None:
        """So does one that refuses the options; its own declarations are forgotten."""
        self.run_script()
        self.write(
            """
            from mitmtw.errors import OptionsError
            from mitmtw.options import Option
            options = [Option("mine", "str", "", "Mine.")]
            def configure(options, updated): raise OptionsError("not these")
            """
        )
        self.harness.advance(1)
        self.assert_goes_on("not these")
        self.assertNotIn("mine", self.harness.options)


class OverlapTests(ReloadTestCase):
    """Flows are under way when the script changes."""

    def test_pinned(self) -> None:
        """A flow is wholly of the version with which it began, a later one of the new version; then the old ends."""
        self.run_script()
        self.gates["1"] = Deferred()
        old = self.ask()
        self.new_version()
        new = self.ask()
        self.assertEqual(self.versions(new), ("2", "2"))
        self.assertEqual(self.seen, ["start 1", "configure 1", "start 2", "configure 2"])
        self.gates["1"].callback(None)
        self.harness.pump()
        self.assertEqual(self.versions(old), ("1", "1"))
        self.harness.advance(1, 1)
        self.assertEqual(self.seen[-1], "done 1")
        self.assertEqual(self.names(), ["probe"])

    def test_three_versions(self) -> None:
        """Each flow has its own, however many there are."""
        self.run_script()
        clients = []
        for version in "123":
            self.gates[version] = Deferred()
            clients.append(self.ask())
            self.new_version(str(int(version) + 1))
        self.assertEqual(self.names(), ["probe"] * 4)
        for version in "213":
            self.gates[version].callback(None)
            self.harness.pump()
        self.assertEqual([self.versions(one) for one in clients], [("1", "1"), ("2", "2"), ("3", "3")])
        self.harness.advance(1, 1)
        self.assertEqual([one for one in self.seen if "done" in one], ["done 1", "done 2", "done 3"])

    def test_no_handler_yet(self) -> None:
        """A flow that waits for the server has begun, too: its response is the old version's."""
        self.run_script()
        slow = self.harness.origin("slow.example", 80, None)
        client = self.harness.client()
        client.send(REQUEST.replace(b"example.com", b"slow.example"))
        self.harness.pump()
        self.new_version()
        slow.peer.send(ANSWER)
        self.harness.pump()
        self.assertEqual(self.versions(client), ("1", "1"))

    def test_stays_for_its_flows(self) -> None:
        """The old version is not ended before the flow that waits for the server is over, however long that takes."""
        self.run_script()
        slow = self.harness.origin("slow.example", 80, None)
        client = self.harness.client()
        client.send(REQUEST.replace(b"example.com", b"slow.example"))
        self.harness.pump()
        self.new_version()
        self.harness.advance(*[1] * 5)
        self.assertNotIn("done 1", self.seen)
        slow.peer.send(ANSWER)
        self.harness.pump()
        self.assertEqual(self.versions(client), ("1", "1"))
        self.harness.advance(1)
        self.assertEqual(self.seen[-1], "done 1")

    def test_pending_without_a_flow(self) -> None:
        """Nor before a handler has answered that was asked about no flow."""
        text = SCRIPT + "    def clientconnect(layer): return seen_gates.get('VERSION')\n"
        self.script = self.write(text, "1")
        self.run_script()
        self.gates["1"] = Deferred()
        self.harness.client()
        self.harness.pump()
        self.new_version()
        self.harness.advance(1, 1)
        self.assertEqual(self.seen, ["start 1", "configure 1", "start 2", "configure 2"])
        self.gates["1"].callback(None)
        self.harness.advance(1)
        self.assertEqual(self.seen[-1], "done 1")

    def test_websocket(self) -> None:
        """A WebSocket connection goes on with the version that its handshake began with."""
        self.check_websocket(0)

    def test_websocket_later(self) -> None:
        """Also long after the handshake is over."""
        self.check_websocket(3)

    def check_websocket(self, seconds: int) -> None:
        """Shake hands with the first version, speak so many seconds after the second one is there."""
        text = SCRIPT + "    def websocket_message(flow): flow.message.content = b'VERSION'\n"
        self.script = self.write(text, "1")
        self.run_script()
        server = self.harness.origin("chat.example", 80, None)
        client = self.harness.client()
        lines = ["GET http://chat.example/ HTTP/1.1", "Host: chat.example", *HANDSHAKE, "", ""]
        client.send("\r\n".join(lines).encode())
        self.harness.pump()
        self.write(text, "2")
        self.harness.advance(1)
        server.peer.send(switching())
        self.harness.pump()
        self.harness.advance(*[1] * seconds)
        server.peer.take()
        client.send(words(True, b"x"))
        self.harness.pump()
        self.assertEqual([each.payload for each in MessageReader("client").feed(server.peer.take())], [b"1"])
        self.assertNotIn("done 1", self.seen)
        client.reset()
        self.harness.advance(1, 1)
        self.assertEqual(self.seen[-1], "done 1")

    def test_drained(self) -> None:
        """A handler that is pending when its version is replaced is waited for, then cancelled; its flow goes on."""
        self.run_script(drain_timeout=3, hook_timeout=60)
        self.gates["1"] = Deferred()
        client = self.ask()
        self.new_version()
        self.harness.advance(1, 1)
        self.assertEqual(client.received, b"")
        self.harness.advance(1)
        self.assertEqual(self.versions(client), ("1", "1"))
        self.harness.advance(1)
        self.assertEqual(self.seen[-1], "done 1")

    def test_stopped(self) -> None:
        """When the proxy stops while two versions are there, both are ended."""
        self.run_script()
        self.gates["1"] = Deferred()
        self.ask()
        self.new_version()
        stopped = self.harness.stop()
        self.harness.advance(*[1] * 20)
        self.successResultOf(stopped)
        self.assertEqual(sorted(one for one in self.seen if "done" in one), ["done 1", "done 2"])

    def test_broken(self) -> None:
        """A version that cannot be started beside the old one leaves everything as it was."""
        self.run_script()
        self.gates["1"] = Deferred()
        client = self.ask()
        self.write(SCRIPT + "    def start(): raise ValueError('no luck')", "2")
        self.harness.advance(1)
        self.assertEqual(len(self.flushLoggedErrors(ValueError)), 1)
        self.gates.pop("1").callback(None)
        self.harness.pump()
        self.assertEqual(self.versions(client), ("1", "1"))
        self.assertEqual(self.versions(self.ask()), ("1", "1"))
        self.assertEqual(self.seen, ["start 1", "configure 1", "done 2"])

    def test_costs_nothing_else(self) -> None:
        """When the old version is over, the hooks are again what they are without any reload."""
        self.run_script()
        assert self.harness.service.proxy is not None
        hooks = self.harness.service.proxy.hooks
        before = getattr(hooks.request, "__qualname__", "")
        self.gates["1"] = Deferred()
        self.ask()
        self.new_version()
        self.assertNotEqual(getattr(hooks.request, "__qualname__", ""), before)
        self.gates["1"].callback(None)
        self.harness.advance(1, 1)
        self.assertEqual(getattr(hooks.request, "__qualname__", ""), before)
        self.assertFalse(hooks.pins)
