"""Tests for L{mitmtw._hooks.script}: files and modules as addons."""

import sys
from pathlib import Path
from textwrap import dedent
from types import ModuleType

from mitmtw._hooks.script import ScriptAddon, load_script
from mitmtw.errors import AddonError
from tests._hooks.fakes import HooksTestCase


class ScriptTests(HooksTestCase):
    """Scripts that are loaded."""

    def script(self, text: str, name: str = "") -> Path:
        """Write a script."""
        folder = Path(self.mktemp())
        folder.mkdir()
        path = folder / (name or "probe.py")
        path.write_text(dedent(text))
        return path

    def load(self, text: str, name: str = "") -> ScriptAddon:
        """Write and load a script, and put it in the chain."""
        script = load_script(self.script(text, name))
        self.addCleanup(sys.modules.pop, script.module.__name__)
        self.add(script)
        return script

    def error(self, text: str) -> str:
        """The one line with which a script is refused; it begins with the file's name."""
        path = self.script(text)
        before = set(sys.modules)
        error = str(self.assertRaises(AddonError, load_script, path))
        self.assertNotIn("\n", error)
        self.assertTrue(error.startswith(str(path.absolute())), error)
        self.assertEqual({name for name in sys.modules if "_mitmtw_script" in name} - before, set())
        return error.removeprefix(str(path.absolute()))

    def test_functions(self) -> None:
        """Functions are handlers; it is called by the file's name."""
        self.load("def request(flow): flow.seen.append('script')", "my-probe.py")
        self.request()
        self.assertEqual(self.flow.seen, ["script"])
        self.assertEqual([link.name for link in self.hooks.chain], ["my-probe"])

    def test_coroutine(self) -> None:
        """So are coroutine functions, and those that a decorator has wrapped."""
        self.load(
            """
            from mitmtw.addon import wants_body
            from twisted.internet.defer import inlineCallbacks, succeed
            @wants_body(True)
            async def request(flow):
                flow.seen.append(await succeed("a"))
            @inlineCallbacks
            def response(flow):
                flow.seen.append((yield succeed("b")))
            """
        )
        self.request()
        self.successResultOf(self.hooks.fire("response", self.flow))
        self.assertEqual(self.flow.seen, ["a", "b"])
        self.assertEqual(self.hooks.wants_request_body, 2)

    def test_order(self) -> None:
        """The module's own handlers come first, then the listed addons, each followed by its own."""
        self.load(
            """
            class Seer:
                def __init__(self, name="seer", addons=()):
                    self.name, self.addons = name, addons
                def request(self, flow):
                    flow.seen.append(self.name)
            addons = [Seer("a", [Seer("b")]), Seer]
            def request(flow):
                flow.seen.append("module")
            """
        )
        self.request()
        self.assertEqual(self.flow.seen, ["module", "a", "b", "seer"])

    def test_imported(self) -> None:
        """What a script imported is no handler, whatever it is called."""
        self.load(
            """
            import logging as log
            from os.path import exists as request
            from textwrap import dedent as respnse
            """
        )
        self.assertIsNone(self.hooks.log)
        self.assertIsNone(self.hooks.request)
        self.assertEqual(self.events, [])

    def test_logger(self) -> None:
        """A logger called C{log}, as Twisted's programs have it, is no handler, and no mistake."""
        self.load(
            """
            from twisted.logger import Logger
            log = Logger()
            """
        )
        self.assertIsNone(self.hooks.log)
        self.assertEqual(self.events, [])

    def test_settings(self) -> None:
        """A module may say what an addon may say."""
        script = self.load(
            """
            name = "guard"
            failure_policy = "kill"
            max_pending = 3
            wants_body = False
            def request(flow): raise ValueError
            """
        )
        link = self.hooks.chain.find("guard")
        self.assertIs(link.addon, script)
        self.assertIs(link.policy, True)
        self.assertEqual(self.hooks.wants_request_body, 0)
        self.request()
        self.assertTrue(self.flow.killed)

    def test_neighbours(self) -> None:
        """Its folder can be imported from while it runs, and not any more afterwards."""
        path = self.script("from mitmtw_neighbour_module import WORD\ndef request(flow): flow.seen.append(WORD)")
        (path.parent / "mitmtw_neighbour_module.py").write_text("WORD = 'neighbour'")
        before = list(sys.path)
        script = load_script(path)
        self.addCleanup(sys.modules.pop, script.module.__name__)
        self.addCleanup(sys.modules.pop, "mitmtw_neighbour_module")
        self.add(script)
        self.request()
        self.assertEqual(self.flow.seen, ["neighbour"])
        self.assertEqual(sys.path, before)

    def test_twice(self) -> None:
        """The same file can be loaded again: it is another module with its own state."""
        path = self.script("calls = []\ndef request(flow): calls.append(flow)")
        first, second = load_script(path), load_script(path)
        for one in (first, second):
            self.addCleanup(sys.modules.pop, one.module.__name__)
        self.assertIsNot(first.module, second.module)

    def test_dataclass(self) -> None:
        """Its classes can look their module up."""
        self.load(
            """
            import dataclasses, typing
            @dataclasses.dataclass
            class Point:
                x: "typing.ClassVar[int]" = 1
            def request(flow): flow.seen.append(len(dataclasses.fields(Point)))
            """
        )
        self.request()
        self.assertEqual(self.flow.seen, [0])

    def test_module(self) -> None:
        """A module that is imported already can be added as it is, and removed as it was added."""
        module = ModuleType("package.probe")
        exec("def request(flow): flow.seen.append('module')", module.__dict__)
        self.hooks.add(module)
        self.request()
        self.assertEqual([link.name for link in self.hooks.chain], ["probe"])
        self.hooks.remove(module)
        self.assertIsNone(self.hooks.request)

    def test_broken(self) -> None:
        """What goes wrong while it runs is told with file and line."""
        before = list(sys.path)
        self.assertRegex(self.error("x = 1\ndef request(flow:\n"), r"^:2: SyntaxError: ")
        self.assertRegex(self.error("\n\nimport mitmtw_no_such_module\n"), r"^:3: ModuleNotFoundError: No module")
        self.assertRegex(self.error("def f():\n    raise ValueError('a\\n  b')\nf()\n"), r"^:2: ValueError: a b$")
        self.assertRegex(self.error("open('/nonexistent/file')"), r"^:1: FileNotFoundError: ")
        self.assertEqual(sys.path, before)

    def test_missing(self) -> None:
        """So is a file that is not there."""
        error = str(self.assertRaises(AddonError, load_script, "/nonexistent/probe.py"))
        self.assertEqual(error, "/nonexistent/probe.py: No such file or directory")

    def test_verified(self) -> None:
        """A script is checked as any addon is."""
        for text, what in (
            ("def request(flow):\n    yield 1", "request is a generator function"),
            ("def request(): pass", "but takes ()"),
            ("request = 7", "a int is bound to it"),
            ("addons = 7", "addons must be a list"),
        ):
            script = load_script(self.script(text))
            self.addCleanup(sys.modules.pop, script.module.__name__)
            self.assertIn(what, str(self.assertRaises(AddonError, self.hooks.add, script)))
        self.load("def respnse(flow): pass", "odd.py")
        self.assertEqual(self.logged("warn"), ["addon odd: respnse is not the name of a hook; did you mean response?"])
