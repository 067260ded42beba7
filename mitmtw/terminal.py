"""
Text for a person's terminal: nothing that a peer sent may move the cursor, colour the screen or fake a log line.
"""

import re
import sys
from collections.abc import Sequence
from typing import Final, TextIO

from twisted.logger import (
    FileLogObserver,
    FilteringLogObserver,
    ILogFilterPredicate,
    ILogObserver,
    LogEvent,
    LogLevel,
    LogLevelFilterPredicate,
    eventAsText,
)
from twisted.python.failure import Failure

__all__ = ["SHOWN", "TerminalLog", "escaped", "format_event", "say"]

# C0, DEL and C1 control characters; line and paragraph separators; marks that turn the direction of writing; and
# surrogates, which cannot be encoded.
_UNSAFE: Final = re.compile("[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")

#: A true value under this key in a log event says that its message stands on the terminal already.
SHOWN: Final = "mitmtw_shown"


def escaped(text: str) -> str:
    r"""Write control characters as C{\xNN} or C{\uNNNN}, so that the text is one line and does nothing else."""
    return _UNSAFE.sub(_escape, text)


def _escape(found: "re.Match[str]") -> str:
    code = ord(found[0])
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}"


def say(stream: TextIO, message: str) -> None:
    """Write one line that begins with the program's name."""
    stream.write(f"mitmtw: {escaped(message)}\n")
    stream.flush()


def format_event(event: LogEvent) -> str:
    """
    Give a log event as a line, and its traceback as lines that begin with a tab.

    Every line is escaped by itself; the tab tells what an exception's message claims from what was logged.
    """
    lines = [escaped(eventAsText(event, includeTraceback=False))]
    failure = event.get("log_failure")
    if isinstance(failure, Failure):
        lines.extend("\t" + escaped(line) for line in failure.getTraceback().splitlines())
    return "\n".join(lines) + "\n"


class TerminalLog:
    """
    Log lines from a level on, on one stream.

    @ivar observer: what is to be added to the log.
    """

    observer: ILogObserver

    def __init__(self, level: str, stream: TextIO | None = None) -> None:
        self._levels = LogLevelFilterPredicate()
        self.set_level(level)
        predicates: Sequence[ILogFilterPredicate] = [self._levels]
        lines = FileLogObserver(sys.stderr if stream is None else stream, _format_unless_shown)
        self.observer = FilteringLogObserver(lines, predicates)

    def set_level(self, level: str) -> None:
        """Print from this level on: C{debug}, C{info}, C{warn} or C{error}."""
        self._levels.setLogLevelForNamespace("", LogLevel.levelWithName(level))


def _format_unless_shown(event: LogEvent) -> str | None:
    return None if event.get(SHOWN) else format_event(event)
