"""Tests for L{mitmtw._hooks.waiting}: handlers that are cancelled, late, slow, or never answer."""

from twisted.internet.defer import CancelledError, Deferred
from typing_extensions import override

from mitmtw._hooks.table import TABLE
from mitmtw.errors import HookTimedOut
from tests._hooks.fakes import Flow, HooksTestCase, Seer, addon


class CancelTests(HooksTestCase):
    """H5: the one who fired an event does not want it any more."""

    def test_deferred(self) -> None:
        """The pending Deferred is cancelled, the rest of the chain skipped, and the event fails in that turn."""
        cancelled: list[object] = []
        answer: Deferred[None] = Deferred(cancelled.append)
        self.add(addon(request=lambda flow: answer), Seer("next"))
        pending = self.waiting()
        pending.cancel()
        self.assertEqual(cancelled, [answer])
        self.failureResultOf(pending, CancelledError)
        self.assertEqual(self.flow.seen, [])
        self.assertEqual(self.events, [])
        self.assert_nothing_left()

    def test_coroutine(self) -> None:
        """A coroutine sees CancelledError where it waits."""

        async def request(flow: Flow) -> None:
            try:
                await Deferred()
            except CancelledError:
                flow.seen.append("cancelled")
                raise

        self.add(addon(request=request), Seer("next"))
        pending = self.waiting()
        pending.cancel()
        self.failureResultOf(pending, CancelledError)
        self.assertEqual(self.flow.seen, ["cancelled"])
        self.assertEqual(self.events, [])

    def test_swallowed(self) -> None:
        """A handler that swallows it holds nobody up; its late result means nothing."""
        more: Deferred[None] = Deferred()

        async def request(flow: Flow) -> int:
            try:
                await Deferred()
            except CancelledError:
                await more
            flow.seen.append("late")
            return 7

        self.add(addon(request=request), Seer("next"))
        pending = self.waiting()
        pending.cancel()
        self.failureResultOf(pending, CancelledError)
        self.assert_nothing_left()
        more.callback(None)
        self.assertEqual(self.flow.seen, ["late"])
        self.assertEqual(self.events, [])

    def test_late_failure(self) -> None:
        """A late failure is logged with addon and hook."""
        more: Deferred[None] = Deferred()

        async def request(flow: Flow) -> None:
            try:
                await Deferred()
            except CancelledError:
                await more
                raise ValueError("too late")

        self.add(addon(request=request))
        pending = self.waiting()
        pending.cancel()
        self.failureResultOf(pending, CancelledError)
        more.callback(None)
        (event,) = self.events
        self.assertEqual((event["addon"], event["hook"]), ("probe", "request"))
        self.assertEqual(event["log_failure"].getErrorMessage(), "too late")

    def test_canceller_raises(self) -> None:
        """A canceller that raises is logged, and stops nothing."""

        def canceller(_deferred: object) -> None:
            raise ValueError("no")

        self.add(addon(request=lambda flow: Deferred(canceller)))
        pending = self.waiting()
        pending.cancel()
        self.failureResultOf(pending, CancelledError)
        self.assertEqual(len(self.logged("error")), 1)
        self.assert_nothing_left()

    def test_second_handler(self) -> None:
        """The handler that is pending now is the one that is cancelled."""
        answers: list[Deferred[None]] = [Deferred(), Deferred()]
        self.add(addon(name="one", request=lambda flow: answers[0]), addon(name="two", request=lambda flow: answers[1]))
        pending = self.waiting()
        answers[0].callback(None)
        pending.cancel()
        self.assertTrue(answers[1].called)
        self.failureResultOf(pending, CancelledError)
        self.assert_nothing_left()

    def test_killed_by_a_later_handler(self) -> None:
        """A handler that kills its own flow while it runs: the event is over, its own wait is cancelled."""
        first: Deferred[None] = Deferred()
        own: list[object] = []

        def kill(flow: Flow) -> "Deferred[None]":
            flow.kill()
            return Deferred(own.append)

        self.add(addon(name="one", request=lambda flow: first), addon(name="two", request=kill), Seer("next"))
        pending = self.waiting()
        self.flow.on_kill = pending.cancel
        first.callback(None)
        self.failureResultOf(pending, CancelledError)
        self.assertEqual(len(own), 1)
        self.assertEqual(self.flow.seen, [])
        self.assert_nothing_left()

    def test_killed_by_a_running_coroutine(self) -> None:
        """The same in the middle of a coroutine: its next wait is cancelled."""
        first: Deferred[None] = Deferred()

        async def request(flow: Flow) -> None:
            await first
            flow.kill()
            try:
                await Deferred()
            except CancelledError:
                flow.seen.append("cancelled")

        self.add(addon(request=request), Seer("next"))
        pending = self.waiting()
        self.flow.on_kill = pending.cancel
        first.callback(None)
        self.failureResultOf(pending, CancelledError)
        self.assertEqual(self.flow.seen, ["cancelled"])
        self.assert_nothing_left()

    def test_failure_after_kill(self) -> None:
        """A handler that kills and then fails: the failure is logged, and nothing else happens."""
        first: Deferred[None] = Deferred()

        def kill(flow: Flow) -> None:
            flow.kill()
            raise ValueError("boom")

        self.add(addon(name="one", request=lambda flow: first), addon(name="two", request=kill), Seer("next"))
        pending = self.waiting()
        self.flow.on_kill = pending.cancel
        first.callback(None)
        self.failureResultOf(pending, CancelledError)
        self.assertEqual(len(self.logged("error")), 1)
        self.assertEqual(self.flow.seen, [])

    def test_kill_policy(self) -> None:
        """A policy that kills, and so cancels the event from within it."""
        answer: Deferred[None] = Deferred()
        self.add(addon(failure_policy="kill", request=lambda flow: answer), Seer("next"))
        pending = self.waiting()
        self.flow.on_kill = pending.cancel
        answer.errback(ValueError("boom"))
        self.failureResultOf(pending, CancelledError)
        self.assertEqual(self.flow.seen, [])


class DeadlineTests(HooksTestCase):
    """H6: the warning and the deadline."""

    def test_each_ask_hook(self) -> None:
        """A handler that never answers, in each hook that gates: the next one runs after the deadline."""
        for name, spec in TABLE.items():
            if spec.gate != "ask":
                continue
            self.hooks = self.make_hooks()
            self.events.clear()
            seen: list[str] = []
            self.add(addon(**{name: lambda one: Deferred()}))
            self.add(addon(name="next", **{name: lambda one, seen=seen, name=name: seen.append(name)}))
            pending = self.hooks.fire(name, self.flow)
            self.clock.pump([5] * 11 + [4.9])
            self.assertNoResult(pending)
            self.clock.advance(0.1)
            self.successResultOf(pending)
            self.assertEqual(seen, [name])
            self.assertIn(f"addon probe: {name} did not answer within 60 s; flow flow-1", self.logged("error"))
            self.assert_nothing_left()

    def test_warning(self) -> None:
        """One warning names addon, hook and flow; an answer after it is in time."""
        answer: Deferred[None] = Deferred()
        handler = lambda flow: answer  # noqa: E731 - its line is needed
        self.add(addon(request=handler))
        pending = self.waiting()
        self.clock.advance(4.9)
        self.assertEqual(self.events, [])
        self.clock.pump([0.1, 5, 5, 5])
        place = f"{__file__}:{handler.__code__.co_firstlineno}"
        expected = f"addon probe: request has not answered for 5 s, it waits at {place}; flow flow-1"
        self.assertEqual(self.logged(), [expected])
        answer.callback(None)
        self.successResultOf(pending)
        self.assert_nothing_left()

    def test_cancelled_at_the_deadline(self) -> None:
        """The handler is cancelled, and its late failure is only logged."""
        more: Deferred[None] = Deferred()

        async def request(flow: Flow) -> None:
            try:
                await Deferred()
            except CancelledError:
                flow.seen.append("cancelled")
                await more
                raise ValueError("late")

        self.add(addon(request=request), Seer("next"))
        self.waiting()
        self.clock.pump([5, 55])
        self.assertEqual(self.flow.seen, ["cancelled", "next"])
        more.callback(None)
        self.assertEqual(len(self.logged("error")), 2)

    def test_policy(self) -> None:
        """The addon's failure policy is applied, as if it had failed."""
        self.add(addon(failure_policy=("respond", 504), request=lambda flow: Deferred()), Seer("next"))
        pending = self.waiting()
        self.clock.pump([5, 55])
        self.successResultOf(pending)
        self.assertEqual(self.flow.response.status_code, 504)
        self.assertEqual(self.flow.seen, [])

    def test_per_handler(self) -> None:
        """Each handler has the whole time for itself."""
        answers: list[Deferred[None]] = [Deferred(), Deferred()]
        self.add(addon(name="one", request=lambda flow: answers[0]), addon(name="two", request=lambda flow: answers[1]))
        pending = self.waiting()
        self.clock.pump([5, 54])
        answers[0].callback(None)
        self.clock.pump([5, 54])
        self.assertNoResult(pending)
        self.clock.advance(1)
        self.successResultOf(pending)

    def test_off(self) -> None:
        """With a deadline of 0 a handler may wait for ever; with a warning of 0 none is given."""
        for timeout, warning, texts in ((0.0, 5.0, 1), (0.0, 0.0, 0), (60.0, 0.0, 1), (3.0, 5.0, 1)):
            self.hooks = self.make_hooks(timeout, warning)
            self.events.clear()
            self.add(addon(request=lambda flow: Deferred()))
            pending = self.waiting()
            self.clock.pump([10] * 100)
            self.assertEqual(pending.called, timeout > 0)
            self.assertEqual(len(self.events), texts)
            self.assertEqual(len(self.clock.getDelayedCalls()), 0)

    def test_changed(self) -> None:
        """Another deadline counts for the calls after it was set."""
        self.add(addon(request=lambda flow: Deferred()))
        self.hooks.patience.timeout = 2
        pending = self.waiting()
        self.clock.advance(2)
        self.successResultOf(pending)

    def test_ask(self) -> None:
        """A single call has the deadline it is given, and fails with it."""
        self.add(addon(request=lambda flow: Deferred()))
        (listener,) = self.hooks.listeners("request")
        answer = self.hooks.ask(listener, (self.flow,), 2)
        self.clock.advance(2)
        self.failureResultOf(answer, HookTimedOut)
        cancelled = self.hooks.ask(listener, (self.flow,), 2)
        cancelled.cancel()
        self.failureResultOf(cancelled, CancelledError)
        self.assert_nothing_left()


class InterceptTests(HooksTestCase):
    """H6: a flow that is intercepted on purpose is exempt."""

    @override
    def setUp(self) -> None:
        super().setUp()
        self.add(addon(request=lambda flow: Deferred()))

    def test_exempt(self) -> None:
        """No warning and no deadline while it is held; the time starts again when it is resumed."""
        self.flow.intercepted = True
        pending = self.waiting()
        self.clock.pump([10] * 100)
        self.assertEqual(self.events, [])
        self.flow.resume()
        self.clock.pump([5, 54])
        self.assertNoResult(pending)
        self.clock.advance(1)
        self.successResultOf(pending)

    def test_held_after_the_warning(self) -> None:
        """A flow that is held between warning and deadline."""
        pending = self.waiting()
        self.clock.advance(5)
        self.flow.intercepted = True
        self.clock.pump([10] * 100)
        self.assertNoResult(pending)
        self.flow.resume()
        self.clock.pump([5, 55])
        self.successResultOf(pending)

    def test_resumed_in_time(self) -> None:
        """A flow that is held and resumed before anything is due keeps its deadline."""
        pending = self.waiting()
        self.flow.intercepted = True
        self.clock.advance(1)
        self.flow.resume()
        self.clock.pump([4, 55])
        self.successResultOf(pending)

    def test_cancelled(self) -> None:
        """To resume a flow whose event was cancelled does nothing."""
        self.flow.intercepted = True
        pending = self.waiting()
        self.clock.advance(5)
        pending.cancel()
        self.failureResultOf(pending, CancelledError)
        self.flow.resume()
        self.assert_nothing_left()
