"""Scripts that change while the proxy runs, with nothing and with flows under way."""

from tests.mutants.runner import Mutant

__all__ = ["MUTANTS"]

_RELOAD = "_hooks/reload.py"
_TAKEOVER = "_hooks/takeover.py"
_PINS = "_hooks/pins.py"
_HOLD = "_hooks/hold.py"
_QUIET = "tests._hooks.test_reload.QuietTests."
_BROKEN = "tests._hooks.test_reload.BrokenTests."
_OVERLAP = "tests._hooks.test_reload.OverlapTests."

_NOTHING_PENDING: tuple[Mutant, ...] = (
    Mutant(
        "reload: done of the old version, before the new one starts",
        _TAKEOVER,
        "                await end_one(hooks, one, self._life.done_timeout)\n",
        "                pass\n",
        _QUIET + "test_life",
    ),
    Mutant(
        "reload: done once",
        _TAKEOVER,
        "                await end_one(hooks, one, self._life.done_timeout)\n",
        "                await end_one(hooks, one, self._life.done_timeout)\n"
        '                one.listeners.update(done=done[one]) if "done" not in one.listeners else None\n'
        "                await end_one(hooks, one, self._life.done_timeout)\n",
        _QUIET + "test_done_once",
    ),
    Mutant(
        "reload: one after the other when nothing is under way",
        _TAKEOVER,
        "if next(iter(self._live_flows()), None) is None and not any(one.pending for one in self._chain):",
        "if False:",
        _QUIET + "test_life",
    ),
    Mutant(
        "reload: events wait while neither version is there",
        _TAKEOVER,
        "hooks.hold = Hold()",
        "hooks.hold, kept = None, Hold()",
        _QUIET + "test_held",
    ),
    Mutant(
        "reload: events that waited happen",
        _TAKEOVER,
        "            hold.release(hooks)\n",
        "",
        _QUIET + "test_held",
    ),
    Mutant(
        "reload: not for a client that is gone meanwhile",
        _HOLD,
        "        if self.waiting.called:\n            return\n",
        "        if self.waiting.called:\n            self.waiting = Deferred()\n",
        _QUIET + "test_held",
    ),
    Mutant(
        "reload: the new version is in the old one's place",
        _TAKEOVER,
        "self._chain.add_after(tops[-1], new)",
        "self._chain.add(new)",
        _QUIET + "test_place",
    ),
    Mutant(
        "reload: state goes on",
        _TAKEOVER,
        "            take_state(new, script)\n",
        "            pass\n",
        _QUIET + "test_state",
    ),
    Mutant(
        "reload: not of a file that was only looked at",
        _RELOAD,
        "if now is not None and now != before and now[1]:",
        "if now is not None and now[1]:",
        _QUIET + "test_same_file",
    ),
    Mutant(
        "reload: not of a file that is being written",
        _RELOAD,
        "if now is not None and now != before and now[1]:",
        "if now is not None and now != before:",
        _QUIET + "test_being_written",
    ),
    Mutant(
        "reload: not when it is switched off",
        _RELOAD,
        'if getattr(self._options, "reload_scripts", True):',
        "if True:",
        _QUIET + "test_switched_off",
    ),
)

_OF_NO_USE: tuple[Mutant, ...] = (
    Mutant(
        "reload of a broken file: its imports are watched",
        _RELOAD,
        "                self._watches[script].files.update(error.files if isinstance(error, ScriptError) else {})\n",
        "                pass\n",
        "tests._hooks.test_reload_files.HelperTests.test_broken",
    ),
    Mutant(
        "reload that cannot start: the old version is started again",
        _TAKEOVER,
        "                await self._revive(old)\n",
        "                pass\n",
        _BROKEN + "test_start_fails",
    ),
    Mutant(
        "reload that cannot start: the old version has its done later",
        _TAKEOVER,
        '                    one.listeners["done"] = listener\n',
        "                    pass\n",
        _BROKEN + "test_start_fails",
    ),
    Mutant(
        "reload that refuses the options: its own are forgotten",
        _TAKEOVER,
        "            redeclared.undo()\n",
        "",
        _BROKEN + "test_configure_refuses",
    ),
    Mutant(
        "reload that cannot start: what it had begun is ended",
        _TAKEOVER,
        "[one for one in gone if one.is_started]",
        "[]",
        _OVERLAP + "test_broken",
    ),
)

_PENDING: tuple[Mutant, ...] = (
    Mutant(
        "reload while pending: the old version goes on beside the new one",
        _TAKEOVER,
        "if next(iter(self._live_flows()), None) is None and not any(one.pending for one in self._chain):",
        "if True:",
        _OVERLAP + "test_pinned",
    ),
    Mutant(
        "reload while pending: a flow that waits for its server is under way",
        _TAKEOVER,
        "if next(iter(self._live_flows()), None) is None and not any(one.pending for one in self._chain):",
        "if not any(one.pending for one in self._chain):",
        _OVERLAP + "test_no_handler_yet",
    ),
    Mutant(
        "reload while pending: a flow keeps its version",
        _PINS,
        "            self._flows.setdefault(id(flow), (flow, self._era_of(flow)))\n",
        "            pass\n",
        _OVERLAP + "test_pinned",
    ),
    Mutant(
        "reload while pending: also over several versions",
        _PINS,
        "self._flows.setdefault(id(flow), (flow, self._era_of(flow)))",
        "self._flows[id(flow)] = (flow, self.era)",
        _OVERLAP + "test_three_versions",
    ),
    Mutant(
        "reload while pending: a WebSocket keeps its handshake's version",
        _PINS,
        'first = getattr(subject, "handshake_flow", None)',
        "first = None",
        _OVERLAP + "test_websocket",
    ),
    Mutant(
        "reload while pending: a WebSocket keeps it when its handshake is over",
        _PINS,
        "if any(_has_switched(self._flows[key][0]) for key in over):",
        "if False:",
        _OVERLAP + "test_websocket_later",
    ),
    Mutant(
        "reload while pending: the old version gets no new flows",
        _TAKEOVER,
        "            one.until = era\n",
        "            pass\n",
        _OVERLAP + "test_pinned",
    ),
    Mutant(
        "reload while pending: the new version gets no old flows",
        _TAKEOVER,
        "                one.since = era\n",
        "                pass\n",
        _OVERLAP + "test_pinned",
    ),
    Mutant(
        "reload while pending: the old version stays for its flows",
        _PINS,
        "return any(era < until for _, era in self._flows.values())",
        "return False",
        _OVERLAP + "test_stays_for_its_flows",
    ),
    Mutant(
        "reload while pending: done when its flows are over",
        _PINS,
        "            del self._flows[key]\n",
        "            pass\n",
        _OVERLAP + "test_pinned",
    ),
    Mutant(
        "reload while pending: a pending handler has its time",
        _RELOAD,
        "if self._clock.seconds() >= deadline:",
        "if True:",
        _OVERLAP + "test_drained",
    ),
    Mutant(
        "reload while pending: a pending handler is cancelled at last",
        _RELOAD,
        "if self._clock.seconds() >= deadline:",
        "if False:",
        _OVERLAP + "test_drained",
    ),
    Mutant(
        "reload while pending: so is a handler that was asked about no flow",
        _TAKEOVER,
        "if next(iter(self._live_flows()), None) is None and not any(one.pending for one in self._chain):",
        "if next(iter(self._live_flows()), None) is None:",
        _OVERLAP + "test_pending_without_a_flow",
    ),
)

MUTANTS: tuple[Mutant, ...] = (*_NOTHING_PENDING, *_OF_NO_USE, *_PENDING)
