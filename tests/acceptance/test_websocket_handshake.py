"""WebSocket: the handshake, and what addons make of it."""

from typing import Any

from mitmtw._wire.websocket_handshake import accept_key
from mitmtw.model import Response
from tests.acceptance.conversation_base import (
    HANDSHAKE,
    KEY,
    ConversationCase,
    WebSocketScene,
    closing,
    switching,
    words,
)
from tests.acceptance.failures_base import Holder

OTHER_KEY = b"AQIDBAUGBwgJCgsMDQ4PEA=="  # RFC 6455 section 4.1, the octets 1 to 16


def field(name: str, value: str | None) -> Any:
    """A handler that gives a field of the request this value, or none."""

    def websocket_handshake(flow: Any) -> None:
        if value is None:
            flow.request.headers.pop(name)
        else:
            flow.request.headers[name] = value

    return websocket_handshake


class EditTests(ConversationCase):
    """What addons change in the handshake, towards both sides."""

    def check_open(self, scene: WebSocketScene) -> None:
        """Messages pass."""
        scene.say(True, words(True, b"to the server"))
        scene.say(False, words(False, b"to the client"))
        self.assertEqual(scene.messages(False), [b"to the server"])
        self.assertEqual(scene.messages(True), [b"to the client"])
        scene.end()
        scene.check_end("start", "end")

    def test_key(self) -> None:
        """The server is asked with the new key, the client is answered for its own."""
        scene = WebSocketScene(
            self, is_asked=False, on_websocket_handshake=field("Sec-WebSocket-Key", OTHER_KEY.decode())
        )
        scene.ask()
        self.assertIn(b"\r\nSec-WebSocket-Key: " + OTHER_KEY + b"\r\n", scene.server.received)
        scene.agree(key=OTHER_KEY)
        self.assertIn(b"\r\nSec-WebSocket-Accept: " + accept_key(KEY) + b"\r\n", scene.response)
        self.assertNotIn(accept_key(OTHER_KEY), scene.response)
        self.assertEqual(scene.flow.client_key, OTHER_KEY.decode())
        self.check_open(scene)

    def test_key_answered_for_the_old_one(self) -> None:
        """A server that answers the client's key, which it was not sent, is wrong."""
        scene = WebSocketScene(
            self, is_asked=False, on_websocket_handshake=field("Sec-WebSocket-Key", OTHER_KEY.decode())
        )
        scene.ask()
        scene.agree(key=KEY)
        self.assertTrue(scene.response.startswith(b"HTTP/1.1 502 "))

    def test_bad_key(self) -> None:
        """A key that is none does not go out."""
        scene = WebSocketScene(self, is_asked=False, on_websocket_handshake=field("Sec-WebSocket-Key", "x"))
        scene.ask()
        self.assertEqual(scene.origin.peers, [])
        self.assertEqual(scene.recorder.count("error"), 1)
        self.assertTrue(scene.client.received.startswith(b"HTTP/1.1 4"))

    def test_protocol(self) -> None:
        """A subprotocol of the addon's choice is not told to a client that did not ask for it; one it asked for is."""
        for asked, chosen, told in (("a", "b", False), ("a, b", "b", True)):
            scene = WebSocketScene(
                self,
                is_asked=False,
                fields=(f"Sec-WebSocket-Protocol: {asked}",),
                on_websocket_handshake=field("Sec-WebSocket-Protocol", "b"),
            )
            scene.ask()
            self.assertIn(b"\r\nSec-WebSocket-Protocol: b\r\n", scene.server.received)
            scene.agree(f"Sec-WebSocket-Protocol: {chosen}")
            self.assertEqual(b"Sec-WebSocket-Protocol: b\r\n" in scene.response, told)
            self.check_open(scene)

    def test_protocol_not_asked_for(self) -> None:
        """A server that chooses a subprotocol that an addon has taken out is wrong."""
        scene = WebSocketScene(
            self,
            is_asked=False,
            fields=("Sec-WebSocket-Protocol: a",),
            on_websocket_handshake=field("Sec-WebSocket-Protocol", None),
        )
        scene.ask()
        scene.agree("Sec-WebSocket-Protocol: a")
        self.assertTrue(scene.response.startswith(b"HTTP/1.1 502 "))

    def test_subprotocol(self) -> None:
        """One of those that the client speaks is passed on."""
        scene = WebSocketScene(self, is_asked=False, fields=("Sec-WebSocket-Protocol: a, b",))
        scene.ask()
        scene.agree("Sec-WebSocket-Protocol: b")
        self.assertEqual(scene.response, switching("Sec-WebSocket-Protocol: b"))
        self.assertEqual(scene.flow.server_protocol, "b")
        self.check_open(scene)

    def test_no_websocket_any_more(self) -> None:
        """An addon may make it an ordinary request."""

        def request(flow: Any) -> None:
            for name in ("Upgrade", "Connection"):
                del flow.request.headers[name]

        scene = WebSocketScene(self, is_asked=False, on_request=request)
        scene.ask()
        self.assertNotIn(b"\r\nUpgrade:", scene.server.received)
        scene.say(False, b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi")
        self.assertTrue(scene.client.received.endswith(b"\r\n\r\nhi"))
        self.assertIsNone(scene.flow)

    def test_moved(self) -> None:
        """The request may go to another server."""

        def request(flow: Any) -> None:
            flow.request.host = "other.example"

        scene = WebSocketScene(self, is_asked=False, on_request=request)
        scene.origin = scene.harness.origin("other.example", 80)
        scene.ask()
        scene.agree()
        self.check_open(scene)


class InsteadTests(ConversationCase):
    """Handshakes that come to nothing, on purpose."""

    def test_response_in_request(self) -> None:
        """websocket_handshake is skipped when request has answered."""

        def request(flow: Any) -> None:
            flow.response = Response.make(403, b"no")

        scene = WebSocketScene(self, is_asked=False, on_request=request)
        scene.ask()
        self.assertTrue(scene.client.received.startswith(b"HTTP/1.1 403 "))
        self.assertEqual(scene.recorder.trace[-3:], ["request", "responseheaders", "response"])
        self.assertEqual((scene.origin.peers, scene.harness.network.attempts[1:]), ([], []))

    def test_response_in_handshake(self) -> None:
        """An answer in websocket_handshake is the answer, and the connection goes on."""

        def websocket_handshake(flow: Any) -> None:
            flow.response = Response.make(401, b"who?")

        scene = WebSocketScene(self, is_asked=False, on_websocket_handshake=websocket_handshake)
        scene.ask()
        scene.ask()
        self.assertEqual(scene.client.received.count(b"HTTP/1.1 401 "), 2)
        self.assertEqual(scene.origin.peers, [])
        self.assertEqual(scene.recorder.trace[-3:], ["websocket_handshake", "responseheaders", "response"])

    def test_kill_in_handshake(self) -> None:
        """A flow killed there: the client is reset, nobody is connected, error fires."""
        scene = WebSocketScene(self, is_asked=False, on_websocket_handshake=lambda flow: flow.kill())
        scene.ask()
        self.assertTrue(scene.client.was_reset())
        self.assertEqual(scene.recorder.trace[-3:], ["websocket_handshake", "error", "clientdisconnect"])
        self.assertEqual(scene.origin.peers, [])

    def test_held(self) -> None:
        """The server is not connected before the hook is done; a client that resets meanwhile cancels it."""
        holder = Holder()
        scene = WebSocketScene(self, holder, is_asked=False, on_websocket_handshake=holder)
        scene.ask()
        scene.holds()
        self.assertEqual(scene.origin.peers, [])
        scene.client.reset()
        scene.harness.pump()
        self.assertEqual(holder.cancelled, 1)
        self.assertEqual(scene.recorder.trace[-2:], ["error", "clientdisconnect"])

    def test_refused_by_the_server(self) -> None:
        """A server that says 4xx: that is the answer, no WebSocket hook fires, and the connection goes on."""
        scene = WebSocketScene(self, is_asked=False)
        for _ in range(2):
            scene.ask()
            scene.say(False, b"HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\n\r\nno")
            self.assertEqual(scene.heard(True), b"HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\n\r\nno")
        self.assertEqual(len(scene.origin.peers), 1)
        self.assertIsNone(scene.flow)

    def test_replaced_101(self) -> None:
        """A response in the place of 101 is answered, and nothing is switched."""
        scene = WebSocketScene(self, on_response=lambda flow: setattr(flow, "response", Response.make(403)))
        self.assertTrue(scene.response.startswith(b"HTTP/1.1 403 "))
        self.assertIsNone(scene.flow)
        self.assertTrue(scene.server.lost or scene.server.has_ended)


class StrictTests(ConversationCase):
    """Bad handshakes."""

    def refused(self, status: int, *fields: str) -> WebSocketScene:
        """A client that asks with these fields is answered so, and nobody is connected."""
        scene = WebSocketScene(self, is_asked=False)
        scene.ask(*fields)
        self.assertTrue(scene.client.received.startswith(b"HTTP/1.1 %d " % status), scene.client.received)
        self.assertEqual(scene.origin.peers, [])
        self.assertEqual(scene.recorder.count("error"), 1)
        self.assertTrue(scene.client.has_ended)
        return scene

    def test_version(self) -> None:
        """Another version than 13 is answered with 426 and the version that is spoken."""
        for version in ("8", "14", "13, 8"):
            scene = self.refused(426, *HANDSHAKE[:3], f"Sec-WebSocket-Version: {version}")
            self.assertIn(b"\r\nSec-WebSocket-Version: 13\r\n", scene.client.received)
        self.refused(426, *HANDSHAKE[:3])

    def test_key(self) -> None:
        """No key, two of them, or one that is none: 400."""
        for keys in ((), ("Sec-WebSocket-Key: x",), (HANDSHAKE[2], HANDSHAKE[2])):
            scene = self.refused(400, *HANDSHAKE[:2], *keys, HANDSHAKE[3])
            self.assertNotIn(b"Sec-WebSocket-Version", scene.client.received)

    def test_other_upgrades(self) -> None:
        """What asks for something else, too, is an upgrade to WebSocket; what asks for something else alone is not."""
        scene = WebSocketScene(self, is_asked=False)
        scene.ask("Upgrade: strange, WebSocket", *HANDSHAKE[1:])
        scene.agree()
        self.assertEqual(scene.hooks, ["start"])
        scene = WebSocketScene(self, is_asked=False)
        scene.ask("Upgrade: strange", "Connection: Upgrade")
        self.assertEqual(len(scene.origin.peers), 1)
        self.assertEqual(scene.recorder.count("websocket_handshake"), 0)

    def test_accept(self) -> None:
        """A server that does not answer the key: 502 and error; the client is not switched."""
        right = f"Sec-WebSocket-Accept: {accept_key(KEY).decode()}"
        for accept in ((), ("Sec-WebSocket-Accept: x",), (right, right)):
            scene = WebSocketScene(self, is_asked=False)
            scene.ask()
            lines = ["HTTP/1.1 101 Switching Protocols", *HANDSHAKE[:2], *accept, "", ""]
            scene.say(False, "\r\n".join(lines).encode() + words(False, b"x"))
            self.assertTrue(scene.client.received.startswith(b"HTTP/1.1 502 "), scene.client.received)
            self.assertEqual((scene.recorder.count("error"), scene.recorder.count("response")), (1, 0))
            self.assertIn("Accept", scene.recorder.last("error").error.msg)
            self.assertIsNone(scene.flow)
            self.assertFalse(scene.server.is_connected)

    def test_subprotocol(self) -> None:
        """So does one that chooses a subprotocol nobody spoke of."""
        scene = WebSocketScene(self, is_asked=False)
        scene.ask()
        scene.agree("Sec-WebSocket-Protocol: surprise")
        self.assertTrue(scene.response.startswith(b"HTTP/1.1 502 "))

    def test_extension(self) -> None:
        """So does one that wants an extension nobody offered."""
        for extension in ("permessage-deflate", "x-other"):
            scene = WebSocketScene(self, is_asked=False)
            scene.ask()
            scene.agree(f"Sec-WebSocket-Extensions: {extension}")
            self.assertTrue(scene.response.startswith(b"HTTP/1.1 502 "))

    def test_unasked(self) -> None:
        """101 to a request out of which an addon took the upgrade."""

        def request(flow: Any) -> None:
            del flow.request.headers["Upgrade"]

        scene = WebSocketScene(self, is_asked=False, on_request=request)
        scene.ask()
        scene.agree()
        self.assertTrue(scene.response.startswith(b"HTTP/1.1 502 "))

    def test_close_right_behind(self) -> None:
        """A server that switches and closes in one breath: the connection begins and ends."""
        scene = WebSocketScene(self, is_asked=False)
        scene.ask()
        scene.agree(behind=closing(False, 1013, "later"))
        self.assertTrue(scene.response.endswith(closing(False, 1013, "later")))
        scene.say(True, closing(True, 1013))
        scene.check_end("start", "end")


class TLSEditTests(EditTests):
    """The same inside of intercepted TLS."""

    is_tls = True

    def test_moved(self) -> None:
        """Not asked here: the other server would have to speak TLS as well."""


class ReverseStrictTests(StrictTests):
    """The same in reverse mode."""

    is_reverse = True
