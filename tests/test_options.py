"""Tests of the registry of options."""

from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from mitmtw.errors import OptionsError
from mitmtw.options import BOOL, CHOICE, INT, PATH, SECONDS, SEQUENCE, SIZE, STR, Option, Options, OptionsView


def sample() -> Options:
    """Make a registry with an option of each kind."""
    return Options(
        [
            Option("patience", SECONDS, 5, "How long.", unit="seconds", aliases=("timeout", "wait")),
            Option("limit", SIZE.optional(), None, "How much.", unit="bytes"),
            Option("many", INT, 3, "How many.", minimum=1),
            Option("loud", BOOL, False, "Whether to shout."),
            Option("mode", CHOICE, "a", "Which.", choices=("a", "b")),
            Option("hosts", SEQUENCE, ["x"], "Where.", owner="acme"),
            Option("place", PATH, "~/p", "Directory."),
            Option("word", STR.optional(), None, "Anything.", owner="acme"),
        ]
    )


class DeclarationTests(SynchronousTestCase):
    """Options are declared."""

    def message(self, *arguments: Any, **fields: Any) -> str:
        """Give the message with which a declaration is refused."""
        return str(self.assertRaises(OptionsError, Option, *arguments, **fields))

    def test_values_are_plain_attributes(self) -> None:
        """A value that is read for every exchange costs one look into the instance's dictionary."""
        options = sample()
        self.assertEqual(options.patience, 5.0)
        self.assertIn("patience", vars(options))

    def test_duplicate_names_both_owners(self) -> None:
        """Two addons with the same option hear of each other."""
        options = sample()
        error = self.assertRaises(OptionsError, options.add, Option("hosts", STR, "", "Else.", owner="other"))
        self.assertEqual(str(error), "option 'hosts' of other exists already: it belongs to acme")
        self.assertEqual(options.hosts, ["x"])

    def test_duplicate_by_alias(self) -> None:
        """A name may be neither another option's alias, nor an alias another option's name or alias."""
        for option in (
            Option("wait", STR, "", "", owner="o"),
            Option("fresh", STR, "", "", owner="o", aliases=("many",)),
            Option("fresh", STR, "", "", owner="o", aliases=("wait",)),
        ):
            options = sample()
            self.assertRaises(OptionsError, options.add, option)
            self.assertNotIn("fresh", options)

    def test_same_declaration_again(self) -> None:
        """An addon that is added a second time keeps the value that was set meanwhile."""
        options = sample()
        options.apply({"hosts": ["y"]})
        options.add(Option("hosts", "sequence", ["x"], "Where.", owner="acme"))
        self.assertEqual(options.hosts, ["y"])

    def test_refuses_names(self) -> None:
        """A name that cannot be an attribute, or hides one of the registry's, is refused at once."""
        for name in ("a-b", "", "class", "_x", "apply", "names", "changed", "view"):
            self.assertIn(f"{name!r} of core cannot be", self.message(name, STR, "", ""))
        self.assertIn("'apply' of core cannot be", self.message("fine", STR, "", "", aliases=("apply",)))

    def test_refuses_wrong_declarations(self) -> None:
        """A default that is no value, an unknown type and a choice without choices are refused."""
        self.assertEqual(self.message("n", INT, "1", ""), "n: '1' is not a whole number")
        self.assertEqual(self.message("n", dict, {}, ""), "n: <class 'dict'> is not a type that an option can have")
        self.assertEqual(self.message("n", CHOICE, "a", ""), "n: a choice needs its choices")
        self.assertEqual(self.message("n", CHOICE, "c", "", choices=["a", "b"]), "n: 'c' is not one of a, b")

    def test_names_and_membership(self) -> None:
        """Names are sorted and true; aliases are members too."""
        options = sample()
        self.assertEqual(options.names(), ["hosts", "limit", "loud", "many", "mode", "patience", "place", "word"])
        self.assertIn("wait", options)
        self.assertNotIn("absent", options)

    def test_default_survives_changes(self) -> None:
        """The default stays known, in the form of a value, and is a fresh one each time."""
        options = sample()
        options.apply({"hosts": ["y"], "patience": 9})
        self.assertEqual((options.default("hosts"), options.default("wait")), (["x"], 5.0))
        options.default("hosts").append("z")
        self.assertEqual(options.default("hosts"), ["x"])

    def test_changing_a_value_keeps_the_default(self) -> None:
        """A list value that is changed in place is not the declaration's list."""
        options = sample()
        options.hosts.append("z")
        self.assertEqual(options.default("hosts"), ["x"])

    def test_describe(self) -> None:
        """Rows are text, the core's first."""
        rows = sample().describe()
        self.assertEqual([row.owner for row in rows], ["core"] * 6 + ["acme"] * 2)
        row = next(row for row in rows if row.name == "patience")
        self.assertEqual((row.type, row.default, row.unit), ("seconds", "5", "seconds"))
        self.assertEqual((row.aliases, row.help), (("timeout", "wait"), "How long."))
        self.assertEqual(next(row for row in rows if row.name == "mode").choices, ("a", "b"))
        self.assertEqual(next(row for row in rows if row.name == "place").default, "~/p")


class ValueTests(SynchronousTestCase):
    """Values are parsed and set."""

    def test_parse_messages(self) -> None:
        """A refused text gives one line that names the option, the text and what is accepted."""
        options = sample()
        for name, text, message in (
            ("patience", "abc", "patience: 'abc' is not a number of seconds"),
            ("timeout", "abc", "patience: 'abc' is not a number of seconds"),
            ("mode", "c", "mode: 'c' is not one of a, b"),
            ("many", "0", "many: '0' is not 1 or more"),
            ("many", "a\nb", "many: 'a\\nb' is not a whole number"),
            ("patiense", "1", "unknown option 'patiense' (did you mean 'patience'?)"),
            ("timeot", "1", "unknown option 'timeot' (did you mean 'timeout'?)"),
            ("zzz", "1", "unknown option 'zzz'"),
        ):
            self.assertEqual(str(self.assertRaises(OptionsError, options.parse, name, text)), message)

    def test_long_values_are_shortened(self) -> None:
        """A message stays a line also when somebody gave a whole file as a value."""
        error = self.assertRaises(OptionsError, sample().parse, "many", "x" * 10_000)
        self.assertEqual(str(error), "many: '" + "x" * 79 + "… is not a whole number")

    def test_parse_sets_nothing(self) -> None:
        """Parsing gives the value and leaves the option as it is."""
        options = sample()
        self.assertEqual(options.parse("timeout", "7"), 7.0)
        self.assertEqual(options.patience, 5.0)

    def test_apply_returns_old_values(self) -> None:
        """What is returned undoes the change, and holds only what changed."""
        options = sample()
        old = options.apply({"wait": 7, "loud": False, "limit": "1k"})
        self.assertEqual(old, {"patience": 5.0, "limit": None})
        self.assertEqual((options.patience, options.limit), (7.0, 1024))
        self.assertEqual(options.apply(old), {"patience": 7.0, "limit": 1024})
        self.assertEqual((options.patience, options.limit), (5.0, None))

    def test_apply_is_all_or_nothing(self) -> None:
        """One refused value leaves every option as it was, and no observer hears of it."""
        heard: list[frozenset[str]] = []
        for wrong in ({"many": 0}, {"absent": 1}, {"mode": "c"}, {"wait": 7}):
            options = sample()
            options.changed.append(heard.append)
            self.assertRaises(OptionsError, options.apply, {"patience": 6, "loud": True, **wrong})
            self.assertEqual((options.patience, options.loud), (5.0, False))
        self.assertEqual(heard, [])

    def test_apply_refuses_two_names_of_one(self) -> None:
        """An option and its alias in one change contradict each other."""
        error = self.assertRaises(OptionsError, sample().apply, {"patience": 6, "wait": 7})
        self.assertEqual(str(error), "patience is given twice, once as wait")

    def test_observers(self) -> None:
        """Observers hear the true names of what changed, once, when all values are set already."""
        options = sample()
        heard: list[tuple[frozenset[str], object, object]] = []
        options.changed.append(lambda names: heard.append((names, options.patience, options.loud)))
        options.apply({"wait": 6, "loud": True, "many": 3})
        self.assertEqual(heard, [(frozenset({"patience", "loud"}), 6.0, True)])
        options.apply({"loud": True})
        self.assertEqual(len(heard), 1)

    def test_observer_removes_itself(self) -> None:
        """An observer that goes away while it is called does not hide the change from the next."""
        options = sample()
        heard: list[str] = []

        def once(names: frozenset[str]) -> None:
            options.changed.remove(once)
            heard.append("once")

        options.changed.extend([once, lambda names: heard.append("next")])
        options.apply({"loud": True})
        self.assertEqual(heard, ["once", "next"])

    def test_no_assignment(self) -> None:
        """An assignment or deletion, which no observer would hear of, is refused."""
        options = sample()
        for name in ("patience", "wait", "absent", "changed"):
            self.assertRaises(AttributeError, setattr, options, name, 1)
        self.assertRaises(AttributeError, delattr, options, "patience")
        self.assertEqual(options.patience, 5.0)

    def test_aliases_are_attributes(self) -> None:
        """An alias reads the value of its option."""
        options = sample()
        options.apply({"wait": 8})
        self.assertEqual((options.timeout, options.patience), (8.0, 8.0))

    def test_unknown_attribute(self) -> None:
        """A misspelt attribute is an AttributeError with a proposal."""
        options = sample()
        error = self.assertRaises(AttributeError, lambda: options.patiense)
        self.assertEqual(str(error), "unknown option 'patiense' (did you mean 'patience'?)")
        self.assertFalse(hasattr(options, "absent"))

    def test_read(self) -> None:
        """Of several assignments a sequence takes all, others the last; a bare name is true."""
        find = sample().find
        self.assertEqual(find("hosts").read(["a", "b"]), ["a", "b"])
        self.assertEqual(find("hosts").read([""]), [])
        self.assertEqual(find("many").read(["4", "5"]), 5)
        self.assertIs(find("loud").read([None]), True)
        self.assertIs(find("loud").read([None, "false"]), False)
        for name in ("many", "hosts"):
            error = self.assertRaises(OptionsError, find(name).read, [None])
            self.assertEqual(str(error), f"{name}: needs a value ({name}=…)")
        self.assertRaises(OptionsError, find("loud").read, [""])


class DeferredValueTests(SynchronousTestCase):
    """Values wait for options that are declared later."""

    def test_value_waits(self) -> None:
        """The option has its value from the moment of its declaration, also when the value came by an alias."""
        options = sample()
        options.defer("late", lambda option: option.read(["7"]))
        options.defer("other", lambda option: option.read(["8"]))
        options.add(Option("late", INT, 1, ""))
        options.add(Option("named", INT, 1, "", aliases=("other",)))
        self.assertEqual((options.late, options.named), (7, 8))
        options.require_known()

    def test_wrong_value(self) -> None:
        """The error of a kept value names the file that it stood in, and the option does not appear."""
        options = sample()
        options.defer("late", lambda option: "x", "/etc/c.toml")
        error = self.assertRaises(OptionsError, options.add, Option("late", INT, 1, ""))
        self.assertEqual(str(error), "/etc/c.toml: late: 'x' is not a whole number")
        self.assertNotIn("late", options)

    def test_never_declared(self) -> None:
        """What nobody declared is reported like any unknown option, with its file."""
        options = sample()
        options.defer("lte", lambda option: 1, "c.toml")
        options.add(Option("late", INT, 1, ""))
        error = self.assertRaises(OptionsError, options.require_known)
        self.assertEqual(str(error), "c.toml: unknown option 'lte' (did you mean 'late'?)")


class ViewTests(SynchronousTestCase):
    """Addons see options, and cannot change them."""

    def test_is_live(self) -> None:
        """The view shows values and options that came after it was made."""
        options = sample()
        view = options.view
        options.apply({"patience": 6})
        options.add(Option("fresh", INT, 1, ""))
        self.assertEqual((view.patience, view.wait, view.fresh), (6.0, 6.0, 1))

    def test_reads_like_a_mapping_of_names(self) -> None:
        """Keys, iteration, length and membership agree with the registry."""
        options = sample()
        view = options.view
        self.assertEqual(view.keys(), options.names())
        self.assertEqual(list(view), options.names())
        self.assertEqual(len(view), 8)
        self.assertIn("timeout", view)
        self.assertNotIn("absent", view)

    def test_cannot_be_changed(self) -> None:
        """Neither assignment nor a list changed in place reaches the options."""
        options = sample()
        view: OptionsView = options.view
        view.hosts.append("evil")
        self.assertEqual(options.hosts, ["x"])
        self.assertRaises(AttributeError, setattr, view, "patience", 1)
        self.assertRaises(AttributeError, delattr, view, "patience")
        self.assertRaises(AttributeError, setattr, view, "_options", None)
        self.assertEqual(options.patience, 5.0)

    def test_shows_options_only(self) -> None:
        """The registry's methods are no attributes of the view."""
        view = sample().view
        for name in ("apply", "add", "changed", "absent", "__wrapped__"):
            self.assertFalse(hasattr(view, name), name)
