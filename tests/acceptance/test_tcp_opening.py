"""TCP: what becomes a conversation, and how."""

from typing import Any

from mitmtw.testing import Harness, Peer, Recorder
from tests.acceptance.base import OK
from tests.acceptance.conversation_base import ConversationCase, TCPScene
from tests.acceptance.failures_base import CONNECT

FIRST = b"\x00hello"
# PostgreSQL, message formats: SSLRequest, 8 octets, then the startup message in TLS or plain.
SSL_REQUEST = b"\x00\x00\x00\x08\x04\xd2\x16\x2f"


class ServerFirstTests(ConversationCase):
    """A dialogue in which the server speaks first, as in SMTP."""

    def dialogue(self, scene: TCPScene) -> None:
        """Greeting, then some lines each way."""
        scene.harness.advance(0.4)
        scene.say(False, b"220 hello\r\n")
        self.assertEqual(scene.heard(True), b"220 hello\r\n")
        for question, answer in (
            (b"EHLO me\r\n", b"250 you\r\n"),
            (b"NOOP\r\n", b"250 ok\r\n"),
            (b"QUIT\r\n", b"221\r\n"),
        ):
            scene.say(True, question)
            self.assertEqual(scene.heard(False), question)
            scene.say(False, answer)
            self.assertEqual(scene.heard(True), answer)
        self.assertEqual(len(scene.origin.peers), 1)
        self.assertEqual(scene.recorder.count("serverconnect"), 1)

    def test_seen(self) -> None:
        """Without tcp_hosts it is a TCP conversation, and addons see all of it."""
        scene = TCPScene(self, first=None)
        self.dialogue(scene)
        self.assertEqual([message.from_client for message in scene.flow.messages], [False, True] * 3 + [False])
        scene.check_end()

    def test_unheard(self) -> None:
        """When nobody listens too."""
        self.dialogue(TCPScene(self, first=None, only=("serverconnect",)))


class TLSServerFirstTests(ServerFirstTests):
    """Inside of intercepted TLS."""

    is_tls = True


class ReverseServerFirstTests(ServerFirstTests):
    """With reverse:tcp."""

    is_reverse = True


class TCPHostsTests(ConversationCase):
    """The option tcp_hosts."""

    GET = b"GET / HTTP/1.1\r\nHost: example.com\r\n\r\n"

    def test_matching(self) -> None:
        """What matches is not read as HTTP, though it looks so; what does not is."""
        for pattern, is_tcp in (
            (r"example\.com:9999", True),
            (r"^example", True),
            (r":9999$", True),
            (r"other", False),
            (r"example\.com:99$", False),
        ):
            scene = TCPScene(self, first=self.GET, tcp_hosts=["nothing", pattern])
            self.assertEqual("tcp_message" in scene.recorder.trace, is_tcp, pattern)
            self.assertEqual("request" in scene.recorder.trace, not is_tcp, pattern)
            self.assertEqual(scene.heard(False), self.GET)


class TLSTCPHostsTests(TCPHostsTests):
    """TLS is intercepted all the same."""

    is_tls = True


class ReverseTests(ConversationCase):
    """reverse:tcp."""

    is_reverse = True

    def test_http_is_not_read(self) -> None:
        """Whatever it looks like."""
        scene = TCPScene(self, first=b"GET / HTTP/1.1\r\nHost: example.com\r\n\r\n")
        self.assertEqual(scene.hooks, ["start", "message"])
        scene.check_end()

    def test_postgresql(self) -> None:
        """SSLRequest: eight octets that the server answers with one, then what was agreed on."""
        scene = TCPScene(self, first=SSL_REQUEST)
        self.assertEqual(scene.heard(False), SSL_REQUEST)
        scene.say(False, b"N")
        self.assertEqual(scene.heard(True), b"N")
        startup = b"\x00\x00\x00\x13\x00\x03\x00\x00user\x00me\x00\x00\x00"
        scene.say(True, startup)
        self.assertEqual(scene.heard(False), startup)
        self.assertEqual(scene.contents, [SSL_REQUEST, b"N", startup])
        scene.check_end()

    def test_byte_by_byte(self) -> None:
        """However the first bytes come."""
        scene = TCPScene(self, first=None)
        for at in range(len(SSL_REQUEST)):
            scene.say(True, SSL_REQUEST[at : at + 1])
        self.assertEqual(scene.heard(False), SSL_REQUEST)
        scene.check_end()


class NextLayerTests(ConversationCase):
    """What addons choose."""

    def choose(self, name: str) -> Any:
        """A handler that takes this layer inside of tunnels."""
        return lambda layer: layer.proxy.layers[name](layer) if layer.target is not None else None

    def test_relay(self) -> None:
        """A relay passes bytes on, and no tcp hook fires."""
        scene = TCPScene(self, on_next_layer=self.choose("relay"))
        scene.say(False, b"answer")
        self.assertEqual((scene.heard(False), scene.heard(True)), (FIRST, b"answer"))
        self.assertIsNone(scene.flow)
        scene.check_end()

    def test_tcp_for_http(self) -> None:
        """Bytes that look like HTTP are a conversation, if an addon says so."""
        scene = TCPScene(self, first=b"GET / HTTP/1.1\r\n\r\n", on_next_layer=self.choose("tcp"))
        scene.say(False, OK)
        self.assertEqual(scene.contents, [b"GET / HTTP/1.1\r\n\r\n", OK])
        self.assertNotIn("request", scene.recorder.trace)
        scene.check_end()

    def test_tls_passed_through(self) -> None:
        """A relay in place of TLS: the client shakes hands with the server itself."""

        def next_layer(layer: Any) -> Any:
            return layer.proxy.layers["relay"](layer) if layer.name == "tls" else None

        recorder = Recorder(next_layer=next_layer)
        harness: Harness = self.proxy(recorder)
        origin = harness.tls_origin("example.com", 9999, alpn=(b"strange",))
        client: Peer = self.send(harness, CONNECT)
        inner = harness.secure(client, "example.com", alpn=(b"strange",))
        inner.send(FIRST)
        harness.pump()
        self.assertEqual(origin.received, FIRST)
        self.assertFalse(recorder.last("clientconnect").client_conn.tls)


class TLSNextLayerTests(NextLayerTests):
    """The same inside of TLS."""

    is_tls = True

    def choose(self, name: str) -> Any:
        """A handler that takes this layer inside of TLS."""
        return lambda layer: layer.proxy.layers[name](layer) if layer.client_conn.tls else None

    def test_tls_passed_through(self) -> None:
        """Not asked here."""
