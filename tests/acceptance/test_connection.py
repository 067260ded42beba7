"""The connection rows of the hook contract: clientconnect, clientdisconnect, serverconnect, serverdisconnect."""

from typing import Any

from twisted.internet.defer import Deferred

from mitmtw.testing import Origin, Peer, Recorder
from tests.acceptance.base import GET, OK, Acceptance, answer, request

CONNECT = b"CONNECT example.com:25 HTTP/1.1\r\nHost: example.com:25\r\n\r\n"


class ClientConnectTests(Acceptance):
    """Right after accept."""

    def test_no_delay(self) -> None:
        """Small writes leave at once on both sides: waiting for acknowledgements would cost 40 ms each."""
        harness = self.proxy()
        origin = self.origin(harness)
        client = self.send(harness, GET)
        self.assertTrue(client.wire.peer.getTcpNoDelay())
        self.assertTrue(origin.peer.wire.peer.getTcpNoDelay())

    def test_clientconnect_kill(self) -> None:
        """A killed client is reset before a byte was read, and clientdisconnect follows."""
        recorder = Recorder(clientconnect=lambda layer: layer.kill())
        harness = self.proxy(recorder)
        client = self.send(harness, GET)
        self.assertTrue(client.was_reset())
        self.assertEqual(recorder.trace, ["clientconnect", "clientdisconnect"])
        self.assertEqual(client.received, b"")

    def test_clientconnect_kill_later(self) -> None:
        """A kill after a Deferred counts as well."""
        pending: Deferred[None] = Deferred()

        async def clientconnect(layer: Any) -> None:
            await pending
            layer.kill()

        recorder = Recorder(clientconnect=clientconnect)
        harness = self.proxy(recorder)
        client = self.send(harness, GET)
        pending.callback(None)
        harness.pump()
        self.assertTrue(client.was_reset())
        self.assertEqual(recorder.trace, ["clientconnect", "clientdisconnect"])

    def relay_to(self, layer: Any) -> Any:
        """A layer that relays to example.com, port 25."""
        from mitmtw._layers.client import Target

        relay = layer.proxy.layers["relay"](layer)
        relay.target = Target("example.com", 25)
        return relay

    def test_clientconnect_replace_by_value(self) -> None:
        """Another root layer takes the connection, without next_layer."""
        recorder = Recorder(clientconnect=self.relay_to)
        harness = self.proxy(recorder)
        origin = harness.origin("example.com", 25)
        client = self.send(harness, b"anything")
        self.assertEqual(origin.received, b"anything")
        origin.peer.send(b"back")
        harness.pump()
        self.assertEqual(client.received, b"back")
        self.assertEqual(recorder.trace[:2], ["clientconnect", "serverconnect"])

    def test_clientconnect_replace_by_deferred(self) -> None:
        """The same by a Deferred; what the client sends meanwhile is kept."""
        pending: Deferred[Any] = Deferred()
        layers: list[Any] = []

        def clientconnect(layer: Any) -> Deferred[Any]:
            layers.append(layer)
            return pending

        harness = self.proxy(Recorder(clientconnect=clientconnect))
        origin = harness.origin("example.com", 25)
        client = self.send(harness, b"early")
        client.half_close()
        harness.pump()
        pending.callback(self.relay_to(layers[0]))
        harness.pump()
        self.assertEqual(origin.received, b"early")
        self.assertTrue(origin.peer.has_ended)

    def test_facts(self) -> None:
        """The client's connection knows both addresses and when it was accepted."""
        recorder = Recorder()
        harness = self.proxy(recorder)
        harness.client()
        conn = recorder.last("clientconnect").client_conn
        self.assertEqual((conn.address[0], conn.sockname), ("127.0.0.1", ("127.0.0.1", 8080)))
        self.assertEqual(conn.timestamp_start, harness.network.seconds())


class ClientDisconnectTests(Acceptance):
    """The last event of a connection."""

    def test_clientdisconnect_last(self) -> None:
        """It comes once, after the events of the exchange that the client left."""
        recorder = Recorder()
        harness = self.proxy(recorder)
        harness.origin("example.com", 80)
        client = self.send(harness, GET)
        client.reset()
        harness.pump()
        self.assertEqual(recorder.trace[-3:], ["error", "serverdisconnect", "clientdisconnect"])
        self.assertEqual(recorder.count("clientdisconnect"), 1)

    def test_waits_for_error(self) -> None:
        """A handler of error that takes its time holds it."""
        pending: Deferred[None] = Deferred()
        recorder = Recorder(error=lambda flow: pending)
        harness = self.proxy(recorder)
        harness.origin("example.com", 80)
        client = self.send(harness, GET)
        client.reset()
        harness.pump()
        self.assertNotIn("clientdisconnect", recorder.trace)
        pending.callback(None)
        harness.pump()
        self.assertEqual(recorder.trace[-1], "clientdisconnect")

    def test_waits_for_serverdisconnect(self) -> None:
        """A handler of serverdisconnect that takes its time holds it, when the connection was in use."""
        pending: Deferred[None] = Deferred()
        recorder = Recorder(serverdisconnect=lambda conn: pending)
        harness = self.proxy(recorder)
        harness.origin("example.com", 80)
        client = self.send(harness, GET)
        client.reset()
        harness.pump()
        self.assertEqual(recorder.trace[-1], "serverdisconnect")
        pending.callback(None)
        harness.pump()
        self.assertEqual(recorder.trace[-1], "clientdisconnect")

    def test_held_connection(self) -> None:
        """With upstream_pool=client an idle connection closes with its client, before that event."""
        recorder = Recorder()
        harness = self.proxy(recorder, upstream_pool="client")
        self.origin(harness)
        client = self.send(harness, GET)
        self.assertEqual(recorder.count("serverdisconnect"), 0)
        client.close()
        harness.pump()
        self.assertEqual(recorder.trace[-2:], ["serverdisconnect", "clientdisconnect"])

    def test_shared_connection(self) -> None:
        """An idle connection in the shared pool outlives its client."""
        recorder = Recorder()
        harness = self.proxy(recorder)
        self.origin(harness)
        client = self.send(harness, GET)
        client.close()
        harness.pump()
        self.assertEqual(recorder.trace[-1], "clientdisconnect")
        self.assertEqual(recorder.count("serverdisconnect"), 0)

    def tunnel(self, recorder: Recorder) -> tuple[Any, Peer, Origin]:
        """A tunnel to a server that has seen bytes."""
        harness = self.proxy(recorder)
        origin = harness.origin("example.com", 25)
        client = self.send(harness, CONNECT)
        client.send(b"\x00opaque")
        harness.pump()
        self.assertEqual(origin.received, b"\x00opaque")
        return harness, client, origin

    def test_tunnel(self) -> None:
        """A tunnel's server connection closes before that event, also when its handler takes its time."""
        pending: Deferred[None] = Deferred()
        recorder = Recorder(serverdisconnect=lambda conn: pending)
        harness, client, origin = self.tunnel(recorder)
        client.close()
        harness.pump()
        self.assertTrue(origin.peer.has_ended)
        origin.peer.close()
        harness.pump()
        self.assertEqual(recorder.trace[-1], "serverdisconnect")
        pending.callback(None)
        harness.pump()
        self.assertEqual(recorder.trace[-1], "clientdisconnect")

    def test_tunnel_reset(self) -> None:
        """A client that resets its tunnel resets the server's side, before that event."""
        recorder = Recorder()
        harness, client, origin = self.tunnel(recorder)
        client.reset()
        harness.pump()
        self.assertTrue(origin.peer.was_reset())
        self.assertEqual(recorder.trace[-2:], ["serverdisconnect", "clientdisconnect"])


class ServerConnectTests(Acceptance):
    """Before a connection attempt."""

    def test_serverconnect_rewrite(self) -> None:
        """Another address is connected to; the request stays as it was."""
        seen: list[Any] = []

        def serverconnect(conn: Any) -> None:
            seen.append(conn.address)
            conn.address = ("other.example", 8000)

        harness = self.proxy(Recorder(serverconnect=serverconnect))
        origin = self.origin(harness, b"other", "other.example", 8000)
        client = self.send(harness, GET)
        self.assertEqual(seen, [("example.com", 80)])
        self.assertIn(b"\r\nHost: example.com\r\n", origin.received)
        self.assertTrue(client.received.endswith(b"other"))

    def test_serverconnect_rewrite_is_reused_for_its_host_only(self) -> None:
        """The connection is reused for what it was asked for, not for the address it went to."""
        count: list[Any] = []

        def serverconnect(conn: Any) -> None:
            count.append(conn.address)
            if conn.address[0] == "example.com":
                conn.address = ("other.example", 80)

        harness = self.proxy(Recorder(serverconnect=serverconnect))
        self.origin(harness, b"other", "other.example")
        client = self.send(harness, GET)
        for host in ("example.com", "other.example"):
            client.send(request(host=host))
            harness.pump()
        self.assertEqual(count, [("example.com", 80), ("other.example", 80)])
        self.assertEqual(client.received.count(b"other"), 3)

    def test_serverconnect_source_address(self) -> None:
        """Our own address of the connection can be chosen."""
        harness = self.proxy(Recorder(serverconnect=lambda conn: setattr(conn, "source_address", ("127.0.0.9", 0))))
        origin = self.origin(harness)
        self.send(harness, GET)
        self.assertEqual(origin.peer.wire.getPeer().host, "127.0.0.9")

    def test_serverconnect_kill(self) -> None:
        """A killed connection is not made: nothing is attempted, the flow ends in error."""
        recorder = Recorder(serverconnect=lambda conn: conn.kill())
        harness = self.proxy(recorder)
        origin = self.origin(harness)
        before = len(harness.network.attempts)
        client = self.send(harness, GET)
        self.assertEqual(len(harness.network.attempts) - before, 1)  # the client's own
        self.assertEqual(origin.peers, [])
        self.assertTrue(client.received.startswith(b"HTTP/1.1 502 "))
        self.assertEqual(recorder.count("error"), 1)
        self.assertEqual(recorder.count("serverdisconnect"), 0)

    def test_serverconnect_via_httpconnect(self) -> None:
        """By httpconnect: the connection goes through a proxy, which is asked for a tunnel to the address."""

        def proxy(peer: Peer) -> None:
            if peer.received.startswith(b"CONNECT") and peer.received.endswith(b"\r\n\r\n"):
                tunnels.append(peer.take())
                peer.send(b"HTTP/1.1 200 go\r\n\r\n")
            elif peer.received.endswith(b"\r\n\r\n"):
                peer.send(OK)

        tunnels: list[bytes] = []
        harness = self.proxy(
            Recorder(serverconnect=lambda conn: setattr(conn, "via", "httpconnect:proxy.example:3128"))
        )
        origin = harness.origin("proxy.example", 3128, proxy)
        client = self.send(harness, GET)
        self.assertEqual(tunnels, [b"CONNECT example.com:80 HTTP/1.1\r\nHost: example.com:80\r\n\r\n"])
        self.assertTrue(origin.received.startswith(b"GET / HTTP/1.1\r\n"))
        self.assertEqual(client.received, OK)

    def test_serverconnect_via_refused(self) -> None:
        """A proxy that refuses the tunnel is named in the answer."""
        harness = self.proxy(
            Recorder(serverconnect=lambda conn: setattr(conn, "via", "httpconnect:proxy.example:3128"))
        )
        harness.origin("proxy.example", 3128, answer(b"", status="403 No way"))
        client = self.send(harness, GET)
        self.assertTrue(client.received.startswith(b"HTTP/1.1 502 "))
        self.assertIn(b"403 No way", client.received)

    def test_serverconnect_via_endpoint(self) -> None:
        """By an endpoint string: that is dialled instead of the address."""
        harness = self.proxy(Recorder(serverconnect=lambda conn: setattr(conn, "via", "tcp:host=192.0.2.77:port=1234")))
        origin = self.origin(harness, b"there", "192.0.2.77", 1234)
        client = self.send(harness, GET)
        self.assertIn(b"\r\nHost: example.com\r\n", origin.received)
        self.assertTrue(client.received.endswith(b"there"))

    def test_serverconnect_endpoint(self) -> None:
        """The attribute endpoint does the same."""
        harness = self.proxy(
            Recorder(serverconnect=lambda conn: setattr(conn, "endpoint", "tcp:host=192.0.2.77:port=1234"))
        )
        self.origin(harness, b"there", "192.0.2.77", 1234)
        self.assertTrue(self.send(harness, GET).received.endswith(b"there"))

    def test_reused_connection_fires_none(self) -> None:
        """A reused connection fires no serverconnect, and serverdisconnect once, when it closes."""
        recorder = Recorder()
        harness = self.proxy(recorder)
        origin = self.origin(harness)
        client = self.send(harness, GET)
        client.send(GET)
        harness.pump()
        self.assertEqual((recorder.count("serverconnect"), len(origin.peers)), (1, 1))
        origin.peer.close()
        harness.pump()
        self.assertEqual(recorder.count("serverdisconnect"), 1)

    def test_planned_connection(self) -> None:
        """Before there is a connection the flow says where it would go; each flow for itself."""
        seen: list[Any] = []
        harness = self.proxy(Recorder(request=lambda flow: seen.append(flow.server_conn)))
        self.origin(harness)
        self.send(harness, GET + request(host="other.example"))
        self.assertEqual([conn.address for conn in seen], [("example.com", 80), ("other.example", 80)])
        self.assertFalse(seen[1].connected)

    def test_rewrite_of_an_early_connection(self) -> None:
        """A connection made for a silent client, which an addon led elsewhere, is used for what it was asked for."""
        recorder = Recorder(serverconnect=lambda conn: setattr(conn, "address", ("other.example", 26)))
        harness = self.proxy(recorder)
        origin = harness.origin("other.example", 26, OK)
        client = self.send(harness, CONNECT)
        client.take()
        harness.advance(0.5)
        client.send(b"GET / HTTP/1.1\r\nHost: example.com\r\n\r\n")
        harness.pump()
        self.assertEqual(client.received, OK)
        self.assertEqual((recorder.count("serverconnect"), len(origin.peers)), (1, 1))

    def test_via_that_never_answers(self) -> None:
        """An upstream proxy that takes the connection and says nothing: 504 after connect_timeout."""
        recorder = Recorder(serverconnect=lambda conn: setattr(conn, "via", "httpconnect:proxy.example:3128"))
        harness = self.proxy(recorder, connect_timeout=5)
        origin = harness.origin("proxy.example", 3128)
        client = self.send(harness, GET)
        harness.advance(*[1] * 6)
        self.assertTrue(client.received.startswith(b"HTTP/1.1 504 "))
        self.assertTrue(origin.peer.was_reset())
        self.assertEqual(recorder.count("serverdisconnect"), 0)

    def test_via_that_makes_no_sense(self) -> None:
        """A way out that is none: 502 that names it."""
        harness = self.proxy(Recorder(serverconnect=lambda conn: setattr(conn, "via", "nonsense")))
        client = self.send(harness, GET)
        self.assertTrue(client.received.startswith(b"HTTP/1.1 502 "))
        self.assertIn(b"nonsense", client.received)

    def test_failed_connect_fires_no_disconnect(self) -> None:
        """A connection that never was is not disconnected."""
        recorder = Recorder()
        harness = self.proxy(recorder)
        self.send(harness, GET)
        self.assertEqual((recorder.count("serverconnect"), recorder.count("serverdisconnect")), (1, 0))
        self.assertEqual(recorder.count("server_connect_error"), 1)
