"""
What one party of a WebSocket conversation saw of it, one JSON line a connection: the echo server, the addon in the
proxy, and the test suite write the same form, so that their files can be compared.
"""

import json
from hashlib import sha256
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

__all__ = ["Ledger", "Tally", "case_of", "read_ledger"]


class Tally:
    """
    Counts messages of one direction, and digests them in their order: of kind, length and content.

    @ivar count: how many there were.
    """

    def __init__(self) -> None:
        self.count = 0
        self._digest = sha256()

    def add(self, content: bytes, is_text: bool) -> None:
        """Count one."""
        self.count += 1
        self._digest.update(b"%s %d " % (b"text" if is_text else b"binary", len(content)))
        self._digest.update(content)

    def total(self) -> list[Any]:
        """The count and the digest."""
        return [self.count, self._digest.hexdigest()]


class Ledger:
    """A file of JSON lines; each is whole on the disk when C{write} returns."""

    def __init__(self, path: str | Path) -> None:
        self._path = Path(path)

    def write(self, case: str, **seen: Any) -> None:
        """Add a line: C{case}, and what was seen of it."""
        with self._path.open("a", encoding="utf-8") as lines:
            lines.write(json.dumps({"case": case, **seen}) + "\n")


def read_ledger(path: str | Path) -> dict[str, dict[str, Any]]:
    """
    The lines of a ledger by their case; empty where there is no such file.

    A case that is there twice keeps its last line, with C{repeated} set: no case has two connections.
    """
    found: dict[str, dict[str, Any]] = {}
    if not Path(path).exists():
        return found
    for text in Path(path).read_text("utf-8").splitlines():
        line = json.loads(text)
        case = line.pop("case")
        if case in found:
            line["repeated"] = True
        found[case] = line
    return found


def case_of(resource: str) -> str:
    """The case that a request's path names in its query; empty when it names none."""
    return parse_qs(urlsplit(resource).query).get("case", [""])[0]
