"""Tests for L{mitmtw._hooks.retire}: the end of addons."""

from twisted.internet.defer import Deferred

from mitmtw._hooks.retire import retire
from tests._hooks.fakes import Flow, HooksTestCase, Seer, addon


class RemoveTests(HooksTestCase):
    """H8: an addon that is removed."""

    def test_idle(self) -> None:
        """An addon with nothing pending gets C{done} in the next turn, and no further event."""
        done: list[str] = []
        one = addon(request=lambda flow: flow.seen.append("one"), done=lambda: done.append("done"))
        self.add(one)
        removed = self.hooks.remove(one)
        self.assertIsNone(self.hooks.request)
        self.assertEqual(done, [])
        self.clock.advance(0)
        self.successResultOf(removed)
        self.assertEqual(done, ["done"])
        self.assert_nothing_left()

    def test_drained(self) -> None:
        """A pending call may finish, and its result counts; C{done} comes after it."""
        answer: Deferred[None] = Deferred()
        one = addon(request=lambda flow: answer, done=lambda: self.flow.seen.append("done"))
        self.add(one, Seer("next"))
        pending = self.waiting()
        removed = self.hooks.remove(one, drain=5)
        self.clock.advance(4.9)
        self.assertEqual(self.flow.seen, [])
        answer.callback(None)
        self.assertEqual(self.flow.seen, ["next", "done"])
        self.successResultOf(pending)
        self.successResultOf(removed)
        self.assert_nothing_left()

    def test_two_pending(self) -> None:
        """All its pending calls are waited for."""
        answers: list[Deferred[None]] = []

        def request(flow: Flow) -> "Deferred[None]":
            answers.append(Deferred())
            return answers[-1]

        one = addon(request=request)
        self.add(one)
        self.waiting()
        self.waiting(Flow(2))
        removed = self.hooks.remove(one)
        self.clock.advance(1)
        answers[1].callback(None)
        self.assertNoResult(removed)
        answers[0].callback(None)
        self.successResultOf(removed)

    def test_cancelled(self) -> None:
        """After the drain its calls are cancelled, which counts as its failure; then comes C{done}."""
        one = addon(
            failure_policy="kill",
            request=lambda flow: Deferred(lambda _: self.flow.seen.append("cancelled")),
            done=lambda: self.flow.seen.append("done"),
        )
        self.add(one, Seer("next"))
        pending = self.waiting()
        removed = self.hooks.remove(one, drain=3)
        self.clock.advance(3)
        self.assertEqual(self.flow.seen, ["cancelled", "done"])
        self.assertTrue(self.flow.killed)
        self.assertIn("removed before request had answered", self.logged("error")[0])
        self.successResultOf(pending)
        self.successResultOf(removed)
        self.assert_nothing_left()

    def test_event_under_way(self) -> None:
        """An event that began before, and gets to the addon only after its C{done}, passes it by."""
        answer: Deferred[None] = Deferred()
        late = Seer("late")
        self.add(addon(request=lambda flow: answer), late, Seer("next"))
        self.waiting()
        removed = self.hooks.remove(late)
        self.clock.advance(0)
        self.successResultOf(removed)
        answer.callback(None)
        self.assertEqual(self.flow.seen, ["next"])

    def test_removed_by_a_handler(self) -> None:
        """An event that is just passing still gets to the addon: its C{done} waits for the next turn."""
        late = addon(
            name="late",
            request=lambda flow: flow.seen.append("late"),
            done=lambda: self.flow.seen.append("done"),
        )
        self.add(addon(request=lambda flow: self.hooks.remove(late) and None), late)
        self.request()
        self.clock.advance(0)
        self.assertEqual(self.flow.seen, ["late", "done"])

    def test_itself(self) -> None:
        """An addon that waits for its own removal is cancelled after the drain, and gets C{done}."""

        async def request(flow: Flow) -> None:
            await self.hooks.remove(one, drain=2)

        one = addon(request=request, done=lambda: self.flow.seen.append("done"))
        self.add(one)
        pending = self.waiting()
        self.clock.advance(2)
        self.successResultOf(pending)
        self.assertEqual(self.flow.seen, ["done"])
        self.assert_nothing_left()


class DoneTests(HooksTestCase):
    """The last event."""

    def test_order(self) -> None:
        """Children before parents, the last before the first, one after another."""
        seen: list[str] = []
        answer: Deferred[None] = Deferred()

        def done(name: str, wait: "Deferred[None] | None" = None) -> "Deferred[None] | None":
            seen.append(name)
            return wait

        child = addon(name="child", done=lambda: done("child", answer))
        other = addon(name="other", done=lambda: done("other"))
        parent = addon(name="parent", done=lambda: done("parent"), addons=[child, other])
        self.add(parent)
        removed = self.hooks.remove(parent)
        self.clock.advance(0)
        self.assertEqual(seen, ["other", "child"])
        answer.callback(None)
        self.assertEqual(seen, ["other", "child", "parent"])
        self.successResultOf(removed)

    def test_failures(self) -> None:
        """One that raises and one that never answers do not stop the others."""
        seen: list[str] = []

        def boom() -> None:
            raise ValueError("boom")

        addons = [
            addon(name="first", done=lambda: seen.append("first")),
            addon(name="raises", done=boom),
            addon(name="hangs", done=lambda: Deferred()),
            addon(name="wrong", done=lambda: 7),
        ]
        self.add(*addons)
        ended = retire(self.hooks, list(self.hooks.chain), 0, 2)
        self.clock.advance(0)
        self.assertNoResult(ended)
        self.clock.advance(2)
        self.successResultOf(ended)
        self.assertEqual(seen, ["first"])
        self.assertEqual(len(self.logged("error")), 2)
        self.assertEqual(len(self.logged("warn")), 1)
        self.assertIn("did not answer within 2 s", self.logged("error")[0])
        self.assert_nothing_left()

    def test_once(self) -> None:
        """Whatever happens, an addon gets it once."""
        seen: list[str] = []
        self.add(addon(done=lambda: seen.append("done")))
        links = list(self.hooks.chain)
        first, second = retire(self.hooks, links, 0, 2), retire(self.hooks, links, 0, 2)
        self.clock.advance(0)
        self.successResultOf(first)
        self.successResultOf(second)
        self.assertEqual(seen, ["done"])

    def test_hurried(self) -> None:
        """To cancel it hurries it up: no drain, no wait for C{done}, but every C{done} is called."""
        seen: list[str] = []

        def hang() -> "Deferred[None]":
            seen.append("hang")
            return Deferred(lambda _: seen.append("cancelled"))

        self.add(addon(name="first", done=lambda: seen.append("first")), addon(name="hangs", done=hang))
        self.add(addon(name="busy", request=lambda flow: Deferred()))
        pending = self.waiting()
        ended = retire(self.hooks, list(self.hooks.chain), 60, 60)
        self.clock.advance(1)
        self.assertEqual(seen, [])
        ended.cancel()
        self.successResultOf(pending)
        self.assertEqual(seen, ["hang"])
        ended.cancel()
        self.assertEqual(seen, ["hang", "cancelled", "first"])
        self.successResultOf(ended)
        self.assert_nothing_left()
