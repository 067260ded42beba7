"""Handlers that raise, and handlers that never answer, in each hook."""

from tests.mutants.runner import Mutant

__all__ = ["MUTANTS"]

_RAISES = "tests.acceptance.test_handler_raises."
_SILENT = "tests.acceptance.test_handler_silent."


def _raises(hook: str, test: str = "test_in_each_hook_of_an_exchange") -> Mutant:
    """The failure of a handler of one hook goes where it should not: to who fired the event."""
    return Mutant(
        f"a handler that raises, in {hook}",
        "_hooks/event.py",
        "        self._take(listener, outcome)\n        return self._deferred()",
        f'        if listener.spec.name == "{hook}" and isinstance(outcome, Failure):\n'
        "            outcome.raiseException()\n"
        "        self._take(listener, outcome)\n        return self._deferred()",
        f"{_RAISES}ContinueTests.{test}",
    )


def _raises_for_a_layer(hook: str) -> Mutant:
    """The same for a hook whose argument may be replaced."""
    return Mutant(
        f"a handler that raises, in {hook}",
        "_hooks/event.py",
        "            outcome = invoke(function, self._arguments)\n",
        f'            if listener.spec.name == "{hook}":\n                outcome = function(*self._arguments)\n'
        "            else:\n                outcome = invoke(function, self._arguments)\n",
        f"{_RAISES}ContinueTests.test_in_each_hook_of_an_exchange",
    )


def _silent(hook: str, test: str = "test_in_each_ask_hook") -> Mutant:
    """A handler of one hook has no deadline."""
    return Mutant(
        f"a handler that never answers, in {hook}",
        "_hooks/waiting.py",
        "        warning = self._patience.slow_warning\n",
        f'        if self.listener.spec.name == "{hook}":\n            return\n'
        "        warning = self._patience.slow_warning\n",
        f"{_SILENT}ContinueTests.{test}",
    )


_ALL_RAISE: tuple[Mutant, ...] = (
    _raises_for_a_layer("clientconnect"),
    _raises_for_a_layer("next_layer"),
    *(_raises(hook) for hook in ("serverconnect", "requestheaders", "request", "responseheaders", "response")),
    _raises("error", "test_in_error"),
    _raises("http_connect", "test_in_http_connect"),
    _raises("clientdisconnect", "test_in_the_hooks_that_tell"),
    _raises("serverdisconnect", "test_in_the_hooks_that_tell"),
    Mutant(
        "a handler that raises, in done",
        "_hooks/retire.py",
        ".addErrback(_as_value)",
        "",
        _RAISES + "ContinueTests.test_in_done",
    ),
    Mutant(
        "a handler that raises: logged with addon and hook",
        "_hooks/event.py",
        "        report_failure(self._patience.log, listener, self._arguments, failure)\n        policy =",
        "        policy =",
        _RAISES + "ContinueTests.test_in_each_hook_of_an_exchange",
    ),
    Mutant(
        "a handler that raises: the next addon gets the event",
        "_hooks/event.py",
        "        if policy is False:\n            return True",
        "        if policy is False:\n            return False",
        _RAISES + "ContinueTests.test_in_each_hook_of_an_exchange",
    ),
    Mutant(
        "a handler that raises: policy kill",
        "_hooks/event.py",
        '        return not _kill(subject, PolicyApplied(f"Killed, because the addon {listener.link.name} failed."))',
        "        return True",
        _RAISES + "KillPolicyTests.test_flow",
    ),
    Mutant(
        "a handler that raises: policy kill, of a connection",
        "_hooks/event.py",
        '    elif hasattr(subject, "kill"):\n        subject.kill()\n',
        '    elif hasattr(subject, "kill"):\n        pass\n',
        _RAISES + "KillPolicyTests.test_client_connection",
    ),
    Mutant(
        "a handler that raises: policy respond",
        "_hooks/event.py",
        "            self._respond(subject, listener, policy)\n",
        "",
        _RAISES + "RespondPolicyTests.test_before_the_server_is_asked",
    ),
    Mutant(
        "a handler that raises: policy respond, where there is no response to give",
        "_hooks/event.py",
        "and listener.spec.can_respond and",
        "and",
        _RAISES + "RespondPolicyTests.test_where_there_is_none_to_give",
    ),
    Mutant(
        "a handler that raises: policy respond, when the response is out",
        "_hooks/event.py",
        "and listener.spec.can_respond and not _is_answered(listener, subject):",
        "and listener.spec.can_respond:",
        _RAISES + "RespondPolicyTests.test_response_that_is_out_already",
    ),
)

_ALL_SILENT: tuple[Mutant, ...] = (
    *(
        _silent(hook)
        for hook in (
            "clientconnect",
            "next_layer",
            "serverconnect",
            "http_connect",
            "requestheaders",
            "request",
            "responseheaders",
            "response",
            "error",
        )
    ),
    _silent("clientdisconnect", "test_tell_hooks_are_bounded_too"),
    _silent("serverdisconnect", "test_tell_hooks_are_bounded_too"),
    Mutant(
        "a handler that never answers: it is cancelled",
        "_hooks/waiting.py",
        "        finished = self._end()\n        if finished is not None:\n"
        "            _cancel(self._patience.log, self.listener, self._arguments, self._pending)\n",
        "        finished = self._end()\n        if finished is not None:\n",
        _SILENT + "ContinueTests.test_in_each_ask_hook",
    ),
    Mutant(
        "a handler that never answers: the end of its time is its failure",
        "_hooks/waiting.py",
        "            finished(Failure(why))\n",
        "            finished(None)\n",
        _SILENT + "OtherPolicyTests.test_kill",
    ),
    Mutant(
        "a handler that never answers: a warning before",
        "_hooks/waiting.py",
        "            self._timer = self._patience.clock.callLater(warning, self._slow, warning)",
        "            self._timer = self._patience.clock.callLater(self._timeout, self._expired)",
        _SILENT + "ContinueTests.test_in_each_ask_hook",
    ),
    Mutant(
        "a handler that never answers: a time for each handler",
        "_hooks/event.py",
        "        self._waiting = None\n        self._take(listener, outcome)",
        "        self._waiting = None\n        if isinstance(outcome, Failure):\n            return self._end()\n"
        "        self._take(listener, outcome)",
        _SILENT + "ContinueTests.test_each_handler_has_its_own_time",
    ),
    Mutant(
        "a handler that never answers: no limit with hook_timeout=0",
        "_hooks/waiting.py",
        "        if self._timeout > 0:\n            self._timer = self._patience.clock.callLater(self._timeout - after",
        "        if True:\n            self._timer = self._patience.clock.callLater(max(1, self._timeout - after)",
        _SILENT + "ContinueTests.test_no_limit",
    ),
)

MUTANTS: tuple[Mutant, ...] = (*_ALL_RAISE, *_ALL_SILENT)
