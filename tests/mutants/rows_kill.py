"""A flow is killed, at each moment; and one that is held on purpose."""

from tests.mutants.runner import Mutant

__all__ = ["MUTANTS"]

_HOOK = "tests.acceptance.test_kill.KillInHookTests."
_OUTSIDE = "tests.acceptance.test_kill.KillFromOutsideTests."
_INTERCEPT = "tests.acceptance.test_intercept.InterceptTests."


def _unlooked(moment: str, path: str, call: str, hook: str, test: str) -> Mutant:
    """After one hook nobody looks whether a handler has killed the flow."""
    space = " " * 12
    return Mutant(
        f"kill in {moment}",
        path,
        f"await {call}",
        f"pending = {hook}(flow)\n{space}if pending is not None:\n{space}    await pending",
        _HOOK + test,
    )


_IN_HOOKS: tuple[Mutant, ...] = (
    _unlooked(
        "requestheaders",
        "_layers/exchange.py",
        "ask(hooks.requestheaders, flow)",
        "hooks.requestheaders",
        "test_in_requestheaders",
    ),
    _unlooked("request", "_layers/exchange.py", "ask(hooks.request, flow)", "hooks.request", "test_in_request"),
    Mutant(
        "kill in request of a streamed upload",
        "_streams/run.py",
        "if self._why is not None and not self._thrown:",
        "if False:",
        _HOOK + "test_in_request_of_a_streamed_upload",
    ),
    Mutant(
        "kill in responseheaders",
        "_layers/exchange.py",
        "            await self._ask(hooks.responseheaders)\n",
        "            hooks.responseheaders(flow)\n",
        _HOOK + "test_in_responseheaders",
    ),
    Mutant(
        "kill in response",
        "_layers/exchange.py",
        "            await self._ask(self.hooks.response)\n        self._is_over = True\n        self.down.send(",
        "            self.hooks.response(self.flow)\n        self._is_over = True\n        self.down.send(",
        _HOOK + "test_in_response",
    ),
    Mutant(
        "kill in response of a streamed body",
        "_layers/exchange.py",
        "            await self._ask(hooks.response)\n",
        "            hooks.response(self.flow)\n",
        _HOOK + "test_in_response_of_a_streamed_body",
    ),
    Mutant(
        "kill in error",
        "_layers/exchange.py",
        "if gone or flow.killed or down.sent != NOTHING:",
        "if gone or down.sent != NOTHING:",
        _HOOK + "test_in_error",
    ),
    _unlooked(
        "http_connect",
        "_layers/exchange.py",
        "ask(self.hooks.http_connect, flow)",
        "self.hooks.http_connect",
        "test_in_http_connect",
    ),
    Mutant(
        "kill in clientconnect",
        "_layers/client.py",
        '            self.client_conn.error = "killed"\n        self.abort()',
        "            pass",
        _HOOK + "test_in_clientconnect",
    ),
    Mutant(
        "kill in next_layer",
        "_layers/opening.py",
        "if client.client_conn.error:",
        "if False:",
        _HOOK + "test_in_next_layer",
    ),
    Mutant(
        "kill in server_connected",
        "_upstream/dial.py",
        "        if server_conn.error:\n            link.abort()\n",
        "        if False:\n            link.abort()\n",
        _HOOK + "test_in_serverconnect_and_server_connected",
    ),
    Mutant(
        "kill in the stream callable",
        "_streams/transform.py",
        "if not self._flow.killed:",
        "if True:",
        _HOOK + "test_in_the_stream_callable",
    ),
    Mutant(
        "kill in the stream callable of an upload",
        "_streams/run.py",
        "if self._why is not None and not self._thrown:",
        "if False:",
        _HOOK + "test_in_the_stream_callable_of_an_upload",
    ),
)

_FROM_OUTSIDE: tuple[Mutant, ...] = (
    Mutant(
        "kill while a hook is pending",
        "_streams/run.py",
        "            self._advance(self._coroutine.throw, why)\n",
        "",
        _OUTSIDE + "test_while_a_hook_is_pending",
    ),
    Mutant(
        "kill while error is pending: fires once",
        "_layers/exchange.py",
        "        except MitmtwError as why:  # the client is gone, or the flow was killed, while the hook was pending\n"
        "            down.reset(why)\n",
        "        except MitmtwError as why:\n            hooks.error(flow)\n            down.reset(why)\n",
        _OUTSIDE + "test_while_error_is_pending",
    ),
    Mutant(
        "kill: both sides at once, error may take its time",
        "_layers/exchange.py",
        "        if gone:\n            down.reset(error)\n        if self._is_over",
        "        if self._is_over",
        _OUTSIDE + "test_error_of_a_killed_flow_may_take_time",
    ),
    Mutant(
        "kill while upstream connects",
        "_streams/run.py",
        "            waiting.cancel()\n",
        "",
        _OUTSIDE + "test_while_upstream_connects",
    ),
    Mutant(
        "kill in the TLS handshake upstream",
        "_upstream/pool.py",
        "            channel.ready = None\n            channel.abort()\n",
        "            channel.ready = None\n",
        _OUTSIDE + "test_in_the_tls_handshake_upstream",
    ),
    Mutant(
        "kill in the middle: the server is reset",
        "_layers/exchange.py",
        "            up.reset(error)\n        gone =",
        "            up.finished()\n        gone =",
        _OUTSIDE + "test_in_the_middle",
    ),
    Mutant(
        "kill in a collected request",
        "_streams/run.py",
        "            self._advance(self._coroutine.throw, why)\n",
        "",
        _OUTSIDE + "test_in_a_collected_request",
    ),
    Mutant(
        "kill while the stream callable is pending",
        "_streams/transform.py",
        '"""The flow is over before the body was: cancel what is pending."""\n        self._abandon(Deferred())',
        '"""The flow is over before the body was: cancel what is pending."""',
        _OUTSIDE + "test_while_the_stream_callable_is_pending",
    ),
    Mutant(
        "kill of a client that does not read: reset, not closed",
        "_layers/http1.py",
        "            self.close_channel()\n            self.transport.abortConnection()\n",
        "            self.close_channel()\n            self.transport.loseConnection()\n",
        _OUTSIDE + "test_slow_client",
    ),
    Mutant(
        "kill after the end: nothing happens",
        "model/flow.py",
        "return self.live and not self._killed",
        "return not self._killed",
        _OUTSIDE + "test_after_the_end",
    ),
    Mutant(
        "kill of the connection while a flow runs",
        "_layers/client.py",
        '            self.client_conn.error = "killed"\n        self.abort()',
        '            self.client_conn.error = "killed"',
        _OUTSIDE + "test_connection_killed_while_a_flow_runs",
    ),
)

_HELD: tuple[Mutant, ...] = (
    Mutant(
        "intercept: held until it is resumed",
        "_layers/asking.py",
        "        await held(flow)\n",
        "",
        _INTERCEPT + "test_resumed",
    ),
    Mutant(
        "intercept: exempt from hook_timeout",
        "_hooks/waiting.py",
        'if not getattr(flow, "intercepted", False):',
        "if True:",
        _INTERCEPT + "test_handler_that_holds_and_waits",
    ),
    Mutant(
        "intercept: killed while held",
        "model/flow.py",
        "            self._run.cancel(why)  # this ends who waits as well",
        "            pass",
        _INTERCEPT + "test_killed_while_held",
    ),
)

MUTANTS: tuple[Mutant, ...] = (*_IN_HOOKS, *_FROM_OUTSIDE, *_HELD)
