"""What the tests of this room share: a dispatcher on a clock that stands still, a log that is a list, simple flows."""

from collections.abc import Callable
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.logger import ILogObserver, LogEvent, Logger, LogPublisher, formatEvent
from twisted.trial.unittest import SynchronousTestCase
from typing_extensions import override
from zope.interface import implementer

from mitmtw._hooks import Hooks


class Flow:
    """As much of a flow as the dispatcher looks at."""

    def __init__(self, number: int = 1) -> None:
        self.id = f"flow-{number}"
        self.intercepted = False
        self.killed = False
        self.response: Any = None
        self.seen: list[str] = []
        self.on_kill: Callable[[], object] = lambda: None
        self._resumed: list[Callable[[], object]] = []

    def kill(self) -> None:
        self.killed = True
        self.on_kill()

    def when_resumed(self, callback: Callable[[], object]) -> None:
        self._resumed.append(callback)

    def resume(self) -> None:
        self.intercepted = False
        for callback in self._resumed:
            callback()


@implementer(ILogObserver)
class Kept:
    """An observer of a log that keeps its events in a list."""

    def __init__(self, events: list[Any]) -> None:
        self._events = events

    def __call__(self, event: LogEvent) -> None:
        self._events.append(event)


class Seer:
    """An addon that notes its name on each flow at C{request}."""

    def __init__(self, name: str) -> None:
        self.name = name

    def request(self, flow: Flow) -> None:
        flow.seen.append(self.name)


class HooksTestCase(SynchronousTestCase):
    """Makes the dispatcher, and holds that nothing is left on the clock and nothing unexpected in the log."""

    @override
    def setUp(self) -> None:
        self.clock = Clock()
        self.events: list[Any] = []
        self.publisher = LogPublisher(Kept(self.events))
        self.hooks = self.make_hooks()
        self.flow = Flow()

    def make_hooks(self, timeout: float = 60.0, slow_warning: float = 5.0) -> Hooks:
        logger = Logger(namespace="mitmtw._hooks", observer=self.publisher)
        return Hooks(self.clock, timeout=timeout, slow_warning=slow_warning, log=logger)

    def logged(self, level: str = "") -> list[str]:
        """The texts of what was logged, of one level if given."""
        return [formatEvent(event) for event in self.events if not level or event["log_level"].name == level]

    def add(self, *addons: object) -> None:
        """Put addons into the chain, at once."""
        for addon in addons:
            self.hooks.add(addon)

    def request(self, flow: Flow | None = None) -> "Deferred[None] | None":
        """Fire C{request}."""
        assert self.hooks.request is not None
        return self.hooks.request(flow or self.flow)

    def waiting(self, flow: Flow | None = None) -> "Deferred[None]":
        """Fire C{request} and give the Deferred that it is expected to return."""
        pending = self.request(flow)
        assert pending is not None
        return pending

    def assert_nothing_left(self) -> None:
        """No delayed call is left, and no call counts as pending."""
        self.assertEqual(self.clock.getDelayedCalls(), [])
        for link in self.hooks.chain:
            self.assertEqual(link.pending, set())


def addon(**attributes: Any) -> Any:
    """An addon of functions that take no C{self}."""
    name = attributes.pop("name", "probe")
    functions = {key: staticmethod(value) if callable(value) else value for key, value in attributes.items()}
    return type("Probe", (), {**functions, "name": name})()
