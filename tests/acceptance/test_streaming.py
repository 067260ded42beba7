"""request.stream and response.stream in all their forms, and what a slow receiver holds back."""

from collections.abc import Iterator
from typing import Any

from twisted.internet.defer import Deferred

from mitmtw.testing import Harness, Origin, Peer, Recorder
from tests.acceptance.base import GET, OK, Acceptance, answer, request

CHUNKED = answer(b"3\r\nabc\r\n3\r\ndef\r\n0\r\n\r\n", "Transfer-Encoding: chunked")
UPLOAD = request("POST", "/", "Content-Length: 6")


def with_response(stream: Any) -> Recorder:
    """A recorder that streams responses so."""
    return Recorder(responseheaders=lambda flow: setattr(flow.response, "stream", stream))


def with_request(stream: Any) -> Recorder:
    """A recorder that streams requests so."""
    return Recorder(requestheaders=lambda flow: setattr(flow.request, "stream", stream))


class ResponseTests(Acceptance):
    """C{response}.stream."""

    def fetch(self, stream: Any, reply: bytes = CHUNKED) -> tuple[Recorder, Peer, Harness]:
        """One exchange."""
        recorder = with_response(stream)
        harness = self.proxy(recorder)
        harness.origin("example.com", 80, reply)
        return recorder, self.send(harness, GET), harness

    def body(self, client: Peer) -> bytes:
        """What came, without its chunked framing."""
        _, _, rest = client.received.partition(b"\r\n\r\n")
        whole = b""
        while rest:
            size, _, rest = rest.partition(b"\r\n")
            whole, rest = whole + rest[: int(size, 16)], rest[int(size, 16) + 2 :]
        return whole

    def test_true(self) -> None:
        """True: bytes go as they come, the hook fires after the last one, without a body."""
        recorder = with_response(True)
        harness = self.proxy(recorder)
        origin = harness.origin("example.com", 80)
        client = self.send(harness, GET)
        origin.peer.send(answer(b"", "Content-Length: 6"))
        origin.peer.send(b"abc")
        harness.pump()
        self.assertTrue(client.received.endswith(b"Content-Length: 6\r\n\r\nabc"))
        self.assertEqual(recorder.count("response"), 0)
        origin.peer.send(b"def")
        harness.pump()
        self.assertTrue(client.received.endswith(b"abcdef"))
        response = recorder.last("response").response
        self.assertEqual((response.body, response.streamed), (None, True))

    def test_callable(self) -> None:
        """A callable's bytes go instead, and its last words to b"" too; the length is no more."""
        recorder, client, _ = self.fetch(lambda data: data.upper() if data else b"!", answer(b"abc"))
        self.assertEqual(self.body(client), b"ABC!")
        self.assertIn(b"Transfer-Encoding: chunked", client.received)
        self.assertNotIn(b"Content-Length", client.received)
        self.assertEqual(recorder.count("response"), 1)

    def test_iterable(self) -> None:
        """It may return an iterable, or generate; empty pieces send nothing."""

        def stream(data: bytes) -> Iterator[bytes]:
            for byte in data:
                yield bytes([byte])
                yield b""

        self.assertEqual(self.body(self.fetch(stream)[1]), b"abcdef")
        self.assertEqual(self.body(self.fetch(lambda data: [data, data])[1]), b"abcdef" * 2)

    def test_drops_all(self) -> None:
        """None or b"" sends nothing for that piece."""
        self.assertEqual(self.body(self.fetch(lambda data: None)[1]), b"")

    def test_deferred_chunks(self) -> None:
        """A Deferred's bytes go when it fires; the source is paused as long as it is pending."""
        pending: list[Deferred[bytes]] = []

        def stream(data: bytes) -> Deferred[bytes]:
            pending.append(Deferred())
            return pending[-1].addCallback(lambda _: data)

        recorder, client, harness = self.fetch(stream, answer(b"abc"))
        self.assertEqual((self.body(client), len(pending)), (b"", 1))
        pending[0].callback(b"")
        harness.pump()
        self.assertEqual((self.body(client), len(pending)), (b"abc", 2))
        self.assertEqual(recorder.count("response"), 0)
        pending[1].callback(b"")
        harness.pump()
        self.assertEqual(recorder.count("response"), 1)
        self.assertTrue(client.received.endswith(b"0\r\n\r\n"))

    def test_deferred_iterable(self) -> None:
        """A Deferred of an iterable is good as well."""
        pending: Deferred[list[bytes]] = Deferred()
        _, client, harness = self.fetch(lambda data: pending if data else b"", answer(b"abc"))
        pending.callback([b"x", b"y"])
        harness.pump()
        self.assertEqual(self.body(client), b"xy")

    def test_coroutine(self) -> None:
        """An async function is good as well."""
        turn: Deferred[None] = Deferred()

        async def stream(data: bytes) -> bytes:
            await turn
            return data.upper()

        _, client, harness = self.fetch(stream, answer(b"abc"))
        self.assertEqual(self.body(client), b"")
        turn.callback(None)
        harness.pump()
        self.assertEqual(self.body(client), b"ABC")

    def test_source_is_paused_while_pending(self) -> None:
        """As long as an answer is pending the server is not read from, beyond what was on its way."""
        recorder = with_response(lambda data: Deferred() if data else b"")
        harness = self.proxy(recorder)
        origin = harness.origin("example.com", 80)
        self.send(harness, GET)
        origin.peer.send(answer(b"", "Content-Length: 10000000"))
        harness.pump()
        origin.peer.send(b"x" * 2_000_000)
        harness.pump()
        ours = next(each for each in harness.network.transports if each.peer is origin.peer.wire)
        self.assertTrue(ours.paused)
        self.assertGreater(len(origin.peer.wire.outgoing), 1_000_000)

    def test_failure_of_the_callable(self) -> None:
        """A callable that fails ends the flow with error, and the client's connection: the body is cut."""

        def stream(data: bytes) -> bytes:
            raise ValueError("no")

        recorder, client, _ = self.fetch(stream, answer(b"abc"))
        self.assertTrue(client.was_reset())
        self.assertEqual((recorder.count("error"), recorder.count("response")), (1, 0))
        self.assertIn("no", recorder.last("error").error.msg)
        self.assertEqual(len(self.flushLoggedErrors(ValueError)), 1)

    def test_deadline_of_the_callable(self) -> None:
        """A Deferred that never fires is bounded by hook_timeout."""
        recorder, client, harness = self.fetch(lambda data: Deferred(), answer(b"abc"))
        harness.advance(61)
        self.assertTrue(client.was_reset())
        self.assertEqual((recorder.count("error"), recorder.count("response")), (1, 0))

    def test_client_gone_while_pending(self) -> None:
        """The pending answer is cancelled when the client goes."""
        cancelled: list[Any] = []
        recorder, client, harness = self.fetch(lambda data: Deferred(cancelled.append), answer(b"abc"))
        client.reset()
        harness.pump()
        self.assertEqual(len(cancelled), 1)
        self.assertEqual(recorder.trace[-1], "clientdisconnect")
        self.assertEqual((recorder.count("error"), recorder.count("response")), (1, 0))

    def test_next_request_follows(self) -> None:
        """After a streamed response the connection is used again, on both sides."""
        harness = self.proxy(with_response(lambda data: data))
        origin = harness.origin("example.com", 80, CHUNKED)
        client = self.send(harness, GET + GET)
        self.assertEqual(client.received.count(b"HTTP/1.1 200 OK"), 2)
        self.assertEqual(len(origin.peers), 1)


class RequestTests(Acceptance):
    """C{request}.stream."""

    def upload(self, stream: Any) -> tuple[Recorder, Harness, Origin, Peer]:
        """A request of which the first half was sent."""
        recorder = with_request(stream)
        harness = self.proxy(recorder)
        origin = harness.origin("example.com", 80)
        client = self.send(harness, UPLOAD + b"abc")
        return recorder, harness, origin, client

    def finish(self, harness: Harness, origin: Origin, client: Peer) -> None:
        """Send the other half, and the answer."""
        client.send(b"def")
        harness.pump()
        origin.peer.send(OK)
        harness.pump()
        self.assertEqual(client.received, OK)

    def test_true(self) -> None:
        """True: the head and the first bytes are with the server before the last ones came."""
        recorder, harness, origin, client = self.upload(True)
        self.assertTrue(origin.received.endswith(b"Content-Length: 6\r\n\r\nabc"))
        self.assertEqual(recorder.count("request"), 0)
        self.finish(harness, origin, client)
        self.assertTrue(origin.received.endswith(b"\r\n\r\nabcdef"))
        message = recorder.last("request").request
        self.assertEqual((message.body, message.streamed), (None, True))

    def test_callable(self) -> None:
        """A callable's bytes go instead, chunked, and its last words."""
        _recorder, harness, origin, client = self.upload(lambda data: data.upper() if data else b"!")
        self.finish(harness, origin, client)
        head, _, body = origin.received.partition(b"\r\n\r\n")
        self.assertEqual(body, b"3\r\nABC\r\n3\r\nDEF\r\n1\r\n!\r\n0\r\n\r\n")
        self.assertIn(b"\r\nTransfer-Encoding: chunked", head)
        self.assertNotIn(b"Content-Length", head)

    def test_iterable(self) -> None:
        """It may return an iterable."""
        _, harness, origin, client = self.upload(lambda data: [data[:1], data[1:]] if data else [])
        self.finish(harness, origin, client)
        self.assertTrue(origin.received.endswith(b"1\r\na\r\n2\r\nbc\r\n1\r\nd\r\n2\r\nef\r\n0\r\n\r\n"))

    def test_deferred_chunks(self) -> None:
        """A Deferred's bytes go when it fires, and the client is not read from meanwhile."""
        pending: list[Deferred[bytes]] = []

        def stream(data: bytes) -> Deferred[bytes]:
            pending.append(Deferred())
            return pending[-1]

        recorder, harness, origin, client = self.upload(stream)
        client.send(b"d")
        harness.pump()
        self.assertEqual(len(pending), 1)
        client.send(b"ef")
        harness.pump()
        for words in (b"one", b"two", b"end"):
            pending[-1].callback(words)
            harness.pump()
        while not pending[-1].called:
            pending[-1].callback(b"")
            harness.pump()
        self.assertEqual(recorder.count("request"), 1)
        self.assertIn(b"3\r\none\r\n3\r\ntwo\r\n3\r\nend\r\n", origin.received)
        origin.peer.send(OK)
        harness.pump()
        self.assertEqual(client.received, OK)

    def test_coroutine(self) -> None:
        """An async function is good as well."""

        async def stream(data: bytes) -> bytes:
            return data.upper()

        _, harness, origin, client = self.upload(stream)
        self.finish(harness, origin, client)
        self.assertTrue(origin.received.endswith(b"3\r\nABC\r\n3\r\nDEF\r\n0\r\n\r\n"))

    def test_failure_of_the_callable(self) -> None:
        """A callable that fails ends the flow with error; the server's connection is reset."""

        def stream(data: bytes) -> bytes:
            raise ValueError("no")

        recorder, _, origin, client = self.upload(stream)
        self.assertEqual((recorder.count("error"), recorder.count("response")), (1, 0))
        self.assertTrue(origin.peer.was_reset())
        self.assertTrue(client.received.startswith(b"HTTP/1.1 502 "))
        self.assertEqual(len(self.flushLoggedErrors(ValueError)), 1)
