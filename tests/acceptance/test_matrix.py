"""
Every state of an exchange against everything that can happen to it. Whatever it is: no exception is logged, nothing is
left, C{clientdisconnect} comes exactly once and last, and each flow ends in exactly one of C{response} and C{error}.
"""

from collections.abc import Callable
from typing import Any

from tests.acceptance.base import GET, request
from tests.acceptance.failures_base import CONNECT, FailureCase, Holder, Scene

POST = request("POST", "/", "Content-Length: 10", body=b"abc")
HEAD_200 = b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc"
_LONG = (1.0, 4.0, 5.0, 30.0, 30.0, 60.0, 60.0, 600.0, 600.0, 600.0)  # seconds; beyond all timeouts, in steps


def _stream_request(flow: Any) -> None:
    flow.request.stream = True


def _stream_response(flow: Any) -> None:
    flow.response.stream = True


def _held(hook: str, sent: bytes = GET, answer: bytes = b"") -> Callable[[FailureCase], Scene]:
    """The state in which one hook is held."""

    def state(case: FailureCase) -> Scene:
        holder = Holder()
        scene = Scene(case, holder, **{f"on_{hook}": holder}).send(sent)
        if answer:
            scene.serve(answer)
        case.assertEqual(len(holder.pending), 1, scene.recorder.trace)
        return scene

    return state


def _request_streaming(case: FailureCase) -> Scene:
    scene = Scene(case, on_requestheaders=_stream_request).send(POST)
    case.assertTrue(scene.origin.received.endswith(b"\r\n\r\nabc"))
    return scene


def _request_sent_streaming(case: FailureCase) -> Scene:
    """The hook of a streamed upload is held, and the answer is whole."""
    holder = Holder()
    scene = Scene(case, holder, on_requestheaders=_stream_request, on_request=holder).send(POST + b"defghij")
    scene.serve(HEAD_200 + b"defghij")
    case.assertEqual(len(holder.pending), 1)
    return scene


def _early_answer(case: FailureCase) -> Scene:
    """The server answers while the body still goes up, and its answer is streamed too."""
    scene = Scene(case, on_requestheaders=_stream_request, on_responseheaders=_stream_response).send(POST)
    return scene.serve(HEAD_200)


def _request_callable(case: FailureCase) -> Scene:
    holder = Holder()

    def requestheaders(flow: Any) -> None:
        flow.request.stream = holder

    scene = Scene(case, holder, on_requestheaders=requestheaders).send(POST)
    case.assertEqual(len(holder.pending), 1)
    return scene


def _response_callable(case: FailureCase) -> Scene:
    holder = Holder()

    def responseheaders(flow: Any) -> None:
        flow.response.stream = holder

    scene = Scene(case, holder, on_responseheaders=responseheaders).send(GET).serve(HEAD_200)
    case.assertEqual(len(holder.pending), 1)
    return scene


def _connecting(case: FailureCase) -> Scene:
    scene = Scene(case)
    scene.harness.network.black_holes.add(("192.0.2.1", scene.port))
    scene.send(GET)
    case.assertEqual(scene.harness.network.attempts[-1], ("192.0.2.1", scene.port))
    return scene


def _tls_upstream(case: FailureCase) -> Scene:
    scene = Scene(case)
    scene.origin = scene.harness.origin("secure.example", 443)
    scene.send(b"GET https://secure.example/ HTTP/1.1\r\nHost: secure.example\r\n\r\n")
    case.assertEqual(scene.origin.received[:1], b"\x16")
    return scene


def _slow_client(case: FailureCase) -> Scene:
    """A collected response that the client does not read."""
    scene = Scene(case)
    scene.client_wire.pauseProducing()
    scene.send(GET).serve(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n" + b"x" * 1_000_000)
    case.assertIn("response", scene.recorder.trace)
    return scene


def _slow_client_streamed(case: FailureCase) -> Scene:
    """A streamed response that the client does not read: reading from the server is held."""
    scene = Scene(case, on_responseheaders=_stream_response)
    scene.client_wire.pauseProducing()
    scene.send(GET).serve(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n" + b"x" * 900_000)
    case.assertNotIn("response", scene.recorder.trace)
    return scene


def _slow_server(case: FailureCase) -> Scene:
    """A collected request that the server does not read."""
    scene = Scene(case, on_requestheaders=_stream_request).send(request("POST", "/", "Content-Length: 1000000"))
    scene.origin.peer.wire.pauseProducing()
    scene.client_wire.pauseProducing()
    return scene.send(b"x" * 900_000)


def _slow_server_collected(case: FailureCase) -> Scene:
    """A collected request that the server does not read."""
    holder = Holder()
    scene = Scene(case, on_serverconnect=holder).send(request("POST", "/", body=b"x" * 1_000_000))
    case.assertEqual(len(holder.pending), 1)
    holder.answer()
    scene.harness.network.ports["192.0.2.1", scene.port].stopReading()
    scene.harness.pump()
    return scene


def _idle(case: FailureCase) -> Scene:
    return Scene(case).send(GET).serve(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi")


def _pipelined(case: FailureCase) -> Scene:
    """A second request, and a part of a third, wait for the first."""
    return Scene(case).send(GET + GET + GET[:10])


def _tunnel(case: FailureCase) -> Scene:
    scene = Scene(case)
    scene.origin = scene.harness.origin("example.com", 9999)
    scene.send(CONNECT).send(b"\x00\x01\x02 opaque bytes")
    case.assertEqual(scene.origin.received, b"\x00\x01\x02 opaque bytes")
    return scene.serve(b"opaque too")


def _tunnel_connecting(case: FailureCase) -> Scene:
    scene = Scene(case)
    scene.harness.network.black_holes.add(("192.0.2.1", 9999))
    return scene.send(CONNECT).send(b"\x00\x01\x02 opaque bytes")


def _tunnel_opening(case: FailureCase) -> Scene:
    return Scene(case).send(CONNECT)


def _tunnel_server_first(case: FailureCase) -> Scene:
    """The client is silent, and the server was connected meanwhile, which is silent too."""
    scene = Scene(case)
    scene.origin = scene.harness.origin("example.com", 9999)
    scene.send(CONNECT).harness.advance(0.4)
    case.assertEqual(len(scene.origin.peers), 1)
    return scene


def _tunnel_server_first_held(case: FailureCase) -> Scene:
    """The server has spoken first, and next_layer is held: nobody owns the connection to the server yet."""
    holder = Holder()

    def next_layer(layer: Any) -> Any:
        return None if layer.target is None else holder(layer)

    scene = Scene(case, holder, on_next_layer=next_layer)
    scene.origin = scene.harness.origin("example.com", 9999)
    scene.send(CONNECT)
    scene.harness.advance(0.4)
    scene.serve(b"220 hello\r\n")
    case.assertEqual(len(holder.pending), 1)
    return scene


def _tunnel_server_first_connecting(case: FailureCase) -> Scene:
    """The client was silent, and speaks while the server is being connected for that reason."""
    scene = Scene(case)
    scene.harness.network.black_holes.add(("192.0.2.1", 9999))
    scene.send(CONNECT).harness.advance(0.4)
    case.assertEqual(len(scene.harness.network.attempts), 2)
    return scene.send(b"GET / HT")


def _client_hello(case: FailureCase) -> Scene:
    return Scene(case).send(CONNECT).send(b"\x16\x03\x01\x02\x00\x01\x00\x01")


def _refused_error_held(case: FailureCase) -> Scene:
    holder = Holder()
    scene = Scene(case, holder, on_error=holder)
    del scene.harness.network.ports["192.0.2.1", scene.port]  # nobody listens any more
    scene.send(GET).harness.advance(0.4)  # after which Twisted knows that there is no other address to try
    case.assertEqual(len(holder.pending), 1)
    return scene


def _intercepted(case: FailureCase) -> Scene:
    scene = Scene(case, on_request=lambda flow: flow.intercept()).send(GET)
    case.assertTrue(scene.flow.intercepted)
    return scene


def _switching(case: FailureCase) -> Scene:
    """101: the last hook is held."""
    holder = Holder()
    scene = Scene(case, holder, on_response=holder)
    scene.send(request("GET", "/", "Connection: Upgrade", "Upgrade: strange"))
    scene.serve(b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: strange\r\n\r\nmore")
    case.assertEqual(len(holder.pending), 1, scene.recorder.trace)
    return scene


def _switched(case: FailureCase) -> Scene:
    scene = Scene(case).send(request("GET", "/", "Connection: Upgrade", "Upgrade: strange"))
    return scene.serve(b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: strange\r\n\r\nmore")


STATES: dict[str, Callable[[FailureCase], Scene]] = {
    "opening": lambda case: Scene(case),
    "clientconnect_held": _held("clientconnect", b"GE"),
    "next_layer_held": _held("next_layer"),
    "head_partly_read": lambda case: Scene(case).send(GET[:20]),
    "requestheaders_held": _held("requestheaders"),
    "requestheaders_held_with_body": _held("requestheaders", POST),
    "request_body_collected": lambda case: Scene(case).send(POST),
    "request_body_streaming": _request_streaming,
    "request_callable_held": _request_callable,
    "request_held": _held("request"),
    "request_held_with_body": _held("request", POST + b"defghij"),
    "request_of_streamed_held": _request_sent_streaming,
    "intercepted": _intercepted,
    "serverconnect_held": _held("serverconnect"),
    "server_connected_held": _held("server_connected"),
    "connecting": _connecting,
    "tls_handshake_upstream": _tls_upstream,
    "server_reads_nothing": _slow_server,
    "server_accepts_nothing": _slow_server_collected,
    "waiting_for_head": lambda case: Scene(case).send(GET),
    "response_head_partly_read": lambda case: Scene(case).send(GET).serve(HEAD_200[:20]),
    "early_answer": _early_answer,
    "responseheaders_held": _held("responseheaders", GET, HEAD_200),
    "responseheaders_held_whole": _held("responseheaders", GET, HEAD_200 + b"defghij"),
    "response_body_collected": lambda case: Scene(case).send(GET).serve(HEAD_200),
    "response_body_streamed": lambda case: Scene(case, on_responseheaders=_stream_response).send(GET).serve(HEAD_200),
    "response_body_until_close": lambda case: Scene(case).send(GET).serve(b"HTTP/1.1 200 OK\r\n\r\nabc"),
    "response_callable_held": _response_callable,
    "response_held": _held("response", GET, HEAD_200 + b"defghij"),
    "error_held": _refused_error_held,
    "slow_client": _slow_client,
    "slow_client_streamed": _slow_client_streamed,
    "idle": _idle,
    "pipelined": _pipelined,
    "http_connect_held": _held("http_connect", CONNECT),
    "tunnel": _tunnel,
    "tunnel_connecting": _tunnel_connecting,
    "tunnel_opening": _tunnel_opening,
    "tunnel_server_first": _tunnel_server_first,
    "tunnel_server_first_held": _tunnel_server_first_held,
    "tunnel_server_first_connecting": _tunnel_server_first_connecting,
    "client_hello_partly_read": _client_hello,
    "switching": _switching,
    "switched": _switched,
}


def _timeout(scene: Scene) -> None:
    scene.harness.advance(*_LONG)


def _kill(scene: Scene) -> None:
    """The flow if there is one under way, else the connection."""
    flow = scene.flow
    if flow is None or not flow.kill():
        scene.recorder.last("clientconnect").kill()


def _raise(scene: Scene) -> int:
    return scene.holder.fail(ZeroDivisionError("a handler failed"))


def _half_close_then_reset(scene: Scene) -> None:
    scene.client.half_close()
    scene.harness.pump()
    scene.client.reset()


def _server(do: str) -> Callable[[Scene], None]:
    def event(scene: Scene) -> None:
        if scene.origin.peers:
            getattr(scene.origin.peer, do)()

    return event


EVENTS: dict[str, Callable[[Scene], Any]] = {
    "nothing": lambda scene: None,
    "client_reset": lambda scene: scene.client.reset(),
    "client_half_close": lambda scene: scene.client.half_close(),
    "client_close": lambda scene: scene.client.close(),
    "client_half_close_then_reset": _half_close_then_reset,
    "server_reset": _server("reset"),
    "server_half_close": _server("half_close"),
    "server_close": _server("close"),
    "timeout": _timeout,
    "kill": _kill,
    "handler_answers": lambda scene: scene.holder.answer(),
    "handler_raises": _raise,
    "shutdown": lambda scene: scene.harness.stop() and None,
}


class MatrixCase(FailureCase):
    """What is checked of each state and event."""

    def check(self, state: str, event: str) -> None:
        """Bring about the state, let the event happen, then look at the invariants."""
        scene = STATES[state](self)
        harness, recorder = scene.harness, scene.recorder
        before = len(recorder.events)
        raised = EVENTS[event](scene)
        harness.pump()
        if event == "kill" and scene.flow is not None and scene.flow.killed:
            names = [name for name, subject in recorder.events[before:] if subject is scene.flow]
            self.assertEqual(names, [] if "error" in recorder.trace[:before] else ["error"])
        is_noticed = event == "kill" or (event == "client_reset" and not scene.proxy_wire.paused)
        if is_noticed and not scene.client_wire.paused:  # a paused end notices nothing in memory
            self.assertFalse(scene.client.is_connected)
            self.assertEqual(recorder.count("clientdisconnect"), 1, recorder.trace)
            self.assertFalse(scene.flow is not None and scene.flow.live and "error" not in recorder.trace[:before])
        scene.holder.answer()
        harness.pump()
        scene.client_wire.resumeProducing()
        harness.pump()
        for _ in range(3):  # a second answer may be awaited: that of a pipelined request
            scene.holder.answer()
            harness.advance(1)
        self.check_over(harness, recorder, scene.client)
        logged = self.flushLoggedErrors(ZeroDivisionError)
        self.assertEqual(len(logged), raised if event == "handler_raises" else 0)


class MatrixTests(MatrixCase):
    """One test for each state and event."""


class TLSMatrixTests(MatrixCase):
    """The states of an exchange again, inside of TLS on both sides."""

    is_tls = True


#: States that are not those of an exchange, or that say how the connection to the server is made.
_PLAIN_ONLY = frozenset({
    "opening", "clientconnect_held", "next_layer_held", "http_connect_held", "tls_handshake_upstream", "tunnel",
    "tunnel_connecting", "tunnel_opening", "tunnel_server_first", "tunnel_server_first_held",
    "tunnel_server_first_connecting", "client_hello_partly_read",
})  # fmt: skip


def _add(case: type[MatrixCase], state: str, event: str) -> None:
    def test(self: MatrixCase) -> None:
        self.check(state, event)

    test.__doc__ = f"In the state {state}: {event}."
    setattr(case, f"test_{state}__{event}", test)


for _state in STATES:
    for _event in EVENTS:
        _add(MatrixTests, _state, _event)
        if _state not in _PLAIN_ONLY:
            _add(TLSMatrixTests, _state, _event)
