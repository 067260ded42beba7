"""The mutants' patches apply, and a few of them are run."""

import tempfile
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from tests.mutants.rows import MUTANTS
from tests.mutants.runner import Mutant, Workshop

_RUN = 5  # mutants that the suite runs itself; all of them take a minute


class MutantTests(SynchronousTestCase):
    """See L{tests.mutants}."""

    def test_apply(self) -> None:
        """Each patch finds its piece of code, changes it, and leaves a file that can be read; no row is there twice."""
        for mutant in MUTANTS:
            mutant.applied()
        rows = [mutant.row for mutant in MUTANTS]
        self.assertEqual(sorted(rows), sorted(set(rows)))

    def test_noticed(self) -> None:
        """A few of them, spread over the list, are noticed by tests that pass without them."""
        chosen = MUTANTS[:: max(1, len(MUTANTS) // _RUN)][:_RUN]
        with tempfile.TemporaryDirectory(prefix="mutants-") as folder:
            workshop = Workshop(Path(folder))
            self.assertTrue(workshop.passes({mutant.test for mutant in chosen}), workshop.said)
            for mutant in chosen:
                self.assertFalse(workshop.survives(mutant), mutant.row)


class PlaceTests(SynchronousTestCase):
    """Where a patch applies."""

    def place(self, old: str, **files: str) -> str:
        """The name of the file that is found for a piece said to be in C{a.py}."""
        package = Path(self.mktemp()) / "mitmtw"
        package.mkdir(parents=True)
        for name, text in files.items():
            (package / f"{name}.py").write_text(text, encoding="utf-8")
        return Mutant("", "a.py", old, "", "").place(package.parent).stem

    def test_own_file(self) -> None:
        """The file that is named, also when others hold the piece too."""
        self.assertEqual(self.place("x", a="x", b="x"), "a")

    def test_moved(self) -> None:
        """The one file that the piece has moved to."""
        self.assertEqual(self.place("x", a="y", b="x"), "b")
        self.assertEqual(self.place("x", b="x"), "b")

    def test_ambiguous(self) -> None:
        """Twice in its file, or in two other ones, or nowhere: the patch is out of date."""
        for files in ({"a": "x x", "b": "x"}, {"b": "x", "c": "x"}, {"b": "x x"}, {"a": "y"}):
            self.assertRaises(ValueError, self.place, "x", **files)
