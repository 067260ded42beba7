"""Tests for L{mitmtw._hooks.verify}: mistakes that are found when an addon is loaded."""

import os
from collections.abc import AsyncGenerator, Generator
from functools import partial

from mitmtw.addon import Addon
from mitmtw.errors import AddonError
from tests._hooks.fakes import Flow, HooksTestCase, addon


class RefusalTests(HooksTestCase):
    """What is refused, in one line that names the addon."""

    def assert_refused(self, what: str, **attributes: object) -> None:
        error = str(self.assertRaises(AddonError, self.hooks.add, addon(**attributes)))
        self.assertIn(what, error)
        self.assertIn("probe", error)
        self.assertNotIn("\n", error)

    def test_no_callable(self) -> None:
        """A hook's name bound to something that cannot be called."""
        self.assert_refused("log is the name of a hook, but a int is bound to it", log=7)
        self.assert_refused("but the class Flow", request=Flow)

    def test_generators(self) -> None:
        """Generator functions, behind partial too."""

        def request(flow: Flow) -> Generator[int, None, None]:
            yield 1

        async def response(flow: Flow) -> AsyncGenerator[int, None]:
            yield 1

        self.assert_refused("request is a generator function", request=request)
        self.assert_refused("request is a generator function", request=partial(request))
        self.assert_refused("response is a generator function", response=response)

    def test_arguments(self) -> None:
        """Too many and too few parameters; the message shows both."""
        self.assert_refused("request is called with (flow), but takes (flow, more)", request=lambda flow, more: None)
        self.assert_refused("tick is called with (), but takes (now)", tick=lambda now: None)
        self.assert_refused("configure is called with (options, updated)", configure=lambda: None)
        self.assert_refused("request is called with (flow)", request=lambda *, flow: None)

    def test_settings(self) -> None:
        """Wrong values of the attributes that an addon may have."""
        for policy in ("retry", ("respond", 1000), ("respond", "503"), ("respond",), 503, None):
            self.assert_refused("failure_policy must be", failure_policy=policy)
        for limit in (0, -1, "2", True, 1.5):
            self.assert_refused("max_pending must be", max_pending=limit)
        self.assert_refused("wants_body must be", wants_body="yes", request=lambda flow: None)

    def test_name(self) -> None:
        """A name that is no text."""
        for name in (7, ""):
            self.assertIn("must be a text", str(self.assertRaises(AddonError, self.hooks.add, addon(name=name))))


class AcceptedTests(HooksTestCase):
    """What is taken, though it looks odd."""

    def test_modules(self) -> None:
        """A module that happens to have a hook's name is no handler."""
        self.add(addon(log=os))
        self.assertIsNone(self.hooks.log)

    def test_defaults_and_partials(self) -> None:
        """Further parameters with defaults, star arguments, partials, built-in functions."""
        seen: list[object] = []
        self.add(
            addon(name="a", request=lambda flow, more=1: seen.append("a")),
            addon(name="b", request=lambda *flow: seen.append("b")),
            addon(name="c", request=partial(lambda name, flow: seen.append(name), "c")),
            addon(name="d", request=seen.append),
        )
        self.request()
        self.assertEqual(seen, ["a", "b", "c", self.flow])

    def test_configure(self) -> None:
        """C{configure} takes both arguments, or the names alone."""
        seen: list[object] = []
        self.add(
            addon(name="two", configure=lambda options, updated: seen.append((options, updated))),
            addon(name="one", configure=lambda updated: seen.append(updated)),
        )
        self.successResultOf(self.hooks.fire("configure", "view", {"x"}))
        self.assertEqual(seen, [("view", {"x"}), {"x"}])

    def test_no_handlers(self) -> None:
        """An addon without handlers is none the worse."""
        self.add(object())


class NearMissTests(HooksTestCase):
    """Names that are almost those of hooks."""

    def test_warned(self) -> None:
        """A slip of the pen is warned of, with the name that was meant."""
        self.add(addon(respnse=lambda flow: None, client_connected=lambda client: None))
        self.assertEqual(
            sorted(self.logged("warn")),
            [
                "addon probe: client_connected is not the name of a hook; did you mean clientconnect?",
                "addon probe: respnse is not the name of a hook; did you mean response?",
            ],
        )

    def test_not_warned(self) -> None:
        """Other methods, private ones, values, and those that could not be called like the hook are let be."""
        self.add(addon(refresh=lambda flow: None, _respnse=lambda flow: None, requests=[], respons=lambda: None))
        self.add(Addon())
        self.assertEqual(self.events, [])
