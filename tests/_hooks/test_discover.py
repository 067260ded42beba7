"""Tests for L{mitmtw._hooks.discover} and L{mitmtw._hooks.wanted}: addons that installed packages offer."""

import os
import sys
from pathlib import Path
from typing import Any

import twisted.plugins
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.logger import globalLogPublisher
from twisted.plugin import IPlugin
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyObject

from mitmtw._hooks import Hooks
from mitmtw._hooks.discover import Broken, Discovery, Offer, discover, drop_caches, packages
from mitmtw._hooks.lifecycle import Lifecycle
from mitmtw._hooks.wanted import Wanted, add_addons, forget_left_out, parse_wanted
from mitmtw.core_options import core_options
from mitmtw.errors import AddonError, MitmtwError, OptionsError
from mitmtw.interfaces import IAddonMaker
from mitmtw.plugin import AddonMaker
from tests._hooks.installed import InstalledTestCase

TARGET = "mitmtw_probe_addon.Strip"


class MakerTests(SynchronousTestCase):
    """What a dropin holds."""

    def test_interfaces(self) -> None:
        """It is a plugin for Twisted, and holds texts."""
        maker = AddonMaker("acme.strip", "acme.strip.Strip", description="Text.")
        verifyObject(IPlugin, maker)
        verifyObject(IAddonMaker, maker)
        self.assertEqual((maker.name, maker.target, maker.description), ("acme.strip", "acme.strip.Strip", "Text."))


class SourceTests(InstalledTestCase):
    """Dropins and entry points."""

    def found(self) -> list[tuple[str, str, str]]:
        """What is offered."""
        return [(offer.name, offer.target, offer.file) for offer in discover().offers]

    def test_dropin(self) -> None:
        """A dropin is found, and the addon is not imported for it."""
        file = self.offer("acme.strip", TARGET)
        self.assertEqual(self.found(), [("acme.strip", TARGET, str(file))])
        self.assertNotIn("mitmtw_probe_addon", sys.modules)

    def test_entry_point(self) -> None:
        """So is an entry point, with a colon or a dot before the class."""
        place = self.entry_point("acme.strip = mitmtw_probe_addon:Strip\nacme.dot = mitmtw_probe_addon.Strip")
        self.assertEqual(self.found(), [("acme.dot", TARGET, str(place)), ("acme.strip", TARGET, str(place))])

    def test_both(self) -> None:
        """Who is found twice is one addon; the dropin counts."""
        file = self.offer("acme.strip", TARGET)
        self.entry_point("acme.strip = mitmtw_probe_addon:Strip")
        self.assertEqual(self.found(), [("acme.strip", TARGET, str(file))])

    def test_paths_are_put_back(self) -> None:
        """Other users of Twisted's plugins find what they found before."""
        before = list(twisted.plugins.__path__)
        discover()
        self.assertEqual(list(twisted.plugins.__path__), before)

    def test_current_folder(self) -> None:
        """Nothing is run from the current folder, however it comes into C{sys.path}, nor from relative ones."""
        planted = Path(self.mktemp()).absolute()
        planted.mkdir()
        ran = planted / "ran"
        self.write("twisted/plugins/mitmtw_probe_planted.py", f"open({str(ran)!r}, 'w').close()\n", planted)
        self.entry_point("planted = mitmtw_probe_addon:Strip", "planted", planted)
        here = os.getcwd()
        self.addCleanup(os.chdir, here)
        before = list(sys.path)
        for path, folder in (("", planted), (".", planted), (str(planted), planted), (planted.name, planted.parent)):
            os.chdir(folder)
            sys.path[:] = [path, *before]
            self.assertEqual((self.found(), ran.exists()), ([], False), path)

    def test_installed_meanwhile(self) -> None:
        """A package that was installed after the first search is found by the next one."""
        self.assertEqual(self.found(), [])
        self.offer("acme.strip", TARGET)
        self.assertEqual(len(self.found()), 1)

    def test_rescan(self) -> None:
        """An old cache hides a dropin whose file is older than it, until the caches are dropped."""
        self.offer("acme.old", TARGET)
        self.assertEqual(self.found()[0][0], "acme.old")
        file = self.offer("acme.new", TARGET, dropin="mitmtw_probe_two")
        os.utime(file, (1, 1))
        cache = file.parent / "dropin.cache"
        self.assertTrue(cache.exists())
        text = file.read_text().replace("one =", "renamed =")
        self.assertEqual([name for name, _, _ in self.found()], ["acme.new", "acme.old"])
        file.write_text(text)
        os.utime(file, (1, 1))
        for name in ("mitmtw_probe_two",):
            del sys.modules[f"twisted.plugins.{name}"]
        self.assertEqual([one.file for one in discover().broken], [str(file)])
        self.assertIn(str(cache), drop_caches())
        del sys.modules["twisted.plugins.mitmtw_probe_two"]
        self.assertEqual([name for name, _, _ in self.found()], ["acme.new", "acme.old"])

    def test_packages(self) -> None:
        """The package of a module is known by its metadata."""
        self.entry_point("acme.strip = mitmtw_probe_addon:Strip")
        self.assertEqual(packages()["mitmtw_probe_addon"], ("probe", "1.0"))


class BrokenTests(InstalledTestCase):
    """Packages that are broken do not hurt the others."""

    def test_raises(self) -> None:
        """A dropin that cannot be imported is named with the reason, and nothing is written to the log."""
        logged: list[Any] = []
        globalLogPublisher.addObserver(logged.append)  # type: ignore[arg-type]  # an observer is any callable
        self.addCleanup(globalLogPublisher.removeObserver, logged.append)  # type: ignore[arg-type]
        self.offer("acme.strip", TARGET)
        bad = self.write("twisted/plugins/mitmtw_probe_bad.py", "raise RuntimeError('no\\nluck')\n")
        worse = self.write("twisted/plugins/mitmtw_probe_worse.py", "import mitmtw\nraise SystemExit\n")
        syntax = self.write("twisted/plugins/mitmtw_probe_x.py", "mitmtw = =\n")
        found = discover()
        self.assertEqual([offer.name for offer in found.offers], ["acme.strip"])
        self.assertEqual(
            found.broken,
            [
                Broken(str(bad), "RuntimeError: no luck"),
                Broken(str(worse), "SystemExit"),
                Broken(str(syntax), f"{syntax}:1: SyntaxError: invalid syntax"),
            ],
        )
        self.assertEqual(logged, [])

    def test_not_ours(self) -> None:
        """Broken dropins that are not meant for us are not our business."""
        self.write("twisted/plugins/probe_of_others.py", "raise RuntimeError\n")
        self.assertEqual(discover(), Discovery())

    def test_no_texts(self) -> None:
        """An offer without a name or a dotted target is broken."""
        self.offer("", TARGET)
        self.offer("acme", "nowhere", dropin="mitmtw_probe_two")
        self.assertEqual([len(discover().offers), len(discover().broken)], [0, 2])

    def test_load(self) -> None:
        """An addon that cannot be imported, is not there or cannot be made says so in one line."""
        self.write("mitmtw_probe_addon.py", "class Strip:\n    def __init__(self): raise ValueError('a\\nb')\n")
        for target, reason in (
            (TARGET, "ValueError: a b"),
            ("mitmtw_probe_addon.Absent", "AttributeError"),
            ("mitmtw_probe_absent.Strip", "ModuleNotFoundError"),
        ):
            error = str(self.assertRaises(AddonError, Offer("acme", target, "", "").make))
            self.assertIn(f"addon acme: {target} cannot be loaded: {reason}", error)
            self.assertNotIn("\n", error)


class FindTests(SynchronousTestCase):
    """The addon of a name."""

    def refusal(self, name: str, *offers: Offer) -> str:
        """What is said of a name."""
        return str(self.assertRaises(AddonError, Discovery(list(offers)).find, name))

    def test_unknown(self) -> None:
        """Names that are near are proposed, also without the package's part."""
        offers = [Offer("acme.strip", "a.B", "", "f"), Offer("acme.sign", "a.C", "", "f")]
        self.assertIn("did you mean acme.strip", self.refusal("acme.stripp", *offers))
        self.assertIn("did you mean acme.sign", self.refusal("sign", *offers))
        self.assertIn("see mitmtw addons list", self.refusal("xyzzy"))

    def test_two(self) -> None:
        """Two packages that want one name are both named."""
        text = self.refusal("acme", Offer("acme", "a.B", "", "/one"), Offer("acme", "c.D", "", "/two"))
        self.assertEqual(text, "two packages offer an addon acme: /one (a.B) and /two (c.D)")


class WantedTests(SynchronousTestCase):
    """How an addon is asked for."""

    def test_read(self) -> None:
        """A name, a question mark, and options behind colons, which may be escaped."""
        self.assertEqual(parse_wanted(" acme.strip "), Wanted("acme.strip"))
        self.assertEqual(parse_wanted("acme?"), Wanted("acme", True))
        self.assertEqual(
            parse_wanted(r"acme?:a=1:a=2:flag:url=http\://x/\\:b=c=d:e=\n"),
            Wanted("acme", True, {"a": ["1", "2"], "flag": [None], "url": ["http://x/\\"], "b": ["c=d"], "e": ["\\n"]}),
        )
        self.assertEqual(parse_wanted("acme:a=\\").assignments, {"a": ["\\"]})

    def test_refused(self) -> None:
        """Without a name, of the addon or of an option, it means nothing."""
        for wrong in ("", "?", ":a=1", "acme:", "acme:=1"):
            self.assertRaises(OptionsError, parse_wanted, wrong)


class AddTests(InstalledTestCase):
    """Installed addons are put into the chain by name."""

    def start(self, *wanted: object) -> list[str]:
        """Start with these; the names in the chain."""
        clock = Clock()
        self.hooks = Hooks(clock)
        self.options = core_options()
        life = Lifecycle(self.hooks, self.options, clock)

        async def begin() -> None:
            asked = await add_addons(wanted, life, self.options)
            await life.startup()
            forget_left_out(asked, self.hooks.chain, self.options)
            self.options.require_known()

        self.failure: MitmtwError | None = None
        begun: Deferred[None] = Deferred.fromCoroutine(begin())
        begun.addErrback(self._failed)
        for _ in range(3):
            clock.advance(0)
        self.successResultOf(begun)
        return [link.name for link in self.hooks.chain]

    def _failed(self, failure: Failure) -> None:
        failure.trap(AddonError, OptionsError)
        self.failure = failure.value  # type: ignore[assignment]  # trap has made sure of it

    def refusal(self, *wanted: object) -> str:
        """Why that start fails."""
        self.start(*wanted)
        assert self.failure is not None
        return str(self.failure)

    def test_name(self) -> None:
        """The addon is called by the name under which it is offered, and has the options behind it."""
        self.addon()
        self.offer("acme.strip", TARGET)
        self.assertEqual(self.start(type("Other", (), {})(), "acme.strip:acme_keep=session"), ["other", "acme.strip"])
        self.assertEqual(self.options.acme_keep, "session")
        self.assertEqual(self.options.find("acme_keep").owner, "acme.strip")

    def test_wrong_options(self) -> None:
        """An option that the addon does not have, one of the core and a wrong value are refused."""
        self.addon()
        self.offer("acme.strip", TARGET)
        for wrong in ("acme_kep=1", "hook_timeout=1", "acme_keep"):
            self.assertIn(wrong.partition("=")[0], self.refusal(f"acme.strip:{wrong}"))

    def test_optional(self) -> None:
        """An optional one is left out when it is not there, cannot be loaded or does not start; its options too."""
        self.assertEqual(self.start("acme.strip?:acme_keep=1"), [])
        self.offer("acme.strip", TARGET)
        self.assertEqual(self.start("acme.strip?:acme_keep=1"), [])
        self.addon("from mitmtw.errors import OptionsError\nclass Strip:\n def start(self): raise OptionsError('no')\n")
        self.assertEqual(self.start("acme.strip?:acme_keep=1", type("Other", (), {})()), ["other"])

    def test_not_optional(self) -> None:
        """One that is not optional ends the start in the same cases."""
        self.assertIn("there is no addon 'acme.strip'", self.refusal("acme.strip"))
        self.offer("acme.strip", TARGET)
        self.assertIn("No module named 'mitmtw_probe_addon'", self.refusal("acme.strip"))
        self.addon("from mitmtw.errors import OptionsError\nclass Strip:\n def start(self): raise OptionsError('no')\n")
        self.assertEqual(self.refusal("acme.strip"), "no")

    def test_ordered(self) -> None:
        """Two packages are ordered by the names under which they are offered."""
        self.write("mitmtw_probe_addon.py", "class A:\n after = ('pack.b',)\nclass B:\n pass\n")
        self.offer("pack.a", "mitmtw_probe_addon.A")
        self.offer("pack.b", "mitmtw_probe_addon.B", self.folder("other"), "mitmtw_probe_two")
        self.assertEqual(self.start("pack.a", "pack.b"), ["pack.b", "pack.a"])
