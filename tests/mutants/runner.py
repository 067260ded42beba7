"""Applies a patch to a copy of the package and sees whether the named test fails."""

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

__all__ = ["ROOT", "Mutant", "Workshop"]

ROOT = Path(__file__).resolve().parent.parent.parent
_SECONDS = 120  # seconds that one run of a test may take; a mutant that hangs is noticed too


@dataclass(frozen=True, slots=True)
class Mutant:
    """
    One broken promise.

    @ivar row: the row of the acceptance list, in its words.
    @ivar path: the file, below the package's folder.
    @ivar old: a piece of it that occurs once.
    @ivar new: what takes its place.
    @ivar test: the test that must fail, as trial names it.
    """

    row: str
    path: str
    old: str
    new: str
    test: str

    def applied(self, root: Path = ROOT) -> str:
        """
        The file's text with the patch.

        @raise ValueError: the piece does not occur exactly once: code and patch have drifted apart.
        """
        text = (root / "mitmtw" / self.path).read_text(encoding="utf-8")
        if text.count(self.old) != 1:
            raise ValueError(f"{self.row}: the piece occurs {text.count(self.old)} times in {self.path}: {self.old!r}")
        return text.replace(self.old, self.new)


class Workshop:
    """A copy of the package and its tests, to be broken one promise at a time."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        ignored = shutil.ignore_patterns("__pycache__", "_trial_temp*")
        for name in ("mitmtw", "tests", "twisted"):
            shutil.copytree(ROOT / name, folder / name, ignore=ignored)

    def passes(self, test: str) -> bool:
        """Whether a test passes in the copy as it is now."""
        command = [sys.executable, "-B", "-m", "twisted.trial", "--temp-directory", str(self._folder / "_trial"), test]
        environment = {**os.environ, "PYTHONPATH": str(self._folder)}
        try:
            done = subprocess.run(
                command, cwd=self._folder, env=environment, capture_output=True, timeout=_SECONDS, check=False
            )
        except subprocess.TimeoutExpired:
            return False
        if b"Ran 0 tests" in done.stdout or b"Could not" in done.stderr:
            raise ValueError(f"there is no test {test}")
        return done.returncode == 0

    def survives(self, mutant: Mutant) -> bool:
        """Whether the test passes with the promise broken: then it proves nothing."""
        path = self._folder / "mitmtw" / mutant.path
        whole = path.read_text(encoding="utf-8")
        path.write_text(mutant.applied(), encoding="utf-8")
        try:
            return self.passes(mutant.test)
        finally:
            path.write_text(whole, encoding="utf-8")
