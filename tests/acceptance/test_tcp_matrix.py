"""
Every state of a TCP conversation against everything that can happen to it: the same as for WebSocket.
"""

from collections.abc import Callable
from typing import Any

from tests.acceptance.conversation_base import ConversationCase, TCPScene
from tests.acceptance.failures_base import Holder
from tests.acceptance.test_websocket_matrix import EVENTS, MatrixCase


def _held(
    hook: str, do: Callable[[TCPScene], object] = lambda scene: None, **settings: Any
) -> Callable[[ConversationCase], TCPScene]:
    """The state in which a hook is held, once something was done."""

    def state(case: ConversationCase) -> TCPScene:
        holder = Holder()
        handlers: dict[str, Any] = {f"on_{hook}": holder}
        scene = TCPScene(case, holder, **handlers, **settings)
        do(scene)
        scene.harness.pump()
        scene.holds()
        return scene

    return state


def _after(do: Callable[[TCPScene], object], **settings: Any) -> Callable[[ConversationCase], TCPScene]:
    """The state after something was done, with nothing held."""

    def state(case: ConversationCase) -> TCPScene:
        scene = TCPScene(case, **settings)
        do(scene)
        scene.harness.pump()
        return scene

    return state


def _connecting(case: ConversationCase) -> TCPScene:
    scene = TCPScene(case, first=None)
    scene.harness.network.black_holes.add(("192.0.2.1", 9999))
    scene.say(True, b"\x00hello")
    return scene


def _refused(case: ConversationCase) -> TCPScene:
    holder = Holder()
    scene = TCPScene(case, holder, first=None, on_tcp_start=holder)
    scene.harness.network.ports.clear()
    scene.say(True, b"\x00hello")
    scene.harness.advance(1)
    scene.holds()
    return scene


def _full(by_client: bool) -> Callable[[TCPScene], None]:
    """One side does not read what the other one says."""

    def do(scene: TCPScene) -> None:
        (scene.wire if by_client else scene.server).wire.pauseProducing()
        scene.say(not by_client, bytes(600_000))

    return do


def _full_and_half_closed(scene: TCPScene) -> None:
    _full(False)(scene)
    scene.client.half_close()


STATES: dict[str, Callable[[ConversationCase], TCPScene]] = {
    "serverconnect_held": _held("serverconnect"),
    "connecting": _connecting,
    "refused_start_held": _refused,
    "start_held": _held("tcp_start"),
    "open": _after(lambda scene: scene.say(False, b"answer")),
    "open_unheard": _after(lambda scene: scene.say(False, b"answer"), only=("tcp_start", "tcp_error", "tcp_end")),
    "message_of_client_held": _held("tcp_message", lambda scene: scene.say(True, b"two")),
    "held_and_full": _held("tcp_message", lambda scene: scene.say(True, bytes(600_000))),
    "client_does_not_read": _after(_full(True)),
    "server_does_not_read": _after(_full(False)),
    "error_held": _held("tcp_error", lambda scene: scene.server.reset()),
    "intercepted": _after(lambda scene: None, on_tcp_message=lambda flow: flow.intercept()),
}
#: What TLS has not.
HALF_CLOSED: dict[str, Callable[[ConversationCase], TCPScene]] = {
    "client_half_closed": _after(lambda scene: scene.client.half_close()),
    "server_half_closed": _after(lambda scene: scene.server.half_close()),
    "client_half_closed_held": _held("tcp_message", lambda scene: scene.client.half_close()),
    "server_half_closed_held": _held("tcp_message", lambda scene: scene.server.half_close()),
    "server_does_not_read_client_half_closed": _after(_full_and_half_closed),
}


class TCPMatrixTests(MatrixCase):
    """One test for each state and event."""


class TLSTCPMatrixTests(MatrixCase):
    """The same inside of TLS on both sides."""

    is_tls = True


def _add(case: type[MatrixCase], state: str, make: Callable[[ConversationCase], TCPScene], event: str) -> None:
    def test(self: MatrixCase) -> None:
        self.check(make(self), event)

    test.__doc__ = f"In the state {state}: {event}."
    setattr(case, f"test_{state}__{event}", test)


for _event in EVENTS:
    for _state, _make in STATES.items():
        _add(TCPMatrixTests, _state, _make, _event)
        if _event not in ("client_half_close", "server_half_close"):
            _add(TLSTCPMatrixTests, _state, _make, _event)
    for _state, _make in HALF_CLOSED.items():
        _add(TCPMatrixTests, _state, _make, _event)
