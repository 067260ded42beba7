"""Clients that go while an addon is asked, and handlers that swallow their cancellation."""

from tests.mutants.runner import Mutant

__all__ = ["MUTANTS"]

_ABORT = "tests.acceptance.test_client_aborts."
_CANCEL = "tests.acceptance.test_cancellation."
_VANISH = "tests.interop.test_vanishing_client.VanishingClientTests."

#: The ask hooks of a client's connection and of an HTTP exchange.
_ASK_HOOKS = (
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


def _not_cancelled(hook: str) -> Mutant:
    """A handler of one hook is left running when its client goes."""
    return Mutant(
        f"client aborts while pending, in {hook}",
        "_hooks/event.py",
        "        if self._waiting is not None:\n            self._waiting.abandon()",
        f'        if self._waiting is not None and self._waiting.listener.spec.name != "{hook}":\n'
        "            self._waiting.abandon()",
        _ABORT + "ResetTests.test_in_each_ask_hook",
    )


MUTANTS: tuple[Mutant, ...] = (
    *(_not_cancelled(hook) for hook in _ASK_HOOKS),
    Mutant(
        "client aborts while pending, after 100 bytes of a body, by RST",
        "_layers/http1.py",
        "        if run is not None:\n            run.cancel(client_gone(self.client))",
        "        if run is not None and self._reader is None:\n            run.cancel(client_gone(self.client))",
        _ABORT + "ResetTests.test_in_the_middle_of_a_body",
    ),
    Mutant(
        "client aborts while pending, after 100 bytes of a body, by FIN",
        "_layers/http1.py",
        "elif self._reader is not None or self.client.proxy.options.abort_on_half_close:",
        "elif self.client.proxy.options.abort_on_half_close:",
        _ABORT + "FinTests.test_incomplete_request_is_gone",
    ),
    Mutant(
        "client aborts while pending, after 100 bytes: reading goes on below 64 KiB",
        "_streams/body.py",
        "if self._kept > self._limit:",
        "if self._kept > 50:",
        _ABORT + "ResetTests.test_in_the_middle_of_a_body",
    ),
    Mutant(
        "client aborts while pending, after 1 MB of a body",
        "_streams/watch.py",
        "self._poller.register(descriptor, 0)",
        "pass",
        _VANISH + "test_in_the_body",
    ),
    Mutant(
        "client aborts while pending, after 1 MB of later requests",
        "_streams/watch.py",
        "self._poller.register(descriptor, 0)",
        "pass",
        _VANISH + "test_pipelined",
    ),
    Mutant(
        "client aborts while pending, after 1 MB, in next_layer",
        "_layers/switch.py",
        "        elif self.transport is not None:\n            self.transport.abortConnection()",
        "        elif False:\n            self.transport.abortConnection()",
        _VANISH + "test_before_a_layer_is_chosen",
    ),
    Mutant(
        "client aborts while pending, after 1 MB, by FIN and RST",
        "_layers/layer.py",
        '"""The client was found to be gone while nobody read from it."""\n        self.transport.abortConnection()',
        '"""The client was found to be gone while nobody read from it."""',
        _VANISH + "test_fin_then_rst",
    ),
    Mutant(
        "client aborts while pending: in that turn",
        "_streams/run.py",
        "            self._advance(self._coroutine.throw, why)\n",
        "",
        _ABORT + "ResetTests.test_in_the_turn_of_the_reset",
    ),
    Mutant(
        "client aborts while pending: later handlers are skipped",
        "_hooks/event.py",
        "            self._waiting.abandon()",
        '            self._waiting.give_up(StopIteration("gone"))',
        _ABORT + "ResetTests.test_later_handlers_are_skipped",
    ),
    Mutant(
        "client aborts while pending: error may take its time",
        "_layers/client.py",
        "if self.is_gone and not self._busy:",
        "if self.is_gone:",
        _ABORT + "ResetTests.test_error_may_take_its_time",
    ),
    Mutant(
        "client half-closes while pending: the handler goes on",
        "_layers/http1.py",
        "elif self._reader is not None or self.client.proxy.options.abort_on_half_close:",
        "else:",
        _ABORT + "FinTests.test_complete_request_goes_on",
    ),
    Mutant(
        "client half-closes while pending: FIN is kept while a layer is chosen",
        "_layers/switch.py",
        "if self._ended and self.layer is not None:",
        "if False:",
        _ABORT + "FinTests.test_complete_request_goes_on",
    ),
    Mutant(
        "a handler that swallows its cancellation: the next step is in that turn",
        "_streams/run.py",
        "            self._waiting = None\n            self._thrown = True\n            waiting.cancel()\n"
        "            self._advance(self._coroutine.throw, why)\n",
        "            waiting.cancel()\n",
        _CANCEL + "StubbornTests.test_next_step_in_that_turn",
    ),
    Mutant(
        "a handler that swallows its cancellation: its late result is dropped",
        "_hooks/waiting.py",
        "        finished = self._end()\n        if finished is None:\n            _report_late(",
        "        finished = self._end() or self.listener.handler\n"
        "        if finished is None:\n            _report_late(",
        _CANCEL + "StubbornTests.test_late_result",
    ),
    Mutant(
        "a handler that swallows its cancellation: its late failure is logged",
        "_hooks/waiting.py",
        "            _report_late(self._patience.log, self.listener, self._arguments, outcome)\n",
        "            pass\n",
        _CANCEL + "StubbornTests.test_late_failure",
    ),
    Mutant(
        "a handler that swallows its cancellation: at its deadline",
        "_hooks/waiting.py",
        "            finished(Failure(why))\n",
        "            pass\n",
        "tests.acceptance.test_handler_silent.ContinueTests.test_handlers_that_swallow_their_cancellation",
    ),
    Mutant(
        "a canceller that raises holds nothing",
        "_hooks/waiting.py",
        "    except Exception:  # a canceller is the addon's code too\n",
        "    except KeyError:\n",
        _CANCEL + "IdleCancellerTests.test_canceller_that_raises",
    ),
)
