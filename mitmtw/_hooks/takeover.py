"""
The new version of a script takes the place of the old one.

Nothing is under way with the old version: it gets C{done}, then the new one is started and configured, and events that
come meanwhile wait (L{mitmtw._hooks.hold}); so the two never hold the same file or port at one time. Flows are under
way: the new version is started and configured beside the old one, which goes on with its flows until they are over
(L{mitmtw._hooks.pins}), and then gets C{done}. In both cases a new version that cannot be started leaves the old one
where it was.
"""

import sys
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from twisted.internet.defer import CancelledError

from mitmtw._hooks.chain import Chain, Link
from mitmtw._hooks.dispatch import Hooks
from mitmtw._hooks.hold import Hold
from mitmtw._hooks.lifecycle import Lifecycle
from mitmtw._hooks.retire import end_one, retire
from mitmtw._hooks.script import ScriptAddon, take_state
from mitmtw._hooks.waiting import Waiting
from mitmtw.errors import AddonError, OptionsError
from mitmtw.options import Option, Options

__all__ = ["Leaving", "Takeover"]


@dataclass(slots=True)
class Leaving:
    """
    An old version that goes on with its flows.

    @ivar tops: the links that nobody else brought.
    @ivar until: the era in which the new version began.
    @ivar pending: the calls that were pending then, and are not to be waited for much longer.
    """

    tops: list[Link]
    until: int
    pending: list[Waiting]


class _Redeclared:
    """Options as the new version declares them; what the old one had declared can be brought back."""

    def __init__(self, options: Options) -> None:
        self._options = options
        self._changed: list[tuple[Option, Option | None]] = []

    def add(self, option: Option) -> None:
        """Declare an option."""
        is_new = option.name not in self._options
        old = self._options.replace(option)
        if is_new or old is not None:
            self._changed.append((option, old))

    def undo(self) -> None:
        """Forget the new declarations."""
        for option, old in reversed(self._changed):
            if old is None:
                self._options.remove(option)
            else:
                self._options.replace(old)


class Takeover:
    """One script, one new version; run by L{Lifecycle.in_turn}."""

    def __init__(
        self, life: Lifecycle, hooks: Hooks, options: Options, live_flows: Callable[[], Iterable[object]]
    ) -> None:
        """@param live_flows: gives the flows that are under way."""
        self._life = life
        self._hooks = hooks
        self._chain: Chain = hooks.chain
        self._options = options
        self._live_flows = live_flows

    async def run(self, tops: Sequence[Link], new: ScriptAddon) -> Leaving | None:
        """
        Replace.

        @param tops: the old version's links that nobody else brought, in the order of the chain.
        @return: the old version, if it is not over yet.
        @raise AddonError: the new version is wrong, or cannot be started; the old one goes on.
        @raise OptionsError: the new version refuses the options; the old one goes on.
        """
        script = tops[0].script
        old = [link for top in tops for link in top.subtree()]
        self._chain.free_names(old)
        try:
            link = self._chain.add_after(tops[-1], new)
        except AddonError:
            self._chain.claim_names(old)
            raise
        if script is not None:
            take_state(new, script)
        if next(iter(self._live_flows()), None) is None and not any(one.pending for one in self._chain):
            await self._one_after_the_other(tops, old, link)
            leaving = None
        else:
            await self._start(old, link)
            leaving = self._overlap(tops, old, link.script)
        await self._tell_running(link.script)
        return leaving

    # -- nothing is under way

    async def _one_after_the_other(self, tops: Sequence[Link], old: Sequence[Link], link: Link) -> None:
        hooks, script = self._hooks, link.script
        done = {one: one.listeners["done"] for one in old if "done" in one.listeners}
        for one in old:
            one.is_active = False
        hooks.hold = Hold()
        hooks.rebuild()
        try:
            for one in reversed(old):
                await end_one(hooks, one, self._life.done_timeout)
            try:
                await self._start(old, link)
            except (AddonError, OptionsError):
                await self._revive(old)
                for one, listener in done.items():
                    one.listeners["done"] = listener
                raise
            for top in tops:
                self._chain.remove(top)
            for one in old:
                one.is_retired, one.is_started = True, False
            _forget_modules(tops)
            self._activate(script)
        finally:
            hold, hooks.hold = hooks.hold, None
            hooks.rebuild()
            hold.release(hooks)

    async def _revive(self, old: Iterable[Link]) -> None:
        """The old version has had its C{done}: it is started once more."""
        for one in old:
            one.is_active = True
            try:
                await self._life.call(one, "start")
                await self._life.configure_first([one])
            except (AddonError, OptionsError) as error:
                self._hooks.logger.error("addon {addon}: it goes on, but {reason}", addon=one.name, reason=str(error))

    # -- both at one time

    def _overlap(self, tops: Sequence[Link], old: Sequence[Link], script: ScriptAddon | None) -> Leaving:
        hooks = self._hooks
        pending = [waiting for link in old for waiting in link.pending]
        era = hooks.pins.begin(self._live_flows())
        for one in old:
            one.until = era
        for top in self._tops(script):
            for one in top.subtree():
                one.since = era
        self._activate(script)
        return Leaving(list(tops), era, pending)

    async def retire(self, leaving: Leaving) -> None:
        """The old version's flows are over."""
        tops = [top for top in leaving.tops if top in self._chain.roots]
        links = [link for top in tops for link in self._chain.remove(top)]
        self._hooks.rebuild()
        await retire(self._hooks, links, self._life.drain_timeout, self._life.done_timeout)
        _forget_modules(leaving.tops)

    # -- both ways

    async def _start(self, old: Sequence[Link], link: Link) -> None:
        """Start and configure the new version; when that fails, it is gone."""
        script = link.script
        redeclared = _Redeclared(self._options)
        self._life.redeclaring = redeclared
        try:
            await self._life.boot(link, 0)
            self._chain.order()
            for top in self._tops(script):
                await self._life.configure_first(top.subtree())
        except (AddonError, OptionsError, CancelledError):
            gone = [one for top in self._tops(script) for one in self._chain.remove(top)]
            self._chain.claim_names(old)
            await retire(self._hooks, [one for one in gone if one.is_started], 0, self._life.done_timeout)
            redeclared.undo()
            raise
        finally:
            self._life.redeclaring = None

    def _tops(self, script: ScriptAddon | None) -> list[Link]:
        """The links that came from a script, and that nobody else brought."""
        return [root for root in self._chain.roots if root.script is script]

    def _activate(self, script: ScriptAddon | None) -> None:
        self._hooks.activate(*self._tops(script))

    async def _tell_running(self, script: ScriptAddon | None) -> None:
        for top in self._tops(script):
            for one in top.subtree():
                try:
                    await self._life.tell_running(one)
                except AddonError as error:
                    self._hooks.logger.error("{reason}", reason=str(error))


def _forget_modules(tops: Iterable[Link]) -> None:
    """Nobody looks for the old version's classes any more."""
    for top in tops:
        if top.script is not None:
            sys.modules.pop(top.script.module.__name__, None)
