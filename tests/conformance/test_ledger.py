"""Tests of the ledgers."""

from hashlib import sha256
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from tests.conformance.ledger import Ledger, Tally, case_of, read_ledger


class TallyTests(SynchronousTestCase):
    """Tests of L{Tally}."""

    def total(self, *messages: tuple[bytes, bool]) -> list[object]:
        tally = Tally()
        for content, is_text in messages:
            tally.add(content, is_text)
        return tally.total()

    def test_knows_kind_order_and_cut(self) -> None:
        """The digest differs when the kind, the order or the cut between messages differs."""
        plain = self.total((b"ab", True), (b"c", True))
        self.assertEqual(plain, self.total((b"ab", True), (b"c", True)))
        others = [
            self.total((b"ab", False), (b"c", True)),
            self.total((b"c", True), (b"ab", True)),
            self.total((b"a", True), (b"bc", True)),
        ]
        for other in others:
            self.assertEqual(2, other[0])
            self.assertNotEqual(plain, other)

    def test_has_the_form_of_the_suites_ledger(self) -> None:
        """The digest is over the kind, the length and the content, which is what the Python 2 program writes too."""
        self.assertEqual([1, sha256(b"text 1 x").hexdigest()], self.total((b"x", True)))


class LedgerTests(SynchronousTestCase):
    """Tests of L{Ledger}, L{read_ledger} and L{case_of}."""

    def test_reads_what_it_wrote(self) -> None:
        """Lines come back by their case."""
        path = Path(self.mktemp())
        Ledger(path).write("1.1.1", received=[0, ""])
        Ledger(path).write("1.1.2", received=[1, "x"])
        self.assertEqual({"1.1.1": {"received": [0, ""]}, "1.1.2": {"received": [1, "x"]}}, read_ledger(path))

    def test_marks_a_second_connection(self) -> None:
        """A case that is there twice is marked."""
        path = Path(self.mktemp())
        Ledger(path).write("1.1.1", error=None)
        Ledger(path).write("1.1.1", error="later")
        self.assertEqual({"1.1.1": {"error": "later", "repeated": True}}, read_ledger(path))

    def test_no_file_is_an_empty_ledger(self) -> None:
        """Nobody wrote anything."""
        self.assertEqual({}, read_ledger(self.mktemp()))

    def test_takes_the_case_from_a_path(self) -> None:
        """The case is in the query, or nowhere."""
        self.assertEqual("6.4.1", case_of("/?case=6.4.1"))
        self.assertEqual("7", case_of("http://127.0.0.1:9001/runCase?case=7&agent=client"))
        self.assertEqual("", case_of("/updateReports?agent=client"))
