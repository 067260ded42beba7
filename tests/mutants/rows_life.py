"""The addons' life: start, configure, done, log and tick, and their order in the chain."""

from tests.mutants.runner import Mutant

__all__ = ["MUTANTS"]

_LIFE = "tests.acceptance.test_lifecycle."
_STOP = "tests.acceptance.test_shutdown."
_LIFECYCLE = "_hooks/lifecycle.py"

MUTANTS: tuple[Mutant, ...] = (
    Mutant(
        "start replacement: an object",
        _LIFECYCLE,
        "answer if isinstance(answer, list | tuple) else [answer])",
        "answer if isinstance(answer, list | tuple) else [link.addon])",
        _LIFE + "StartTests.test_start_replacement_by_an_object",
    ),
    Mutant(
        "start replacement: a list",
        _LIFECYCLE,
        "answer if isinstance(answer, list | tuple) else [answer])",
        "answer[:1] if isinstance(answer, list | tuple) else [answer])",
        _LIFE + "StartTests.test_start_replacement_by_a_list",
    ),
    Mutant(
        "start replacement: a Deferred",
        _LIFECYCLE,
        "answer: object = await self._hooks.ask(listener, arguments)",
        "answer: object = await asked if (asked := self._hooks.ask(listener, arguments)).called else None",
        _LIFE + "StartTests.test_start_replacement_by_a_deferred",
    ),
    Mutant(
        "start replacement: at most eight times",
        _LIFECYCLE,
        "if depth == REPLACEMENT_DEPTH:",
        "if depth == REPLACEMENT_DEPTH + 1:",
        "tests._hooks.test_lifecycle.ReplacementTests.test_depth",
    ),
    Mutant(
        "start: nobody is accepted before it is over",
        "_modes/listener.py",
        "port.stopReading()",
        "self.is_open = True",
        _LIFE + "StartTests.test_start_replacement_by_a_deferred",
    ),
    Mutant(
        "configure: the full set first",
        _LIFECYCLE,
        "set(self._options.names())",
        "set()",
        _LIFE + "ConfigureTests.test_configure_full_set_then_diff",
    ),
    Mutant(
        "configure: then only what changed",
        _LIFECYCLE,
        "names = frozenset(old)",
        "names = frozenset(self._options.names())",
        _LIFE + "ConfigureTests.test_configure_full_set_then_diff",
    ),
    Mutant(
        "OptionsError rollback: the old values are back",
        _LIFECYCLE,
        "            self._options.apply(old)\n",
        "",
        _LIFE + "ConfigureTests.test_options_error_rolls_back",
    ),
    Mutant(
        "OptionsError rollback: configure is called again",
        _LIFECYCLE,
        "await self._configure_back(names)",
        "pass",
        _LIFE + "ConfigureTests.test_options_error_rolls_back",
    ),
    Mutant(
        "OptionsError rollback: at startup it ends the program",
        _LIFECYCLE,
        "await self._or_without(root, lambda link: self.configure_first(link.subtree()))",
        "await self._or_without(root, lambda link: self.configure_first(()))",
        _LIFE + "StartTests.test_failure_to_start",
    ),
    Mutant(
        "done: once, whatever ends the addon",
        "_hooks/retire.py",
        'listener = link.listeners.pop("done", None)',
        'listener = link.listeners.get("done", None)',
        "tests._hooks.test_retire.DoneTests.test_once",
    ),
    Mutant(
        "done: called on shutdown",
        "daemon.py",
        "await lifecycle.shutdown()",
        "pass",
        _LIFE + "DoneTests.test_done_once_on_shutdown",
    ),
    Mutant(
        "done: in reverse order",
        "_hooks/retire.py",
        "for link in reversed(links):",
        "for link in links:",
        _STOP + "DoneTests.test_reverse_order",
    ),
    Mutant(
        "done: within done_timeout",
        "_hooks/retire.py",
        "await hooks.ask(listener, (), timeout)",
        "await hooks.ask(listener, (), 0)",
        _STOP + "DoneTests.test_done_that_never_answers",
    ),
    Mutant(
        "done: after the last event of a client",
        "daemon.py",
        "await self._at_most(proxy.when_all_gone(), seconds)",
        "pass",
        _STOP + "DrainTests.test_exchange_finishes",
    ),
    Mutant(
        "done: what does not end within drain_timeout is killed before",
        "daemon.py",
        "        self._kill_all(proxy)\n",
        "",
        _STOP + "DrainTests.test_the_rest_is_killed",
    ),
    Mutant(
        "log re-entrancy: not to who handles an entry",
        "_hooks/bridge.py",
        "self._put(entry, self._origin_of(event))",
        "self._put(entry, self._origin_of(event) if len(text) > 40 else frozenset())",  # or it would never end
        _LIFE + "LogAndTickTests.test_log_reentrancy",
    ),
    Mutant(
        "log re-entrancy: nobody hears of failed handlers of log",
        "_hooks/bridge.py",
        'if event.get("hook") == "log":',
        'self.__dict__["told"] = self.__dict__.get("told", 0) + 1  # or it would never end\n'
        '        if event.get("hook") == "log" and self.__dict__["told"] > 20:',
        "tests._hooks.test_bridge.RecursionTests.test_failure",
    ),
    Mutant(
        "log: a bounded queue",
        "_hooks/bridge.py",
        "if len(queue) >= QUEUE_LIMIT:",
        "if False:",
        "tests._hooks.test_bridge.OverflowTests.test_dropped",
    ),
    Mutant(
        "tick under load: no overlap for one addon",
        "_hooks/ticker.py",
        "if listener not in self._busy:",
        "if True:",
        _LIFE + "LogAndTickTests.test_tick_under_load",
    ),
    Mutant(
        "tick under load: goes on while a flow is held",
        "_hooks/ticker.py",
        'for listener in self._hooks.listeners("tick"):',
        'for listener in [] if any(one.pending for one in self._hooks.chain) else self._hooks.listeners("tick"):',
        _LIFE + "LogAndTickTests.test_tick_under_load",
    ),
    Mutant(
        "tick: nothing is scheduled when nobody listens",
        "_hooks/ticker.py",
        "if self._hooks.tick is None:",
        "if False:",
        _LIFE + "LogAndTickTests.test_no_tick_without_a_listener",
    ),
    Mutant(
        "two addons in order: the next waits for the one before",
        "_hooks/event.py",
        "outcome, self._patience, self._woke)",
        "outcome, self._patience, self._woke)\n            self._go_on()",
        _LIFE + "TwoAddonsTests.test_two_addons_in_order",
    ),
    Mutant(
        "two addons in order: each is waited for",
        "_hooks/event.py",
        "                self._take(listener, outcome)\n                return\n",
        "                self._take(listener, outcome)\n                continue\n",
        "tests._hooks.test_dispatch.OrderTests.test_two_are_pending",
    ),
    Mutant(
        "two addons in order: chain order",
        "_hooks/dispatch.py",
        "for link in self.chain if link.is_active",
        "for link in reversed(list(self.chain)) if link.is_active",
        _LIFE + "TwoAddonsTests.test_second_sees_the_response_of_the_first",
    ),
    Mutant(
        "nested addons: right after the one that brings them",
        "_hooks/chain.py",
        "return [self.add(source, parent) for source in",
        "return [self.add(source, None) for source in",
        _LIFE + "ScriptTests.test_nested_addons",
    ),
    Mutant(
        "module and addons list: the list",
        "_hooks/chain.py",
        "    return list(addons)\n",
        "    return []\n",
        _LIFE + "ScriptTests.test_module_and_addons_list",
    ),
)
