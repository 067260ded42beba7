"""WebSocket: permessage-deflate, agreed on with each side by itself (RFC 7692)."""

import zlib
from typing import Any

from mitmtw._wire.websocket_agreement import DeflateParameters
from mitmtw._wire.websocket_deflate import Deflater
from mitmtw._wire.websocket_message import MessageReader
from tests.acceptance.conversation_base import ConversationCase, WebSocketScene, frame, words

DEFLATE = "permessage-deflate"
FRESH = "permessage-deflate; client_no_context_takeover; server_no_context_takeover"
TEXTS = (b"the same words again and again", b"the same words again", b"the same words again and again and again")


def offer(value: str | None) -> Any:
    """A handler that makes this the offer that goes to the server."""

    def websocket_handshake(flow: Any) -> None:
        if value is None:
            flow.request.headers.pop("Sec-WebSocket-Extensions")
        else:
            flow.request.headers["Sec-WebSocket-Extensions"] = value

    return websocket_handshake


class Sender:
    """One side's deflating."""

    def __init__(self, from_client: bool, fresh: bool = False, bits: int = 15) -> None:
        self.from_client = from_client
        self.deflater = Deflater(fresh, bits)

    def __call__(self, content: bytes, sizes: tuple[int, ...] = ()) -> bytes:
        """A text message in one frame, or cut behind so many octets each."""
        deflated = self.deflater.deflate(content)
        pieces = []
        for size in sizes:
            pieces.append(deflated[:size])
            deflated = deflated[size:]
        pieces.append(deflated)
        return b"".join(
            frame(self.from_client, piece, 0 if index else 1, index == len(pieces) - 1, index == 0)
            for index, piece in enumerate(pieces)
        )


def reader(by_client: bool, parameters: DeflateParameters | None) -> MessageReader:
    """What one side reads with."""
    if parameters is None:
        return MessageReader("server" if by_client else "client")
    return MessageReader(
        "server" if by_client else "client", coding=parameters.server if by_client else parameters.client
    )


class BothTests(ConversationCase):
    """Agreed on with both sides."""

    def scene(self, extensions: str = DEFLATE, **settings: Any) -> WebSocketScene:
        """A connection with these extensions, and readers for both sides."""
        scene = WebSocketScene(self, offer=extensions, **settings)
        fresh = "no_context_takeover" in extensions
        parameters = DeflateParameters(fresh, fresh)
        scene.readers = {True: reader(True, parameters), False: reader(False, parameters)}
        return scene

    def test_verbatim(self) -> None:
        """Untouched messages are passed on as they came, fragments included, and addons see them inflated."""
        for from_client in (True, False):
            scene = self.scene()
            self.assertIn(b"permessage-deflate", scene.response)
            send = Sender(from_client)
            data = send(TEXTS[0]) + send(TEXTS[1], (3, 0, 2)) + words(from_client, b"plain") + send(TEXTS[2])
            scene.say(from_client, data)
            self.assertEqual(scene.heard(not from_client), data)
            self.assertEqual(scene.contents, [*TEXTS[:2], b"plain", TEXTS[2]])
            scene.end()
            scene.check_end("start", "end")

    def test_unheard(self) -> None:
        """When nobody listens too; what cannot be inflated is refused all the same."""
        scene = self.scene(only=())
        send = Sender(True)
        data = send(TEXTS[0]) + send(TEXTS[1])
        scene.say(True, data)
        self.assertEqual(scene.heard(False), data)
        scene.say(True, frame(True, b"\xff\xff\xff\xff", rsv1=True))
        self.assertEqual(scene.messages(True)[0][1][:2], (1007).to_bytes(2, "big"))
        self.assertEqual(scene.messages(False)[-1][1][:2], (1001).to_bytes(2, "big"))

    def changing(self, from_client: bool, extensions: str, change: Any) -> tuple[list[bytes], list[Any]]:
        """What is sent for three messages of which C{change} changes the second one, and what is read there."""
        scene = self.scene(extensions, on_websocket_message=change)
        send = Sender(from_client, "no_context" in extensions)
        raw = []
        sent = [send(text) for text in TEXTS]
        for data in sent:
            scene.say(from_client, data)
            raw.append(scene.side(not from_client).received)
        heard = scene.messages(not from_client)
        scene.end()
        scene.check_end("start", "end")
        return [b"same" if raw[index].endswith(data) else b"new" for index, data in enumerate(sent)], heard

    def test_changed(self) -> None:
        """After a change the rest is deflated anew, so that the receiver reads what was said."""

        def change(flow: Any) -> None:
            if flow.messages[-1].content == TEXTS[1]:
                flow.messages[-1].content = b"something else altogether"

        for from_client in (True, False):
            same, heard = self.changing(from_client, DEFLATE, change)
            self.assertEqual(heard, [TEXTS[0], b"something else altogether", TEXTS[2]])
            self.assertEqual(same, [b"same", b"new", b"new"])

    def test_dropped(self) -> None:
        """The same after a message was dropped."""

        def change(flow: Any) -> None:
            if flow.messages[-1].content == TEXTS[1]:
                flow.messages[-1].kill()

        for from_client in (True, False):
            same, heard = self.changing(from_client, DEFLATE, change)
            self.assertEqual(heard, [TEXTS[0], TEXTS[2]])
            self.assertEqual(same[2], b"new")

    def test_injected(self) -> None:
        """A message of an addon does not disturb what is passed on as it came."""

        def change(flow: Any) -> None:
            message = flow.messages[-1]
            if message.content == TEXTS[1]:
                flow.inject("from an addon", to_client=not message.from_client)

        for from_client in (True, False):
            same, heard = self.changing(from_client, DEFLATE, change)
            self.assertEqual(heard, [TEXTS[0], TEXTS[1], b"from an addon", TEXTS[2]])
            self.assertEqual(same[2], b"same")

    def test_type_changed(self) -> None:
        """A change of the type alone is one too."""

        def change(flow: Any) -> None:
            if flow.messages[-1].content == TEXTS[1]:
                flow.messages[-1].type = "binary"

        for from_client in (True, False):
            same, heard = self.changing(from_client, DEFLATE, change)
            self.assertEqual((same, heard), ([b"same", b"new", b"new"], list(TEXTS)))

    def test_without_context_takeover(self) -> None:
        """Where each message is by itself, all but the changed one stay as they came."""

        def change(flow: Any) -> None:
            if flow.messages[-1].content == TEXTS[1]:
                flow.messages[-1].content = b"something else altogether"

        for from_client in (True, False):
            same, heard = self.changing(from_client, FRESH, change)
            self.assertEqual(heard, [TEXTS[0], b"something else altogether", TEXTS[2]])
            self.assertEqual(same, [b"same", b"new", b"same"])

    def test_window_bits(self) -> None:
        """What is deflated anew looks back no further than was agreed on."""
        extensions = f"{DEFLATE}; server_max_window_bits=9; client_max_window_bits=9"
        scene = self.scene(extensions, on_websocket_message=lambda flow: setattr(
            flow.messages[-1], "content", flow.messages[-1].content[::-1]))  # fmt: skip
        far = bytes(range(256)) * 8  # repeats itself within 512 octets, then again 2 KiB away
        for from_client in (True, False):
            send = Sender(from_client, bits=9)
            scene.readers[not from_client] = reader(not from_client, DeflateParameters(False, False, 9, 9))
            for _ in range(3):
                content = far.hex().encode()
                scene.say(from_client, send(content))
                self.assertEqual(scene.messages(not from_client), [content[::-1]])
        scene.end()
        scene.check_end("start", "end")

    def test_fragmented_change(self) -> None:
        """A changed message that came in fragments is read as one."""
        scene = self.scene(on_websocket_message=lambda flow: setattr(flow.messages[-1], "content", b"new" * 50_000))
        scene.say(True, Sender(True)(TEXTS[0], (3, 4)))
        self.assertEqual(scene.messages(False), [b"new" * 50_000])
        scene.check_end()

    def test_bomb(self) -> None:
        """A small message that would become a huge one is refused with 1009; the other side does not get it."""
        scene = self.scene(websocket_max_message=100_000)
        deflate = zlib.compressobj(9, zlib.DEFLATED, -15)
        bomb = deflate.compress(bytes(50_000_000)) + deflate.flush(zlib.Z_SYNC_FLUSH)
        scene.say(True, frame(True, bomb[:-4], 2, rsv1=True))
        self.assertEqual(scene.messages(True)[0][1][:2], (1009).to_bytes(2, "big"))
        self.assertEqual(scene.messages(False), [(8, (1001).to_bytes(2, "big"))])
        scene.check_end("start", "error", "end", error="longer than 100000")

    def test_bit_without_agreement(self) -> None:
        """RSV1 is a broken frame where deflating was not agreed on."""
        scene = WebSocketScene(self, offer=DEFLATE, agreed="")
        self.assertNotIn(b"Extensions", scene.response)
        scene.say(True, Sender(True)(TEXTS[0]))
        self.assertEqual(scene.messages(True)[0][1][:2], (1002).to_bytes(2, "big"))
        scene.check_end("start", "error", "end")


class OneSideTests(ConversationCase):
    """Agreed on with one side only."""

    def check_texts(self, scene: WebSocketScene, deflating: bool) -> None:
        """What the side C{deflating} deflates the other one reads plain, and what that says gets through."""
        send = Sender(deflating)
        for text in TEXTS:
            scene.say(deflating, send(text, (2,)))
            self.assertEqual(scene.messages(not deflating), [text])
            scene.say(not deflating, words(not deflating, text))
            self.assertEqual(scene.messages(deflating), [text])
        scene.say(deflating, words(deflating, b"plain"))
        self.assertEqual(scene.heard(not deflating), words(deflating, b"plain"))
        self.assertEqual(scene.contents, [each for text in TEXTS for each in (text, text)] + [b"plain"])
        scene.end()
        scene.check_end("start", "end")

    def test_server_only(self) -> None:
        """An addon offers it to the server: the client is told nothing of it."""
        scene = WebSocketScene(self, agreed=DEFLATE, on_websocket_handshake=offer(DEFLATE))
        self.assertNotIn(b"Extensions", scene.response)
        scene.readers[False] = reader(False, DeflateParameters())
        self.check_texts(scene, False)

    def test_client_only(self) -> None:
        """An addon takes the offer out, and accepts it in the server's place."""

        def responseheaders(flow: Any) -> None:
            flow.response.headers["Sec-WebSocket-Extensions"] = DEFLATE

        scene = WebSocketScene(
            self, offer=DEFLATE, agreed="", on_websocket_handshake=offer(None), on_responseheaders=responseheaders
        )
        self.assertIn(b"\r\nSec-WebSocket-Extensions: permessage-deflate\r\n", scene.response)
        scene.readers[True] = reader(True, DeflateParameters())
        self.check_texts(scene, True)

    def test_taken_out(self) -> None:
        """An addon takes the offer out: neither side deflates."""
        scene = WebSocketScene(self, offer=DEFLATE, agreed="", on_websocket_handshake=offer(None))
        self.assertNotIn(b"Extensions", scene.response)
        scene.say(True, words(True, b"x"))
        self.assertEqual(scene.heard(False), words(True, b"x"))
        scene.check_end()

    def test_other_parameters(self) -> None:
        """The server is offered other parameters than the client offered: each side is written to as it reads."""
        scene = WebSocketScene(self, offer=DEFLATE, agreed=FRESH, on_websocket_handshake=offer(FRESH))
        self.assertIn(b"no_context_takeover", scene.response)
        scene.readers = {side: reader(side, DeflateParameters(True, True)) for side in (True, False)}
        for from_client in (True, False):
            send = Sender(from_client, True)
            for text in TEXTS:
                scene.say(from_client, send(text))
                self.assertEqual(scene.messages(not from_client), [text])
        scene.check_end()

    def test_smaller_window_of_the_client(self) -> None:
        """A server that answers with a window the client did not offer to have: it is between us and the server."""
        narrow = f"{DEFLATE}; client_max_window_bits=9"
        scene = WebSocketScene(self, offer=DEFLATE, agreed=narrow, on_websocket_handshake=offer(narrow))
        self.assertNotIn(b"Extensions", scene.response)
        scene.readers[False] = reader(False, DeflateParameters(client_max_window_bits=9))
        scene.say(True, words(True, TEXTS[0]))
        self.assertEqual(scene.messages(False), [TEXTS[0]])
        scene.say(False, Sender(False)(TEXTS[0]))
        self.assertEqual(scene.messages(True), [TEXTS[0]])
        scene.check_end()


class OfferTests(ConversationCase):
    """What the server is offered."""

    def test_unknown(self) -> None:
        """An extension whose frames we could not read is left out of the offer."""
        for asked, sent in (
            (
                "x-webkit-deflate-frame, permessage-deflate; client_max_window_bits",
                b"permessage-deflate; client_max_window_bits",
            ),
            ("permessage-deflate; unknown=1, permessage-deflate", b"permessage-deflate"),
            ("permessage-bzip2", None),
        ):
            scene = WebSocketScene(self, is_asked=False, offer=asked)
            scene.ask()
            line = [
                line for line in scene.server.received.split(b"\r\n") if line.startswith(b"Sec-WebSocket-Extensions")
            ]
            self.assertEqual(line, [b"Sec-WebSocket-Extensions: " + sent] if sent else [])
            self.assertEqual(scene.recorder.last("request").request.headers["Sec-WebSocket-Extensions"], asked)

    def test_verbatim(self) -> None:
        """An offer that can be passed on stays as it was written."""
        scene = WebSocketScene(self, is_asked=False, offer="permessage-deflate;client_max_window_bits")
        scene.ask()
        self.assertIn(
            b"\r\nSec-WebSocket-Extensions: permessage-deflate;client_max_window_bits\r\n", scene.server.received
        )
