"""Tests of what the proxy is started with."""

import os

from twisted.trial.unittest import SynchronousTestCase

from mitmtw.errors import OptionsError
from mitmtw.options import INT, Option
from mitmtw.settings import DEFAULT_LISTENER, Arguments, Settings, read_settings


def parse_listener(text: str) -> str:
    """Refuse one listener, accept all others."""
    if text == "bad":
        raise OptionsError("'bad' is not a listener")
    return text


class SettingsTests(SynchronousTestCase):
    """Defaults, file and command line become settings."""

    def setUp(self) -> None:
        """Make an empty configuration directory."""
        self.confdir = os.path.abspath(self.mktemp())
        os.mkdir(self.confdir)
        self.config = os.path.join(self.confdir, "config.toml")

    def write(self, text: str, name: str = "config.toml") -> str:
        """Write a file into the configuration directory."""
        path = os.path.join(self.confdir, name)
        with open(path, "w", encoding="latin-1") as file:
            file.write(text)
        return path

    def read(self, *assignments: str, listeners: tuple[str, ...] = (), scripts: tuple[str, ...] = ()) -> Settings:
        """Read settings with that command line."""
        arguments = Arguments(list(listeners), list(scripts), list(assignments), self.confdir)
        return read_settings(arguments, parse_listener)

    def refusal(self, *assignments: str, scripts: tuple[str, ...] = (), listeners: tuple[str, ...] = ()) -> str:
        """Give the message with which a command line is refused."""
        error = self.assertRaises(OptionsError, self.read, *assignments, scripts=scripts, listeners=listeners)
        self.assertNotIn("\n", str(error))
        return str(error)

    def test_defaults(self) -> None:
        """Without a file and arguments there is one listener that only this machine reaches."""
        settings = self.read()
        self.assertEqual((settings.listeners, settings.scripts), ([DEFAULT_LISTENER], []))
        self.assertEqual(DEFAULT_LISTENER, "tcp:8080:interface=127.0.0.1")
        self.assertEqual(settings.options.hook_timeout, 60.0)
        self.assertEqual(settings.options.confdir, self.confdir)

    def test_precedence(self) -> None:
        """The command line wins over the file, the file over the defaults, each option by itself."""
        self.write("hook_timeout = 7\nconnect_timeout = 8\nstream_large_bodies = '1m'\n")
        options = self.read("connect_timeout=9").options
        self.assertEqual((options.hook_timeout, options.connect_timeout, options.done_timeout), (7.0, 9.0, 5.0))
        self.assertEqual(options.stream_large_bodies, 1024**2)

    def test_alias_on_the_command_line_wins(self) -> None:
        """The same option by another name is the same option."""
        self.write("upstream_insecure = true\n")
        self.assertIs(self.read("ssl_insecure=false").options.upstream_insecure, False)
        self.assertIs(self.read("ssl_insecure=false", "upstream_insecure").options.upstream_insecure, True)

    def test_listeners(self) -> None:
        """Listeners of the file are used, as a list or a single text; those of the command line replace them."""
        self.write("listen = ['a', 'b']\n")
        self.assertEqual(self.read().listeners, ["a", "b"])
        self.assertEqual(self.read(listeners=("c",)).listeners, ["c"])
        self.write("listen = 'a'\n")
        self.assertEqual(self.read().listeners, ["a"])

    def test_wrong_listeners(self) -> None:
        """A listener that the modes do not understand is refused, wherever it stands."""
        self.assertEqual(self.refusal(listeners=("ok", "bad")), "'bad' is not a listener")
        self.write("listen = ['bad']\n")
        self.assertEqual(self.refusal(), "'bad' is not a listener")
        self.write("listen = [1]\n")
        self.assertEqual(self.refusal(), f"{self.config}: listen: [1] is not a list of texts")

    def test_scripts(self) -> None:
        """Scripts of the file are looked for beside it; those of the command line replace them and are absolute."""
        first, second = self.write("", "first.py"), self.write("", "second.py")
        self.write("scripts = ['first.py']\n")
        self.assertEqual(self.read().scripts, [first])
        relative = os.path.relpath(second)
        self.assertEqual(self.read(scripts=(relative, first)).scripts, [second, first])

    def test_unreadable_scripts(self) -> None:
        """A script that is missing, or a directory, is refused before anything starts."""
        self.assertEqual(self.refusal(scripts=("absent.py",)), "script 'absent.py': No such file or directory")
        self.assertEqual(self.refusal(scripts=(self.confdir,)), f"script {self.confdir!r}: Is a directory")
        self.assertEqual(self.refusal(scripts=("a\0b",)), "script 'a\\x00b': embedded null byte")

    def test_wrong_assignments(self) -> None:
        """Unknown names, wrong values and forms are refused in one line."""
        for assignment, message in (
            ("hook_timeot=1", "unknown option 'hook_timeot' (did you mean 'hook_timeout'?)"),
            ("hook_timeout=abc", "hook_timeout: 'abc' is not a number of seconds"),
            ("hook_timeout", "hook_timeout: needs a value (hook_timeout=…)"),
            ("=1", "'=1' does not assign to an option: write name=value"),
            ("via_header=\n", "via_header: '\\n' is not true or false"),
        ):
            self.assertEqual(self.refusal(assignment), message)

    def test_assignment_keeps_further_equal_signs(self) -> None:
        """Only the first equal sign separates."""
        self.assertEqual(self.read("ca_passphrase=a=b").options.ca_passphrase, "a=b")

    def test_wrong_file(self) -> None:
        """Whatever is wrong in the file is told with its path, in one line."""
        for text, message in (
            ("hook_timeot = 1", "unknown option 'hook_timeot' (did you mean 'hook_timeout'?)"),
            ("hook_timeout = 'abc'", "hook_timeout: 'abc' is not a number of seconds"),
            ("via_header = 1", "via_header: 1 is not true or false"),
            ("[hook_timeout]\na = 1", "hook_timeout: {'a': 1} is not a number of seconds"),
            ("confdir = '/x'", "confdir says where this file is, so it cannot stand in it"),
            ("scripts = {}", "scripts: {} is not a list of texts"),
        ):
            self.write(text)
            self.assertEqual(self.refusal(), f"{self.config}: {message}")

    def test_unparsable_file(self) -> None:
        """Text that is not TOML, or not UTF-8, is told with the path."""
        for text in ("x = ", "= 1", "x = '\xe4'"):
            self.write(text)
            self.assertTrue(self.refusal().startswith(f"{self.config}: not TOML: "), text)

    def test_unreadable_file(self) -> None:
        """A configuration that cannot be read is no missing one."""
        os.mkdir(self.config)
        self.assertEqual(self.refusal(), f"{self.config}: Is a directory")

    def test_confdir_by_assignment(self) -> None:
        """The directory may be set like any option; the argument for it wins."""
        self.write("hook_timeout = 7\n")
        settings = read_settings(Arguments(assignments=[f"confdir={self.confdir}"]), parse_listener)
        self.assertEqual((settings.options.hook_timeout, settings.options.confdir), (7.0, self.confdir))
        self.assertEqual(self.read("confdir=/absent").options.confdir, self.confdir)

    def test_empty_confdir(self) -> None:
        """An empty directory name is refused, not taken for the current directory."""
        error = self.assertRaises(OptionsError, read_settings, Arguments(confdir=""), parse_listener)
        self.assertEqual(str(error), "confdir: '' is not a path")

    def test_options_of_scripts(self) -> None:
        """With scripts an unknown name waits for its declaration, from the file and from the command line."""
        self.write("from_file = 3\nboth = 1\n")
        script = self.write("", "s.py")
        options = self.read("from_line=4", "both=2", scripts=(script,)).options
        for name in ("from_file", "from_line", "both"):
            options.add(Option(name, INT, 0, "", owner="s"))
        self.assertEqual((options.from_file, options.from_line, options.both), (3, 4, 2))
        options.require_known()

    def test_options_that_no_script_declares(self) -> None:
        """A misspelt name is an error also with scripts, once these had their chance."""
        script = self.write("", "s.py")
        options = self.read("hook_timeot=4", scripts=(script,)).options
        error = self.assertRaises(OptionsError, options.require_known)
        self.assertEqual(str(error), "unknown option 'hook_timeot' (did you mean 'hook_timeout'?)")
