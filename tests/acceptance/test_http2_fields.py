"""Fields between sides of either version, and what addons change."""

from typing import Any

from mitmtw.model import Response
from tests.acceptance.http2_base import Got, HTTP2Case, Scene2, pairs, respond

BIG = bytes(range(256)) * 4096  # 1 MiB


def echo(got: Got) -> None:
    """Answer with the request's body, of no known length."""
    respond(got, 200, "x-method: " + got.method.decode(), body=got.body)


def stream_request(flow: Any) -> None:
    flow.request.stream = True


def stream_response(flow: Any) -> None:
    flow.response.stream = True


class TranslationTests(HTTP2Case):
    """What differs between the versions."""

    def test_host_and_cookies_for_http1(self) -> None:
        """Host is made of the authority and comes first; cookies are joined; names stay in lower case."""
        scene = Scene2(self, 2, 1, reply=echo)
        scene.ask("GET", "/", "cookie: a=1", "x-a: b", "cookie: b=2")
        self.assertEqual(scene.origins.request.fields, pairs("host: example.com", "cookie: a=1; b=2", "x-a: b"))
        self.assertEqual(dict(scene.flow.request.cookies), {"a": "1", "b": "2"})
        self.check_all(scene)

    def test_crumbs_stay_for_http2(self) -> None:
        """Cookies that came apart go on apart where they may."""
        scene = Scene2(self, 2, 2, reply=echo)
        scene.ask("GET", "/", "cookie: a=1", "x-a: b", "cookie: b=2")
        self.assertEqual(scene.origins.request.fields, pairs("cookie: a=1", "x-a: b", "cookie: b=2"))
        self.check_all(scene)

    def test_fields_of_the_connection(self) -> None:
        """What is about an HTTP/1 connection does not reach HTTP/2; Host becomes the authority."""
        scene = Scene2(self, 1, 2, reply=lambda got: respond(got, 200, "content-length: 0"))
        scene.ask("GET", "/", "Connection: x-hop, te", "X-Hop: 1", "Keep-Alive: 5", "TE: trailers", "X-Stays: 2")
        request = scene.origins.request
        self.assertEqual(request.fields, pairs("te: trailers", "x-stays: 2"))
        self.assertEqual(request.authority, b"example.com")
        self.check_all(scene)

    def test_answer_of_http1(self) -> None:
        """What is about the server's HTTP/1 connection does not reach the client."""
        fields = ("Connection: x-hop", "X-Hop: 1", "Keep-Alive: timeout=5", "X-Stays: 2", "Content-Length: 2")
        scene = Scene2(self, 2, 1, reply=lambda got: respond(got, 200, *fields, body=b"hi"))
        got = scene.ask()
        self.assertEqual(got.fields, pairs("x-stays: 2", "content-length: 2"))
        self.check_all(scene)

    def test_until_close(self) -> None:
        """An answer that ends with the server's connection ends the stream."""
        scene = Scene2(self, 2, 1)
        number = scene.client.request()
        scene.harness.pump()
        scene.origins.ends[0].peer.send(b"HTTP/1.1 200 OK\r\n\r\nall of it")
        scene.harness.pump()
        scene.origins.ends[0].peer.close()
        scene.harness.pump()
        got = scene.client.answer(number)
        self.assertEqual((got.body, got.ended, got.reset), (b"all of it", True, None))
        self.check_all(scene)

    def test_authority_and_host_differ_from_the_tunnel(self) -> None:
        """The tunnel decides where a request goes; the authority is passed on."""
        for up in (1, 2):
            scene = Scene2(self, 2, up, is_tls=True, reply=echo)
            scene.client.authority = b"other.example:8443"
            scene.ask()
            self.assertEqual(scene.origins.request.authority, b"other.example:8443")
            self.assertEqual(scene.flow.request.host, "example.com")
            self.assertEqual(scene.flow.request.pretty_host, "other.example")
            self.check_all(scene)

    def test_host_without_authority(self) -> None:
        """A request may name its host by Host alone."""
        for up in (1, 2):
            scene = Scene2(self, 2, up, reply=echo)
            scheme = b"https" if scene.is_secure else b"http"
            head = [(b":method", b"GET"), (b":scheme", scheme), (b":path", b"/"), (b"host", b"example.com")]
            number = scene.client.connection.open_stream(head, True)
            scene.client.flush()
            scene.harness.pump()
            self.assertEqual(scene.client.answer(number).status, 200)
            self.assertEqual(scene.origins.request.authority, b"example.com")
            self.check_all(scene)

    def test_credentials_for_the_proxy(self) -> None:
        """Proxy-Authorization is not passed on."""
        for scene in self.scenes(reply=echo):
            scene.ask("GET", "/", "proxy-authorization: Basic eA==", "authorization: Basic eQ==")
            self.assertIsNone(scene.origins.request.get(b"proxy-authorization"))
            self.assertEqual(scene.origins.request.get(b"authorization"), b"Basic eQ==")
            self.check_all(scene)


class EditTests(HTTP2Case):
    """What addons change."""

    def test_host_field(self) -> None:
        """A Host field that an addon writes is what the server is told."""
        for scene in self.scenes(
            on_request=lambda flow: flow.request.headers.__setitem__("Host", "new.example"), reply=echo
        ):
            self.assertEqual(scene.ask().status, 200)
            self.assertEqual(scene.origins.request.authority, b"new.example")
            self.check_all(scene)

    def test_host(self) -> None:
        """Another host is asked, and told its own name."""
        for scene in self.scenes(on_request=lambda flow: setattr(flow.request, "host", "other.example"), reply=echo):
            names = scene.harness.network.names
            names["other.example"] = names["example.com"]
            if scene.is_secure:
                continue  # its certificate is not for that name
            self.assertEqual(scene.ask().status, 200)
            self.assertEqual(scene.origins.request.authority, b"other.example")
            self.check_all(scene)

    def test_names_in_any_case(self) -> None:
        """Names that addons write in capitals are sent in lower case, and what HTTP/2 does not know is left out."""

        def edit(flow: Any) -> None:
            flow.request.headers["X-New"] = "1"
            flow.request.headers["Connection"] = "keep-alive"

        def answer(flow: Any) -> None:
            flow.response.headers["X-Answer"] = "2"
            flow.response.headers["Keep-Alive"] = "timeout=1"

        for scene in self.scenes(on_request=edit, on_response=answer, reply=echo):
            got = scene.ask()
            self.assertEqual(scene.origins.request.get(b"x-new"), b"1")
            self.assertEqual(got.get(b"x-answer"), b"2")
            self.assertNotIn(b"keep-alive", got.names())
            if scene.origins.version == 2:
                self.assertNotIn(b"connection", scene.origins.request.names())
            self.check_all(scene)

    def test_canned(self) -> None:
        """A response that an addon sets is the answer; nobody is connected."""

        def answer(flow: Any) -> None:
            flow.response = Response.make(418, b"canned", {"X-Own": "1"})

        for hook in ("on_requestheaders", "on_request"):
            settings: dict[str, Any] = {hook: answer}
            for scene in self.scenes(**settings):
                got = scene.ask("POST", "/", body=b"abc")
                self.assertEqual((got.status, got.body, got.ended), (418, b"canned", True))
                self.assertEqual(got.get(b"x-own"), b"1")
                self.assertEqual(scene.origins.ends, [])
                self.assertEqual(scene.names()[-2:], ["responseheaders", "response"])
                self.check_all(scene)

    def test_canned_before_the_body_came(self) -> None:
        """The answer is sent at once, and the stream ended for a client that is still sending."""

        def answer(flow: Any) -> None:
            flow.response = Response.make(403, b"no")

        scene = Scene2(self, 2, 1, on_requestheaders=answer)
        number = scene.client.request("POST", "/", body=b"abc", end=False)
        scene.harness.pump()
        got = scene.client.answer(number)
        self.assertEqual((got.status, got.body, got.ended, got.reset), (403, b"no", True, 0))
        self.assertEqual(scene.client.connection.open_streams, [])
        self.check_all(scene)

    def test_response_is_replaced(self) -> None:
        """In responseheaders, while the body is still coming: the server's stream is given up."""

        def answer(flow: Any) -> None:
            flow.response = Response.make(200, b"other")

        for down, up in self.SIDES:
            scene = Scene2(self, down, up, on_responseheaders=answer)
            number = scene.client.request()
            scene.harness.pump()
            scene.respond(None, 200, body=b"begins", end=False)
            self.assertEqual(scene.client.answer(number).body, b"other")
            if up == 2:
                self.assertEqual(scene.origins.request.reset, 8)
            self.check_all(scene)

    def test_what_cannot_be_sent(self) -> None:
        """A field that no version can carry ends in an error page, and the connection goes on."""
        for scene in self.scenes(
            on_request=lambda flow: flow.request.headers.__setitem__("X-Bad", "a\r\nb"), reply=echo
        ):
            got = scene.ask()
            self.assertEqual((got.status, got.ended), (502, True))
            self.assertEqual(scene.names()[-1], "error")
            self.check_all(scene)

    def test_answer_that_cannot_be_sent(self) -> None:
        """A response that an addon spoilt becomes a page."""
        for scene in self.scenes(
            on_response=lambda flow: flow.response.headers.__setitem__("X-Bad", "a\nb"), reply=echo
        ):
            got = scene.ask()
            self.assertEqual((got.status, got.ended), (502, True))
            self.check_all(scene)
