"""Tests of L{mitmtw.model.websocket}."""

from twisted.trial.unittest import SynchronousTestCase

from mitmtw.model import ClientConnection, HTTPFlow, MessageType, WebSocketFlow, WebSocketMessage
from mitmtw.testing.flows import websocket_flow

TEXT, BINARY = MessageType.TEXT, MessageType.BINARY


class MessageTypeTests(SynchronousTestCase):
    def test_equal(self) -> None:
        """To its opcode and its name, and to nothing else."""
        self.assertTrue(TEXT == 1 and TEXT == "TEXT" and TEXT == "text" and BINARY == 2 and BINARY == "binary")
        self.assertTrue(TEXT != 2 and TEXT != "binary" and TEXT != BINARY and TEXT != "1")
        self.assertFalse(TEXT != 1 or TEXT != "text" or TEXT is None)
        self.assertEqual({1: "a", 2: "b"}[TEXT], "a")

    def test_of(self) -> None:
        """From number or name."""
        self.assertEqual([MessageType.of(kind) for kind in (1, "Binary", BINARY)], [TEXT, BINARY, BINARY])
        for kind in (0, 8, "ping", "1"):
            self.assertRaises(ValueError, MessageType.of, kind)


class WebSocketMessageTests(SynchronousTestCase):
    def test_make(self) -> None:
        """Type by number or name, content by bytes or text."""
        message = WebSocketMessage(1, True, "ä", 5.0)
        self.assertEqual((message.type, message.content, message.text, message.is_text), (TEXT, b"\xc3\xa4", "ä", True))
        message = WebSocketMessage("binary", False, b"\xff", 5.0, injected=True)
        self.assertEqual((message.type, message.is_text, message.injected), (BINARY, False, True))
        self.assertRaises(ValueError, WebSocketMessage, 8, True, b"")

    def test_text(self) -> None:
        """Text can be set as text, and its content as text or bytes."""
        message = WebSocketMessage(TEXT, True, b"a")
        message.text = "ö"
        self.assertEqual((message.content, message.original), (b"\xc3\xb6", b"a"))
        message.content = "ü"
        self.assertEqual(message.text, "ü")
        with self.assertRaises(TypeError):
            message.text = b"a"  # type: ignore[assignment]

    def test_binary_has_no_text(self) -> None:
        """Neither to read nor to set."""
        message = WebSocketMessage(BINARY, True, b"a")
        self.assertFalse(hasattr(message, "text"))
        with self.assertRaises(AttributeError):
            message.text = "b"
        self.assertEqual(message.content, b"a")

    def test_text_must_be_utf8(self) -> None:
        """Text cannot be set to what cannot be sent; nothing is changed then. A binary message may be anything."""
        message = WebSocketMessage(TEXT, True, b"a")
        for bad in (b"\xff", b"a\xc3", "\ud800"):
            with self.assertRaises(ValueError):
                message.content = bad
        self.assertEqual((message.content, message.changed), (b"a", False))
        message.type = BINARY
        message.content = b"\xff"
        with self.assertRaises(ValueError):
            message.type = TEXT
        self.assertEqual(message.type, BINARY)

    def test_type(self) -> None:
        """The type may be changed, by number or name."""
        message = WebSocketMessage(TEXT, True, b"a")
        message.type = "binary"
        self.assertIs(message.type, BINARY)
        message.type = 1
        self.assertIs(message.type, TEXT)
        with self.assertRaises(ValueError):
            message.type = 9

    def test_state(self) -> None:
        """The type belongs to it, as a plain number."""
        message = WebSocketMessage(BINARY, True, b"\xff", 1.0)
        state = message.get_state()
        self.assertIs(type(state["type"]), int)
        other = WebSocketMessage.from_state(state)
        self.assertEqual((other.type, other.content, other.get_state()), (BINARY, b"\xff", state))
        self.assertIs(other.type, BINARY)

    def test_repr(self) -> None:
        """Type, direction, content."""
        self.assertEqual(repr(WebSocketMessage(TEXT, True, b"a")), "<WebSocketMessage TEXT -> b'a'>")


class WebSocketFlowTests(SynchronousTestCase):
    def test_attributes(self) -> None:
        """What it begins with."""
        handshake = HTTPFlow(ClientConnection())
        flow = WebSocketFlow(handshake.client_conn, None, handshake)
        self.assertEqual((flow.type, flow.close_sender, flow.close_code, flow.close_reason), ("websocket", *[None] * 3))
        self.assertIs(flow.handshake_flow, handshake)
        self.assertIsNone(handshake.websocket)
        self.assertEqual((len(flow.messages), flow.message, flow.ended), (0, None, False))
        self.assertIs(flow.websocket, flow)

    def test_handshake(self) -> None:
        """The handshake's messages and fields can be read here."""
        flow = websocket_flow()
        assert flow.response is not None
        self.assertIs(flow.request, flow.handshake_flow.request)
        self.assertIs(flow.response, flow.handshake_flow.response)
        self.assertEqual(flow.client_key, "dGhlIHNhbXBsZSBub25jZQ==")
        self.assertEqual(flow.server_accept, "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=")
        self.assertEqual((flow.client_protocol, flow.server_protocol), (None, None))
        flow.request.headers["sec-websocket-protocol"] = "a, b"
        flow.response.headers["sec-websocket-protocol"] = "b"
        flow.request.headers["sec-websocket-extensions"] = "x, y"
        flow.response.headers["sec-websocket-extensions"] = "y"
        self.assertEqual((flow.client_protocol, flow.server_protocol), ("a, b", "b"))
        self.assertEqual((flow.client_extensions, flow.server_extensions), ("x, y", "y"))

    def test_without_handshake(self) -> None:
        """Nothing fails where there is nothing to read."""
        flow = WebSocketFlow(ClientConnection(("192.0.2.1", 5), timestamp_start=6.0))
        self.assertEqual((flow.client_key, flow.server_accept, flow.response), (None, None, None))
        self.assertEqual(flow.timestamp_created, 6.0)

    def test_began(self) -> None:
        """It began with its handshake's request."""
        flow = websocket_flow()
        flow.client_conn.timestamp_start = 1.0
        self.assertEqual(flow.timestamp_created, flow.request.timestamp_start)

    def test_inject(self) -> None:
        """Text, bytes or a message, in the name of the other side."""
        flow = websocket_flow([])
        given: list[WebSocketMessage] = []
        flow.when_injected(given.append)
        first = flow.inject("ä", to_client=True)
        flow.inject(b"\xff", to_client=False)
        template = WebSocketMessage(TEXT, True, b"t", 1.0)
        flow.inject(template, to_client=True)
        self.assertIs(given[0], first)
        self.assertIsNot(given[2], template)
        shown = [(each.type, each.from_client, each.content, each.injected) for each in given]
        expected = [(TEXT, False, b"\xc3\xa4", True), (BINARY, True, b"\xff", True), (TEXT, False, b"t", True)]
        self.assertEqual(shown, expected)
        self.assertEqual(len(flow.messages), 0)

    def test_inject_too_early_or_late(self) -> None:
        """Before the connection is open, when it cannot be done any more, and when it is over."""
        flow = websocket_flow()
        given: list[WebSocketMessage] = []
        self.assertRaises(ValueError, flow.inject, "a", True)
        flow.when_injected(given.append)
        flow.when_injected(None)
        self.assertRaises(ValueError, flow.inject, "a", True)
        flow.when_injected(given.append)
        flow.end()
        self.assertRaises(ValueError, flow.inject, "a", True)
        flow.when_injected(given.append)
        self.assertRaises(ValueError, flow.inject, "a", True)
        self.assertEqual(given, [])

    def test_inject_nonsense(self) -> None:
        """What cannot be sent is refused."""
        flow = websocket_flow()
        flow.when_injected(lambda message: self.fail("injected"))
        self.assertRaises(ValueError, flow.inject, "\ud800", True)
        self.assertRaises(TypeError, flow.inject, 5, True)

    def closed(self) -> WebSocketFlow:
        flow = websocket_flow([(True, "a"), (False, b"\xff")])
        flow.close_sender, flow.close_code, flow.close_reason = "server", 1001, "bye"
        flow.end()
        return flow

    def test_state(self) -> None:
        """Messages, handshake and end come back."""
        flow = self.closed()
        flow.backup()
        flow.messages[0].text = "b"
        other = WebSocketFlow.from_state(flow.get_state())
        self.assertEqual(other.get_state(), flow.get_state())
        self.assertEqual((other.close_sender, other.close_code, other.close_reason), ("server", 1001, "bye"))
        self.assertEqual((other.client_key, other.ended), (flow.client_key, True))
        self.assertEqual((other.messages[0].text, other.messages[0].original), ("b", b"a"))
        other.revert()
        self.assertEqual(other.messages[0].text, "a")
        self.assertRaises(ValueError, WebSocketFlow.from_state, flow.handshake_flow.get_state())

    def test_copy(self) -> None:
        """Nothing is shared."""
        flow = self.closed()
        other = flow.copy()
        self.assertEqual((other.close_sender, other.close_code, other.close_reason), ("server", 1001, "bye"))
        self.assertNotEqual((other.id, other.handshake_flow.id), (flow.id, flow.handshake_flow.id))
        other.request.path = "/other"
        other.messages[0].text = "x"
        self.assertEqual((flow.request.path, flow.messages[0].text), ("/", "a"))
