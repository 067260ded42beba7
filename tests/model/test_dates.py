"""Tests of L{mitmtw.model.dates}."""

from twisted.trial.unittest import SynchronousTestCase

from mitmtw.model.dates import format_date, parse_date


class DateTests(SynchronousTestCase):
    def test_three_forms(self) -> None:
        """RFC 9110 5.6.7: the same moment in its three spellings."""
        for text in ("Sun, 06 Nov 1994 08:49:37 GMT", "Sunday, 06-Nov-94 08:49:37 GMT", "Sun Nov  6 08:49:37 1994"):
            self.assertEqual(parse_date(text), 784111777, text)

    def test_century(self) -> None:
        """RFC 6265 5.1.1: two digits below 70 are in this century."""
        self.assertEqual(parse_date("Thursday, 01-Jan-70 00:00:00 GMT"), 0)
        self.assertEqual(parse_date("Friday, 01-Jan-27 00:00:00 GMT"), parse_date("Fri, 01 Jan 2027 00:00:00 GMT"))

    def test_no_date(self) -> None:
        """What is no date is None."""
        for text in ("", "0", "Sun, 06 Nox 1994 08:49:37 GMT", "Sun, 06 Nov 1994 08:49:37 +0100", "-1"):
            self.assertIsNone(parse_date(text), text)

    def test_format(self) -> None:
        """The preferred form, fractions cut off."""
        self.assertEqual(format_date(784111777.9), "Sun, 06 Nov 1994 08:49:37 GMT")
