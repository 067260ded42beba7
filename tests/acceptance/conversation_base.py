"""
What the tests of WebSocket and TCP conversations share: a scene with both ends open, and what must be true at the end.
"""

from typing import Any

from mitmtw._wire.websocket_handshake import accept_key
from mitmtw._wire.websocket_message import MessageReader
from mitmtw._wire.websocket_write import close_frame, write_frame, write_message
from mitmtw.model import TCPFlow, WebSocketFlow
from mitmtw.testing import Harness, Origin, Peer, Recorder
from tests.acceptance.failures_base import CONNECT, TUNNEL, FailureCase, Holder

__all__ = [
    "HANDSHAKE",
    "KEY",
    "MASK",
    "ConversationCase",
    "Conversing",
    "TCPScene",
    "WebSocketScene",
    "closing",
    "frame",
    "ping",
    "switching",
    "words",
]

KEY = b"dGhlIHNhbXBsZSBub25jZQ=="  # RFC 6455 section 1.3
MASK = b"\x37\xfa\x21\x3d"  # RFC 6455 section 5.7
HANDSHAKE = (
    "Upgrade: websocket",
    "Connection: Upgrade",
    f"Sec-WebSocket-Key: {KEY.decode()}",
    "Sec-WebSocket-Version: 13",
)


def switching(*fields: str, key: bytes = KEY) -> bytes:
    """A server's answer to the handshake."""
    lines = ["HTTP/1.1 101 Switching Protocols", "Upgrade: websocket", "Connection: Upgrade"]
    return "\r\n".join([*lines, f"Sec-WebSocket-Accept: {accept_key(key).decode()}", *fields, "", ""]).encode()


def frame(
    from_client: bool, payload: bytes, opcode: int = 1, fin: bool = True, rsv1: bool = False, mask: bytes = MASK
) -> bytes:
    """A frame of one side; those of clients are masked."""
    return write_frame(opcode, payload, fin=fin, rsv1=rsv1, mask=mask if from_client else None)


def words(from_client: bool, *texts: bytes) -> bytes:
    """Text messages of one side, one frame each."""
    return b"".join(frame(from_client, text) for text in texts)


def ping(from_client: bool, payload: bytes, opcode: int = 9) -> bytes:
    """A ping."""
    return frame(from_client, payload, opcode)


def closing(from_client: bool, code: int | None = 1000, reason: str = "") -> bytes:
    """A close frame."""
    return close_frame(code, reason, mask=MASK if from_client else None)


class Conversing:
    """
    A proxy, a client and a server, with an addon that may be holding one of its hooks.

    @ivar harness: the proxy.
    @ivar client: what speaks at the client's end, inside of TLS if there is any.
    @ivar origin: the server.
    """

    harness: Harness
    client: Peer
    origin: Origin

    def __init__(self, case: "ConversationCase", holder: Holder | None = None, **settings: Any) -> None:
        """
        @param holder: what one of the handlers is, if any.
        @param settings: options, handlers by hook name as C{on_HOOK}, and C{only}: the hooks to listen to besides.
        """
        handlers = {name[3:]: settings.pop(name) for name in list(settings) if name.startswith("on_")}
        self.case = case
        self.holder = holder or Holder()
        self.recorder = Recorder(only=settings.pop("only", None), **handlers)
        self.harness = case.proxy(self.recorder, *settings.pop("addons", ()), **settings)

    def say(self, from_client: bool, data: bytes) -> None:
        """One side sends."""
        (self.client if from_client else self.server).send(data)
        self.harness.pump()

    def heard(self, by_client: bool) -> bytes:
        """What one side has received since the last time."""
        return (self.client if by_client else self.server).take()

    def side(self, is_client: bool) -> Peer:
        """One side."""
        return self.client if is_client else self.server

    @property
    def server(self) -> Peer:
        """The server's end of the latest connection."""
        return self.origin.peer

    @property
    def flow(self) -> Any:
        """The conversation's flow, None as long as no hook was given it."""
        found = [each for _, each in self.recorder.events if isinstance(each, WebSocketFlow | TCPFlow)]
        return found[-1] if found else None

    @property
    def contents(self) -> list[bytes]:
        """The contents of the messages in the flow."""
        return [message.content for message in self.flow.messages]

    @property
    def hooks(self) -> list[str]:
        """The hooks that were given the conversation's flow, in order and without the family's name."""
        return [name.split("_")[1] for name, subject in self.recorder.events if subject is self.flow]

    def holds(self) -> None:
        """Something is held now."""
        self.case.assertEqual(len(self.holder.pending), 1, self.recorder.trace)

    def check_end(self, *hooks: str, error: str | None = None) -> None:
        """
        Let what is open be reset, then look at all that must be true.

        @param hooks: those of the conversation, without the messages'; not looked at if there are none.
        @param error: a part of the flow's error.
        """
        for peer in (self.client, *self.origin.peers):
            if peer.is_connected:
                peer.reset()
        self.harness.pump()
        case, flow = self.case, self.flow
        case.check_stopped(self.harness)
        case.check_conversations(self.recorder)
        case.check_connections_ended(self.recorder)
        if hooks:
            case.assertEqual([name for name in self.hooks if name != "message"], list(hooks), self.recorder.trace)
            case.assertEqual(flow.error is not None, "error" in hooks)
        if error is not None:
            case.assertIn(error, flow.error.msg)


class WebSocketScene(Conversing):
    """A WebSocket connection, or the handshake of one that the server was not asked about yet."""

    def __init__(
        self,
        case: "ConversationCase",
        holder: Holder | None = None,
        *,
        is_asked: bool = True,
        offer: str = "",
        agreed: str | None = None,
        fields: tuple[str, ...] = (),
        **settings: Any,
    ) -> None:
        """
        @param is_asked: whether the client sends its handshake and the server agrees.
        @param offer: the client's Sec-WebSocket-Extensions.
        @param agreed: the server's, which are those of the client unless given.
        @param fields: more fields of the client.
        """
        if case.is_reverse:
            scheme = "https" if case.is_tls else "http"
            port = 443 if case.is_tls else 80
            settings["listen"] = [f"reverse:{scheme}://example.com:{port}@tcp:8080:interface=127.0.0.1"]
        super().__init__(case, holder, **settings)
        harness = self.harness
        self.client = self.wire = harness.client()
        self.proxy_wire: Any = self.client.wire.peer
        if case.is_tls:
            self.origin = harness.tls_origin("example.com", 443)
            if not case.is_reverse:
                self.client.send(TUNNEL)
                harness.pump()
                self.client.take()
            self.client = harness.secure(self.client, "example.com")
        else:
            self.origin = harness.origin("example.com", 80)
        self.readers = {
            True: MessageReader("server"),
            False: MessageReader("client"),
        }
        self._offer = offer
        self._agreed = offer if agreed is None else agreed
        self._fields = fields
        if is_asked:
            self.ask()
            self.agree()

    def ask(self, *fields: str) -> None:
        """The client asks, with these fields instead of the usual ones if there are any."""
        case = self.case
        line = "GET /chat HTTP/1.1" if case.is_tls or case.is_reverse else "GET http://example.com/chat HTTP/1.1"
        offer = (f"Sec-WebSocket-Extensions: {self._offer}",) if self._offer else ()
        head = [line, "Host: example.com", *(fields or HANDSHAKE), *offer, *self._fields, "", ""]
        self.say(True, "\r\n".join(head).encode())

    def agree(self, *fields: str, key: bytes = KEY, behind: bytes = b"") -> None:
        """The server agrees; both sides forget what they have heard."""
        self.server.take()
        extensions = (f"Sec-WebSocket-Extensions: {self._agreed}",) if self._agreed else ()
        self.say(False, switching(*extensions, *fields, key=key) + behind)
        self.response = self.client.take()

    def messages(self, by_client: bool) -> list[Any]:
        """The payloads of the messages that one side has received, control frames as pairs of opcode and payload."""
        events = self.readers[by_client].feed(self.heard(by_client))
        return [event.payload if event.opcode < 8 else (event.opcode, event.payload) for event in events]

    def end(self, by_client: bool = True) -> None:
        """The connection ends as it should."""
        self.say(by_client, closing(by_client))
        self.say(not by_client, closing(not by_client))


class TCPScene(Conversing):
    """A TCP conversation through CONNECT, or in reverse mode."""

    def __init__(
        self,
        case: "ConversationCase",
        holder: Holder | None = None,
        *,
        first: bytes | None = b"\x00hello",
        **settings: Any,
    ) -> None:
        """@param first: what the client says first; None to say nothing, and the tunnel stays undecided."""
        if case.is_reverse:
            kind, port = ("tls", 9999) if case.is_tls else ("tcp", 9999)
            settings["listen"] = [f"reverse:{kind}://example.com:{port}@tcp:8080:interface=127.0.0.1"]
        super().__init__(case, holder, **settings)
        harness = self.harness
        if case.is_tls:
            self.origin = harness.tls_origin("example.com", 9999, alpn=())
        else:
            self.origin = harness.origin("example.com", 9999)
        self.client = self.wire = harness.client()
        self.proxy_wire: Any = self.client.wire.peer
        if not case.is_reverse:
            self.say(True, CONNECT)
            self.client.take()
        if case.is_tls and not case.is_reverse:
            self.client = harness.secure(self.client, "example.com", alpn=())
        if first is not None:
            self.say(True, first)


class ConversationCase(FailureCase):
    """
    A test of a conversation, with the invariants of its hooks.

    @cvar is_reverse: whether the proxy listens in reverse mode.
    """

    is_reverse = False

    def check_conversations(self, recorder: Recorder) -> None:
        """Each conversation began with C{start}, ended with C{end}, once, and C{error} came right before that."""
        flows = {id(each): each for _, each in recorder.events if isinstance(each, WebSocketFlow | TCPFlow)}
        for flow in flows.values():
            names = [name.split("_")[1] for name, subject in recorder.events if subject is flow]
            self.assertEqual((names[0], names.count("start")), ("start", 1), names)
            self.assertEqual((names[-1], names.count("end")), ("end", 1), names)
            if "error" in names:
                self.assertEqual((names[-2], names.count("error")), ("error", 1), names)
                assert flow.error is not None
                self.assertGreater(len(flow.error.msg), 5)
            self.assertFalse(flow.live)
            self.assertTrue(flow.ended)
            if isinstance(flow, WebSocketFlow):
                self.assertRaises(ValueError, flow.inject, b"late", True)
            self.assertEqual(flow.error is None, "error" not in names)

    def texts(self, from_client: bool, *texts: bytes) -> bytes:
        """See L{words}."""
        return words(from_client, *texts)

    def fragmented(self, from_client: bool, *pieces: bytes, opcode: int = 1) -> bytes:
        """A message in fragments."""
        last = len(pieces) - 1
        return b"".join(
            frame(from_client, piece, 0 if index else opcode, index == last) for index, piece in enumerate(pieces)
        )

    def message(self, from_client: bool, payload: bytes, opcode: int = 1) -> bytes:
        """A message as the proxy may write it; for clients with a mask that cannot be foreseen."""
        return write_message(opcode, payload, masked=from_client)
