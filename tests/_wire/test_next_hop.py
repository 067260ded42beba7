"""What goes on to the next hop."""

from twisted.trial.unittest import SynchronousTestCase

from mitmtw._wire.events import CHUNKED, LENGTH, NO_BODY, UNTIL_CLOSE
from mitmtw._wire.next_hop import outgoing

ELEVEN = b"HTTP/1.1"
HOST = (b"Host", b"a")


class OutgoingTests(SynchronousTestCase):
    """L{outgoing}: the fields for the next hop."""

    def test_untouched(self) -> None:
        """What is right already stays as it is and where it is."""
        fields = [(b"hOST", b"a"), (b"content-LENGTH", b"005"), (b"X", b"1"), (b"x", b"2"), (b"Trailer", b"t")]
        self.assertEqual(outgoing(fields, LENGTH, 5), fields)
        fields = [(b"TRANSFER-encoding", b"Chunked"), (b"Host", b"a")]
        self.assertEqual(outgoing(fields, CHUNKED, -1), fields)
        fields = [HOST, (b"Content-Length", b"0")]
        self.assertEqual(outgoing(fields, NO_BODY, 0), fields)

    def test_does_not_change_its_argument(self) -> None:
        """The fields of the flow stay what they are."""
        fields = [(b"Connection", b"close"), (b"Content-Length", b"1")]
        outgoing(fields, LENGTH, 2, connection=b"keep-alive")
        self.assertEqual(fields, [(b"Connection", b"close"), (b"Content-Length", b"1")])

    def test_hop_by_hop(self) -> None:
        """What is for this connection alone does not go on (RFC 9110 section 7.6.1)."""
        hop = [b"Connection", b"PROXY-connection", b"Keep-Alive", b"te", b"Upgrade", b"transfer-encoding"]
        self.assertEqual(outgoing([HOST, *((name, b"x") for name in hop)], NO_BODY, 0), [HOST])

    def test_nominated(self) -> None:
        """What Connection names goes, in any case of the name; what everybody needs stays, whatever Connection says."""
        fields = [
            (b"X-A", b"1"),
            (b"x-a", b"2"),
            HOST,
            (b"Cache-Control", b"c"),
            (b"Cookie", b"d"),
            (b"X-B", b"3"),
            (b"Content-Length", b"1"),
        ]
        nominated = frozenset((b"x-a", b"host", b"cache-control", b"cookie", b"content-length", b"close"))
        self.assertEqual(outgoing(fields, LENGTH, 1, nominated=nominated), [*fields[2:]])

    def test_wrong_framing_is_replaced_in_place(self) -> None:
        """A framing that is not true any more is replaced where it stood, and only one is left."""
        x = (b"X", b"y")
        length, coding = (b"content-length", b"7"), (b"transfer-encoding", b"chunked")
        self.assertEqual(outgoing([length, x], LENGTH, 3), [(b"content-length", b"3"), x])
        self.assertEqual(outgoing([length, x], CHUNKED, -1), [(b"Transfer-Encoding", b"chunked"), x])
        self.assertEqual(outgoing([coding, x], LENGTH, 3), [(b"Content-Length", b"3"), x])
        self.assertEqual(
            outgoing([(b"te", b"gzip"), (b"transfer-ENCODING", b"gzip"), x], CHUNKED, -1),
            [(b"transfer-ENCODING", b"chunked"), x],
        )
        self.assertEqual(outgoing([length, x, coding, length], LENGTH, 7), [length, x])
        self.assertEqual(outgoing([length, x, coding], CHUNKED, -1), [(b"Transfer-Encoding", b"chunked"), x])
        self.assertEqual(outgoing([(b"Content-Length", b"x")], LENGTH, 3), [(b"Content-Length", b"3")])

    def test_missing_framing_is_appended(self) -> None:
        """A body that had no framing gets one at the end."""
        self.assertEqual(outgoing([HOST], LENGTH, 0), [HOST, (b"Content-Length", b"0")])
        self.assertEqual(outgoing([HOST], CHUNKED, -1), [HOST, (b"Transfer-Encoding", b"chunked")])

    def test_no_body(self) -> None:
        """Without a body there is no framing, but for the length that an answer to HEAD tells."""
        length = (b"Content-Length", b"7")
        self.assertEqual(outgoing([length, (b"Transfer-Encoding", b"chunked")], NO_BODY, 0), [])
        self.assertEqual(outgoing([(b"Transfer-Encoding", b"chunked"), length], NO_BODY, 0, keep_length=True), [length])
        self.assertEqual(outgoing([], NO_BODY, 0, keep_length=True), [])

    def test_until_close(self) -> None:
        """A body that ends with the connection has no length at all, not even 0."""
        self.assertEqual(outgoing([(b"Content-Length", b"0"), HOST], UNTIL_CLOSE, -1, keep_length=True), [HOST])

    def test_connection(self) -> None:
        """The new Connection stands where the old one was, in its case when that means the same; else at the end."""
        x = (b"X", b"y")
        self.assertEqual(outgoing([x], NO_BODY, 0, connection=b"close"), [x, (b"Connection", b"close")])
        old = (b"CONNECTION", b"Keep-Alive")
        self.assertEqual(outgoing([old, x], NO_BODY, 0, connection=b"keep-alive"), [old, x])
        self.assertEqual(outgoing([old, x, old], NO_BODY, 0, connection=b"close"), [(b"CONNECTION", b"close"), x])

    def test_upgrade(self) -> None:
        """Upgrade goes on only when it is told to."""
        fields = [(b"Upgrade", b"websocket"), (b"Connection", b"Upgrade")]
        self.assertEqual(
            outgoing(fields, NO_BODY, 0, connection=b"upgrade", upgrade=True, nominated=frozenset((b"upgrade",))),
            fields,
        )
        self.assertEqual(outgoing(fields, NO_BODY, 0), [])

    def test_te_trailers(self) -> None:
        """C{TE: trailers} goes on with the connection option that it needs (RFC 9110 section 10.1.4)."""
        te = (b"te", b"Trailers")
        self.assertEqual(outgoing([te], NO_BODY, 0), [te, (b"Connection", b"TE")])
        self.assertEqual(
            outgoing([te], NO_BODY, 0, connection=b"close", nominated=frozenset((b"te",))),
            [te, (b"Connection", b"close, TE")],
        )
        self.assertEqual(outgoing([(b"TE", b"gzip, trailers")], NO_BODY, 0), [])
