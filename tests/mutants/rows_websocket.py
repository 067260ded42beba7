"""WebSocket: the handshake, edits, fragments, compression, injected messages, ends, kills."""

from tests.mutants.runner import Mutant

__all__ = ["MUTANTS"]

_LAYER = "_layers/websocket.py"
_WRITE = "_wire/websocket_write.py"
_HANDSHAKE = "_layers/handshake.py"
_SAID = "tests.acceptance.test_websocket."
_ADDONS = "tests.acceptance.test_websocket_addons."
_DEFLATE = "tests.acceptance.test_websocket_deflate."
_END = "tests.acceptance.test_websocket_end."
_OPEN = "tests.acceptance.test_websocket_handshake."

_OPENING: tuple[Mutant, ...] = (
    Mutant(
        "websocket_handshake: skipped when request has answered",
        "_layers/exchange.py",
        "if self._handshake is not None and flow.response is None and hooks.websocket_handshake is not None:",
        "if self._handshake is not None and hooks.websocket_handshake is not None:",
        _OPEN + "InsteadTests.test_response_in_request",
    ),
    Mutant(
        "websocket_handshake edit: the key stays consistent",
        _HANDSHAKE,
        "fields = set_value(response.headers.raw, _ACCEPT, accept_key(came.key))",
        "fields = response.headers.raw",
        _OPEN + "EditTests.test_key",
    ),
    Mutant(
        "websocket_handshake edit: the server must answer what it was sent",
        _HANDSHAKE,
        "agreed = check_response(response.headers.raw, sent.key,",
        "agreed = check_response(response.headers.raw, self._came.key,",
        _OPEN + "EditTests.test_key_answered_for_the_old_one",
    ),
    Mutant(
        "websocket_handshake edit: no subprotocol that the client did not ask for",
        _HANDSHAKE,
        "if any(protocol not in came.protocols for protocol in protocols):",
        "if False:",
        _OPEN + "EditTests.test_protocol",
    ),
    Mutant(
        "websocket_handshake: extensions that cannot be read are left out",
        _HANDSHAKE,
        "        request.headers.raw = fields\n",
        "",
        _DEFLATE + "OfferTests.test_unknown",
    ),
)

_MESSAGES: tuple[Mutant, ...] = (
    Mutant(
        "WebSocket edit: what an addon wrote goes out",
        _LAYER,
        "is_new = message.content is not came.payload",
        "is_new = False",
        _SAID + "EditTests.test_longer",
    ),
    Mutant(
        "WebSocket edit: the type alone",
        _LAYER,
        "message.content if is_new else None, int(message.type))",
        "message.content if is_new else None)",
        _SAID + "EditTests.test_type",
    ),
    Mutant(
        "WebSocket edit: a killed message is not sent",
        _LAYER,
        "        if message.killed:\n            writer.drop(came)\n            return\n",
        "",
        _SAID + "EditTests.test_killed",
    ),
    Mutant(
        "WebSocket fragmented: untouched, it stays so",
        _WRITE,
        "                return message.raw\n",
        "                if len(message.sizes) > 1:\n"
        "                    return write_message(opcode, message.payload, masked=self._masked)\n"
        "                return message.raw\n",
        _SAID + "VerbatimTests.test_fragments",
    ),
    Mutant(
        "WebSocket fragmented: an edit of the same length keeps the cuts",
        _WRITE,
        "if sum(sizes) == len(payload):",
        "if False:",
        _SAID + "EditTests.test_same_length_fragmented",
    ),
    Mutant(
        "WebSocket fragmented: a ping between two fragments",
        _LAYER,
        "        elif self.queue.is_idle:\n            self._send(direction, event.raw)\n",
        "        elif self.queue.is_idle and direction.reader._unfinished is not None:\n            pass\n",
        _SAID + "VerbatimTests.test_ping_between_fragments",
    ),
    Mutant(
        "WebSocket fragmented: nothing injected comes between",
        _LAYER,
        "data = direction.writer.inject(int(message.type), message.content)",
        "data = direction.writer.inject(0, message.content)",
        _ADDONS + "InjectTests.test_between_fragments",
    ),
    Mutant(
        "WebSocket compressed: deflated anew after a change",
        _WRITE,
        "            self._is_verbatim = False\n",
        "            pass\n",
        _DEFLATE + "BothTests.test_changed",
    ),
    Mutant(
        "WebSocket compressed: deflated anew after a message was dropped",
        _LAYER,
        "            writer.drop(came)\n",
        "",
        _DEFLATE + "BothTests.test_dropped",
    ),
    Mutant(
        "WebSocket compressed: without context takeover the rest stays",
        _WRITE,
        "and not self._came.no_context_takeover:",
        "and True:",
        _DEFLATE + "BothTests.test_without_context_takeover",
    ),
    Mutant(
        "WebSocket compressed: agreed on with each side by itself",
        _HANDSHAKE,
        "self.client = accept_answer(answer, came.extensions)",
        "self.client = self.server",
        _DEFLATE + "OneSideTests.test_server_only",
    ),
    Mutant(
        "WebSocket compressed: a bomb is refused before it is there",
        "_wire/websocket_message.py",
        "Inflater(coding.no_context_takeover, coding.window_bits, max_message)",
        "Inflater(coding.no_context_takeover, coding.window_bits, 1 << 40)",
        _DEFLATE + "BothTests.test_bomb",
    ),
    Mutant(
        "WebSocket inject: in the name of the side that is named",
        _LAYER,
        "direction = self._client if message.from_client else self._server\n        if direction.has_closed:",
        "direction = self._server if message.from_client else self._client\n        if direction.has_closed:",
        _ADDONS + "InjectTests.test_both_ways",
    ),
    Mutant(
        "WebSocket inject: behind the messages that wait",
        _LAYER,
        "self.queue.put(message.from_client, len(message.content), lambda: self.show(message), act)",
        "act()",
        _ADDONS + "InjectTests.test_behind_waiting_messages",
    ),
    Mutant(
        "WebSocket inject: not when it is over",
        _LAYER,
        "        self.flow.when_injected(None)\n",
        "        pass\n",
        _ADDONS + "InjectTests.test_after_the_end",
    ),
    Mutant(
        "history: WebSocket, none is kept",
        _LAYER,
        "        self.flow.messages.settle()\n        writer = direction.writer\n",
        "        writer = direction.writer\n",
        _ADDONS + "HistoryTests.test_none",
    ),
)

_ENDS: tuple[Mutant, ...] = (
    Mutant(
        "WebSocket end: who said goodbye first",
        _LAYER,
        "if flow.close_sender is None:",
        "if True:",
        _END + "GoodEndTests.test_both_ways",
    ),
    Mutant(
        "WebSocket end: one goodbye is not the end",
        _LAYER,
        "        if other.has_closed:\n            self._close_both(None)",
        "        if True:\n            self._close_both(None)",
        _END + "GoodEndTests.test_what_the_other_side_says_meanwhile",
    ),
    Mutant(
        "WebSocket end: what comes behind the goodbye is dropped",
        _LAYER,
        "if failure is not None and not direction.has_closed:",
        "if failure is not None:",
        _END + "GoodEndTests.test_behind_the_close_frame",
    ),
    Mutant(
        "WebSocket end: a goodbye without an answer",
        _LAYER,
        "self.switch.deadline = self._seconds() + _CLOSE_SECONDS",
        "pass",
        _END + "GoodEndTests.test_no_answer",
    ),
    Mutant(
        "WebSocket end: a goodbye without an answer, while the other side talks on",
        _LAYER,
        "if not (self._client.has_closed or self._server.has_closed):",
        "if True:",
        _END + "GoodEndTests.test_no_answer",
    ),
    Mutant(
        "WebSocket abnormal close: without a goodbye it is an error",
        _LAYER,
        "return why or f\"the {'client' if by_client else 'server'} closed the connection without a close frame\"",
        "return why",
        _END + "AbnormalTests.test_closed",
    ),
    Mutant(
        "WebSocket abnormal close: a reset is one on the other side",
        "_layers/joint.py",
        "            end.hang_up()\n        else:\n            end.abort()",
        "            end.hang_up()\n        else:\n            end.close()",
        _END + "AbnormalTests.test_reset",
    ),
    Mutant(
        "WebSocket abnormal close: what was said before counts",
        _LAYER,
        "self.queue.put(True, 0, None, act)  # what it said before is passed on",
        "act()",
        "tests.acceptance.test_websocket_holding.HeldTests.test_client_closes",
    ),
    Mutant(
        "WebSocket abnormal close: who broke the protocol is told",
        _LAYER,
        "self._say_close(other, error.close_code, str(error))",
        "pass",
        _END + "BrokenTests.test_utf8",
    ),
    Mutant(
        "WebSocket abnormal close: the other side is told, too",
        _LAYER,
        '        self._say_close(direction, _GOING_AWAY, "")\n        who',
        "        who",
        _END + "BrokenTests.test_mask",
    ),
    Mutant(
        "WebSocket abnormal close: a client that still sends can read why",
        _LAYER,
        "if direction.from_client and half_close(self.transport):",
        "if False:",
        _END + "LingerTests.test_told_why",
    ),
    Mutant(
        "kill on WebSocket: both sides are told",
        _LAYER,
        "        self._going_away()\n        self._close_both(str(why))",
        "        self._close_both(str(why))",
        _END + "KillTests.test_at_any_moment",
    ),
    Mutant(
        "kill on WebSocket: nothing behind a goodbye",
        _LAYER,
        "        if direction.is_shut:\n            return\n",
        "",
        _END + "KillTests.test_in_the_closing_handshake",
    ),
    Mutant(
        "kill on WebSocket: both connections are closed",
        _LAYER,
        "        self._going_away()\n        self._close_both(str(why))",
        "        self._going_away()\n        self.over(str(why))",
        _END + "KillTests.test_in_message",
    ),
    Mutant(
        "kill on WebSocket: in websocket_handshake",
        "_layers/asking.py",
        "        await deferred\n    if flow.killed:",
        "        await deferred\n    if False:",
        _OPEN + "InsteadTests.test_kill_in_handshake",
    ),
)

MUTANTS: tuple[Mutant, ...] = (*_OPENING, *_MESSAGES, *_ENDS)
