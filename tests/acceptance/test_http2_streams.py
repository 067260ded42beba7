"""Many streams on one connection: none waits for another, and each holds only itself."""

from typing import Any

from mitmtw._wire.http2_settings import INITIAL_WINDOW_SIZE, MAX_CONCURRENT_STREAMS
from mitmtw.testing import Recorder
from tests.acceptance.failures_base import Holder
from tests.acceptance.http2_base import Got, HTTP2Case, Scene2, respond

BIG = bytes(range(256)) * 4096  # 1 MiB


def fine(got: Got) -> None:
    respond(got, 200, body=got.path)


def stream_response(flow: Any) -> None:
    flow.response.stream = True


class TogetherTests(HTTP2Case):
    """Streams of one client."""

    def test_held_streams_hold_no_other(self) -> None:
        """20 uploads are held in a hook with full windows while another stream downloads a megabyte."""
        for up in (1, 2):
            holder = Holder()

            def hold(flow: Any, holder: Holder = holder) -> Any:
                return holder(flow) if flow.request.method == "POST" else None

            def reply(got: Got) -> None:
                respond(got, 200, body=BIG if got.path == b"/big" else b"%d" % len(got.body))

            scene = Scene2(self, 2, up, on_requestheaders=hold, on_responseheaders=stream_response, reply=reply)
            numbers = [scene.client.request("POST", f"/{count}", body=b"u" * 100_000) for count in range(20)]
            scene.harness.pump()
            self.assertEqual(len(holder.pending), 20)
            layer = next(iter(scene.harness.service.proxy.clients)).switch.layer  # type: ignore[union-attr]
            self.assertEqual({stream.body.received for stream in layer.streams.values()}, {65535})
            self.assertEqual(scene.ask("GET", "/big").body, BIG)
            holder.answer()
            scene.harness.pump()
            self.assertEqual({scene.client.answer(number).body for number in numbers}, {b"100000"})
            self.check_all(scene)

    def test_answers_overtake(self) -> None:
        """The second is answered before the first."""
        for up in (1, 2):
            scene = Scene2(self, 2, up)
            first, second = scene.client.request("GET", "/a"), scene.client.request("GET", "/b")
            scene.harness.pump()
            by_path = {each.path: each for each in scene.origins.requests}
            scene.respond(by_path[b"/b"], 200, body=b"b")
            self.assertEqual(scene.client.answer(second).body, b"b")
            self.assertFalse(scene.client.answer(first).ended)
            scene.respond(by_path[b"/a"], 200, body=b"a")
            self.assertEqual(scene.client.answer(first).body, b"a")
            self.assertEqual(len(scene.origins.ends), 2 if up == 1 else 1)
            self.check_all(scene)

    def test_interleaved(self) -> None:
        """Two downloads at once take turns: neither is far ahead of the other."""
        holder = Holder()
        scene = Scene2(self, 2, 2, on_response=holder)
        scene.client.connection.settings({INITIAL_WINDOW_SIZE: len(BIG)})  # so that no window makes them take turns
        first, second = scene.client.request("GET", "/a"), scene.client.request("GET", "/b")
        scene.harness.pump()
        for each in scene.origins.requests:
            scene.respond(each, 200, body=BIG)
        holder.answer()
        most = 0
        for _ in range(2000):
            scene.harness.network.advance(0)
            moved = [transport.step() for transport in list(scene.harness.network.transports)]
            one, two = len(scene.client.answer(first).body), len(scene.client.answer(second).body)
            if one < len(BIG) and two < len(BIG):
                most = max(most, abs(one - two))
            if not any(moved):
                break
        scene.harness.pump()
        self.assertEqual((scene.client.answer(first).body, scene.client.answer(second).body), (BIG, BIG))
        self.assertGreater(most, 0)
        self.assertLess(most, 100_000)
        self.check_all(scene)

    def test_one_write_a_turn(self) -> None:
        """Answers that come together go out together."""
        scene = Scene2(self, 2, 2, recorder=Recorder(only=()))
        numbers = [scene.client.request("GET", f"/{count}") for count in range(10)]
        scene.harness.pump()
        wire: Any = scene.client.peer.transport.peer  # the proxy's end
        written: list[bytes] = []
        original = wire.write

        def write(data: bytes) -> None:
            written.append(data)
            original(data)

        wire.write = write
        out = b""
        end = scene.origins.ends[0]
        for each in scene.origins.requests:
            end.connection.send_headers(each.number, [(b":status", b"200")])
            end.connection.send_data(each.number, each.path, True)
            out += end.connection.take_output()
        end.peer.send(out)
        scene.harness.pump()
        self.assertEqual([scene.client.answer(number).body for number in numbers], [b"/%d" % n for n in range(10)])
        self.assertEqual(len(written), 1)
        self.check_stopped(scene.harness)

    def test_too_many(self) -> None:
        """A client that opens more streams than it may has them refused; the others go on."""
        scene = Scene2(self, 2, 1)
        scene.harness.pump()
        scene.client.connection.peer_settings[MAX_CONCURRENT_STREAMS] = 1000
        numbers = [scene.client.request("POST", "/", body=b"a", end=False) for _ in range(101)]
        scene.harness.pump()
        self.assertEqual([scene.client.answer(number).reset for number in numbers], [None] * 100 + [7])
        self.check_all(scene)


class BackPressureTests(HTTP2Case):
    """Nobody is given more than it takes."""

    def test_slow_client(self) -> None:
        """A client that opens no window holds the server's stream, and little is kept."""
        scene = Scene2(self, 2, 2, on_responseheaders=stream_response)
        scene.client.is_taking = False
        got = scene.ask()
        request = scene.origins.request
        scene.respond(request, 200, body=BIG)
        self.assertEqual(len(got.body), 65535)
        went = len(BIG) - len(request.end._left[request.number][0])
        self.assertLess(went, 450_000)
        scene.client.is_taking = True
        scene.client.connection.acknowledge(got.number, 65535)
        scene.client.flush()
        scene.harness.pump()
        self.assertEqual((got.body, got.ended), (BIG, True))
        self.check_all(scene)

    def test_slow_client_of_http1_server(self) -> None:
        """The same holds an HTTP/1 server's connection."""
        scene = Scene2(self, 2, 1, on_responseheaders=stream_response)
        scene.client.is_taking = False
        got = scene.ask()
        scene.respond(None, 200, "content-length: 1048576", body=BIG)
        self.assertEqual(len(got.body), 65535)
        wire = scene.origins.ends[0].peer.transport
        self.assertGreater(len(wire.outgoing) + len(wire.peer.arrived), 600_000)
        scene.client.is_taking = True
        scene.client.connection.acknowledge(got.number, 65535)
        scene.client.flush()
        scene.harness.pump()
        self.assertEqual((got.body, got.ended), (BIG, True))
        self.check_all(scene)

    def test_slow_server(self) -> None:
        """A server that opens no window holds the client's stream."""
        for down in (1, 2):
            scene = Scene2(self, down, 2, on_requestheaders=lambda flow: setattr(flow.request, "stream", True))
            scene.ask("GET", "/first")
            scene.origins.ends[0].is_taking = False
            scene.respond(None, 200, body=b"")
            number = scene.client.request("POST", "/", body=BIG)
            scene.harness.pump()
            request = scene.origins.request
            self.assertEqual(len(request.body), 65535)
            if down == 2:
                self.assertGreater(len(scene.client._left[number][0]), 600_000)
            request.end.is_taking = True
            request.end.connection.acknowledge(request.number, 65535)
            request.end.flush()
            scene.harness.pump()
            self.assertEqual(request.body, BIG)
            scene.respond(request, 200, body=b"done")
            self.assertEqual(scene.client.answer(number).body, b"done")
            self.check_all(scene)

    def test_client_reads_nothing(self) -> None:
        """A client whose socket is full: nothing more is written until it reads."""
        scene = Scene2(self, 2, 2, on_responseheaders=stream_response)
        for count in range(20):
            scene.client.request("GET", f"/{count}")
        scene.harness.pump()
        scene.client.peer.transport.pauseProducing()
        for each in scene.origins.requests:
            respond(each, 200, body=b"x" * 60_000)
        scene.harness.pump()
        end = scene.client.peer.transport.peer
        self.assertLess(len(end.outgoing), 300_000)
        scene.client.peer.transport.resumeProducing()
        scene.harness.pump()
        self.assertEqual({len(scene.client.answer(1 + 2 * count).body) for count in range(20)}, {60_000})
        self.check_all(scene)

    def test_small_windows(self) -> None:
        """A client with windows of a hundred bytes gets all of it."""
        scene = Scene2(self, 2, 2, reply=lambda got: respond(got, 200, body=b"y" * 5000))
        scene.client.connection.settings({INITIAL_WINDOW_SIZE: 100})
        got = scene.ask()
        self.assertEqual((len(got.body), got.ended), (5000, True))
        self.check_all(scene)


class SharingTests(HTTP2Case):
    """Which connection a request goes out on."""

    def test_clients_share(self) -> None:
        """Clients share one connection to a server, which outlives them."""
        scene = Scene2(self, 2, 2, reply=fine)
        scene.ask("GET", "/a")
        other = scene.new_client()
        number = other.request("GET", "/b")
        scene.harness.pump()
        self.assertEqual(other.answer(number).body, b"/b")
        self.assertEqual(len(scene.origins.ends), 1)
        other.peer.close()
        scene.client.peer.close()
        scene.harness.pump()
        self.assertEqual(scene.recorder.count("clientdisconnect"), 2)
        self.assertTrue(scene.origins.ends[0].peer.is_connected)
        self.check_all(scene)

    def test_for_each_client(self) -> None:
        """With C{upstream_pool=client} each client has its own, which ends before it does."""
        scene = Scene2(self, 2, 2, reply=fine, upstream_pool="client")
        scene.ask("GET", "/a")
        scene.ask("GET", "/b")
        other = scene.new_client()
        other.request("GET", "/c")
        scene.harness.pump()
        self.assertEqual(len(scene.origins.ends), 2)
        other.peer.close()
        scene.harness.pump()
        self.assertEqual(scene.recorder.trace[-2:], ["serverdisconnect", "clientdisconnect"])
        self.check_all(scene)

    def test_for_each_request(self) -> None:
        """With C{upstream_pool=off} each request has its own connection."""
        scene = Scene2(self, 2, 2, reply=fine, upstream_pool="off")
        for path in ("/a", "/b"):
            self.assertEqual(scene.ask("GET", path).body, path.encode())
        self.assertEqual(len(scene.origins.ends), 2)
        self.assertEqual([each.peer.is_connected for each in scene.origins.ends], [False, False])
        self.check_all(scene)

    def test_connecting_is_shared(self) -> None:
        """Requests that come while the first connection is being made wait for it, and go out in their order."""
        scene = Scene2(self, 2, 2, reply=fine)
        numbers = [scene.client.request("GET", f"/{count}") for count in range(30)]
        scene.harness.pump()
        self.assertEqual([each.path for each in scene.origins.requests], [b"/%d" % count for count in range(30)])
        self.assertEqual([scene.client.answer(number).body for number in numbers], [b"/%d" % n for n in range(30)])
        self.assertEqual(len(scene.origins.ends), 1)
        self.assertEqual(scene.recorder.count("serverconnect"), 1)
        self.check_all(scene)

    def test_server_speaks_http1(self) -> None:
        """When the server turns out to speak HTTP/1, all who waited get connections of their own; later ones know."""
        scene = Scene2(self, 2, 1, is_tls=True, reply=fine)
        numbers = [scene.client.request("GET", f"/{count}") for count in range(5)]
        scene.harness.pump()
        self.assertEqual([scene.client.answer(number).body for number in numbers], [b"/%d" % n for n in range(5)])
        offers = [conn.alpn_offers for name, conn in scene.recorder.events if name == "server_connected"]
        self.assertEqual(offers[0], [b"h2", b"http/1.1"])
        self.assertEqual(offers[1:], [[b"http/1.1"]] * (len(offers) - 1))
        count = len(scene.origins.ends)
        scene.ask("GET", "/later")
        self.assertEqual(len(scene.origins.ends), count)
        self.check_all(scene)

    def test_who_connects_is_gone(self) -> None:
        """When the request that had the connection made is given up, another that waits begins anew."""
        scene = Scene2(self, 2, 2, reply=fine)
        network = scene.harness.network
        network.black_holes.add((network.names["example.com"][0], 443))
        first = scene.client.request("GET", "/first")
        second = scene.client.request("GET", "/second")
        scene.harness.pump()
        self.assertEqual(scene.recorder.count("serverconnect"), 1)
        network.black_holes.clear()
        scene.client.reset(first)
        scene.harness.pump()
        self.assertEqual(scene.client.answer(second).body, b"/second")
        self.assertEqual(scene.recorder.count("serverconnect"), 2)
        self.check_all(scene)

    def test_one_that_waits_is_gone(self) -> None:
        """A request that is given up while it waits for another's connection leaves nothing."""
        scene = Scene2(self, 2, 2, reply=fine)
        network = scene.harness.network
        network.black_holes.add((network.names["example.com"][0], 443))
        scene.client.request("GET", "/first")
        second = scene.client.request("GET", "/second")
        scene.harness.pump()
        scene.client.reset(second)
        scene.harness.pump()
        self.assertEqual(scene.recorder.count("error"), 1)
        self.check_all(scene)

    def test_limit_of_the_server(self) -> None:
        """More requests than the server takes at once go out on more connections, never more on one."""
        scene = Scene2(self, 2, 2)
        scene.ask("GET", "/first")
        end = scene.origins.ends[0]
        end.connection.settings({MAX_CONCURRENT_STREAMS: 2})
        end.flush()
        scene.respond(None, 200, body=b"")
        numbers = [scene.client.request("GET", f"/{count}") for count in range(4)]
        scene.harness.pump()
        self.assertEqual(len(end.connection.open_streams), 2)
        self.assertEqual(len(scene.origins.ends), 2)
        for each in list(scene.origins.requests)[1:]:
            scene.respond(each, 200, body=each.path)
        self.assertEqual([scene.client.answer(number).body for number in numbers], [b"/%d" % n for n in range(4)])
        self.check_all(scene)

    def test_queue(self) -> None:
        """Beyond a number of connections requests wait for a stream to be over."""
        scene = Scene2(self, 2, 2)
        limited: set[int] = set()

        def limit(got: Got) -> None:
            if id(got.end) not in limited:
                limited.add(id(got.end))
                got.end.connection.settings({MAX_CONCURRENT_STREAMS: 1})

        scene.origins._reply = limit
        numbers = []
        for count in range(12):
            numbers.append(scene.client.request("GET", f"/{count}"))
            scene.harness.pump()
        self.assertEqual((len(scene.origins.ends), len(scene.origins.requests)), (8, 8))
        done = 0
        while done < len(scene.origins.requests):
            each = scene.origins.requests[done]
            done += 1
            scene.respond(each, 200, body=each.path)
        self.assertEqual([scene.client.answer(number).body for number in numbers], [b"/%d" % n for n in range(12)])
        self.assertEqual(len(scene.origins.ends), 8)
        self.check_all(scene)


class HookTests(HTTP2Case):
    """Hooks of streams at once."""

    def test_order_in_each_flow(self) -> None:
        """Each flow has its hooks in order, however they are mixed, and ends in exactly one of two."""
        scene = Scene2(self, 2, 2)
        for count in range(6):
            scene.client.request("POST", f"/{count}", body=b"abc")
        scene.harness.pump()
        for each in reversed(scene.origins.requests):
            scene.respond(each, 200, body=b"x")
        flows = {id(flow): flow for name, flow in scene.recorder.events if name == "response"}
        self.assertEqual(len(flows), 6)
        for flow in flows.values():
            self.assertEqual(scene.names(flow), ["requestheaders", "request", "responseheaders", "response"])
        self.check_all(scene)

    def test_intercepted(self) -> None:
        """One flow is held on purpose, the others go on."""

        def hold(flow: Any) -> None:
            if flow.request.path == "/held":
                flow.intercept()

        scene = Scene2(self, 2, 2, on_request=hold, reply=fine)
        number = scene.client.request("GET", "/held")
        self.assertEqual(scene.ask("GET", "/free").body, b"/free")
        scene.harness.advance(100)
        self.assertEqual(scene.client.answer(number).status, 0)
        flow = next(flow for name, flow in scene.recorder.events if name == "request")
        flow.resume()
        scene.harness.pump()
        self.assertEqual(scene.client.answer(number).body, b"/held")
        self.check_all(scene)

    def test_hook_deadline(self) -> None:
        """A handler that never answers is cancelled for its flow alone, and the flow goes on."""
        holder = Holder()
        scene = Scene2(self, 2, 1, on_request=holder, reply=fine, hook_timeout=10)
        number = scene.client.request("GET", "/a")
        scene.harness.pump()
        scene.harness.advance(5, 5, 1)
        self.assertEqual((holder.cancelled, scene.client.answer(number).body), (1, b"/a"))
        self.check_all(scene)
