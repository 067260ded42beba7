"""Tests of text for terminals."""

import io

from twisted.logger import Logger, LogLevel
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase

from mitmtw.terminal import SHOWN, TerminalLog, escaped, format_event, say


class EscapeTests(SynchronousTestCase):
    """Text of peers does nothing to a terminal."""

    def test_control_characters(self) -> None:
        """Characters that act, break lines or turn the direction become visible; all others stay."""
        for text, shown in (
            ("plain ä € 漢 😀", "plain ä € 漢 😀"),
            ("a\nb\r\tc", "a\\x0ab\\x0d\\x09c"),
            ("\x1b[2J", "\\x1b[2J"),
            ("\x9b2J\x7f", "\\x9b2J\\x7f"),
            ("a\u2028b\u202ec", "a\\u2028b\\u202ec"),
            ("\u2066x", "\\u2066x"),
            ("\ud800", "\\ud800"),
        ):
            self.assertEqual(escaped(text), shown)

    def test_say(self) -> None:
        """A message is one line, whatever is in it."""
        stream = io.StringIO()
        say(stream, "one\ntwo")
        self.assertEqual(stream.getvalue(), "mitmtw: one\\x0atwo\n")


class TerminalLogTests(SynchronousTestCase):
    """Log events become lines."""

    def setUp(self) -> None:
        """Make a log whose events go to a terminal."""
        self.stream = io.StringIO()
        self.terminal = TerminalLog("info", self.stream)
        self.log = Logger("space", observer=self.terminal.observer)

    def test_forged_line(self) -> None:
        """A line break in a value makes no second line."""
        self.log.info("path {path}", path="/\n2026-01-01 [fake] all is well")
        self.assertEqual(self.stream.getvalue().count("\n"), 1)
        self.assertIn("[space#info] path /\\x0a2026-01-01 [fake]", self.stream.getvalue())

    def test_forged_line_in_exception(self) -> None:
        """What an exception says cannot be taken for a log line, because it does not begin one."""
        try:
            raise ValueError("bad\n2026-01-01 [fake]\x1b[2J")
        except ValueError:
            self.log.failure("broken")
        lines = self.stream.getvalue().splitlines()
        self.assertTrue(lines[0].endswith("broken"), lines)
        self.assertTrue(all(line.startswith("\t") for line in lines[1:]), lines)
        self.assertIn("\t2026-01-01 [fake]\\x1b[2J", lines)
        self.assertTrue(any("test_forged_line_in_exception" in line for line in lines), lines)

    def test_levels(self) -> None:
        """Events below the level are left out, and the level can change."""
        self.log.debug("one")
        self.log.info("two")
        self.terminal.set_level("warn")
        self.log.info("three")
        self.log.warn("four")
        self.terminal.set_level("debug")
        self.log.debug("five")
        self.assertEqual([line.split()[-1] for line in self.stream.getvalue().splitlines()], ["two", "four", "five"])

    def test_shown_already(self) -> None:
        """An event whose message the terminal has is not printed again."""
        self.log.critical("again", **{SHOWN: True})
        self.assertEqual(self.stream.getvalue(), "")

    def test_event_without_failure(self) -> None:
        """A field that only looks like a failure is no reason to fail."""
        self.assertIn("text", format_event({"log_format": "text", "log_failure": None, "log_level": LogLevel.info}))

    def test_failure_without_traceback(self) -> None:
        """A failure that was never raised is shown too."""
        self.log.failure("broken", Failure(KeyError("key")))
        self.assertIn("key", self.stream.getvalue())
