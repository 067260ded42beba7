"""Tests of C{mitmtw addons}, of C{--addon}, and of addons' options in C{mitmtw options}."""

import io
import json
import os
import stat
import subprocess
import sys
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from mitmtw._cli import addons, new_addon, options
from mitmtw.errors import AddonError, OptionsError
from mitmtw.settings import Arguments, read_settings
from tests._hooks.installed import InstalledTestCase

TARGET = "mitmtw_probe_addon.Strip"


class CommandTestCase(InstalledTestCase):
    """Runs command lines."""

    def run_command(self, *arguments: str) -> tuple[int, str, str]:
        """Give status and output of C{mitmtw addons}."""
        out, err = io.StringIO(), io.StringIO()
        return addons.main(arguments, out, err), out.getvalue(), err.getvalue()

    def confdir(self, text: str) -> str:
        """A configuration directory with that C{config.toml}."""
        folder = Path(self.mktemp()).absolute()
        folder.mkdir()
        (folder / "config.toml").write_text(text)
        return str(folder)


class ListTests(CommandTestCase):
    """C{mitmtw addons list}."""

    def test_table(self) -> None:
        """Everything that is known stands in one line; addons are off until config.toml names them."""
        self.addon()
        file = self.offer("acme.strip", TARGET)
        self.entry_point("acme.strip = mitmtw_probe_addon:Strip")
        status, out, err = self.run_command("list", "--confdir", self.confdir(""))
        self.assertEqual((status, err), (0, ""))
        head, line = (row.split() for row in out.splitlines())
        self.assertEqual(head, ["NAME", "STATE", "VERSION", "PACKAGE", "INTERFACES", "OPTIONS", "FILE"])
        self.assertEqual(line, ["acme.strip", "off", "1.0", "probe", "IHTTPAddon", "acme_keep", str(file)])

    def test_on(self) -> None:
        """Those that it names are on; names that are not installed are said."""
        self.addon()
        self.offer("acme.strip", TARGET)
        confdir = self.confdir("addons = ['acme.strip:acme_keep=1', 'gone?']")
        out = self.run_command("list", f"--confdir={confdir}")[1]
        self.assertEqual(out.splitlines()[1].split()[1], "on")
        self.assertIn("not installed, but switched on: gone\n", out)

    def test_json(self) -> None:
        """The same for programs."""
        self.addon()
        self.offer("acme.strip", TARGET)
        self.write("twisted/plugins/mitmtw_probe_bad.py", "raise RuntimeError('no')\n")
        found = json.loads(self.run_command("list", "--json", "--confdir", self.confdir(""))[1])
        row = found["addons"][0]
        self.assertEqual((row["name"], row["state"], row["interfaces"]), ("acme.strip", "off", ["IHTTPAddon"]))
        self.assertEqual((row["options"], row["description"], row["target"]), (["acme_keep"], "Text.", TARGET))
        self.assertEqual(found["broken"][0]["reason"], "RuntimeError: no")

    def test_broken(self) -> None:
        """A broken package and a broken addon are listed, and the others are there."""
        self.addon()
        self.offer("acme.strip", TARGET)
        self.offer("acme.absent", "mitmtw_probe_absent.Strip", dropin="mitmtw_probe_two")
        self.write("twisted/plugins/mitmtw_probe_bad.py", "raise RuntimeError('no')\n")
        status, out, _ = self.run_command("list", "--confdir", self.confdir(""))
        states = {line.split()[0]: line.split()[1] for line in out.splitlines()[1:3]}
        self.assertEqual((status, states), (0, {"acme.absent": "broken", "acme.strip": "off"}))
        self.assertIn("mitmtw_probe_bad.py: RuntimeError: no\n", out)
        self.assertIn("acme.absent: addon acme.absent: mitmtw_probe_absent.Strip cannot be loaded", out)

    def test_none(self) -> None:
        """Without any it says so."""
        self.assertIn("No addons are installed", self.run_command("list", "--confdir", self.confdir(""))[1])

    def test_wrong_configuration(self) -> None:
        """A configuration that cannot be read is one line and status 2."""
        status, out, err = self.run_command("list", "--confdir", self.confdir("addons = 3"))
        self.assertEqual((status, out, err.count("\n")), (2, "", 1))


class VerifyTests(CommandTestCase):
    """C{mitmtw addons verify}."""

    def verify(self, text: str) -> tuple[int, str]:
        """Verify a script."""
        path = str(self.write("mitmtw_probe_script.py", text))
        status, out, err = self.run_command("verify", path)
        self.assertEqual(err, "")
        return status, out

    def test_good(self) -> None:
        """What is right is ok, by name, by file and all together."""
        self.addon()
        self.offer("acme.strip", TARGET)
        self.assertEqual(self.run_command("verify", "acme.strip"), (0, "acme.strip: ok\n", ""))
        self.assertEqual(self.run_command("verify"), (0, "acme.strip: ok\n", ""))
        self.assertEqual(self.verify("def request(flow): pass\n")[0], 0)

    def test_findings(self) -> None:
        """Each kind of mistake is one line and status 1."""
        interface = "from zope.interface import implementer\nfrom mitmtw.interfaces import ITCPAddon\n"
        for text, finding in (
            ("def respnse(flow): pass\n", "respnse is not the name of a hook; did you mean response?"),
            ("def request(): pass\n", "request is called with (flow)"),
            ("def request(flow): yield\n", "request is a generator function"),
            ("request = 3\n", "request is the name of a hook"),
            ("def load(loader): 1 / 0\n", "ZeroDivisionError"),
            ("async def load(loader):\n from twisted.internet.defer import Deferred\n await Deferred()\n", "at once"),
            ("def load(loader): loader.add_option('hook_timeout', int, 1, 'Mine.')\n", "belongs to core"),
            ("options = [__import__('mitmtw.options').options.Option('a', int, 1, 'A.'), 3]\n", "among the options"),
            ("before = 3\n", "before must be names"),
            ("def request(flow:\n", "SyntaxError"),
            (f"{interface}@implementer(ITCPAddon)\nclass A: pass\naddons = [A]\n", "ITCPAddon"),
            ("class A:\n name = 'b'\nclass B:\n name = 'b'\naddons = [A, B]\n", "two addons are called b"),
        ):
            status, out = self.verify(text)
            self.assertEqual(status, 1, text)
            self.assertIn(finding, out)

    def test_all(self) -> None:
        """Broken packages and names that two packages want are findings."""
        self.offer("acme", TARGET)
        self.offer("acme", "mitmtw_probe_addon.Other", dropin="mitmtw_probe_two")
        self.addon("class Strip: pass\nclass Other: pass\n")
        self.write("twisted/plugins/mitmtw_probe_bad.py", "raise RuntimeError('no')\n")
        status, out, _ = self.run_command("verify")
        self.assertEqual(status, 1)
        self.assertIn("two packages offer an addon acme", out)
        self.assertIn("RuntimeError: no", out)

    def test_unknown(self) -> None:
        """A name that is not installed is a mistake in the command line."""
        self.offer("acme.strip", TARGET)
        self.assertEqual(
            self.run_command("verify", "acme.strp"),
            (2, "", "mitmtw: there is no addon 'acme.strp' (did you mean acme.strip?)\n"),
        )


class UsageTests(CommandTestCase):
    """The command line."""

    def test_help(self) -> None:
        """Help is no mistake, no command is one."""
        self.assertEqual(self.run_command("--help")[::2], (0, ""))
        self.assertEqual(self.run_command("new", "--help")[::2], (0, ""))
        self.assertEqual(self.run_command()[0], 2)

    def test_mistakes(self) -> None:
        """Each is one line and status 2."""
        for wrong in (["bogus"], ["list", "x"], ["list", "--confdir"], ["verify", "-x"], ["rescan", "x"], ["new"]):
            status, out, err = self.run_command(*wrong)
            self.assertEqual((status, out, err.count("\n")), (2, "", 1), wrong)

    def test_rescan(self) -> None:
        """It says what was read anew, and the status is 1 when something is broken."""
        self.offer("acme.strip", TARGET)
        self.run_command("list", "--confdir", self.confdir(""))
        status, out, _ = self.run_command("rescan")
        self.assertEqual(status, 0)
        self.assertIn(f"read anew: {self.site}/twisted/plugins\n", out)
        self.assertIn("1 addons found, 0 broken\n", out)
        self.write("twisted/plugins/mitmtw_probe_bad.py", "raise RuntimeError('no')\n")
        self.assertEqual(self.run_command("rescan")[0], 1)


class SettingsTests(CommandTestCase):
    """C{--addon}, C{addons} in C{config.toml}, and what becomes of them."""

    def read(self, *texts: str, config: str = "", assignments: tuple[str, ...] = ()) -> list[str]:
        """The names of the addons in the settings."""
        arguments = Arguments([], [], list(assignments), self.confdir(config), list(texts))
        self.settings = read_settings(arguments, lambda text: None)
        return [wanted.name for wanted in self.settings.addons]

    def test_read(self) -> None:
        """The command line's are there instead of the file's."""
        self.offer("acme.strip", TARGET)
        self.offer("acme.sign", "mitmtw_probe_addon.Sign", dropin="mitmtw_probe_two")
        self.assertEqual(self.read(config="addons = ['acme.strip', 'acme.sign']"), ["acme.strip", "acme.sign"])
        self.assertEqual(self.read("acme.sign", config="addons = ['acme.strip']"), ["acme.sign"])
        self.assertNotIn("mitmtw_probe_addon", sys.modules)

    def test_unknown(self) -> None:
        """A name that is not installed is refused at once, unless it is optional."""
        self.offer("acme.strip", TARGET)
        error = self.assertRaises(OptionsError, self.read, "acme.stripp")
        self.assertEqual(str(error), "there is no addon 'acme.stripp' (did you mean acme.strip?)")
        self.assertEqual(self.read("acme.stripp?"), ["acme.stripp"])

    def test_core_option(self) -> None:
        """Options of the core are not set behind an addon's name."""
        self.offer("acme.strip", TARGET)
        self.assertIn("hook_timeout", str(self.assertRaises(OptionsError, self.read, "acme.strip:hook_timeout=1")))

    def test_set(self) -> None:
        """With an addon a value for an option that is not known yet is kept for it."""
        self.offer("acme.strip", TARGET)
        self.read("acme.strip", assignments=("acme_keep=1",))
        self.assertRaises(OptionsError, self.settings.options.require_known)
        self.assertRaises(OptionsError, self.read, assignments=("acme_keep=1",))

    def test_options(self) -> None:
        """C{mitmtw options} lists those of addons and scripts that are named, with all that was declared."""
        self.addon()
        self.offer("acme.strip", TARGET)
        script = self.write(
            "mitmtw_probe_script.py",
            "def load(loader): loader.add_option('depth', 'choice', 'a', 'Deep.', choices=['a', 'b'], unit='m')\n",
        )
        arguments = ["--json", "--addon", "acme.strip:acme_keep=1", f"--script={script}", "--confdir", self.confdir("")]
        out, err = io.StringIO(), io.StringIO()
        self.assertEqual(options.main(arguments, out, err), 0, err.getvalue())
        rows = {row["name"]: row for row in json.loads(out.getvalue())}
        self.assertEqual((rows["acme_keep"]["owner"], rows["acme_keep"]["help"]), ("acme.strip", "What is kept."))
        self.assertEqual((rows["depth"]["choices"], rows["depth"]["unit"]), (["a", "b"], "m"))

    def test_options_of_two(self) -> None:
        """An option that two addons want is refused, and both are named."""
        self.addon("from mitmtw.options import Option\nclass Strip:\n options = [Option('deep', int, 1, 'D.')]\n")
        self.offer("one", TARGET)
        self.offer("two", TARGET, dropin="mitmtw_probe_two")
        out, err = io.StringIO(), io.StringIO()
        status = options.main(["--addon", "one", "--addon", "two", "--confdir", self.confdir("")], out, err)
        self.assertEqual(status, 2)
        self.assertIn("option 'deep' of two exists already: it belongs to one", err.getvalue())

    def test_options_configured(self) -> None:
        """Those that config.toml names are listed, and a missing one is one line and status 2."""
        self.addon()
        self.offer("acme.strip", TARGET)
        out, err = io.StringIO(), io.StringIO()
        self.assertEqual(options.main(["--confdir", self.confdir("addons = ['acme.strip']")], out, err), 0)
        self.assertIn("\nacme_keep = none\n", out.getvalue())
        self.assertEqual(options.main(["--addon", "acme.strp", "--confdir", self.confdir("")], out, err), 2)
        self.assertIn("did you mean acme.strip?", err.getvalue())


class NewTests(SynchronousTestCase):
    """C{mitmtw addons new}; C{tests.plugin_check} installs what it writes."""

    def write(self, name: str, folder: str | None = None) -> Path:
        """Write a package into a new folder."""
        out, err = io.StringIO(), io.StringIO()
        path = folder or os.path.join(self.mktemp(), "project")
        self.assertEqual(addons.main(["new", name, "--dir", path], out, err), 0, err.getvalue())
        return Path(path)

    def test_files(self) -> None:
        """All files are there, and no place of the template is left open."""
        path = self.write("acme_two")
        files = {file.relative_to(path).as_posix() for file in path.rglob("*") if file.is_file()}
        wanted = {"setup.py", "pyproject.toml", "README.rst", ".gitignore", "acme_two/__init__.py", "acme_two/addon.py"}
        wanted |= {"tests/__init__.py", "tests/test_addon.py", "twisted/plugins/mitmtw_acme_two.py"}
        self.assertEqual(files, wanted)
        for file in files:
            self.assertNotRegex((path / file).read_text(), "@(name|class|title)@")
        self.assertIn("class AcmeTwo(HTTPAddon)", (path / "acme_two" / "addon.py").read_text())

    def test_own_tests(self) -> None:
        """Its tests pass."""
        path = self.write("acme_three")
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(path.absolute()), *filter(None, sys.path)])}
        done = subprocess.run(
            [sys.executable, "-m", "twisted.trial", "--temp-directory", "t", "tests"],
            cwd=path,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
        self.assertIn("PASSED (successes=2)", done.stdout, done.stdout + done.stderr)

    def test_not_overwritten(self) -> None:
        """A folder that holds something, or a file, stays as it is."""
        path = self.write("acme")
        before = {file: file.stat().st_mtime_ns for file in path.rglob("*")}
        self.assertRaises(AddonError, new_addon.write_package, "other", str(path))
        self.assertEqual({file: file.stat().st_mtime_ns for file in path.rglob("*")}, before)
        self.assertRaises(AddonError, new_addon.write_package, "other", str(path / "setup.py"))

    def test_empty_folder(self) -> None:
        """An empty folder is as good as none."""
        folder = self.mktemp()
        os.mkdir(folder)
        self.write("acme", folder)

    def test_not_writable(self) -> None:
        """Where nothing can be written it says so."""
        folder = self.mktemp()
        os.mkdir(folder)
        os.chmod(folder, stat.S_IRUSR | stat.S_IXUSR)
        if os.access(folder, os.W_OK):  # root can write everywhere: a file in the way is as good
            folder = os.path.join(folder, "file")
            Path(folder).touch()
        error = self.assertRaises(AddonError, new_addon.write_package, "acme", os.path.join(folder, "project"))
        self.assertNotIn("\n", str(error))

    def test_names(self) -> None:
        """What cannot be a package, or would hide another module, is refused."""
        for wrong in (
            "",
            "Acme",
            "a-b",
            "a.b",
            "1a",
            "class",
            "match",
            "json",
            "tests",
            "mitmtw",
            "a" * 41,
            "é",
            "a b",
        ):
            self.assertRaises(AddonError, new_addon.check_name, wrong)
        new_addon.check_name("acme_2")
