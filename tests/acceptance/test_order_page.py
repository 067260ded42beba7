"""The page that says in which order hooks fire says the truth."""

import re
from pathlib import Path
from typing import Any

from mitmtw._wire.websocket import CLOSE, TEXT
from mitmtw._wire.websocket_handshake import accept_key
from mitmtw._wire.websocket_write import close_frame, write_frame
from mitmtw.model import Response
from mitmtw.testing import Recorder
from tests.acceptance.base import GET, OK, Acceptance, request

_PAGE = Path(__file__).resolve().parent.parent.parent / "docs" / "reference" / "hooks" / "order.rst"
_KEY = "dGhlIHNhbXBsZSBub25jZQ=="
_UPGRADE = request(
    "GET",
    "/",
    "Upgrade: websocket",
    "Connection: Upgrade",
    "Sec-WebSocket-Version: 13",
    f"Sec-WebSocket-Key: {_KEY}",
)
_SWITCHED = (
    b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: %b\r\n\r\n"
    % accept_key(_KEY.encode())
)


def sections() -> dict[str, list[str]]:
    """Titles of the page to the lists under them."""
    text = _PAGE.read_text(encoding="utf-8")
    found = re.findall(r"^([^\n]+)\n-{3,}\n\n::\n\n((?:    \w+\n)+)", text, re.MULTILINE)
    return {title: block.split() for title, block in found}


class OrderPageTests(Acceptance):
    """See the page."""

    def assert_page(self, title: str, trace: list[str]) -> None:
        """The page says under C{title} what happened."""
        self.assertEqual(sections()[title], trace, title)

    def test_all_are_tested(self) -> None:
        """There are thirteen situations, each with a test here."""
        self.assertEqual(len(sections()), 13)

    def test_request(self) -> None:
        """A request, and a second one on the same connection."""
        recorder = Recorder()
        harness = self.proxy(recorder)
        self.origin(harness)
        client = self.send(harness, GET)
        first = len(recorder.trace)
        client.send(GET)
        harness.pump()
        second = recorder.trace[first:]
        del recorder.events[first:]
        client.close()
        harness.pump()
        self.assert_page("A request through the proxy", recorder.trace)
        self.assert_page("A second request on the same connection", second)

    def test_https(self) -> None:
        """HTTPS through CONNECT."""
        recorder = Recorder()
        harness = self.proxy(recorder)
        harness.tls_origin("example.com", 443, OK)
        client = self.send(harness, b"CONNECT example.com:443 HTTP/1.1\r\nHost: example.com:443\r\n\r\n")
        inner = harness.secure(client, "example.com", (b"http/1.1",))
        inner.send(b"GET / HTTP/1.1\r\nHost: example.com\r\n\r\n")
        harness.pump()
        self.assertEqual(inner.received, OK)
        inner.close()
        harness.pump()
        self.assert_page("HTTPS through CONNECT", recorder.trace)

    def _exchange(self, recorder: Recorder, data: bytes = GET, has_origin: bool = True) -> list[str]:
        """The trace of one request of a client that closes after the answer."""
        harness = self.proxy(recorder)
        if has_origin:
            self.origin(harness)
        else:
            harness.network.names["example.com"] = ["192.0.2.9"]
        client = self.send(harness, data)
        harness.advance(1)
        if client.is_connected:
            client.close()
            harness.pump()
        return recorder.trace

    def test_connect_refused(self) -> None:
        """CONNECT with a 403 of an addon."""
        recorder = Recorder(http_connect=lambda flow: setattr(flow, "response", Response.make(403)))
        data = b"CONNECT example.com:443 HTTP/1.1\r\nHost: example.com:443\r\n\r\n"
        self.assert_page("CONNECT is refused by an addon", self._exchange(recorder, data))

    def test_answered(self) -> None:
        """A response of an addon, in either hook."""
        for hook in ("request", "requestheaders"):
            handlers: dict[str, Any] = {hook: lambda flow: setattr(flow, "response", Response.make(200))}
            recorder = Recorder(**handlers)
            self.assert_page(f"An addon answers in ``{hook}``", self._exchange(recorder))

    def test_streamed_upload(self) -> None:
        """request.stream."""
        recorder = Recorder(requestheaders=lambda flow: setattr(flow.request, "stream", True))
        harness = self.proxy(recorder)
        harness.origin("example.com", 80, lambda peer: peer.send(OK) if peer.received.endswith(b"body") else None)
        client = self.send(harness, request("POST", body=b"body"))
        client.close()
        harness.pump()
        self.assert_page("A streamed upload", recorder.trace)

    def test_unreachable(self) -> None:
        """A connection that is refused."""
        self.assert_page("The server cannot be reached", self._exchange(Recorder(), has_origin=False))

    def test_no_request(self) -> None:
        """Bytes that are no request."""
        self.assert_page("What came is no request", self._exchange(Recorder(), b"GET  / HTTP/1.1\r\n\r\n"))

    def test_gone(self) -> None:
        """A client that resets while the server is asked."""
        recorder = Recorder()
        harness = self.proxy(recorder)
        harness.origin("example.com", 80)
        client = self.send(harness, GET)
        client.reset()
        harness.pump()
        self.assert_page("The client goes while the server is asked", recorder.trace)

    def test_killed(self) -> None:
        """A kill."""
        self.assert_page(
            "The flow is killed in ``request``", self._exchange(Recorder(request=lambda flow: flow.kill()))
        )

    def test_websocket(self) -> None:
        """A WebSocket with a message each way and a closing handshake."""
        recorder = Recorder()
        harness = self.proxy(recorder)
        origin = harness.origin("example.com", 80)
        client = self.send(harness, _UPGRADE)
        origin.peer.send(_SWITCHED)
        harness.pump()
        mask = b"\x01\x02\x03\x04"
        client.send(write_frame(TEXT, b"ping", mask=mask))
        origin.peer.send(write_frame(TEXT, b"pong"))
        harness.pump()
        client.send(close_frame(1000, mask=mask))
        harness.pump()
        origin.peer.send(close_frame(1000))
        harness.pump()
        self.assertEqual(recorder.last("websocket_end").close_code, 1000)
        self.assertEqual(client.received[-4] & 0x0F, CLOSE)
        origin.peer.close()
        harness.advance(1)
        self.assert_page("A WebSocket connection", recorder.trace)

    def test_tcp(self) -> None:
        """A server that speaks first, in a tunnel."""
        recorder = Recorder()
        harness = self.proxy(recorder)
        origin = harness.origin("example.com", 25)
        client = self.send(harness, b"CONNECT example.com:25 HTTP/1.1\r\nHost: example.com:25\r\n\r\n")
        harness.advance(0.31)
        origin.peer.send(b"220 hello\r\n")
        harness.pump()
        client.send(b"QUIT\r\n")
        harness.pump()
        client.half_close()
        origin.peer.close()
        harness.advance(1)
        self.assert_page("TCP in a tunnel, the server speaks first", recorder.trace)
