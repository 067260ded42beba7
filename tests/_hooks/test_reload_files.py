"""Tests for L{mitmtw._hooks.reload} and L{mitmtw._hooks.imports}: what a script consists of beside its own code."""

from mitmtw._hooks.script import load_script
from tests._hooks.reloading import ReloadTestCase


class HelperTests(ReloadTestCase):
    """Modules beside the script."""

    TEXT = """
        import mitmtw_probe_words
        def request(flow): flow.request.headers["x-asked"] = mitmtw_probe_words.WORD
        def response(flow):
            flow.response.headers["x-asked"] = flow.request.headers["x-asked"]
            flow.response.headers["x-answered"] = mitmtw_probe_words.WORD
    """

    def helper(self, text: str) -> None:
        """Write the module that the script uses."""
        self.write(text, name="mitmtw_probe_words.py")

    def test_changes(self) -> None:
        """A change of a module that it has imported from its folder is a change of the script."""
        self.helper("WORD = 'a'\n")
        self.write(self.TEXT)
        self.run_script()
        self.assertEqual(self.versions(self.ask()), ("a", "a"))
        self.helper("WORD = 'b'\n")
        self.harness.advance(1)
        self.assertEqual(self.versions(self.ask()), ("b", "b"))

    def test_same_name(self) -> None:
        """A module of the same name beside another script is another one."""
        self.helper("WORD = 'a'\n")
        self.write(self.TEXT)
        first = load_script(self.script)
        other = self.folder / "other"
        other.mkdir()
        (other / "mitmtw_probe_words.py").write_text("WORD = 'o'\n")
        (other / "probe.py").write_text("import mitmtw_probe_words\n")
        second = load_script(other / "probe.py")
        words = [script.module.mitmtw_probe_words.WORD for script in (first, second)]
        self.assertEqual(words, ["a", "o"])

    def test_broken(self) -> None:
        """A broken one changes nothing, and is noticed when it is repaired, also if it was there for the first time."""
        self.run_script()
        self.helper("1 / 0\n")
        self.write(self.TEXT)
        self.harness.advance(1)
        self.assertEqual(self.versions(self.ask()), ("1", "1"))
        self.helper("WORD = 'c'\n")
        self.harness.advance(1)
        self.assertEqual(self.versions(self.ask()), ("c", "c"))

    def test_no_leftovers(self) -> None:
        """Nothing compiled is written beside the script."""
        self.helper("WORD = 'a'\n")
        self.write(self.TEXT)
        self.run_script()
        self.assertEqual(sorted(path.name for path in self.folder.iterdir()), ["mitmtw_probe_words.py", "probe.py"])


class OptionTests(ReloadTestCase):
    """Options of a script that is loaded anew."""

    def test_redeclared(self) -> None:
        """Its declarations may change; a value that was set stays if it still can."""
        text = "from mitmtw.options import Option\noptions = [Option('depth', 'int', VERSION, 'Deep.'), MORE]\n"
        self.write(text.replace("MORE", "Option('old', 'str', '', 'Old.')"), "1")
        self.run_script()
        self.harness.options.apply({"old": "set"})
        self.write(text.replace("MORE", "Option('old', 'str', 'other', 'Old.', choices=['set', 'other'])"), "2")
        self.harness.advance(1)
        self.assertEqual((self.harness.options.depth, self.harness.options.old), (2, "set"))
