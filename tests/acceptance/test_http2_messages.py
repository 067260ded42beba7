"""Messages between sides of either version: bodies, trailers, interim and bodiless responses, fields, edits."""

from typing import Any

from mitmtw.model import Response
from mitmtw.testing import Recorder
from tests.acceptance.http2_base import Got, HTTP2Case, Scene2, pairs, respond

BIG = bytes(range(256)) * 4096  # 1 MiB


def echo(got: Got) -> None:
    """Answer with the request's body, of no known length."""
    respond(got, 200, "x-method: " + got.method.decode(), body=got.body)


def stream_request(flow: Any) -> None:
    flow.request.stream = True


def stream_response(flow: Any) -> None:
    flow.response.stream = True


class GetTests(HTTP2Case):
    """Requests without a body."""

    def test_get(self) -> None:
        """A request and its answer, with the hooks in their order and the version that the client speaks."""
        for scene in self.scenes(reply=lambda got: respond(got, 200, "content-length: 2", "x-a: b", body=b"hi")):
            got = scene.ask("GET", "/path?q")
            self.assertEqual((got.status, got.body, got.ended), (200, b"hi", True))
            self.assertEqual(got.fields, pairs("content-length: 2", "x-a: b"))
            request = scene.origins.request
            self.assertEqual((request.method, request.path, request.authority), (b"GET", b"/path?q", b"example.com"))
            self.assertTrue(request.ended)
            flow = scene.flow
            hooks = ["requestheaders", "request", "responseheaders", "response"]
            self.assertEqual(scene.names(), hooks)
            self.assertEqual(flow.request.http_version, "HTTP/2.0")
            self.assertEqual(flow.response.http_version, "HTTP/2.0" if scene.origins.version == 2 else "HTTP/1.1")
            self.assertEqual(flow.request.url, f"{'https' if scene.is_secure else 'http'}://example.com/path?q")
            self.assertEqual(flow.request.pretty_host, "example.com")
            self.check_all(scene)

    def test_alpn_is_told(self) -> None:
        """Both connections say what was agreed on."""
        scene = Scene2(self, 2, 2, is_tls=True, reply=echo)
        scene.ask()
        self.assertEqual((scene.flow.client_conn.alpn, scene.flow.server_conn.alpn), (b"h2", b"h2"))
        self.assertTrue(scene.flow.server_conn.tls_established)
        self.check_all(scene)

    def test_head(self) -> None:
        """An answer to HEAD keeps its length and has no body."""
        for scene in self.scenes(reply=lambda got: respond(got, 200, "content-length: 1234")):
            got = scene.ask("HEAD")
            self.assertEqual((got.status, got.body, got.ended), (200, b"", True))
            self.assertEqual(got.get(b"content-length"), b"1234")
            self.check_all(scene)

    def test_bodiless(self) -> None:
        """204, 304 and a 404 without content end with their heads."""
        for status in (204, 304, 404):
            fields = ["etag: x"] + (["content-length: 0"] if status == 404 else [])
            for scene in self.scenes(reply=lambda got, s=status, f=fields: respond(got, s, *f)):  # type: ignore[misc]
                got = scene.ask()
                self.assertEqual((got.status, got.body, got.ended, got.get(b"etag")), (status, b"", True, b"x"))
                self.assertEqual(scene.recorder.count("response"), 1)
                self.check_all(scene)

    def test_order_of_fields(self) -> None:
        """Fields keep their order and their repetitions, both ways."""
        sent = ["x-b: 1", "x-a: 2", "accept: a", "x-b: 3", "user-agent: u"]
        back = ["set-cookie: a=1", "x-z: 1", "set-cookie: b=2", "x-y: 2"]
        for scene in self.scenes(reply=lambda got: respond(got, 200, *back, "content-length: 0")):
            got = scene.ask("GET", "/", *sent)
            came = [pair for pair in scene.origins.request.fields if pair[0].lower() != b"host"]
            self.assertEqual([(name.lower(), value) for name, value in came], pairs(*sent))
            self.assertEqual([pair for pair in got.fields if pair[0] != b"content-length"], pairs(*back))
            self.check_all(scene)

    def test_several_on_one_connection(self) -> None:
        """One connection on each side serves request after request."""
        for scene in self.scenes(reply=lambda got: respond(got, 200, body=got.path)):
            for path in ("/a", "/b", "/c"):
                self.assertEqual(scene.ask("GET", path).body, path.encode())
            self.assertEqual(len(scene.origins.ends), 1)
            self.assertEqual(scene.recorder.count("clientconnect"), 1)
            self.check_all(scene)


class BodyTests(HTTP2Case):
    """Bodies, both ways."""

    def test_collected(self) -> None:
        """A collected body is seen by addons, and arrives; an answer of no known length too."""
        for scene in self.scenes(reply=echo):
            got = scene.ask("POST", "/", body=b"some content")
            self.assertEqual((got.body, got.ended, got.get(b"x-method")), (b"some content", True, b"POST"))
            self.assertEqual(scene.flow.request.body, b"some content")
            self.assertEqual(scene.flow.response.body, b"some content")
            self.check_all(scene)

    def test_length_is_kept(self) -> None:
        """A body that came with a length goes on with it; without one it does not get one."""
        for scene in self.scenes(reply=echo):
            scene.ask("POST", "/", "content-length: 4", body=b"1234")
            self.assertEqual(scene.origins.request.get(b"content-length"), b"4")
            self.assertIsNone(scene.origins.request.get(b"transfer-encoding"))
            scene.ask("POST", "/", body=b"1234")
            self.assertIsNone(scene.origins.request.get(b"content-length"))
            self.assertEqual(scene.origins.request.body, b"1234")
            coding = b"chunked" if scene.origins.version == 1 else None
            self.assertEqual(scene.origins.request.get(b"transfer-encoding"), coding)
            self.check_all(scene)

    def test_empty_body(self) -> None:
        """A body of no bytes is one all the same."""
        for scene in self.scenes(reply=echo):
            got = scene.ask("POST", "/", "content-length: 0", body=b"")
            self.assertEqual((got.status, got.body, got.ended), (200, b"", True))
            self.assertEqual(scene.origins.request.get(b"content-length"), b"0")
            self.check_all(scene)

    def test_large(self) -> None:
        """Bodies many windows long, collected."""
        for scene in self.scenes(reply=echo):
            got = scene.ask("POST", "/", body=BIG)
            self.assertEqual(got.body, BIG)
            self.assertTrue(got.ended)
            self.check_all(scene)

    def test_large_streamed(self) -> None:
        """Bodies many windows long, as they come."""
        for scene in self.scenes(on_requestheaders=stream_request, on_responseheaders=stream_response, reply=echo):
            got = scene.ask("POST", "/", body=BIG)
            self.assertEqual(got.body, BIG)
            self.assertTrue(got.ended)
            self.assertTrue(scene.flow.request.streamed and scene.flow.response.streamed)
            self.assertIsNone(scene.flow.response.body)
            self.check_all(scene)

    def test_nobody_listens(self) -> None:
        """Without an addon that listens, bodies flow too."""
        for down, up in ((2, 1), (2, 2)):
            scene = Scene2(self, down, up, recorder=Recorder(only=()), reply=echo)
            got = scene.ask("POST", "/", body=BIG)
            self.assertEqual(got.body, BIG)
            self.check_stopped(scene.harness)

    def test_streamed_in_pieces(self) -> None:
        """What came is passed on before the rest is there, both ways."""
        for scene in self.scenes(on_requestheaders=stream_request, on_responseheaders=stream_response):
            number = scene.client.request("POST", "/", body=b"one", end=False)
            scene.harness.pump()
            request = scene.origins.request
            self.assertEqual((request.body, request.ended), (b"one", False))
            scene.client.data(number, b"two", True)
            scene.harness.pump()
            self.assertEqual((request.body, request.ended), (b"onetwo", True))
            scene.respond(request, 200, body=b"three", end=False)
            got = scene.client.answer(number)
            self.assertEqual((got.status, got.body, got.ended), (200, b"three", False))
            request.end.data(request.number, b"four", True)
            scene.harness.pump()
            self.assertEqual((got.body, got.ended), (b"threefour", True))
            self.check_all(scene)

    def test_callables(self) -> None:
        """Callables change bodies on their way."""

        def upper(flow: Any) -> None:
            flow.request.stream = lambda piece: piece.upper() or b"!"

        def twice(flow: Any) -> None:
            flow.response.stream = lambda piece: [piece, piece]

        for scene in self.scenes(on_requestheaders=upper, on_responseheaders=twice, reply=echo):
            got = scene.ask("POST", "/", "content-length: 3", body=b"abc")
            self.assertEqual(scene.origins.request.body, b"ABC!")
            self.assertEqual(got.body, b"ABC!ABC!")
            self.check_all(scene)

    def test_content_is_replaced(self) -> None:
        """What an addon writes is sent, with a length that fits."""

        def edit(flow: Any) -> None:
            flow.request.text = "longer than before"

        def answer(flow: Any) -> None:
            flow.response.content = b"x"

        for scene in self.scenes(on_request=edit, on_response=answer, reply=echo):
            got = scene.ask("POST", "/", "content-length: 3", body=b"abc")
            self.assertEqual(scene.origins.request.body, b"longer than before")
            self.assertEqual(scene.origins.request.get(b"content-length"), b"18")
            self.assertEqual((got.body, got.ended), (b"x", True))
            self.check_all(scene)

    def test_trailers(self) -> None:
        """Fields after the body go through, both ways, collected and streamed."""

        def back(got: Got) -> None:
            respond(got, 200, body=b"answer", trailers=pairs("x-sum: 2"))

        for hooks in ({}, {"on_requestheaders": stream_request, "on_responseheaders": stream_response}):
            settings: dict[str, Any] = dict(hooks)
            for scene in self.scenes(reply=back, **settings):
                got = scene.ask("POST", "/", "te: trailers", body=b"ask", trailers=pairs("x-check: 1"))
                self.assertEqual(scene.origins.request.trailers, pairs("x-check: 1"))
                self.assertEqual((got.body, got.trailers, got.ended), (b"answer", pairs("x-sum: 2"), True))
                self.assertEqual(scene.flow.request.trailers["x-check"], "1")
                self.assertEqual(scene.flow.response.trailers["x-sum"], "2")
                self.check_all(scene)

    def test_too_large(self) -> None:
        """A body beyond C{body_size_limit}: 413 for a request, 502 for an answer."""
        for scene in self.scenes(body_size_limit="1k", reply=lambda got: respond(got, 200, body=b"x" * 2000)):
            got = scene.ask()
            self.assertEqual((got.status, got.ended), (502, True))
            self.assertEqual(scene.names()[-1], "error")
            client = scene.client = scene.new_client()
            number = client.request("POST", "/", body=b"x" * 2000, end=False)
            scene.harness.pump()
            self.assertEqual(client.answer(number).status, 413)
            self.assertEqual(scene.recorder.count("error"), 2)
            scene.harness.pump()


class InterimTests(HTTP2Case):
    """Interim responses."""

    def test_early_hints(self) -> None:
        """103 goes through."""

        def hint(got: Got) -> None:
            respond(got, 103, "link: </a.css>")
            respond(got, 200, body=b"hi")

        for scene in self.scenes(reply=hint):
            got = scene.ask()
            self.assertEqual(got.interims, [(103, pairs("link: </a.css>"))])
            self.assertEqual((got.status, got.body), (200, b"hi"))
            self.check_all(scene)

    def test_expect_collected(self) -> None:
        """A client that waits for 100 gets it from us when its body is collected; the server is not asked."""
        for scene in self.scenes(reply=echo):
            number = scene.client.request("POST", "/", "expect: 100-continue", "content-length: 3", end=False)
            scene.harness.pump()
            got = scene.client.answer(number)
            self.assertEqual(got.interims, [(100, [])])
            scene.client.data(number, b"abc", True)
            scene.harness.pump()
            self.assertEqual(got.body, b"abc")
            self.assertIsNone(scene.origins.request.get(b"expect"))
            self.check_all(scene)

    def test_expect_streamed(self) -> None:
        """A client that waits for 100 gets the server's when its body is streamed."""
        for scene in self.scenes(on_requestheaders=stream_request):
            number = scene.client.request("POST", "/", "expect: 100-continue", "content-length: 3", end=False)
            scene.harness.pump()
            got = scene.client.answer(number)
            self.assertEqual(got.interims, [])
            self.assertEqual(scene.origins.request.get(b"expect"), b"100-continue")
            scene.respond(None, 100)
            self.assertEqual([status for status, _ in got.interims], [100])
            scene.client.data(number, b"abc", True)
            scene.harness.pump()
            scene.respond(None, 200, body=b"done")
            self.assertEqual((scene.origins.request.body, got.body), (b"abc", b"done"))
            self.check_all(scene)


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
