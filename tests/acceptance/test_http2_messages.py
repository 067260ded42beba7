"""Messages between sides of either version: bodies, trailers, interim and bodiless responses, fields, edits."""

from typing import Any

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
            for scene in self.scenes(reply=lambda got, s=status, f=fields: respond(got, s, *f)):
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
