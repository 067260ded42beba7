"""The list of hooks, and the pages of the reference that are made from it."""

import io
import tempfile
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from mitmtw._cli import hooks
from mitmtw._cli.main import main
from mitmtw._hooks.table import TABLE

_REFERENCE = Path(__file__).resolve().parent.parent.parent / "docs" / "reference" / "hooks"


class HooksTests(SynchronousTestCase):
    """C{mitmtw hooks}."""

    def run_with(self, *arguments: str) -> tuple[int, str, str]:
        """Status, output and errors."""
        stdout, stderr = io.StringIO(), io.StringIO()
        return main(["hooks", *arguments], stdout, stderr), stdout.getvalue(), stderr.getvalue()

    def test_list(self) -> None:
        """There is a line for each hook, with its gate."""
        status, output, _ = self.run_with()
        lines = output.splitlines()
        self.assertEqual((status, len(lines)), (0, len(TABLE)))
        self.assertTrue(any(line.startswith("request(flow)") and " ask " in line for line in lines))

    def test_one(self) -> None:
        """One hook's manual, without markup."""
        status, output, _ = self.run_with("serverconnect")
        self.assertEqual(status, 0)
        self.assertIn("server_conn: the connection to be", output)
        self.assertNotIn("C{", output)

    def test_unknown(self) -> None:
        """A name that is no hook's."""
        status, output, errors = self.run_with("respnse")
        self.assertEqual((status, output), (2, ""))
        self.assertIn("'respnse'", errors)

    def test_help(self) -> None:
        """Its own help."""
        self.assertIn("Usage: mitmtw hooks", self.run_with("--help")[1])

    def test_pages(self) -> None:
        """Each hook is on one page, and the pages in the tree are those that the interfaces give: else C{make docs}."""
        with tempfile.TemporaryDirectory() as folder:
            self.assertEqual(self.run_with("--rst", folder)[0], 0)
            whole = ""
            for name, _, _ in hooks.PAGES:
                made = (Path(folder) / f"{name}.rst").read_text(encoding="utf-8")
                self.assertEqual((_REFERENCE / f"{name}.rst").read_text(encoding="utf-8"), made, name)
                whole += made
        for spec in TABLE.values():
            self.assertEqual(whole.count(f"``{spec.name}({', '.join(spec.arguments)})``\n~"), 1, spec.name)
