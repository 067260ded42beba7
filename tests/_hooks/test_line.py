"""Tests for L{mitmtw._hooks.line}: C{max_pending}."""

from typing import Any

from twisted.internet.defer import CancelledError, Deferred, succeed

from tests._hooks.fakes import Flow, HooksTestCase, Seer, addon


class LineTests(HooksTestCase):
    """H10: more calls than an addon allows wait in line."""

    def limited(self, places: int = 2) -> list[tuple[Flow, Any]]:
        """Add an addon with so many places, that never answers by itself; give the list of its calls."""
        calls: list[tuple[Flow, Any]] = []

        def request(flow: Flow) -> "Deferred[None]":
            answer: Deferred[None] = Deferred()
            calls.append((flow, answer))
            return answer

        self.add(addon(max_pending=places, request=request), Seer("next"))
        return calls

    def fire(self, count: int) -> tuple[list[Flow], "list[Deferred[None]]"]:
        """Fire that many flows."""
        flows = [Flow(number) for number in range(count)]
        return flows, [self.waiting(flow) for flow in flows]

    def test_first_come_first_served(self) -> None:
        """Two at a time, in the order in which they came; each answer lets one more in."""
        calls = self.limited()
        flows, pending = self.fire(5)
        self.assertEqual([flow for flow, _ in calls], flows[:2])
        calls[1][1].callback(None)
        self.successResultOf(pending[1])
        self.assertEqual([flow for flow, _ in calls], flows[:3])
        for number in (0, 2, 3, 4):
            self.assertEqual(len(calls), min(5, max(3, number + 2)))
            calls[number][1].callback(None)
        self.assertEqual([flow.seen for flow in flows], [["next"]] * 5)
        self.assert_nothing_left()

    def test_others_pass(self) -> None:
        """Calls that answer at once need no place, as long as nobody is in line."""
        self.add(addon(max_pending=1, request=lambda flow: succeed(None) if flow is self.flow else Deferred()))
        self.assertIsNone(self.request())
        first = self.waiting(Flow(2))
        second = self.waiting()
        self.assertNoResult(second)
        first.cancel()
        self.failureResultOf(first, CancelledError)
        self.successResultOf(second)

    def test_all_hooks_together(self) -> None:
        """The places are the addon's, not each hook's."""
        answer: Deferred[None] = Deferred()
        called: list[str] = []
        self.add(addon(max_pending=1, request=lambda flow: answer, response=lambda flow: called.append("response")))
        self.waiting()
        response = self.hooks.fire("response", Flow(2))
        self.assertEqual(called, [])
        answer.callback(None)
        self.assertEqual(called, ["response"])
        self.successResultOf(response)

    def test_cancelled_in_line(self) -> None:
        """A call that is cancelled in line is never made, and takes nobody's place."""
        calls = self.limited(1)
        flows, pending = self.fire(3)
        pending[1].cancel()
        self.failureResultOf(pending[1], CancelledError)
        calls[0][1].callback(None)
        self.assertEqual([flow for flow, _ in calls], [flows[0], flows[2]])

    def test_cancelled_while_pending(self) -> None:
        """A call that is cancelled gives its place free, also when its handler ignores that."""
        entered: list[Flow] = []
        more: list[Deferred[None]] = []

        async def request(flow: Flow) -> None:
            entered.append(flow)
            try:
                await Deferred()
            except CancelledError:
                more.append(Deferred())
                await more[-1]

        self.add(addon(max_pending=1, request=request))
        flows, pending = self.fire(2)
        pending[0].cancel()
        self.failureResultOf(pending[0], CancelledError)
        self.assertEqual(entered, flows)
        more[0].callback(None)
        self.waiting(Flow(9))
        self.assertEqual(entered, flows)

    def test_deadline_in_line(self) -> None:
        """The time in line counts for the deadline, and is not reported as the handler being slow."""
        self.limited(1)
        _flows, pending = self.fire(2)
        self.clock.advance(5)
        self.assertEqual(len(self.logged("warn")), 1)
        self.clock.advance(55)
        self.successResultOf(pending[0])
        self.successResultOf(pending[1])
        self.assertEqual(len(self.logged("error")), 2)
        self.assert_nothing_left()

    def test_failures_in_line(self) -> None:
        """A handler that fails when its turn comes fails for its own flow."""
        answer: Deferred[None] = Deferred()

        def request(flow: Flow) -> "Deferred[None]":
            if flow is self.flow:
                return answer
            raise ValueError("boom")

        self.add(addon(max_pending=1, request=request), Seer("next"))
        first = self.waiting()
        second = Flow(2)
        pending = self.waiting(second)
        answer.callback(None)
        self.successResultOf(first)
        self.successResultOf(pending)
        self.assertEqual(second.seen, ["next"])
        self.assertEqual(len(self.logged("error")), 1)

    def test_long_line(self) -> None:
        """A long line of calls that answer at once needs no deep stack."""
        answer: Deferred[None] = Deferred()
        self.add(addon(max_pending=1, request=lambda flow: answer if flow is self.flow else None))
        self.waiting()
        _flows, pending = self.fire(3000)
        answer.callback(None)
        self.assertEqual(sum(one.called for one in pending), 3000)

    def test_newcomer(self) -> None:
        """A call that comes while the line moves goes to its end, though a place is free in that moment."""
        answer: Deferred[None] = Deferred()
        order: list[Flow] = []
        first, second, third, newcomer = (Flow(number) for number in range(4))

        def request(flow: Flow) -> "Deferred[None] | None":
            order.append(flow)
            return answer if flow is first else None

        def fire_another(flow: Flow) -> None:
            if flow is second:
                self.hooks.fire("request", newcomer)

        self.add(addon(max_pending=1, request=request), addon(name="next", request=fire_another))
        for flow in (first, second, third):
            self.waiting(flow)
        answer.callback(None)
        self.assertEqual(order, [first, second, third, newcomer])
