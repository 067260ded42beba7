"""What a conversation has kept goes with it, and does not wait for the collector of cycles."""

import gc
import weakref
from typing import Any

from tests.acceptance.conversation_base import ConversationCase, TCPScene, WebSocketScene


class _Mark:
    """Lives as long as the flow that it is put on."""


class Keeper:
    """
    Remembers flows without keeping them.

    @ivar marks: references to what was put on each.
    """

    def __init__(self) -> None:
        self.marks: list[weakref.ref[_Mark]] = []

    def websocket_start(self, flow: Any) -> None:
        flow.metadata["mark"] = mark = _Mark()
        self.marks.append(weakref.ref(mark))

    tcp_start = websocket_start

    def websocket_message(self, flow: Any) -> None:
        """Make messages be made."""

    tcp_message = websocket_message


class MemoryTests(ConversationCase):
    """One conversation, its connections closed."""

    def check(self, scene: Any, keeper: Keeper) -> None:
        """Close both ends, and look whether the flow is gone."""
        gc.disable()
        self.addCleanup(gc.enable)
        scene.client.close()
        scene.harness.pump()
        scene.server.close()
        scene.harness.pump()
        scene.harness.advance(1, 1)
        self.assertEqual([mark() for mark in keeper.marks], [None])

    def test_tcp(self) -> None:
        """TCP, with a message."""
        keeper = Keeper()
        self.check(TCPScene(self, addons=[keeper], only=("error",)), keeper)

    def test_websocket(self) -> None:
        """WebSocket, closed without a close frame."""
        keeper = Keeper()
        self.check(WebSocketScene(self, addons=[keeper], only=("error",)), keeper)
