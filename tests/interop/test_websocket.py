"""WebSocket between real peers: autobahn on both sides, and a page in Chromium."""

import hashlib
import threading
from base64 import b64encode
from typing import Any

from twisted.internet import ssl as twisted_ssl
from twisted.internet.defer import Deferred, DeferredList

from tests.interop.cases import InteropCase, require_module
from tests.interop.origins import BLOCK, Talk
from tests.interop.test_chromium import CHROMIUM_ARGUMENTS, trust_in_nss
from tests.tools import require_tool

_LARGE = (BLOCK * 20)[:1_200_000]
_MESSAGES: tuple[tuple[bytes, bool], ...] = (
    ("gr\u00fc\u00df dich, name".encode(), False),
    (b"", False),
    (b"", True),
    (bytes(range(256)), True),
    (b"name " * 30_000, False),
    (_LARGE, True),
    *((b"name %d" % number, False) for number in range(50)),
)


class Edit:
    """
    Keeps what was said, and changes one word of the client's.

    @ivar over: fires after C{websocket_end}.
    """

    def __init__(self) -> None:
        self.said: list[tuple[bool, str, bytes]] = []
        self.flow: Any = None
        self.over: Deferred[None] = Deferred()

    def websocket_message(self, flow: Any) -> None:
        message = flow.messages[-1]
        self.said.append((message.from_client, message.type.name, message.content))
        if message.from_client and message.is_text:
            message.text = message.text.replace("name", "NAME!")

    def websocket_end(self, flow: Any) -> None:
        self.flow = flow
        self.over.callback(None)


class Silent:
    """Listens to the end alone."""

    def __init__(self) -> None:
        self.flow: Any = None
        self.over: Deferred[None] = Deferred()

    def websocket_end(self, flow: Any) -> None:
        self.flow = flow
        self.over.callback(None)


def _echoing(base: Any) -> Any:
    """A server's protocol that sends back what comes."""

    class Echoing(base):  # type: ignore[misc]  # autobahn's, which comes without types
        def onMessage(self, payload: bytes, is_binary: bool) -> None:
            self.sendMessage(payload, is_binary)

        def onClose(self, is_clean: bool, code: int | None, reason: str | None) -> None:
            self.factory.closed.callback((is_clean, code, reason))

    return Echoing


def _saying(base: Any) -> Any:
    """A client's protocol that says L{_MESSAGES}, one after another was answered, then closes."""

    class Saying(base):  # type: ignore[misc]
        def onConnect(self, response: Any) -> None:
            self.factory.extensions = response.extensions
            self.factory.heard = []

        def onOpen(self) -> None:
            self.sendMessage(*_MESSAGES[0])

        def onMessage(self, payload: bytes, is_binary: bool) -> None:
            heard = self.factory.heard
            heard.append((payload, is_binary))
            if len(heard) < len(_MESSAGES):
                self.sendMessage(*_MESSAGES[len(heard)])
            else:
                self.sendClose(3210, "all said")

        def onClose(self, is_clean: bool, code: int | None, reason: str | None) -> None:
            self.factory.closed.callback((is_clean, code, reason))

    return Saying


class AutobahnTests(InteropCase):
    """autobahn's client and autobahn's server, each with its own idea of the protocol, and strict."""

    def setUp(self) -> None:
        super().setUp()
        self.websocket = require_module(self, "autobahn.twisted.websocket")
        self.compress = require_module(self, "autobahn.websocket.compress")

    def start_server(self, is_deflated: bool, is_tls: bool) -> Any:
        """Start a server that echoes; @return: its factory, with its C{port} and a Deferred C{closed}."""
        from twisted.internet import reactor  # noqa: TID251 - trial's own

        listening: Any = reactor
        factory = self.websocket.WebSocketServerFactory()
        factory.protocol = _echoing(self.websocket.WebSocketServerProtocol)
        factory.closed = Deferred()
        factory.setProtocolOptions(echoCloseCodeReason=True)
        if is_deflated:
            accept = self.compress.PerMessageDeflateOfferAccept
            factory.setProtocolOptions(perMessageCompressionAccept=lambda offers: accept(offers[0]) if offers else None)
        if is_tls:
            pem = str(self.origin_pem)
            context = twisted_ssl.DefaultOpenSSLContextFactory(pem, pem)
            port = listening.listenSSL(0, factory, context, interface="127.0.0.1")
        else:
            port = listening.listenTCP(0, factory, interface="127.0.0.1")
        self.addCleanup(port.stopListening)
        factory.port = port.getHost().port
        return factory

    def start_client(self, port: int, is_deflated: bool, is_tls: bool) -> Any:
        """Have a client talk through the proxy by CONNECT; @return: its factory."""
        url = f"{'wss' if is_tls else 'ws'}://localhost:{port}/talk"
        factory = self.websocket.WebSocketClientFactory(url, proxy={"host": "127.0.0.1", "port": self.port})
        factory.protocol = _saying(self.websocket.WebSocketClientProtocol)
        factory.closed = Deferred()
        if is_deflated:
            offer, deflate = self.compress.PerMessageDeflateOffer, self.compress.PerMessageDeflateResponse
            accept = self.compress.PerMessageDeflateResponseAccept
            factory.setProtocolOptions(
                perMessageCompressionOffers=[offer()],
                perMessageCompressionAccept=lambda answer: accept(answer) if isinstance(answer, deflate) else None,
            )
        context = None
        if is_tls:
            root = twisted_ssl.Certificate.loadPEM((self.confdir / "mitmtw-ca-cert.pem").read_bytes())
            context = twisted_ssl.optionsForClientTLS("localhost", trustRoot=root)
        self.websocket.connectWS(factory, context)
        return factory

    async def check(self, addon: Any, is_deflated: bool, is_tls: bool = False) -> None:
        """Say all, and look at what came back and how it ended."""
        server = self.start_server(is_deflated, is_tls)
        await self.start_proxy(addon)
        client = self.start_client(server.port, is_deflated, is_tls)
        ends = await DeferredList([client.closed, server.closed], fireOnOneErrback=True)
        self.assertEqual([end[1][:2] for end in ends], [(True, 3210)] * 2)
        is_edited = isinstance(addon, Edit)
        expected = [
            (payload.replace(b"name", b"NAME!") if is_edited and not is_binary else payload, is_binary)
            for payload, is_binary in _MESSAGES
        ]
        self.assertEqual([len(each[0]) for each in client.heard], [len(each[0]) for each in expected])
        self.assertTrue(client.heard == expected)
        self.assertEqual(len(client.extensions), int(is_deflated))
        await addon.over
        flow = addon.flow
        self.assertEqual((flow.close_sender, flow.close_code, flow.close_reason), ("client", 3210, "all said"))
        self.assertIsNone(flow.error)
        if is_edited:
            kinds = ["BINARY" if is_binary else "TEXT" for _, is_binary in _MESSAGES for _ in range(2)]
            self.assertEqual([each[1] for each in addon.said], kinds)
            self.assertEqual([each[2] for each in addon.said[::2]], [payload for payload, _ in _MESSAGES])

    async def test_plain(self) -> None:
        """Without deflate, nobody listening to messages."""
        await self.check(Silent(), False)

    async def test_deflated(self) -> None:
        """With deflate and context takeover, nobody listening."""
        await self.check(Silent(), True)

    async def test_edited(self) -> None:
        """Without deflate, an addon makes texts longer."""
        await self.check(Edit(), False)

    async def test_deflated_edited(self) -> None:
        """With deflate: after an edited message all that follow can still be inflated."""
        await self.check(Edit(), True)

    async def test_tls(self) -> None:
        """Inside TLS that the proxy intercepts, deflated and edited."""
        await self.check(Edit(), True, True)


_PAGE = b"""<!DOCTYPE html>
<html><head><title>page</title></head><body><p id="marker">waiting</p><script>
const told = [];
const show = () => document.getElementById("marker").textContent = "[" + told.join(", ") + "]";
const socket = new WebSocket(location.origin.replace("http", "ws") + "/socket");
socket.onopen = () => socket.send("my name");
socket.onmessage = event => { told.push(event.data); show();
  if (told.length < 2) socket.send("again"); else socket.close(1000, "done"); };
socket.onerror = () => { told.push("error"); show(); };
</script><img src="/over"></body></html>
"""


# Virtual time stands still while something is loaded, and sockets with it; what a page loads delays its end by itself.
_ARGUMENTS = tuple(each for each in CHROMIUM_ARGUMENTS if not each.startswith("--virtual-time"))


class _Page:
    """Serves the page, its socket, and a picture that is there when the socket is over: the browser waits for that."""

    def __init__(self) -> None:
        self.said: list[bytes] = []
        self._over = threading.Event()

    def __call__(self, talk: Talk) -> None:
        while head := talk.read_head():
            path = head.split(b" ", 2)[1]
            if b"sec-websocket-key" in head.lower():
                self._converse(talk, head)
                return
            if path == b"/over":
                self._over.wait(20)
            body = _PAGE if path == b"/" else b""
            talk.send(b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: %d\r\n\r\n" % len(body) + body)

    def _converse(self, talk: Talk, head: bytes) -> None:
        """Say what was said back, in a sentence; as short as frames with one octet of length are."""
        fields = dict(line.split(b": ", 1) for line in head.split(b"\r\n")[1:-2])
        key = next(value for name, value in fields.items() if name.lower() == b"sec-websocket-key")
        accept = b64encode(hashlib.sha1(key + b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11").digest())
        switch = b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        talk.send(switch + b"Sec-WebSocket-Accept: " + accept + b"\r\n\r\n")
        try:
            while start := talk.read_exactly(2):
                mask, masked = talk.read_exactly(4), talk.read_exactly(start[1] & 127)
                payload = bytes(octet ^ mask[at % 4] for at, octet in enumerate(masked))
                if start[0] & 15 == 8:
                    talk.send(bytes((0x88, len(payload))) + payload)
                    return
                self.said.append(payload)
                answer = b"you said " + payload
                talk.send(bytes((0x81, len(answer))) + answer)
        finally:
            self._over.set()


class ChromiumTests(InteropCase):
    """A page whose script talks by WebSocket, and shows what it hears."""

    async def _check(self, scheme: str) -> None:
        program = require_tool(self, "chromium")
        certutil = require_tool(self, "certutil")
        page, addon = _Page(), Edit()
        origin = self.raw_origin(page, is_tls=scheme == "https")
        leads = _Leads(origin.port)
        await self.start_proxy(addon, leads)
        home = await trust_in_nss(self, certutil)
        done = await self.run_program(
            program, f"--proxy-server={self.url}", f"--user-data-dir={home / 'profile'}", *_ARGUMENTS,
            f"{scheme}://app.example.test/", environment={"HOME": str(home)},
        )  # fmt: skip
        shown = done.stdout.decode()
        self.assertIn("[you said my NAME!, you said again]", shown)
        self.assertEqual(page.said, [b"my NAME!", b"again"])
        await addon.over
        self.assertEqual((addon.flow.close_code, addon.flow.error), (1000, None))
        self.assertEqual([each[2] for each in addon.said][:2], [b"my name", b"you said my NAME!"])

    async def test_ws(self) -> None:
        """C{ws:} on a page in plain HTTP."""
        await self._check("http")

    async def test_wss(self) -> None:
        """C{wss:} on a page in TLS."""
        await self._check("https")


class _Leads:
    """Leads all names to one origin."""

    def __init__(self, port: int) -> None:
        self._port = port

    def serverconnect(self, server_conn: Any) -> None:
        server_conn.address = ("127.0.0.1", self._port)
