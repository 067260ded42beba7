"""Each flow ends in exactly one of response and error, whatever fails; and half-closes that are no failure."""

from tests.mutants.runner import Mutant

__all__ = ["MUTANTS"]

_XOR = "tests.acceptance.test_response_xor_error."
_CLIENT = "tests.acceptance.test_response_xor_error_client.ClientFailureTests."
_ORDER = "tests.acceptance.test_order.HalfCloseTests."
_ABORT = "tests.acceptance.test_client_aborts."
_UPSTREAM = "tests.acceptance.test_upstream."


def _untold(row: str, error: str, test: str) -> Mutant:
    """A flow that fails in one way ends in neither of the two."""
    return Mutant(
        f"response-xor-error at: {row}, error fires",
        "_layers/exchange.py",
        "        except MitmtwError as error:\n            await self.fail(error)",
        f'        except MitmtwError as error:\n            if type(error).__name__ != "{error}":\n'
        "                await self.fail(error)",
        test,
    )


_UNTOLD: tuple[Mutant, ...] = (
    _untold("DNS failure", "NameNotFound", _XOR + "ConnectFailureTests.test_dns_failure"),
    _untold("refused", "ConnectRefused", _XOR + "ConnectFailureTests.test_refused"),
    _untold("connect timeout", "ConnectTimedOut", _XOR + "ConnectFailureTests.test_connect_timeout"),
    _untold("TLS failure", "TLSFailed", _XOR + "ConnectFailureTests.test_tls_failure"),
    _untold("close before the head", "UpstreamClosed", _XOR + "ServerFailureTests.test_close_before_the_head"),
    _untold("bad head", "RemoteProtocolError", _XOR + "ServerFailureTests.test_bad_head"),
    _untold("head timeout", "ResponseTimedOut", _XOR + "ServerFailureTests.test_head_timeout"),
    _untold("cut body", "UpstreamClosed", _XOR + "ServerFailureTests.test_cut_collected_body"),
    _untold("cut streamed body", "UpstreamClosed", _XOR + "ServerFailureTests.test_cut_streamed_body"),
    _untold("client gone in the request", "ClientGone", _CLIENT + "test_client_gone_in_the_request"),
    _untold("client gone in the response", "ClientGone", _CLIENT + "test_client_gone_in_the_response"),
    _untold("hook deadline", "PolicyApplied", _XOR + "HookDeadlineTests.test_hook_deadline"),
)

_NOTICED: tuple[Mutant, ...] = (
    Mutant(
        "response-xor-error at: DNS failure, said so",
        "_upstream/dial.py",
        "isinstance(error, errors.DNSLookupError)",
        "False",
        _XOR + "ConnectFailureTests.test_dns_failure",
    ),
    Mutant(
        "response-xor-error at: refused, said so",
        "_upstream/dial.py",
        "isinstance(error, errors.ConnectionRefusedError)",
        "False",
        _XOR + "ConnectFailureTests.test_refused",
    ),
    Mutant(
        "response-xor-error at: connect timeout, within it",
        "_upstream/dial.py",
        "attempt.addTimeout(seconds, ",
        "attempt.addTimeout(seconds + 10, ",
        "tests.acceptance.test_connection.ServerConnectTests.test_via_that_never_answers",
    ),
    Mutant(
        "response-xor-error at: TLS failure, noticed",
        "_upstream/http1.py",
        "        if ready is not None:\n            error = reason.value\n",
        "        if ready is not None:\n            return\n            error = reason.value\n",
        _XOR + "ConnectFailureTests.test_tls_failure",
    ),
    Mutant(
        "response-xor-error at: TLS handshake timeout",
        "_upstream/http1.py",
        "        if self.ready is not None:\n            self.deadline = ",
        "        if self.ready is None:\n            self.deadline = ",
        _XOR + "ConnectFailureTests.test_tls_timeout",
    ),
    Mutant(
        "response-xor-error at: verification failure",
        "_upstream/pool.py",
        "not self._proxy.options.upstream_insecure)",
        "False)",
        _XOR + "ConnectFailureTests.test_verification_failure",
    ),
    Mutant(
        "response-xor-error at: close before the head, noticed",
        "_upstream/http1.py",
        '        stream.failed(UpstreamClosed(f"the server closed the connection {what}"))',
        "        return",
        _XOR + "ServerFailureTests.test_close_before_the_head",
    ),
    Mutant(
        "response-xor-error at: bad head, noticed",
        "_upstream/http1.py",
        "                self._read_head(stream, head, data)\n        except RemoteProtocolError as error:\n"
        "            self._fail(error)",
        "                self._read_head(stream, head, data)\n        except RemoteProtocolError:\n            return",
        _XOR + "ServerFailureTests.test_bad_head",
    ),
    Mutant(
        "response-xor-error at: head timeout, noticed",
        "_upstream/http1.py",
        "elif stream.sent == WHOLE and not self.full:",
        "elif False:",
        _XOR + "ServerFailureTests.test_head_timeout",
    ),
    Mutant(
        "response-xor-error at: cut body, noticed",
        "_upstream/http1.py",
        "is_clean = body.framing == UNTIL_CLOSE and reason.check(ConnectionDone) is not None",
        "is_clean = reason.check(ConnectionDone) is not None",
        _XOR + "ServerFailureTests.test_cut_collected_body",
    ),
    Mutant(
        "response-xor-error at: cut body without a length",
        "_upstream/http1.py",
        "is_clean = body.framing == UNTIL_CLOSE and reason.check(ConnectionDone) is not None",
        "is_clean = body.framing == UNTIL_CLOSE",
        _XOR + "ServerFailureTests.test_body_until_close_is_cut_by_a_reset_only",
    ),
    Mutant(
        "response-xor-error at: cut streamed body, no page into it",
        "_layers/exchange.py",
        "or down.sent not in (NOTHING, WHOLE)\n",
        "\n        down.sent = NOTHING\n",
        _XOR + "ServerFailureTests.test_cut_streamed_body",
    ),
    Mutant(
        "response-xor-error at: client gone in the request, by FIN",
        "_layers/http1.py",
        "elif self._reader is not None or self.client.proxy.options.abort_on_half_close:",
        "elif self.client.proxy.options.abort_on_half_close:",
        _CLIENT + "test_client_gone_in_the_request",
    ),
    Mutant(
        "response-xor-error at: client gone in the response, by RST",
        "_layers/http1.py",
        "run.cancel(client_gone(self.client))",
        "pass",
        _CLIENT + "test_client_gone_in_the_response",
    ),
    Mutant(
        "response-xor-error at: bad request, error without a request",
        "_layers/http1.py",
        "self._run = run = Run(refuse(flow, stream, self, error), self._run_ended)\n        flow.begin(run)\n"
        "        run.start()",
        "self._close()",
        _CLIENT + "test_bad_request",
    ),
    Mutant(
        "response-xor-error: not both, after response",
        "_layers/exchange.py",
        'if self._is_over and flow.request.raw_method != b"CONNECT":',
        "if False:",
        "tests.acceptance.test_canned.UnsendableTests.test_response_that_cannot_be_sent",
    ),
    Mutant(
        "response-xor-error: a page of a handler of error",
        "_layers/exchange.py",
        "if response is None or response is before:",
        "if True:",
        _XOR + "ConnectFailureTests.test_page_of_an_addon",
    ),
    Mutant(
        "server gone while a hook is pending: noted, and decided after",
        "_streams/body.py",
        "            self.error = error\n",
        "            self.error = None\n",
        _ABORT + "UpstreamGoneTests.test_before_its_answer_is_whole",
    ),
    Mutant(
        "a dead idle connection: once more on a new one",
        "_layers/exchange.py",
        "if must_be_fresh or upload is not None",
        "if True or upload is not None",
        _UPSTREAM + "RetryTests.test_get_is_sent_again",
    ),
    Mutant(
        "a dead idle connection: not for POST",
        "_layers/exchange.py",
        "wire.raw_method in _IDEMPOTENT",
        "True",
        _UPSTREAM + "RetryTests.test_post_is_not_sent_again",
    ),
)

_HALF_CLOSED: tuple[Mutant, ...] = (
    Mutant(
        "half-close after a complete request: the exchange goes on",
        "_layers/http1.py",
        "elif self._reader is not None or self.client.proxy.options.abort_on_half_close:",
        "else:",
        _ORDER + "test_half_close_after_a_complete_request",
    ),
    Mutant(
        "half-close after a complete request: then we close",
        "_layers/http1.py",
        "if self._closing or self._draining or (self._half_closed and not self._ahead):",
        "if self._closing or self._draining:",
        _ORDER + "test_half_close_after_a_complete_request",
    ),
    Mutant(
        "half-close after a complete request: those pipelined before are answered",
        "_layers/http1.py",
        "(self._half_closed and not self._ahead)",
        "self._half_closed",
        _ORDER + "test_half_close_with_pipelined_requests",
    ),
    Mutant(
        "half-close in a request: gone",
        "_layers/http1.py",
        "elif self._reader is not None or self.client.proxy.options.abort_on_half_close:",
        "elif self.client.proxy.options.abort_on_half_close:",
        _ORDER + "test_half_close_in_a_request",
    ),
    Mutant(
        "half-close with abort_on_half_close: gone",
        "_layers/http1.py",
        "elif self._reader is not None or self.client.proxy.options.abort_on_half_close:",
        "elif self._reader is not None:",
        _ORDER + "test_abort_on_half_close",
    ),
)

MUTANTS: tuple[Mutant, ...] = (*_UNTOLD, *_NOTICED, *_HALF_CLOSED)
