"""
Fixtures for pytest, there wherever mitmtw is installed: C{mitmtw_proxy} starts proxies, C{mitmtw_origin} servers.

    def test_header(mitmtw_proxy, mitmtw_origin):
        origin = mitmtw_origin({"/": make_response()})
        proxy = mitmtw_proxy(addons=[MyAddon()])
        response = requests.get(origin.url, proxies={"http": proxy.url})

The reactor runs in a thread of its own, from the first use to the end of the session, so that tests may block as they
like. Addons run in that thread: what a test wants to do to them while there is traffic goes through C{proxy.call}.
"""

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any, NoReturn

import pytest

if TYPE_CHECKING:
    from mitmtw.model import Request, Response
    from mitmtw.testing.canned import Answers
    from mitmtw.testing.running import RunningOrigin, RunningProxy

__all__ = ["BlockingProxy", "ReactorThread", "mitmtw_origin", "mitmtw_proxy", "mitmtw_reactor"]

_PATIENCE = 30.0  # seconds that the reactor may take for one thing; more than drain_timeout and done_timeout


class ReactorThread:
    """
    The reactor, running in a thread.

    @ivar reactor: the reactor.
    """

    def __init__(self) -> None:
        """
        Start it.

        @raise RuntimeError: somebody else runs the reactor already.
        """
        from twisted.internet import reactor  # noqa: TID251 - pytest has no reactor of its own to give

        self.reactor: Any = reactor
        if self.reactor.running:
            raise RuntimeError(
                "the reactor is running already, by another plugin perhaps; start mitmtw.testing.RunningProxy on it"
            )
        started = threading.Event()
        self.reactor.callWhenRunning(started.set)
        self._thread = threading.Thread(
            target=self.reactor.run, kwargs={"installSignalHandlers": False}, name="mitmtw-reactor", daemon=True
        )
        self._thread.start()
        if not started.wait(_PATIENCE):
            raise RuntimeError("the reactor did not start")

    def call(self, function: Callable[..., Any], *arguments: Any, **named: Any) -> Any:
        """
        Call a function in the reactor's thread, and wait for its result, or for that of the Deferred it returns.

        @raise Exception: what it raises.
        @raise TimeoutError: it takes more than half a minute.
        """
        from twisted.internet.threads import blockingCallFromThread

        def bounded() -> Any:
            outcome = function(*arguments, **named)
            if hasattr(outcome, "addTimeout"):
                outcome.addTimeout(_PATIENCE, self.reactor, too_late)
            return outcome

        def too_late(_result: object, seconds: float) -> NoReturn:
            raise TimeoutError(f"there was no result within {seconds:g} s")

        return blockingCallFromThread(self.reactor, bounded)

    def stop(self) -> None:
        """End the reactor; it cannot be started again in this process."""
        self.reactor.callFromThread(self.reactor.stop)
        self._thread.join(_PATIENCE)


class BlockingProxy:
    """
    A proxy for code that blocks.

    @ivar port: where it listens, on 127.0.0.1.
    @ivar url: its URL.
    @ivar ca_file: the path of the certificate that its clients have to trust.
    """

    def __init__(self, thread: ReactorThread, proxy: "RunningProxy") -> None:
        self.port = proxy.port
        self.url = proxy.url
        self.ca_file = proxy.ca_file
        self._proxy = proxy
        self._thread = thread

    def fetch(self, request: "Request | str") -> "Response | None":
        """Ask one thing through the proxy, see L{RunningProxy.fetch}."""
        response: Response | None = self._thread.call(self._proxy.fetch, request)
        return response

    def call(self, function: Callable[..., Any], *arguments: Any) -> Any:
        """Call a function in the reactor's thread, see L{ReactorThread.call}."""
        return self._thread.call(function, *arguments)


@pytest.fixture(scope="session")
def mitmtw_reactor() -> Iterator[ReactorThread]:
    """The reactor, in a thread."""
    thread = ReactorThread()
    yield thread
    thread.stop()


@pytest.fixture
def mitmtw_proxy(mitmtw_reactor: ReactorThread) -> Iterator[Callable[..., BlockingProxy]]:
    """
    A function that starts a proxy with C{addons}, C{scripts} and any options, and gives a L{BlockingProxy}; all of them
    are stopped when the test is over.
    """
    from mitmtw.testing.running import RunningProxy

    def start(addons: Sequence[object] = (), *, scripts: Sequence[str] = (), **options: object) -> BlockingProxy:
        """Start a proxy."""
        proxy = mitmtw_reactor.call(
            RunningProxy, mitmtw_reactor.reactor, addons, scripts=[str(script) for script in scripts], options=options
        )
        stack.callback(mitmtw_reactor.call, proxy.stop)
        return BlockingProxy(mitmtw_reactor, proxy)

    with ExitStack() as stack:
        yield start


@pytest.fixture
def mitmtw_origin(mitmtw_reactor: ReactorThread) -> "Iterator[Callable[..., RunningOrigin]]":
    """
    A function that starts a server with canned answers (L{mitmtw.testing.canned}), C{tls=True} for HTTPS, and gives a
    L{mitmtw.testing.RunningOrigin}; all of them are stopped when the test is over.
    """
    from mitmtw.testing.running import RunningOrigin

    def start(answers: "Answers", *, tls: bool = False) -> RunningOrigin:
        """Start a server."""
        origin: RunningOrigin = mitmtw_reactor.call(RunningOrigin, mitmtw_reactor.reactor, answers, tls=tls)
        stack.callback(mitmtw_reactor.call, origin.stop)
        return origin

    with ExitStack() as stack:
        yield start
