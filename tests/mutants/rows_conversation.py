"""TCP, and what WebSocket and TCP have in common: the order of the hooks, kills, back-pressure, the history."""

from tests.mutants.runner import Mutant

__all__ = ["MUTANTS"]

_BOTH = "_layers/conversation.py"
_QUEUE = "_layers/messages.py"
_JOINT = "_layers/joint.py"
_LAYER = "_layers/tcp.py"
_TCP = "tests.acceptance.test_tcp."
_TCP_END = "tests.acceptance.test_tcp_end."
_WS = "tests.acceptance.test_websocket."
_WS_END = "tests.acceptance.test_websocket_end."
_WS_HELD = "tests.acceptance.test_websocket_holding."
_MESSAGES = "tests._layers.test_messages."


def _twice(row: str, path: str, old: str, new: str, websocket: str, tcp: str) -> tuple[Mutant, Mutant]:
    """The same piece, looked at from both protocols: the family's name follows the row's first words."""
    return Mutant(f"websocket_{row}", path, old, new, websocket), Mutant(f"tcp_{row}", path, old, new, tcp)


_ORDER: tuple[Mutant, ...] = (
    *_twice(
        "start: nothing is passed before it is over",
        _BOTH,
        "self.queue.put(True, 0, lambda: hook(flow), self.nothing)",
        "hook(flow)",
        _WS + "OrderTests.test_start_gates",
        _TCP + "OrderTests.test_start_gates",
    ),
    *_twice(
        "error: at an abnormal end",
        _BOTH,
        'hook = self._hook("error") if flow.error is not None else None',
        "hook = None",
        _WS_END + "AbnormalTests.test_reset",
        _TCP_END + "AbnormalTests.test_reset",
    ),
    *_twice(
        "error: not at a good end",
        _BOTH,
        'hook = self._hook("error") if flow.error is not None else None',
        'hook = self._hook("error")',
        _WS_END + "GoodEndTests.test_both_ways",
        _TCP_END + "HalfCloseTests.test_mirrored",
    ),
    *_twice(
        "end: after error is over",
        _BOTH,
        "            deferred.addBoth(self._end)",
        "            self._end(None)",
        _WS_END + "AbnormalTests.test_last_events",
        _TCP_END + "AbnormalTests.test_last_hooks_are_waited_for",
    ),
    *_twice(
        "end: always",
        _BOTH,
        '        hook = self._hook("end")\n',
        '        hook = self._hook("end") if flow.error is None else None\n',
        _WS_END + "AbnormalTests.test_reset",
        _TCP_END + "ConnectFailureTests.test_hooks",
    ),
    *_twice(
        "end: once",
        _BOTH,
        "if self._is_over or not self.has_begun:",
        "if self.flow is None or not self.has_begun:",
        "tests.acceptance.test_websocket_matrix.WebSocketMatrixTests.test_end_held__client_reset",
        "tests.acceptance.test_tcp_matrix.TCPMatrixTests.test_error_held__nothing",
    ),
    *_twice(
        "end: clientdisconnect comes after it",
        _BOTH,
        "        self.client.begin()\n",
        "",
        _WS_END + "AbnormalTests.test_last_events",
        _TCP_END + "AbnormalTests.test_last_hooks_are_waited_for",
    ),
    *_twice(
        "message: the latest one while its hook is pending",
        _QUEUE,
        "        self._items.append((from_client, size, ask, act))\n",
        "        asked = ask() if ask is not None else None  # at once\n"
        "        self._items.append((from_client, size, lambda: asked, act))\n",
        _WS_HELD + "HeldTests.test_latest_message",
        _TCP + "HeldTests.test_latest_message",
    ),
    *_twice(
        "message: held while the flow is intercepted",
        _QUEUE,
        "if deferred is None and ask is not None and self._flow.intercepted:",
        "if False:",
        _WS_HELD + "HeldTests.test_intercepted",
        _TCP + "HeldTests.test_intercepted",
    ),
    Mutant(
        "a held message: intercepted by a handler that took its time",
        _QUEUE,
        "        if self._flow.intercepted:\n            again",
        "        if False:\n            again",
        _MESSAGES + "QueueTests.test_intercepted",
    ),
    Mutant(
        "a held message: nobody's silence",
        _BOTH,
        "if self.has_begun and not self._is_over and not self.queue.is_idle and not self.full:",
        "if False:",
        _TCP + "HeldTests.test_intercepted",
    ),
    Mutant(
        "a held message: the client that goes cancels it",
        _QUEUE,
        "            pending.addErrback(ignore_failure)\n            pending.cancel()\n",
        "            pending.addErrback(ignore_failure)\n",
        _TCP + "HeldTests.test_client_gone",
    ),
)

_TCP_EDIT: tuple[Mutant, ...] = (
    Mutant(
        "TCP edit: what an addon wrote goes out",
        _LAYER,
        "content = message.content\n",
        "content = message.original\n",
        _TCP + "MessageTests.test_edit",
    ),
    Mutant(
        "TCP edit: empty content sends nothing",
        _LAYER,
        "content = message.content\n",
        "content = message.content or message.original\n",
        _TCP + "MessageTests.test_nothing",
    ),
    Mutant(
        "TCP edit: a killed message is not sent",
        _LAYER,
        "if content and not message.killed:",
        "if content:",
        _TCP + "MessageTests.test_killed",
    ),
    Mutant(
        "TCP edit: chunks of 64 KiB at most",
        _LAYER,
        "_CHUNK_BYTES = 65536",
        "_CHUNK_BYTES = 1 << 20",
        _TCP + "MessageTests.test_long_first_message",
    ),
    Mutant(
        "TCP edit: no message is made for nobody",
        _LAYER,
        'not self.is_always_split and self._hook("message") is None:',
        "False:",
        _TCP + "MessageTests.test_unheard",
    ),
    Mutant(
        "TCP silence: a byte of either side is none",
        _LAYER,
        "        self.touch()\n",
        "",
        _TCP_END + "AbnormalTests.test_silence",
    ),
)

_TCP_ENDS: tuple[Mutant, ...] = (
    Mutant(
        "TCP half-close: the server is told",
        _LAYER,
        "            end.half_close()\n",
        "",
        _TCP_END + "HalfCloseTests.test_mirrored",
    ),
    Mutant(
        "TCP half-close: the client is told",
        _LAYER,
        "            if not half_close(self.transport):\n",
        "            if False:\n",
        _TCP_END + "HalfCloseTests.test_mirrored",
    ),
    Mutant(
        "TCP half-close: the other side may go on",
        _LAYER,
        "if self._client_done and self._server_done:",
        "if self._client_done or self._server_done:",
        _TCP_END + "HalfCloseTests.test_mirrored",
    ),
    Mutant(
        "TCP half-close: after both it is over",
        _LAYER,
        "if self._client_done and self._server_done:",
        "if False:",
        _TCP_END + "HalfCloseTests.test_mirrored",
    ),
    Mutant(
        "TCP half-close: behind what the client said",
        _LAYER,
        "self.queue.put(True, 0, None, lambda: self._half_closed(end, True))",
        "self._half_closed(end, True)",
        _TCP_END + "HeldHalfCloseTests.test_behind_messages",
    ),
    Mutant(
        "TCP half-close: behind what the server said",
        _LAYER,
        "self.queue.put(False, 0, None, lambda: self._half_closed(end, False))",
        "self._half_closed(end, False)",
        _TCP_END + "HeldHalfCloseTests.test_behind_messages",
    ),
    Mutant(
        "TCP half-close: a full receiver gets it",
        "_layers/server_end.py",
        "        self.close_channel()  # a producer that is paused would keep the half-close from being sent\n",
        "",
        _TCP_END + "HeldHalfCloseTests.test_full",
    ),
    Mutant(
        "TCP half-close: while the server is being connected",
        _JOINT,
        "if self._client_ended and not self.is_lost:",
        "if False:",
        _TCP_END + "HalfCloseTests.test_while_connecting",
    ),
    Mutant(
        "TCP reset: one on the other side, and an error",
        _BOTH,
        "    if reason.check(ConnectionDone):\n        return None",
        "    if True:\n        return None",
        _TCP_END + "AbnormalTests.test_reset",
    ),
    Mutant(
        "TCP connect failure: its three hooks",
        _LAYER,
        "        self.queue.put(True, 0, None, lambda: self.over(message))",
        "        pass",
        _TCP_END + "ConnectFailureTests.test_hooks",
    ),
    Mutant(
        "TCP connect failure: tcp_error waits for tcp_start",
        _LAYER,
        "        self.queue.put(True, 0, None, lambda: self.over(message))",
        "        self.over(message)",
        _TCP_END + "ConnectFailureTests.test_start_held",
    ),
    Mutant(
        "TCP connect failure: the client's connection is closed",
        _JOINT,
        "                deferred.addBoth(lambda _: self.client.done())\n        self.close_client()",
        "                deferred.addBoth(lambda _: self.client.done())",
        _TCP_END + "ConnectFailureTests.test_hooks",
    ),
    Mutant(
        "TCP connect failure: the tunnel's flow learns why",
        _JOINT,
        "if flow is not None and flow.error is None:",
        "if False:",
        _TCP_END + "ConnectFailureTests.test_tunnel",
    ),
)

_KILL: tuple[Mutant, ...] = (
    Mutant(
        "kill on TCP: the client is reset",
        _BOTH,
        "        self.queue.stop()\n        self.abort_client()\n",
        "        self.queue.stop()\n",
        _TCP_END + "AbnormalTests.test_kill",
    ),
    Mutant(
        "kill on TCP: a held hook is cancelled",
        _QUEUE,
        "            pending.addErrback(ignore_failure)\n            pending.cancel()\n",
        "            pending.addErrback(ignore_failure)\n",
        _TCP_END + "AbnormalTests.test_kill_while_held",
    ),
    Mutant(
        "kill on WebSocket: the message of that hook is not passed on",
        _QUEUE,
        "            if self.is_stopped:  # ",
        "            if False:  # ",
        _WS_END + "KillTests.test_in_message",
    ),
    Mutant(
        "kill on WebSocket: a handler that kills and waits holds nothing",
        _QUEUE,
        "                    deferred.addErrback(ignore_failure)\n                    deferred.cancel()\n",
        "                    pass\n",
        _WS_END + "KillTests.test_in_message_and_pending",
    ),
)

_BOUNDS: tuple[Mutant, ...] = (
    *_twice(
        "message back-pressure: a held hook holds reading",
        _QUEUE,
        "self._readings[from_client].hold(AHEAD)",
        "pass",
        _WS_HELD + "PressureTests.test_hook_held",
        _TCP + "PressureTests.test_hook_held",
    ),
    *_twice(
        "message back-pressure: then it is read on",
        _QUEUE,
        "self._readings[from_client].release(AHEAD)",
        "pass",
        _WS_HELD + "PressureTests.test_hook_held",
        _TCP + "PressureTests.test_hook_held",
    ),
    *_twice(
        "message back-pressure: a client that does not read",
        _JOINT,
        "self.source = _Side(end.reading)",
        "self.source = None",
        _WS_HELD + "PressureTests.test_receiver_does_not_read",
        _TCP + "PressureTests.test_receiver_does_not_read",
    ),
    *_twice(
        "message back-pressure: a server that does not read",
        _JOINT,
        "end.source = _Side(self.switch.reading)",
        "end.source = None",
        _WS_HELD + "PressureTests.test_receiver_does_not_read",
        _TCP + "PressureTests.test_receiver_does_not_read",
    ),
    Mutant(
        "back-pressure: two reasons, of which one is over",
        "_streams/channel.py",
        "            if not reasons and not self._half_closed:\n                self._watch.remove",
        "            if not self._half_closed:\n                self._watch.remove",
        _WS_HELD + "PressureTests.test_full_and_held",
    ),
    Mutant(
        "back-pressure: while the server is being connected",
        _JOINT,
        "            self.switch.reading.hold(WAITING)",
        "            pass",
        _TCP + "PressureTests.test_connecting",
    ),
    Mutant(
        "back-pressure: the end of a side is noticed when all is over",
        _QUEUE,
        "        for reading in self._readings.values():\n            reading.release(AHEAD)\n",
        "",
        _MESSAGES + "PressureTests.test_stop_lets_read",
    ),
    Mutant(
        "history: bounded as the options say",
        _BOTH,
        "return History(options.message_history_count, options.message_history_bytes)",
        "return History()",
        "tests.acceptance.test_websocket_addons.HistoryTests.test_count",
    ),
    Mutant(
        "history: TCP, none is kept",
        _LAYER,
        "        self.flow.messages.settle()\n",
        "",
        _TCP + "MessageTests.test_history",
    ),
    Mutant(
        "history: the latest is there in its hook",
        "model/history.py",
        "self._trim(1)",
        "self._trim(0)",
        _TCP + "MessageTests.test_history",
    ),
    Mutant(
        "history: what was forgotten is counted",
        "model/history.py",
        "            self.forgotten += 1\n",
        "",
        "tests.acceptance.test_websocket_addons.HistoryTests.test_count",
    ),
    Mutant(
        "history: it goes with its conversation",
        _BOTH,
        "flow, self.flow = self.flow, None",
        "flow = self.flow",
        "tests.acceptance.test_conversation_memory.MemoryTests.test_tcp",
    ),
)

MUTANTS: tuple[Mutant, ...] = (*_ORDER, *_TCP_EDIT, *_TCP_ENDS, *_KILL, *_BOUNDS)
