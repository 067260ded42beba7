"""TCP conversations on real sockets: half-closes, resets, failures, edits, and mail inside tunnels and inside TLS."""

import smtplib
import socket
import ssl
import struct
from collections.abc import Callable
from queue import Queue
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.threads import deferToThread

from tests.interop.cases import InteropCase
from tests.interop.origins import Talk

_MAIL = "Subject: tunnels\r\n\r\nthe original text\r\n"


class Listener:
    """
    Keeps what happened to the one flow; C{edit} is called with each message.

    @ivar over: fires after the last hook.
    """

    def __init__(self, edit: Callable[[Any, Any], None] = lambda flow, message: None) -> None:
        self.trace: list[str] = []
        self.said: list[tuple[bool, bytes]] = []
        self.flow: Any = None
        self.over: Deferred[None] = Deferred()
        self._edit = edit

    def tcp_start(self, flow: Any) -> None:
        self.flow = flow
        self.trace.append("start")

    def tcp_message(self, flow: Any) -> None:
        message = flow.messages[-1]
        self.said.append((message.from_client, message.content))
        self._edit(flow, message)

    def tcp_error(self, flow: Any) -> None:
        self.trace.append("error")

    def tcp_end(self, flow: Any) -> None:
        self.trace.append("end")
        self.over.callback(None)

    def heard(self, from_client: bool) -> bytes:
        """All that one side said."""
        return b"".join(content for is_client, content in self.said if is_client is from_client)


class Silent:
    """Listens to the ends of a flow alone, so that bytes pass without becoming messages."""

    def __init__(self) -> None:
        self.trace: list[str] = []
        self.over: Deferred[None] = Deferred()

    def tcp_start(self, flow: Any) -> None:
        self.trace.append("start")

    def tcp_error(self, flow: Any) -> None:
        self.trace.append("error")

    def tcp_end(self, flow: Any) -> None:
        self.trace.append("end")
        self.over.callback(None)


def _reset(talk: Talk) -> None:
    """Close with a reset."""
    talk.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    talk.close()


class TCPTests(InteropCase):
    """In front of one server, in reverse mode."""

    async def start(self, addon: object, answer: Callable[[Talk], None]) -> None:
        """Start a server, and a proxy in front of it."""
        origin = self.raw_origin(answer)
        await self.start_proxy(addon, listeners=[f"reverse:tcp://127.0.0.1:{origin.port}@tcp:0:interface=127.0.0.1"])

    async def _check_half_closes(self, addon: Any) -> None:
        """Each side in turn sends its last byte first; the other one still speaks, and both are heard."""

        def answer(talk: Talk) -> None:
            if talk.read_exactly(1) == b"c":
                talk.send(b"after your end: %d" % len(talk.read_all()))
            else:
                talk.send(b"my last")
                talk.half_close()
                asked.put(talk.read_all())

        asked: Queue[bytes] = Queue()
        await self.start(addon, answer)

        def client_first() -> bytes:
            client = self.connect()
            client.send(b"c" + b"x" * 300_000)
            client.half_close()
            return client.read_all()

        def server_first() -> bytes:
            client = self.connect()
            client.send(b"s")
            last = client.read_all()
            client.send(b"said after the server's end")
            client.half_close()
            return last

        self.assertEqual(await deferToThread(client_first), b"after your end: 300000")
        await addon.over
        addon.over = Deferred()
        self.assertEqual(await deferToThread(server_first), b"my last")
        await addon.over
        self.assertEqual(await deferToThread(asked.get, True, 10), b"said after the server's end")
        self.assertEqual(addon.trace, ["start", "end"] * 2)

    async def test_half_closes(self) -> None:
        """A half-close of either side is passed on as one, in its place after the messages."""
        addon = Listener()
        await self._check_half_closes(addon)
        self.assertEqual(len(addon.heard(True)), 300_001 + len(b"s" + b"said after the server's end"))

    async def test_half_closes_unheard(self) -> None:
        """The same where nobody listens to messages."""
        await self._check_half_closes(Silent())

    async def _check_reset(self, addon: Any, by_client: bool) -> None:
        """A reset of one side is a reset for the other one."""
        ends: Queue[str] = Queue()

        def end_of(talk: Talk) -> str:
            try:
                return "closed" if not talk.read_all() else "more"
            except ConnectionResetError:
                return "reset"

        def answer(talk: Talk) -> None:
            talk.send(talk.read_exactly(5))
            if by_client:
                ends.put(end_of(talk))
            else:
                talk.read_exactly(4)
                _reset(talk)

        await self.start(addon, answer)

        def talk() -> bytes:
            client = self.connect()
            client.send(b"hello")
            echo = client.read_exactly(5)
            if by_client:
                _reset(client)
            else:
                client.send(b"over")
                ends.put(end_of(client))
            return echo

        self.assertEqual(await deferToThread(talk), b"hello")
        await addon.over
        self.assertEqual(addon.trace, ["start", "error", "end"])
        self.assertEqual(await deferToThread(ends.get, True, 10), "reset")

    async def test_client_resets(self) -> None:
        """The client's reset reaches the server as one."""
        await self._check_reset(Listener(), True)

    async def test_server_resets(self) -> None:
        """The server's reset reaches the client as one."""
        await self._check_reset(Listener(), False)

    async def test_client_resets_unheard(self) -> None:
        """The client's reset, where nobody listens to messages."""
        await self._check_reset(Silent(), True)

    async def test_server_resets_unheard(self) -> None:
        """The server's reset, where nobody listens to messages."""
        await self._check_reset(Silent(), False)

    async def test_edit(self) -> None:
        """Messages of both sides are replaced by longer ones, dropped, and said in the order in which they came."""

        def edit(flow: Any, message: Any) -> None:
            if b"quiet" in message.content:
                message.kill()
            message.content = message.content.replace(b"name", b"longer word")

        def answer(talk: Talk) -> None:
            while line := talk.read_until(b"\n"):
                talk.send(b"quiet\n" if b"whisper" in line else b"your name: " + line)

        await self.start(Listener(edit), answer)

        def talk() -> tuple[bytes, bytes]:
            client = self.connect()
            client.send(b"name\n")
            first = client.read_until(b"\n")
            client.send(b"whisper\n")
            client.half_close()
            return first, client.read_all()

        self.assertEqual(await deferToThread(talk), (b"your longer word: longer word\n", b""))

    async def test_kill(self) -> None:
        """A killed flow is cut on both sides, and what it was killed for is not passed on."""
        cut: Queue[bytes | str] = Queue()

        def answer(talk: Talk) -> None:
            try:
                cut.put(talk.read_all())
            except ConnectionResetError:
                cut.put("reset")

        def edit(flow: Any, message: Any) -> None:
            if b"forbidden" in message.content:
                flow.kill()

        addon = Listener(edit)
        await self.start(addon, answer)

        def talk() -> None:
            client = self.connect()
            client.send(b"forbidden words")
            with self.assertRaises(ConnectionResetError):
                client.read_all()

        await deferToThread(talk)
        await addon.over
        self.assertEqual(addon.trace, ["start", "error", "end"])
        self.assertIn(await deferToThread(cut.get, True, 10), (b"", "reset"))

    async def test_connect_failure(self) -> None:
        """A server that refuses: the client's connection ends, and the flow begins, errs and ends."""
        with socket.create_server(("127.0.0.1", 0)) as server:
            port = server.getsockname()[1]
        addon = Listener()
        await self.start_proxy(addon, listeners=[f"reverse:tcp://127.0.0.1:{port}@tcp:0:interface=127.0.0.1"])

        def talk() -> bytes:
            client = self.connect()
            return client.read_all()

        self.assertEqual(await deferToThread(talk), b"")
        await addon.over
        self.assertEqual(addon.trace, ["start", "error", "end"])
        self.assertIn("refused", str(addon.flow.error))


class _MailServer:
    """Speaks SMTP as far as C{smtplib} needs it; the server speaks first (RFC 5321 section 3.1)."""

    def __init__(self) -> None:
        self.mails: list[bytes] = []

    def __call__(self, talk: Talk) -> None:
        talk.send(b"220 mail.example.test ESMTP\r\n")
        while line := talk.read_until(b"\r\n"):
            word = line[:4].strip().upper()
            if word == b"EHLO":
                talk.send(b"250-mail.example.test\r\n250 8BITMIME\r\n")
            elif word == b"DATA":
                talk.send(b"354 go on\r\n")
                self.mails.append(talk.read_until(b"\r\n.\r\n"))
                talk.send(b"250 taken\r\n")
            elif word == b"QUIT":
                talk.send(b"221 bye\r\n")
                return
            else:
                talk.send(b"250 fine\r\n")


class _Tunnelled(smtplib.SMTP):
    """Sends mail through CONNECT; in TLS when there is a context."""

    def __init__(self, proxy_port: int, port: int, context: ssl.SSLContext | None) -> None:
        self._proxy_port = proxy_port
        self._tls = context
        super().__init__("localhost", port, "client.example.test", timeout=20)

    def _get_socket(self, host: Any, port: Any, timeout: Any) -> socket.socket:
        talk = Talk.to("127.0.0.1", self._proxy_port)
        talk.send(f"CONNECT {host}:{port} HTTP/1.1\r\nHost: {host}:{port}\r\n\r\n".encode())
        if not talk.read_head().startswith(b"HTTP/1.1 200 "):
            raise OSError("the tunnel was refused")
        return self._tls.wrap_socket(talk.socket, server_hostname=host) if self._tls else talk.socket


class MailTests(InteropCase):
    """A client that waits for the server's greeting; no option says that this is not HTTP."""

    async def _check(self, is_tls: bool) -> None:
        def edit(flow: Any, message: Any) -> None:
            if message.from_client:
                message.content = message.content.replace(b"original", b"edited")

        server, addon = _MailServer(), Listener(edit)
        origin = self.raw_origin(server, is_tls=is_tls)
        await self.start_proxy(addon)

        def send() -> dict[str, tuple[int, bytes]]:
            context = ssl.create_default_context(cafile=self.ca) if is_tls else None
            with _Tunnelled(self.port, origin.port, context) as client:
                return client.sendmail("from@example.test", ["to@example.test"], _MAIL)

        self.assertEqual(await deferToThread(send), {})
        await addon.over
        self.assertEqual(server.mails, [_MAIL.replace("original", "edited").encode() + b".\r\n"])
        self.assertEqual(addon.said[0], (False, b"220 mail.example.test ESMTP\r\n"))
        self.assertEqual(addon.said[1], (True, b"ehlo client.example.test\r\n"))
        self.assertEqual((addon.trace[0], addon.trace[-1]), ("start", "end"))
        if not is_tls:  # neither smtplib nor our server says farewell in TLS: there the end looks like a cut
            self.assertIsNone(addon.flow.error)
        self.assertEqual((addon.flow.client_conn.tls, addon.flow.server_conn.tls), (is_tls, is_tls))

    async def test_tunnel(self) -> None:
        """Through CONNECT, in plain text."""
        await self._check(False)

    async def test_tls(self) -> None:
        """Through CONNECT, inside TLS that the proxy intercepts on both sides."""
        await self._check(True)
