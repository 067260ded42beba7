"""
A TCP conversation that addons see: chunks as they come, one after another, editable (hooks C{tcp_*}).

As long as nobody listens to C{tcp_message}, bytes are passed on as they come and no message is made of them.
"""

from twisted.python.failure import Failure
from typing_extensions import override

from mitmtw._layers.conversation import Conversation, said_of
from mitmtw._layers.server_end import ServerEnd
from mitmtw._streams.channel import half_close
from mitmtw.model import TCPFlow, TCPMessage

__all__ = ["TCPLayer"]

_CHUNK_BYTES = 65536  # bytes of one message at most; what one read gives


class TCPLayer(Conversation):
    """Bytes between a client and the server of its target, seen by addons."""

    name = "tcp"
    family = "tcp"
    flow: TCPFlow

    _server_done = False
    _client_done = False

    @override
    def joined(self, end: ServerEnd) -> None:
        self.begin_flow(TCPFlow(self.client.client_conn, end.server_conn, messages=self.history()), end.reading)

    @override
    def not_joined(self, message: str) -> None:
        self.begin_flow(TCPFlow(self.client.client_conn, self.client.server_conn), self.switch.reading)
        self.queue.put(True, 0, None, lambda: self.over(message))

    # -- messages -----------------------------------------------------------------------------------------------------

    @override
    def client_said(self, end: ServerEnd, data: bytes) -> None:
        self.touch()
        if self.queue.is_idle and self.client.proxy.hooks.tcp_message is None:
            end.transport.write(data)
        else:
            self._messages(True, data)

    @override
    def server_said(self, data: bytes) -> None:
        self.touch()
        if self.queue.is_idle and self.client.proxy.hooks.tcp_message is None:
            self.transport.write(data)
        else:
            self._messages(False, data)

    def _messages(self, from_client: bool, data: bytes) -> None:
        """Have addons see what came, then pass on what they made of it."""
        for start in range(0, len(data), _CHUNK_BYTES):
            self._message(TCPMessage(from_client, data[start : start + _CHUNK_BYTES], self.client.proxy.now()))

    def _message(self, message: TCPMessage) -> None:
        """Put one message into the queue."""
        self.queue.put(
            message.from_client,
            len(message.content),
            lambda: self.show(message),
            lambda: self._pass_on(message),
        )

    def _pass_on(self, message: TCPMessage) -> None:
        """Send what addons made of a message."""
        self.flow.messages.settle()
        content = message.content
        if message.killed or not content:
            return
        if not message.from_client:
            self.transport.write(content)
        elif self.end is not None:
            self.end.transport.write(content)

    # -- ends ---------------------------------------------------------------------------------------------------------

    @override
    def client_ended(self, end: ServerEnd) -> None:
        self.queue.put(True, 0, None, lambda: self._half_closed(end, True))

    @override
    def server_ended(self) -> None:
        end = self.end
        if end is not None:
            self.queue.put(False, 0, None, lambda: self._half_closed(end, False))

    def _half_closed(self, end: ServerEnd, by_client: bool) -> None:
        """One side has sent its last byte, and it was passed on: mirror that; after the second one all is over."""
        if by_client:
            self._client_done = True
            end.half_close()
        else:
            self._server_done = True
            if self.is_lost:
                return
            if not half_close(self.transport):
                self._client_done = True
        if self._client_done and self._server_done:
            self.close_client()
            end.close()
            self.over(None)

    @override
    def client_lost(self, end: ServerEnd | None, reason: Failure) -> None:
        if end is None or not self.has_begun:
            return
        self.queue.stop()
        self.end_server(end, reason)
        self.over(said_of("the client", reason))

    @override
    def server_lost(self, reason: Failure) -> None:
        self.queue.put(False, 0, None, lambda: self._server_gone(reason))

    def _server_gone(self, reason: Failure) -> None:
        """The server is gone, and all that it said was passed on."""
        self.end_client(reason)
        self.over(said_of("the server", reason))
