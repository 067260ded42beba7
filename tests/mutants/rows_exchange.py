"""One exchange: answers of addons, rewritten requests, streamed bodies, their order, bounded memory."""

from tests.mutants.runner import Mutant

__all__ = ["MUTANTS"]

_CANNED = "tests.acceptance.test_canned."
_ORDER = "tests.acceptance.test_order."
_STREAMING = "tests.acceptance.test_streaming."
_MEMORY = "tests.acceptance.test_memory.SlowConsumerTests."

_ANSWERS: tuple[Mutant, ...] = (
    Mutant(
        "canned response: zero connections upstream",
        "_layers/exchange.py",
        "response = flow.response or answer_here(flow.request) or await self._fetch(upload)",
        "came = None if answer_here(flow.request) else await self._fetch(upload)\n"
        "        response = flow.response or answer_here(flow.request) or came",
        _CANNED + "CannedTests.test_canned_in_request",
    ),
    Mutant(
        "canned response in requestheaders: request is skipped",
        "_layers/exchange.py",
        "if upload is None and flow.response is None and hooks.request is not None:",
        "if upload is None and hooks.request is not None:",
        _CANNED + "CannedTests.test_canned_in_requestheaders",
    ),
    Mutant(
        "canned response: responseheaders still fires",
        "_layers/exchange.py",
        "if hooks.responseheaders is not None:",
        "if hooks.responseheaders is not None and self.up is not None:",
        _CANNED + "CannedTests.test_canned_in_request",
    ),
    Mutant(
        "canned response: response still fires",
        "_layers/exchange.py",
        "            await self._ask(self.hooks.response)\n        self._is_over = True\n        self.down.send(",
        "            if self.up is not None:\n                await self._ask(self.hooks.response)\n"
        "        self._is_over = True\n        self.down.send(",
        _CANNED + "CannedTests.test_canned_in_request",
    ),
    Mutant(
        "canned response: a small unread body is dropped",
        "_layers/http1.py",
        "return body.length - body.received > _DROPPED_BYTES",
        "return True",
        _CANNED + "CannedTests.test_canned_with_an_unread_small_body",
    ),
    Mutant(
        "canned response: a large unread body closes the connection",
        "_layers/http1.py",
        "return body.length - body.received > _DROPPED_BYTES",
        "return False",
        _CANNED + "CannedTests.test_canned_with_an_unread_large_body",
    ),
    Mutant(
        "canned response: a body without end closes the connection",
        "_layers/http1.py",
        "self._dropping -= len(data)",
        "pass",
        _CANNED + "CannedTests.test_canned_with_a_chunked_body_that_goes_on",
    ),
    Mutant(
        "host rewrite in the middle of keep-alive",
        "_upstream/pool.py",
        "host, port = request.host, request.port\n",
        'host, port = client.__dict__.setdefault("first_server", (request.host, request.port))\n',
        _CANNED + "RewriteTests.test_host_rewrite_in_keep_alive",
    ),
    Mutant(
        "an edit made after the result fired, while upstream is still connecting, is not on the wire",
        "_layers/forwarding.py",
        "    wire = request.copy()",
        "    wire = request",
        "tests.acceptance.test_cancellation.StubbornTests.test_edit_while_upstream_connects",
    ),
    Mutant(
        "an edit made after the result fired, by a handler that was given up, is not on the wire",
        "_layers/forwarding.py",
        "    wire = request.copy()",
        "    wire = request",
        "tests.acceptance.test_cancellation.StubbornTests.test_writes_after_the_deadline",
    ),
)

_STREAMS: tuple[Mutant, ...] = (
    Mutant(
        "request.stream: True",
        "_layers/body.py",
        "    if message.stream:\n",
        "    if message.stream and down is None:\n",
        _STREAMING + "RequestTests.test_true",
    ),
    Mutant(
        "response.stream: True",
        "_layers/body.py",
        "    if message.stream:\n",
        "    if message.stream and down is not None:\n",
        _STREAMING + "ResponseTests.test_true",
    ),
    Mutant(
        "request.stream: callable",
        "_layers/upload.py",
        "relay(self._body, up, self._stream, ",
        "relay(self._body, up, True, ",
        _STREAMING + "RequestTests.test_callable",
    ),
    Mutant(
        "response.stream: callable",
        "_layers/exchange.py",
        "relay(body, down, stream, ",
        "relay(body, down, True, ",
        _STREAMING + "ResponseTests.test_callable",
    ),
    Mutant(
        "response.stream: callable, its last words",
        "_streams/transform.py",
        'self._inputs.append(b"")',
        "pass",
        _STREAMING + "ResponseTests.test_callable",
    ),
    Mutant(
        "request.stream: callable, framed anew",
        "_layers/exchange.py",
        "(CHUNKED, -1) if callable(wire.stream) else (upload.framing, upload.length)",
        "(upload.framing, upload.length)",
        _STREAMING + "RequestTests.test_callable",
    ),
    Mutant(
        "response.stream: callable, iterable chunks",
        "_streams/transform.py",
        "self._pieces = iter(result)",
        "pass",
        _STREAMING + "ResponseTests.test_iterable",
    ),
    *(
        Mutant(
            f"{kind}.stream: Deferred chunks",
            "_streams/transform.py",
            "        answer.addBoth(self._answered, answer)\n",
            "        if answer.called:\n            answer.addBoth(self._answered, answer)\n"
            "        else:\n            self._answer = None\n",
            f"{_STREAMING}{kind.capitalize()}Tests.test_deferred_chunks",
        )
        for kind in ("request", "response")
    ),
    Mutant(
        "response.stream: Deferred chunks, the source is paused meanwhile",
        "_streams/transform.py",
        "return self._answer is not None or self._pieces",
        "return self._pieces",
        _STREAMING + "ResponseTests.test_source_is_paused_while_pending",
    ),
    Mutant(
        "response.stream: Deferred chunks, within hook_timeout",
        "_streams/transform.py",
        "if self._timeout and not answer.called:",
        "if False:",
        _STREAMING + "ResponseTests.test_deadline_of_the_callable",
    ),
)

_IN_ORDER: tuple[Mutant, ...] = (
    Mutant(
        "request of a streamed body: after the last byte",
        "_layers/upload.py",
        "hook = exchange.hooks.request",
        "hook = None",
        _ORDER + "OrderTests.test_streamed_request",
    ),
    Mutant(
        "request without a body: always before upstream is asked",
        "_layers/exchange.py",
        "if upload is None and flow.response is None and hooks.request is not None:",
        "if not request.stream and flow.response is None and hooks.request is not None:",
        _ORDER + "OrderTests.test_streamed_without_a_body",
    ),
    Mutant(
        "response: not the end of the flow before request",
        "_layers/exchange.py",
        "            await upload.ended()",
        "            pass",
        _ORDER + "OrderTests.test_end_of_the_upload_after_the_answer",
    ),
    Mutant(
        "response: skips request of an abandoned upload",
        "_layers/exchange.py",
        "            upload.abandon()\n            self.down.persistent = False\n\n    def _server_finished",
        "            await upload.ended()\n\n    def _server_finished",
        _ORDER + "OrderTests.test_abandoned_upload_skips_request",
    ),
    Mutant(
        "events of one flow never overlap",
        "_layers/exchange.py",
        "        if lock is None:\n",
        "        if True:\n",
        _ORDER + "OrderTests.test_no_overlap",
    ),
    Mutant(
        "pipelined requests: one after another",
        "_layers/http1.py",
        "elif self._run is not None or self.full:",
        "elif self.full:",
        _ORDER + "PipeliningTests.test_one_after_another",
    ),
    Mutant(
        "pipelined requests: a flat stack",
        "_layers/http1.py",
        "        self._turning = True\n",
        "        self._turning = False\n",
        _ORDER + "PipeliningTests.test_two_thousand_answered_synchronously",
    ),
)

_BOUNDED: tuple[Mutant, ...] = (
    Mutant(
        "10 MB through a slow consumer: down",
        "_streams/body.py",
        '"""The consumer is full."""\n        self._reading.hold(CONSUMER)',
        '"""The consumer is full."""',
        _MEMORY + "test_download",
    ),
    Mutant(
        "10 MB through a slow consumer: down, in TLS",
        "_streams/body.py",
        '"""The consumer is full."""\n        self._reading.hold(CONSUMER)',
        '"""The consumer is full."""',
        _MEMORY + "test_download_through_tls",
    ),
    Mutant(
        "10 MB through a slow consumer: up",
        "_streams/channel.py",
        "        self.full = True\n        if self.source is not None:\n            self.source.pause()",
        "        self.full = True",
        _MEMORY + "test_upload",
    ),
    Mutant(
        "10 MB through a slow consumer: a callable",
        "_streams/body.py",
        '"""The consumer is full."""\n        self._reading.hold(CONSUMER)',
        '"""The consumer is full."""',
        _MEMORY + "test_download_through_a_callable",
    ),
    Mutant(
        "10 MB through a slow consumer: a callable that gives an iterable",
        "_streams/transform.py",
        "self._answer is None and not self._consumer.full and self._step():",
        "self._answer is None and self._step():",
        "tests._streams.test_transform.BackPressureTests.test_iterable_waits",
    ),
    Mutant(
        "10 MB through a slow consumer: beyond stream_large_bodies",
        "_layers/body.py",
        "limit = options.stream_large_bodies or _UNBOUNDED",
        "limit = _UNBOUNDED",
        _MEMORY + "test_download_of_a_large_body",
    ),
    Mutant(
        "10 MB through a slow consumer: an opaque tunnel",
        "_layers/joint.py",
        '"""Read no more."""\n        self._reading.hold(CONSUMER)',
        '"""Read no more."""',
        _MEMORY + "test_tunnel",
    ),
    Mutant(
        "10 MB through a slow consumer: one that never reads",
        "_layers/http1.py",
        "super().pauseProducing()\n        self.switch.deadline = self._seconds() + self._stall",
        "super().pauseProducing()",
        _MEMORY + "test_a_client_that_never_reads",
    ),
    Mutant(
        "10 MB behind a pending hook: 64 KiB of later requests",
        "_layers/http1.py",
        "if self._ahead_size > HIGH_WATER_BYTES:",
        "if False:",
        _MEMORY + "test_pipelined_requests",
    ),
    Mutant(
        "10 MB behind a pending hook: all collected bodies together",
        "_streams/body.py",
        "if self.total + size > self.limit:",
        "if False:",
        "tests.acceptance.test_bodies.BoundTests.test_collected_bytes_limit",
    ),
)

MUTANTS: tuple[Mutant, ...] = (*_ANSWERS, *_STREAMS, *_IN_ORDER, *_BOUNDED)
