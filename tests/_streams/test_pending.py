"""What a run waits for at little cost."""

from typing import Any

from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase

from mitmtw._streams.run import Pending, Run
from mitmtw.errors import ClientGone, UpstreamClosed


class PendingTests(SynchronousTestCase):
    """One run that waits for one thing."""

    def setUp(self) -> None:
        self.forgotten: list[str] = []
        self.seen: list[Any] = []
        self.pending: Pending[str] = Pending(lambda: self.forgotten.append("forgotten"))
        self.run_of_it = Run(self.wait(), lambda: self.seen.append("ended"))

    async def wait(self) -> None:
        """Wait, and write down what comes of it."""
        try:
            self.seen.append(await self.pending)
        except (ClientGone, UpstreamClosed) as error:
            self.seen.append(type(error))

    def test_later(self) -> None:
        """A result that comes later wakes the run, in that turn, and leaves no circle of references."""
        self.run_of_it.start()
        self.assertEqual(self.seen, [])
        self.pending.callback("head")
        self.assertEqual((self.seen, self.forgotten), (["head", "ended"], []))
        self.assertIsNone(self.pending._argument)

    def test_earlier(self) -> None:
        """A result that is there already is taken without waiting."""
        self.pending.callback("head")
        self.run_of_it.start()
        self.assertEqual(self.seen, ["head", "ended"])

    def test_error(self) -> None:
        """An error is raised where the run waits, whether it comes before or after."""
        self.run_of_it.start()
        self.pending.errback(UpstreamClosed("gone"))
        self.assertEqual(self.seen, [UpstreamClosed, "ended"])
        early: Pending[str] = Pending(lambda: None)
        early.errback(UpstreamClosed("gone"))
        results: list[Any] = []
        early.addBoth(lambda result, argument: results.append((result, argument)), 5)
        self.assertIsInstance(results[0][0], Failure)
        self.assertEqual(results[0][1], 5)

    def test_cancelled(self) -> None:
        """A run that is cancelled ends in that turn, who would have fired is told, and a late result does nothing."""
        self.run_of_it.start()
        self.run_of_it.cancel(ClientGone("gone"))
        self.assertEqual((self.seen, self.forgotten), ([ClientGone, "ended"], ["forgotten"]))
        self.pending.callback("late")
        self.assertEqual(self.seen, [ClientGone, "ended"])
