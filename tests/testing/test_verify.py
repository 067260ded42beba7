"""Tests for L{mitmtw.testing.verify}."""

from types import ModuleType
from typing import Any

from twisted.trial.unittest import SynchronousTestCase
from zope.interface import implementer

from mitmtw.addon import HTTPAddon, in_thread, wants_body
from mitmtw.interfaces import IHTTPAddon
from mitmtw.testing import verify_addon


class VerifyTests(SynchronousTestCase):
    """What can be seen to be wrong."""

    def findings(self, addon: object) -> list[str]:
        return str(self.assertRaises(AssertionError, verify_addon, addon)).split("\n")

    def test_good(self) -> None:
        """Addons of all forms without a mistake: an object, a class, a module, bases, and an addon inside."""

        class Good(HTTPAddon):
            addons = [object()]
            max_pending = 3
            failure_policy = ("respond", 500)

            @in_thread
            def request(self, flow: Any) -> None:
                """A handler."""

        verify_addon(Good())
        verify_addon(Good)
        module = ModuleType("good")
        exec("def request(flow): pass", module.__dict__)
        verify_addon(module)

    def test_all_at_once(self) -> None:
        """All mistakes are told together, each once."""

        class Bad:
            failure_policy = "explode"
            max_pending = 0
            done = 5

            def request(self) -> None:
                """Too few arguments."""

            def respnse(self, flow: Any) -> None:
                """A slip of the pen."""

            def error(self, flow: Any) -> Any:
                yield flow

        self.assertEqual(
            self.findings(Bad()),
            [
                "addon bad: done is the name of a hook, but a int is bound to it; give it another name",
                "addon bad: request is called with (flow), but takes () -> None",
                "addon bad: error is a generator function, nothing of it would run; make it 'async def' without yield",
                "addon bad: failure_policy must be 'continue', 'kill', 'respond' or ('respond', status), not 'explode'",
                "addon bad: max_pending must be a number of 1 or more, not 0",
                "addon bad: respnse is not the name of a hook; did you mean response?",
            ],
        )

    def test_interface(self) -> None:
        """An interface that is declared and not provided."""

        @implementer(IHTTPAddon)
        class Half:  # type: ignore[misc]  # on purpose
            def request(self, flow: Any) -> None:
                """The only method."""

        self.assertIn("IHTTPAddon", self.findings(Half())[0])

    def test_body(self) -> None:
        """C{wants_body} that is no answer."""

        class Wants:
            wants_body = "yes"

            def request(self, flow: Any) -> None:
                """A handler."""

        self.assertEqual(self.findings(Wants()), ["addon wants: wants_body must be None, True or False, not 'yes'"])
        self.assertIsNotNone(wants_body)

    def test_thread(self) -> None:
        """A handler that cannot run in a thread."""

        class Layers:
            @in_thread
            def next_layer(self, layer: Any) -> None:
                """A layer cannot leave the reactor's thread."""

        self.assertIn("next_layer cannot run in a thread", self.findings(Layers())[0])

    def test_name(self) -> None:
        """A name that is none."""

        class Named:
            name = 7

        self.assertEqual(self.findings(Named()), ["the name of Named must be a text, not 7"])

    def test_inside(self) -> None:
        """Addons that another one brings are looked at too."""

        class Inner:
            def request(self) -> None:
                """Too few arguments."""

        class Outer:
            addons = [Inner()]

        self.assertEqual(self.findings(Outer()), ["addon inner: request is called with (flow), but takes () -> None"])

        class NoList:
            addons = 5

        self.assertEqual(self.findings(NoList()), ["addon nolist: addons must be a list, not a int"])
