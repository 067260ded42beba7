"""How flows over HTTP/2 end: kills, resets of both sides, lost connections, malformed requests, time."""

from typing import Any

from mitmtw._wire.http2 import ErrorCode
from mitmtw._wire.http2_frames import block_frames
from tests.acceptance.failures_base import ASK_HOOKS, Holder
from tests.acceptance.http2_base import EndingCase, Got, Scene2, respond


def kill(flow: Any) -> None:
    flow.kill()


def fine(got: Got) -> None:
    respond(got, 200, "content-length: 2", body=b"hi")


class KillTests(EndingCase):
    """flow.kill() resets the stream on both sides, and nothing else."""

    def once(self, hook: str) -> dict[str, Any]:
        """Kill the first flow in a hook."""
        killed: list[Any] = []

        def handler(flow: Any) -> None:
            if not killed:
                killed.append(flow)
                flow.kill()

        return {"on_" + hook: handler}

    def test_in_each_hook(self) -> None:
        """The client's stream is reset, error fires once and last, and the connection goes on."""
        for hook in ASK_HOOKS[:-1]:
            for down, up, tls in ((2, 1, False), (2, 2, False), (2, 2, True)):
                scene = Scene2(self, down, up, is_tls=tls, **self.once(hook))
                got = scene.ask()
                if scene.origins.requests:
                    scene.respond(None, 200, body=b"begins", end=True)
                self.assertEqual(got.reset, ErrorCode.CANCEL, hook)
                flow = scene.recorder.last("error")
                self.assertEqual(scene.names(flow)[-1], "error")
                self.assertTrue(flow.killed)
                self.assertTrue(scene.client.peer.is_connected)
                self.check_goes_on(scene)
                self.check_all(scene)

    def test_in_error(self) -> None:
        """The page is not sent."""
        scene = Scene2(self, 2, 1, on_error=kill)
        scene.client.authority = b"127.0.0.9"
        got = scene.ask()
        self.assertEqual((got.status, got.reset), (0, ErrorCode.INTERNAL_ERROR))
        self.assertEqual(scene.recorder.count("error"), 1)
        self.check_all(scene)

    def test_resets_the_server(self) -> None:
        """A flow that is killed while the server is asked resets that stream, or that HTTP/1 connection, at once."""
        for up in (1, 2):
            scene = Scene2(self, 2, up)
            first = scene.client.request("GET", "/first")
            second = scene.client.request("GET", "/second")
            scene.harness.pump()
            flow = next(
                flow for name, flow in scene.recorder.events if name == "request" and "first" in flow.request.path
            )
            flow.kill()
            scene.harness.pump()
            self.assertEqual(scene.client.answer(first).reset, ErrorCode.CANCEL)
            request = next(each for each in scene.origins.requests if each.path == b"/first")
            if up == 2:
                self.assertEqual(request.reset, ErrorCode.CANCEL)
                self.assertTrue(request.end.peer.is_connected)
            else:
                self.assertTrue(request.end.peer.was_reset())
            other = next(each for each in scene.origins.requests if each.path == b"/second")
            scene.respond(other, 200, body=b"fine")
            self.assertEqual(scene.client.answer(second).body, b"fine")
            self.check_all(scene)

    def test_in_a_stalled_download(self) -> None:
        """A client that opens no window: the stream is reset on both sides."""
        scene = Scene2(self, 2, 2, on_responseheaders=lambda flow: setattr(flow.response, "stream", True))
        scene.client.is_taking = False
        got = scene.ask()
        scene.respond(None, 200, body=b"x" * 1_000_000)
        self.assertEqual(len(got.body), 65535)
        scene.flow.kill()
        scene.harness.pump()
        self.assertEqual((got.reset, scene.origins.request.reset), (ErrorCode.CANCEL, ErrorCode.CANCEL))
        self.check_all(scene)

    def test_of_an_http1_client(self) -> None:
        """The client's connection is reset, the server's stream too, but not the server's connection."""
        scene = Scene2(self, 1, 2, on_responseheaders=kill)
        scene.client.request()
        scene.harness.pump()
        scene.respond(None, 200, body=b"begins", end=False)
        self.assertTrue(scene.client.peer.was_reset())
        self.assertEqual(scene.origins.request.reset, ErrorCode.CANCEL)
        self.assertTrue(scene.origins.ends[0].peer.is_connected)
        self.check_all(scene)


class ClientResetTests(EndingCase):
    """The client gives a request up."""

    def test_while_a_hook_is_pending(self) -> None:
        """In each ask hook: the handler is cancelled, error fires, the server's stream is reset, others go on."""
        for hook in ASK_HOOKS[:-1]:
            for up in (1, 2):
                holder = Holder()
                settings: dict[str, Any] = {"on_" + hook: holder}
                scene = Scene2(self, 2, up, **settings)
                number = scene.client.request("GET", "/first")
                scene.harness.pump()
                if scene.origins.requests:
                    scene.respond(None, 200, body=b"hi")
                self.assertEqual(len(holder.pending), 1, hook)
                scene.client.reset(number)
                scene.harness.pump()
                self.assertEqual(holder.cancelled, 1)
                flow = scene.recorder.last("error")
                self.assertEqual(scene.names(flow)[-1], "error")
                self.assertIn("cancelled the request", flow.error.msg)
                self.assertTrue(scene.client.peer.is_connected)
                self.check_all(scene)

    def test_while_error_is_pending(self) -> None:
        """In error: it is cancelled, and nothing is sent."""
        holder = Holder()
        scene = Scene2(self, 2, 1, on_error=holder)
        scene.client.authority = b"127.0.0.9"
        number = scene.client.request()
        scene.harness.pump()
        scene.client.reset(number)
        scene.harness.pump()
        self.assertEqual((holder.cancelled, scene.recorder.count("error")), (1, 1))
        self.check_all(scene)

    def test_while_the_server_is_asked(self) -> None:
        """The server's stream is reset too."""
        scene = Scene2(self, 2, 2)
        number = scene.client.request("POST", "/", body=b"abc")
        scene.harness.pump()
        scene.client.reset(number)
        scene.harness.pump()
        self.assertEqual(scene.origins.request.reset, ErrorCode.CANCEL)
        self.check_goes_on(scene)
        self.check_all(scene)

    def test_in_the_body(self) -> None:
        """While it is collected, and while it is streamed."""
        for streams in (False, True):
            scene = Scene2(
                self, 2, 2, on_requestheaders=lambda flow, streams=streams: setattr(flow.request, "stream", streams)
            )
            number = scene.client.request("POST", "/", body=b"abc", end=False)
            scene.harness.pump()
            scene.client.reset(number)
            scene.harness.pump()
            self.assertEqual(scene.names()[-1], "error")
            self.assertEqual(len(scene.origins.requests), 1 if streams else 0)
            if streams:
                self.assertEqual(scene.origins.request.reset, ErrorCode.CANCEL)
            self.check_goes_on(scene)
            self.check_all(scene)

    def test_at_once(self) -> None:
        """A request that is reset in the same read never becomes a flow."""
        scene = Scene2(self, 2, 1)
        number = scene.client.connection.open_stream(
            [(b":method", b"GET"), (b":scheme", b"http"), (b":authority", b"example.com"), (b":path", b"/")], True
        )
        scene.client.reset(number)
        scene.harness.pump()
        self.assertEqual(scene.recorder.count("requestheaders"), 0)
        self.check_goes_on(scene)
        self.check_all(scene)

    def test_connection_lost(self) -> None:
        """All its flows end in error, then clientdisconnect fires; the server's streams are reset."""
        for up in (1, 2):
            scene = Scene2(self, 2, up)
            for path in ("/a", "/b", "/c"):
                scene.client.request("GET", path)
            scene.harness.pump()
            scene.client.peer.reset()
            scene.harness.pump()
            self.assertEqual(scene.recorder.count("error"), 3)
            self.assertEqual([name for name in scene.recorder.trace if "disc" in name][-1], "clientdisconnect")
            if up == 2:
                self.assertEqual([each.reset for each in scene.origins.requests], [8, 8, 8])
            self.check_all(scene)

    def test_half_close(self) -> None:
        """A whole request is answered to a client that sends no more; one that is not whole ends."""
        scene = Scene2(self, 2, 1)
        whole = scene.client.request("GET", "/whole")
        part = scene.client.request("POST", "/part", body=b"abc", end=False)
        scene.harness.pump()
        scene.client.peer.half_close()
        scene.harness.pump()
        self.assertEqual(scene.client.answer(part).reset, ErrorCode.CANCEL)
        scene.respond(next(each for each in scene.origins.requests if each.path == b"/whole"), 200, body=b"hi")
        self.assertEqual(scene.client.answer(whole).body, b"hi")
        self.assertTrue(scene.client.peer.has_ended)
        self.check_all(scene)


class ServerEndTests(EndingCase):
    """The server gives up."""

    def test_refused_stream_is_asked_again(self) -> None:
        """A request with which the server did nothing goes out again, whatever its method."""

        def reply(got: Got) -> None:
            if got is scene.origins.requests[0]:
                got.end.reset(got.number, ErrorCode.REFUSED_STREAM)
            else:
                fine(got)

        scene = Scene2(self, 2, 2, reply=reply)
        got = scene.ask("POST", "/", body=b"once")
        self.assertEqual((got.status, got.body), (200, b"hi"))
        self.assertEqual(len(scene.origins.requests), 2)
        self.assertEqual(scene.origins.request.body, b"once")
        self.check_all(scene)

    def test_refused_again_and_again(self) -> None:
        """The second refusal is the answer."""
        scene = Scene2(self, 2, 2, reply=lambda got: got.end.reset(got.number, ErrorCode.REFUSED_STREAM))
        got = scene.ask()
        self.assertEqual((got.status, len(scene.origins.requests)), (502, 2))
        self.assertEqual(scene.names()[-1], "error")
        self.check_all(scene)

    def test_reset_before_the_head(self) -> None:
        """An error page, in the words of the server's code; it is not asked again."""
        for down in (1, 2):
            scene = Scene2(self, down, 2, reply=lambda got: got.end.reset(got.number, ErrorCode.INTERNAL_ERROR))
            got = scene.ask()
            self.assertEqual((got.status, got.ended, len(scene.origins.requests)), (502, True, 1))
            self.assertIn("INTERNAL_ERROR", scene.recorder.last("error").error.msg)
            self.check_all(scene)

    def test_reset_in_the_body(self) -> None:
        """A body that is cut: a page when it was collected, a reset when it was streamed."""
        for streams in (False, True):
            scene = Scene2(
                self, 2, 2, on_responseheaders=lambda flow, streams=streams: setattr(flow.response, "stream", streams)
            )
            got = scene.ask()
            scene.respond(None, 200, body=b"abc", end=False)
            request = scene.origins.request
            request.end.reset(request.number, ErrorCode.INTERNAL_ERROR)
            scene.harness.pump()
            if streams:
                self.assertEqual((got.status, got.body, got.reset), (200, b"abc", ErrorCode.INTERNAL_ERROR))
            else:
                self.assertEqual((got.status, got.ended), (502, True))
            self.assertIn("after 3 bytes", scene.recorder.last("error").error.msg)
            self.assertEqual(scene.recorder.count("response"), 0)
            self.check_goes_on(scene)
            self.check_all(scene)

    def test_answer_then_no_error(self) -> None:
        """A server that answers early and wants no more of the body: the answer counts."""
        scene = Scene2(self, 2, 2, on_requestheaders=lambda flow: setattr(flow.request, "stream", True))
        number = scene.client.request("POST", "/", body=b"abc", end=False)
        scene.harness.pump()
        request = scene.origins.request
        respond(request, 413, body=b"enough")
        request.end.reset(request.number, ErrorCode.NO_ERROR)
        scene.harness.pump()
        got = scene.client.answer(number)
        self.assertEqual((got.status, got.body, got.ended, got.reset), (413, b"enough", True, 0))
        self.assertEqual(scene.recorder.count("response"), 1)
        self.check_goes_on(scene)
        self.check_all(scene)

    def test_connection_closed(self) -> None:
        """Without GOAWAY: nothing is known, so each flow ends in a page."""
        scene = Scene2(self, 2, 2)
        numbers = [scene.client.request("POST", "/", body=b"abc") for _ in range(3)]
        scene.harness.pump()
        scene.origins.ends[0].peer.reset()
        scene.harness.pump()
        self.assertEqual([scene.client.answer(number).status for number in numbers], [502] * 3)
        self.assertEqual(scene.recorder.count("error"), 3)
        self.assertEqual(scene.recorder.count("serverdisconnect"), 1)
        self.check_goes_on(scene)
        self.check_all(scene)

    def test_idle_connection_closed(self) -> None:
        """A connection that turns out to be dead is replaced for what can be repeated."""
        scene = Scene2(self, 2, 2, reply=fine)
        scene.ask()
        scene.origins._reply = lambda got: got.end.peer.reset() if got.end is scene.origins.ends[0] else fine(got)
        got = scene.ask()
        self.assertEqual((got.status, len(scene.origins.ends)), (200, 2))
        self.check_all(scene)

    def test_goaway(self) -> None:
        """What the server did not look at goes out on a new connection; what it did look at is answered."""
        scene = Scene2(self, 2, 2)
        first = scene.client.request("GET", "/first")
        second = scene.client.request("POST", "/second", body=b"abc")
        scene.harness.pump()
        end = scene.origins.ends[0]
        end.connection.go_away(0, 1)
        end.flush()
        scene.harness.pump()
        self.assertEqual(len(scene.origins.ends), 2)
        again = scene.origins.request
        self.assertEqual((again.path, again.body, again.end), (b"/second", b"abc", scene.origins.ends[1]))
        scene.respond(again, 200, body=b"two")
        scene.respond(scene.origins.requests[0], 200, body=b"one")
        self.assertEqual((scene.client.answer(first).body, scene.client.answer(second).body), (b"one", b"two"))
        self.assertFalse(end.peer.is_connected)
        self.check_all(scene)

    def test_goaway_when_idle(self) -> None:
        """The next request goes out on a new connection."""
        scene = Scene2(self, 2, 2, reply=fine)
        scene.ask()
        scene.origins.ends[0].connection.go_away()
        scene.origins.ends[0].flush()
        scene.harness.pump()
        self.assertFalse(scene.origins.ends[0].peer.is_connected)
        self.assertEqual((scene.ask().status, len(scene.origins.ends)), (200, 2))
        self.check_all(scene)

    def test_broken_connection(self) -> None:
        """A server that breaks the protocol: a page for each flow, a reset for none."""
        scene = Scene2(self, 2, 2)
        numbers = [scene.client.request("GET", path) for path in ("/a", "/b")]
        scene.harness.pump()
        scene.origins.ends[0].peer.send(b"\0\0\x04\x08\0\0\0\0\0\0\0\0\0")
        scene.harness.pump()
        self.assertEqual([scene.client.answer(number).status for number in numbers], [502, 502])
        self.assertFalse(scene.origins.ends[0].peer.is_connected)
        self.check_all(scene)

    def test_broken_stream(self) -> None:
        """An answer that is malformed: a page for its flow, and the connection goes on."""
        scene = Scene2(self, 2, 2)
        got = scene.ask()
        request = scene.origins.request
        block = bytes([0x88]) + b"\x00\x01A\x01b"  # a name in capitals
        request.end.peer.send(block_frames(request.number, block, True, 16384))
        scene.harness.pump()
        self.assertEqual((got.status, got.ended), (502, True))
        self.assertIn("lower-case", scene.recorder.last("error").error.msg)
        self.assertTrue(request.end.peer.is_connected)
        self.check_goes_on(scene)
        self.check_all(scene)

    def test_wants_http1(self) -> None:
        """HTTP_1_1_REQUIRED: the request goes out again by HTTP/1."""
        scene = Scene2(self, 2, 2, reply=lambda got: got.end.reset(got.number, ErrorCode.HTTP_1_1_REQUIRED))
        scene.ask("GET", "/")
        self.assertEqual(len(scene.origins.origin.peers), 2)
        self.assertEqual(scene.recorder.last("server_connected").alpn_offers, [b"http/1.1"])
        scene.client.peer.reset()
        scene.harness.pump()
        self.check_all(scene)

    def test_nobody_there(self) -> None:
        """Errors of connecting become pages, and the connection goes on."""
        scene = Scene2(self, 2, 1, reply=lambda got: respond(got, 200, body=b"next"))
        scene.client.authority = b"unknown.example"
        got = scene.ask()
        self.assertEqual((got.status, got.ended), (502, True))
        self.assertIn(b"cannot be resolved", got.body)
        scene.client.authority = b"example.com"
        self.check_goes_on(scene)
        self.check_all(scene)

    def test_connecting_is_shared_and_fails(self) -> None:
        """Many requests wait for one attempt, and all learn that it failed."""
        scene = Scene2(self, 2, 2)
        scene.client.authority = b"127.0.0.9"
        numbers = [scene.client.request("GET", f"/{count}") for count in range(5)]
        scene.harness.pump()
        self.assertEqual({scene.client.answer(number).status for number in numbers}, {502})
        self.assertEqual(scene.harness.network.attempts.count(("127.0.0.9", 443)), 1)
        self.check_all(scene)
