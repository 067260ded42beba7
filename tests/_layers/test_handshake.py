"""Tests for L{mitmtw._layers.handshake}."""

from twisted.trial.unittest import SynchronousTestCase

from mitmtw._layers.handshake import Handshake
from mitmtw._wire.events import RequestHead
from mitmtw._wire.http1_read import read_request_head
from mitmtw._wire.websocket_handshake import accept_key
from mitmtw.errors import RemoteProtocolError
from mitmtw.model import Request, Response

KEY = b"dGhlIHNhbXBsZSBub25jZQ=="  # RFC 6455 section 1.3
OTHER_KEY = b"AQIDBAUGBwgJCgsMDQ4PEA=="
FIELDS = [
    (b"Host", b"example.com"),
    (b"Upgrade", b"websocket"),
    (b"Connection", b"Upgrade"),
    (b"Sec-WebSocket-Key", KEY),
    (b"Sec-WebSocket-Version", b"13"),
]


def head(*fields: tuple[bytes, bytes], line: bytes = b"GET / HTTP/1.1", left_out: bytes = b"") -> RequestHead:
    """A head with the usual fields but one, and more."""
    pairs = [pair for pair in FIELDS if pair[0] != left_out] + list(fields)
    return read_request_head(b"\r\n".join([line, *map(b": ".join, pairs)]), 100)


def request(*fields: tuple[bytes, bytes], left_out: bytes = b"") -> Request:
    """A request with the usual fields but one, and more."""
    made = Request.make("GET", "http://example.com/")
    made.headers.raw = [pair for pair in FIELDS if pair[0] != left_out] + list(fields)
    return made


def response(*fields: tuple[bytes, bytes], key: bytes = KEY) -> Response:
    """A server's answer."""
    made = Response.make(101)
    made.headers.raw = [
        (b"Upgrade", b"websocket"),
        (b"Connection", b"Upgrade"),
        (b"Sec-WebSocket-Accept", accept_key(key)),
        *fields,
    ]
    return made


class OfTests(SynchronousTestCase):
    """Which requests are handshakes."""

    def begun(self, head: RequestHead) -> Handshake:
        """The handshake that there must be."""
        handshake = Handshake.of(head)
        assert handshake is not None
        return handshake

    def test_others(self) -> None:
        """Other methods, versions of HTTP and upgrades, and requests without one, are none."""
        for other in (
            head(line=b"POST / HTTP/1.1"),
            head(line=b"GET / HTTP/1.0"),
            head(left_out=b"Upgrade"),
            head(left_out=b"Connection"),
            head((b"Upgrade", b"websockets"), left_out=b"Upgrade"),
        ):
            self.assertIsNone(Handshake.of(other))

    def test_case(self) -> None:
        """Upgrade is a list, and case does not matter."""
        self.begun(head((b"Upgrade", b"other, WebSocket"), left_out=b"Upgrade"))

    def test_bad(self) -> None:
        """What asks badly is refused, with a status that says how."""
        for bad, status in (
            (head(left_out=b"Sec-WebSocket-Version"), 426),
            (head((b"Sec-WebSocket-Version", b"8"), left_out=b"Sec-WebSocket-Version"), 426),
            (head(left_out=b"Sec-WebSocket-Key"), 400),
            (head((b"Sec-WebSocket-Protocol", b"a, a")), 400),
            (head((b"Sec-WebSocket-Extensions", b";")), 400),
        ):
            error = self.assertRaises(RemoteProtocolError, Handshake.of, bad)
            self.assertEqual(error.http_status, status)

    def test_extensions(self) -> None:
        """What we could not read is left out of what is sent; what addons hold is another object, and stays."""
        offer = (b"Sec-WebSocket-Extensions", b"x-other, permessage-deflate")
        handshake = self.begun(head(offer))
        sent = request(offer)
        handshake.sending(sent)
        self.assertEqual(sent.headers["Sec-WebSocket-Extensions"], "permessage-deflate")
        handshake.answered(response((b"Sec-WebSocket-Extensions", b"permessage-deflate")))
        self.assertIsNotNone(handshake.server)

    def test_answer_to_what_was_sent(self) -> None:
        """The server's answer is held against the request that it got."""
        handshake = self.begun(head())
        handshake.sending(request((b"Sec-WebSocket-Key", OTHER_KEY), left_out=b"Sec-WebSocket-Key"))
        error = self.assertRaises(RemoteProtocolError, handshake.answered, response())
        self.assertEqual(error.http_status, 502)
        handshake.answered(response(key=OTHER_KEY))

    def test_answering(self) -> None:
        """The client is answered for its own key, and told of nothing that it did not ask for."""
        handshake = self.begun(head((b"Sec-WebSocket-Protocol", b"a, b")))
        answer = response(
            (b"Sec-WebSocket-Protocol", b"c"), (b"Sec-WebSocket-Extensions", b"permessage-deflate"), key=OTHER_KEY
        )
        handshake.answering(answer)
        self.assertEqual(answer.headers["Sec-WebSocket-Accept"], accept_key(KEY).decode())
        self.assertNotIn("Sec-WebSocket-Protocol", answer.headers)
        self.assertNotIn("Sec-WebSocket-Extensions", answer.headers)
        self.assertIsNone(handshake.client)

    def test_answering_what_was_asked(self) -> None:
        """What it asked for it is told."""
        fields = ((b"Sec-WebSocket-Protocol", b"b"), (b"Sec-WebSocket-Extensions", b"permessage-deflate"))
        handshake = self.begun(head((b"Sec-WebSocket-Protocol", b"a, b"), fields[1]))
        answer = response(*fields)
        before = list(answer.headers.raw)
        handshake.answering(answer)
        self.assertEqual(answer.headers.raw, before)
        self.assertIsNotNone(handshake.client)

    def test_no_websocket_any_more(self) -> None:
        """A request out of which an addon took the upgrade goes as it is; 101 is then no answer to it."""
        handshake = self.begun(head())
        sent = request((b"Sec-WebSocket-Extensions", b"x-other"), left_out=b"Upgrade")
        before = list(sent.headers.raw)
        handshake.sending(sent)
        self.assertEqual(sent.headers.raw, before)
        self.assertRaises(RemoteProtocolError, handshake.answered, response())

    def test_made_bad(self) -> None:
        """What an addon made of it is checked."""
        handshake = self.begun(head())
        bad = request((b"Sec-WebSocket-Key", b"x"), left_out=b"Sec-WebSocket-Key")
        self.assertRaises(RemoteProtocolError, handshake.sending, bad)
