"""Tests for L{mitmtw._hooks.dispatch}: order, results, failures and their policies."""

from collections.abc import Generator
from types import SimpleNamespace
from typing import Any

from twisted.internet.defer import Deferred, fail, inlineCallbacks, succeed
from zope.interface import Interface
from zope.interface.verify import verifyObject

from mitmtw._hooks.table import TABLE
from mitmtw.addon import StopChain
from mitmtw.errors import AddonError, PolicyApplied
from mitmtw.interfaces import IHooks
from tests._hooks.fakes import Flow, HooksTestCase, Seer, addon


def boom(*_arguments: object) -> Any:
    """Fail, as a handler."""
    raise ValueError("boom")


class AttributeTests(HooksTestCase):
    """What the core reads."""

    def test_interface(self) -> None:
        """The dispatcher provides IHooks."""
        verifyObject(IHooks, self.hooks)

    def test_nobody(self) -> None:
        """Without listeners each attribute is None, and firing is done at once."""
        for name, spec in TABLE.items():
            self.assertIsNone(getattr(self.hooks, name))
            self.assertIsNone(self.successResultOf(self.hooks.fire(name, *spec.arguments)))

    def test_somebody(self) -> None:
        """An attribute is a callable as soon as somebody listens, and only that one; None again when that one left."""
        seer = Seer("a")
        self.add(seer)
        self.assertIsNotNone(self.hooks.request)
        self.assertIsNone(self.hooks.response)
        self.hooks.remove(seer)
        self.assertIsNone(self.hooks.request)

    def test_rebuilt(self) -> None:
        """Observers are called after each change, when the attributes are new."""
        seen: list[bool] = []
        self.hooks.rebuilt.append(lambda: seen.append(self.hooks.request is not None))
        seer = Seer("a")
        self.add(seer)
        self.hooks.remove(seer)
        self.assertEqual(seen, [True, False])

    def test_unknown(self) -> None:
        """To fire something that is no hook is an error."""
        self.assertRaises(AddonError, self.hooks.fire, "reqest", self.flow)
        self.assertRaises(AddonError, self.hooks.fire, "chain")

    def test_fire(self) -> None:
        """The public form waits like the attribute."""
        answer: Deferred[None] = Deferred()
        self.add(addon(request=lambda flow: answer))
        fired = self.hooks.fire("request", self.flow)
        self.assertNoResult(fired)
        answer.callback(None)
        self.assertIsNone(self.successResultOf(fired))

    def test_declare(self) -> None:
        """An addon's own interface adds hooks that others listen to; a name that is there is refused."""

        class IAlarm(Interface):
            def alarm(level: int, text: str) -> None:  # noqa: N805
                """Called when something is wrong."""

        class IClash(Interface):
            def fire(level: int) -> None:  # noqa: N805
                """Called never."""

        heard: list[object] = []
        self.hooks.declare(IAlarm)
        self.add(addon(alarm=lambda level, text: heard.append((level, text))))
        self.successResultOf(self.hooks.fire("alarm", 3, "smoke"))
        self.assertEqual(heard, [(3, "smoke")])
        self.assertRaises(AddonError, self.hooks.declare, IAlarm)
        self.assertRaises(AddonError, self.hooks.declare, IClash)


class OrderTests(HooksTestCase):
    """H1: one handler after another, in chain order."""

    def test_synchronous(self) -> None:
        """Synchronous handlers run at once, in order, and nobody is waited for."""
        self.add(*(Seer(name) for name in "abcde"))
        self.assertIsNone(self.request())
        self.assertEqual(self.flow.seen, list("abcde"))

    def test_third_is_pending(self) -> None:
        """The fourth handler runs when the third has answered, not before."""
        answer: Deferred[None] = Deferred()
        self.add(Seer("a"), Seer("b"), addon(request=lambda flow: answer), Seer("d"), Seer("e"))
        pending = self.waiting()
        self.assertEqual(self.flow.seen, ["a", "b"])
        answer.callback(None)
        self.assertEqual(self.flow.seen, ["a", "b", "d", "e"])
        self.assertIsNone(self.successResultOf(pending))
        self.assert_nothing_left()

    def test_two_are_pending(self) -> None:
        """Each of two handlers that wait is waited for."""
        answers: list[Deferred[None]] = [Deferred(), Deferred()]
        self.add(
            addon(name="one", request=lambda flow: answers[0]),
            Seer("a"),
            addon(name="two", request=lambda flow: answers[1]),
            Seer("b"),
        )
        pending = self.waiting()
        answers[0].callback(None)
        self.assertEqual(self.flow.seen, ["a"])
        self.assertNoResult(pending)
        answers[1].callback(None)
        self.assertEqual(self.flow.seen, ["a", "b"])
        self.successResultOf(pending)

    def test_snapshot(self) -> None:
        """H8: an addon that is added while an event is under way sees the next one."""
        answer: Deferred[None] = Deferred()
        self.add(addon(request=lambda flow: answer if flow is self.flow else None))
        self.waiting()
        self.add(Seer("late"))
        answer.callback(None)
        self.assertEqual(self.flow.seen, [])
        other = Flow(2)
        self.request(other)
        self.assertEqual(other.seen, ["late"])

    def test_events_are_apart(self) -> None:
        """Two flows do not wait for each other."""
        answer: Deferred[None] = Deferred()
        self.add(addon(request=lambda flow: answer if flow is self.flow else None), Seer("a"))
        self.waiting()
        other = Flow(2)
        self.assertIsNone(self.request(other))
        self.assertEqual(other.seen, ["a"])


class ResultTests(HooksTestCase):
    """H9: what a handler may return."""

    def assert_misuse(self, value: object, kind: str) -> None:
        """A handler that returns this is reported once, and the chain goes on."""
        self.add(addon(request=lambda flow: value), Seer("next"))
        self.assertIsNone(self.request())
        self.assertIsNone(self.request())
        self.assertEqual(self.flow.seen, ["next", "next"])
        self.assertEqual(len(self.logged("warn")), 1)
        self.assertIn(f"probe: request returned a {kind}", self.logged("warn")[0])

    def test_value(self) -> None:
        """A value."""
        self.assert_misuse(True, "bool")

    def test_layer(self) -> None:
        """A layer, from a hook that takes none."""
        self.assert_misuse(SimpleNamespace(dataReceived=None), "SimpleNamespace")

    def test_generator(self) -> None:
        """A generator: nothing of it ran."""

        def steps() -> Generator[int, None, None]:
            yield 1

        self.assert_misuse(steps(), "generator")

    def test_value_of_deferred(self) -> None:
        """A value of a Deferred, fired or not, is reported too."""
        answer: Deferred[object] = Deferred()
        self.add(addon(name="fired", request=lambda flow: succeed(7)), addon(name="later", request=lambda flow: answer))
        pending = self.waiting()
        answer.callback("late")
        self.successResultOf(pending)
        self.assertEqual(len(self.logged("warn")), 2)
        self.assertIn("fired: request returned a int", self.logged("warn")[0])
        self.assertIn("later: request returned a str", self.logged("warn")[1])

    def test_per_hook(self) -> None:
        """Each hook of an addon is reported for itself."""
        self.add(addon(request=lambda flow: 1, response=lambda flow: 1))
        assert self.hooks.response is not None
        self.request()
        self.hooks.response(self.flow)
        self.assertEqual(len(self.logged("warn")), 2)

    def test_fired_deferred(self) -> None:
        """A Deferred that has fired with None is no reason to wait."""
        self.add(addon(request=lambda flow: succeed(None)), Seer("a"))
        self.assertIsNone(self.request())
        self.assertEqual(self.flow.seen, ["a"])


class FailureTests(HooksTestCase):
    """H7 and H11: a failure is logged with addon, hook and traceback, and hurts nobody else."""

    def assert_failed_once(self, hook: str = "request") -> None:
        """Exactly one failure was logged, by name and with a traceback."""
        (failure,) = self.flushed()
        self.assertEqual((failure["addon"], failure["hook"]), ("probe", hook))
        self.assertIn("boom", failure["log_failure"].getErrorMessage())

    def flushed(self) -> list[Any]:
        return [event for event in self.events if "log_failure" in event]

    def test_each_hook(self) -> None:
        """A handler that raises, in each hook: the next addon's handler runs all the same."""
        for name, spec in TABLE.items():
            self.events.clear()
            self.hooks = self.make_hooks()
            seen: list[str] = []
            self.add(addon(**{name: _raising(spec.arguments)}))
            self.add(addon(name="next", **{name: _noting(spec.arguments, seen, name)}))
            self.assertIsNone(getattr(self.hooks, name)(*spec.arguments), name)
            self.assertEqual(seen, [name])
            self.assert_failed_once(name)

    def test_traceback(self) -> None:
        """The traceback leads into the handler."""
        self.add(addon(request=boom))
        self.request()
        self.assertIn("in boom", self.flushed()[0]["log_failure"].getTraceback())
        self.assertEqual(self.flushed()[0]["flow"], "flow-1")

    def test_failed_deferred(self) -> None:
        """A Deferred that has failed already: its failure is taken, none is left unhandled."""
        self.add(addon(request=lambda flow: fail(ValueError("boom"))), Seer("a"))
        self.assertIsNone(self.request())
        self.assert_failed_once()
        self.assertEqual(self.flow.seen, ["a"])

    def test_failing_deferred(self) -> None:
        """A Deferred that fails later."""
        answer: Deferred[None] = Deferred()
        self.add(addon(request=lambda flow: answer), Seer("a"))
        pending = self.waiting()
        answer.errback(ValueError("boom"))
        self.successResultOf(pending)
        self.assert_failed_once()
        self.assertEqual(self.flow.seen, ["a"])
        self.assert_nothing_left()

    def test_inline_callbacks(self) -> None:
        """A function of inlineCallbacks that fails after a wait."""
        answer: Deferred[None] = Deferred()

        @inlineCallbacks
        def request(flow: Flow) -> Generator[Deferred[None], None, None]:
            yield answer
            boom()

        self.add(addon(request=request))
        pending = self.waiting()
        answer.callback(None)
        self.successResultOf(pending)
        self.assert_failed_once()

    def test_stop_chain(self) -> None:
        """StopChain ends the chain without a word, at once and later."""
        answer: Deferred[None] = Deferred()

        def stop(flow: Flow) -> None:
            raise StopChain

        self.add(addon(request=stop, response=lambda flow: answer))
        self.add(addon(name="next", request=lambda flow: flow.seen.append("a"), response=boom))
        self.assertIsNone(self.request())
        later = self.hooks.fire("response", self.flow)
        answer.errback(StopChain())
        self.successResultOf(later)
        self.assertEqual((self.flow.seen, self.events), ([], []))

    def test_base_exceptions(self) -> None:
        """What is no Exception passes through: the program is to end."""

        def leave(flow: Flow) -> None:
            raise KeyboardInterrupt

        self.add(addon(request=leave))
        self.assertRaises(KeyboardInterrupt, self.request)


def _raising(arguments: tuple[str, ...]) -> Any:
    return eval(f"lambda {', '.join(arguments)}: boom()", {"boom": boom})


def _noting(arguments: tuple[str, ...], seen: list[str], name: str) -> Any:
    return eval(f"lambda {', '.join(arguments)}: seen.append(name)", {"seen": seen, "name": name})


class PolicyTests(HooksTestCase):
    """H7: what an addon says that its own failure means."""

    def fail_with(
        self, policy: object, hook: str, subject: object, answer: "Deferred[None] | None" = None
    ) -> list[str]:
        """Let an addon with this policy fail in a hook, and give who was called after it."""
        seen: list[str] = []
        self.add(addon(failure_policy=policy, **{hook: lambda one: answer or boom()}))
        self.add(addon(name="next", **{hook: lambda one: seen.append("next")}))
        fired = self.hooks.fire(hook, subject)
        if answer is not None:
            answer.errback(ValueError("boom"))
        self.successResultOf(fired)
        self.assertEqual(len(self.logged("error")), 1)
        return seen

    def test_continue(self) -> None:
        """The default can also be said."""
        self.assertEqual(self.fail_with("continue", "request", self.flow), ["next"])
        self.assertFalse(self.flow.killed)

    def test_kill(self) -> None:
        """The flow is killed, the handlers after are skipped."""
        self.assertEqual(self.fail_with("kill", "request", self.flow), [])
        self.assertTrue(self.flow.killed)

    def test_kill_later(self) -> None:
        """The same for a handler that fails later."""
        self.assertEqual(self.fail_with("kill", "tcp_message", self.flow, Deferred()), [])
        self.assertTrue(self.flow.killed)

    def test_kill_with_reason(self) -> None:
        """A flow that can be told why it is killed is told."""
        why: list[object] = []
        self.fail_with("kill", "response", SimpleNamespace(kill_because=why.append, id="x"))
        self.assertIsInstance(why[0], PolicyApplied)
        self.assertIn("probe", str(why[0]))

    def test_kill_connection(self) -> None:
        """The argument of a connection's hook is killed."""
        for hook in ("clientconnect", "serverconnect"):
            self.hooks = self.make_hooks()
            self.events.clear()
            killed: list[bool] = []
            subject = SimpleNamespace(kill=lambda killed=killed: killed.append(True))
            self.assertEqual(self.fail_with("kill", hook, subject), [])
            self.assertEqual(killed, [True])

    def test_kill_nothing(self) -> None:
        """Where there is nothing to kill, the chain goes on."""
        self.assertEqual(self.fail_with("kill", "log", "entry"), ["next"])

    def test_respond(self) -> None:
        """Each hook that can respond responds with the status; 503 unless another is given."""
        for policy, status in (("respond", 503), (("respond", 451), 451)):
            for hook in [name for name, spec in TABLE.items() if spec.can_respond]:
                self.hooks = self.make_hooks()
                self.events.clear()
                flow = Flow()
                self.assertEqual(self.fail_with(policy, hook, flow), [])
                self.assertEqual(flow.response.status_code, status)
                self.assertFalse(flow.killed)

    def test_respond_means_kill(self) -> None:
        """Where a hook has no response to give, and where the response was streamed, it means kill."""
        self.assertEqual(self.fail_with("respond", "websocket_message", self.flow), [])
        self.assertTrue(self.flow.killed)
        self.hooks = self.make_hooks()
        self.events.clear()
        flow = Flow()
        flow.response = sent = SimpleNamespace(streamed=True)
        self.fail_with("respond", "response", flow)
        self.assertTrue(flow.killed)
        self.assertIs(flow.response, sent)
