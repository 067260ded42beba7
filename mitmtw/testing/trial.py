"""
For tests with C{twisted.trial} that need real sockets: browsers, other programs, real time.
"""

from collections.abc import Callable, Sequence
from typing import Any

from mitmtw.testing.canned import Answers
from mitmtw.testing.running import RunningOrigin, RunningProxy

__all__ = ["ProxyMixin"]


class ProxyMixin:
    """
    Gives a C{twisted.trial.unittest.TestCase} proxies and servers, which are stopped when the test is over::

        class MyTests(ProxyMixin, TestCase):
            async def test_header(self):
                origin = self.start_origin({"/": make_response()})
                proxy = self.start_proxy(addons=[MyAddon()])
                response = await proxy.fetch(f"{origin.url}/")
    """

    def start_proxy(
        self,
        addons: Sequence[object] = (),
        *,
        scripts: Sequence[str] = (),
        listeners: Sequence[str] = ("tcp:0:interface=127.0.0.1",),
        **options: object,
    ) -> RunningProxy:
        """Start a proxy on trial's reactor, see L{RunningProxy}."""
        proxy = RunningProxy(_reactor(), addons, scripts=scripts, listeners=listeners, options=options)
        self._at_end(proxy.stop)
        return proxy

    def start_origin(
        self, answers: Answers, *, tls: bool = False, names: Sequence[str] = ("localhost", "127.0.0.1")
    ) -> RunningOrigin:
        """Start a server on trial's reactor, see L{RunningOrigin}."""
        origin = RunningOrigin(_reactor(), answers, tls=tls, names=names)
        self._at_end(origin.stop)
        return origin

    def _at_end(self, stop: Callable[[], object]) -> None:
        """Have this called when the test is over."""
        case: Any = self  # a mixin cannot say that its user is a test case
        case.addCleanup(stop)


def _reactor() -> Any:
    """The reactor that trial runs; installed by the first import, which must not be that of this module."""
    from twisted.internet import reactor  # noqa: TID251 - trial's own

    return reactor
