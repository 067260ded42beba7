"""Tests of L{mitmtw.model.tcp}."""

from twisted.trial.unittest import SynchronousTestCase

from mitmtw.model import Flow, TCPMessage
from mitmtw.testing.flows import tcp_flow


class TCPFlowTests(SynchronousTestCase):
    def test_flow(self) -> None:
        """Its type, its messages, when it began."""
        flow = tcp_flow([(True, b"a"), (False, b"b")])
        self.assertEqual((flow.type, flow.live, flow.error, flow.ended), ("tcp", False, None, False))
        self.assertEqual([(each.from_client, each.content) for each in flow.messages], [(True, b"a"), (False, b"b")])
        self.assertEqual(flow.timestamp_created, flow.client_conn.timestamp_start)
        self.assertIsInstance(flow, Flow)

    def test_any_octets(self) -> None:
        """Nothing is asked of the bytes, and they may be set to nothing."""
        message = TCPMessage(True, b"\xff\x00")
        message.content = b""
        self.assertEqual((message.content, message.changed), (b"", True))
