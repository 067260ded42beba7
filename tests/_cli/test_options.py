"""Tests of the list of options."""

import io
import json
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from mitmtw._cli import options
from mitmtw.core_options import core_options

REFERENCE = Path(__file__).parent.parent.parent / "docs" / "reference" / "options.rst"


class OptionsCommandTests(SynchronousTestCase):
    """All options are listed."""

    def run_command(self, *arguments: str) -> tuple[int, str, str]:
        """Give status and output of a command line."""
        out, err = io.StringIO(), io.StringIO()
        status = options.main(arguments, out, err)
        return status, out.getvalue(), err.getvalue()

    def test_text(self) -> None:
        """Each option stands there as it could be set, with all that is known of it."""
        status, out, _ = self.run_command()
        self.assertEqual(status, 0)
        self.assertIn(
            "\nupstream_pool_size = 32\n    How many unused connections are kept per server.\n"
            "    (Type: int; Unit: connections; Owner: core)\n",
            out,
        )
        self.assertIn("(Type: bool; Also called: ssl_insecure; Owner: core)", out)
        names = [line.split(" = ")[0] for line in out.splitlines() if line and not line.startswith(" ")]
        self.assertEqual(names, core_options().names())

    def test_json(self) -> None:
        """The list for programs has the same options and typed fields."""
        rows = json.loads(self.run_command("--json")[1])
        self.assertEqual([row["name"] for row in rows], core_options().names())
        pool = next(row for row in rows if row["name"] == "upstream_pool")
        self.assertEqual((pool["default"], pool["choices"]), ("shared", ["shared", "client", "off"]))

    def test_reference_is_current(self) -> None:
        """The page in the documentation is what the registry gives; C{make docs} renews it."""
        self.assertEqual(self.run_command("--rst")[1], REFERENCE.read_text(encoding="utf-8"))

    def test_help(self) -> None:
        """Help is no mistake."""
        status, out, err = self.run_command("--help")
        self.assertEqual((status, err), (0, ""))
        self.assertIn("--json", out)

    def test_mistake(self) -> None:
        """An unknown argument is one line and status 2."""
        message = "mitmtw: mitmtw options does not know '--bogus x': see mitmtw options --help\n"
        self.assertEqual(self.run_command("--bogus", "x"), (2, "", message))
