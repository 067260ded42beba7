"""Tests for L{mitmtw.testing.threads}: threads that do their work when the network settles."""

from typing import Any

from twisted.internet.interfaces import IReactorThreads
from twisted.internet.threads import deferToThreadPool
from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyObject

from mitmtw.addon import in_thread
from mitmtw.testing import Harness, Network, make_response
from mitmtw.testing.canned import Canned


class ThreadsTests(SynchronousTestCase):
    """The threads of a L{Network}."""

    def setUp(self) -> None:
        self.network = Network()

    def test_interface(self) -> None:
        """The network is a reactor with threads."""
        verifyObject(IReactorThreads, self.network)
        self.network.suggestThreadPoolSize(5)

    def test_order(self) -> None:
        """Work is done when the network settles, not before, and what it asks the reactor for after it."""
        seen: list[str] = []
        self.network.callInThread(lambda: self.network.callFromThread(seen.append, "heard"))
        self.network.callInThread(seen.append, "worked")
        self.assertEqual(seen, [])
        self.network.settle()
        self.assertEqual(seen, ["worked", "heard"])

    def test_held(self) -> None:
        """While threads are held nothing is done but by the test."""
        seen: list[str] = []
        self.network.are_threads_held = True
        self.network.callInThread(lambda: self.network.callFromThread(seen.append, "heard"))
        self.network.settle()
        self.assertEqual(len(self.network.thread_work), 1)
        self.assertTrue(self.network.work())
        self.assertFalse(self.network.work())
        self.assertEqual(seen, [])
        self.network.settle()
        self.assertEqual(seen, ["heard"])

    def test_pool(self) -> None:
        """C{deferToThreadPool} gives results and failures."""
        pool = self.network.getThreadPool()

        def fail() -> None:
            raise ValueError("boom")

        good: Any = deferToThreadPool(self.network, pool, divmod, 7, 2)
        bad: Any = deferToThreadPool(self.network, pool, fail)
        seen: list[int] = []
        pool.callInThread(seen.append, 1)
        pool.callInThreadWithCallback(None, seen.append, 2)
        self.assertNoResult(good)
        self.network.settle()
        self.assertEqual(self.successResultOf(good), (3, 1))
        self.failureResultOf(bad, ValueError)
        self.assertEqual(seen, [1, 2])


class WireTests(SynchronousTestCase):
    """Handlers in threads in a whole proxy: what a late thread writes is not on the wire (rule H8)."""

    def exchange(self, handler: Any, **options: Any) -> tuple[Harness, Canned, Any]:
        """A proxy whose addon has this handler of C{request} in a thread that is held, and a client that asks."""
        addon = type("Late", (), {"request": staticmethod(in_thread(handler))})()
        harness = Harness(addon, **options)
        harness.network.are_threads_held = True
        harness.origin("example.com", 80, canned := Canned(make_response()))
        client = harness.client()
        client.send(b"POST http://example.com/ HTTP/1.1\r\nHost: example.com\r\nContent-Length: 3\r\n\r\nabc")
        harness.pump()
        self.addCleanup(self.stop, harness)
        return harness, canned, client

    def stop(self, harness: Harness) -> None:
        """Stop the proxy; nothing may be left on its clock."""
        stopped = harness.stop()
        harness.advance(10)
        self.successResultOf(stopped)

    def test_in_time(self) -> None:
        """The wire waits for the thread, and carries what it wrote."""

        def handler(flow: Any) -> None:
            flow.request.content = b"edited"

        harness, canned, client = self.exchange(handler)
        self.assertEqual((canned.requests, client.received), ([], b""))
        harness.network.work()
        harness.pump()
        self.assertEqual(canned.requests[0].content, b"edited")
        self.assertIn(b"200 OK", client.received)

    def test_too_late(self) -> None:
        """After the deadline the request went on as it was; the thread's writes are dropped, then and for ever."""
        flows: list[Any] = []

        def handler(flow: Any) -> None:
            if not flows:
                harness.advance(5, 5)  # what happens meanwhile in the reactor's thread
            flow.request.content = b"edited"
            flow.request.headers["x"] = "y"
            flows.append(flow)

        harness, canned, client = self.exchange(handler, hook_timeout=10)
        harness.network.work()
        self.assertEqual(client.received.count(b"200 OK"), 1)
        harness.pump()
        flows[0].request.content = b"later still"
        client.send(b"GET http://example.com/ HTTP/1.1\r\nHost: example.com\r\n\r\n")
        harness.pump()
        self.assertEqual(client.received.count(b"200 OK"), 1)
        harness.network.work()
        harness.pump()
        self.assertEqual(client.received.count(b"200 OK"), 2)
        self.assertEqual([request.content for request in canned.requests], [b"abc", b"edited"])
        self.assertEqual(["x" in request.headers for request in canned.requests], [False, True])

    def test_client_gone(self) -> None:
        """A client that goes away while the thread works: nobody is asked, and nothing is left."""
        harness, canned, client = self.exchange(lambda flow: setattr(flow.request, "path", "/late"))
        client.reset()
        harness.pump()
        harness.network.work()
        harness.pump()
        self.assertEqual(canned.requests, [])
