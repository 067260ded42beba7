"""
Every state of a WebSocket connection against everything that can happen to it. Whatever it is: no exception is logged,
nothing is left, C{websocket_start} comes first, C{websocket_end} comes once and last, C{clientdisconnect} after all.
"""

from collections.abc import Callable
from typing import Any

from mitmtw._wire.websocket import BINARY
from tests.acceptance.conversation_base import ConversationCase, Conversing, WebSocketScene, closing, frame, words
from tests.acceptance.failures_base import Holder

_LONG = (1.0, 4.0, 5.0, 30.0, 30.0, 60.0, 60.0, 600.0, 600.0)  # seconds; beyond all timeouts, in steps


def _held(hook: str, do: Callable[[WebSocketScene], object]) -> Callable[[ConversationCase], WebSocketScene]:
    """The state in which a hook of the connection is held."""

    def state(case: ConversationCase) -> WebSocketScene:
        holder = Holder()
        scene = WebSocketScene(case, holder, **{f"on_{hook}": holder})  # type: ignore[arg-type]
        do(scene)
        scene.harness.pump()
        scene.holds()
        return scene

    return state


def _after(do: Callable[[WebSocketScene], object], **settings: Any) -> Callable[[ConversationCase], WebSocketScene]:
    """The state after something was done, with nothing held."""

    def state(case: ConversationCase) -> WebSocketScene:
        scene = WebSocketScene(case, **settings)
        do(scene)
        scene.harness.pump()
        return scene

    return state


def _many(from_client: bool) -> bytes:
    return frame(from_client, bytes(10_000), BINARY) * 60


def _full(by_client: bool) -> Callable[[WebSocketScene], None]:
    """One side does not read what the other one says."""

    def do(scene: WebSocketScene) -> None:
        (scene.wire if by_client else scene.server).wire.pauseProducing()
        scene.say(not by_client, _many(not by_client))

    return do


def _held_full(scene: WebSocketScene) -> None:
    scene.say(True, words(True, b"held"))
    scene.say(True, _many(True))


STATES: dict[str, Callable[[ConversationCase], WebSocketScene]] = {
    "start_held": _held("websocket_start", lambda scene: scene.say(True, words(True, b"x"))),
    "open": _after(lambda scene: scene.say(True, words(True, b"x"))),
    "open_unheard": _after(
        lambda scene: scene.say(True, words(True, b"x")), only=("websocket_start", "websocket_error", "websocket_end")
    ),
    "frame_partly_read": _after(lambda scene: scene.say(True, words(True, b"xyz")[:6])),
    "within_a_message": _after(lambda scene: scene.say(False, frame(False, b"x", fin=False))),
    "message_of_client_held": _held("websocket_message", lambda scene: scene.say(True, words(True, b"x", b"y"))),
    "message_of_server_held": _held("websocket_message", lambda scene: scene.say(False, words(False, b"x", b"y"))),
    "held_and_full": _held("websocket_message", _held_full),
    "held_and_closing": _held("websocket_message", lambda scene: scene.say(True, words(True, b"x") + closing(True))),
    "held_and_broken": _held("websocket_message", lambda scene: scene.say(False, words(False, b"x") + b"\xff\xff")),
    "client_does_not_read": _after(_full(True)),
    "server_does_not_read": _after(_full(False)),
    "client_closing": _after(lambda scene: scene.say(True, closing(True))),
    "server_closing": _after(lambda scene: scene.say(False, closing(False))),
    "closed": _after(lambda scene: scene.end()),
    "client_broke_it": _after(lambda scene: scene.say(True, b"\xff\xff")),
    "server_broke_it": _after(lambda scene: scene.say(False, b"\xff\xff")),
    "error_held": _held("websocket_error", lambda scene: scene.server.reset()),
    "end_held": _held("websocket_end", lambda scene: scene.end()),
    "intercepted": _after(
        lambda scene: scene.say(True, words(True, b"x")), on_websocket_message=lambda flow: flow.intercept()
    ),
}


def _timeout(scene: Conversing) -> None:
    scene.harness.advance(*_LONG)


def _kill(scene: Conversing) -> None:
    if scene.flow is None or not scene.flow.kill():
        scene.recorder.last("clientconnect").kill()


def _raise(scene: Conversing) -> int:
    return scene.holder.fail(ZeroDivisionError("a handler failed"))


def _do(is_client: bool, what: str) -> Callable[[Conversing], None]:
    def event(scene: Conversing) -> None:
        if is_client or scene.origin.peers:
            peer = scene.side(is_client)
            if peer.is_connected:
                getattr(peer, what)()

    return event


def _half_close_then_reset(scene: Conversing) -> None:
    if scene.client.is_connected:
        getattr(scene.client, "half_close" if not scene.case.is_tls else "close")()
        scene.harness.pump()
    if scene.client.is_connected:
        scene.client.reset()


EVENTS: dict[str, Callable[[Conversing], Any]] = {
    "nothing": lambda scene: None,
    "client_reset": _do(True, "reset"),
    "client_half_close": _do(True, "half_close"),
    "client_close": _do(True, "close"),
    "client_half_close_then_reset": _half_close_then_reset,
    "server_reset": _do(False, "reset"),
    "server_half_close": _do(False, "half_close"),
    "server_close": _do(False, "close"),
    "timeout": _timeout,
    "kill": _kill,
    "handler_answers": lambda scene: scene.holder.answer(),
    "handler_raises": _raise,
    "shutdown": lambda scene: scene.harness.stop() and None,
}


class MatrixCase(ConversationCase):
    """What is checked of each state and event."""

    def check(self, scene: Any, event: str) -> None:
        """Let the event happen, then look at the invariants."""
        harness = scene.harness
        is_live = scene.flow is not None and scene.flow.live and not {"error", "end"} & set(scene.hooks)
        before = len(scene.recorder.events)
        raised = EVENTS[event](scene)
        harness.pump()
        if event == "kill" and is_live:
            hooks = [name for name, subject in scene.recorder.events[before:] if subject is scene.flow]
            family = hooks[0].split("_")[0]
            self.assertEqual(hooks, [f"{family}_error", f"{family}_end"])
        for _ in range(200):  # each message is held again
            if not scene.holder.pending:
                break
            scene.holder.answer()
            harness.pump()
        if scene.flow is not None and scene.flow.intercepted:
            scene.flow.resume()
        for peer in (scene.wire, *scene.origin.peers):
            peer.wire.resumeProducing()
        harness.pump()
        for _ in range(200):
            if not scene.holder.pending:
                break
            scene.holder.answer()
            harness.pump()
        if not self.is_tls and event == "client_reset" and scene.origin.peers:
            harness.advance(1)
            self.assertFalse(scene.server.is_connected and not scene.server.has_ended, "the server was not told")
        scene.check_end()
        logged = self.flushLoggedErrors(ZeroDivisionError)
        self.assertEqual(len(logged), raised if event == "handler_raises" else 0)


class WebSocketMatrixTests(MatrixCase):
    """One test for each state and event."""


class TLSWebSocketMatrixTests(MatrixCase):
    """The same inside of TLS on both sides."""

    is_tls = True


def _add(case: type[MatrixCase], state: str, event: str) -> None:
    def test(self: MatrixCase) -> None:
        self.check(STATES[state](self), event)

    test.__doc__ = f"In the state {state}: {event}."
    setattr(case, f"test_{state}__{event}", test)


for _state in STATES:
    for _event in EVENTS:
        _add(WebSocketMatrixTests, _state, _event)
        if _event not in ("client_half_close", "server_half_close"):  # TLS has none
            _add(TLSWebSocketMatrixTests, _state, _event)
