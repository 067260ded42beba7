"""The same fields again on one connection: what was remembered of them must never stand for something else."""

from typing import Any

from mitmtw.testing import Harness, Origin, Recorder
from tests.acceptance.base import OK, Acceptance, answer, request

FIELDS = ("Accept: */*", "Connection: keep-alive", "Cookie: a=b")
FIRST, SECOND = request("GET", "/1", *FIELDS), request("GET", "/2", *FIELDS)


class RepeatedTests(Acceptance):
    """Two or three exchanges on one connection."""

    def heads_of(self, origin: Origin) -> list[bytes]:
        """The heads that the origin got."""
        return origin.received.split(b"\r\n\r\n")[:-1]

    def exchanges(self, harness: Harness, *requests: bytes) -> bytes:
        """Send one request after the other on one connection; @return: all answers."""
        client = harness.client()
        for each in requests:
            client.send(each)
            harness.pump()
        return bytes(client.received)

    def test_only_the_first_line_differs(self) -> None:
        """A repeated head goes out with its own target, and otherwise as the first did, whoever listens."""
        for addons in ((), (Recorder(),)):
            harness = self.proxy(*addons)
            origin = harness.origin("example.com", 80, OK)
            self.assertEqual(self.exchanges(harness, FIRST, SECOND), OK + OK)
            one, two = self.heads_of(origin)
            self.assertEqual(one, b"GET /1 HTTP/1.1\r\nHost: example.com\r\nAccept: */*\r\nCookie: a=b")
            self.assertEqual(two, one.replace(b"GET /1", b"GET /2"))

    def test_other_method_and_length(self) -> None:
        """The same fields with a method that an addon changed go out with that method."""

        def change(flow: Any) -> None:
            if flow.request.path == "/2":
                flow.request.method = "PUT"

        harness = self.proxy(Recorder(request=change))
        origin = harness.origin("example.com", 80, OK)
        self.exchanges(harness, FIRST, SECOND)
        self.assertEqual([head.split(b" ")[0] for head in self.heads_of(origin)], [b"GET", b"PUT"])

    def test_changed_request(self) -> None:
        """What an addon does to the fields of one request shows in that one alone."""

        def change(flow: Any) -> None:
            if flow.request.path == "/2":
                flow.request.headers["X-Added"] = "1"
                del flow.request.headers["Accept"]

        harness = self.proxy(Recorder(request=change))
        origin = harness.origin("example.com", 80, OK)
        self.exchanges(harness, FIRST, SECOND, FIRST)
        one, two, three = self.heads_of(origin)
        self.assertEqual((b"X-Added: 1" in two, b"Accept" in two, three), (True, False, one))

    def test_changed_response(self) -> None:
        """The same for a response, and for its body, whose length is another then."""

        def change(flow: Any) -> None:
            if flow.request.path == "/2":
                flow.response.headers["X-Added"] = "1"
                flow.response.content = b"longer than it was"

        harness = self.proxy(Recorder(response=change))
        harness.origin("example.com", 80, OK)
        changed = answer(b"longer than it was", "Content-Length: 18", "X-Added: 1")
        self.assertEqual(self.exchanges(harness, FIRST, SECOND, FIRST), OK + changed + OK)

    def test_changed_body(self) -> None:
        """A body that is changed below the fields' knowledge gets its own length."""

        def change(flow: Any) -> None:
            if flow.request.path == "/2":
                flow.response.collected(b"abc")

        harness = self.proxy(Recorder(response=change))
        harness.origin("example.com", 80, OK)
        self.assertEqual(self.exchanges(harness, FIRST, SECOND, FIRST), OK + answer(b"abc") + OK)

    def test_other_connection_field(self) -> None:
        """The same answer to a client that stays, and to one that wants to close."""
        harness = self.proxy()
        harness.origin("example.com", 80, OK)
        self.assertNotIn(b"Connection", self.exchanges(harness, FIRST, SECOND))
        last = self.exchanges(harness, request("GET", "/3", "Connection: close"))
        self.assertIn(b"\r\nConnection: close\r\n", last)

    def test_single_use(self) -> None:
        """A change of an option shows in the next head."""
        harness = self.proxy()
        origin = harness.origin("example.com", 80, OK)
        client = harness.client()
        client.send(FIRST)
        harness.pump()
        harness.options.apply({"upstream_pool": "off"})
        for connection in list(origin.peers):
            connection.close()
        harness.pump()
        client.send(SECOND)
        harness.pump()
        one, two = (peer.received for peer in origin.peers)
        self.assertEqual((b"Connection" in one, b"Connection: close" in two), (False, True))

    def test_fields_of_another_request(self) -> None:
        """Fields that an addon takes from another request do not bring that one's head along."""
        kept: list[Any] = []

        def change(flow: Any) -> None:
            if kept:
                flow.request.headers = kept[0].headers
            kept.append(flow.request)

        harness = self.proxy(Recorder(request=change))
        origin = harness.origin("example.com", 80, OK)
        upgrade = request("GET", "/2", "Connection: Upgrade", "Upgrade: x")
        self.exchanges(harness, FIRST, upgrade)
        self.assertIn(b"Cookie: a=b", self.heads_of(origin)[1])

    def test_credentials(self) -> None:
        """A proxy's credentials go to no server, the first time or the second."""
        harness = self.proxy()
        origin = harness.origin("example.com", 80, OK)
        secret = request("GET", "/", "Proxy-Authorization: Basic eDp5")
        self.exchanges(harness, secret, secret)
        self.assertNotIn(b"Basic", origin.received)
