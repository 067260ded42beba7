"""
Run all mutants, or those whose row holds one of the words given; C{-v} shows how each test fails. Exit status 1 when
one of them survives.
"""

import sys
import tempfile
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from queue import SimpleQueue

from tests.mutants.rows import MUTANTS
from tests.mutants.runner import Mutant, Workshop

_WORKSHOPS = 2  # at one time; a run is a process of its own


def _broken_before(workshop: Workshop, tests: Sequence[str]) -> list[str]:
    """The tests that fail with nothing broken: what they say of a mutant means nothing."""
    if workshop.passes(tests):
        return []
    return [test for test in tests if not workshop.passes([test])]


def _run(chosen: Sequence[Mutant], folder: Path, is_wordy: bool) -> int:
    """Run these and print a line each, in their order; how many were not noticed."""
    first = Workshop(folder / "0")
    free: SimpleQueue[Workshop] = SimpleQueue()
    free.put(first)
    for number in range(1, _WORKSHOPS):
        free.put(Workshop(folder / str(number), first.folder))

    def survives(mutant: Mutant) -> tuple[bool, str]:
        workshop = free.get()
        try:
            return workshop.survives(mutant), workshop.said
        finally:
            free.put(workshop)

    broken = _broken_before(first, sorted({each.test for each in chosen}))
    for test in broken:
        sys.stdout.write(f"FAILS UNBROKEN  {test}\n")
    survivors = 0
    with ThreadPoolExecutor(_WORKSHOPS) as pool:
        for mutant, (is_alive, said) in zip(chosen, pool.map(survives, chosen), strict=True):
            survivors += is_alive
            sys.stdout.write(f"{'SURVIVED' if is_alive else 'noticed '}  {mutant.row}  ({mutant.test})\n")
            if is_wordy and said:
                sys.stdout.write(f"{said}\n")
            sys.stdout.flush()
    sys.stdout.write(f"{len(chosen)} mutants, {survivors} not noticed, {len(broken)} tests fail by themselves\n")
    return survivors + len(broken)


def main(arguments: list[str]) -> int:
    """Choose, run; the exit status."""
    words = [each for each in arguments if each != "-v"]
    chosen = [each for each in MUTANTS if not words or any(word in each.row for word in words)]
    if not chosen:
        sys.stdout.write("no row holds one of these words\n")
        return 1
    with tempfile.TemporaryDirectory(prefix="mutants-") as folder:
        return 1 if _run(chosen, Path(folder), "-v" in arguments) else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
