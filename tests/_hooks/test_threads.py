"""Tests for L{mitmtw._hooks.threads} and L{mitmtw.addon.in_thread}: handlers that block."""

import threading
from collections.abc import Callable
from typing import Any

from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.interfaces import IReactorThreads
from twisted.internet.task import Clock
from twisted.logger import Logger
from typing_extensions import override
from zope.interface import implementer

from mitmtw._hooks import Hooks
from mitmtw._hooks.answers import invoke
from mitmtw._hooks.origin import HANDLING
from mitmtw._hooks.table import TABLE
from mitmtw.addon import in_thread, wants_body
from mitmtw.errors import AddonError, StopChain
from mitmtw.model import HTTPFlow, ServerConnection
from mitmtw.testing import http_flow
from tests._hooks.fakes import HooksTestCase, Kept, Seer, addon


@implementer(IReactorThreads)
class Threads(Clock):
    """A clock with threads that run when a test says so, and a reactor's thread that does likewise."""

    def __init__(self) -> None:
        super().__init__()
        self.begun: list[Callable[[], object]] = []
        self.ended: list[Callable[[], object]] = []

    def callInThread(self, callable: Any, *args: Any, **kwargs: Any) -> None:
        self.begun.append(lambda: callable(*args, **kwargs))

    def callFromThread(self, callable: Any, *args: Any, **kwargs: Any) -> None:
        self.ended.append(lambda: callable(*args, **kwargs))

    def getThreadPool(self) -> Any:
        raise AssertionError("not used")

    def suggestThreadPoolSize(self, size: int) -> None:
        raise AssertionError("not used")

    def work(self) -> None:
        """Let the threads do what they were given."""
        begun, self.begun = self.begun, []
        for call in begun:
            call()

    def finish(self) -> None:
        """Let the reactor hear of it."""
        ended, self.ended = self.ended, []
        for call in ended:
            call()


class ThreadsTestCase(HooksTestCase):
    """Handlers in threads that do nothing by themselves."""

    @override
    def setUp(self) -> None:
        super().setUp()
        self.threads = self.clock = Threads()
        logger = Logger(namespace="mitmtw._hooks", observer=self.publisher)
        self.hooks = Hooks(self.clock, log=logger)

    def fire(self, name: str = "request", subject: Any = None) -> "Deferred[None]":
        """Fire a hook, for which somebody has to be waited for."""
        self.http: HTTPFlow = http_flow() if subject is None else subject
        pending: Deferred[None] = getattr(self.hooks, name)(self.http)
        self.assertNoResult(pending)
        return pending


class OrderTests(ThreadsTestCase):
    """The contract is that of any handler."""

    def test_next_waits(self) -> None:
        """The next handler is called when the reactor has heard that the thread is done, and sees the edits."""
        seen: list[object] = []

        @in_thread
        def request(flow: HTTPFlow) -> None:
            flow.request.headers["x"] = "y"

        self.add(addon(request=request), addon(name="n", request=lambda flow: seen.append(flow.request.headers["x"])))
        pending = self.fire()
        self.threads.work()
        self.assertEqual(seen, [])
        self.assertNotIn("x", self.http.request.headers)
        self.threads.finish()
        self.assertEqual(seen, ["y"])
        self.successResultOf(pending)
        self.assert_nothing_left()

    def test_same_signature(self) -> None:
        """Called directly, as a test of one handler does, it is the plain function; other marks stay."""

        class Saves:
            @in_thread
            @wants_body(True)
            def response(self, flow: object) -> str:
                return "called"

        saves = Saves()
        self.assertEqual(saves.response(None), "called")
        self.add(saves)
        self.assertEqual(self.hooks.wants_response_body, 2)

    def test_failure(self) -> None:
        """A failure is the handler's, its edits count as those of a handler that fails do, and the chain goes on."""

        @in_thread
        def request(flow: HTTPFlow) -> None:
            flow.comment = "half done"
            raise ValueError("boom")

        self.add(addon(request=request), addon(name="n", request=lambda flow: None))
        pending = self.fire()
        self.threads.work()
        self.threads.finish()
        self.successResultOf(pending)
        (event,) = self.events
        self.assertEqual((event["addon"], event["hook"]), ("probe", "request"))
        self.assertEqual(event["log_failure"].getErrorMessage(), "boom")
        self.assertEqual(self.http.comment, "half done")

    def test_stop_chain(self) -> None:
        """StopChain ends the chain."""

        @in_thread
        def request(flow: HTTPFlow) -> None:
            flow.comment = "c"
            raise StopChain

        self.add(addon(request=request), Seer("next"))
        pending = self.fire()
        self.threads.work()
        self.threads.finish()
        self.successResultOf(pending)
        self.assertEqual((self.http.comment, self.events), ("c", []))

    def test_exit(self) -> None:
        """C{sys.exit} in a thread ends neither thread nor flow, it is a failure."""

        @in_thread
        def request(flow: HTTPFlow) -> None:
            raise SystemExit(1)

        self.add(addon(request=request))
        pending = self.fire()
        self.threads.work()
        self.threads.finish()
        self.successResultOf(pending)
        self.assertEqual(len(self.logged("error")), 1)

    def test_result(self) -> None:
        """A result is the handler's result; here it means nothing and is reported."""
        self.add(addon(request=in_thread(lambda flow: 7)))
        pending = self.fire()
        self.threads.work()
        self.threads.finish()
        self.successResultOf(pending)
        self.assertIn("request returned a int", self.logged("warn")[0])

    def test_nonsense(self) -> None:
        """What a handler wrote and no flow can have is its failure, and holds nobody up."""

        @in_thread
        def request(flow: Any) -> None:
            flow.request.headers = {"a": 5}

        self.add(addon(request=request))
        pending = self.fire()
        self.threads.work()
        self.threads.finish()
        self.successResultOf(pending)
        self.assertEqual(len(self.logged("error")), 1)

    def test_connection(self) -> None:
        """The wishes of a handler of C{serverconnect} count."""

        @in_thread
        def serverconnect(server_conn: ServerConnection) -> None:
            server_conn.address = ("192.0.2.7", 80)

        conn = ServerConnection(("a", 80))
        self.add(addon(serverconnect=serverconnect))
        pending = self.fire("serverconnect", conn)
        self.threads.work()
        self.assertEqual(conn.address, ("a", 80))
        self.threads.finish()
        self.successResultOf(pending)
        self.assertEqual(conn.address, ("192.0.2.7", 80))

    def test_context(self) -> None:
        """Context variables are those of the caller: what a handler of C{log} logs does not come back to it."""
        seen: list[object] = []
        self.add(addon(log=in_thread(lambda entry: seen.append(HANDLING.get()))))
        pending = self.fire("log", object())
        self.threads.work()
        self.threads.finish()
        self.successResultOf(pending)
        self.assertEqual(seen, [frozenset({next(iter(self.hooks.chain))})])

    def test_max_pending(self) -> None:
        """More calls than the addon may have pending are not given to a thread."""
        self.add(addon(max_pending=1, request=in_thread(lambda flow: None)))
        first, second = self.fire(), self.fire()
        self.assertEqual(len(self.threads.begun), 1)
        self.threads.work()
        self.threads.finish()
        self.successResultOf(first)
        self.assertEqual(len(self.threads.begun), 1)
        self.threads.work()
        self.threads.finish()
        self.successResultOf(second)


class LateTests(ThreadsTestCase):
    """Nobody waits any more."""

    def test_deadline(self) -> None:
        """After the deadline the event goes on; what the thread has written, or writes later, has no effect."""
        copies: list[HTTPFlow] = []

        @in_thread
        def request(flow: HTTPFlow) -> None:
            flow.request.headers["x"] = "late"
            copies.append(flow)

        self.add(addon(request=request))
        pending = self.fire()
        self.clock.pump([5, 55])
        self.successResultOf(pending)
        self.assertIn("did not answer within 60 s", self.logged("error")[0])
        before = self.http.get_state()
        self.threads.work()
        self.threads.finish()
        self.assertEqual(self.http.get_state(), before)
        self.assert_nothing_left()

    def test_finished_but_not_heard(self) -> None:
        """A cancellation between the end of the thread and the reactor's turn for it still wins."""

        @in_thread
        def request(flow: HTTPFlow) -> None:
            flow.comment = "late"

        self.add(addon(request=request), Seer("next"))
        pending = self.fire()
        self.threads.work()
        pending.cancel()
        self.failureResultOf(pending, CancelledError)
        self.threads.finish()
        self.assertEqual((self.http.comment, self.events), ("", []))

    def test_not_begun(self) -> None:
        """A handler whose turn in the pool never came is not called at all."""
        called: list[object] = []
        self.add(addon(request=in_thread(lambda flow: called.append(flow))))
        pending = self.fire()
        pending.cancel()
        self.failureResultOf(pending, CancelledError)
        self.threads.work()
        self.threads.finish()
        self.assertEqual(called, [])
        self.assert_nothing_left()

    def test_late_failure(self) -> None:
        """It is logged with addon and hook."""

        def request(flow: HTTPFlow) -> None:
            self.pending.cancel()  # from "another thread", while this one is running
            raise ValueError("too late")

        self.add(addon(request=in_thread(request)))
        self.pending = self.fire()
        self.threads.work()
        self.failureResultOf(self.pending, CancelledError)
        self.threads.finish()
        (event,) = self.events
        self.assertEqual((event["addon"], event["hook"]), ("probe", "request"))
        self.assertEqual(event["log_failure"].getErrorMessage(), "too late")

    def test_kill(self) -> None:
        """A kill in the thread counts when the handler is done; the exchange is told once."""
        reasons: list[object] = []

        @in_thread
        def request(flow: HTTPFlow) -> None:
            self.assertTrue(flow.kill())

        class Run:
            def cancel(self, why: object) -> None:
                reasons.append(why)
                pending.cancel()

        self.add(addon(request=request), Seer("next"))
        flow = http_flow()
        flow.begin(Run())
        pending = self.fire(subject=flow)
        self.threads.work()
        self.assertEqual(reasons, [])
        self.threads.finish()
        self.failureResultOf(pending, CancelledError)
        self.assertEqual((len(reasons), flow.killed, self.events), (1, True, []))


class PlaceTests(ThreadsTestCase):
    """The report about a slow handler."""

    def test_in_the_pool(self) -> None:
        """One that waits for a thread is reported where it is defined."""

        @in_thread
        def request(flow: HTTPFlow) -> None:
            """Never called."""

        self.add(addon(request=request))
        pending = self.fire()
        self.clock.advance(5)
        self.assertIn(f"it waits at {__file__}:{request.__code__.co_firstlineno};", self.logged("warn")[0])
        pending.cancel()
        self.failureResultOf(pending, CancelledError)

    def test_running(self) -> None:
        """One that runs is reported at the line of its own file where it is, not in what it calls."""

        @in_thread
        def request(flow: HTTPFlow) -> None:
            threading.Thread(target=lambda: self.clock.advance(5)).run()

        self.add(addon(request=request))
        pending = self.fire()
        self.threads.work()
        # The innermost line of this file is that of the lambda.
        self.assertIn(f"it waits at {__file__}:{request.__code__.co_firstlineno + 2};", self.logged("warn")[0])
        self.threads.finish()
        self.successResultOf(pending)


class RefusedTests(ThreadsTestCase):
    """What cannot run in a thread is refused at load."""

    def test_hooks(self) -> None:
        """Hooks whose argument is a layer or a loader."""
        for hook in ("clientconnect", "clientdisconnect", "next_layer", "load"):
            handler = in_thread(lambda argument: None)
            error = self.assertRaises(AddonError, self.hooks.add, addon(**{hook: handler}))
            self.assertIn(f"addon probe: {hook} cannot run in a thread, ({TABLE[hook].arguments[0]})", str(error))

    def test_functions(self) -> None:
        """Coroutines and generators do not block."""

        async def coroutine(flow: object) -> None:
            """Wait for nothing."""

        def generator(flow: object) -> Any:
            yield

        async def both(flow: object) -> Any:
            yield

        for function in (coroutine, generator, both):
            self.assertRaises(AddonError, in_thread, function)

    def test_awaitables(self) -> None:
        """A Deferred or coroutine that it returns is a failure."""

        async def wait() -> None:
            """Never begun."""

        outcomes: list[object] = [Deferred(), wait()]
        for outcome in outcomes:
            self.setUp()
            self.add(addon(request=in_thread(lambda flow, outcome=outcome: outcome)))
            pending = self.fire()
            self.threads.work()
            self.threads.finish()
            self.successResultOf(pending)
            self.assertIn("it can only wait by blocking", self.events[0]["log_failure"].getErrorMessage())

    def test_configure(self) -> None:
        """The form of C{configure} with one argument runs in a thread too."""
        seen: list[object] = []
        self.add(addon(configure=in_thread(lambda updated: seen.append(updated))))
        (listener,) = self.hooks.listeners("configure")
        pending = self.hooks.ask(listener, (object(), {"a"}))
        self.assertNoResult(pending)
        self.threads.work()
        self.threads.finish()
        self.successResultOf(pending)
        self.assertEqual(seen, [{"a"}])


class NoThreadsTests(HooksTestCase):
    """A reactor without threads."""

    def test_here(self) -> None:
        """The handler is called where it stands, on a copy still, and nobody waits."""
        seen: list[HTTPFlow] = []

        @in_thread
        def request(flow: HTTPFlow) -> None:
            flow.comment = "c"
            seen.append(flow)

        self.add(addon(request=request))
        flow = http_flow()
        assert self.hooks.request is not None
        self.assertIsNone(self.hooks.request(flow))
        self.assertEqual(flow.comment, "c")
        self.assertIsNot(seen[0], flow)

    def test_failure(self) -> None:
        """Its failure is logged."""

        def request(flow: object) -> None:
            raise ValueError("boom")

        self.add(addon(request=in_thread(request)))
        (listener,) = self.hooks.listeners("request")
        self.assertEqual(invoke(listener.handler, (self.flow,)).getErrorMessage(), "boom")  # type: ignore[attr-defined]


class RealTests(HooksTestCase):
    """A real thread."""

    def test_thread(self) -> None:
        """The handler runs in another thread than the one that fires the event."""
        started: list[threading.Thread] = []

        class Real(Threads):
            @override
            def callInThread(self, callable: Any, *args: Any, **kwargs: Any) -> None:
                started.append(thread := threading.Thread(target=callable, args=args))
                thread.start()

        clock = Real()
        hooks = Hooks(clock, log=Logger(observer=Kept(self.events)))
        seen: list[int] = []
        hooks.add(addon(request=in_thread(lambda flow: seen.append(threading.get_ident()))))
        assert hooks.request is not None
        pending = hooks.request(http_flow())
        assert pending is not None
        started[0].join()
        clock.finish()
        self.successResultOf(pending)
        self.assertNotEqual(seen, [threading.get_ident()])
