"""Tests of L{mitmtw._wire.http1_read}: heads, and whole messages however they are cut."""

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from mitmtw._wire import framing as framing_module
from mitmtw._wire.events import LENGTH, NO_BODY, UNTIL_CLOSE, RequestHead, ResponseHead
from mitmtw._wire.fields import LINES
from mitmtw._wire.http1_read import is_target, read_request_head, read_response_head
from mitmtw.errors import RemoteProtocolError
from tests._wire.reading import Outcome, cut, octets, read_message
from tests.vectors import http1_requests, http1_responses

#: Cuts at random places, the same ones in each run.
cuts = settings(max_examples=4, deadline=None, derandomize=True, database=None)


def each_way(wire: bytes, answers: bytes | None = None) -> list[Outcome]:
    """The outcomes of feeding it whole, octet by octet, and in the two halves around each place of a short one."""
    ways = [[wire], octets(wire)]
    if len(wire) < 300:
        ways += [cut(wire, [place]) for place in range(1, len(wire), 7)]
    return [read_message(way, answers) for way in ways]


class RequestVectorTests(SynchronousTestCase):
    """The table of requests."""

    def test_good(self) -> None:
        """Each good request is read as the table says, whole and octet by octet."""
        for case in http1_requests.GOOD:
            for outcome in each_way(case.wire):
                self.assertIsInstance(outcome, tuple, case.name)
                assert isinstance(outcome, tuple)
                head, *others = outcome
                assert isinstance(head, RequestHead)
                self.assertEqual(others, [case.body, case.trailers, case.rest, True], case.name)
                self.assertEqual(
                    (head.method, head.target, head.framing, head.keep_alive),
                    (case.method, case.target, case.framing, case.keep_alive),
                    case.name,
                )

    def test_bad(self) -> None:
        """Each bad request is refused with its status, whole and octet by octet."""
        for name, wire, status in http1_requests.BAD:
            self.assertEqual(set(each_way(wire)), {status}, name)

    def test_unfinished(self) -> None:
        """What is not whole is neither read nor refused."""
        for name, wire in http1_requests.UNFINISHED:
            for outcome in each_way(wire):
                done = isinstance(outcome, int) or (isinstance(outcome, tuple) and outcome[4])
                self.assertFalse(done, name)

    def test_any_cut(self) -> None:
        """Where the pieces are cut makes no difference."""
        cases = [case.wire for case in http1_requests.GOOD] + [wire for _, wire, _ in http1_requests.BAD]

        @cuts
        @given(st.lists(st.integers(0, 200000), max_size=5))
        def check(places: list[int]) -> None:
            for wire in cases:
                self.assertEqual(read_message(cut(wire, places)), read_message([wire]), wire[:80])

        check()


class ResponseVectorTests(SynchronousTestCase):
    """The table of responses."""

    def test_good(self) -> None:
        """Each good response is read as the table says, whole and octet by octet."""
        for case in http1_responses.GOOD:
            for outcome in each_way(case.wire, case.method):
                self.assertIsInstance(outcome, tuple, case.name)
                assert isinstance(outcome, tuple)
                head, body, trailers, rest, done = outcome
                assert isinstance(head, ResponseHead)
                self.assertEqual(
                    (body, trailers, rest, done), (case.body, [], case.rest, case.framing != UNTIL_CLOSE), case.name
                )
                self.assertEqual(
                    (head.status, head.reason, head.framing, head.keep_alive),
                    (case.status, case.reason, case.framing, case.keep_alive),
                    case.name,
                )

    def test_bad(self) -> None:
        """Each bad response is refused with 502, whole and octet by octet."""
        for name, wire, method in http1_responses.BAD:
            self.assertEqual(set(each_way(wire, method)), {502}, name)

    def test_any_cut(self) -> None:
        """Where the pieces are cut makes no difference."""
        cases = [(case.wire, case.method) for case in http1_responses.GOOD]
        cases += [(wire, method) for _, wire, method in http1_responses.BAD]

        @cuts
        @given(st.lists(st.integers(0, 200000), max_size=5))
        def check(places: list[int]) -> None:
            for wire, method in cases:
                self.assertEqual(read_message(cut(wire, places), method), read_message([wire], method), wire[:80])

        check()


class RequestHeadTests(SynchronousTestCase):
    """What L{read_request_head} tells."""

    def head(self, *lines: bytes, first: bytes = b"GET / HTTP/1.1") -> RequestHead:
        """Read a head of these lines."""
        return read_request_head(b"\r\n".join((first, b"Host: a", *lines)))

    def test_fields_as_they_came(self) -> None:
        """Order, case and repetitions stay; only the blanks around a value go."""
        head = self.head(b"X-oDD:  a \t", b"x-odd: b", b"X-oDD: a")
        self.assertEqual(head.fields, [(b"Host", b"a"), (b"X-oDD", b"a"), (b"x-odd", b"b"), (b"X-oDD", b"a")])

    def test_connection_tokens(self) -> None:
        """All Connection and Proxy-Connection fields give lower-case tokens, without the empty ones."""
        head = self.head(b"Connection: A, ,b", b"Proxy-Connection: C", b"connection: d")
        self.assertEqual(head.connection, frozenset((b"a", b"b", b"c", b"d")))
        self.assertEqual(self.head().connection, frozenset())

    def test_upgrade_needs_connection(self) -> None:
        """Upgrade counts when Connection names it, and only in HTTP/1.1."""
        self.assertEqual(self.head(b"Upgrade: WebSocket", b"Connection: x, upgrade").upgrade, b"WebSocket")
        self.assertIsNone(self.head(b"Upgrade: websocket").upgrade)
        self.assertIsNone(self.head(b"Upgrade: websocket", b"Proxy-Connection: upgrade").upgrade)
        self.assertIsNone(self.head(b"Connection: upgrade").upgrade)
        ten = self.head(b"Upgrade: websocket", b"Connection: upgrade", first=b"GET / HTTP/1.0")
        self.assertIsNone(ten.upgrade)

    def test_upgrades_are_joined(self) -> None:
        """Two Upgrade fields are one list."""
        self.assertEqual(self.head(b"Upgrade: a", b"Connection: upgrade", b"Upgrade: b").upgrade, b"a, b")

    def test_expect(self) -> None:
        """A 100 is awaited by HTTP/1.1 with a body to come, in whatever case it is written."""
        self.assertTrue(self.head(b"Expect: 100-Continue", b"Content-Length: 1").expect)
        self.assertTrue(self.head(b"Expect: 100-continue", b"Transfer-Encoding: chunked").expect)
        self.assertFalse(self.head(b"Expect: 100-continue").expect)
        self.assertFalse(self.head(b"Expect: 100-continue", b"Content-Length: 0").expect)
        self.assertFalse(self.head(b"Expect: x", b"Content-Length: 1").expect)
        self.assertFalse(self.head(b"Expect: 100-continue", b"Content-Length: 1", first=b"GET / HTTP/1.0").expect)

    def test_length(self) -> None:
        """The length is that of the body to come: none, known, or unknown."""
        self.assertEqual(self.head().length, 0)
        self.assertEqual(self.head(b"Content-Length: 9223372036854775807").length, 2**63 - 1)
        self.assertEqual(self.head(b"Transfer-Encoding: chunked").length, -1)

    def test_host(self) -> None:
        """The value of Host is told; an empty one is not the same as none."""
        self.assertEqual(self.head().host, b"a")
        self.assertEqual(read_request_head(b"GET / HTTP/1.1\r\nHost:").host, b"")
        self.assertIsNone(read_request_head(b"GET / HTTP/1.0").host)

    def test_max_fields(self) -> None:
        """The limit counts fields, and one less passes."""
        self.assertEqual(len(read_request_head(b"GET / HTTP/1.1\r\nHost: a\r\nX: y", max_fields=2).fields), 2)
        error = self.assertRaises(
            RemoteProtocolError, read_request_head, b"GET / HTTP/1.1\r\nHost: a\r\nX: y", max_fields=1
        )
        self.assertEqual(error.http_status, 431)

    def test_verdict_is_bound_to_all_it_depends_on(self) -> None:
        """The same marked fields mean another thing in another version: a kept verdict does not leak."""
        lines = (b"Connection: keep-alive", b"Expect: 100-continue", b"Content-Length: 1")
        for _ in range(2):
            self.assertTrue(self.head(*lines).expect)
            self.assertFalse(self.head(*lines, first=b"GET / HTTP/1.0").expect)

    def test_bad_is_refused_again(self) -> None:
        """What was refused once is refused the second time: nothing bad is kept."""
        for _ in range(2):
            self.assertRaises(RemoteProtocolError, self.head, b"Content-Length: 1", b"Transfer-Encoding: chunked")
            self.assertRaises(RemoteProtocolError, self.head, b"X : y")

    def test_verdicts_are_bounded(self) -> None:
        """Many different heads do not grow the kept verdicts for ever, and long ones are not kept."""
        for number in range(1500):
            self.head(b"Content-Length: %d" % number)
        self.assertLessEqual(len(framing_module._REQUESTS), 1024)
        before = dict(framing_module._REQUESTS)
        self.head(b"Connection: " + b"a" * 300)
        self.assertEqual(before, framing_module._REQUESTS)

    def test_secrets_are_not_repeated(self) -> None:
        """The message about a bad line does not show its value."""
        error = self.assertRaises(RemoteProtocolError, self.head, b"Authorization: s3cret\x00")
        self.assertNotIn("s3cret", str(error))
        self.assertIn("Authorization", str(error))


class ResponseHeadTests(SynchronousTestCase):
    """What L{read_response_head} tells."""

    def test_length(self) -> None:
        """The length is that of the body to come, not what the answer to another method would have."""
        block = b"HTTP/1.1 200 OK\r\nContent-Length: 7"
        self.assertEqual(read_response_head(block, b"GET").length, 7)
        self.assertEqual(read_response_head(block, b"HEAD").length, 0)
        self.assertEqual(read_response_head(b"HTTP/1.1 200 OK", b"GET").length, -1)
        self.assertEqual(read_response_head(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked", b"GET").length, -1)

    def test_verdict_depends_on_status_and_method(self) -> None:
        """The same fields frame another body under another status or after another method."""
        for _ in range(2):
            framings = [
                read_response_head(b"HTTP/1.1 %d X\r\nContent-Length: 3" % status, method).framing
                for status, method in (
                    (200, b"GET"),
                    (304, b"GET"),
                    (200, b"HEAD"),
                    (200, b"CONNECT"),
                    (300, b"CONNECT"),
                )
            ]
            self.assertEqual(framings, [LENGTH, NO_BODY, NO_BODY, NO_BODY, LENGTH])

    def test_method_case(self) -> None:
        """Methods are case-sensitive (RFC 9110 section 9.1): C{head} is not HEAD."""
        self.assertEqual(read_response_head(b"HTTP/1.1 200 OK\r\nContent-Length: 3", b"head").framing, LENGTH)

    def test_upgrade(self) -> None:
        """A 101 tells what it changes to."""
        head = read_response_head(b"HTTP/1.1 101 X\r\nConnection: Upgrade\r\nUpgrade: websocket", b"GET")
        self.assertEqual(head.upgrade, b"websocket")
        self.assertEqual(head.connection, frozenset((b"upgrade",)))

    def test_set_cookie_is_not_kept(self) -> None:
        """Reading a response keeps its plain lines and not its cookies."""
        LINES.clear()
        read_response_head(b"HTTP/1.1 200 OK\r\nSet-Cookie: s=1\r\nX-Plain: 1", b"GET")
        self.assertIn(b"X-Plain: 1", LINES)
        self.assertNotIn(b"Set-Cookie: s=1", LINES)


class TargetTests(SynchronousTestCase):
    """L{is_target} alone, as the writer uses it."""

    def test_empty(self) -> None:
        """No target is no target."""
        self.assertFalse(is_target(b"GET", b""))
        self.assertFalse(is_target(b"CONNECT", b""))

    def test_huge_port(self) -> None:
        """A port of very many digits is refused, and takes no time."""
        self.assertFalse(is_target(b"CONNECT", b"a:" + b"9" * 100000))
