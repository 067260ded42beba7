"""Tests for L{mitmtw.testing.tester}: one hook at a time, and whole exchanges."""

from typing import Any

from twisted.internet.defer import Deferred
from twisted.logger import Logger, globalLogPublisher
from twisted.trial.unittest import SynchronousTestCase

from mitmtw.addon import in_thread, wants_body
from mitmtw.errors import AddonError, OptionsError
from mitmtw.model import HTTPFlow, Response
from mitmtw.testing import AddonTester, http_flow, make_request, make_response


class Greeter:
    """Has an option, the reactor, and a handler of each kind."""

    log = Logger(namespace="greeter")

    def __init__(self) -> None:
        self.life: list[str] = []

    def load(self, loader: Any) -> None:
        self.reactor = loader.reactor
        loader.add_option("greeting", str, "hello", "What is said.")

    def configure(self, options: Any, updated: set[str]) -> None:
        if not options.greeting:
            raise OptionsError("greeting must not be empty")
        self.options = options

    def requestheaders(self, flow: HTTPFlow) -> None:
        flow.request.headers["x-greeting"] = self.options.greeting

    async def request(self, flow: HTTPFlow) -> None:
        waited: Deferred[None] = Deferred()
        self.reactor.callLater(30, waited.callback, None)
        await waited
        flow.request.headers["x-waited"] = "30"

    @in_thread
    def response(self, flow: HTTPFlow) -> None:
        assert flow.response is not None
        flow.response.text = (flow.response.text or "").upper()
        self.log.info("shouted")

    def done(self) -> None:
        self.life.append("done")


class TesterTestCase(SynchronousTestCase):
    """Makes testers."""

    def tester(self, *addons: object, **options: object) -> AddonTester:
        tester = AddonTester(*addons, **options)
        self.addCleanup(tester.stop)
        return tester


class FireTests(TesterTestCase):
    """One hook."""

    def test_kinds(self) -> None:
        """Plain handlers, coroutines that need time, and threads are done when it returns."""
        tester = self.tester(Greeter())
        flow = http_flow(response=make_response(200, b"hi"))
        for hook in ("requestheaders", "request", "response"):
            tester.fire(hook, flow)
            self.assertEqual(tester.trace, [hook])
        self.assertEqual((flow.request.headers["x-greeting"], flow.request.headers["x-waited"]), ("hello", "30"))
        self.assertEqual(flow.response and flow.response.text, "HI")
        self.assertIs(tester.flow, flow)

    def test_failure(self) -> None:
        """What a handler raises is raised here; or not, and then it is noted. No test runner has to hear of it."""

        class Fails:
            failure_policy = ("respond", 501)

            def request(self, flow: HTTPFlow) -> None:
                raise ValueError("boom")

        tester = self.tester(Fails())
        with self.assertRaises(ValueError) as raised:
            tester.fire("request", http_flow())
        self.assertEqual(str(raised.exception), "boom")
        tester.fire("request", flow := http_flow(), check=False)
        self.assertEqual(flow.response and flow.response.status_code, 501)
        self.assertEqual([failure.getErrorMessage() for failure in tester.failures], ["boom", "boom"])
        self.assertIn("addon fails: request failed", tester.messages("error")[0])
        tester.fire("response", http_flow())  # an old failure is not raised again

    def test_never(self) -> None:
        """A handler that never answers misses its deadline; without one, the patience of the test ends."""

        class Never:
            def request(self, flow: HTTPFlow) -> Deferred[None]:
                return Deferred()

        tester = self.tester(Never())
        error = self.assertRaises(AssertionError, tester.fire, "request", http_flow())
        self.assertIn("did not answer within 60 s", str(error))
        tester = self.tester(Never(), hook_timeout=0)
        error = self.assertRaises(AssertionError, tester.fire, "request", http_flow())
        self.assertIn("were not done after 120 s", str(error))

    def test_kill(self) -> None:
        """A flow that a test has built can be killed by the handler; it is not live afterwards."""

        class Kills:
            def request(self, flow: HTTPFlow) -> None:
                flow.kill()

        self.tester(Kills()).fire("request", flow := http_flow())
        self.assertEqual((flow.killed, flow.live), (True, False))

    def test_unknown(self) -> None:
        """A hook that is not there is a mistake."""
        self.assertRaises(AddonError, self.tester().fire, "requst", http_flow())


class ExchangeTests(TesterTestCase):
    """A request and its response, through everything."""

    def test_http(self) -> None:
        """The server sees the request as the addon has made it, the client the response."""
        tester = self.tester(Greeter(), greeting="hi")
        asked, answered = tester.exchange(make_request("POST", "http://a.example/b", b"c"), make_response(200, b"d"))
        assert asked is not None and answered is not None
        self.assertEqual((asked.method, asked.url, asked.content), ("POST", "http://a.example/b", b"c"))
        self.assertEqual((asked.headers["x-greeting"], asked.headers["x-waited"]), ("hi", "30"))
        self.assertEqual(answered.content, b"D")
        tester.assert_trace(["requestheaders", "request", "responseheaders", "response"])
        self.assertEqual((tester.trace[0], tester.trace[-1]), ("clientconnect", "clientdisconnect"))

    def test_https(self) -> None:
        """By CONNECT and TLS on both sides."""
        tester = self.tester(Greeter())
        asked, answered = tester.exchange("https://a.example/b", make_response(200, b"d"))
        self.assertEqual((asked and asked.url, answered and answered.content), ("https://a.example/b", b"D"))
        tester.assert_trace(["http_connect", "requestheaders", "request", "responseheaders", "response"])

    def test_refused_connect(self) -> None:
        """What a CONNECT is answered when that is not 2xx."""

        class Refuses:
            def http_connect(self, flow: HTTPFlow) -> None:
                flow.response = Response.make(403)

        asked, answered = self.tester(Refuses()).exchange("https://a.example/", make_response())
        self.assertEqual((asked, answered and answered.status_code), (None, 403))

    def test_nobody(self) -> None:
        """A host that nobody serves does not exist."""
        tester = self.tester()
        asked, answered = tester.exchange("http://a.example/")
        self.assertEqual((asked, answered and answered.status_code), (None, 502))
        tester.assert_trace(["requestheaders", "request", "error"])

    def test_moved(self) -> None:
        """The request that another server got is given."""

        class Moves:
            def request(self, flow: HTTPFlow) -> None:
                flow.request.host = "b.example"

        tester = self.tester(Moves())
        other = tester.serve("b.example", 80, {"/x": make_response(200, b"other")})
        asked, answered = tester.exchange("http://a.example/x")
        self.assertEqual((asked and asked.host, answered and answered.content), ("b.example", b"other"))
        self.assertIs(tester.serve("b.example", 80, make_response(204, b"")), other)
        self.assertEqual(tester.exchange("http://a.example/x").response.status_code, 204)  # type: ignore[union-attr]

    def test_killed(self) -> None:
        """A connection that ends without an answer."""

        class Kills:
            def response(self, flow: HTTPFlow) -> None:
                flow.kill()

        asked, answered = self.tester(Kills()).exchange("http://a.example/", make_response())
        self.assertEqual((asked and asked.path, answered), ("/", None))

    def test_failure(self) -> None:
        """What a handler raises is raised here, unless the test wants to see the exchange."""

        class Fails:
            failure_policy = "respond"

            def request(self, flow: HTTPFlow) -> None:
                raise ValueError("boom")

        tester = self.tester(Fails())
        self.assertRaises(ValueError, tester.exchange, "http://a.example/", make_response())
        self.assertEqual(tester.exchange("http://a.example/", check=False).response.status_code, 503)  # type: ignore[union-attr]

    def test_does_not_collect(self) -> None:
        """The tester itself does not make the proxy collect bodies that the addon does not want."""

        class Looks:
            streamed: list[bool] = []

            @wants_body(False)
            def response(self, flow: HTTPFlow) -> None:
                assert flow.response is not None
                self.streamed.append(flow.response.streamed)

        def answer(_request: object) -> bytes:
            return b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n" + bytes(100000)

        self.tester(looks := Looks()).exchange("http://a.example/", answer)
        self.assertEqual(looks.streamed, [True])

    def test_trace(self) -> None:
        """A trace that is another one is an error that shows both; connections count if that is wanted."""
        tester = self.tester()
        tester.exchange("http://a.example/", make_response())
        error = self.assertRaises(AssertionError, tester.assert_trace, ["request"])
        self.assertEqual(
            str(error),
            "expected the hooks request, but there were requestheaders request responseheaders response",
        )
        tester.assert_trace(tester.trace, connections=True)
        self.assertRaises(AssertionError, tester.assert_trace, tester.trace)


class LifeTests(TesterTestCase):
    """Start, options, log and end."""

    def test_options(self) -> None:
        """Options of the core and of the addon are set; a refused change is raised, and taken back."""
        tester = self.tester(Greeter(), greeting="hi", hook_timeout=90)
        self.assertEqual((tester.options.greeting, tester.options.hook_timeout), ("hi", 90))
        tester.set_options(greeting="ho")
        self.assertEqual(tester.options.greeting, "ho")
        self.assertRaises(OptionsError, tester.set_options, greeting="")
        self.assertRaises(OptionsError, tester.set_options, greetin="x")
        self.assertEqual(tester.options.greeting, "ho")

    def test_cannot_start(self) -> None:
        """Why the proxy does not start is raised, and nothing keeps listening to the log."""
        observers = list(globalLogPublisher._observers)
        self.assertRaises(OptionsError, AddonTester, Greeter(), greeting="")
        self.assertRaises(OptionsError, AddonTester, Greeter(), greetin="hi")
        self.assertRaises(AddonError, AddonTester, object(), object())

        class Fails:
            def start(self) -> None:
                raise ValueError("boom")

        self.assertRaises(ValueError, AddonTester, Fails())
        self.assertEqual(globalLogPublisher._observers, observers)

    def test_never_starts(self) -> None:
        """An addon whose start never answers is told of."""

        class Never:
            def start(self) -> Deferred[None]:
                return Deferred()

        error = self.assertRaises(AssertionError, AddonTester, Never(), hook_timeout=0)
        self.assertIn("had not started after 120 s", str(error))

    def test_log(self) -> None:
        """What addons log is noted, with its level."""
        tester = self.tester(Greeter())
        tester.fire("response", http_flow(response=make_response()))
        self.assertIn("shouted", tester.messages("info"))
        self.assertIn("shouted", tester.messages())
        self.assertNotIn("shouted", tester.messages("warn"))

    def test_stop(self) -> None:
        """At the end C{done} is called, once; it works as a context manager too."""
        with AddonTester(greeter := Greeter()) as tester:
            self.assertEqual(greeter.life, [])
        tester.stop()
        self.assertEqual(greeter.life, ["done"])

    def test_tick(self) -> None:
        """Time can pass for addons that do something by themselves."""
        ticks: list[float] = []

        class Ticks:
            def tick(self) -> None:
                ticks.append(tester.harness.network.seconds())

        tester = self.tester(Ticks(), tick_interval=1)
        before = len(ticks)
        for _ in range(3):
            tester.advance(1)
        self.assertEqual(len(ticks) - before, 3)
