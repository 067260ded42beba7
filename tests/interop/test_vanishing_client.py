"""
Clients that vanish while nobody reads from them: with a megabyte on its way reading is held, so only the descriptor's
hang-up tells. Seen within a second: the handler is cancelled, C{error} fires, then C{clientdisconnect}.
"""

import socket
import struct
from typing import Any

from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.threads import deferToThread

from tests.interop.cases import InteropCase

_SIZE = 1 << 20  # bytes: sixteen times what is kept for one direction
_HOLDS = 65536  # bytes beyond which reading is held


class Watcher:
    """
    An addon that holds one hook, and notes what comes.

    @ivar reached: fires when the hook was called.
    @ivar over: fires with clientdisconnect.
    """

    def __init__(self, hook: str) -> None:
        self.events: list[str] = []
        self.reached: Deferred[None] = Deferred()
        self.over: Deferred[None] = Deferred()
        setattr(self, hook, self._hold)

    async def _hold(self, subject: Any) -> None:
        self.events.append("called")
        self.reached.callback(None)
        try:
            await Deferred()
        except CancelledError:
            self.events.append("cancelled")
            raise

    def error(self, flow: Any) -> None:
        self.events.append("error")

    def clientdisconnect(self, root_layer: Any) -> None:
        self.events.append("clientdisconnect")
        self.over.callback(None)


class VanishingClientTests(InteropCase):
    """A megabyte behind a pending hook, then the end."""

    async def vanish(self, hook: str, head: str, *, half_close: bool = False) -> Watcher:
        """
        Send a request and a megabyte, and go away when the hook is pending and no more is taken.

        @param half_close: send FIN first, then RST.
        """
        watcher = Watcher(hook)
        await self.start_proxy(watcher, hook_timeout=30)
        client = socket.create_connection(("127.0.0.1", self.port))
        self.addCleanup(client.close)
        client.sendall(head.encode("ascii"))
        await watcher.reached

        def fill() -> None:
            client.settimeout(0.3)
            sent = 0
            try:
                while sent < _SIZE:
                    sent += client.send(b"x" * min(65536, _SIZE - sent))
            except TimeoutError:
                assert sent > _HOLDS
            if half_close:
                client.shutdown(socket.SHUT_WR)
            client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            client.close()

        await deferToThread(fill)
        await watcher.over.addTimeout(10, self.service._reactor)
        return watcher

    def post(self, extra: str = "") -> str:
        """The head of a request with a body of a megabyte."""
        return f"POST http://127.0.0.1:9/ HTTP/1.1\r\nHost: 127.0.0.1:9\r\nContent-Length: {_SIZE}\r\n{extra}\r\n"

    async def test_in_the_body(self) -> None:
        """RST behind a body that nobody reads, in requestheaders."""
        watcher = await self.vanish("requestheaders", self.post())
        self.assertEqual(watcher.events, ["called", "cancelled", "error", "clientdisconnect"])

    async def test_pipelined(self) -> None:
        """RST behind bytes of later requests, in request."""
        watcher = await self.vanish("request", "GET http://127.0.0.1:9/ HTTP/1.1\r\nHost: 127.0.0.1:9\r\n\r\n")
        self.assertEqual(watcher.events, ["called", "cancelled", "error", "clientdisconnect"])

    async def test_before_a_layer_is_chosen(self) -> None:
        """RST behind bytes that wait for next_layer; there is no flow."""
        watcher = await self.vanish("next_layer", self.post())
        self.assertEqual(watcher.events, ["called", "cancelled", "clientdisconnect"])

    async def test_fin_then_rst(self) -> None:
        """FIN lies behind unread bytes and says nothing; the RST after it is seen."""
        watcher = await self.vanish("requestheaders", self.post(), half_close=True)
        self.assertEqual(watcher.events, ["called", "cancelled", "error", "clientdisconnect"])
