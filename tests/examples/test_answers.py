"""Tests of examples that answer, or change what servers answer."""

import gzip
import json
from pathlib import Path
from typing import Any

from twisted.internet import reactor as trial_reactor  # noqa: TID251 - trial's own
from twisted.internet.defer import Deferred

from mitmtw.model import Response
from mitmtw.testing import AddonTester, make_request, make_response
from tests.examples.cases import NOBODY, ExampleCase, load


class AnswerTests(ExampleCase):
    """Responses."""

    async def test_answer_locally(self) -> None:
        """The path is answered for any host; others are not."""
        self.run_example("answer_locally")
        answer = await self.ask(f"{NOBODY}teapot")
        self.assertEqual((answer.status_code, answer.content), (418, b"short and stout\n"))
        self.assertEqual((await self.get()).status_code, 200)
        self.assertEqual(len(self.origin.requests), 1)

    async def test_mock_json(self) -> None:
        """Items are kept and given; what is wrong is answered as an API does; nobody is asked."""
        self.run_example("mock_json")
        url = "http://api.example/items"
        added = await self.ask(make_request("POST", url, b'{"name": "a"}'))
        self.assertEqual((added.status_code, added.json()), (201, {"id": 0}))
        self.assertEqual((await self.ask(url)).json(), [{"name": "a"}])
        self.assertEqual((await self.ask(f"{url}/0")).json(), {"name": "a"})
        self.assertEqual((await self.ask(f"{url}/1")).status_code, 404)
        self.assertEqual((await self.ask(make_request("POST", url, b"{"))).status_code, 400)
        self.assertEqual(
            (await self.get("/items")).text, "GET /items\nHost: " + self.origin.url.removeprefix("http://")
        )

    async def test_inject_script(self) -> None:
        """The script stands before the end of the body, packed pages included; other documents are left alone."""
        page = b"<html><body>caf\xe9</BODY></html>"
        packed = make_response(200, gzip.compress(page), content_type="text/html; charset=latin-1")
        packed.headers["Content-Encoding"] = "gzip"
        packed.headers["Content-Security-Policy"] = "default-src 'self'"
        packed.body = gzip.compress(page)
        plain = make_response(200, b"</body>", content_type="text/plain")
        self.run_example("inject_script", {"/": packed, "/plain": plain})
        answer = await self.get()
        self.assertEqual(
            answer.content, b'<html><body>caf\xe9<script>console.log("seen by mitmtw")</script></BODY></html>'
        )
        self.assertEqual(answer.headers["Content-Encoding"], "gzip")
        self.assertNotIn("Content-Security-Policy", answer.headers)
        self.assertEqual((await self.get("/plain")).content, b"</body>")

    async def test_error_page(self) -> None:
        """Who cannot be reached has a page that says so; nothing in it is taken for HTML."""
        self.run_example("error_page")
        answer = await self.ask(NOBODY)
        self.assertEqual((answer.status_code, answer.headers["Content-Type"]), (502, "text/html; charset=utf-8"))
        self.assertIn("<h1>nobody.invalid does not answer</h1>", answer.text or "")
        self.assertEqual((await self.get()).status_code, 200)

    async def test_retry_after(self) -> None:
        """Overloaded servers and missing ones are told apart from others; the server's own word counts."""
        own = make_response(503, retry_after="5")
        self.run_example("retry_after", {"/": make_response(503), "/own": own, "/fine": make_response()})
        self.assertEqual((await self.get()).headers["Retry-After"], "30")
        self.assertEqual((await self.get("/own")).headers["Retry-After"], "5")
        self.assertNotIn("Retry-After", (await self.get("/fine")).headers)
        answer = await self.ask(NOBODY)
        self.assertEqual((answer.status_code, answer.headers["Retry-After"]), (503, "30"))

    async def test_rewrite_cookies(self) -> None:
        """Tracking cookies do not reach the server; cookies of servers get an attribute."""
        answer = make_response()
        answer.headers.add("Set-Cookie", "a=1; Path=/")
        answer.headers.add("Set-Cookie", "b=2; HttpOnly")
        self.run_example("rewrite_cookies", answer)
        got = await self.get(cookie="keep=1; _ga=2; also=3")
        self.assertEqual(self.origin.requests[0].headers["Cookie"], "keep=1; also=3")
        self.assertEqual(got.headers.get_all("Set-Cookie"), ["a=1; Path=/; HttpOnly", "b=2; HttpOnly"])

    async def test_stream_upper(self) -> None:
        """Text changes on its way, of a length that is not known then; other bodies do not."""
        text = make_response(200, b"some text" * 10_000, content_type="text/plain")
        page = make_response(200, b"some text", content_type="text/html")
        self.run_example("stream_upper", {"/": text, "/page": page})
        answer = await self.get()
        self.assertEqual(answer.content, b"SOME TEXT" * 10_000)
        self.assertEqual(answer.headers["Transfer-Encoding"], "chunked")
        self.assertEqual((await self.get("/page")).content, b"some text")

    async def test_delay(self) -> None:
        """The answer comes, late; how late is a matter of a clock that the test has."""
        self.run_example("delay", delay=0.01)
        self.assertEqual((await self.get()).status_code, 200)
        with AddonTester(load("delay"), delay=7.0) as tester:
            clock = tester.harness.network
            before = clock.seconds()
            answer = tester.exchange("http://example.com/", make_response(200, b"late")).response
            self.assertEqual(answer and answer.content, b"late")
            self.assertAlmostEqual(clock.seconds() - before, 7.0)

    async def test_log_slow(self) -> None:
        """What took longer than it should is logged, with its URL; what did not is not."""

        def slow(_request: object) -> Response:
            tester.harness.network.rightNow += 3
            return make_response()

        self.run_example("log_slow", slow=30.0)
        self.assertEqual((await self.get()).status_code, 200)
        with AddonTester(load("log_slow"), slow=2.0) as tester:
            tester.exchange("http://example.com/quick", make_response())
            self.assertEqual(tester.messages("warn"), [])
            tester.exchange("http://example.com/slow", slow)
            self.assertEqual(tester.messages("warn"), ["http://example.com/slow: 3.00 s, 3.00 s"])

    async def test_every_tenth(self) -> None:
        """Nine pass, the tenth does not: a GET gets an answer, others lose the connection."""
        self.run_example("every_tenth")
        statuses = [(await self.get()).status_code for _ in range(10)]
        self.assertEqual(statuses, [200] * 9 + [500])
        for _ in range(9):
            await self.get()
        self.assertIsNone(await self.proxy.fetch(make_request("POST", self.origin.url + "/", b"x")))
        self.assertEqual(len(self.origin.requests), 18)

    async def test_save_bodies(self) -> None:
        """Pictures are files then, with their content unpacked; other things are not."""
        picture = make_response(200, b"\x89PNG", content_type="image/png")
        self.run_example("save_bodies", {"/a.png": picture, "/": make_response()}, save_to=(folder := self.mktemp()))
        self.assertEqual((await self.get("/a.png")).content, b"\x89PNG")
        await self.get()
        self.assertEqual(_files(folder), [(".png", b"\x89PNG")])

    async def test_ask_service(self) -> None:
        """The service's word decides, and without it nothing passes; a failure of the service is no traceback."""
        asked: list[str] = []

        def judge(request: Any) -> Response:
            url = request.query["url"]
            asked.append(url)
            return make_response(403, b"no " + url.encode()) if "bad" in url else make_response()

        service = self.start_origin({"/allowed": judge})
        self.run_example("ask_service", ask_service=f"{service.url}/allowed")
        self.assertEqual((await self.get("/good?a=b&c")).status_code, 200)
        answer = await self.get("/bad")
        self.assertEqual((answer.status_code, answer.content), (403, b"no " + f"{self.origin.url}/bad".encode()))
        self.assertEqual(asked, [f"{self.origin.url}/good?a=b&c", f"{self.origin.url}/bad"])
        await service.stop()
        self.assertEqual((await self.get("/good")).status_code, 503)
        self.assertEqual(len(self.flushLoggedErrors()), 1)
        self.assertEqual(len(self.origin.requests), 1)
        await _turn()


def _files(folder: str) -> list[tuple[str, bytes]]:
    """The endings and contents of a folder's files."""
    return [(path.suffix, path.read_bytes()) for path in Path(folder).iterdir()]


def _turn() -> Deferred[None]:
    """A turn of the reactor, in which the client of the service puts its connections away."""
    turn: Deferred[None] = Deferred()
    reactor: Any = trial_reactor
    reactor.callLater(0, turn.callback, None)
    return turn


class JSONTests(ExampleCase):
    """What the guard lets pass."""

    async def test_guard(self) -> None:
        """Secrets and what cannot be read are killed; the rest passes; trusted requests skip later addons."""
        seen: list[str] = []

        class Later:
            def responseheaders(self, flow: Any) -> None:
                seen.append(flow.request.path)

            request = responseheaders

        self.origin = self.start_origin(make_response())
        self.proxy = self.start_proxy([load("guard"), Later()])

        def post(path: str, body: bytes) -> Any:
            url = self.origin.url + path
            return self.proxy.fetch(make_request("POST", url, body, content_type="application/json"))

        self.assertIsNone(await post("/secret", json.dumps({"password": "x"}).encode()))
        self.assertIsNone(await post("/broken", b"{"))
        self.assertEqual((await post("/fine", b"{}")).status_code, 200)
        self.assertEqual((await post("/trusted", b'{"trusted": true}')).status_code, 200)
        self.assertEqual((await self.get("/plain")).status_code, 200)
        self.assertEqual(self.origin.canned.paths, ["/fine", "/trusted", "/plain"])
        self.assertEqual(seen[-5:], ["/fine", "/fine", "/trusted", "/plain", "/plain"])
        self.assertEqual(len(self.flushLoggedErrors(ValueError)), 1)
