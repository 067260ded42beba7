"""The processes of a run: each has a directory, writes its output there, and is ended with the run."""

import os
import re
import subprocess
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

__all__ = ["ROOT", "Program", "ProgramFailed"]

ROOT = Path(__file__).resolve().parents[2]
#: Seconds to start listening; a proxy makes its certificate authority in that time.
_START = 60.0
#: Seconds to end after it was asked to; a proxy drains its flows for five.
_STOP = 20.0
_PORT = re.compile(r"(?:listening on port |proxy listens on .*port=)(\d+)")
#: A proxy that the machine prescribes to all programs would come between us and ourselves.
_FOREIGN = re.compile(r"(?i)(all|http|https|no|ws|wss)_proxy")


class ProgramFailed(Exception):
    """A program ended, or did nothing, when it should have done something; the message has its last lines."""


class Program:
    """A process, as a context manager: it has ended when the context has."""

    def __init__(
        self, name: str, argv: Sequence[str | Path], directory: Path, environment: Mapping[str, str] = {}
    ) -> None:  # fmt: skip
        """@param directory: gets its output as C{NAME.txt}."""
        self._name = name
        self._output = directory / f"{name}.txt"
        inherited = {key: value for key, value in os.environ.items() if not _FOREIGN.fullmatch(key)}
        with self._output.open("wb") as output:
            self._process = subprocess.Popen(
                argv, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT, cwd=ROOT,
                env={**inherited, "PYTHONPATH": str(ROOT), **environment},
            )  # fmt: skip

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self._process.poll() is None:
            self._process.terminate()
            try:
                self._process.wait(_STOP)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()

    def port(self) -> int:
        """
        Wait until it says where it listens.

        @raise ProgramFailed: it did not.
        """
        deadline = time.monotonic() + _START
        while time.monotonic() < deadline:
            found = _PORT.search(self._output.read_text("utf-8", "replace"))
            if found is not None:
                return int(found[1])
            if self._process.poll() is not None:
                break
            time.sleep(0.05)
        raise self._failed("does not listen")

    def finish(self, seconds: float) -> None:
        """
        Wait until it has done its work.

        @raise ProgramFailed: it failed, or it took longer than C{seconds}.
        """
        try:
            status = self._process.wait(seconds)
        except subprocess.TimeoutExpired:
            raise self._failed(f"is not done after {seconds:.0f} seconds") from None
        if status:
            raise self._failed(f"ended with status {status}")

    def _failed(self, what: str) -> ProgramFailed:
        last = self._output.read_text("utf-8", "replace").splitlines()[-15:]
        return ProgramFailed("\n".join([f"{self._name} {what}:", *last]))
