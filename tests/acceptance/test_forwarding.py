"""What a proxy does to messages on their way, and what it leaves alone."""

from twisted.internet.protocol import ClientFactory

from mitmtw.testing import Peer, Recorder
from tests.acceptance.base import GET, OK, Acceptance, answer, request

RAW_FIELDS = (
    "hOsT: example.com",
    "X-Twice: 1",
    "accept:  padded \t",
    "x-twice: 2",
    "Cookie: a=b",
    "Cookie: c=d",
    "X-Empty:",
    "X-Latin: \xe9",
)


class FieldTests(Acceptance):
    """Fields of requests and responses."""

    def test_order_case_and_duplicates(self) -> None:
        """Fields go up and down byte for byte, in their order, whether addons look or not."""
        asked = "\r\n".join(["GET http://example.com/a%2Fb?q=%20 HTTP/1.1", *RAW_FIELDS, "", ""]).encode("latin-1")
        wanted = asked.replace(b"http://example.com", b"").replace(b"accept:  padded \t", b"accept: padded")
        wanted = wanted.replace(b"X-Empty:\r\n", b"X-Empty: \r\n")
        reply = answer(b"hi", "SERVER: x", "Set-Cookie: a=1", "set-cookie: b=2", "Content-length: 2", "X-After: 1")
        for addons in ((), (Recorder(),)):
            harness = self.proxy(*addons)
            origin = harness.origin("example.com", 80, reply)
            client = self.send(harness, asked)
            self.assertEqual(origin.received, wanted)
            self.assertEqual(client.received, reply)

    def test_hop_by_hop(self) -> None:
        """Fields of the connection, and those that Connection names, are not forwarded."""
        fields = (
            "Connection: close, X-Named",
            "X-Named: 1",
            "Keep-Alive: 5",
            "Proxy-Connection: keep-alive",
            "TE: gzip",
        )
        harness = self.proxy()
        origin = harness.origin("example.com", 80, answer(b"hi", "Connection: X-Other", "X-Other: 1", "Keep-Alive: 3"))
        client = self.send(harness, request("GET", "/", *fields, "Proxy-Authorization: Basic eDp5", "X-Kept: 1"))
        self.assertEqual(origin.received, b"GET / HTTP/1.1\r\nHost: example.com\r\nX-Kept: 1\r\n\r\n")
        self.assertEqual(client.received, b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nhi")

    def test_close_of_the_client_keeps_the_pool(self) -> None:
        """A client's Connection: close closes its own connection, not the server's."""
        harness = self.proxy()
        origin = self.origin(harness)
        for _ in range(3):
            client = self.send(harness, request("GET", "/", "Connection: close"))
            self.assertTrue(client.has_ended)
        self.assertEqual(len(origin.peers), 1)
        self.assertNotIn(b"lose", origin.received)

    def test_te_trailers(self) -> None:
        """TE: trailers goes on with its connection option, for trailers do; any other TE is for us alone."""
        harness = self.proxy()
        origin = self.origin(harness)
        self.send(harness, request("GET", "/", "TE: trailers", "Connection: TE"))
        self.assertTrue(origin.received.endswith(b"\r\nTE: trailers\r\nConnection: TE\r\n\r\n"))

    def test_proxy_authenticate_of_servers(self) -> None:
        """Fields of responses that we do not know are left alone."""
        reply = answer(b"", "Strict-Transport-Security: max-age=1", "Alt-Svc: h3")
        harness = self.proxy()
        harness.origin("example.com", 80, reply)
        self.assertEqual(self.send(harness, GET).received, reply)

    def test_no_via_by_default(self) -> None:
        """Nothing tells of us."""
        harness = self.proxy()
        origin = self.origin(harness)
        self.send(harness, GET)
        self.assertEqual(origin.received, b"GET / HTTP/1.1\r\nHost: example.com\r\n\r\n")

    def test_via_by_option(self) -> None:
        """By option, Via is added after the client's own."""
        harness = self.proxy(via_header=True)
        origin = self.origin(harness)
        self.send(harness, request("GET", "/", "Via: 1.0 before"))
        self.assertIn(b"\r\nVia: 1.0 before\r\nVia: 1.1 mitmtw\r\n", origin.received)

    def test_x_forwarded_for_by_option(self) -> None:
        """By option, the client's address is added to X-Forwarded-For."""
        harness = self.proxy(x_forwarded_for=True)
        origin = self.origin(harness)
        self.send(harness, GET)
        self.assertIn(b"\r\nX-Forwarded-For: 127.0.0.1\r\n", origin.received)
        self.send(harness, request("GET", "/", "X-Forwarded-For: 192.0.2.9"))
        self.assertIn(b"\r\nX-Forwarded-For: 192.0.2.9, 127.0.0.1\r\n", origin.received)

    def test_options_do_not_change_the_flow(self) -> None:
        """What we add is on the wire, not in the flow that addons keep."""
        recorder = Recorder()
        harness = self.proxy(recorder, via_header=True)
        self.origin(harness)
        self.send(harness, GET)
        self.assertNotIn("Via", recorder.flow.request.headers)


class TargetTests(Acceptance):
    """Where a request goes."""

    def test_absolute_form_against_host(self) -> None:
        """A Host field that names another host than the URL is refused with 400, not repaired."""
        recorder = Recorder()
        harness = self.proxy(recorder)
        client = self.send(harness, b"GET http://example.com/ HTTP/1.1\r\nHost: other.example\r\n\r\n")
        self.assertTrue(client.received.startswith(b"HTTP/1.1 400 "))
        self.assertIsNone(recorder.last("error").request)
        self.assertTrue(client.has_ended)

    def test_host_with_the_default_port(self) -> None:
        """The default port may be said in one of them only, and the case does not matter."""
        harness = self.proxy()
        origin = self.origin(harness)
        client = self.send(harness, b"GET http://Example.com/ HTTP/1.1\r\nHost: example.COM:80\r\n\r\n")
        self.assertEqual(client.received, OK)
        self.assertIn(b"\r\nHost: example.COM:80\r\n", origin.received)

    def test_host_missing(self) -> None:
        """HTTP/1.1 without Host is refused; an HTTP/1.0 request gets one on its way."""
        harness = self.proxy()
        origin = self.origin(harness)
        client = self.send(harness, b"GET http://example.com/ HTTP/1.1\r\n\r\n")
        self.assertTrue(client.received.startswith(b"HTTP/1.1 400 "))
        self.send(harness, b"GET http://example.com/ HTTP/1.0\r\n\r\n")
        self.assertEqual(origin.received, b"GET / HTTP/1.1\r\nHost: example.com\r\n\r\n")

    def test_host_removed_by_an_addon(self) -> None:
        """A Host field that an addon took away comes back: the server must have one."""
        harness = self.proxy(Recorder(request=lambda flow: flow.request.headers.pop("host")))
        origin = self.origin(harness)
        self.send(harness, GET)
        self.assertEqual(origin.received, b"GET / HTTP/1.1\r\nHost: example.com\r\n\r\n")

    def test_origin_form(self) -> None:
        """A path alone does not say where it goes: 400, with words that help."""
        client = self.send(self.proxy(), b"GET / HTTP/1.1\r\nHost: example.com\r\n\r\n")
        self.assertTrue(client.received.startswith(b"HTTP/1.1 400 "))
        self.assertIn(b"proxy", client.received)

    def test_options_asterisk(self) -> None:
        """OPTIONS of a URL without a path asks about the server as a whole; with one about the resource."""
        harness = self.proxy()
        origin = self.origin(harness)
        for url, target in ((b"http://example.com", b"*"), (b"http://example.com/", b"/")):
            self.send(harness, b"OPTIONS " + url + b" HTTP/1.1\r\nHost: example.com\r\n\r\n")
            self.assertTrue(origin.peer.take().startswith(b"OPTIONS " + target + b" HTTP/1.1\r\n"))

    def test_url_without_a_path(self) -> None:
        """Other methods get a slash; a query without a path keeps its query."""
        harness = self.proxy()
        origin = self.origin(harness)
        for url, target in ((b"http://example.com", b"/"), (b"http://example.com?q", b"/?q")):
            self.send(harness, b"GET " + url + b" HTTP/1.1\r\nHost: example.com\r\n\r\n")
            self.assertTrue(origin.peer.take().startswith(b"GET " + target + b" HTTP/1.1\r\n"))

    def test_other_schemes(self) -> None:
        """The scheme ftp is not served; https in absolute form is spoken to in TLS."""
        harness = self.proxy()
        origin = harness.tls_origin("example.com", 443, OK)
        client = self.send(harness, b"GET ftp://example.com/ HTTP/1.1\r\nHost: example.com\r\n\r\n")
        self.assertTrue(client.received.startswith(b"HTTP/1.1 400 "))
        client = self.send(harness, b"GET https://example.com/ HTTP/1.1\r\nHost: example.com\r\n\r\n")
        self.assertEqual(client.received, OK)
        self.assertEqual(origin.received, b"GET / HTTP/1.1\r\nHost: example.com\r\n\r\n")

    def test_user_information(self) -> None:
        """Credentials in a URL are refused, and not repeated in the page."""
        client = self.send(self.proxy(), b"GET http://user:secret@example.com/ HTTP/1.1\r\nHost: example.com\r\n\r\n")
        self.assertTrue(client.received.startswith(b"HTTP/1.1 400 "))
        self.assertNotIn(b"secret", client.received)


class MaxForwardsTests(Acceptance):
    """Max-Forwards of TRACE and OPTIONS."""

    def test_trace_zero(self) -> None:
        """0: we answer, with the request but for its credentials."""
        recorder = Recorder()
        harness = self.proxy(recorder)
        origin = self.origin(harness)
        client = self.send(harness, request("TRACE", "/x", "Max-Forwards: 0", "Cookie: secret", "X-Kept: 1"))
        self.assertEqual(origin.peers, [])
        self.assertIn(b"\r\nContent-Type: message/http\r\n", client.received)
        self.assertIn(b"\r\nX-Kept: 1\r\n", client.received)
        self.assertNotIn(b"secret", client.received)
        self.assertEqual(recorder.trace[-2:], ["responseheaders", "response"])

    def test_options_zero(self) -> None:
        """0: we answer with Allow."""
        harness = self.proxy()
        client = self.send(harness, request("OPTIONS", "/", "Max-Forwards: 0"))
        self.assertIn(b"\r\nAllow: GET", client.received)

    def test_one_less(self) -> None:
        """More: one less goes up; other methods keep theirs."""
        harness = self.proxy()
        origin = self.origin(harness)
        for method, left in (("TRACE", b"4"), ("OPTIONS", b"4"), ("GET", b"5")):
            self.send(harness, request(method, "/", "Max-Forwards: 5"))
            self.assertIn(b"\r\nMax-Forwards: " + left + b"\r\n", origin.peer.take())


class LoopTests(Acceptance):
    """Requests for ourselves."""

    def test_by_literal(self) -> None:
        """Our own address: 508, nothing is connected."""
        recorder = Recorder()
        harness = self.proxy(recorder)
        client = self.send(harness, request(host="127.0.0.1:8080"))
        self.assertTrue(client.received.startswith(b"HTTP/1.1 508 Loop Detected\r\n"))
        self.assertEqual(harness.network.attempts, [("127.0.0.1", 8080)])  # the client's own
        self.assertEqual((recorder.count("error"), recorder.count("response")), (1, 0))

    def test_by_name(self) -> None:
        """A name that resolves to it: the same."""
        harness = self.proxy()
        harness.network.names["me.example"] = ["127.0.0.1"]
        client = self.send(harness, request(host="me.example:8080"))
        self.assertTrue(client.received.startswith(b"HTTP/1.1 508 "))
        self.assertEqual(len(harness.network.attempts), 1)

    def test_by_connect(self) -> None:
        """A tunnel to ourselves: 508 when something is asked in it."""
        harness = self.proxy()
        client = self.send(harness, b"CONNECT localhost:8080 HTTP/1.1\r\nHost: localhost:8080\r\n\r\n")
        client.take()
        client.send(b"GET / HTTP/1.1\r\nHost: localhost:8080\r\n\r\n")
        harness.pump()
        self.assertTrue(client.received.startswith(b"HTTP/1.1 508 "))

    def test_another_address_of_this_machine(self) -> None:
        """A listener on all addresses is at each of this machine's, known by the two ends of a connection."""
        recorder = Recorder(serverconnect=lambda conn: setattr(conn, "source_address", ("192.0.2.50", 0)))
        harness = self.proxy(recorder, listen=["tcp:8080"])
        client = self.send(harness, request(host="192.0.2.50:8080"))
        self.assertTrue(client.received.startswith(b"HTTP/1.1 508 "))
        self.assertEqual(recorder.count("requestheaders"), 1)

    def test_another_service_at_the_same_port(self) -> None:
        """A service at our port but at another address is no loop, whatever its name."""
        harness = self.proxy(listen=["tcp:8080:interface=192.0.2.50"])
        self.origin(harness, host="127.0.0.1", port=8080)
        peer = Peer()
        harness.network.connectTCP("192.0.2.50", 8080, ClientFactory.forProtocol(lambda: peer))
        harness.pump()
        peer.send(request(host="localhost:8080"))
        harness.pump()
        self.assertEqual(peer.received, OK)

    def test_another_port(self) -> None:
        """Another port of the same host is no loop."""
        harness = self.proxy()
        self.origin(harness, host="127.0.0.1", port=9000)
        self.assertEqual(self.send(harness, request(host="127.0.0.1:9000")).received, OK)


class PageTests(Acceptance):
    """The pages that we write."""

    def page(self, *fields: str) -> bytes:
        """The page of a name that cannot be resolved."""
        client = self.send(self.proxy(), request("GET", "/<path>", *fields, host="no-such.example"))
        self.assertTrue(client.received.startswith(b"HTTP/1.1 502 Bad Gateway\r\n"))
        return client.received

    def test_text(self) -> None:
        """Plain text that names the cause."""
        page = self.page()
        self.assertIn(b"\r\nContent-Type: text/plain; charset=utf-8\r\n", page)
        self.assertIn(b"no-such.example:80 cannot be resolved", page)

    def test_html(self) -> None:
        """HTML for who accepts it."""
        page = self.page("Accept: text/html,application/xhtml+xml,*/*;q=0.8")
        self.assertIn(b"\r\nContent-Type: text/html; charset=utf-8\r\n", page)
        self.assertIn(b"no-such.example:80 cannot be resolved", page)

    def test_no_request_fields(self) -> None:
        """No field of the request, and no path, is on it."""
        page = self.page("Accept: text/html", "Cookie: secret", "Authorization: secret", "User-Agent: secret")
        self.assertNotIn(b"secret", page)
        self.assertNotIn(b"<path>", page)

    def test_escaped(self) -> None:
        """What a server said is escaped."""
        harness = self.proxy(Recorder(serverconnect=lambda conn: setattr(conn, "error", "<script>alert(1)</script>")))
        client = self.send(harness, request("GET", "/", "Accept: text/html"))
        self.assertIn(b"&lt;script&gt;", client.received)
        self.assertNotIn(b"<script>", client.received)

    def test_connection_stays(self) -> None:
        """After a page for a server that failed, the client's connection can be used again."""
        harness = self.proxy()
        self.origin(harness)
        client = self.send(harness, request(host="no-such.example"))
        client.take()
        client.send(GET)
        harness.pump()
        self.assertEqual(client.received, OK)

    def test_head(self) -> None:
        """To HEAD no page is sent, only its length."""
        client = self.send(self.proxy(), request("HEAD", host="no-such.example"))
        self.assertTrue(client.received.endswith(b"\r\n\r\n"))
        self.assertIn(b"\r\nContent-Length: ", client.received)
