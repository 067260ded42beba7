"""
What the acceptance tests share: a proxy that is checked for leftovers when its test ends, and words for what is sent.
"""

import gc
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from mitmtw.testing import Harness, Origin, Peer

__all__ = ["GET", "OK", "Acceptance", "answer", "request"]

_STOP_SECONDS = 30  # more than drain_timeout and a done_timeout for each of some addons


def request(method: str = "GET", path: str = "/", *fields: str, host: str = "example.com", body: bytes = b"") -> bytes:
    """
    A request to a proxy, in absolute form with a Host field first.

    @param fields: as C{"Name: value"}, after Host. A length is added for a C{body}, unless they say how it is framed.
    """
    lines = [f"{method} http://{host}{path} HTTP/1.1", f"Host: {host}", *fields]
    framed = any(field.lower().startswith(("content-length:", "transfer-encoding:")) for field in fields)
    if body and not framed:
        lines.append(f"Content-Length: {len(body)}")
    return "\r\n".join([*lines, "", ""]).encode("latin-1") + body


def answer(body: bytes = b"", *fields: str, status: str = "200 OK") -> bytes:
    """A response with a length, unless C{fields} say how it is framed."""
    lines = [f"HTTP/1.1 {status}", *fields]
    if not any(field.lower().startswith(("content-length:", "transfer-encoding:")) for field in fields):
        lines.append(f"Content-Length: {len(body)}")
    return "\r\n".join([*lines, "", ""]).encode("latin-1") + body


GET = request()
OK = answer(b"hi")


class Acceptance(SynchronousTestCase):
    """A test of a whole proxy; each proxy it makes by L{proxy} is stopped at its end, and must leave nothing behind."""

    def proxy(self, *addons: object, **settings: Any) -> Harness:
        """A proxy, see L{Harness}; at the end of the test it must stop without leaving anything."""
        harness = Harness(*addons, **settings)
        self.addCleanup(self.check_stopped, harness)
        return harness

    def check_stopped(self, harness: Harness) -> None:
        """Stop the proxy and check that no timer, client or connection of it is left; harmless when it was stopped."""
        clients = harness.service.proxy.clients if harness.service.proxy is not None else set()
        stopped = harness.stop()
        failures: list[Any] = []
        stopped.addErrback(failures.append)
        for _ in range(_STOP_SECONDS):
            if stopped.called:
                break
            harness.advance(1)
        harness.pump()
        self.assertTrue(stopped.called, "the proxy did not stop")
        self.assertEqual(failures, [])
        self.assertEqual(clients, set(), "clients are left")
        left = [
            each.protocol
            for each in harness.network.transports
            if not each.disconnected and not getattr(each.protocol, "is_of_test", isinstance(each.protocol, Peer))
        ]
        self.assertEqual(left, [], "connections are left")
        self.assertEqual(harness.network.getDelayedCalls(), [], "timers are left")
        gc.collect(1)  # so that an error that nobody handled in a Deferred is logged, which fails the test

    def send(self, harness: Harness, data: bytes) -> Peer:
        """A new client that has sent C{data}, and all that follows from it without time passing."""
        client = harness.client()
        client.send(data)
        harness.pump()
        return client

    def heads(self, data: bytes) -> list[bytes]:
        """The start lines of messages in C{data} that have a length or no body, in order; for short counts only."""
        return [line for line in data.split(b"\r\n") if line.startswith(b"HTTP/1.") or line.endswith(b" HTTP/1.1")]

    def origin(self, harness: Harness, body: bytes = b"hi", host: str = "example.com", port: int = 80) -> Origin:
        """A server that answers each request without a body with C{body}."""
        return harness.origin(host, port, answer(body))
