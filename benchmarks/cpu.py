"""
The processor time and the memory of a process, as Linux tells them in C{/proc}.
"""

import os
from pathlib import Path

__all__ = ["cpu_seconds", "memory_bytes"]

_TICKS = os.sysconf("SC_CLK_TCK")  # per second
# Places of utime, stime, cutime and cstime behind the name in parentheses, which may hold blanks itself (proc(5)).
_TIMES = slice(11, 15)


def cpu_seconds(pid: int) -> float:
    """
    User and system time of a process, its ended children and its living ones.

    @raise OSError: it has ended.
    """
    fields = Path(f"/proc/{pid}/stat").read_text("latin-1").rpartition(")")[2].split()
    own = sum(int(ticks) for ticks in fields[_TIMES]) / _TICKS
    return own + sum(cpu_seconds(child) for child in _children(pid))


def _children(pid: int) -> list[int]:
    """The living children of a process; none where the system does not tell."""
    found: list[int] = []
    for path in Path(f"/proc/{pid}/task").glob("*/children"):
        try:
            found.extend(int(word) for word in path.read_text().split())
        except OSError:
            continue
    return found


def memory_bytes(pid: int | str = "self") -> int:
    """The resident memory of a process."""
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")
