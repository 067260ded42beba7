"""Tests for L{mitmtw.testing.running}, L{mitmtw.testing.trial} and L{mitmtw.testing.fetch}: real sockets."""

import ssl
import urllib.request
from typing import Any

from twisted.internet.threads import deferToThread
from twisted.trial.unittest import TestCase

from mitmtw.errors import AddonError, OptionsError
from mitmtw.model import HTTPFlow, Response
from mitmtw.testing import ProxyMixin, make_request, make_response


def opened(proxy: str, url: str, cafile: str | None = None) -> bytes:
    """What C{urllib} gets through a proxy; blocks."""
    context = ssl.create_default_context(cafile=cafile)
    handlers = [
        urllib.request.ProxyHandler({"http": proxy, "https": proxy}),
        urllib.request.HTTPSHandler(context=context),
    ]
    with urllib.request.build_opener(*handlers).open(url, timeout=10) as answer:
        content: bytes = answer.read()
    return content


class Tag:
    """Notes that it is done, and adds a field."""

    def __init__(self) -> None:
        self.life: list[str] = []

    def request(self, flow: HTTPFlow) -> None:
        flow.request.headers["x-tag"] = "1"

    def done(self) -> None:
        self.life.append("done")


class ProxyMixinTests(ProxyMixin, TestCase):
    """Proxies and servers that are stopped when the test is over: trial itself complains about what is left open."""

    timeout = 20

    async def test_http(self) -> None:
        """Any client, by HTTP."""
        origin = self.start_origin({"/": make_response(200, b"hi")})
        proxy = self.start_proxy(addons=[Tag()])
        self.assertEqual(await deferToThread(opened, proxy.url, f"{origin.url}/"), b"hi")
        self.assertEqual(origin.requests[0].headers["x-tag"], "1")
        self.assertEqual((origin.connections, proxy.ports), (1, [proxy.port]))

    async def test_https(self) -> None:
        """Any client that trusts C{ca_file}, by HTTPS."""
        origin = self.start_origin({"/": make_response(200, b"hi")}, tls=True)
        proxy = self.start_proxy(addons=[Tag()])
        self.assertEqual(await deferToThread(opened, proxy.url, f"{origin.url}/", proxy.ca_file), b"hi")
        self.assertEqual((origin.requests[0].headers["x-tag"], origin.requests[0].scheme), ("1", "https"))

    async def test_fetch(self) -> None:
        """The client that is there, by both, with a body; interim answers and closed connections included."""

        def answer(request: Any) -> Response:
            return make_response(201, request.content + b" " + request.raw_method, connection="close")

        for tls in (False, True):
            origin = self.start_origin(answer, tls=tls)
            proxy = self.start_proxy()
            response = await proxy.fetch(make_request("POST", f"{origin.url}/", b"sent"))
            self.assertEqual(response and (response.status_code, response.content), (201, b"sent POST"))
            got = await proxy.fetch(make_request("HEAD", f"{origin.url}/"))
            self.assertEqual(got and got.content, b"")

    async def test_fetch_nothing(self) -> None:
        """A connection that ends without an answer, before or inside of TLS; and a proxy that is not there."""

        class Kills:
            def request(self, flow: HTTPFlow) -> None:
                flow.kill()

        for tls in (False, True):
            origin = self.start_origin(make_response(), tls=tls)
            proxy = self.start_proxy([Kills()])
            self.assertIsNone(await proxy.fetch(f"{origin.url}/"))
            await proxy.stop()
            self.assertIsNone(await proxy.fetch(f"{origin.url}/"))

    async def test_fetch_never(self) -> None:
        """An answer that does not come is given up."""
        origin = self.start_origin(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhalf")
        proxy = self.start_proxy()
        await self.assertFailure(proxy.fetch(f"{origin.url}/", timeout=0.05), TimeoutError)

    async def test_scripts_and_options(self) -> None:
        """Scripts are loaded; options of the core and of addons are set."""
        script = self.mktemp() + ".py"
        with open(script, "w") as file:  # noqa: ASYNC230 - a test may
            file.write("def load(loader): loader.add_option('word', str, '', 'A word.')\n")
            file.write("def configure(options, updated):\n    global word\n    word = options.word\n")
            file.write("def request(flow): flow.request.headers['x-word'] = word\n")
        origin = self.start_origin(make_response())
        proxy = self.start_proxy(scripts=[script], word="hi", hook_timeout=3)
        await proxy.fetch(f"{origin.url}/")
        self.assertEqual(origin.requests[0].headers["x-word"], "hi")
        assert proxy.service.proxy is not None
        self.assertEqual(proxy.service.proxy.options.hook_timeout, 3)

    async def test_stop(self) -> None:
        """When it is stopped, C{done} was called."""
        tag = Tag()
        proxy = self.start_proxy([tag])
        await proxy.stop()
        self.assertEqual(tag.life, ["done"])

    def test_cannot_start(self) -> None:
        """Why it does not start is raised."""
        self.assertRaises(OptionsError, self.start_proxy, nonsense=1)
        self.assertRaises(OptionsError, self.start_proxy, hook_timeout="x")
        self.assertRaises(AddonError, self.start_proxy, [object(), object()])
        self.assertRaises(OptionsError, self.start_proxy, listeners=["nonsense"])
