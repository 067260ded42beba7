"""
A handler that never answers, in each hook: a warning after C{hook_slow_warning}, the end of its time after
C{hook_timeout}, then its addon's failure policy, and the exchange goes on or ends. Nothing is left of it.
"""

from typing import Any

from mitmtw.testing import Harness, Peer, Recorder
from tests.acceptance.base import GET, request
from tests.acceptance.failures_base import CONNECT, FailureCase, Holder, Stubborn

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi"
#: Ask hooks, what makes them fire, and how the answer begins when the handler is given up.
ASKED = {
    "clientconnect": (GET, b"HTTP/1.1 200 "),
    "next_layer": (GET, b"HTTP/1.1 200 "),
    "requestheaders": (GET, b"HTTP/1.1 200 "),
    "request": (GET, b"HTTP/1.1 200 "),
    "serverconnect": (GET, b"HTTP/1.1 200 "),
    "server_connected": (GET, b"HTTP/1.1 200 "),
    "responseheaders": (GET, b"HTTP/1.1 200 "),
    "response": (GET, b"HTTP/1.1 200 "),
    "error": (request(host="127.0.0.9"), b"HTTP/1.1 502 "),
    "http_connect": (CONNECT, b"HTTP/1.1 200 "),
}


class SilentCase(FailureCase):
    """An addon that is silent in one hook, and one that watches."""

    def silent(
        self, hook: str, handler: Any, policy: Any = "continue", **settings: Any
    ) -> tuple[Harness, Recorder, Peer]:
        """A proxy with both, and a client that has sent what makes the hook fire."""
        addon = Recorder(name="silent", only=(), **{hook: handler})
        addon.failure_policy = policy  # type: ignore[attr-defined]
        recorder = Recorder(name="watching")
        harness = self.proxy(addon, recorder, **{"hook_timeout": 10, "hook_slow_warning": 5, **settings})
        harness.origin("example.com", 80, OK)
        return harness, recorder, self.send(harness, ASKED.get(hook, (GET, b""))[0])

    def about(self, events: list[dict[str, Any]], hook: str) -> list[str]:
        """The levels of what was logged about a hook of the silent addon."""
        return [
            event["log_level"].name for event in events if event.get("addon") == "silent" and event.get("hook") == hook
        ]


class ContinueTests(SilentCase):
    """The policy is to go on."""

    def test_in_each_ask_hook(self) -> None:
        """A warning, then an error in the log, the next addon gets the event, the exchange goes on."""
        for hook, (_, answer) in ASKED.items():
            events, holder = self.logged(), Holder()
            harness, recorder, client = self.silent(hook, holder)
            self.assertEqual(len(holder.held), 1, hook)
            harness.advance(4.9)
            self.assertEqual(self.about(events, hook), [])
            harness.advance(0.2)
            self.assertEqual(self.about(events, hook), ["warn"])
            harness.advance(4.7)
            self.assertEqual((client.received, recorder.count(hook), holder.cancelled), (b"", 0, 0))
            harness.advance(0.3)
            self.assertEqual(self.about(events, hook), ["warn", "error"])
            self.assertEqual((recorder.count(hook), holder.cancelled), (1, 1))
            self.assertTrue(client.received.startswith(answer), (hook, client.received))
            self.check_over(harness, recorder, client)

    def test_handlers_that_swallow_their_cancellation(self) -> None:
        """They hold nothing either."""
        for hook, (_, answer) in ASKED.items():
            stubborn = Stubborn()
            harness, recorder, client = self.silent(hook, stubborn)
            harness.advance(5, 5)
            self.assertEqual((recorder.count(hook), stubborn.cancelled, stubborn.ended), (1, 1, 0), hook)
            self.assertTrue(client.received.startswith(answer), hook)
            self.check_over(harness, recorder, client)

    def test_tell_hooks_are_bounded_too(self) -> None:
        """Clientdisconnect and serverdisconnect: the end waits for them, but not longer than hook_timeout."""
        for hook in ("clientdisconnect", "serverdisconnect"):
            holder = Holder()
            harness, recorder, client = self.silent(hook, holder, upstream_pool="off")
            client.reset()
            harness.pump()
            self.assertEqual(len(holder.held), 1)
            self.assertEqual(self.clients(harness), 1)
            harness.advance(5, 4.9)
            self.assertEqual(self.clients(harness), 1)
            harness.advance(0.2)
            self.assertEqual((recorder.count(hook), self.clients(harness)), (1, 0))
            self.check_over(harness, recorder)

    def test_each_handler_has_its_own_time(self) -> None:
        """Two silent addons take twice the time."""
        first, second = Recorder(name="a", only=(), request=Holder()), Recorder(name="b", only=(), request=Holder())
        harness = self.proxy(first, second, hook_timeout=10)
        harness.origin("example.com", 80, OK)
        client = self.send(harness, GET)
        harness.advance(5, 5, 5, 4.9)
        self.assertEqual(client.received, b"")
        harness.advance(0.2)
        self.assertTrue(client.received.startswith(b"HTTP/1.1 200 "))

    def test_no_limit(self) -> None:
        """hook_timeout=0: it is waited for, for ever."""
        holder = Holder()
        harness, recorder, client = self.silent("request", holder, hook_timeout=0)
        harness.advance(1000, 1000, 1000)
        self.assertEqual((client.received, holder.cancelled), (b"", 0))
        holder.answer()
        harness.pump()
        self.assertTrue(client.received.startswith(b"HTTP/1.1 200 "))
        self.check_over(harness, recorder, client)


class OtherPolicyTests(SilentCase):
    """The end of a handler's time is its failure."""

    def test_kill(self) -> None:
        """The flow, or the client's connection, is reset."""
        for hook in ASKED:
            if hook in ("serverconnect", "server_connected"):
                continue
            harness, recorder, client = self.silent(hook, Holder(), "kill")
            harness.advance(5, 5)
            self.assertTrue(client.was_reset(), hook)
            self.assertEqual(recorder.trace[-1], "clientdisconnect")
            self.assertEqual(self.clients(harness), 0)

    def test_kill_of_a_server_connection(self) -> None:
        """Serverconnect and server_connected: no connection, a page."""
        for hook in ("serverconnect", "server_connected"):
            harness, recorder, client = self.silent(hook, Holder(), "kill")
            harness.advance(5, 5)
            self.assertTrue(client.received.startswith(b"HTTP/1.1 502 "), hook)
            self.check_over(harness, recorder, client)

    def test_respond(self) -> None:
        """The addon's status, in each hook that has a response to give."""
        for hook in ("requestheaders", "request", "responseheaders", "response", "error", "http_connect"):
            harness, _, client = self.silent(hook, Holder(), ("respond", 504))
            harness.advance(5, 5)
            self.assertTrue(client.received.startswith(b"HTTP/1.1 504 "), (hook, client.received))


class NeighbourTests(SilentCase):
    """Other flows do not wait."""

    def test_other_clients_are_served(self) -> None:
        """One flow is held in each hook of an exchange; a second client is served meanwhile."""
        for hook in ("requestheaders", "request", "serverconnect", "responseheaders", "response"):
            holder = Holder()
            is_first: list[bool] = []

            def first_only(subject: Any, holder: Holder = holder, is_first: list[bool] = is_first) -> Any:
                is_first.append(True)
                return holder(subject) if len(is_first) == 1 else None

            harness, recorder, client = self.silent(hook, first_only)
            other = self.send(harness, GET)
            self.assertEqual(other.received, OK, hook)
            self.assertEqual(client.received, b"")
            holder.answer()
            harness.pump()
            self.assertEqual(client.received, OK)
            self.check_over(harness, recorder, client, other)
