"""
A handler that fails, in each hook, in each of three ways, with each failure policy: it is logged with its addon and
hook, and hurts no other flow.
"""

from collections.abc import Callable
from typing import Any

from twisted.internet.defer import Deferred, fail

from mitmtw.testing import Harness, Peer, Recorder
from tests.acceptance.base import GET, request
from tests.acceptance.failures_base import CONNECT, FailureCase

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi"


def raises(*arguments: Any) -> None:
    raise ZeroDivisionError("oops")


def fails(*arguments: Any) -> Deferred[None]:
    return fail(ZeroDivisionError("oops"))


async def coroutine_raises(*arguments: Any) -> None:
    raise ZeroDivisionError("oops")


WAYS: tuple[Callable[..., Any], ...] = (raises, fails, coroutine_raises)
HTTP_HOOKS = ("requestheaders", "request", "responseheaders", "response")


class RaisingCase(FailureCase):
    """An addon that fails in one hook, and one that watches."""

    def failing(self, hook: str, way: Callable[..., Any], policy: Any = "continue") -> tuple[Harness, Recorder, Peer]:
        """A proxy with both, and a client."""
        addon = Recorder(name="faulty", only=(), **{hook: way})
        addon.failure_policy = policy  # type: ignore[attr-defined]
        recorder = Recorder(name="watching")
        harness = self.proxy(addon, recorder)
        harness.origin("example.com", 80, OK)
        return harness, recorder, harness.client()

    def check_logged(self, events: list[dict[str, Any]], hook: str) -> None:
        """The failure was logged once, with the addon and the hook."""
        logged = [event for event in events if event.get("addon") == "faulty" and event.get("hook") == hook]
        self.assertEqual(len(logged), 1, hook)
        self.assertEqual(logged[0]["log_level"].name, "error")
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 1)


class ContinueTests(RaisingCase):
    """The policy is to go on: the addon is as if it were not there."""

    def test_in_each_hook_of_an_exchange(self) -> None:
        """The next addon gets the event, and the exchange goes on to its end."""
        for hook in ("clientconnect", "next_layer", "serverconnect", "server_connected", *HTTP_HOOKS):
            for way in WAYS:
                events = self.logged()
                harness, recorder, client = self.failing(hook, way)
                client.send(GET)
                harness.pump()
                self.assertEqual(client.received, OK, (hook, way))
                self.assertEqual(recorder.count(hook), 1)
                self.assertEqual(recorder.count("response"), 1)
                self.check_logged(events, hook)
                self.check_over(harness, recorder, client)

    def test_in_error(self) -> None:
        """The client gets its page."""
        for way in WAYS:
            events = self.logged()
            harness, recorder, client = self.failing("error", way)
            client.send(request(host="127.0.0.9"))
            harness.pump()
            self.assertTrue(client.received.startswith(b"HTTP/1.1 502 "))
            self.assertEqual(recorder.count("error"), 1)
            self.check_logged(events, "error")
            self.check_over(harness, recorder, client)

    def test_in_http_connect(self) -> None:
        """The tunnel is opened."""
        for way in WAYS:
            events = self.logged()
            harness, recorder, client = self.failing("http_connect", way)
            client.send(CONNECT)
            harness.pump()
            self.assertTrue(client.received.startswith(b"HTTP/1.1 200 "))
            self.check_logged(events, "http_connect")
            self.check_over(harness, recorder, client)

    def test_in_the_hooks_that_tell(self) -> None:
        """The end of connections goes on."""
        for hook in ("clientdisconnect", "serverdisconnect", "server_connect_error"):
            for way in WAYS:
                events = self.logged()
                harness, recorder, client = self.failing(hook, way)
                client.send(request("GET", "/", "Connection: close"))
                harness.pump()
                client = harness.client()
                client.send(request(host="127.0.0.9"))
                harness.pump()
                self.check_over(harness, recorder, client)
                named = [event for event in events if event.get("hook") == hook]
                self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), len(named))
                self.assertEqual(len(named), 2 if hook == "clientdisconnect" else 1)

    def test_in_done(self) -> None:
        """The others get theirs, and the proxy stops."""
        for way in WAYS:
            events = self.logged()
            harness, _, client = self.failing("done", way)
            other = Recorder(name="other", only=(), done=lambda: None)
            self.successResultOf(self.lifecycle(harness).add_addon(other))
            client.reset()
            harness.pump()
            self.check_stopped(harness)
            self.assertEqual(other.trace, ["done"])
            self.check_logged(events, "done")


class KillPolicyTests(RaisingCase):
    """The policy is to kill: the flow or the connection, and the chain ends."""

    def test_flow(self) -> None:
        """Both sides are reset; error says which addon; the next addon does not get the event."""
        for hook in HTTP_HOOKS:
            for way in WAYS:
                events = self.logged()
                harness, recorder, client = self.failing(hook, way, "kill")
                client.send(GET)
                harness.pump()
                self.assertTrue(client.was_reset(), (hook, way))
                self.assertEqual((recorder.count(hook), recorder.count("error")), (0, 1))
                self.assertIn("the addon faulty failed", recorder.last("error").error.msg)
                self.check_logged(events, hook)
                self.check_over(harness, recorder, client)

    def test_client_connection(self) -> None:
        """Clientconnect and next_layer: the connection is reset."""
        for hook in ("clientconnect", "next_layer"):
            for way in WAYS:
                events = self.logged()
                harness, recorder, client = self.failing(hook, way, "kill")
                client.send(GET)
                harness.pump()
                self.assertTrue(client.was_reset(), (hook, way))
                self.assertEqual(recorder.count("requestheaders"), 0)
                self.assertEqual(recorder.trace[-1], "clientdisconnect")
                self.check_logged(events, hook)

    def test_server_connection(self) -> None:
        """serverconnect: it is not made, and the flow ends in a page."""
        for way in WAYS:
            events = self.logged()
            harness, recorder, client = self.failing("serverconnect", way, "kill")
            client.send(GET)
            harness.pump()
            self.assertTrue(client.received.startswith(b"HTTP/1.1 502 "))
            self.assertEqual(len(harness.network.attempts), 1)  # the client's own
            self.check_logged(events, "serverconnect")
            self.check_over(harness, recorder, client)

    def test_http_connect_and_error(self) -> None:
        """No tunnel, and no page."""
        for hook, sent in (("http_connect", CONNECT), ("error", request(host="127.0.0.9"))):
            for way in WAYS:
                events = self.logged()
                harness, recorder, client = self.failing(hook, way, "kill")
                client.send(sent)
                harness.pump()
                self.assertTrue(client.was_reset(), (hook, way))
                self.assertEqual(client.received, b"")
                self.assertEqual(recorder.trace[-1], "clientdisconnect")
                self.check_logged(events, hook)


class RespondPolicyTests(RaisingCase):
    """The policy is to respond: with the status, where there is a response to give."""

    def test_before_the_server_is_asked(self) -> None:
        """The status comes from us, nothing goes upstream, and the flow ends in response."""
        for policy, status in (("respond", b"503"), (("respond", 599), b"599")):
            for hook in ("requestheaders", "request"):
                for way in WAYS:
                    events = self.logged()
                    harness, recorder, client = self.failing(hook, way, policy)
                    client.send(GET)
                    harness.pump()
                    self.assertEqual(client.received[:12], b"HTTP/1.1 " + status, (hook, way))
                    self.assertEqual(recorder.count("serverconnect"), 0)
                    self.assertEqual((recorder.count("response"), recorder.count("error")), (1, 0))
                    self.check_logged(events, hook)
                    self.check_over(harness, recorder, client)

    def test_in_place_of_the_servers_answer(self) -> None:
        """The status takes the place of the response, in responseheaders and in response."""
        for hook in ("responseheaders", "response"):
            for way in WAYS:
                events = self.logged()
                harness, recorder, client = self.failing(hook, way, "respond")
                client.send(GET)
                harness.pump()
                self.assertEqual(client.received[:12], b"HTTP/1.1 503", (hook, way))
                self.assertNotIn(b"\r\n\r\nhi", client.received)
                self.assertEqual(recorder.count("error"), 0)
                self.check_logged(events, hook)

    def test_error_and_http_connect(self) -> None:
        """The status is the page, and the answer to CONNECT, which then is no tunnel."""
        for hook, sent in (("error", request(host="127.0.0.9")), ("http_connect", CONNECT)):
            for way in WAYS:
                events = self.logged()
                harness, _, client = self.failing(hook, way, "respond")
                client.send(sent)
                harness.pump()
                self.assertEqual(client.received[:12], b"HTTP/1.1 503", (hook, way))
                self.check_logged(events, hook)

    def test_where_there_is_none_to_give(self) -> None:
        """serverconnect, clientconnect: it means kill."""
        harness, _, client = self.failing("serverconnect", raises, "respond")
        client.send(GET)
        harness.pump()
        self.assertTrue(client.received.startswith(b"HTTP/1.1 502 "))
        harness, _, client = self.failing("clientconnect", raises, "respond")
        self.assertTrue(client.was_reset())
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 2)

    def test_response_that_is_out_already(self) -> None:
        """Response of a streamed body: there is none to give, so it means kill."""

        def responseheaders(flow: Any) -> None:
            flow.response.stream = True

        addon = Recorder(name="faulty", only=(), responseheaders=responseheaders, response=raises)
        addon.failure_policy = "respond"  # type: ignore[attr-defined]
        harness = self.proxy(addon)
        harness.origin("example.com", 80, OK)
        client = self.send(harness, GET)
        self.assertTrue(client.was_reset())
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 1)
