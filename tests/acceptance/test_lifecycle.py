"""The lifecycle rows of the hook contract, on a whole service: start, configure, log, tick, done."""

from pathlib import Path
from typing import Any

from twisted.internet.defer import Deferred, succeed
from twisted.internet.protocol import ClientFactory
from twisted.logger import Logger

from mitmtw._hooks.lifecycle import Lifecycle
from mitmtw.core_options import core_options
from mitmtw.daemon import ProxyService
from mitmtw.errors import OptionsError
from mitmtw.model import Response
from mitmtw.testing import Harness, Peer, Recorder, throw_away_authority
from mitmtw.testing.network import Network
from tests.acceptance.base import GET, OK, Acceptance


def marking(mark: str) -> Any:
    """An addon that leaves a mark in the response's fields."""
    return Recorder(mark, only=(), response=lambda flow: flow.response.headers.add("X-Seen", mark))


class StartTests(Acceptance):
    """What start may answer."""

    def marks(self, *addons: object) -> list[str]:
        """The marks on a response, in order."""
        recorder = Recorder("last", only=("response",))
        harness = self.proxy(*addons, recorder)
        self.origin(harness)
        self.send(harness, GET)
        return list(recorder.flow.response.headers.get_all("X-Seen"))

    def test_start_replacement_by_an_object(self) -> None:
        """An object takes the place of the addon that answered with it, whose handlers are heard no more."""
        first = marking("first")
        first.start = lambda: marking("second")
        self.assertEqual(self.marks(first, marking("third")), ["second", "third"])

    def test_start_replacement_by_a_list(self) -> None:
        """A list takes the place in its order."""
        first = Recorder("first", only=(), start=lambda: [marking("a"), marking("b")])
        self.assertEqual(self.marks(first, marking("c")), ["a", "b", "c"])

    def test_start_replacement_by_a_deferred(self) -> None:
        """A Deferred's result takes the place; nobody is accepted before it is there."""
        pending: Deferred[Any] = Deferred()
        harness = self.proxy(Recorder("first", only=(), start=lambda: pending))
        self.origin(harness)
        client = self.send(harness, GET)
        self.assertEqual(client.received, b"")
        pending.callback(marking("later"))
        harness.pump()
        self.assertIn(b"X-Seen: later\r\n", client.received)

    def test_start_comes_first(self) -> None:
        """C{start} is before configure, configure before running, running before traffic."""
        hooks = ("start", "configure", "running", "clientconnect")
        recorder = Recorder(only=hooks)
        harness = self.proxy(recorder)
        harness.client()
        self.assertEqual(recorder.trace, list(hooks))

    def test_failure_to_start(self) -> None:
        """An OptionsError of configure at startup is told by the service, and nobody is accepted."""

        def refuse(options: Any, updated: set[str]) -> None:
            raise OptionsError("nonsense")

        harness = self.proxy(Recorder(only=(), configure=refuse))
        self.assertEqual([str(failure.value) for failure in harness.failures], ["nonsense"])
        self.assertIsNotNone(harness.client().lost)


class ConfigureTests(Acceptance):
    """Options and their changes."""

    def lifecycle(self, harness: Harness) -> Lifecycle:
        """The life of a started proxy's addons."""
        assert harness.service.lifecycle is not None
        return harness.service.lifecycle

    def test_configure_full_set_then_diff(self) -> None:
        """All names at first, the changed ones later, with a live view of the values."""
        seen: list[tuple[set[str], float]] = []
        addon = Recorder(only=(), configure=lambda options, names: seen.append((names, options.hook_timeout)))
        harness = self.proxy(addon)
        self.successResultOf(self.lifecycle(harness).update_options({"hook_timeout": 7.0, "via_header": False}))
        self.assertEqual(seen, [(set(core_options().names()), 60.0), ({"hook_timeout"}, 7.0)])

    def test_options_error_rolls_back(self) -> None:
        """One refusal undoes the change and tells those that had taken it of the old values."""
        seen: list[float] = []

        def refuse(options: Any, names: set[str]) -> None:
            if options.hook_timeout == 7.0:
                raise OptionsError("not seven")

        first = Recorder("first", only=(), configure=lambda options, names: seen.append(options.hook_timeout))
        harness = self.proxy(first, Recorder("second", only=(), configure=refuse))
        changed = self.lifecycle(harness).update_options({"hook_timeout": 7.0})
        self.assertEqual(str(self.failureResultOf(changed, OptionsError).value), "not seven")
        self.assertEqual(seen, [60.0, 7.0, 60.0])
        self.assertEqual(harness.options.hook_timeout, 60.0)

    def test_a_change_has_effect(self) -> None:
        """An option that is changed while the proxy runs counts from then on."""
        harness = self.proxy()
        origin = self.origin(harness)
        client = self.send(harness, GET)
        self.successResultOf(self.lifecycle(harness).update_options({"via_header": True}))
        client.send(GET)
        harness.pump()
        self.assertEqual(origin.received.count(b"Via: 1.1 mitmtw\r\n"), 1)


class DoneTests(Acceptance):
    """The end."""

    def test_done_once_on_shutdown(self) -> None:
        """C{done} is called once, last, children before parents, also when the service is stopped twice."""
        order: list[str] = []
        parent: Any = Recorder("parent", only=("clientdisconnect",), done=lambda: order.append("parent"))
        parent.addons = [Recorder("child", only=(), done=lambda: order.append("child"))]
        harness = self.proxy(parent, Recorder("other", only=(), done=lambda: order.append("other")), drain_timeout=0)
        harness.client()
        harness.stop()
        harness.stop()
        self.assertEqual(order, ["other", "child", "parent"])
        self.assertEqual(parent.trace, ["clientdisconnect", "done"])

    def test_done_is_bounded(self) -> None:
        """A done that never ends holds the shutdown for done_timeout only."""
        harness = self.proxy(Recorder(only=(), done=Deferred), done_timeout=3)
        stopped = harness.stop()
        harness.advance(2.9)
        self.assertNoResult(stopped)
        harness.advance(0.2)
        self.successResultOf(stopped)
        self.flushLoggedErrors()

    def test_exchange_is_drained(self) -> None:
        """What is under way is finished before done; no new client is accepted."""
        recorder = Recorder(done=lambda: None)
        harness = self.proxy(recorder)
        origin = harness.origin("example.com", 80)
        client = self.send(harness, GET)
        stopped = harness.stop()
        self.assertNoResult(stopped)
        self.assertNotIn(("127.0.0.1", 8080), harness.network.ports)
        origin.peer.send(OK)
        harness.pump()
        self.successResultOf(stopped)
        self.assertTrue(client.received.startswith(b"HTTP/1.1 200 OK\r\n"))
        self.assertEqual(recorder.trace[-4:], ["response", "clientdisconnect", "serverdisconnect", "done"])

    def test_the_rest_is_killed(self) -> None:
        """What is not finished within drain_timeout ends with error, and its client is reset, before done."""
        recorder = Recorder(done=lambda: None)
        harness = self.proxy(recorder, drain_timeout=2)
        harness.origin("example.com", 80)
        client = self.send(harness, GET)
        stopped = harness.stop()
        harness.advance(1.9)
        self.assertNoResult(stopped)
        harness.advance(0.2)
        self.successResultOf(stopped)
        self.assertTrue(client.was_reset())
        self.assertEqual(recorder.trace[-4:], ["error", "serverdisconnect", "clientdisconnect", "done"])
        self.assertIn("shuts down", recorder.last("error").error.msg)


class LogAndTickTests(Acceptance):
    """log and tick on a whole service."""

    def test_log_reentrancy(self) -> None:
        """What an addon logs while it handles log gets to others, not to itself."""
        logger = Logger(namespace="somewhere")
        heard: list[str] = []
        other: list[str] = []

        def log(entry: Any) -> None:
            heard.append(entry.msg)
            logger.info("echo of {msg}", msg=entry.msg)

        harness = self.proxy(
            Recorder("echo", only=(), log=log), Recorder("other", only=(), log=lambda entry: other.append(entry.msg))
        )
        harness.pump()
        del heard[:], other[:]
        logger.info("once")
        harness.pump()
        self.assertEqual(heard, ["once"])
        self.assertEqual(other, ["once", "echo of once"])

    def test_tick_under_load(self) -> None:
        """Ticks go on while flows are held, and never overlap for one addon."""
        ticks: list[Deferred[None]] = []

        def tick() -> Deferred[None]:
            ticks.append(Deferred())
            return ticks[-1]

        harness = self.proxy(
            Recorder("slow", only=(), tick=tick), Recorder("holds", only=(), request=lambda _: Deferred())
        )
        for _ in range(20):
            self.send(harness, GET)
        harness.advance(0.1, 0.1, 0.1)
        self.assertEqual(len(ticks), 1)
        ticks[0].callback(None)
        harness.advance(0.1)
        self.assertEqual(len(ticks), 2)
        ticks[1].callback(None)

    def test_no_tick_without_a_listener(self) -> None:
        """Nobody listens: nothing is scheduled."""
        harness = self.proxy(Recorder())
        self.assertEqual(harness.network.getDelayedCalls(), [])


class ScriptTests(Acceptance):
    """Scripts, modules and nested addons."""

    def service(self, script: str) -> tuple[Network, ProxyService]:
        """A started service with one script."""
        path = Path(self.mktemp())
        path.mkdir()
        (path / "script.py").write_text(script)
        network = Network()
        service = ProxyService(
            network, core_options(), scripts=[str(path / "script.py")], authority=throw_away_authority(network)
        )
        service.startService()
        network.settle()

        def stop() -> None:
            stopped = service.stopService()
            network.settle()
            self.successResultOf(stopped)

        self.addCleanup(stop)
        return network, service

    def test_module_and_addons_list(self) -> None:
        """A file's own functions are handlers, and those of its list addons come after them."""
        network, _service = self.service(
            "from mitmtw.model import Response\n"
            "class Second:\n"
            "    def request(self, flow):\n"
            "        flow.response.headers['X-Second'] = 'yes'\n"
            "addons = [Second()]\n"
            "def request(flow):\n"
            "    flow.response = Response.make(200, b'from the script')\n"
        )
        client = Peer()
        factory = ClientFactory.forProtocol(lambda: client)
        network.connectTCP("127.0.0.1", 8080, factory)
        network.settle()
        client.send(GET)
        network.settle()
        self.assertIn(b"\r\nX-Second: yes\r\n", client.received)
        self.assertTrue(client.received.endswith(b"from the script"))
        self.assertEqual(network.attempts[1:], [])
        client.close()
        network.settle()

    def test_nested_addons(self) -> None:
        """The addons that an addon brings come right after it, before the next one, at any depth."""
        outer, inner = marking("outer"), marking("inner")
        inner.addons = [marking("innermost")]
        outer.addons = [inner]
        harness = self.proxy(outer, marking("next"))
        self.origin(harness)
        client = self.send(harness, GET)
        order = [line[8:].decode() for line in client.received.split(b"\r\n") if line.startswith(b"X-Seen")]
        self.assertEqual(order, ["outer", "inner", "innermost", "next"])


class TwoAddonsTests(Acceptance):
    """H1: handlers run one after another."""

    def test_two_addons_in_order(self) -> None:
        """The second addon sees what the first did, also when the first took its time."""
        pending: Deferred[None] = Deferred()
        seen: list[str] = []

        async def first(flow: Any) -> None:
            await pending
            seen.append("first")
            flow.request.headers["X-By"] = "first"

        def second(flow: Any) -> Any:
            seen.append("second")
            flow.request.headers["X-By"] += ", second"
            return succeed(None)

        harness = self.proxy(Recorder("a", only=(), request=first), Recorder("b", only=(), request=second))
        origin = self.origin(harness)
        client = self.send(harness, GET)
        self.assertEqual(seen, [])
        pending.callback(None)
        harness.pump()
        self.assertEqual(seen, ["first", "second"])
        self.assertIn(b"\r\nX-By: first, second\r\n", origin.received)
        self.assertEqual(client.received, OK)

    def test_second_sees_the_response_of_the_first(self) -> None:
        """A response set by the first addon is there for the second one."""
        seen: list[Any] = []
        first = Recorder("a", only=(), request=lambda flow: setattr(flow, "response", Response.make(418)))
        second = Recorder("b", only=(), request=lambda flow: seen.append(flow.response.status_code))
        harness = self.proxy(first, second)
        self.send(harness, GET)
        self.assertEqual(seen, [418])
