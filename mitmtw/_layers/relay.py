"""
An opaque relay: bytes go from one side to the other unread, and no addon sees them.

A half-close is passed on as a half-close where both sides are plain TCP, a reset as a reset.
"""

from twisted.python.failure import Failure
from typing_extensions import override

from mitmtw._layers.client import Client, Target
from mitmtw._layers.joint import TwoSidedLayer
from mitmtw._layers.server_end import ServerEnd
from mitmtw._streams.channel import half_close

__all__ = ["RelayLayer"]


class RelayLayer(TwoSidedLayer):
    """Passes on all bytes between a client and the server of its target."""

    name = "relay"

    def __init__(self, client: Client, target: Target | None = None, end: ServerEnd | None = None) -> None:
        super().__init__(client, target, end)
        self._client_done = False
        self._server_done = False

    @override
    def client_said(self, end: ServerEnd, data: bytes) -> None:
        end.transport.write(data)
        self.touch()

    @override
    def server_said(self, data: bytes) -> None:
        self.transport.write(data)
        self.touch()

    @override
    def client_ended(self, end: ServerEnd) -> None:
        self._client_done = True
        end.half_close()
        self._close_if_over()

    @override
    def server_ended(self) -> None:
        self._server_done = True
        if self.is_lost:
            return
        self.close_channel()  # a producer that is paused would keep the half-close from being sent
        if half_close(self.transport):
            self._close_if_over()
        else:
            self.close_client()

    @override
    def client_lost(self, end: ServerEnd | None, reason: Failure) -> None:
        if end is not None:
            self.end_server(end, reason)

    @override
    def server_lost(self, reason: Failure) -> None:
        self.end_client(reason)

    def _close_if_over(self) -> None:
        """Both directions are over."""
        if self._client_done and self._server_done:
            self.close_client()
            if self.end is not None:
                self.end.close()
