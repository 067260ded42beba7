"""
10 MB through a slow consumer, in bounded memory, in both directions.

What is held is counted from outside: all that was sent, but for what the sender still has. That is what bodies,
transports and sockets hold together, wherever it is.
"""

from typing import Any

from mitmtw.testing import Harness, Recorder
from tests.acceptance.base import GET, OK, Acceptance, answer, request

SIZE = 10_000_000  # bytes; far beyond all bounds
BOUND = 600_000  # bytes: 64 KiB and one read in, the same out, and the 128 KiB that each of two sockets keeps


class SlowConsumerTests(Acceptance):
    """A receiver that does not read holds its sender back."""

    def download(self, harness: Harness, recorder: Recorder) -> None:
        """10 MB down to a client that does not read at first."""
        origin = harness.origin("example.com", 80)
        client = self.send(harness, GET)
        client.wire.pauseProducing()
        origin.peer.send(answer(b"", f"Content-Length: {SIZE}") + b"x" * SIZE)
        harness.pump()
        self.assertGreater(len(origin.peer.wire.outgoing), SIZE - BOUND)
        client.wire.resumeProducing()
        harness.pump()
        self.assertTrue(client.received.endswith(b"x" * SIZE))
        self.assertEqual(recorder.count("response"), 1)

    def test_download(self) -> None:
        """Down, when nobody wants bodies."""
        recorder: Any = Recorder()
        recorder.wants_body = False
        self.download(self.proxy(recorder), recorder)

    def test_download_through_a_callable(self) -> None:
        """Down, through a callable that returns the bytes one piece at a time."""

        def stream(flow: Any) -> None:
            flow.response.stream = lambda data: (data[at : at + 1000] for at in range(0, len(data), 1000))

        recorder = Recorder(responseheaders=stream)
        harness = self.proxy(recorder)
        origin = harness.origin("example.com", 80)
        client = self.send(harness, GET)
        client.wire.pauseProducing()
        origin.peer.send(answer(b"", f"Content-Length: {SIZE // 10}") + b"x" * (SIZE // 10))
        harness.pump()
        self.assertGreater(len(origin.peer.wire.outgoing), SIZE // 10 - BOUND)
        client.wire.resumeProducing()
        harness.pump()
        self.assertEqual(client.received.count(b"x"), SIZE // 10)
        self.assertEqual(recorder.count("response"), 1)

    def test_download_of_a_large_body(self) -> None:
        """Down, beyond stream_large_bodies."""
        recorder = Recorder()
        self.download(self.proxy(recorder, stream_large_bodies="1m"), recorder)

    def test_download_through_tls(self) -> None:
        """Down, with TLS on both sides."""
        harness = self.proxy()
        origin = harness.tls_origin("example.com", 443)
        outer = self.send(harness, b"CONNECT example.com:443 HTTP/1.1\r\nHost: example.com:443\r\n\r\n")
        client = harness.secure(outer, "example.com")
        client.send(GET.replace(b"http://example.com", b""))
        harness.pump()
        outer.wire.pauseProducing()
        size = SIZE // 5
        wire = origin.peer.wire.transport
        origin.peer.send(answer(b"", f"Content-Length: {size}") + b"x" * size)
        harness.pump()
        self.assertGreater(len(wire.outgoing), size - 2 * BOUND)  # each side encrypts some records ahead
        outer.wire.resumeProducing()
        harness.pump()
        self.assertTrue(client.received.endswith(b"x" * size))

    def test_upload(self) -> None:
        """Up, to a server that does not read at first."""
        recorder: Any = Recorder()
        recorder.wants_body = False
        harness = self.proxy(recorder)
        origin = harness.origin("example.com", 80)
        client = self.send(harness, request("POST", "/", f"Content-Length: {SIZE}"))
        origin.peer.wire.pauseProducing()
        client.send(b"x" * SIZE)
        harness.pump()
        self.assertGreater(len(client.wire.outgoing), SIZE - BOUND)
        origin.peer.wire.resumeProducing()
        harness.pump()
        self.assertTrue(origin.received.endswith(b"x" * SIZE))
        origin.peer.send(OK)
        harness.pump()
        self.assertEqual(client.received, OK)

    def test_tunnel(self) -> None:
        """Both ways through an opaque tunnel, at the same time."""
        harness = self.proxy()
        origin = harness.origin("example.com", 25)
        client = self.send(harness, b"CONNECT example.com:25 HTTP/1.1\r\nHost: example.com:25\r\n\r\n\x00")
        client.take()
        origin.peer.take()
        for wire in (client.wire, origin.peer.wire):
            wire.pauseProducing()
        client.send(b"u" * SIZE)
        origin.peer.send(b"d" * SIZE)
        harness.pump()
        for wire in (client.wire, origin.peer.wire):
            self.assertGreater(len(wire.outgoing), SIZE - BOUND)
        for wire in (client.wire, origin.peer.wire):
            wire.resumeProducing()
        harness.pump()
        self.assertEqual((len(client.received), len(origin.received)), (SIZE, SIZE))

    def test_a_client_that_never_reads(self) -> None:
        """The flow of a client that stopped reading for good ends after tcp_timeout."""
        recorder: Any = Recorder()
        recorder.wants_body = False
        harness = self.proxy(recorder, tcp_timeout=30)
        origin = harness.origin("example.com", 80)
        client = self.send(harness, GET)
        client.wire.pauseProducing()
        origin.peer.send(answer(b"", f"Content-Length: {SIZE}") + b"x" * SIZE)
        harness.pump()
        harness.advance(*[5] * 8)
        self.assertEqual((recorder.count("error"), recorder.count("response")), (1, 0))
        self.assertEqual(recorder.trace[-1], "clientdisconnect")

    def test_pipelined_requests(self) -> None:
        """Bytes of later requests are held at 64 KiB while the first one is pending."""
        harness = self.proxy(Recorder())
        harness.origin("example.com", 80)
        client = self.send(harness, GET + GET * 20_000)
        self.assertGreater(len(client.wire.outgoing), len(GET) * 20_001 - BOUND)
