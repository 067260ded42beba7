"""Tests for L{mitmtw._hooks.lifecycle}: startup, replacement, and changes of options."""

from collections.abc import Callable
from typing import Any

from twisted.internet.defer import Deferred
from zope.interface.verify import verifyObject

from mitmtw._hooks.lifecycle import REPLACEMENT_DEPTH
from mitmtw._hooks.loader import Loader
from mitmtw.addon import StopChain
from mitmtw.errors import AddonError, OptionsError
from mitmtw.interfaces import ILoader
from tests._hooks.life import LifecycleTestCase


class StartupTests(LifecycleTestCase):
    """From nothing to traffic."""

    def test_order(self) -> None:
        """Each addon is loaded and started, children after their parent; then all are configured; then they run."""
        self.successResultOf(self.begin(self.witness("a", addons=[self.witness("b")]), self.witness("c")))
        self.assertEqual(
            self.seen,
            ["a.load", "a.start", "b.load", "b.start", "c.load", "c.start"]
            + [f"{name}.configure color size red" for name in "abc"],
        )
        self.seen.clear()
        self.successResultOf(self.life.running())
        self.assertEqual(self.seen, ["a.running", "b.running", "c.running"])

    def test_no_traffic_before(self) -> None:
        """No other event reaches an addon before all of startup is over."""
        answer: Deferred[None] = Deferred()
        pending = self.begin(self.witness("a", configure=lambda: answer))
        self.assertIsNone(self.hooks.request)
        self.assertNoResult(pending)
        answer.callback(None)
        self.successResultOf(pending)
        self.assertIsNotNone(self.hooks.request)

    def test_waits(self) -> None:
        """Startup waits for each of these events."""
        answers: list[Deferred[None]] = [Deferred(), Deferred(), Deferred()]
        steps = {"load": answers[0], "start": answers[1], "configure": answers[2]}
        pending = self.begin(self.witness("a", **{name: lambda one=one: one for name, one in steps.items()}))
        for count, answer in enumerate(answers, 1):
            self.assertEqual(len(self.seen), count)
            self.assertNoResult(pending)
            answer.callback(None)
        self.successResultOf(pending)
        self.assert_nothing_left()

    def test_options_refused(self) -> None:
        """OptionsError ends startup; who was started gets C{done}."""
        self.successResultOf(self.life.add_addon(self.witness("a", configure=OptionsError("color: not red"))))
        pending = self.begin(self.witness("b"))
        self.assertEqual(str(self.failureResultOf(pending, OptionsError).value), "color: not red")
        self.seen.clear()
        self.ended()
        self.assertEqual(self.seen, ["b.done", "a.done"])

    def test_not_started(self) -> None:
        """An addon that was not started yet when startup failed gets no C{done}."""
        pending = self.begin(self.witness("a", start=AddonError("no")), self.witness("b"))
        self.failureResultOf(pending, AddonError)
        self.ended()
        self.assertEqual(self.seen, ["a.load", "a.start", "a.done"])

    def test_failure(self) -> None:
        """Another failure is logged, and startup goes on, if the addon's policy is to go on."""
        self.successResultOf(self.begin(self.witness("a", start=ValueError("boom"), configure=StopChain())))
        self.assertEqual(len(self.logged("error")), 1)
        self.assertIsNotNone(self.hooks.request)

    def test_failure_of_a_guard(self) -> None:
        """If its policy is another, nothing may run without it."""
        for hook in ("load", "start", "configure"):
            self.setUp()
            guard = self.witness("guard", **{hook: ValueError("boom")})
            guard.failure_policy = "kill"  # type: ignore[attr-defined]
            error = self.failureResultOf(self.begin(guard), AddonError).value
            self.assertEqual(str(error), f"addon guard: {hook} failed: ValueError: boom")

    def test_never_answers(self) -> None:
        """A start that never answers has its deadline."""
        pending = self.begin(self.witness("a", start=lambda: Deferred()), self.witness("b"))
        self.clock.pump([5, 55])
        self.successResultOf(pending)
        self.assertIn("did not answer within 60 s", self.logged("error")[0])
        self.assertIn("b.start", self.seen)

    def test_wrong_addon(self) -> None:
        """An addon that cannot be added is told of at once."""
        self.successResultOf(self.life.add_addon(self.witness("a")))
        self.failureResultOf(self.life.add_addon(self.witness("a")), AddonError)

    def test_own_options(self) -> None:
        """An addon declares options by C{load}; they are there in its first C{configure}."""
        seen: list[Any] = []

        class Declares:
            name = "declares"

            def load(self, loader: ILoader) -> None:
                loader.add_option("depth", "int", 3, "How deep.", unit="meters")

            def configure(self, options: Any, updated: set[str]) -> None:
                seen.append((options.depth, updated))

        self.successResultOf(self.begin(Declares()))
        self.assertEqual(seen, [(3, {"color", "size", "depth"})])
        self.assertEqual((self.options.find("depth").owner, self.options.find("depth").unit), ("declares", "meters"))
        loader = Loader(self.options, "x", self.clock)
        verifyObject(ILoader, loader)
        self.assertIs(loader.reactor, self.clock)

    def test_option_taken(self) -> None:
        """An option that is there already ends startup."""
        one = self.witness("a")
        one.load = lambda loader: loader.add_option("color", "str", "", "Mine.")  # type: ignore[method-assign]
        self.failureResultOf(self.begin(one), OptionsError)


class ReplacementTests(LifecycleTestCase):
    """What C{start} may return."""

    def names(self) -> list[str]:
        return [link.name for link in self.hooks.chain]

    def test_object(self) -> None:
        """An addon takes the place; it is started, the old one gets no further event."""
        self.successResultOf(self.begin(self.witness("a", start=lambda: self.witness("b")), self.witness("c")))
        self.assertEqual(self.names(), ["b", "c"])
        self.assertEqual(self.seen[:4], ["a.load", "a.start", "b.load", "b.start"])
        self.ended()
        self.assertEqual([event for event in self.seen if event.startswith("a.")], ["a.load", "a.start"])
        self.assertIn("b.done", self.seen)

    def test_list(self) -> None:
        """So do several, in their order."""
        self.successResultOf(
            self.begin(self.witness("a", start=lambda: [self.witness("b"), self.witness("c")]), self.witness("d"))
        )
        self.assertEqual(self.names(), ["b", "c", "d"])

    def test_later(self) -> None:
        """A Deferred's result, and a coroutine's."""
        answer: Deferred[object] = Deferred()

        async def start() -> object:
            return self.witness("d")

        pending = self.begin(self.witness("a", start=lambda: answer), self.witness("c", start=start))
        answer.callback(self.witness("b"))
        self.successResultOf(pending)
        self.assertEqual(self.names(), ["b", "d"])

    def test_itself(self) -> None:
        """An addon that returns itself, alone or in a list, stays and is not started again."""
        one, two = self.witness("a"), self.witness("b")
        one.answers["start"] = lambda: one
        two.answers["start"] = lambda: [self.witness("c"), two]
        self.successResultOf(self.begin(one, two))
        self.assertEqual(self.names(), ["a", "c", "b"])
        self.assertEqual(self.seen.count("b.start"), 1)
        self.ended()
        self.assertEqual(self.seen[-3:], ["b.done", "c.done", "a.done"])

    def test_children(self) -> None:
        """The new one's children come with it, the old one's do not."""
        new = self.witness("b", addons=[self.witness("c")])
        self.successResultOf(self.begin(self.witness("a", start=lambda: new, addons=[self.witness("x")])))
        self.assertEqual(self.names(), ["b", "c"])
        self.assertNotIn("x.start", self.seen)

    def test_depth(self) -> None:
        """Replacements replace each other, but not for ever."""

        def next_one(number: int) -> Callable[[], object]:
            return lambda: self.witness(f"a{number}", start=next_one(number + 1)) if number <= self.limit else None

        self.limit = REPLACEMENT_DEPTH
        self.successResultOf(self.begin(self.witness("a", start=next_one(1))))
        self.assertEqual(self.names(), [f"a{REPLACEMENT_DEPTH}"])
        self.setUp()
        self.limit = REPLACEMENT_DEPTH + 1
        self.failureResultOf(self.begin(self.witness("a", start=next_one(1))), AddonError)

    def test_no_addon(self) -> None:
        """A result that is no addon is reported as a mistake, and the addon stays."""
        self.successResultOf(self.begin(self.witness("a", start=True)))
        self.assertEqual(self.names(), ["a"])
        self.assertIn("start returned a bool", self.logged("warn")[0])

    def test_class(self) -> None:
        """A class is instantiated."""

        class New:
            pass

        self.successResultOf(self.begin(self.witness("a", start=New)))
        self.assertEqual(self.names(), ["new"])


class UpdateTests(LifecycleTestCase):
    """Changes of options."""

    def test_changed(self) -> None:
        """Only what is another now is told, to all."""
        self.started(self.witness("a"), self.witness("b"))
        self.successResultOf(self.life.update_options({"color": "blue", "size": 1}))
        self.assertEqual(self.seen, ["a.configure color blue", "b.configure color blue"])
        self.seen.clear()
        self.successResultOf(self.life.update_options({"color": "blue"}))
        self.assertEqual(self.seen, [])

    def test_unknown(self) -> None:
        """A change that the options refuse reaches no addon."""
        self.started(self.witness("a"))
        self.failureResultOf(self.life.update_options({"size": "huge", "color": "blue"}), OptionsError)
        self.assertEqual((self.seen, self.options.color), ([], "red"))

    def test_rolled_back(self) -> None:
        """When an addon refuses, the old values are back and all are told again."""

        def refuse() -> None:
            if self.options.color == "blue":
                raise OptionsError("not blue")

        self.started(self.witness("a"), self.witness("b", configure=refuse), self.witness("c"))
        failure = self.failureResultOf(self.life.update_options({"color": "blue"}), OptionsError)
        self.assertEqual(str(failure.value), "not blue")
        self.assertEqual(self.options.color, "red")
        self.assertEqual(
            self.seen,
            ["a.configure color blue", "b.configure color blue"] + [f"{name}.configure color red" for name in "abc"],
        )
        self.assertEqual(self.events, [])

    def test_refused_twice(self) -> None:
        """An addon that refuses the old values too is only logged, the others are still told."""
        self.started(self.witness("z"))
        bad = self.witness("a")
        self.successResultOf(self.life.add_addon(bad))
        self.successResultOf(self.life.add_addon(self.witness("b")))
        self.seen.clear()
        bad.answers["configure"] = OptionsError("no")
        self.failureResultOf(self.life.update_options({"color": "blue"}), OptionsError)
        self.assertEqual(self.seen[-1], "b.configure color red")
        self.assertEqual(len(self.logged("error")), 1)

    def test_other_failures(self) -> None:
        """Any other failure is logged, and the change stands."""
        one = self.witness("a")
        self.started(one, self.witness("b"))
        one.answers["configure"] = ValueError("boom")
        self.successResultOf(self.life.update_options({"color": "blue"}))
        self.assertEqual(self.options.color, "blue")
        self.assertIn("b.configure color blue", self.seen)
        self.assertEqual(len(self.logged("error")), 1)

    def test_queued(self) -> None:
        """A change is finished, with all handlers, before the next one begins."""
        answer: Deferred[None] = Deferred()
        one = self.witness("a")
        self.started(one, self.witness("b"))
        one.answers["configure"] = lambda: answer
        first = self.life.update_options({"color": "blue"})
        second = self.life.update_options({"color": "green"})
        self.assertEqual((self.seen, self.options.color), (["a.configure color blue"], "blue"))
        one.answers.clear()
        answer.callback(None)
        self.successResultOf(first)
        self.successResultOf(second)
        self.assertEqual(self.seen, [f"{name}.configure color {color}" for color in ("blue", "green") for name in "ab"])

    def test_own_set(self) -> None:
        """An addon that edits the set of names does not disturb the next."""
        self.started()
        seen: list[set[str]] = []

        class Clears:
            def configure(self, updated: set[str]) -> None:
                seen.append(set(updated))
                updated.clear()

        self.successResultOf(self.life.add_addon(Clears()))
        self.successResultOf(self.life.add_addon(type("Second", (Clears,), {})()))
        seen.clear()
        self.successResultOf(self.life.update_options({"color": "blue"}))
        self.assertEqual(seen, [{"color"}, {"color"}])
        self.assertEqual(self.logged("error"), [])
