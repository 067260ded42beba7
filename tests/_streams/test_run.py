"""The driver of a coroutine: results, failures, cancellation in the same turn."""

from collections.abc import Callable, Coroutine
from typing import Any

from twisted.internet.defer import Deferred, fail, succeed
from twisted.trial.unittest import SynchronousTestCase

from mitmtw._streams.run import Run
from mitmtw.errors import ClientGone, Killed, MitmtwError, UpstreamClosed


class RunTests(SynchronousTestCase):
    """One coroutine."""

    def setUp(self) -> None:
        self.seen: list[Any] = []

    def run_of(self, coroutine: Coroutine[Any, Any, None]) -> Run:
        """A run that was started; its end is noted."""
        run = Run(coroutine, lambda: self.seen.append("ended"))
        run.start()
        return run

    def waiting(self, *awaited: Deferred[Any], then: Callable[[], None] = lambda: None) -> Run:
        """A coroutine that awaits these and notes results and failures."""

        async def coroutine() -> None:
            for deferred in awaited:
                try:
                    self.seen.append(await deferred)
                except MitmtwError as error:
                    self.seen.append(type(error))
            then()

        return self.run_of(coroutine())

    def test_without_a_wait(self) -> None:
        """It is over when start returns."""
        run = self.waiting()
        self.assertTrue(run.ended)
        self.assertEqual(self.seen, ["ended"])

    def test_nothing_before_start(self) -> None:
        """A run that was not started runs nothing."""

        async def coroutine() -> None:
            self.seen.append("run")

        run = Run(coroutine(), lambda: None)
        self.assertEqual(self.seen, [])
        run.start()
        self.assertEqual(self.seen, ["run"])

    def test_results_and_failures(self) -> None:
        """Both of Deferreds that have fired and of those that fire later, in order."""
        later: Deferred[Any] = Deferred()
        failing: Deferred[Any] = Deferred()
        run = self.waiting(succeed(1), fail(UpstreamClosed("x")), later, failing)
        self.assertEqual(self.seen, [1, UpstreamClosed])
        later.callback(2)
        self.assertFalse(run.ended)
        failing.errback(Killed("x"))
        self.assertEqual(self.seen, [1, UpstreamClosed, 2, Killed, "ended"])

    def test_fired_results_do_not_deepen_the_stack(self) -> None:
        """Ten thousand Deferreds that have results and pass through a callback each."""
        total = 0

        async def coroutine() -> None:
            nonlocal total
            for _ in range(10000):
                deferred: Deferred[int] = Deferred()
                deferred.callback(1)
                deferred.pause()  # so that it is really awaited, and fires inside of addBoth
                deferred.unpause()
                total += await deferred

        self.assertTrue(self.run_of(coroutine()).ended)
        self.assertEqual(total, 10000)

    def test_cancel_in_the_same_turn(self) -> None:
        """The reason arrives before cancel returns, and what was awaited is cancelled."""
        cancelled: list[Any] = []
        deferred: Deferred[Any] = Deferred(cancelled.append)
        run = self.waiting(deferred)
        run.cancel(ClientGone("x"))
        self.assertEqual((self.seen, cancelled, run.ended), ([ClientGone, "ended"], [deferred], True))

    def test_canceller_that_answers(self) -> None:
        """Its result is dropped: the reason counts."""
        run = self.waiting(Deferred(lambda deferred: deferred.callback("late")))
        run.cancel(Killed("x"))
        self.assertEqual(self.seen, [Killed, "ended"])

    def test_late_result_and_failure(self) -> None:
        """What was awaited fires after all: nothing happens, and no failure is left unhandled."""
        held: list[Deferred[Any]] = []

        class Stubborn(Deferred[Any]):
            def cancel(self) -> None:
                held.append(self)

        run = self.waiting(first := Stubborn())
        run.cancel(Killed("x"))
        first.callback("late")
        run = self.waiting(second := Stubborn())
        run.cancel(Killed("x"))
        second.errback(ZeroDivisionError())
        self.assertEqual(self.seen, [Killed, "ended"] * 2)
        self.assertEqual(held, [first, second])

    def test_cancel_while_it_runs(self) -> None:
        """A coroutine that cancels itself learns it at its next wait; what it awaits there is cancelled."""
        cancelled: list[Any] = []
        deferred: Deferred[Any] = Deferred(cancelled.append)

        async def coroutine() -> None:
            run.cancel(Killed("x"))
            self.seen.append("still here")
            try:
                await deferred
            except Killed:
                self.seen.append("killed")

        run = Run(coroutine(), lambda: self.seen.append("ended"))
        run.start()
        self.assertEqual((self.seen, cancelled), (["still here", "killed", "ended"], [deferred]))

    def test_told(self) -> None:
        """A coroutine that knows already is not told again at its next wait."""
        deferred: Deferred[Any] = Deferred()

        async def coroutine() -> None:
            run.cancel(Killed("x"))
            run.told()
            self.seen.append(await deferred)

        run = Run(coroutine(), lambda: None)
        run.start()
        run.cancel(ClientGone("x"))
        deferred.callback("result")
        self.assertEqual(self.seen, ["result"])

    def test_first_reason_counts(self) -> None:
        """While a coroutine deals with an end, another reason does not disturb it."""
        for first, second in ((Killed, ClientGone), (ClientGone, Killed), (UpstreamClosed, UpstreamClosed)):
            self.seen.clear()
            after: Deferred[Any] = Deferred()
            run = self.waiting(Deferred(), after)
            run.cancel(first("x"))
            run.cancel(second("x"))
            self.assertEqual(self.seen, [first])
            after.callback("done")
            self.assertEqual(self.seen, [first, "done", "ended"])

    def test_gone_ends_what_is_done_about_an_earlier_reason(self) -> None:
        """There is nobody left to talk to."""
        for last in (Killed, ClientGone):
            self.seen.clear()
            run = self.waiting(Deferred(), Deferred())
            run.cancel(UpstreamClosed("x"))
            run.cancel(last("x"))
            self.assertEqual(self.seen, [UpstreamClosed, last, "ended"])

    def test_cancel_after_the_end(self) -> None:
        """It means nothing."""
        run = self.waiting()
        run.cancel(Killed("x"))
        self.assertEqual(self.seen, ["ended"])

    def test_unforeseen_failure(self) -> None:
        """An exception that leaves the coroutine is logged, and its end told."""

        async def coroutine() -> None:
            raise ZeroDivisionError

        run = self.run_of(coroutine())
        self.assertTrue(run.ended)
        self.assertEqual(self.seen, ["ended"])
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 1)
