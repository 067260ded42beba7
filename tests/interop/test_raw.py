"""A client of bare sockets: half-close, pipelining, a slow reader, and servers that speak first."""

import socket
import ssl
import struct
import time
from typing import Any

from twisted.internet.threads import deferToThread

from tests.interop.cases import InteropCase
from tests.interop.origins import BLOCK, Talk


class RawTests(InteropCase):
    """Bytes in, bytes out."""

    async def test_half_close(self) -> None:
        """A client that half-closes after a whole request gets its whole answer, then the end."""
        origin = self.http_origin()
        await self.start_proxy()

        def talk() -> bytes:
            client = self.connect()
            host = f"127.0.0.1:{origin.port}"
            client.send(f"GET http://{host}/slow HTTP/1.1\r\nHost: {host}\r\n\r\n".encode())
            client.half_close()
            return client.read_all()

        answer = await deferToThread(talk)
        self.assertTrue(answer.startswith(b"HTTP/1.1 200 OK\r\n"), answer)
        self.assertTrue(answer.endswith(b"\r\n\r\nlate"), answer)

    async def test_half_close_tunnel(self) -> None:
        """In a tunnel of other bytes a half-close reaches the server as one, and the server can still answer."""

        def answer(talk: Talk) -> None:
            talk.send(b"got %d" % len(talk.read_all()))

        origin = self.raw_origin(answer)
        await self.start_proxy()

        def talk() -> tuple[bytes, bytes]:
            client = self.connect()
            client.send(f"CONNECT 127.0.0.1:{origin.port} HTTP/1.1\r\nHost: 127.0.0.1:{origin.port}\r\n\r\n".encode())
            head = client.read_head()
            client.send(b"\x00\x01binary" + b"n" * 1000)
            client.half_close()
            return head, client.read_all()

        head, rest = await deferToThread(talk)
        self.assertTrue(head.startswith(b"HTTP/1.1 200 "), head)
        self.assertEqual(rest, b"got 1008")

    async def test_server_first(self) -> None:
        """In a tunnel a server that greets is heard by a client that waits."""

        def greet(talk: Talk) -> None:
            talk.send(b"220 hello\r\n")
            talk.send(b"you said " + talk.read_until(b"\n"))

        origin = self.raw_origin(greet)
        await self.start_proxy()

        def talk() -> tuple[bytes, bytes]:
            client = self.connect()
            client.send(f"CONNECT 127.0.0.1:{origin.port} HTTP/1.1\r\nHost: 127.0.0.1:{origin.port}\r\n\r\n".encode())
            client.read_head()
            greeting = client.read_until(b"\n")
            client.send(b"EHLO\r\n")
            return greeting, client.read_all()

        self.assertEqual(await deferToThread(talk), (b"220 hello\r\n", b"you said EHLO\r\n"))

    async def test_pipelined(self) -> None:
        """Fifty requests in one segment are answered in their order, on one connection."""
        origin = self.http_origin()
        await self.start_proxy()

        def talk() -> list[bytes]:
            client = self.connect()
            host = f"127.0.0.1:{origin.port}"
            client.send("".join(f"GET http://{host}/{n} HTTP/1.1\r\nHost: {host}\r\n\r\n" for n in range(50)).encode())
            bodies = []
            for n in range(50):
                client.read_head()
                bodies.append(client.read_exactly(len(f"GET /{n}")))
            return bodies

        self.assertEqual(await deferToThread(talk), [b"GET /%d" % n for n in range(50)])

    async def test_after_a_slow_reader(self) -> None:
        """When a client has read a large answer late, both connections are good for the next request."""
        origin = self.http_origin()
        await self.start_proxy()
        sizes = [3_000_000 + 333_333 * n for n in range(12)]  # some of them end when the way to the client is full

        def talk() -> list[tuple[int, bytes]]:
            client = self.connect()
            host = f"127.0.0.1:{origin.port}"
            found = []
            for size in sizes:
                client.send(f"GET http://{host}/bytes/{size} HTTP/1.1\r\nHost: {host}\r\n\r\n".encode())
                client.read_head()
                time.sleep(0.05)
                seen = len(client.read_exactly(size))
                client.send(f"GET http://{host}/next HTTP/1.1\r\nHost: {host}\r\n\r\n".encode())
                client.read_head()
                found.append((seen, client.read_exactly(9)))
            return found

        self.assertEqual(await deferToThread(talk), [(size, b"GET /next") for size in sizes])
        self.assertEqual(origin.connections, 1)

    async def test_after_a_slow_server(self) -> None:
        """When a server has read a large upload late, both connections are good for the next request."""
        size = 20_000_000

        def answer(talk: Talk) -> None:
            talk.read_head()
            time.sleep(0.3)  # all buffers on the way are full now
            left = size - len(talk.buffer)
            talk.buffer = b""
            while left:
                left -= len(talk.socket.recv(min(left, 65536)))
            talk.send(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
            talk.read_head()
            talk.send(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nnext")

        origin = self.raw_origin(answer)
        await self.start_proxy()

        def talk() -> tuple[bytes, bytes]:
            client = self.connect()
            host = f"127.0.0.1:{origin.port}"
            client.send(f"PUT http://{host}/ HTTP/1.1\r\nHost: {host}\r\nContent-Length: {size}\r\n\r\n".encode())
            client.send(b"u" * size)
            client.read_head()
            first = client.read_exactly(2)
            client.send(f"GET http://{host}/next HTTP/1.1\r\nHost: {host}\r\n\r\n".encode())
            client.read_head()
            return first, client.read_exactly(4)

        self.assertEqual(await deferToThread(talk), (b"ok", b"next"))

    async def test_reset_in_a_download(self) -> None:
        """
        A client that resets in the middle of a download ends the flow in one error, and the origin is told.
        """
        ended: list[str] = []

        def answer(talk: Talk) -> None:
            talk.read_head()
            talk.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
            try:
                while True:
                    talk.send(b"%x\r\n%b\r\n" % (len(BLOCK), BLOCK))
            except OSError as error:
                ended.append(type(error).__name__)

        events: list[str] = []
        origin = self.raw_origin(answer)
        await self.start_proxy(Events(events))

        def talk() -> None:
            client = self.connect()
            host = f"127.0.0.1:{origin.port}"
            client.send(f"GET http://{host}/ HTTP/1.1\r\nHost: {host}\r\n\r\n".encode())
            client.read_exactly(300_000)
            client.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            client.close()
            for thread in origin._threads:
                thread.join(10)

        await deferToThread(talk)
        self.assertEqual(len(ended), 1)
        await self.service.stopService()
        self.assertEqual(events, ["requestheaders", "request", "responseheaders", "error", "clientdisconnect"])


class CutTests(InteropCase):
    """TLS connections that are closed by a FIN alone, as many programs do."""

    def _inside_tls(self, port: int) -> Talk:
        """A connection through a tunnel, in TLS on top; in a thread."""
        client = self.connect()
        client.send(f"CONNECT localhost:{port} HTTP/1.1\r\nHost: localhost:{port}\r\n\r\n".encode())
        client.read_head()
        context = ssl.create_default_context(cafile=self.ca)
        context.set_alpn_protocols(["acme/1"])
        client.socket = context.wrap_socket(client.socket, server_hostname="localhost", suppress_ragged_eofs=False)
        return client

    async def test_server_cuts(self) -> None:
        """What the server said before reaches the client, which can tell that the rest is missing."""

        def answer(talk: Talk) -> None:
            talk.send(b"pong " + talk.read_until(b"\n"))

        origin = self.raw_origin(answer, is_tls=True, alpn=["acme/1"])
        await self.start_proxy()

        def talk() -> tuple[bytes, bool]:
            client = self._inside_tls(origin.port)
            client.send(b"ping\n")
            answer = client.read_exactly(10)
            try:
                return answer, bool(client.socket.recv(1))
            except ssl.SSLEOFError:
                return answer, True
            finally:
                client.close()

        for _ in range(10):
            self.assertEqual(await deferToThread(talk), (b"pong ping\n", True))

    async def test_client_cuts(self) -> None:
        """What the client said before reaches the server."""
        heard: list[bytes] = []
        origin = self.raw_origin(lambda talk: heard.append(talk.read_exactly(300_000)), is_tls=True, alpn=["acme/1"])
        await self.start_proxy()

        def talk() -> None:
            client = self._inside_tls(origin.port)
            client.send(b"m" * 300_000)
            client.half_close()  # of TCP; closing at once would reset, because session tickets are unread
            for thread in origin._threads:
                thread.join(10)

        for _ in range(5):
            await deferToThread(talk)
        self.assertEqual([len(one) for one in heard], [300_000] * 5)


class Events:
    """Writes down the names of events; takes no body, so that all stream."""

    wants_body = False

    def __init__(self, events: list[str]) -> None:
        self._events = events

    def requestheaders(self, flow: Any) -> None:
        self._events.append("requestheaders")

    def request(self, flow: Any) -> None:
        self._events.append("request")

    def responseheaders(self, flow: Any) -> None:
        self._events.append("responseheaders")

    def response(self, flow: Any) -> None:
        self._events.append("response")

    def error(self, flow: Any) -> None:
        self._events.append("error")

    def clientdisconnect(self, root_layer: Any) -> None:
        self._events.append("clientdisconnect")
