"""Tests for L{mitmtw._hooks.ticker}."""

from twisted.internet.defer import Deferred
from typing_extensions import override

from mitmtw._hooks.ticker import Ticker
from mitmtw.addon import StopChain
from tests._hooks.fakes import HooksTestCase, addon


class TickTests(HooksTestCase):
    """The regular call."""

    @override
    def setUp(self) -> None:
        super().setUp()
        self.interval = 0.5
        self.ticker = Ticker(self.hooks, self.clock, lambda: self.interval)
        self.ticks: list[str] = []

    def test_regular(self) -> None:
        """Every interval, the first after one; none after the stop."""
        self.add(addon(tick=lambda: self.ticks.append("a")))
        self.clock.advance(1)
        self.ticker.start()
        self.assertEqual(self.ticks, [])
        self.clock.pump([0.5] * 3)
        self.assertEqual(self.ticks, ["a"] * 3)
        self.ticker.stop()
        self.clock.advance(5)
        self.assertEqual(self.ticks, ["a"] * 3)
        self.assert_nothing_left()

    def test_nobody(self) -> None:
        """Nothing is scheduled while nobody listens; it begins with the first who does, and ends with the last."""
        self.ticker.start()
        self.assert_nothing_left()
        one = addon(tick=lambda: self.ticks.append("a"))
        self.add(one)
        self.clock.advance(0.5)
        self.assertEqual(self.ticks, ["a"])
        self.hooks.remove(one, drain=0)
        self.clock.advance(0)
        self.assert_nothing_left()

    def test_changed_interval(self) -> None:
        """The interval is asked anew before each."""
        self.add(addon(tick=lambda: self.ticks.append("a")))
        self.ticker.start()
        self.interval = 2
        self.clock.advance(0.5)
        self.clock.advance(1.9)
        self.assertEqual(self.ticks, ["a"])
        self.clock.advance(0.1)
        self.assertEqual(self.ticks, ["a"] * 2)

    def test_no_overlap(self) -> None:
        """An addon whose last tick is pending is left out, others are not."""
        answers: list[Deferred[None]] = []

        def slow() -> "Deferred[None]":
            answers.append(Deferred())
            return answers[-1]

        self.add(addon(name="slow", tick=slow), addon(name="quick", tick=lambda: self.ticks.append("a")))
        self.ticker.start()
        self.clock.pump([0.5] * 4)
        self.assertEqual((len(answers), len(self.ticks)), (1, 4))
        answers[0].callback(None)
        self.clock.advance(0.5)
        self.assertEqual((len(answers), len(self.ticks)), (2, 5))

    def test_failures(self) -> None:
        """A tick that fails is logged, and comes again; a wrong result is reported."""

        def boom() -> None:
            raise ValueError("boom")

        def stop() -> None:
            raise StopChain

        self.add(addon(name="stops", tick=stop), addon(name="fails", tick=boom), addon(name="wrong", tick=lambda: 7))
        self.ticker.start()
        self.clock.pump([0.5] * 2)
        self.assertEqual(len(self.logged("error")), 2)
        self.assertEqual(len(self.logged("warn")), 1)
