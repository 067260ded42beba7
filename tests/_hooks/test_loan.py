"""Tests for L{mitmtw._hooks.loan}: copies that are lent, and what comes back of them."""

from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from mitmtw._hooks.loan import lend
from mitmtw.errors import MitmtwError
from mitmtw.model import ClientConnection, Error, Flow, HTTPFlow, Response, ServerConnection
from mitmtw.testing.flows import http_flow, make_request, tcp_flow, websocket_flow


class Cancelled:
    """Stands in for the exchange of a flow."""

    def __init__(self) -> None:
        self.reasons: list[MitmtwError] = []

    def cancel(self, why: MitmtwError) -> None:
        self.reasons.append(why)


class FlowTests(SynchronousTestCase):
    """A flow that is lent."""

    def lent(self, flow: HTTPFlow) -> tuple[HTTPFlow, Any]:
        return lend(flow)

    def test_looks_alike(self) -> None:
        """The copy has all that a handler may look at, under the same names."""
        flow = http_flow(make_request(content=b"body", x_a="1"), True)
        flow.begin(Cancelled())
        flow.metadata["a"] = [1]
        flow.marked = "m"
        flow.comment = "c"
        flow.request.stream = len
        flow.error = Error("e", 1.0)
        flow.server_conn.alpn = b"h2"
        copy, _ = self.lent(flow)
        self.assertIsNot(copy, flow)
        self.assertEqual(
            (copy.id, copy.live, copy.killed, copy.intercepted, copy.metadata, copy.marked, copy.comment, copy.error),
            (flow.id, True, False, False, {"a": [1]}, "m", "c", Error("e", 1.0)),
        )
        self.assertEqual(copy.request.get_state(), flow.request.get_state())
        self.assertIs(copy.request.stream, len)
        assert copy.response is not None and flow.response is not None
        self.assertEqual(copy.response.get_state(), flow.response.get_state())
        self.assertEqual(copy.client_conn.get_state(), flow.client_conn.get_state())
        self.assertEqual(copy.server_conn.get_state(), flow.server_conn.get_state())

    def test_nothing_is_shared(self) -> None:
        """Whatever is written to the copy, the flow is as it was until it is given back."""
        flow = http_flow(make_request(content=b"body"), True)
        flow.metadata["a"] = [1]
        flow.upstream = ["http://a"]
        flow.error = Error("e", 1.0)
        before = flow.get_state()
        copy, _ = self.lent(flow)
        copy.request.headers["x"] = "y"
        copy.request.content = b"other"
        copy.request.host = "elsewhere"
        assert copy.response is not None and copy.error is not None
        copy.response.status_code = 500
        copy.metadata["a"].append(2)
        copy.error.msg = "other"
        assert isinstance(copy.upstream, list)
        copy.upstream.append("http://b")
        copy.client_conn.error = copy.server_conn.error = "x"
        copy.comment = "c"
        self.assertEqual(flow.get_state(), before)

    def test_given_back(self) -> None:
        """All edits are made in the objects that the flow has: others hold them."""
        flow = http_flow(make_request(content=b"body"), True)
        request, response = flow.request, flow.response
        copy, give_back = self.lent(flow)
        copy.request.headers["x"] = "y"
        copy.request.content = b"other"
        copy.request.host = "elsewhere"
        assert copy.response is not None
        copy.response.status_code = 500
        copy.response.stream = True
        copy.metadata["a"] = 1
        copy.server_conn.source_address = ("192.0.2.9", 0)
        copy.upstream = "http://proxy:1"
        copy.comment = "c"
        give_back()
        assert flow.response is not None
        self.assertIs(flow.request, request)
        self.assertIs(flow.response, response)
        self.assertEqual((flow.request.headers["x"], flow.request.content), ("y", b"other"))
        self.assertEqual((flow.request.host, flow.request.headers["host"]), ("elsewhere", "elsewhere"))
        self.assertEqual((flow.response.status_code, flow.response.stream), (500, True))
        self.assertEqual((flow.metadata, flow.upstream, flow.comment), ({"a": 1}, "http://proxy:1", "c"))
        self.assertEqual(flow.server_conn.source_address, ("192.0.2.9", 0))

    def test_others_edits_stay(self) -> None:
        """What the proxy or a person has changed meanwhile is not overwritten."""
        flow = http_flow(make_request(), True)
        copy, give_back = self.lent(flow)
        flow.request.timestamp_end = 5.0
        flow.comment = "a person's"
        flow.metadata["a"] = 1
        copy.request.headers["x"] = "y"
        give_back()
        self.assertEqual((flow.request.timestamp_end, flow.comment, flow.metadata), (5.0, "a person's", {"a": 1}))
        self.assertEqual(flow.request.headers["x"], "y")

    def test_written_later(self) -> None:
        """After it was given back the copy means nothing."""
        flow = http_flow(make_request(), True)
        copy, give_back = self.lent(flow)
        copy.request.headers["x"] = "in time"
        give_back()
        copy.request.headers["x"] = "late"
        self.assertEqual(flow.request.headers["x"], "in time")

    def test_response(self) -> None:
        """A response that the handler makes, replaces or takes away."""
        flow = http_flow()
        for _ in range(2):
            copy, give_back = self.lent(flow)
            copy.response = made = Response.make(418)
            give_back()
            self.assertIs(flow.response, made)
        copy, give_back = self.lent(flow)
        copy.response = None
        give_back()
        self.assertIsNone(flow.response)

    def test_request_replaced(self) -> None:
        """A request that was put in place of the other."""
        flow = http_flow()
        copy, give_back = self.lent(flow)
        copy.request = made = make_request(url="http://other/")
        give_back()
        self.assertIs(flow.request, made)

    def test_no_request(self) -> None:
        """The flow of an error before there was a request."""
        flow = HTTPFlow(ClientConnection())
        copy, give_back = self.lent(flow)
        self.assertIsNone(copy.request)
        copy.comment = "c"
        give_back()
        self.assertEqual(flow.comment, "c")

    def test_kill(self) -> None:
        """A kill counts when it is given back."""
        flow = http_flow()
        run = Cancelled()
        flow.begin(run)
        copy, give_back = self.lent(flow)
        self.assertTrue(copy.kill())
        self.assertEqual((flow.killed, run.reasons), (False, []))
        give_back()
        self.assertTrue(flow.killed)
        self.assertEqual([str(reason) for reason in run.reasons], [Error.KILLED_MESSAGE])

    def test_hold(self) -> None:
        """To intercept and to resume counts when it is given back; who waits is told."""
        flow = http_flow()
        copy, give_back = self.lent(flow)
        copy.intercept()
        self.assertFalse(flow.intercepted)
        give_back()
        self.assertTrue(flow.intercepted)
        resumed: list[bool] = []
        flow.when_resumed(lambda: resumed.append(True))
        copy, give_back = self.lent(flow)
        copy.resume()
        self.assertEqual(resumed, [])
        give_back()
        self.assertEqual((flow.intercepted, resumed), (False, [True]))

    def test_other_kinds(self) -> None:
        """A flow that we cannot copy is refused instead of shared."""
        self.assertRaises(TypeError, lend, Flow(ClientConnection()))


class ConversationTests(SynchronousTestCase):
    """WebSocket and TCP."""

    def test_looks_alike(self) -> None:
        """The copies have all that a handler may look at."""
        flow = websocket_flow()
        flow.close_code = 1000
        copy, _ = lend(flow)
        self.assertEqual([message.text for message in copy.messages], ["hello", "hi"])
        self.assertEqual((copy.id, copy.close_code, copy.request.url), (flow.id, 1000, flow.request.url))
        tcp = tcp_flow()
        copy, _ = lend(tcp)
        self.assertEqual([message.content for message in copy.messages], [b"hello", b"hi"])
        self.assertEqual((copy.id, copy.ended), (tcp.id, False))

    def test_latest_message(self) -> None:
        """The latest message can be changed, or dropped, in the copy, and later in the flow."""
        flow = websocket_flow()
        copy, give_back = lend(flow)
        copy.messages[-1].content = "changed"
        copy.messages[-1].type = "binary"
        copy.messages[-1].kill()
        latest = flow.messages[-1]
        self.assertEqual((latest.text, latest.is_text, latest.dropped), ("hi", True, False))
        give_back()
        self.assertIs(flow.messages[-1], latest)
        self.assertEqual((latest.content, latest.original), (b"changed", b"hi"))
        self.assertEqual((latest.is_text, latest.dropped), (False, True))

    def test_tcp_message(self) -> None:
        """The same for TCP, and the notes of the flow."""
        flow = tcp_flow()
        copy, give_back = lend(flow)
        copy.message.content = b"changed"
        copy.comment = "c"
        self.assertEqual((flow.messages[-1].content, flow.comment), (b"hi", ""))
        give_back()
        self.assertEqual((flow.messages[-1].content, flow.comment), (b"changed", "c"))

    def test_no_message(self) -> None:
        """The flow of C{tcp_start} has none."""
        copy, give_back = lend(tcp_flow([]))
        self.assertEqual(len(copy.messages), 0)
        give_back()

    def test_inject(self) -> None:
        """What is injected goes out, in order, when the flow is given back; not when it is over by then."""
        injected: list[Any] = []
        flow = websocket_flow()
        flow.when_injected(injected.append)
        for is_over in (False, True):
            copy, give_back = lend(flow)
            copy.inject("one", True)
            copy.inject(b"two", False)
            self.assertEqual(injected, [])
            if is_over:
                flow.end()
            give_back()
            said = [(message.content, message.from_client, message.injected) for message in injected]
            self.assertEqual(said, [] if is_over else [(b"one", False, True), (b"two", True, True)])
            injected.clear()

    def test_not_open(self) -> None:
        """To inject is refused in the copy where it is refused in the flow."""
        copy, _ = lend(websocket_flow())
        self.assertRaises(ValueError, copy.inject, "x", True)

    def test_kill(self) -> None:
        """A kill counts when it is given back."""
        flow = tcp_flow()
        flow.begin(run := Cancelled())
        copy, give_back = lend(flow)
        copy.kill()
        self.assertEqual(run.reasons, [])
        give_back()
        self.assertEqual(len(run.reasons), 1)


class OtherTests(SynchronousTestCase):
    """What else may be lent."""

    def test_connection(self) -> None:
        """The wishes in a server's connection come back; it stays the same connection."""
        conn = ServerConnection(("a", 80))
        copy, give_back = lend(conn)
        copy.address = ("b", 81)
        copy.kill()
        self.assertEqual((conn.address, conn.error), (("a", 80), None))
        give_back()
        self.assertEqual((conn.address, conn.error, copy.id), (("b", 81), "killed", conn.id))

    def test_list(self) -> None:
        """Each of a list of flows."""
        flows = [http_flow(), http_flow()]
        copies, give_back = lend(flows)
        for copy in copies:
            copy.comment = "c"
        self.assertEqual([flow.comment for flow in flows], ["", ""])
        give_back()
        self.assertEqual([flow.comment for flow in flows], ["c", "c"])

    def test_others(self) -> None:
        """Other things are given as they are."""
        thing = object()
        copy, give_back = lend(thing)
        give_back()
        self.assertIs(copy, thing)
