"""Timeouts of connections, without a timer each."""

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from mitmtw._streams.timeouts import NEVER, Timeouts


class Patient:
    """Something with a deadline."""

    def __init__(self, deadline: float = NEVER) -> None:
        self.deadline = deadline
        self.times = 0

    def timed_out(self) -> None:
        self.times += 1
        assert self.deadline == NEVER


class TimeoutsTests(SynchronousTestCase):
    """One look at all of them, each second or more often."""

    def setUp(self) -> None:
        self.clock = Clock()
        self.timeouts = Timeouts(self.clock)

    def test_fires_once(self) -> None:
        """After the deadline, at the next look, and not again."""
        patient = Patient(1.5)
        self.timeouts.add(patient)
        self.clock.pump([1, 0.9])
        self.assertEqual(patient.times, 0)
        self.clock.pump([0.1, 1, 1])
        self.assertEqual(patient.times, 1)

    def test_moved_on(self) -> None:
        """Only the latest deadline counts."""
        patient = Patient(1)
        self.timeouts.add(patient)
        patient.deadline = 3
        self.clock.pump([1, 1])
        self.assertEqual(patient.times, 0)
        self.clock.advance(1)
        self.assertEqual(patient.times, 1)

    def test_no_timer_without_any(self) -> None:
        """The last one takes the delayed call along."""
        one, two = Patient(), Patient()
        self.assertEqual(self.clock.getDelayedCalls(), [])
        self.timeouts.add(one)
        self.timeouts.add(two)
        self.assertEqual(len(self.clock.getDelayedCalls()), 1)
        self.timeouts.discard(one)
        self.timeouts.discard(one)
        self.assertEqual(len(self.clock.getDelayedCalls()), 1)
        self.timeouts.discard(two)
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_shorter_interval(self) -> None:
        """A timeout is at most a quarter of the shortest late, whether it is told before or after."""
        patient = Patient(0.4)
        self.timeouts.add(patient)
        self.timeouts.shortest(0.4)
        self.timeouts.shortest(100)
        for _ in range(4):
            self.assertEqual(patient.times, 0)
            self.clock.advance(0.1)
        self.assertEqual(patient.times, 1)

    def test_shortest_bound(self) -> None:
        """It is not looked at more often than each 20 ms."""
        self.timeouts.shortest(0.001)
        self.timeouts.add(Patient())
        (call,) = self.clock.getDelayedCalls()
        self.assertEqual(call.getTime(), 0.02)

    def test_one_ends_another(self) -> None:
        """Those that are taken away, or get another deadline, by an earlier one in the same look are left alone."""

        class Ending(Patient):
            def timed_out(inner) -> None:  # noqa: N805
                super().timed_out()
                for other in (first, second):
                    if other is not inner:
                        self.end(other)

        for end in (self.timeouts.discard, lambda other: setattr(other, "deadline", 100)):
            self.end = end
            first, second = Ending(1), Ending(1)
            first.deadline = second.deadline = self.clock.seconds() + 1
            self.timeouts.add(first)
            self.timeouts.add(second)
            self.clock.advance(1)
            self.assertEqual(first.times + second.times, 1)
            self.timeouts.discard(first)
            self.timeouts.discard(second)
