"""
What the tests of failures, kills, deadlines and aborts share: a scene, hooks that are held, and what must be true at
the end.
"""

from collections.abc import Callable
from typing import Any

from twisted.internet.defer import CancelledError, Deferred
from twisted.logger import globalLogPublisher

from mitmtw.testing import Harness, Origin, Peer, Recorder
from tests.acceptance.base import Acceptance

__all__ = ["ASK_HOOKS", "CONNECT", "FailureCase", "Holder", "Scene", "Stubborn", "XorCase"]

#: The ask hooks of an HTTP exchange, in order.
ASK_HOOKS = ("requestheaders", "request", "responseheaders", "response", "error")
TUNNEL = b"CONNECT example.com:443 HTTP/1.1\r\nHost: example.com:443\r\n\r\n"
CONNECT = b"CONNECT example.com:9999 HTTP/1.1\r\nHost: example.com:9999\r\n\r\n"


class Holder:
    """
    A handler that does not answer before the test does.

    @ivar held: the Deferreds it has given, in order.
    @ivar cancelled: how many of them were cancelled.
    """

    def __init__(self) -> None:
        self.held: list[Deferred[Any]] = []
        self.cancelled = 0

    def __call__(self, *arguments: Any) -> Deferred[Any]:
        deferred: Deferred[Any] = Deferred(self._cancel)
        self.held.append(deferred)
        return deferred

    def _cancel(self, deferred: Deferred[Any]) -> None:
        self.cancelled += 1

    @property
    def pending(self) -> list[Deferred[Any]]:
        """Those that did not fire."""
        return [each for each in self.held if not each.called]

    def answer(self, value: Any = None) -> None:
        """Answer all that are pending."""
        for each in self.pending:
            each.callback(value)

    def fail(self, error: Exception) -> int:
        """Fail all that are pending; how many these were."""
        pending = self.pending
        for each in pending:
            each.errback(error)
        return len(pending)


class Stubborn:
    """
    An asynchronous handler that swallows its cancellation: it notes it, then waits for something else.

    @ivar first: what it waits for.
    @ivar second: what it waits for after its cancellation.
    @ivar cancelled: how often it was cancelled.
    @ivar finish: what it does at its end, with its argument.
    """

    def __init__(self, finish: Callable[[Any], None] = lambda subject: None) -> None:
        self.first: Deferred[Any] = Deferred()
        self.second: Deferred[Any] = Deferred(lambda _: None)
        self.cancelled = 0
        self.ended = 0
        self.finish = finish

    async def __call__(self, subject: Any) -> None:
        try:
            await self.first
        except CancelledError:
            self.cancelled += 1
            await self.second
        self.finish(subject)
        self.ended += 1


class Scene:
    """A proxy, a client, a server, and perhaps a handler that is held."""

    def __init__(self, case: "FailureCase", holder: Any = None, **settings: Any) -> None:
        """
        @param holder: a L{Holder} that one of the handlers is, if any.
        @param settings: options, and handlers by hook name as C{on_HOOK}.
        """
        handlers = {name[3:]: settings.pop(name) for name in list(settings) if name.startswith("on_")}
        self.holder: Holder = holder or Holder()
        self.recorder = Recorder(**handlers)
        self.harness: Harness = case.proxy(self.recorder, **settings)
        self.port = 443 if case.is_tls else 80
        self.client: Peer = self.harness.client()
        self.client_wire: Any = self.client.wire
        self.proxy_wire: Any = self.client.wire.peer  # the proxy's end of the client's connection
        if case.is_tls:
            self.origin: Origin = self.harness.tls_origin("example.com", 443)
            self.send(TUNNEL)
            self.client = self.harness.secure(self.client, "example.com")
        else:
            self.origin = self.harness.origin("example.com", 80)

    def send(self, data: bytes) -> "Scene":
        """The client sends."""
        self.client.send(data)
        self.harness.pump()
        return self

    def serve(self, data: bytes) -> "Scene":
        """The server sends on its latest connection."""
        self.origin.peer.send(data)
        self.harness.pump()
        return self

    @property
    def flow(self) -> Any:
        """The latest flow that a hook has got."""
        return self.recorder.flow


class FailureCase(Acceptance):
    """
    A test of what goes wrong, with the invariants of all flows and connections.

    @cvar is_tls: whether scenes are played inside of TLS inside of a tunnel, with a server that speaks TLS.
    """

    is_tls = False

    def logged(self) -> list[dict[str, Any]]:
        """A list that gets all log events from now on, until the test ends."""
        events: list[dict[str, Any]] = []
        observer: Any = events.append
        globalLogPublisher.addObserver(observer)
        self.addCleanup(globalLogPublisher.removeObserver, observer)
        return events

    def lifecycle(self, harness: Harness) -> Any:
        """The addons' life in a proxy that was started."""
        return harness.service.lifecycle

    def clients(self, harness: Harness) -> int:
        """How many clients a proxy has that was started."""
        return len(harness.service.proxy.clients) if harness.service.proxy is not None else 0

    def check_flow_ended(self, recorder: Recorder, flow: Any) -> None:
        """One flow has ended in exactly one of C{response} and C{error}, and it is over."""
        names = [name for name, subject in recorder.events if subject is flow]
        errors, responses = names.count("error"), names.count("response")
        self.assertLessEqual(errors, 1, names)
        self.assertLessEqual(responses, 1, names)
        is_connect = flow.request is not None and flow.request.method == "CONNECT"
        if not is_connect:
            self.assertGreaterEqual(errors + responses, 1, names)
        if errors:
            self.assertEqual(names[-1], "error")
            self.assertGreater(len(flow.error.msg), 5)
            if responses:  # its response hook did not end well: it was killed, or the client was gone meanwhile
                self.assertEqual(names[-2], "response")
        else:
            self.assertIsNone(flow.error)
        self.assertFalse(flow.live)

    def check_connections_ended(self, recorder: Recorder) -> None:
        """Clientdisconnect exactly once and last, serverdisconnect exactly once for each established connection."""
        events = recorder.events
        connects = [subject.client_conn for name, subject in events if name == "clientconnect"]
        disconnects = [subject.client_conn for name, subject in events if name == "clientdisconnect"]
        self.assertEqual({id(each) for each in connects}, {id(each) for each in disconnects}, recorder.trace)
        self.assertEqual(len(connects), len(disconnects), recorder.trace)
        if len(connects) == 1:
            after = recorder.trace[recorder.trace.index("clientdisconnect") + 1 :]
            self.assertEqual([name for name in after if name != "serverdisconnect"], [], recorder.trace)
        for hook, final in (("server_connected", "serverdisconnect"), ("server_connect_error", "")):
            for name, conn in events:
                if name == hook:
                    names = [each for each, subject in events if subject is conn]
                    self.assertEqual(names.count("serverdisconnect"), 1 if final else 0, names)
                    self.assertEqual(names.count(hook), 1, names)

    def check_over(self, harness: Harness, recorder: Recorder, *peers: Peer) -> None:
        """
        End the clients that are left and the proxy, then look whether every flow and connection has ended as it must.
        """
        for peer in peers:
            if peer.is_connected:
                peer.reset()
        harness.pump()
        proxy = harness.service.proxy
        self.check_stopped(harness)
        flows = {id(subject): subject for _, subject in recorder.events if hasattr(subject, "request")}
        for flow in flows.values():
            self.check_flow_ended(recorder, flow)
        self.check_connections_ended(recorder)
        if proxy is not None:
            self.assertEqual(proxy.collected.total, 0, "collected bytes are not given back")
            self.assertEqual(proxy.clients, set())

    def check_next_is_served(self, harness: Harness, origin: Origin, host: str = "example.com") -> None:
        """A request on a new connection is served by C{origin}."""
        client = self.send(harness, f"GET http://{host}/next HTTP/1.1\r\nHost: {host}\r\n\r\n".encode())
        origin.peer.send(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nnext")
        harness.pump()
        self.assertTrue(client.received.endswith(b"\r\n\r\nnext"), client.received)
        client.close()
        harness.pump()


class XorCase(FailureCase):
    """How a flow ended."""

    def check_error(self, scene: Scene, status: int | None, sentence: str) -> None:
        """
        The flow has ended in C{error} with C{sentence} in it, and all else is as it must be.

        @param status: of the page, or None when the client was reset.
        """
        recorder, client = scene.recorder, scene.client
        self.assertEqual((recorder.count("error"), recorder.count("response")), (1, 0), recorder.trace)
        message = recorder.last("error").error.msg
        self.assertIn(sentence, message)
        if status is None:
            self.assertFalse(client.is_connected)
        else:
            self.assertTrue(client.received.startswith(f"HTTP/1.1 {status} ".encode()), client.received)
            self.assertIn(message[1:].encode(), client.received)
        self.check_next_is_served(scene.harness, scene.harness.origin("next.example", 80), "next.example")
        self.check_over(scene.harness, recorder, client)
