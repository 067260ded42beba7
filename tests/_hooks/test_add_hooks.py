"""Tests for hooks that addons declare by C{loader.add_hooks}."""

from typing import Any

from twisted.trial.unittest import SynchronousTestCase
from zope.interface import Interface

from mitmtw._hooks.loader import Loader
from mitmtw.core_options import core_options
from mitmtw.errors import AddonError
from mitmtw.testing import Harness
from mitmtw.testing.network import Network


class ISmoke(Interface):
    def smoke(level: int) -> None:  # noqa: N805
        """Called when something burns."""


class Detector:
    """Declares a hook and listens to it."""

    def __init__(self, interface: Any = ISmoke) -> None:
        self.interface = interface
        self.heard: list[int] = []

    def load(self, loader: Any) -> None:
        loader.add_hooks(self.interface)

    def smoke(self, level: int) -> None:
        self.heard.append(level)


class Bell:
    """Listens to the hook of another addon."""

    def __init__(self) -> None:
        self.heard: list[int] = []

    def smoke(self, level: int) -> None:
        self.heard.append(level)


class AddHooksTests(SynchronousTestCase):
    """Declared when the addon is loaded."""

    def fire(self, harness: Harness, level: int) -> None:
        """Fire the hook."""
        proxy = harness.service.proxy
        assert proxy is not None
        self.successResultOf(proxy.hooks.fire("smoke", level))

    def test_everybody_hears(self) -> None:
        """The addon itself, those before it and those after it, and those that it brings."""
        detector, before, after, child = Detector(), Bell(), Bell(), Bell()
        before.name, after.name, child.name = "before", "after", "child"  # type: ignore[attr-defined]
        detector.addons = [child]  # type: ignore[attr-defined]
        harness = Harness(before, detector, after)
        self.fire(harness, 3)
        self.assertEqual([each.heard for each in (before, detector, child, after)], [[3]] * 4)
        harness.stop()

    def test_again(self) -> None:
        """What a script declared before it was loaded anew it may declare again."""

        class Again(Interface):
            def smoke(level: int) -> None:  # noqa: N805
                """Called when something burns."""

        Again.__name__ = "ISmoke"
        detector, other = Detector(), Detector(Again)
        other.name = "other"  # type: ignore[attr-defined]
        harness = Harness(detector, other)
        self.fire(harness, 1)
        self.assertEqual((detector.heard, other.heard), ([1], [1]))
        harness.stop()

    def test_taken(self) -> None:
        """A name that another interface has is refused, and the proxy does not start."""

        class IOther(Interface):
            def request(flow: Any) -> None:  # noqa: N805
                """Called never."""

        harness = Harness(Detector(IOther))
        self.assertTrue(harness.failures[0].check(AddonError))
        self.assertIn("request", harness.failures[0].getErrorMessage())
        harness.stop()

    def test_wrong_arguments(self) -> None:
        """A handler that is there already and takes other arguments is found."""

        class Wrong:
            def smoke(self) -> None:
                """Takes nothing."""

        harness = Harness(Wrong(), Detector())
        self.assertTrue(harness.failures[0].check(AddonError))
        harness.stop()

    def test_nowhere(self) -> None:
        """Without a dispatcher there is nowhere to declare hooks."""
        self.assertRaises(AddonError, Loader(core_options(), "x", Network()).add_hooks, ISmoke)
