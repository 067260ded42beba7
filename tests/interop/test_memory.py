"""The measurement of memory, in small: a body of 64 MB must not be kept, whatever its way."""

import sys

from twisted.internet.threads import deferToThread
from twisted.trial.unittest import SkipTest

from tests.interop.cases import InteropCase
from tests.interop.memory import LIMIT_BYTES, Combination, measure

_SIZE = 64 * 1024 * 1024
_RATE = 200 * 1024 * 1024


class MemoryTests(InteropCase):
    """Some of the combinations of L{tests.interop.memory}, faster and shorter."""

    def setUp(self) -> None:
        super().setUp()
        if sys.platform != "linux":
            raise SkipTest("the peak of memory is read from /proc")

    async def _check(self, combination: Combination) -> None:
        directory = self.directory / "measured"
        directory.mkdir()
        outcome = await deferToThread(measure, combination, _SIZE, _RATE, directory)
        self.assertEqual(outcome.received, _SIZE)
        self.assertLess(outcome.rise, LIMIT_BYTES)

    async def test_download(self) -> None:
        """Down, in TLS, chunked, with a handler of C{responseheaders}."""
        await self._check(Combination(False, True, True, "responseheaders"))

    async def test_upload(self) -> None:
        """Up, plain, with a length."""
        await self._check(Combination(True, False, False))

    async def test_tcp_download(self) -> None:
        """Down in a tunnel, nobody listening."""
        await self._check(Combination(False, False, False, is_tcp=True))

    async def test_tcp_upload(self) -> None:
        """Up in a tunnel inside TLS, with a listener of C{tcp_message}: what it has heard is kept within its bounds."""
        await self._check(Combination(True, True, False, "tcp_message", is_tcp=True))
