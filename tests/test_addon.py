"""Tests for L{mitmtw.addon}."""

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase
from zope.interface import providedBy
from zope.interface.verify import verifyObject

from mitmtw import addon, errors
from mitmtw._hooks import Hooks
from mitmtw._hooks.table import TABLE
from mitmtw.addon import Addon, HTTPAddon, is_no_op, wants_body
from mitmtw.errors import AddonError
from mitmtw.interfaces import ADDON_INTERFACES


class BaseTests(SynchronousTestCase):
    """The bases are complete and cost nothing."""

    def test_verify(self) -> None:
        """Each base provides its interface, and C{Addon} all of them."""
        everything = Addon()
        for interface in ADDON_INTERFACES:
            verifyObject(interface, everything)
            base = getattr(addon, interface.__name__[1:])
            verifyObject(interface, base())
            self.assertEqual(list(providedBy(base())), [interface])
            self.assertIn(base.__name__, addon.__all__)

    def test_no_ops(self) -> None:
        """All hooks of the bases are no-ops that give None; an overriding method is none."""

        class Loud(HTTPAddon):
            def request(self, flow: object) -> None:
                pass

        everything = Addon()
        for name, spec in TABLE.items():
            method = getattr(everything, name)
            self.assertTrue(is_no_op(method), name)
            self.assertIsNone(method(*spec.arguments))
        self.assertFalse(is_no_op(Loud().request))
        self.assertTrue(is_no_op(Loud().response))

    def test_left_out(self) -> None:
        """The dispatcher does not call inherited no-ops."""
        hooks = Hooks(Clock())
        hooks.add(Addon())
        self.assertEqual([name for name in TABLE if getattr(hooks, name) is not None], [])

    def test_re_exports(self) -> None:
        """Authors find what they raise here."""
        self.assertIs(addon.StopChain, errors.StopChain)
        self.assertIs(addon.OptionsError, errors.OptionsError)


class WantsBodyTests(SynchronousTestCase):
    """The mark of a handler."""

    def test_mark(self) -> None:
        """The decorator gives the function itself, with the wish on it."""

        def request(flow: object) -> None:
            pass

        self.assertIs(wants_body(False)(request), request)
        self.assertIs(request.__dict__["wants_body"], False)

    def test_nonsense(self) -> None:
        """Anything but True, False and None is refused where it stands."""
        self.assertRaises(AddonError, wants_body, "yes")
