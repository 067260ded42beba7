"""Tests of L{mitmtw.model.flow}."""

from twisted.trial.unittest import SynchronousTestCase

from mitmtw.errors import Killed, MitmtwError, PolicyApplied
from mitmtw.model import ClientConnection, Error, Flow, HTTPFlow, Request, Response, ServerConnection


class MemoryRun:
    """Remembers why it was cancelled."""

    def __init__(self) -> None:
        self.reasons: list[MitmtwError] = []

    def cancel(self, why: MitmtwError) -> None:
        self.reasons.append(why)


def http_flow(live: bool = True) -> HTTPFlow:
    fields = [(b"Host", b"a.example")]
    request = Request.of(b"GET", "https", "a.example", 8443, b"/", b"/", b"HTTP/1.1", fields, 7.0, b"")
    return HTTPFlow(ClientConnection(("192.0.2.1", 5), timestamp_start=6.0), None, request, None, live)


class AttributeTests(SynchronousTestCase):
    def test_id(self) -> None:
        """Made once, different for each flow, assignable."""
        flow = http_flow()
        self.assertEqual(flow.id, flow.id)
        self.assertNotEqual(flow.id, http_flow().id)
        flow.id = "x"
        self.assertEqual(flow.id, "x")

    def test_defaults(self) -> None:
        """What a new flow says of itself."""
        flow = http_flow()
        self.assertEqual((flow.type, Flow.type), ("http", "flow"))
        self.assertEqual((flow.comment, flow.marked, flow.metadata, flow.is_replay), ("", "", {}, None))
        self.assertEqual((flow.error, flow.response, flow.websocket, flow.upstream), (None, None, None, None))
        self.assertEqual(flow.mode, "regular")
        self.assertIs(flow.requestheaders, flow.request.headers)

    def test_metadata(self) -> None:
        """One dictionary per flow, which may be replaced."""
        flow = http_flow()
        flow.metadata["a"] = 1
        self.assertEqual(flow.metadata, {"a": 1})
        self.assertEqual(http_flow().metadata, {})
        flow.metadata = {"b": 2}
        self.assertEqual(flow.metadata, {"b": 2})

    def test_marked(self) -> None:
        """Text or truth."""
        flow = http_flow()
        for mark, wanted in ((True, ":default:"), (False, ""), (":red:", ":red:")):
            flow.marked = mark
            self.assertEqual(flow.marked, wanted)

    def test_created(self) -> None:
        """The request's time, or the connection's, or what is said; zero when nobody knows."""
        flow = http_flow()
        self.assertEqual(flow.timestamp_created, 7.0)
        self.assertEqual(HTTPFlow(flow.client_conn).timestamp_created, 6.0)
        self.assertEqual(Flow(ClientConnection()).timestamp_created, 0.0)
        flow.timestamp_created = 0.0
        self.assertEqual(flow.timestamp_created, 0.0)

    def test_planned_server(self) -> None:
        """Before there is a connection, a placeholder says where it would go, and stays the same."""
        flow = http_flow()
        self.assertEqual((flow.server_conn.address, flow.server_conn.tls), (("a.example", 8443), True))
        self.assertIs(flow.server_conn, flow.server_conn)
        self.assertIsNone(HTTPFlow(flow.client_conn).server_conn.address)
        self.assertIsNone(Flow(flow.client_conn).server_conn.address)
        real = ServerConnection(("b", 1))
        flow.server_conn = real
        self.assertIs(flow.server_conn, real)

    def test_repr(self) -> None:
        """A flow says what it is about."""
        self.assertIn("https://a.example:8443/", repr(http_flow()))


class KillTests(SynchronousTestCase):
    def test_kill(self) -> None:
        """The run is cancelled once, with Killed; error and flags say so."""
        flow = http_flow()
        run = flow._run = MemoryRun()
        flow.intercept()
        self.assertTrue(flow.killable)
        self.assertTrue(flow.kill())
        self.assertEqual([type(why) for why in run.reasons], [Killed])
        self.assertTrue(flow.killed and not flow.killable and not flow.intercepted)
        assert flow.error is not None
        self.assertEqual(flow.error.msg, Error.KILLED_MESSAGE)
        self.assertFalse(flow.kill())
        self.assertEqual(len(run.reasons), 1)

    def test_flags_before_cancel(self) -> None:
        """Who is cancelled sees the flow killed already: the error hook runs within the cancellation."""
        flow = http_flow()
        seen = []

        class Looking:
            def cancel(self, why: MitmtwError) -> None:
                seen.append((flow.killed, flow.error is not None, flow.kill()))

        flow._run = Looking()
        flow.kill()
        self.assertEqual(seen, [(True, True, False)])

    def test_over(self) -> None:
        """A flow that is over cannot be killed, and nothing changes."""
        flow = http_flow(live=False)
        run = flow._run = MemoryRun()
        self.assertFalse(flow.kill())
        self.assertEqual((run.reasons, flow.killed, flow.error), ([], False, None))

    def test_kill_because(self) -> None:
        """A reason of its own reaches the run and the error."""
        flow = http_flow()
        run = flow._run = MemoryRun()
        why = PolicyApplied("addon x failed")
        self.assertTrue(flow.kill_because(why))
        self.assertEqual(run.reasons, [why])
        assert flow.error is not None
        self.assertEqual(flow.error.msg, "addon x failed")


class InterceptTests(SynchronousTestCase):
    def test_resume(self) -> None:
        """All who wait are called once, in order, and find the flow free."""
        flow = http_flow()
        flow.intercept()
        calls: list[tuple[str, bool]] = []
        flow.when_resumed(lambda: calls.append(("a", flow.intercepted)))
        flow.when_resumed(lambda: calls.append(("b", flow.intercepted)))
        self.assertEqual(calls, [])
        flow.resume()
        flow.resume()
        self.assertEqual(calls, [("a", False), ("b", False)])

    def test_not_held(self) -> None:
        """Waiting for a flow that is not held is over at once."""
        calls: list[int] = []
        http_flow().when_resumed(lambda: calls.append(1))
        self.assertEqual(calls, [1])

    def test_held_again(self) -> None:
        """Who is resumed may hold the flow again and wait anew."""
        flow = http_flow()
        calls: list[int] = []

        def again() -> None:
            calls.append(1)
            flow.intercept()
            flow.when_resumed(lambda: calls.append(2))

        flow.intercept()
        flow.when_resumed(again)
        flow.resume()
        self.assertEqual((calls, flow.intercepted), ([1], True))
        flow.resume()
        self.assertEqual(calls, [1, 2])

    def test_kill_while_held(self) -> None:
        """With a run the cancellation ends the waiting; without one the waiters are called."""
        calls: list[bool] = []
        flow = http_flow()
        flow._run = MemoryRun()
        flow.intercept()
        flow.when_resumed(lambda: calls.append(flow.killed))
        flow.kill()
        flow.resume()
        self.assertEqual(calls, [])
        bare = http_flow()
        bare.intercept()
        bare.when_resumed(lambda: calls.append(bare.killed))
        bare.kill()
        self.assertEqual(calls, [True])


class BackupTests(SynchronousTestCase):
    def test_revert(self) -> None:
        """Edits of messages, notes and metadata are taken back, on the very request; connections go on."""
        flow = http_flow()
        flow.metadata["list"] = [1]
        request = flow.request
        flow.backup()
        self.assertFalse(flow.modified())
        flow.request.host = "b"
        flow.request.body = b"new"
        flow.metadata["list"].append(2)
        flow.comment, flow.marked, flow.upstream = "c", True, "socks5:x"
        flow.response = Response.make()
        flow.client_conn.timestamp_end = 9.0
        self.assertTrue(flow.modified())
        flow.revert()
        self.assertIs(flow.request, request)
        self.assertEqual(
            (request.host, request.body, request.headers.raw), ("a.example", b"", [(b"Host", b"a.example")])
        )
        self.assertEqual((flow.metadata, flow.comment, flow.marked, flow.upstream), ({"list": [1]}, "", "", None))
        self.assertIsNone(flow.response)
        self.assertEqual(flow.client_conn.timestamp_end, 9.0)
        self.assertFalse(flow.modified())

    def test_first_backup_stands(self) -> None:
        """A second backup does not replace the first, unless it is forced."""
        flow = http_flow()
        flow.backup()
        flow.comment = "1"
        flow.backup()
        flow.comment = "2"
        flow.revert()
        self.assertEqual(flow.comment, "")
        flow.backup()
        flow.comment = "1"
        flow.backup(force=True)
        flow.comment = "2"
        flow.revert()
        self.assertEqual(flow.comment, "1")

    def test_revert_brings_back(self) -> None:
        """A request or response that was taken away comes back; without a backup nothing happens."""
        flow = http_flow()
        flow.response = Response.make(404)
        flow.revert()
        self.assertEqual(flow.response.status_code, 404)
        flow.backup()
        flow.response = None
        flow.request = None  # type: ignore[assignment]
        flow.revert()
        assert flow.response is not None
        self.assertEqual((flow.response.status_code, flow.request.host), (404, "a.example"))

    def test_connection_facts_are_no_edit(self) -> None:
        """A connection that goes on does not make its flow modified."""
        flow = http_flow()
        flow.backup()
        flow.server_conn.timestamp_end = 9.0
        self.assertFalse(flow.modified())


class CopyTests(SynchronousTestCase):
    def test_copy(self) -> None:
        """A copy has its own id and messages, and is neither live nor killed."""
        flow = http_flow()
        flow.response = Response.make(200, b"x")
        flow.error = Error("e", 1.0)
        flow.comment = "c"
        flow.intercept()
        flow._run = MemoryRun()
        flow.kill()
        flow.error = Error("e", 1.0)
        other = flow.copy()
        self.assertNotEqual(other.id, flow.id)
        self.assertEqual((other.live, other.killed, other._run, other.comment), (False, False, None, "c"))
        self.assertEqual(other.request.get_state(), flow.request.get_state())
        self.assertEqual((other.error, other.timestamp_created), (flow.error, 7.0))
        other.request.path = "/other"
        assert other.response is not None
        other.response.content = b"y"
        other.server_conn.host = "z"
        self.assertEqual((flow.request.path, flow.response.content, flow.server_conn.host), ("/", b"x", "a.example"))

    def test_copy_without_request(self) -> None:
        """A flow whose request could not be read can be copied, described and reverted."""
        flow = HTTPFlow(ClientConnection())
        flow.backup()
        flow.revert()
        self.assertIsNone(flow.copy().request)
        self.assertIsNone(HTTPFlow.from_state(flow.get_state()).request)

    def test_state_round_trip(self) -> None:
        """A flow from a state has everything, is not live, and shares nothing."""
        flow = http_flow()
        flow.response = Response.make(200, b"x", {"a": "b"})
        flow.error = Error("e", 1.0)
        flow.metadata["a"] = {"b": [1]}
        flow.upstream = ["socks5:a", "http:b"]
        flow.backup()
        flow.kill()
        state = flow.get_state()
        other = HTTPFlow.from_state(state)
        self.assertEqual(other.get_state(), state)
        self.assertEqual((other.id, other.killed, other.live), (flow.id, True, False))
        other.metadata["a"]["b"].append(2)
        other.response.headers["a"] = "c"  # type: ignore[union-attr]
        self.assertEqual(flow.get_state(), state)

    def test_wrong_type(self) -> None:
        """The state of another kind of flow is refused."""
        self.assertRaises(ValueError, HTTPFlow.from_state, Flow(ClientConnection()).get_state())
