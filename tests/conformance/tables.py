"""What a person reads of the runs: a line for each, then the cases that were not the same."""

from collections.abc import Sequence
from pathlib import Path
from typing import TextIO

from tests.conformance.verdicts import Comparison, Verdict

__all__ = ["Table"]

_COLUMNS = ("cases", *(one.value for one in Verdict), "refused", "leaked", "messages equal", "unequal", "seconds")
_WIDTHS = [max(8, len(column)) for column in _COLUMNS]
_NAME = 30
#: How many cases of a kind are told one by one; all are in a file.
_TOLD = 12


class Table:
    """Writes the lines, each as soon as it is known."""

    def __init__(self, out: TextIO) -> None:
        self._out = out
        self._write("run", _COLUMNS)

    def _write(self, name: str, figures: Sequence[object]) -> None:
        self.say(" ".join([f"{name:{_NAME}}", *(f"{one!s:>{width}}" for one, width in zip(figures, _WIDTHS))]))  # noqa: B905 - a line may be short

    def say(self, text: str) -> None:
        """Write a line of its own."""
        self._out.write(text.rstrip() + "\n")
        self._out.flush()

    def reference(self, name: str, count: int, seconds: float) -> None:
        """Tell of a run without proxy."""
        self._write(name, [count, *[""] * (len(_COLUMNS) - 2), f"{seconds:.0f}"])

    def compared(self, name: str, found: Comparison, seconds: float) -> None:
        """Tell of a run with the proxy."""
        messages: list[object] = [len(found.equal), len(found.unequal)] if found.has_hooks else ["-", "-"]
        verdicts = [len(found.cases(verdict)) for verdict in Verdict]
        others = [len(found.refused), len(found.leaked), *messages, f"{seconds:.0f}"]
        self._write(name, [len(found.verdicts), *verdicts, *others])

    def differences(self, name: str, found: Comparison, path: Path) -> None:
        """
        Tell which cases were not the same.

        @param path: a file for all of them.
        """
        told = {verdict.value: found.cases(verdict) for verdict in Verdict if verdict is not Verdict.SAME}
        told["unequal"] = [f"{case} ({why})" for case, why in found.unequal.items()]
        if found.has_hooks:
            told["leaked"] = found.leaked
        for what, cases in told.items():
            if cases:
                more = f" and {len(cases) - _TOLD} more" if len(cases) > _TOLD else ""
                self.say(f"{name}: {what}: {', '.join(cases[:_TOLD])}{more}")
        path.write_text("".join(f"{what}: {', '.join(cases)}\n" for what, cases in told.items() if cases), "utf-8")
