"""Tests of the lines that people read."""

from io import StringIO
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from tests.conformance.tables import Table
from tests.conformance.verdicts import Comparison, Verdict


class TableTests(SynchronousTestCase):
    """Tests of L{Table}."""

    def setUp(self) -> None:
        self.out = StringIO()
        self.table = Table(self.out)

    def words(self) -> list[list[str]]:
        """The words of each line but the first."""
        return [line.split() for line in self.out.getvalue().splitlines()[1:]]

    def test_figures(self) -> None:
        """A line has all figures in the order of the columns; without hooks there are no messages."""
        verdicts = {"1": Verdict.SAME, "2": Verdict.SAME, "3": Verdict.STRICTER, "4": Verdict.LATER, "5": Verdict.WORSE}
        self.table.compared("with", Comparison(verdicts, ["3", "4"], [], ["1", "2", "3"], {"5": "why"}), 1.6)
        self.table.compared("without", Comparison(verdicts, [], ["3"], [], {}), 1.6)
        self.assertEqual(
            [
                ["with", "5", "2", "1", "1", "1", "2", "0", "3", "1", "2"],
                ["without", "5", "2", "1", "1", "1", "0", "1", "-", "-", "2"],
            ],
            self.words(),
        )
        header, line, _ = self.out.getvalue().splitlines()
        self.assertEqual(len(header), len(line))

    def test_reference(self) -> None:
        """A run without proxy has a count and a time."""
        self.table.reference("direct", 90, 2.0)
        self.assertEqual([["direct", "90", "2"]], self.words())

    def test_differences(self) -> None:
        """The first cases of each kind are told, all are in the file; bad frames only where messages are read."""
        cases = [f"1.1.{number}" for number in range(20)]
        path = Path(self.mktemp())
        found = Comparison(dict.fromkeys(cases, Verdict.WORSE), [], ["3.1"], [], {"2.1": "one less"})
        self.table.differences("run", found, path)
        self.assertEqual(
            [
                f"run: worse: {', '.join(cases[:12])} and 8 more",
                "run: unequal: 2.1 (one less)",
                "run: leaked: 3.1",
            ],
            self.out.getvalue().splitlines()[1:],
        )
        self.assertIn("1.1.19", path.read_text("utf-8"))
        self.table.differences("opaque", Comparison({}, [], ["3.1"], [], {}), path)
        self.assertEqual(4, len(self.out.getvalue().splitlines()))
        self.assertEqual("", path.read_text("utf-8"))
