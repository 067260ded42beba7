"""Applies a patch to a copy of the package and sees whether the named test fails."""

import compileall
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import takewhile
from pathlib import Path

__all__ = ["ROOT", "Mutant", "Workshop"]

ROOT = Path(__file__).resolve().parent.parent.parent
_SECONDS = 60  # seconds that one run may take; a mutant that hangs is noticed too
_SHOWN_LINES = 4  # of the sentence with which a test fails
_RAN = re.compile(rb"^Ran (\d+) tests? in ", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Mutant:
    """
    One broken promise.

    @ivar row: the row of the acceptance list, in its words.
    @ivar path: the file, below the package's folder; if the piece is not there, see L{place}.
    @ivar old: a piece of it that occurs once.
    @ivar new: what takes its place.
    @ivar test: the test that must fail, as trial names it.
    """

    row: str
    path: str
    old: str
    new: str
    test: str

    def place(self, root: Path = ROOT) -> Path:
        """
        The file that holds the piece. It is C{path}; when code has moved and that holds the piece no more, it is the
        one file of the package that does, so that a file may be split or renamed without a change here.

        @raise ValueError: the piece does not occur exactly once: code and patch have drifted apart.
        """
        package = root / "mitmtw"
        path = package / self.path
        times = _count(path, self.old)
        if times == 1:
            return path
        if times == 0:
            elsewhere = [each for each in sorted(package.rglob("*.py")) if _count(each, self.old)]
            if len(elsewhere) == 1 and _count(elsewhere[0], self.old) == 1:
                return elsewhere[0]
            times = sum(_count(each, self.old) for each in elsewhere)
        raise ValueError(f"{self.row}: the piece occurs {times} times, it should be once in {self.path}: {self.old!r}")

    def applied(self, root: Path = ROOT) -> str:
        """
        The text of the file with the patch.

        @raise ValueError: as L{place}; or the patch changes nothing.
        @raise SyntaxError: the patch breaks the whole file, so that every test would fail.
        """
        path = self.place(root)
        before = path.read_text(encoding="utf-8")
        after = before.replace(self.old, self.new)
        if after == before:
            raise ValueError(f"{self.row}: the patch changes nothing")
        compile(after, str(path), "exec")
        return after


def _count(path: Path, piece: str) -> int:
    return path.read_text(encoding="utf-8").count(piece) if path.is_file() else 0


class Workshop:
    """
    A copy of the package and its tests, to be broken one promise at a time.

    @ivar said: how the last test that did not pass has failed, a few lines.
    """

    def __init__(self, folder: Path, source: Path = ROOT) -> None:
        """@param source: what is copied; another workshop's folder, when two are to be the same."""
        self.folder = folder
        self.said = ""
        ignored = shutil.ignore_patterns("_trial_temp*")
        for name in ("mitmtw", "tests", "twisted"):
            shutil.copytree(source / name, folder / name, ignore=ignored)
        # Run with -B, or a patched file could be taken for another one of the same second: so what is not patched has
        # to be compiled before.
        compileall.compile_dir(folder / "mitmtw", quiet=2)

    def passes(self, tests: Iterable[str]) -> bool:
        """
        Whether tests pass in the copy as it is now.

        @raise ValueError: there is no such test.
        """
        names = list(tests)
        command = [sys.executable, "-B", "-m", "twisted.trial", "--temp-directory", str(self.folder / "_trial"), *names]
        environment = {**os.environ, "PYTHONPATH": str(self.folder)}
        self.said = ""
        try:
            done = subprocess.run(
                command, cwd=self.folder, env=environment, capture_output=True, timeout=_SECONDS, check=False
            )
        except subprocess.TimeoutExpired:
            self.said = "it hangs"
            return False
        ran = _RAN.search(done.stdout)
        if ran is None or int(ran[1]) < len(names):
            raise ValueError(f"not all of these tests are there: {', '.join(names)}")
        self.said = _failure(done.stdout.decode("utf-8", "replace"))
        return done.returncode == 0

    def survives(self, mutant: Mutant) -> bool:
        """Whether the test passes with the promise broken: then it proves nothing."""
        path = mutant.place(self.folder)
        whole, before = path.read_text(encoding="utf-8"), path.stat()
        path.write_text(mutant.applied(self.folder), encoding="utf-8")
        # Never the time for which the whole file was compiled, whatever the clock says.
        os.utime(path, (before.st_atime, before.st_mtime + 10))
        try:
            return self.passes([mutant.test])
        finally:
            path.write_text(whole, encoding="utf-8")
            os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


def _failure(output: str) -> str:
    """The line of the test at which it failed first, and with what sentence."""
    _, _, said = output.partition("=" * 79)
    said, _, _ = said.partition("=" * 79)
    lines = said.splitlines()
    frames = [number for number, line in enumerate(lines) if line.startswith('  File "')]
    of_tests = [number for number in frames if "/tests/" in lines[number]]
    shown = lines[of_tests[-1] : of_tests[-1] + 2] if of_tests else []
    sentence = list(takewhile(str.strip, lines[frames[-1] + 2 if frames else 1 :]))
    return "\n".join(f"    {line.strip()[:200]}" for line in [*shown, *sentence[:_SHOWN_LINES]])
