"""What the tests of addons' lives share: addons that note all events of theirs, on real options."""

from typing import Any

from twisted.internet.defer import Deferred
from typing_extensions import override

from mitmtw._hooks.lifecycle import Lifecycle
from mitmtw.addon import Addon
from mitmtw.interfaces import ILoader
from mitmtw.options import Option, Options
from tests._hooks.fakes import HooksTestCase


class Witness(Addon):
    """Notes all events of its life; attributes change how it answers."""

    def __init__(self, log: list[str], name: str, **answers: Any) -> None:
        self.events = log
        self.name = name
        self.answers = answers
        self.addons: list[object] = answers.pop("addons", [])

    def _note(self, what: str) -> Any:
        self.events.append(f"{self.name}.{what}")
        answer = self.answers.get(what.split()[0])
        if isinstance(answer, Exception):
            raise answer
        return answer() if callable(answer) and not isinstance(answer, type) else answer

    @override
    def load(self, loader: ILoader) -> Any:
        return self._note("load")

    @override
    def start(self) -> Any:
        return self._note("start")

    @override
    def configure(self, options: Any, updated: Any) -> Any:
        return self._note(f"configure {' '.join(sorted(updated))} {options.color}")

    @override
    def running(self) -> Any:
        return self._note("running")

    @override
    def request(self, flow: Any) -> Any:
        return self._note("request")

    @override
    def done(self) -> Any:
        return self._note("done")


class LifecycleTestCase(HooksTestCase):
    """Has options with a color and a size, and a life that has not begun."""

    @override
    def setUp(self) -> None:
        super().setUp()
        self.options = Options([Option("color", "str", "red", "A color."), Option("size", "int", 1, "A size.")])
        self.life = Lifecycle(self.hooks, self.options, self.clock)
        self.seen: list[str] = []

    def witness(self, name: str, **answers: Any) -> Witness:
        """An addon that notes its events."""
        return Witness(self.seen, name, **answers)

    def begin(self, *addons: object) -> "Deferred[None]":
        """Add addons and start."""
        for one in addons:
            self.successResultOf(self.life.add_addon(one))
        return self.life.startup()

    def started(self, *addons: object) -> None:
        """Start all the way, and forget what was noted."""
        self.successResultOf(self.begin(*addons))
        self.successResultOf(self.life.running())
        self.seen.clear()

    def ended(self) -> None:
        """Shut down."""
        ended = self.life.shutdown()
        self.clock.advance(0)
        self.successResultOf(ended)
        self.assert_nothing_left()
