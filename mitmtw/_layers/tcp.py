"""
A TCP conversation that addons see: chunks as they come, one after another, editable (hooks C{tcp_*}).

As long as nobody listens to C{tcp_message}, bytes are passed on as they come and no message is made of them.
"""

from collections.abc import Iterable
from typing import Any

from twisted.python.failure import Failure
from typing_extensions import override

from mitmtw._layers.conversation import Conversation, said_of
from mitmtw._layers.server_end import ServerEnd
from mitmtw._streams.channel import half_close
from mitmtw.model import TCPFlow, TCPMessage

__all__ = ["TCPLayer"]

_CHUNK_BYTES = 65536  # bytes of one message at most; what one read gives


class TCPLayer(Conversation):
    """
    Bytes between a client and the server of its target, seen by addons.

    A protocol whose messages are parts of a byte stream is a subclass with another C{family} of hooks, that overrides
    L{split} and L{rest}.

    @cvar is_always_split: whether messages are made also when no addon listens to them, for L{passed_on}.
    """

    name = "tcp"
    family = "tcp"
    flow: TCPFlow
    is_always_split = False

    _server_done = False
    _client_done = False

    @override
    def joined(self, end: ServerEnd) -> None:
        self.begin_flow(TCPFlow(self.client.client_conn, end.server_conn, messages=self.history()), end.reading)

    @override
    def not_joined(self, message: str) -> None:
        self.begin_flow(TCPFlow(self.client.client_conn, self.client.server_conn), self.switch.reading)
        self.queue.put(True, 0, None, lambda: self.over(message))

    # -- for subclasses -----------------------------------------------------------------------------------------------

    def split(self, from_client: bool, data: bytes) -> Iterable[bytes]:
        """
        The contents of the messages that are whole now; what is not whole yet is kept by the subclass.

        @param from_client: which side it came from.
        @param data: what came: as much as one read gives.
        """
        if len(data) <= _CHUNK_BYTES:
            return (data,)
        return [data[start : start + _CHUNK_BYTES] for start in range(0, len(data), _CHUNK_BYTES)]

    def rest(self, from_client: bool) -> bytes:
        """What L{split} has kept of a side, which is forgotten with this: it is passed on as it is."""
        return b""

    def passed_on(self, message: TCPMessage) -> None:
        """A message was seen by addons, and then sent or dropped; the next one was not seen by anybody yet."""

    # -- messages -----------------------------------------------------------------------------------------------------

    @override
    def client_said(self, end: ServerEnd, data: bytes) -> None:
        self._said(True, data, end.transport)

    @override
    def server_said(self, data: bytes) -> None:
        self._said(False, data, self.transport)

    def _said(self, from_client: bool, data: bytes, other: Any) -> None:
        """Bytes of one side, for the transport of the other."""
        if self.queue.is_stopped:
            return
        self.touch()
        if self.queue.is_idle and not self.is_always_split and self._hook("message") is None:
            rest = self.rest(from_client)  # of what came while an addon listened
            other.write(rest + data if rest else data)
            return
        for content in self.split(from_client, data):
            self._message(from_client, content)

    def _message(self, from_client: bool, content: bytes) -> None:
        """Have addons see a message, then pass on what they made of it."""
        message = TCPMessage(from_client, content, self.client.proxy.now())
        self.queue.put(from_client, len(content), lambda: self.show(message), lambda: self._pass_on(message))

    def _pass_on(self, message: TCPMessage) -> None:
        """Send what addons made of a message."""
        self.flow.messages.settle()
        content = message.content
        if content and not message.killed:
            if not message.from_client:
                self.transport.write(content)
            elif self.end is not None:
                self.end.transport.write(content)
        self.passed_on(message)

    def _flush(self, from_client: bool) -> None:
        """A side will say no more: what was kept of it is all there is."""
        rest = self.rest(from_client)
        if rest:
            self._message(from_client, rest)

    # -- ends ---------------------------------------------------------------------------------------------------------

    @override
    def client_ended(self, end: ServerEnd) -> None:
        self._flush(True)
        self.queue.put(True, 0, None, lambda: self._half_closed(end, True))

    @override
    def server_ended(self) -> None:
        end = self.end
        if end is not None:
            self._flush(False)
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
            self.close_channel()  # a producer that is paused would keep the half-close from being sent
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
        error = self.client_cut(reason)
        if error is None and not self.queue.is_idle and not self.queue.is_stopped:
            error = "the client closed the connection before all that it had said was passed on"
        self.queue.stop()
        self.end_server(end, reason)
        self.over(error)

    @override
    def server_lost(self, reason: Failure) -> None:
        self._flush(False)
        self.queue.put(False, 0, None, lambda: self._server_gone(reason))

    def _server_gone(self, reason: Failure) -> None:
        """The server is gone, and all that it said was passed on."""
        if self._server_done:  # it had said all, of which the client must not lose the end
            self.close_client()
        else:
            self.end_client(reason)
        self.over(said_of("the server", reason))
