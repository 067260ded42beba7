"""
The dispatcher: for each hook one callable that runs the handlers of all addons that listen.

It is made anew whenever the chain changes, so that an event costs one call for each handler and nothing else as long as
all of them answer None. From the first other answer on, L{mitmtw._hooks.event.Event} goes on.
"""

from collections.abc import Callable, Container, Mapping
from types import MappingProxyType
from typing import Any

from twisted.internet.defer import Deferred, fail, succeed
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger
from twisted.python.failure import Failure
from zope.interface import implementer
from zope.interface.interface import InterfaceClass

from mitmtw._hooks.answers import PENDING, invoke, settle
from mitmtw._hooks.attributes import HookAttributes
from mitmtw._hooks.chain import Chain, Link, Listener
from mitmtw._hooks.event import Event, LayerEvent, Step
from mitmtw._hooks.hold import Hold
from mitmtw._hooks.pins import Pins
from mitmtw._hooks.retire import retire
from mitmtw._hooks.table import TABLE, HookSpec, table_of
from mitmtw._hooks.threads import threads_of
from mitmtw._hooks.waiting import Patience, Waiting
from mitmtw.errors import AddonError
from mitmtw.interfaces import IHooks
from mitmtw.interfaces.gates import ASK, LIFECYCLE

__all__ = ["Hooks"]

_Dispatch = Callable[..., Deferred[None] | None]


@implementer(IHooks)
class Hooks(HookAttributes):
    """
    The dispatcher.

    @ivar chain: the addons.
    @ivar table: all hooks there are, those of L{declare} included.
    @ivar patience: C{timeout} and C{slow_warning} may be set at any time, they count for calls from then on.
    @ivar pins: the flows that began before a script was replaced by its new version.
    @ivar hold: keeps events while it is there; L{rebuild} has to be called when it comes and goes.
    @ivar rebuilt: called without arguments after each change of the hooks' attributes.
    @ivar wants_request_body: 0 nobody wants whole request bodies, 1 somebody does but not of streams by nature, 2
        always.
    @ivar wants_response_body: the same for response bodies.
    """

    def __init__(
        self, clock: IReactorTime, *, timeout: float = 60.0, slow_warning: float = 5.0, log: Logger | None = None
    ) -> None:
        """
        Begin with no addon.

        @param timeout: seconds that a handler may be pending; 0 is for ever.
        @param slow_warning: seconds after which a pending handler is reported; 0 is never.
        """
        self.logger = log or Logger()
        self.patience = Patience(clock, self.logger, timeout, slow_warning)
        self.table: Mapping[str, HookSpec] = TABLE
        self.chain = Chain(self.table, self.logger, threads_of(clock))
        self.pins = Pins()
        self.hold: Hold | None = None
        self.rebuilt: list[Callable[[], None]] = []
        self.wants_request_body = 0
        self.wants_response_body = 0

    def declare(self, interface: InterfaceClass) -> None:
        """
        Add the hooks of an addon's own interface, for addons that are here or come later to listen to.

        @raise AddonError: one of them has the name of another hook, or of something that the dispatcher itself has.
        """
        new = table_of([interface])
        for name in new:
            if name in self.table or hasattr(self, name):
                raise AddonError(f"the hook {name} of {interface.__name__} is there already")
        self.chain.learn(new)
        self.table = self.chain.table = MappingProxyType({**self.table, **new})
        self.rebuild()

    def fire(self, name: str, *args: object) -> Deferred[None]:
        """
        Run a hook by its name.

        @return: fires with None when the last handler is done; already fired when nobody was waited for.
        @raise AddonError: there is no hook of this name.
        """
        if name not in self.table:
            raise AddonError(f"there is no hook called {name}")
        hook: _Dispatch | None = getattr(self, name)
        pending = None if hook is None else hook(*args)
        return succeed(None) if pending is None else pending

    def fire_but(self, left_out: Container[object], name: str, *args: object) -> Deferred[None] | None:
        """Run a hook for all that listen but some; None when nobody was waited for."""
        steps = iter([step for step in self._steps(name) if step[1].link not in left_out])
        return Event(self.patience, steps, args).run()

    def ask(self, listener: Listener, arguments: tuple[object, ...], timeout: float | None = None) -> Deferred[Any]:
        """
        Call one addon's handler alone, past its line.

        @param timeout: seconds, instead of the ordinary ones; 0 is for ever.
        @return: fires with the handler's answer, or fails as it does, or with L{HookTimedOut}.
        """
        outcome = invoke(listener.handler, arguments)
        if not isinstance(outcome, PENDING):
            return fail(outcome) if isinstance(outcome, Failure) else succeed(outcome)

        answer: Deferred[Any] = Deferred(lambda _: waiting.abandon())
        waiting = Waiting(listener, arguments, outcome, self.patience, answer.callback, timeout)
        return answer

    def add(self, addon: object, *, parent: Link | None = None) -> Link:
        """
        Put an addon and those that it brings into the chain and let them take part at once, without any event of
        their own life; L{mitmtw._hooks.lifecycle.Lifecycle} is what starts and configures them.

        @raise AddonError: something is wrong with it, or its name is taken.
        """
        link = self.chain.add(addon, parent)
        try:
            self._add_children(link)
        except AddonError:
            self.chain.remove(link)
            raise
        self.activate(link)
        return link

    def _add_children(self, link: Link) -> None:
        for child in self.chain.add_children(link):
            self._add_children(child)

    def activate(self, *links: Link) -> None:
        """Let links and all below them take part, from the next event on."""
        for link in links:
            for one in link.subtree():
                one.is_active = True
        self.rebuild()

    def remove(self, addon: object, *, drain: float = 5.0, done_timeout: float = 5.0) -> Deferred[None]:
        """
        Take an addon out, and those that it brought. From the next event on it takes no part. Its calls that are
        pending may finish for C{drain} seconds, then they are cancelled, which counts as their failure; then it gets
        C{done}, after its children.

        @param addon: the addon, what was added for it, or its name.
        @param done_timeout: seconds for each C{done}.
        @return: fires with None after the last C{done}.
        @raise AddonError: it is not in the chain.
        """
        gone = self.chain.remove(self.chain.find(addon))
        for link in gone:
            link.is_active = False
        self.rebuild()
        return retire(self, gone, drain, done_timeout)

    def rebuild(self) -> None:
        """Make all attributes anew from the chain; events that have begun keep what they have."""
        for name, spec in self.table.items():
            setattr(self, name, self._dispatch_of(spec))
        wishes = {name: self._wish(name) for name in ("request", "response")}
        self.wants_response_body = wishes["response"]
        self.wants_request_body = max(wishes.values())  # who listens to the response may read the request's body there
        for observer in list(self.rebuilt):
            observer()

    def listeners(self, name: str) -> list[Listener]:
        """Those that take part in a hook, in chain order."""
        return [step[1] for step in self._steps(name)]

    def _wish(self, name: str) -> int:
        eras = {self.pins.era, *self.pins.eras()}
        return max((step[1].wish for era in eras for step in self._steps(name, era)), default=0)

    def _steps(self, name: str, era: int | None = None) -> list[Step]:
        """Those that take part in a hook, for flows of an era; of the present one unless given."""
        of = self.pins.era if era is None else era
        links = (link for link in self.chain if link.is_active and link.since <= of)
        found = (link.listeners.get(name) for link in links if link.until is None or of < link.until)
        return [(listener.function, listener) for listener in found if listener is not None]

    def _dispatch_of(self, spec: HookSpec) -> _Dispatch | None:
        if self.hold is not None and spec.gate != LIFECYCLE and spec.name != "log":
            return self.hold.entry(spec.name)
        present = self._dispatch_in(spec, self.pins.era)
        if not self.pins:
            return present
        earlier = {era: self._dispatch_in(spec, era) for era in self.pins.eras()}
        return self.pins.dispatch(present, earlier)

    def _dispatch_in(self, spec: HookSpec, era: int) -> _Dispatch | None:
        steps = tuple(self._steps(spec.name, era))
        if not steps:
            return None
        if spec.returns_layer:
            return _layer_dispatch(self.patience, steps)
        if len(steps) > 1 and spec.arguments == ("flow",) and spec.gate == ASK and spec.name != "error":
            return _flow_dispatch(self.patience, steps)
        if len(spec.arguments) == 1:
            return _one_dispatch(self.patience, steps)
        return _any_dispatch(self.patience, steps)


def _one_dispatch(patience: Patience, steps: tuple[Step, ...]) -> _Dispatch:
    """The callable of a hook with one argument; every instruction in it is paid for in each exchange."""

    def dispatch(subject: object) -> Deferred[None] | None:
        rest = iter(steps)
        for function, listener in rest:
            try:
                outcome = function(subject)
                if outcome is None or (outcome := settle(outcome)) is None:
                    continue
            except Exception:
                outcome = Failure()
            return Event(patience, rest, (subject,)).begin(listener, outcome)
        return None

    return dispatch


def _flow_dispatch(patience: Patience, steps: tuple[Step, ...]) -> _Dispatch:
    """
    The same for several that listen to a hook of a live flow: when one of them kills it, those after it are not called,
    as after one that takes its time and kills it.
    """

    def dispatch(flow: Any) -> Deferred[None] | None:
        rest = iter(steps)
        for function, listener in rest:
            try:
                outcome = function(flow)
                if outcome is None or (outcome := settle(outcome)) is None:
                    if flow.killed:
                        return None
                    continue
            except Exception:
                outcome = Failure()
            return Event(patience, rest, (flow,)).begin(listener, outcome)
        return None

    return dispatch


def _any_dispatch(patience: Patience, steps: tuple[Step, ...]) -> _Dispatch:
    """The callable of a hook with any number of arguments."""

    def dispatch(*arguments: object) -> Deferred[None] | None:
        return Event(patience, iter(steps), arguments).run()

    return dispatch


def _layer_dispatch(patience: Patience, steps: tuple[Step, ...]) -> _Dispatch:
    """The callable of a hook whose argument handlers may replace."""

    def dispatch(layer: object) -> Deferred[None] | None:
        return LayerEvent(patience, iter(steps), (layer,)).run()

    return dispatch
