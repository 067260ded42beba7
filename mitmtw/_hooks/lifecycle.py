"""
The life of addons: they are loaded, started, configured, told of changed options, and ended.

All of this happens one after another: an addon that is added, one that is removed and a change of options each wait for
what was asked for before.
"""

from collections.abc import Callable, Coroutine, Iterable, Mapping
from collections.abc import Set as AbstractSet
from typing import Any, Protocol

from twisted.internet.defer import CancelledError, Deferred, DeferredLock, fail, succeed
from twisted.internet.interfaces import IReactorTime
from twisted.python.failure import Failure

from mitmtw._hooks.chain import Link
from mitmtw._hooks.dispatch import Hooks
from mitmtw._hooks.event import report_misuse
from mitmtw._hooks.loader import Loader, TakesOptions, declare_options
from mitmtw._hooks.retire import retire
from mitmtw._hooks.ticker import Ticker
from mitmtw._hooks.waiting import report_failure
from mitmtw.errors import AddonError, OptionsError, StopChain

__all__ = ["REPLACEMENT_DEPTH", "IsOptions", "Lifecycle"]

REPLACEMENT_DEPTH = 8  # how often a start may answer with another addon, whose start answers with another one, ...

# What nobody means as a replacement when start returns it.
_NO_ADDONS = (bool, int, float, str, bytes, dict, set, frozenset)


class IsOptions(TakesOptions, Protocol):
    """What is used of the options."""

    @property
    def view(self) -> Any:
        """The live, read-only view that addons are given."""

    def names(self) -> Iterable[str]:
        """The names of all options."""

    def apply(self, changes: Mapping[str, object]) -> Mapping[str, object]:
        """Set values, all or none, and give the old ones of those that changed; C{OptionsError} when one is refused."""


class Lifecycle:
    """
    Starts, configures and ends the addons of a chain.

    Three options are used, where they exist: C{tick_interval}, C{done_timeout} and C{drain_timeout} (seconds).

    @ivar redeclaring: where the new version of a script declares its options while it is started; None at other times.
    """

    def __init__(self, hooks: Hooks, options: IsOptions, clock: IReactorTime) -> None:
        self._hooks = hooks
        self._options = options
        self._clock = clock
        self.redeclaring: TakesOptions | None = None
        self._ticker = Ticker(hooks, clock, lambda: self._option("tick_interval", 0.1))
        self._lock = DeferredLock()
        self._operations: dict[Deferred[Any], None] = {}  # in the order in which they were asked for
        self._is_new = True
        self._is_running = False
        self._ending: list[Deferred[None]] | None = None
        self._is_over = False

    # -- what others ask for

    def add_addon(self, addon: object, *, is_optional: bool = False) -> Deferred[None]:
        """
        Put an addon at the end of the chain. Before L{startup} it only takes its place; later it is loaded, started and
        configured, and then takes part from the next event on.

        @param is_optional: when it cannot be loaded or started, that is logged, and the start goes on without it.
        @return: fires with None when it takes part; fails with L{AddonError} or C{OptionsError}; then it is not there.
        """
        if self._is_new:
            try:
                self._hooks.chain.add(addon).is_optional = is_optional
            except AddonError as error:
                if not is_optional:
                    return fail(Failure())
                self._log_left_out(error)
            return succeed(None)
        return self.in_turn(lambda: self._add(addon))

    def remove_addon(self, addon: object, *, drain: float | None = None) -> Deferred[None]:
        """
        Take an addon, and those that it brought, out of the chain; see L{Hooks.remove}.

        @param addon: the addon, what was added for it, or its name.
        @param drain: seconds that its pending calls may take; C{drain_timeout} unless given.
        @return: fires with None after its C{done}; fails with L{AddonError} when it is not there.
        """
        seconds = self.drain_timeout if drain is None else drain
        return self.in_turn(lambda: self._remove(addon, seconds))

    def update_options(self, changes: Mapping[str, object]) -> Deferred[None]:
        """
        Change options and call C{configure} of all addons with the names of those whose value is another now. When
        one of them refuses with C{OptionsError}, the change is undone and C{configure} is called again with the old
        values.

        @return: fires with None when all of them have answered; fails with C{OptionsError} when the change is refused.
        """
        return self.in_turn(lambda: self._update(changes))

    def startup(self) -> Deferred[None]:
        """
        Load, start and configure all addons; then they take part, and ticks begin.

        @return: fires with None when they do; fails with L{AddonError} or C{OptionsError} when one of them cannot be
            started or refuses the options; then L{shutdown} ends those that were started.
        """
        self._is_new = False
        return self.in_turn(self._startup)

    def running(self) -> Deferred[None]:
        """Fire C{running}; to be called once, when the ports are open."""
        self._is_running = True
        return self._hooks.fire("running")

    def stop_ticks(self) -> None:
        """Tick no more; to be called when shutdown begins, before flows are drained."""
        self._ticker.stop()

    def shutdown(self, *, drain: float = 0.0) -> Deferred[None]:
        """
        End all addons that were started: ticks stop, what is under way is cancelled, and C{done} is called in reverse
        order, once, however often this is called.

        @param drain: seconds that pending calls may take before; flows should have been drained by then.
        @return: fires with None after the last C{done}.
        """
        if self._is_over:
            return succeed(None)
        if self._ending is not None:
            also: Deferred[None] = Deferred()
            self._ending.append(also)
            return also
        self._ending = []
        self._ticker.stop()
        for operation in reversed(list(self._operations)):  # the last first, or the end of one would begin the next
            operation.cancel()
        return self._lock.run(lambda: Deferred.fromCoroutine(self._shutdown(drain)))

    # -- one at a time

    def in_turn(self, operation: Callable[[], Coroutine[Deferred[Any], Any, None]]) -> Deferred[None]:
        """Do something after all that was asked for before; fails with L{AddonError} when shutdown has begun."""
        if self._ending is not None or self._is_over:
            return fail(AddonError("the addons are being ended"))
        outcome: Deferred[None] = self._lock.run(lambda: Deferred.fromCoroutine(operation()))
        self._operations[outcome] = None

        def forget(result: Any) -> Any:
            self._operations.pop(outcome, None)
            return result

        return outcome.addBoth(forget)

    async def _startup(self) -> None:
        chain = self._hooks.chain
        chain.order()
        for root in list(chain.roots):
            await self._or_without(root, lambda link: self.boot(link, 0))
        chain.order()
        for root in list(chain.roots):
            await self._or_without(root, lambda link: self.configure_first(link.subtree()))
        self._hooks.activate(*chain)
        self._ticker.start()

    async def _or_without(self, root: Link, step: Callable[[Link], Coroutine[Deferred[Any], Any, None]]) -> None:
        """Do a step of the start with an addon; when it fails and the addon is optional, go on without it."""
        chain = self._hooks.chain
        others = set(chain.roots) - {root}
        try:
            await step(root)
        except (AddonError, OptionsError) as error:
            if not root.is_optional:
                raise
            gone = [link for one in list(chain.roots) if one not in others for link in chain.remove(one)]
            await self._end(gone, 0)
            self._log_left_out(error)

    def _log_left_out(self, error: Exception) -> None:
        self._hooks.logger.warn("an optional addon is left out: {reason}", reason=str(error))

    async def _add(self, addon: object) -> None:
        chain = self._hooks.chain
        known = set(chain)
        try:
            await self.boot(chain.add(addon), 0)
            chain.order()
            new = [link for link in chain if link not in known]
            await self.configure_first(new)
        except (AddonError, OptionsError, CancelledError):
            new = [link for link in chain if link not in known]
            for link in new:
                if link.parent not in new:
                    chain.remove(link)
            await self._end(new, 0)
            raise
        self._hooks.activate(*new)
        for link in new:
            await self.tell_running(link)

    async def _remove(self, addon: object, drain: float) -> None:
        await self._hooks.remove(addon, drain=drain, done_timeout=self.done_timeout)

    async def _update(self, changes: Mapping[str, object]) -> None:
        old = self._options.apply(changes)
        if not old:
            return
        names = frozenset(old)
        try:
            for link in list(self._hooks.chain):
                await self._configure(link, names)
        except (OptionsError, CancelledError):
            self._options.apply(old)
            if self._ending is None:
                await self._configure_back(names)
            raise

    async def _configure_back(self, names: AbstractSet[str]) -> None:
        """Tell all addons of the values that are back; to refuse these means nothing."""
        for link in list(self._hooks.chain):
            try:
                await self._configure(link, names)
            except OptionsError:
                report_failure(self._hooks.logger, link.listeners["configure"], (), Failure())

    async def _shutdown(self, drain: float) -> None:
        await self._end([link for link in self._hooks.chain if link.is_started], drain)
        for link in self._hooks.chain:
            link.is_active = False
        self._hooks.rebuild()
        self._is_over = True
        waiting, self._ending = self._ending or [], []
        for one in waiting:
            one.callback(None)

    async def _end(self, links: Iterable[Link], drain: float) -> None:
        started = [link for link in links if link.is_started]
        await retire(self._hooks, started, drain, self.done_timeout)

    # -- one addon

    async def boot(self, link: Link, depth: int) -> None:
        """Load and start an addon, and then what takes its place, or else those that it brings."""
        chain = self._hooks.chain
        link.is_started = True
        loader = Loader(self.redeclaring or self._options, link.name, self._clock, self._hooks)
        declare_options(link.addon, loader)
        await self.call(link, "load", loader)
        answer = await self.call(link, "start")
        if isinstance(answer, _NO_ADDONS):
            report_misuse(self._hooks.patience, link.listeners["start"], answer)
            answer = None
        if answer is not None and answer is not link.addon:
            if depth == REPLACEMENT_DEPTH:
                raise AddonError(f"addon {link.name}: start was answered with another addon for the {depth + 1}th time")
            new = chain.replace(link, answer if isinstance(answer, list | tuple) else [answer])
            link.is_started = link in new
            for one in new:
                if one is not link:
                    await self.boot(one, depth + 1)
        if link.is_started:
            for child in chain.add_children(link):
                await self.boot(child, depth)

    async def configure_first(self, links: Iterable[Link]) -> None:
        """Tell addons of all options; L{OptionsError} when one of them refuses."""
        for link in list(links):
            await self.call(link, "configure", self._options.view, set(self._options.names()))

    async def _configure(self, link: Link, names: AbstractSet[str]) -> None:
        """
        Tell one addon of changed options.

        @raise OptionsError: it refuses them. Other failures are logged.
        """
        listener = link.listeners.get("configure")
        if listener is None:
            return
        try:
            answer: object = await self._hooks.ask(listener, (self._options.view, set(names)))
        except (OptionsError, StopChain) as refusal:
            if isinstance(refusal, OptionsError):
                raise
        except Exception as error:
            if isinstance(error, CancelledError) and self._ending is not None:
                raise
            report_failure(self._hooks.logger, listener, (), Failure())
        else:
            if answer is not None:
                report_misuse(self._hooks.patience, listener, answer)

    async def tell_running(self, link: Link) -> None:
        """Tell an addon that came later that the ports are open, if they are."""
        if self._is_running:
            await self.call(link, "running")

    async def call(self, link: Link, hook: str, *arguments: object) -> object:
        """
        Call one addon's handler of a hook, if it has one, while it is being started.

        @return: the answer of C{start}; None from all others.
        @raise AddonError: it raised that itself, or it failed and its policy is not to go on, or it is the new version
            of a script.
        @raise OptionsError: it raised that itself.
        """
        listener = link.listeners.get(hook)
        if listener is None:
            return None
        try:
            answer: object = await self._hooks.ask(listener, arguments)
        except (AddonError, OptionsError):
            raise
        except StopChain:
            return None
        except Exception as error:
            if isinstance(error, CancelledError) and self._ending is not None:
                raise
            report_failure(self._hooks.logger, listener, (), Failure())
            if link.policy is not False or self.redeclaring is not None:
                raise AddonError(f"addon {link.name}: {hook} failed: {type(error).__name__}: {error}") from error
            return None
        if answer is not None and hook != "start":
            report_misuse(self._hooks.patience, listener, answer)
            return None
        return answer

    @property
    def done_timeout(self) -> float:
        """Seconds that one C{done} may take."""
        return self._option("done_timeout", 5.0)

    @property
    def drain_timeout(self) -> float:
        """Seconds that pending calls may take before an addon gets C{done}."""
        return self._option("drain_timeout", 5.0)

    def _option(self, name: str, default: float) -> float:
        return float(getattr(self._options.view, name, default))
