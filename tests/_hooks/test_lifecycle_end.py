"""Tests for L{mitmtw._hooks.lifecycle}: addons that come and go while it runs, and shutdown."""

from twisted.internet.defer import CancelledError, Deferred

from mitmtw.errors import AddonError, OptionsError
from mitmtw.interfaces import ILoader
from mitmtw.options import Option
from tests._hooks.fakes import Flow
from tests._hooks.life import LifecycleTestCase


class RuntimeTests(LifecycleTestCase):
    """Adding and removing while it runs."""

    def test_added(self) -> None:
        """A new addon is loaded, started and configured, takes part, and is told that all runs."""
        self.started(self.witness("a"))
        answer: Deferred[None] = Deferred()
        added = self.life.add_addon(self.witness("b", addons=[self.witness("c")], configure=lambda: answer))
        self.hooks.fire("request", Flow())
        self.assertNotIn("b.request", self.seen)
        answer.callback(None)
        self.successResultOf(added)
        self.hooks.fire("request", Flow())
        self.assertEqual(
            [event for event in self.seen if not event.startswith("a.")],
            ["b.load", "b.start", "c.load", "c.start"]
            + [f"{name}.configure color size red" for name in "bc"]
            + ["b.running", "c.running", "b.request", "c.request"],
        )

    def test_added_before_running(self) -> None:
        """One that is added between startup and C{running} hears of that once."""
        self.successResultOf(self.begin())
        self.successResultOf(self.life.add_addon(self.witness("a")))
        self.assertNotIn("a.running", self.seen)
        self.successResultOf(self.life.running())
        self.assertEqual(self.seen.count("a.running"), 1)

    def test_refused(self) -> None:
        """One that cannot be started is not there afterwards, it and its children get C{done}, and its name is free."""
        self.started(self.witness("a"))
        wrong = self.witness("b", addons=[self.witness("c", configure=OptionsError("no"))])
        added = self.life.add_addon(wrong)
        self.clock.advance(0)
        self.failureResultOf(added, OptionsError)
        self.assertEqual(self.seen[-2:], ["c.done", "b.done"])
        self.assertEqual([link.name for link in self.hooks.chain], ["a"])
        self.successResultOf(self.life.add_addon(self.witness("b")))

    def test_removed(self) -> None:
        """One that is removed gets C{done}, and nothing at the end."""
        one = self.witness("a")
        self.started(one, self.witness("b"))
        removed = self.life.remove_addon(one)
        self.clock.advance(0)
        self.successResultOf(removed)
        self.ended()
        self.assertEqual(self.seen, ["a.done", "b.done"])
        self.failureResultOf(self.life.remove_addon(one), AddonError)

    def test_unknown(self) -> None:
        """One that is not there cannot be removed."""
        self.started()
        self.failureResultOf(self.life.remove_addon("nobody"), AddonError)

    def test_again(self) -> None:
        """One that declares options can be removed and added again."""

        class Declares:
            def load(self, loader: ILoader) -> None:
                loader.add_option("depth", "int", 3, "How deep.")

        self.started()
        one = Declares()
        for _ in range(2):
            self.successResultOf(self.life.add_addon(one))
            removed = self.life.remove_addon("declares")
            self.clock.advance(0)
            self.successResultOf(removed)

    def test_tick(self) -> None:
        """Ticks begin with the end of startup and end with the begin of shutdown."""
        ticks: list[int] = []

        class Ticks:
            def tick(self) -> None:
                ticks.append(1)

        self.successResultOf(self.life.add_addon(Ticks()))
        self.clock.advance(1)
        self.successResultOf(self.life.startup())
        self.clock.pump([0.1] * 3)
        self.assertEqual(len(ticks), 3)
        self.life.stop_ticks()
        self.clock.advance(1)
        self.assertEqual(len(ticks), 3)
        self.ended()

    def test_tick_at_the_end(self) -> None:
        """Shutdown stops them too, if nobody did before."""

        class Ticks:
            def tick(self) -> None:
                self.done = None

        self.started(Ticks)
        self.assertEqual(len(self.clock.getDelayedCalls()), 1)
        self.ended()


class ShutdownTests(LifecycleTestCase):
    """The end."""

    def test_order(self) -> None:
        """C{done} in reverse order, children before parents."""
        self.started(self.witness("a", addons=[self.witness("b"), self.witness("c")]), self.witness("d"))
        self.ended()
        self.assertEqual(self.seen, ["d.done", "c.done", "b.done", "a.done"])
        self.assertIsNone(self.hooks.request)

    def test_once(self) -> None:
        """However often it is asked for."""
        answer: Deferred[None] = Deferred()
        self.started(self.witness("a", done=lambda: answer))
        first, second = self.life.shutdown(), self.life.shutdown()
        self.clock.advance(0)
        self.assertNoResult(second)
        answer.callback(None)
        self.successResultOf(first)
        self.successResultOf(second)
        self.successResultOf(self.life.shutdown())
        self.assertEqual(self.seen, ["a.done"])

    def test_bounded(self) -> None:
        """Each C{done} has its time, the default's or the option's."""
        self.options.add(Option("done_timeout", "seconds", 2.0, "How long."))
        self.started(self.witness("a"), self.witness("b", done=lambda: Deferred()))
        ended = self.life.shutdown()
        self.clock.pump([0, 1.9])
        self.assertEqual(self.seen, ["b.done"])
        self.clock.advance(0.1)
        self.successResultOf(ended)
        self.assertEqual(self.seen, ["b.done", "a.done"])

    def test_under_way(self) -> None:
        """What is under way is cancelled, what was asked for after it never begins; then the end comes."""
        one = self.witness("a")
        self.started(one)
        one.answers["configure"] = lambda: Deferred()
        first = self.life.update_options({"color": "blue"})
        second = self.life.update_options({"color": "green"})
        ended = self.life.shutdown()
        self.clock.advance(0)
        self.successResultOf(ended)
        self.failureResultOf(first, CancelledError)
        self.failureResultOf(second, CancelledError)
        self.assertEqual(self.options.color, "red")
        self.assertEqual(self.seen, ["a.configure color blue", "a.done"])
        self.assert_nothing_left()

    def test_during_startup(self) -> None:
        """Startup that is under way is cancelled."""
        pending = self.begin(self.witness("a", start=lambda: Deferred()), self.witness("b"))
        self.ended()
        self.failureResultOf(pending, CancelledError)
        self.assertEqual(self.seen, ["a.load", "a.start", "a.done"])

    def test_during_removal(self) -> None:
        """A removal that is under way is hurried up; its C{done} still comes, and once."""
        one = self.witness("a", request=lambda: Deferred())
        self.started(one, self.witness("b"))
        self.hooks.fire("request", self.flow)
        removed = self.life.remove_addon(one)
        ended = self.life.shutdown()
        self.clock.pump([0, 0])
        self.successResultOf(ended)
        self.assertTrue(removed.called)
        removed.addErrback(lambda failure: failure.trap(CancelledError) and None)
        self.assertEqual([event for event in self.seen if "done" in event], ["a.done", "b.done"])

    def test_afterwards(self) -> None:
        """Nothing can be asked for any more."""
        self.started(self.witness("a"))
        self.ended()
        for refused in (self.life.update_options({"color": "blue"}), self.life.add_addon(self.witness("b"))):
            self.failureResultOf(refused, AddonError)

    def test_drain(self) -> None:
        """Pending calls may be given time before they are cancelled."""
        answer: Deferred[None] = Deferred()
        self.started(self.witness("a", request=lambda: answer))
        pending = self.hooks.fire("request", self.flow)
        ended = self.life.shutdown(drain=3)
        self.clock.advance(2)
        self.assertNoResult(ended)
        answer.callback(None)
        self.successResultOf(pending)
        self.successResultOf(ended)
        self.assertEqual(self.seen, ["a.request", "a.done"])

    def test_never_started(self) -> None:
        """Without startup there is nobody to end."""
        self.successResultOf(self.life.add_addon(self.witness("a")))
        self.ended()
        self.assertEqual(self.seen, [])
