"""The mutants' patches apply, and a few of them are run."""

import tempfile
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from tests.mutants.rows import MUTANTS
from tests.mutants.runner import ROOT, Workshop


class MutantTests(SynchronousTestCase):
    """See L{tests.mutants}."""

    def test_apply(self) -> None:
        """Each patch finds its piece of code, and changes it."""
        for mutant in MUTANTS:
            text = (ROOT / "mitmtw" / mutant.path).read_text(encoding="utf-8")
            self.assertNotEqual(mutant.applied(), text, mutant.row)

    def test_noticed(self) -> None:
        """A few of them, spread over the list, are noticed."""
        with tempfile.TemporaryDirectory(prefix="mutants-") as folder:
            workshop = Workshop(Path(folder))
            for mutant in MUTANTS[:: max(1, len(MUTANTS) // 4)]:
                self.assertFalse(workshop.survives(mutant), mutant.row)
