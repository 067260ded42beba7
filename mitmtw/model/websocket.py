"""
WebSocket connections as addons see them: whole messages of either side (RFC 6455).
"""

from collections.abc import Callable
from enum import IntEnum
from typing import ClassVar, Self

from typing_extensions import override

from mitmtw.model.connection import ClientConnection, ServerConnection
from mitmtw.model.flow import HTTPFlow
from mitmtw.model.history import Conversation, FlowMessage, History
from mitmtw.model.http import Request, Response
from mitmtw.model.state import State

__all__ = ["MessageType", "WebSocketFlow", "WebSocketMessage"]


class MessageType(IntEnum):
    """What a message is made of; equal to its opcode, and to its name in either case: C{message.type == "text"}."""

    TEXT = 1
    BINARY = 2

    @override
    def __eq__(self, other: object) -> bool:
        if isinstance(other, str):
            return other.upper() == self.name
        return int.__eq__(self, other) if isinstance(other, int) else NotImplemented

    @override
    def __ne__(self, other: object) -> bool:
        return not self == other

    __hash__ = int.__hash__

    @classmethod
    def of(cls, kind: int | str) -> "MessageType":
        """
        The type with this number or name.

        @raise ValueError: there is none.
        """
        if isinstance(kind, str):
            for each in cls:
                if each == kind:
                    return each
            raise ValueError(f"a message is TEXT or BINARY, not {kind}")
        return cls(kind)


class WebSocketMessage(FlowMessage):
    """
    A whole message: put together from its fragments, and inflated.
    """

    __slots__ = ("_type",)

    def __init__(
        self,
        type: int | str,
        from_client: bool,
        content: bytes | str,
        timestamp: float | None = None,
        injected: bool = False,
    ) -> None:
        """
        @param type: a L{MessageType}, its number or its name.
        @param content: what came from the wire was checked there; text that is given as bytes here is not looked at.
        @raise ValueError: there is no such type, or text cannot be written in UTF-8.
        """
        self._type = type if isinstance(type, MessageType) else MessageType.of(type)
        super().__init__(from_client, content, timestamp, injected)

    @override
    def _checked(self, content: object) -> bytes:
        checked = super()._checked(content)
        if self._type is MessageType.TEXT:
            _refuse_other_than_utf8(checked)
        return checked

    @property
    def type(self) -> MessageType:
        """
        Text or binary; it may be changed as the content may.

        @raise ValueError: there is no such type, or it shall be text and the content is not UTF-8.
        """
        return self._type

    @type.setter
    def type(self, type: int | str) -> None:
        new = MessageType.of(type)
        if new is MessageType.TEXT:
            _refuse_other_than_utf8(self._content)
        self._type = new

    @property
    def is_text(self) -> bool:
        """Is it text?"""
        return self._type is MessageType.TEXT

    @property
    def text(self) -> str:
        """
        The content of a text message as C{str}; it may be changed as the content may.

        @raise AttributeError: it is read or set on a binary message.
        """
        if self._type is not MessageType.TEXT:
            raise AttributeError("a binary message has no text")
        return self._content.decode()

    @text.setter
    def text(self, text: str) -> None:
        if self._type is not MessageType.TEXT:
            raise AttributeError("a binary message has no text")
        if not isinstance(text, str):
            raise TypeError(f"text is str, not {text.__class__.__name__}")
        self.content = text

    @override
    def get_state(self) -> State:
        state = super().get_state()
        state["type"] = int(self._type)
        return state

    @override
    def set_state(self, state: State) -> None:
        super().set_state(state)
        self._type = MessageType(state["type"])

    @override
    def _shown(self) -> str:
        return f"{self._type.name} {super()._shown()}"


def _refuse_other_than_utf8(content: bytes) -> None:
    """
    Look at what shall be a text (RFC 6455 section 5.6).

    @raise ValueError: it is not UTF-8.
    """
    if not content.isascii():
        try:
            content.decode()
        except UnicodeDecodeError:
            raise ValueError("the content of a text message must be UTF-8; set its type to BINARY first") from None


_Inject = Callable[[WebSocketMessage], object]


class WebSocketFlow(Conversation[WebSocketMessage]):
    """
    A WebSocket connection; C{messages[-1]} is what C{websocket_message} is about.

    @ivar handshake_flow: the HTTP flow that opened it. It knows nothing of this one.
    @ivar close_sender: C{"client"} or C{"server"}: who sent the first close frame; None when nobody did.
    @ivar close_code: the code in it; None before that, or when it has none.
    @ivar close_reason: the words in it; None before that, maybe empty.
    """

    __slots__ = ("_inject", "close_code", "close_reason", "close_sender", "handshake_flow")

    type: ClassVar[str] = "websocket"
    message_class = WebSocketMessage

    handshake_flow: HTTPFlow

    def __init__(
        self,
        client_conn: ClientConnection,
        server_conn: ServerConnection | None = None,
        handshake_flow: HTTPFlow | None = None,
        live: bool = False,
        messages: History[WebSocketMessage] | None = None,
    ) -> None:
        """@param handshake_flow: one that knows only its client, when it is not given."""
        super().__init__(client_conn, server_conn, live, messages)
        self.handshake_flow = HTTPFlow(client_conn, server_conn) if handshake_flow is None else handshake_flow
        self.close_sender: str | None = None
        self.close_code: int | None = None
        self.close_reason: str | None = None
        self._inject: _Inject | None = None

    @property
    def websocket(self) -> Self:
        """This flow, for handlers that expect the messages beside the request."""
        return self

    @property
    def request(self) -> Request:
        """The handshake's request."""
        return self.handshake_flow.request

    @property
    def response(self) -> Response | None:
        """The handshake's response."""
        return self.handshake_flow.response

    def _asked(self, name: str) -> str | None:
        """A field of the handshake's request."""
        request: Request | None = self.handshake_flow.request
        return None if request is None else request.headers.get(name)

    def _answered(self, name: str) -> str | None:
        """A field of the handshake's response."""
        response = self.handshake_flow.response
        return None if response is None else response.headers.get(name)

    @property
    def client_key(self) -> str | None:
        """The request's Sec-WebSocket-Key."""
        return self._asked("Sec-WebSocket-Key")

    @property
    def client_protocol(self) -> str | None:
        """The request's Sec-WebSocket-Protocol: the subprotocols that the client speaks."""
        return self._asked("Sec-WebSocket-Protocol")

    @property
    def client_extensions(self) -> str | None:
        """The request's Sec-WebSocket-Extensions."""
        return self._asked("Sec-WebSocket-Extensions")

    @property
    def server_accept(self) -> str | None:
        """The response's Sec-WebSocket-Accept."""
        return self._answered("Sec-WebSocket-Accept")

    @property
    def server_protocol(self) -> str | None:
        """The response's Sec-WebSocket-Protocol: the subprotocol that the server chose."""
        return self._answered("Sec-WebSocket-Protocol")

    @property
    def server_extensions(self) -> str | None:
        """The response's Sec-WebSocket-Extensions."""
        return self._answered("Sec-WebSocket-Extensions")

    def when_injected(self, inject: _Inject | None) -> None:
        """
        The proxy's side of L{inject}.

        @param inject: is called with each injected message; None when there is no way to send one any more.
        """
        self._inject = inject

    def inject(self, message: WebSocketMessage | bytes | str, to_client: bool) -> WebSocketMessage:
        """
        Send a message that the other side did not say, after the messages that wait already.

        @param message: C{str} for text, C{bytes} for binary; of a message, type and content are taken.
        @param to_client: to the client, else to the server.
        @return: the message; it is C{injected}, and C{from_client} says in whose name.
        @raise ValueError: the connection is not open: before C{websocket_start}, and when it is over.
        """
        if self._inject is None or self.ended:
            raise ValueError("the WebSocket connection is not open")
        if isinstance(message, WebSocketMessage):
            made = WebSocketMessage(message.type, not to_client, message.content, injected=True)
        else:
            type = MessageType.TEXT if isinstance(message, str) else MessageType.BINARY
            made = WebSocketMessage(type, not to_client, message, injected=True)
        self._inject(made)
        return made

    @override
    def end(self) -> None:
        """The connection is over."""
        super().end()
        self._inject = None

    @override
    def _began(self) -> float | None:
        return self.handshake_flow.timestamp_created or super()._began()

    # Copies and state.

    @override
    def get_state(self) -> State:
        """The whole flow in a plain dictionary, the handshake's flow included."""
        state = super().get_state()
        state["handshake_flow"] = self.handshake_flow.get_state()
        state["close_sender"] = self.close_sender
        state["close_code"] = self.close_code
        state["close_reason"] = self.close_reason
        return state

    @override
    def set_state(self, state: State) -> None:
        """
        Become the flow that L{get_state} described.

        @raise ValueError: that is a flow of another type.
        """
        super().set_state(state)
        self.handshake_flow = HTTPFlow.from_state(state["handshake_flow"])
        self.close_sender = state["close_sender"]
        self.close_code = state["close_code"]
        self.close_reason = state["close_reason"]

    @override
    def copy(self) -> Self:
        """
        The same flow under a new C{id}, with messages and a handshake of its own; the copy is neither live nor held nor
        killed, and has no backup.
        """
        other = super().copy()
        other.handshake_flow = self.handshake_flow.copy()
        other.close_sender = self.close_sender
        other.close_code = self.close_code
        other.close_reason = self.close_reason
        return other
