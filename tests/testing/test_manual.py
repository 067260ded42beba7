"""Tests that hold the manual to its word: the code in it is run."""

import re
import textwrap
from pathlib import Path
from typing import Any

from twisted.internet.task import deferLater
from twisted.trial.unittest import SynchronousTestCase

import mitmtw.testing
from mitmtw.errors import OptionsError

PAGE = Path(__file__).parents[2] / "docs" / "howto" / "test-an-addon.rst"


def blocks() -> list[str]:
    """The literal blocks of the page, in order."""
    found = re.findall(r"::\n\n((?:    .*\n|\n)+)", PAGE.read_text("utf-8"))
    return [textwrap.dedent(block) for block in found]


class ManualTests(SynchronousTestCase):
    """C{docs/howto/test-an-addon.rst}."""

    def names(self, *numbers: int) -> dict[str, Any]:
        """The names that these blocks define, with all that the page takes for granted."""
        names: dict[str, Any] = {name: getattr(mitmtw.testing, name) for name in mitmtw.testing.__all__}
        names |= {"OptionsError": OptionsError, "deferLater": deferLater}
        for number in numbers:
            exec(blocks()[number], names)
        return names

    def test_addon(self) -> None:
        """The addon has nothing wrong with it, and the two tests of it pass."""
        names = self.names(0, 1, 2, 3)
        names["test_response"](self)
        names["test_exchange"](self)

    def test_bytes(self) -> None:
        """The proxy that is driven byte by byte does what the page says."""
        self.names(4)

    def test_real_sockets(self) -> None:
        """The test case for trial and the test for pytest are what they seem; their kind is run elsewhere."""
        names = self.names(0, 5)
        self.assertTrue(issubclass(names["ShoutTests"], mitmtw.testing.ProxyMixin))
        self.assertIn("def test_with_requests(mitmtw_proxy, mitmtw_origin)", blocks()[6])
