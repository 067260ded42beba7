"""
A WebSocket connection that addons see: whole messages of either side (RFC 6455, RFC 7692; hooks C{websocket_*}).

What nobody changes is passed on as it came, frame by frame. Each side's frames are read strictly, whoever listens: a
broken one ends the connection and never reaches the other side.
"""

from dataclasses import dataclass
from typing import Any

from twisted.internet.error import ConnectionDone
from twisted.python.failure import Failure
from typing_extensions import override

from mitmtw._layers.client import Client, Target
from mitmtw._layers.conversation import Conversation, said_of
from mitmtw._layers.handshake import Handshake
from mitmtw._layers.server_end import ServerEnd
from mitmtw._streams.channel import half_close
from mitmtw._wire.websocket import CLOSE, Frame, WebSocketProtocolError, read_close
from mitmtw._wire.websocket_mask import new_mask
from mitmtw._wire.websocket_message import Event, Message, MessageReader
from mitmtw._wire.websocket_write import MessageWriter, close_frame
from mitmtw.errors import LocalProtocolError, MitmtwError
from mitmtw.model import HTTPFlow, WebSocketFlow, WebSocketMessage

__all__ = ["WebSocketLayer"]

_GOING_AWAY = 1001  # RFC 6455 section 7.4.1
_CLOSE_SECONDS = 10.0  # seconds for the other side to answer a close frame; browsers wait about as long
_LINGER_SECONDS = 2.0  # seconds to let a client that still sends read why it is cut off; as after an HTTP answer


@dataclass(slots=True)
class _Direction:
    """
    One direction: who speaks, how it is read, and how it is written for the other side.

    @ivar has_closed: its close frame has come, or a frame that is broken: what follows means nothing.
    @ivar is_shut: a close frame went out: nothing may follow it (RFC 6455 section 5.5.1).
    """

    from_client: bool
    reader: MessageReader
    writer: MessageWriter
    has_closed: bool = False
    is_shut: bool = False


class WebSocketLayer(Conversation):
    """WebSocket between a client and a server that have both switched to it."""

    name = "websocket"
    family = "websocket"
    flow: WebSocketFlow

    def __init__(
        self, client: Client, target: Target | None, end: ServerEnd, flow: HTTPFlow, handshake: Handshake
    ) -> None:
        """@param flow: the flow of the handshake."""
        super().__init__(client, target, end)
        self._handshake_flow = flow
        options = client.proxy.options
        limits: dict[str, Any] = {
            "max_frame": options.websocket_max_frame or None,
            "max_message": options.websocket_max_message,
        }
        near, far = handshake.client, handshake.server
        self._client = _Direction(
            True,
            MessageReader("client", coding=near.client if near else None, **limits),
            MessageWriter(masked=True, came=near.client if near else None, goes=far.client if far else None),
        )
        self._server = _Direction(
            False,
            MessageReader("server", coding=far.server if far else None, **limits),
            MessageWriter(masked=False, came=far.server if far else None, goes=near.server if near else None),
        )

    @override
    def joined(self, end: ServerEnd) -> None:
        flow = WebSocketFlow(self.client.client_conn, end.server_conn, self._handshake_flow, messages=self.history())
        flow.when_injected(self._inject)
        self.begin_flow(flow, end.reading)

    # -- messages -----------------------------------------------------------------------------------------------------

    @override
    def client_said(self, end: ServerEnd, data: bytes) -> None:
        self._said(self._client, data)

    @override
    def server_said(self, data: bytes) -> None:
        self._said(self._server, data)

    def _said(self, direction: _Direction, data: bytes) -> None:
        """Bytes of one side."""
        if direction.has_closed or self.queue.is_stopped:
            return
        if not (self._client.has_closed or self._server.has_closed):
            self.touch()
        failure = None
        try:
            events = direction.reader.feed(data)
        except WebSocketProtocolError as error:
            failure = error
            events = error.before
        for event in events:
            self._event(direction, event)
        if failure is not None and not direction.has_closed:  # what comes behind a close frame is dropped
            broken = failure
            direction.has_closed = True
            self.queue.put(direction.from_client, 0, None, lambda: self._broken(direction, broken))

    def _event(self, direction: _Direction, event: Event) -> None:
        """A message, or a control frame."""
        if isinstance(event, Message):
            if self.queue.is_idle and self.client.proxy.hooks.websocket_message is None:
                self._send(direction, direction.writer.write(event))
            else:
                self._message(direction, event)
        elif event.opcode == CLOSE:
            direction.has_closed = True
            self.queue.put(direction.from_client, 0, None, lambda: self._closed(direction, event))
        elif self.queue.is_idle:
            self._send(direction, event.raw)
        else:
            self.queue.put(direction.from_client, len(event.raw), None, lambda: self._send(direction, event.raw))

    def _message(self, direction: _Direction, came: Message) -> None:
        """Have addons see a message, then pass on what they made of it."""
        message = WebSocketMessage(came.opcode, direction.from_client, came.payload, self.client.proxy.now())
        self.queue.put(
            direction.from_client,
            len(came.raw),
            lambda: self.show(message),
            lambda: self._pass_on(direction, message, came),
        )

    def _pass_on(self, direction: _Direction, message: WebSocketMessage, came: Message) -> None:
        """Send what addons made of a message."""
        self.flow.messages.settle()
        writer = direction.writer
        if message.killed:
            writer.drop(came)
            return
        is_new = message.content is not came.payload
        try:
            data = writer.write(came, message.content if is_new else None, int(message.type))
        except LocalProtocolError as error:
            self._refuse(str(error))
            return
        self._send(direction, data)

    def _inject(self, message: WebSocketMessage) -> None:
        """An addon says something in one side's name."""
        direction = self._client if message.from_client else self._server
        if direction.has_closed:
            raise ValueError("the side in whose name this would be said has closed the connection")
        message.timestamp = self.client.proxy.now()

        def act() -> None:
            self.flow.messages.settle()
            if message.killed:
                return
            try:
                data = direction.writer.inject(int(message.type), message.content)
            except LocalProtocolError as error:
                self._refuse(str(error))
                return
            self._send(direction, data)

        self.queue.put(message.from_client, len(message.content), lambda: self.show(message), act)

    def _send(self, direction: _Direction, data: bytes) -> None:
        """Send something to the other side, unless it was told that nothing more comes."""
        if direction.is_shut:
            return
        if not direction.from_client:
            self.transport.write(data)
        elif self.end is not None:
            self.end.transport.write(data)

    # -- ends ---------------------------------------------------------------------------------------------------------

    def _closed(self, direction: _Direction, frame: Frame) -> None:
        """A close frame: pass it on; with the answer to it the connection is over (section 7.1)."""
        flow = self.flow
        if flow.close_sender is None:
            flow.close_sender = "client" if direction.from_client else "server"
            flow.close_code, flow.close_reason = read_close(frame.payload)
        self._send(direction, frame.raw)
        direction.is_shut = True
        other = self._server if direction.from_client else self._client
        if other.has_closed:
            self._close_both(None)
        else:
            self.switch.deadline = self._seconds() + _CLOSE_SECONDS

    def _broken(self, direction: _Direction, error: WebSocketProtocolError) -> None:
        """One side broke the protocol: tell it so, and tell the other side that it is over."""
        other = self._server if direction.from_client else self._client
        self._say_close(other, error.close_code, str(error))
        self._say_close(direction, _GOING_AWAY, "")
        who = "client" if direction.from_client else "server"
        if self.flow.close_code is None:
            self.flow.close_code = error.close_code
        self.close_channel()
        if direction.from_client and half_close(self.transport):  # closed at once, it would lose our close frame
            self.switch.deadline = self._seconds() + _LINGER_SECONDS
            if self.end is not None:
                self.end.close()
            self.over(f"the {who} broke the protocol: {error}")
        else:
            self._close_both(f"the {who} broke the protocol: {error}")

    @override
    def drain(self) -> None:
        """The proxy shuts down: both sides are told so, behind what waits (section 7.4.1, code 1001)."""
        if self.has_begun:
            self.queue.put(True, 0, None, lambda: self._refuse("the proxy shuts down"))

    def _refuse(self, message: str) -> None:
        """It cannot go on, through no fault of either side: end it, and say why."""
        self._going_away()
        self._close_both(message)

    def _going_away(self) -> None:
        """Tell both sides that it is over."""
        for direction in (self._client, self._server):
            self._say_close(direction, _GOING_AWAY, "")

    def _say_close(self, direction: _Direction, code: int, reason: str) -> None:
        """Send a close frame of our own in one direction."""
        self._send(direction, close_frame(code, reason, mask=new_mask() if direction.from_client else None))
        direction.is_shut = True

    def _close_both(self, error: str | None) -> None:
        """Close both connections when all is written."""
        self.close_client()
        if self.end is not None:
            self.end.close()
        self.over(error)

    @override
    def killed(self, why: MitmtwError) -> None:
        self.queue.stop()
        self._going_away()
        self._close_both(str(why))

    @override
    def ending(self) -> None:
        self.flow.when_injected(None)

    def _cut(self, by_client: bool, reason: Failure) -> str | None:
        """What to say of a connection that is gone: nothing when one side has said goodbye."""
        if self._is_over or self.flow.close_sender is not None:
            return None
        why = self.client_cut(reason) if by_client else said_of("the server", reason)
        return why or f"the {'client' if by_client else 'server'} closed the connection without a close frame"

    @override
    def client_ended(self, end: ServerEnd) -> None:
        if self.queue.is_stopped:  # it has read what we had to say
            self.close_client()
            return

        def act() -> None:
            self.end_server(end, Failure(ConnectionDone()))
            self.close_client()
            self.over(self._cut(True, Failure(ConnectionDone())))

        self.queue.put(True, 0, None, act)  # what it said before is passed on

    @override
    def client_lost(self, end: ServerEnd | None, reason: Failure) -> None:
        if end is None or not self.has_begun:
            return
        self.queue.stop()
        self.end_server(end, reason)
        self.over(self._cut(True, reason))

    @override
    def server_ended(self) -> None:
        self.server_lost(Failure(ConnectionDone()))

    @override
    def server_lost(self, reason: Failure) -> None:
        def act() -> None:
            self.end_client(reason)
            if self.end is not None:
                self.end.close()
            self.over(self._cut(False, reason))

        self.queue.put(False, 0, None, act)
