"""The pool of connections to servers, retries and timeouts."""

from typing import Any

from mitmtw.testing import Harness, Peer, Recorder
from tests.acceptance.base import GET, OK, Acceptance, answer, request


class PoolTests(Acceptance):
    """Which connection a request goes out on."""

    def twice(self, harness: Harness) -> tuple[Peer, Peer]:
        """Two clients, one request each, one after the other."""
        return self.send(harness, GET), self.send(harness, GET)

    def test_shared(self) -> None:
        """By default clients share idle connections."""
        harness = self.proxy()
        origin = self.origin(harness)
        self.twice(harness)
        self.assertEqual(len(origin.peers), 1)

    def test_client(self) -> None:
        """upstream_pool=client: each client has its own, and uses it again."""
        harness = self.proxy(upstream_pool="client")
        origin = self.origin(harness)
        first, _ = self.twice(harness)
        first.send(GET)
        harness.pump()
        self.assertEqual(len(origin.peers), 2)

    def test_off(self) -> None:
        """upstream_pool=off: a connection for each request, which says that it is the last one on it."""
        harness = self.proxy(upstream_pool="off")
        origin = self.origin(harness)
        client = self.send(harness, GET + GET)
        self.assertEqual(client.received, OK + OK)
        self.assertEqual(len(origin.peers), 2)
        self.assertEqual(origin.received.count(b"\r\nConnection: close\r\n"), 2)
        self.assertTrue(all(peer.lost or peer.has_ended for peer in origin.peers))

    def test_concurrent(self) -> None:
        """A connection in use is not shared; the last one used is used first."""
        harness = self.proxy()
        origin = harness.origin("example.com", 80)
        clients = [self.send(harness, GET) for _ in range(3)]
        self.assertEqual(len(origin.peers), 3)
        for peer in origin.peers:
            peer.send(OK)
            harness.pump()
        clients[0].send(GET)
        harness.pump()
        self.assertEqual(origin.peers[2].received.count(b"GET"), 2)

    def test_size(self) -> None:
        """upstream_pool_size bounds idle connections of one server, upstream_pool_total all."""
        for option in ("upstream_pool_size", "upstream_pool_total"):
            harness = self.proxy(**{option: 2})
            origin = harness.origin("example.com", 80)
            for _ in range(3):
                self.send(harness, GET)
            for peer in origin.peers:
                peer.send(OK)
            harness.pump()
            self.assertEqual([bool(peer.has_ended) for peer in origin.peers], [False, False, True])

    def test_idle_timeout(self) -> None:
        """An unused connection is closed after upstream_idle_timeout."""
        recorder = Recorder()
        harness = self.proxy(recorder, upstream_idle_timeout=10, client_idle_timeout=0)
        origin = self.origin(harness)
        self.send(harness, GET)
        harness.advance(*[1] * 9)
        self.assertFalse(origin.peer.has_ended)
        harness.advance(1, 1, 1)
        self.assertTrue(origin.peer.has_ended)
        self.assertEqual(recorder.count("serverdisconnect"), 1)

    def test_server_closes(self) -> None:
        """A connection that the server closed, or that it says it will close, is not used again."""
        harness = self.proxy()
        origin = harness.origin("example.com", 80, answer(b"hi", "Connection: close"))
        self.twice(harness)
        self.assertEqual(len(origin.peers), 2)
        harness = self.proxy()
        origin = self.origin(harness)
        self.send(harness, GET)
        origin.peer.close()
        harness.pump()
        self.assertEqual(self.send(harness, GET).received, OK)
        self.assertEqual(len(origin.peers), 2)

    def test_close_of_the_server_keeps_the_client(self) -> None:
        """A server's Connection: close is not passed on: the client's connection stays."""
        harness = self.proxy()
        harness.origin("example.com", 80, answer(b"hi", "Connection: close"))
        client = self.send(harness, GET)
        client.send(GET)
        harness.pump()
        self.assertEqual(client.received, OK + OK)

    def test_bytes_nobody_asked_for(self) -> None:
        """A server that says more than its answer is out of step: its connection is closed."""
        harness = self.proxy()
        origin = harness.origin("example.com", 80, OK + b"HTTP/1.1 200 Poison\r\nContent-Length: 0\r\n\r\n")
        first, second = self.twice(harness)
        self.assertEqual((first.received, second.received), (OK, OK))
        self.assertEqual(len(origin.peers), 2)

    def test_bytes_while_idle(self) -> None:
        """Bytes on an idle connection close it."""
        harness = self.proxy()
        origin = self.origin(harness)
        self.send(harness, GET)
        origin.peer.send(b"HTTP/1.1 408 Request Timeout\r\n\r\n")
        harness.pump()
        self.assertTrue(origin.peer.has_ended or origin.peer.lost)
        self.assertEqual(self.send(harness, GET).received, OK)

    def test_response_body_not_finished(self) -> None:
        """A connection whose answer was given up half-way is not used again."""
        harness = self.proxy()
        origin = harness.origin("example.com", 80, answer(b"", "Content-Length: 100") + b"part")
        client = self.send(harness, GET)
        client.reset()
        harness.pump()
        self.assertTrue(origin.peer.was_reset())

    def test_by_scheme_and_port(self) -> None:
        """Connections are kept apart by scheme and port."""
        harness = self.proxy()
        plain, other = self.origin(harness), self.origin(harness, port=81)
        secure = harness.tls_origin("example.com", 443, OK)
        for url in (b"http://example.com/", b"https://example.com/", b"http://example.com:81/"):
            host = url.split(b"/")[2]
            client = self.send(harness, b"GET " + url + b" HTTP/1.1\r\nHost: " + host + b"\r\n\r\n")
            self.assertEqual(client.received, OK)
        self.assertEqual([len(origin.peers) for origin in (plain, secure, other)], [1, 1, 1])

    def test_connection_authentication(self) -> None:
        """A connection that is authenticated by NTLM or Negotiate stays with its client."""
        for scheme in ("NTLM TlRM", "Negotiate YII="):
            harness = self.proxy()
            origin = self.origin(harness)
            first = self.send(harness, request("GET", "/", f"Authorization: {scheme}"))
            self.send(harness, GET)
            self.assertEqual(len(origin.peers), 2)
            first.send(GET)
            harness.pump()
            self.assertEqual(origin.peers[0].received.count(b"GET"), 2)

    def test_authentication_asked_for(self) -> None:
        """Also from the server's challenge on: the handshake goes on on the same connection."""
        harness = self.proxy()
        origin = harness.origin(
            "example.com", 80, answer(b"", "WWW-Authenticate: Negotiate", status="401 Unauthorized")
        )
        first = self.send(harness, GET)
        self.send(harness, GET)
        self.assertEqual(len(origin.peers), 2)
        first.send(GET)
        harness.pump()
        self.assertEqual(len(origin.peers), 2)


class RetryTests(Acceptance):
    """An idle connection that turns out to be dead."""

    def dead(self, *addons: object) -> tuple[Harness, list[bytes], Peer]:
        """A server that answers once per connection and closes it, unseen, at the next request."""

        def reply(peer: Peer) -> None:
            heads.append(peer.take())
            if getattr(peer, "has_answered", False):
                peer.close()
            else:
                setattr(peer, "has_answered", True)  # noqa: B010 - an attribute of this test's own
                peer.send(OK)

        heads: list[bytes] = []
        harness = self.proxy(*addons)
        harness.origin("example.com", 80, reply)
        client = self.send(harness, GET)
        self.assertEqual(client.take(), OK)
        return harness, heads, client

    def test_get_is_sent_again(self) -> None:
        """GET is sent again, once, on a new connection, and no hook fires twice."""
        recorder = Recorder()
        harness, heads, client = self.dead(recorder)
        client.send(GET)
        harness.pump()
        self.assertEqual(client.received, OK)
        self.assertEqual(len(heads), 3)
        self.assertEqual((recorder.count("request"), recorder.count("response"), recorder.count("error")), (2, 2, 0))
        self.assertEqual(recorder.count("serverconnect"), 2)

    def test_put_with_a_body_is_sent_again(self) -> None:
        """PUT with a collected body is sent again, with the body."""
        harness, heads, client = self.dead(Recorder())
        client.send(request("PUT", body=b"abc"))
        harness.pump()
        self.assertEqual(client.received, OK)
        self.assertTrue(heads[-1].endswith(b"abc"))

    def test_post_is_not_sent_again(self) -> None:
        """POST is not: the server may have done it. 502."""
        recorder = Recorder()
        harness, heads, client = self.dead(recorder)
        client.send(request("POST", body=b"abc"))
        harness.pump()
        self.assertTrue(client.received.startswith(b"HTTP/1.1 502 "))
        self.assertEqual((len(heads), recorder.count("error")), (2, 1))

    def test_fresh_connection_is_not_retried(self) -> None:
        """A new connection that closes without an answer is not tried again."""
        harness = self.proxy()
        origin = harness.origin("example.com", 80, lambda peer: peer.close())
        client = self.send(harness, GET)
        self.assertTrue(client.received.startswith(b"HTTP/1.1 502 "))
        self.assertEqual(len(origin.peers), 1)

    def test_part_of_an_answer_is_not_retried(self) -> None:
        """A connection that closes after a part of a head has answered: no second try."""

        def reply(peer: Peer) -> None:
            if peer.received.count(b"GET") == 1:
                peer.send(OK)
            else:
                peer.send(b"HTTP/1.1 2")
                peer.close()

        harness = self.proxy()
        origin = harness.origin("example.com", 80, reply)
        client = self.send(harness, GET)
        client.take()
        client.send(GET)
        harness.pump()
        self.assertTrue(client.received.startswith(b"HTTP/1.1 502 "))
        self.assertEqual(len(origin.peers), 1)


class TimeoutTests(Acceptance):
    """Who is waited for, and for how long."""

    def test_response_head_timeout(self) -> None:
        """A server that does not answer: 504 after response_head_timeout, counted from the end of the request."""
        recorder = Recorder()
        harness = self.proxy(recorder, response_head_timeout=10)
        origin = harness.origin("example.com", 80)
        client = self.send(harness, GET)
        harness.advance(*[1] * 9)
        self.assertEqual(client.received, b"")
        harness.advance(1, 1)
        self.assertTrue(client.received.startswith(b"HTTP/1.1 504 Gateway Timeout\r\n"))
        self.assertTrue(origin.peer.was_reset())
        self.assertEqual((recorder.count("error"), recorder.count("response")), (1, 0))

    def test_response_head_timeout_of_a_streamed_request(self) -> None:
        """While the request is still going up the server has time."""
        harness = self.proxy(response_head_timeout=10)
        harness.origin("example.com", 80)
        client = self.send(harness, request("POST", "/", "Content-Length: 20"))
        for _ in range(19):
            client.send(b"x")
            harness.advance(1)
        self.assertEqual(client.received, b"")
        client.send(b"x")
        harness.advance(*[1] * 12)
        self.assertTrue(client.received.startswith(b"HTTP/1.1 504 "))

    def test_connect_timeout(self) -> None:
        """A host that swallows packets: 504 after connect_timeout, naming where."""
        recorder = Recorder()
        harness = self.proxy(recorder, connect_timeout=7)
        harness.network.names["hole.example"] = ["192.0.2.66"]
        harness.network.black_holes.add(("192.0.2.66", 80))
        client = self.send(harness, request(host="hole.example"))
        harness.advance(*[1] * 6)
        self.assertEqual(client.received, b"")
        harness.advance(1, 1)
        self.assertTrue(client.received.startswith(b"HTTP/1.1 504 "))
        self.assertIn(b"hole.example:80 within 7 seconds", client.received)
        self.assertEqual(recorder.count("error"), 1)

    def test_client_idle_timeout(self) -> None:
        """A client that asks nothing more is closed without a word."""
        harness = self.proxy(client_idle_timeout=10)
        self.origin(harness)
        client = self.send(harness, GET)
        client.take()
        harness.advance(*[1] * 9)
        self.assertFalse(client.has_ended)
        harness.advance(1, 1)
        self.assertTrue(client.has_ended)
        self.assertEqual(client.received, b"")

    def test_new_client_that_says_nothing(self) -> None:
        """The same for a client that never asked anything."""
        recorder = Recorder()
        harness = self.proxy(recorder, client_idle_timeout=10)
        client = harness.client()
        harness.advance(*[1] * 12)
        self.assertTrue(client.has_ended)
        self.assertEqual(recorder.trace, ["clientconnect", "clientdisconnect"])

    def test_request_head_timeout(self) -> None:
        """A head that does not become whole: 408; single bytes win no time."""
        recorder = Recorder()
        harness = self.proxy(recorder, request_head_timeout=10)
        client = self.send(harness, GET[:20])
        for at in range(20, 32):
            client.send(GET[at : at + 1])
            harness.advance(1)
        self.assertTrue(client.received.startswith(b"HTTP/1.1 408 Request Timeout\r\n"))
        self.assertTrue(client.has_ended)
        self.assertIsNone(recorder.last("error").request)

    def test_request_head_timeout_of_the_second_request(self) -> None:
        """The same for a later request."""
        harness = self.proxy(request_head_timeout=10, client_idle_timeout=100)
        self.origin(harness)
        client = self.send(harness, GET)
        client.take()
        harness.advance(*[1] * 20)
        client.send(GET[:5])
        harness.advance(*[1] * 9)
        self.assertEqual(client.received, b"")
        harness.advance(1, 1)
        self.assertTrue(client.received.startswith(b"HTTP/1.1 408 "))

    def test_stalled_request_body(self) -> None:
        """A client that stops in the middle of its body: the flow ends in error after tcp_timeout."""
        recorder = Recorder()
        harness = self.proxy(recorder, tcp_timeout=10)
        self.send(harness, request("POST", "/", "Content-Length: 5") + b"ab")
        harness.advance(*[1] * 12)
        self.assertEqual((recorder.count("error"), recorder.trace[-1]), (1, "clientdisconnect"))

    def test_stalled_response_body(self) -> None:
        """A server that stops in the middle of its body: error after tcp_timeout."""
        recorder = Recorder()
        harness = self.proxy(recorder, tcp_timeout=10)
        harness.origin("example.com", 80, answer(b"", "Content-Length: 5") + b"ab")
        client = self.send(harness, GET)
        harness.advance(*[1] * 12)
        self.assertEqual((recorder.count("error"), recorder.count("response")), (1, 0))
        self.assertTrue(client.received.startswith(b"HTTP/1.1 504 "))

    def test_a_hook_that_takes_its_time(self) -> None:
        """No timeout of a connection strikes while a handler is pending."""
        from twisted.internet.defer import Deferred

        pending: Deferred[Any] = Deferred()
        timeouts = dict.fromkeys(
            ("client_idle_timeout", "request_head_timeout", "tcp_timeout", "response_head_timeout"), 5
        )
        harness = self.proxy(Recorder(request=lambda flow: pending), hook_timeout=0, **timeouts)
        self.origin(harness)
        client = self.send(harness, GET)
        harness.advance(*[1] * 60)
        pending.callback(None)
        harness.pump()
        self.assertEqual(client.received, OK)
