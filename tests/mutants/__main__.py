"""Run all mutants, or those whose row holds one of the words given; exit status 1 when one of them survives."""

import sys
import tempfile
from pathlib import Path

from tests.mutants.rows import MUTANTS
from tests.mutants.runner import Workshop


def main(words: list[str]) -> int:
    """Run, print a line each."""
    chosen = [each for each in MUTANTS if not words or any(word in each.row for word in words)]
    failures = 0
    with tempfile.TemporaryDirectory(prefix="mutants-") as folder:
        workshop = Workshop(Path(folder))
        for test in sorted({each.test for each in chosen}):
            if not workshop.passes(test):
                failures += 1
                sys.stdout.write(f"FAILS UNBROKEN  {test}\n")
        for mutant in chosen:
            survived = workshop.survives(mutant)
            failures += survived
            sys.stdout.write(f"{'SURVIVED' if survived else 'noticed '}  {mutant.row}  ({mutant.test})\n")
            sys.stdout.flush()
    sys.stdout.write(f"{len(chosen)} mutants, {failures} not noticed\n")
    return 1 if failures or not chosen else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
