"""
Scripts are loaded anew when their files change: the script's own, and those of the modules that it has imported from
its folder, are looked at once a second.
"""

import sys
from collections.abc import Callable, Iterable
from functools import partial
from typing import Any

from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.python.failure import Failure

from mitmtw._hooks.chain import Link
from mitmtw._hooks.dispatch import Hooks
from mitmtw._hooks.imports import ScriptError, Signature, signature
from mitmtw._hooks.lifecycle import Lifecycle
from mitmtw._hooks.script import ScriptAddon, load_script
from mitmtw._hooks.takeover import Leaving, Takeover
from mitmtw.errors import HookTimedOut, MitmtwError
from mitmtw.options import Options

__all__ = ["POLL_SECONDS", "Reloader"]

POLL_SECONDS = 1.0  # a person who saves a file and turns to the browser takes longer


class _Watch:
    """
    What is known of a script's files.

    @ivar files: by path, as they were when they were read last, or tried.
    """

    def __init__(self, script: ScriptAddon) -> None:
        self.files: dict[str, Signature] = dict(script.files)

    def changed(self) -> bool:
        """
        Whether a file is another now; remembers it as it is. A file that is not there or empty is being written at this
        moment: that is no change yet.
        """
        is_changed = False
        for path, before in self.files.items():
            now = signature(path)
            if now is not None and now != before and now[1]:
                self.files[path] = now
                is_changed = True
        return is_changed


class Reloader:
    """Watches the scripts in the chain and replaces those that change; ends old versions when their time has come."""

    def __init__(
        self,
        life: Lifecycle,
        hooks: Hooks,
        options: Options,
        clock: IReactorTime,
        live_flows: Callable[[], Iterable[object]],
    ) -> None:
        """@param live_flows: gives the flows that are under way."""
        self._life = life
        self._hooks = hooks
        self._options = options
        self._clock = clock
        self._live_flows = live_flows
        self._takeover = Takeover(life, hooks, options, live_flows)
        self._watches: dict[ScriptAddon, _Watch] = {}
        self._busy: set[ScriptAddon] = set()
        self._leaving: dict[int, tuple[Leaving, float]] = {}
        self._timer: IDelayedCall | None = None
        self._is_started = False

    def start(self) -> None:
        """Watch from now on."""
        self._is_started = True
        self._hooks.rebuilt.append(self._look)
        self._look()

    def stop(self) -> None:
        """Watch no more."""
        if self._is_started:
            self._is_started = False
            self._hooks.rebuilt.remove(self._look)
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _look(self) -> None:
        """Begin to look regularly, if there is anything to look at."""
        is_needed = self._leaving or any(root.script is not None for root in self._hooks.chain.roots)
        if is_needed and self._timer is None and self._is_started:
            self._timer = self._clock.callLater(POLL_SECONDS, self._poll)

    def _poll(self) -> None:
        self._timer = None
        self._end_leaving()
        scripts = self._scripts()
        self._watches = {script: self._watches.get(script) or _Watch(script) for script in scripts}
        if getattr(self._options, "reload_scripts", True):
            for script in scripts:
                if script not in self._busy and self._watches[script].changed():
                    self._begin(script)
        self._look()

    def _scripts(self) -> list[ScriptAddon]:
        """Those in the chain that can be loaded anew, in its order, without old versions."""
        scripts = [root.script for root in self._hooks.chain.roots if root.until is None]
        return [script for script in dict.fromkeys(scripts) if script is not None]

    # -- a new version

    def _begin(self, script: ScriptAddon) -> None:
        self._busy.add(script)
        self._life.in_turn(lambda: self._reload(script)).addBoth(self._reloaded, script)

    def _reloaded(self, outcome: object, script: ScriptAddon) -> None:
        self._busy.discard(script)
        if isinstance(outcome, Failure) and self._is_started:
            self._hooks.logger.failure("the script {path} was not loaded anew", outcome, path=str(script.path))

    async def _reload(self, script: ScriptAddon) -> None:
        tops = [root for root in self._hooks.chain.roots if root.script is script and root.until is None]
        if not tops:  # it was removed meanwhile
            return
        path = str(script.path)
        new: ScriptAddon | None = None
        try:
            new = load_script(path, again=True)
            leaving = await self._takeover.run(tops, new)
        except MitmtwError as error:
            if script in self._watches:  # what was read for the first time may be where the mistake is
                self._watches[script].files.update(error.files if isinstance(error, ScriptError) else {})
                self._watches[script].files.update(new.files if new is not None else {})
            if new is not None:
                sys.modules.pop(new.module.__name__, None)
            self._hooks.logger.error("script {path} goes on as it was: {reason}", path=path, reason=str(error))
            return
        if leaving is not None:
            self._leaving[leaving.until] = (leaving, self._clock.seconds() + self._life.drain_timeout)
        self._hooks.logger.info("script {path} was loaded anew", path=path)

    # -- an old version

    def _end_leaving(self) -> None:
        """Look whether the flows of old versions are over, and their pending calls at the end of their time."""
        pins = self._hooks.pins
        if not self._leaving:
            return
        pins.prune(self._live_flows)
        for until, (leaving, deadline) in list(self._leaving.items()):
            if self._clock.seconds() >= deadline:
                self._cancel_pending(leaving)
            if not pins.is_needed(until) and all(waiting.is_over for waiting in leaving.pending):
                del self._leaving[until]
                self._life.in_turn(partial(self._takeover.retire, leaving)).addErrback(_ignored)
        if not pins:
            self._hooks.rebuild()  # the present version's callables are enough again

    def _cancel_pending(self, leaving: Leaving) -> None:
        for waiting in leaving.pending:
            link: Link = waiting.listener.link
            hook = waiting.listener.spec.name
            waiting.give_up(HookTimedOut(f"addon {link.name}: it was replaced before {hook} had answered"))


def _ignored(failure: Failure) -> Any:
    """Shutdown has begun: it ends old versions as well."""
    return None
