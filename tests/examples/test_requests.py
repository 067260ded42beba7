"""Tests of examples that change requests, or where they go."""

from twisted.trial.unittest import SynchronousTestCase

from mitmtw.errors import OptionsError
from mitmtw.testing import AddonTester, http_flow, make_request, make_response, verify_addon
from tests.examples.cases import FOLDER, NOBODY, ExampleCase, load


class RequestTests(ExampleCase):
    """Requests."""

    async def test_modify_header(self) -> None:
        """One field is added, others are taken away, on both ways."""
        self.run_example("modify_header", make_response(server="x"))
        answer = await self.get(accept_encoding="gzip")
        headers = self.origin.requests[0].headers
        self.assertEqual((headers["X-Proxied-By"], "Accept-Encoding" in headers), ("mitmtw", False))
        self.assertNotIn("Server", answer.headers)

    async def test_block_hosts(self) -> None:
        """The host and all below it are refused, CONNECT included; others are not, nor when the option changes."""
        self.run_example("block_hosts", block_hosts="ads.invalid 127.0.0.2")
        for url in ("http://ads.invalid/", "http://a.ads.invalid/", "https://ads.invalid/"):
            answer = await self.ask(url)
            self.assertEqual(answer.status_code, 403, url)
            self.assertIn(b"is blocked", answer.content or b"")
        self.assertEqual((await self.ask("http://bads.invalid/")).status_code, 502)
        self.assertEqual((await self.get()).status_code, 200)
        assert self.proxy.service.lifecycle is not None
        await self.proxy.service.lifecycle.update_options({"block_hosts": "127.0.0.1"})
        self.assertEqual((await self.get()).status_code, 403)

    async def test_redirect_host(self) -> None:
        """What is for one server goes to the other, which is told its own name."""
        self.run_example("redirect_host", redirect_from="api.invalid", redirect_to="localhost:1")
        assert self.proxy.service.lifecycle is not None
        where = f"127.0.0.1:{self.origin.port}"
        await self.proxy.service.lifecycle.update_options({"redirect_to": where})
        self.assertEqual((await self.ask("http://api.invalid/path?a")).text, f"GET /path?a\nHost: {where}")
        self.assertEqual((await self.ask("https://api.invalid/")).text, f"GET /\nHost: {where}")
        self.assertEqual((await self.ask(NOBODY)).status_code, 502)

    def test_redirect_host_refused(self) -> None:
        """A wrong place is refused, on startup and later."""
        addon = load("redirect_host").addons[0]
        self.assertRaises(OptionsError, AddonTester, addon, redirect_to="nowhere")
        with AddonTester(load("redirect_host")) as tester:
            self.assertRaises(OptionsError, tester.set_options, redirect_to="nowhere")
            self.assertEqual(tester.options.redirect_to, "localhost:8000")

    async def test_custom_option(self) -> None:
        """The option's value is sent; an empty one leaves the field alone; what cannot be a field is refused."""
        self.run_example("custom_option", user_agent="robot/1")
        await self.get(user_agent="curl")
        assert self.proxy.service.lifecycle is not None
        update = self.proxy.service.lifecycle.update_options
        await update({"user_agent": ""})
        await self.get(user_agent="curl")
        self.assertEqual([one.headers["User-Agent"] for one in self.origin.requests], ["robot/1", "curl"])
        await self.assertFailure(update({"user_agent": "a\nb"}), OptionsError)

    async def test_nested(self) -> None:
        """The addon inside uses what the one outside knows."""
        self.run_example("nested")
        for _ in range(2):
            self.assertIn("X-Client-Number: 1", (await self.get()).text or "")

    async def test_limit_pending(self) -> None:
        """Each request is looked up, in a thread; many at a time all get their answer."""
        self.run_example("limit_pending")
        waiting = [self.proxy.fetch(self.origin.url + f"/{number}") for number in range(12)]
        for answer in waiting:
            got = await answer
            self.assertIn("X-Host-Length: 9", got.text or "" if got else "")

    async def test_count_hosts(self) -> None:
        """Requests are counted; the log says how many at the end; memory is bounded."""
        self.run_example("count_hosts")
        self.assertEqual((await self.get()).status_code, 200)
        module = load("count_hosts")
        module.__dict__["MOST_HOSTS"] = 4
        tester = AddonTester(module)
        hosts = ["a", "a", "b", "b", "c", "d", "e", "f", "a"]
        for host in hosts:
            tester.fire("requestheaders", http_flow(make_request(url=f"http://{host}.example/")))
            self.assertLessEqual(len(module.counts), 4)
        tester.stop()
        self.assertEqual(tester.messages("info")[-4:][0], "3 requests to a.example")

    async def test_upstream_proxy(self) -> None:
        """Names that end so are asked through the other proxy, which sees the request; others directly."""
        seen: list[str] = []

        class Notes:
            def request(self, flow: object) -> None:
                seen.append(flow.request.url)  # type: ignore[attr-defined]

        other = self.start_proxy([Notes()])
        self.run_example("upstream_proxy", corporate_proxy=other.url, corporate_hosts="localhost")
        inside = f"http://localhost:{self.origin.port}/inside"
        self.assertEqual((await self.ask(inside)).status_code, 200)
        self.assertEqual((await self.get("/outside")).status_code, 200)
        self.assertEqual(seen, [inside])
        self.assertEqual(self.origin.canned.paths, ["/inside", "/outside"])

    async def test_pass_through(self) -> None:
        """A host that is named keeps its own certificate; no hook of HTTP fires for it, as for the others."""
        seen: list[str] = []

        class Notes:
            def request(self, flow: object) -> None:
                seen.append(flow.request.host)  # type: ignore[attr-defined]

        self.origin = self.start_origin(make_response(200, b"secret"), tls=True)
        self.proxy = self.start_proxy([load("pass_through"), Notes()], pass_through="localhost other.example")
        self.assertEqual((await self.ask(f"https://localhost:{self.origin.port}/")).content, b"secret")
        self.assertEqual(seen, [])
        self.assertEqual((await self.ask(f"https://127.0.0.1:{self.origin.port}/")).content, b"secret")
        self.assertEqual(seen, ["127.0.0.1"])


class FolderTests(SynchronousTestCase):
    """The folder as a whole."""

    def test_each_is_tested(self) -> None:
        """Each example has a test of its name here, or with real programs."""
        tests = "".join(path.read_text("utf-8") for path in FOLDER.parent.glob("tests/examples/test_*.py"))
        names = sorted(path.stem for path in FOLDER.glob("*.py"))
        self.assertGreaterEqual(len(names), 15)
        self.assertEqual([name for name in names if f"def test_{name}(" not in tests], [])

    def test_form(self) -> None:
        """Each says what it is and how it is run, in a few lines, and has nothing that looks like a mistake."""
        for path in FOLDER.glob("*.py"):
            text = path.read_text("utf-8")
            module = load(path.stem)
            self.assertIn(f"mitmtw run --script examples/{path.name}", module.__doc__ or "", path.name)
            self.assertLessEqual(text.count("\n"), 40, path.name)
            verify_addon(module)
