"""Tests of L{mitmtw.model.error}."""

from twisted.trial.unittest import SynchronousTestCase

from mitmtw.model.error import Error


class ErrorTests(SynchronousTestCase):
    def test_error(self) -> None:
        """Message, time, equality, state."""
        error = Error("refused", 3.0)
        self.assertEqual((error.msg, error.timestamp, str(error)), ("refused", 3.0, "refused"))
        self.assertEqual(error, Error("refused", 3.0))
        self.assertNotEqual(error, Error("refused", 4.0))
        self.assertNotEqual(error, "refused")
        self.assertEqual(Error.from_state(error.get_state()), error)
        self.assertEqual(repr(error), "Error('refused', 3.0)")

    def test_time_is_filled_in(self) -> None:
        """An author need not give the time."""
        self.assertTrue(Error("x").timestamp > 1_700_000_000)
