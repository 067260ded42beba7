"""Tests of L{mitmtw._wire.websocket_handshake}."""

from twisted.trial.unittest import SynchronousTestCase

from mitmtw._wire.websocket_agreement import DeflateParameters
from mitmtw._wire.websocket_extensions import Extension
from mitmtw._wire.websocket_handshake import (
    HandshakeRequest,
    HandshakeResponse,
    accept_key,
    check_request,
    check_response,
    is_websocket_request,
    known_extensions,
    set_value,
)
from mitmtw.errors import RemoteProtocolError

KEY, ACCEPT = b"dGhlIHNhbXBsZSBub25jZQ==", b"s3pPLMBiTxaQ9kYGzzhZRbK+xOo="  # RFC 6455 section 1.3

Pairs = list[tuple[bytes, bytes]]


def request(**values: bytes | None) -> Pairs:
    """The fields of a request; some with other values, or left out."""
    fields: dict[str, bytes | None] = {
        "Host": b"a.example",
        "Upgrade": b"websocket",
        "Connection": b"keep-alive, Upgrade",
        "Sec-WebSocket-Key": KEY,
        "Sec-WebSocket-Version": b"13",
    }
    fields |= {name.replace("_", "-"): value for name, value in values.items()}
    return [(name.encode(), value) for name, value in fields.items() if value is not None]


def response(**values: bytes | None) -> Pairs:
    """The fields of a response; some with other values, or left out."""
    fields: dict[str, bytes | None] = {
        "upgrade": b"WebSocket",
        "connection": b"upgrade",
        "sec-websocket-accept": ACCEPT,
    }
    fields |= {name.replace("_", "-"): value for name, value in values.items()}
    return [(name.encode(), value) for name, value in fields.items() if value is not None]


class RecogniseTests(SynchronousTestCase):
    def test_yes(self) -> None:
        """The request of section 1.2, in any case and with other options and protocols beside."""
        self.assertTrue(is_websocket_request(b"GET", b"HTTP/1.1", request()))
        other = request(Upgrade=b"h2c, WEBSOCKET", Connection=b"UPGRADE")
        self.assertTrue(is_websocket_request(b"GET", b"HTTP/1.1", other))
        self.assertTrue(is_websocket_request(b"GET", b"HTTP/1.1", request(Sec_WebSocket_Key=b"bad")))

    def test_no(self) -> None:
        """Another method or version, and requests of which a part is missing."""
        self.assertFalse(is_websocket_request(b"POST", b"HTTP/1.1", request()))
        self.assertFalse(is_websocket_request(b"GET", b"HTTP/1.0", request()))
        for values in (
            {"Upgrade": None},
            {"Upgrade": b"h2c"},
            {"Connection": None},
            {"Connection": b"close"},
            {"Sec_WebSocket_Version": b"8"},
            {"Sec_WebSocket_Version": None},
            {"Sec_WebSocket_Key": None},
        ):
            self.assertFalse(is_websocket_request(b"GET", b"HTTP/1.1", request(**values)), values)


class CheckRequestTests(SynchronousTestCase):
    def test_good(self) -> None:
        """Key, subprotocols in order, extensions; several fields are one list."""
        fields = request(
            Sec_WebSocket_Protocol=b"chat, superchat,", Sec_WebSocket_Extensions=b"permessage-deflate, foo; x=1"
        )
        fields.append((b"SEC-WEBSOCKET-PROTOCOL", b"more"))
        extensions = (Extension(b"permessage-deflate"), Extension(b"foo", ((b"x", b"1"),)))
        expected = HandshakeRequest(KEY, (b"chat", b"superchat", b"more"), extensions)
        self.assertEqual(check_request(fields), expected)
        self.assertEqual(check_request(request()), HandshakeRequest(KEY, (), ()))

    def test_bad(self) -> None:
        """Each fault has its status."""
        rows: tuple[tuple[int, Pairs], ...] = (
            (400, request(Upgrade=b"h2c")),
            (400, request(Connection=b"keep-alive")),
            (426, request(Sec_WebSocket_Version=b"8")),
            (426, request(Sec_WebSocket_Version=None)),
            (426, [*request(), (b"Sec-WebSocket-Version", b"13")]),
            (400, request(Sec_WebSocket_Key=None)),
            (400, [*request(), (b"sec-websocket-key", KEY)]),
            (400, request(Sec_WebSocket_Key=b"dGhlIHNhbXBsZSBub25jZQ")),  # no padding
            (400, request(Sec_WebSocket_Key=b"dGhlIHNhbXBsZSBub25jZR==")),  # bits set that stand for nothing
            (400, request(Sec_WebSocket_Key=b"dGhlIHNhbXBsZSBub25j")),  # 15 octets
            (400, request(Sec_WebSocket_Key=b"dGhlIHNhbXBsZSBub25jZQ== ")),
            (400, request(Sec_WebSocket_Key=b"")),
            (400, request(Sec_WebSocket_Protocol=b"a, b, a")),
            (400, request(Sec_WebSocket_Protocol=b"a b")),
            (400, request(Sec_WebSocket_Extensions=b"a;")),
        )
        for status, fields in rows:
            error = self.assertRaises(RemoteProtocolError, check_request, fields)
            self.assertEqual(error.http_status, status, fields)


class CheckResponseTests(SynchronousTestCase):
    OFFERED = (Extension(b"permessage-deflate"),)

    def test_accept_key(self) -> None:
        """The example of section 1.3."""
        self.assertEqual(accept_key(KEY), ACCEPT)

    def test_good(self) -> None:
        """Nothing chosen; a subprotocol and deflate chosen."""
        self.assertEqual(check_response(response(), KEY, (), ()), HandshakeResponse(None, None))
        fields = response(sec_websocket_protocol=b"b", sec_websocket_extensions=b"permessage-deflate")
        expected = HandshakeResponse(b"b", DeflateParameters())
        self.assertEqual(check_response(fields, KEY, (b"a", b"b"), self.OFFERED), expected)

    def test_bad(self) -> None:
        """What section 4.1 tells a client to refuse; the status is that of a server's fault."""
        rows: tuple[Pairs, ...] = (
            response(upgrade=None),
            response(upgrade=b"h2c"),
            response(connection=None),
            response(connection=b"close"),
            response(sec_websocket_accept=None),
            response(sec_websocket_accept=KEY),
            response(sec_websocket_accept=ACCEPT.lower()),
            [*response(), (b"Sec-WebSocket-Accept", ACCEPT)],
            response(sec_websocket_protocol=b"c"),
            response(sec_websocket_protocol=b"a, b"),
            response(sec_websocket_protocol=b"A"),
            [*response(sec_websocket_protocol=b"a"), (b"sec-websocket-protocol", b"b")],
            response(sec_websocket_extensions=b"foo"),
            response(sec_websocket_extensions=b"permessage-deflate;"),
            response(sec_websocket_extensions=b"permessage-deflate; client_max_window_bits=10"),
        )
        for fields in rows:
            error = self.assertRaises(RemoteProtocolError, check_response, fields, KEY, (b"a", b"b"), self.OFFERED)
            self.assertEqual(error.http_status, 502, fields)

    def test_not_offered(self) -> None:
        """A subprotocol or deflate that nobody asked for."""
        for fields in (response(sec_websocket_protocol=b"a"), response(sec_websocket_extensions=b"permessage-deflate")):
            self.assertRaises(RemoteProtocolError, check_response, fields, KEY, (), ())


class FieldsTests(SynchronousTestCase):
    def test_known_extensions(self) -> None:
        """What cannot be read here is left out and told; offers that are good stay, others must go."""
        fields = request(Sec_WebSocket_Extensions=b"foo; x=1, permessage-deflate; client_max_window_bits")
        fields[1:1] = [(b"sec-websocket-extensions", b"permessage-deflate; y")]
        kept, left_out = known_extensions(fields)
        self.assertEqual([each.name for each in left_out], [b"permessage-deflate", b"foo"])
        expected = request()
        expected[1:1] = [(b"sec-websocket-extensions", b"permessage-deflate; client_max_window_bits")]
        self.assertEqual(kept, expected)

    def test_nothing_left(self) -> None:
        """The field goes when nothing is left of it."""
        kept, left_out = known_extensions(request(Sec_WebSocket_Extensions=b"foo"))
        self.assertEqual((kept, left_out), (request(), [Extension(b"foo")]))

    def test_all_known(self) -> None:
        """Where all is known nothing is touched, not even its spelling."""
        fields = request(Sec_WebSocket_Extensions=b'permessage-deflate;server_max_window_bits="10"')
        self.assertIs(known_extensions(fields)[0], fields)
        self.assertEqual(known_extensions(request()), (request(), []))

    def test_set_value(self) -> None:
        """In the place and spelling of the first one, at the end when there is none, or gone."""
        fields = [(b"a", b"1"), (b"B", b"2"), (b"b", b"3")]
        self.assertEqual(set_value(fields, b"b", b"4"), [(b"a", b"1"), (b"B", b"4")])
        self.assertEqual(set_value(fields, b"C", b"4"), [*fields, (b"C", b"4")])
        self.assertEqual(set_value(fields, b"b", None), [(b"a", b"1")])
        self.assertEqual(len(fields), 3)
