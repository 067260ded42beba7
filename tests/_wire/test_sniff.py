"""Tests of L{mitmtw._wire.sniff}: what a byte stream is."""

from twisted.trial.unittest import SynchronousTestCase

from mitmtw._wire.sniff import HTTP2_PREFACE, Sniffed, sniff

TLS = b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"

#: Bytes, the answer, and after how many octets it is sure; 0 when that does not matter.
CASES = [
    (TLS, Sniffed.TLS, 6),
    (b"\x16\x03\x03\x00\x01\x01", Sniffed.TLS, 6),
    (b"\x16\x03\x04\x40\x00\x01", Sniffed.TLS, 6),
    (b"\x16\x02\x00", Sniffed.OTHER, 2),
    (b"\x16\x03\x05\x01", Sniffed.OTHER, 3),
    (b"\x16\x03\x01\x00\x00\x01", Sniffed.OTHER, 5),
    (b"\x16\x03\x01\x40\x01\x01", Sniffed.OTHER, 5),
    (b"\x16\x03\x01\x02\x00\x02", Sniffed.OTHER, 6),
    (b"\x17\x03\x01", Sniffed.OTHER, 1),
    (HTTP2_PREFACE + b"\x00\x00", Sniffed.HTTP2, 24),
    (b"PRI * HTTP/2.0\r\n\r\nXX\r\n\r\n", Sniffed.HTTP1, 19),
    (b"PRI /x HTTP/1.1\r\n", Sniffed.HTTP1, 17),
    (b"GET / HTTP/1.1\r\n", Sniffed.HTTP1, 5),
    (b"GET http://a/ HTTP/1.1\r\n", Sniffed.HTTP1, 11),
    (b"GET a HTTP/1.1\r\n", Sniffed.HTTP1, 16),
    (b"GET / HTTP/1.1\n", Sniffed.HTTP1, 5),
    (b"FOO / HTTP/1.1\n", Sniffed.HTTP1, 15),
    (b"POST /x HTTP/1.1\r\n", Sniffed.HTTP1, 6),
    (b"CONNECT a.b:443 HTTP/1.1\r\n", Sniffed.HTTP1, 17),
    (b"CONNECT [::1]:443 HTTP/1.1\r\n", Sniffed.HTTP1, 19),
    (b"OPTIONS * HTTP/1.1\r\n", Sniffed.HTTP1, 11),
    (b"OPTIONS /x HTTP/1.1\r\n", Sniffed.HTTP1, 9),
    (b"\r\n\r\nGET / HTTP/1.1\r\n", Sniffed.HTTP1, 9),
    (b"PROPFIND /x HTTP/1.1\r\n", Sniffed.HTTP1, 22),
    (b"foo /x HTTP/1.0\r\n", Sniffed.HTTP1, 17),
    (b"X /a b HTTP/9.9\r\n", Sniffed.HTTP1, 17),
    (b"X /\xc3\xa9 HTTP/1.1\r\n", Sniffed.HTTP1, 16),
    (b"EHLO mail.example\r\n", Sniffed.OTHER, 19),
    (b"HELO x\n", Sniffed.OTHER, 7),
    (b"a1 LOGIN x y\r\n", Sniffed.OTHER, 14),
    (b"NICK foo\r\n", Sniffed.OTHER, 10),
    (b"USER x\r\n", Sniffed.OTHER, 8),
    (b"PING\r\n", Sniffed.OTHER, 6),
    (b"*1\r\n$4\r\nPING\r\n", Sniffed.OTHER, 1),
    (b"SSH-2.0-OpenSSH\r\n", Sniffed.OTHER, 4),
    (b"PROXY TCP4 1.2.3.4 5.6.7.8 1 2\r\n", Sniffed.OTHER, 32),
    (b"\r\n\r\n\x00\r\nQUIT\n", Sniffed.OTHER, 5),
    (b"\r\n" * 5, Sniffed.OTHER, 9),
    (b"\x00\x00\x00\x08\x04\xd2\x16\x2f", Sniffed.OTHER, 1),
    (b"\x05\x01\x00", Sniffed.OTHER, 1),
    (b"\x04\x01\x00\x50", Sniffed.OTHER, 1),
    (b"GE\x00T", Sniffed.OTHER, 3),
    (b"FOO /\x01", Sniffed.OTHER, 6),
    (b"\x80\x2e\x01", Sniffed.OTHER, 1),
    (b'{"id": 1}', Sniffed.OTHER, 1),
    (b" GET / HTTP/1.1\r\n", Sniffed.OTHER, 1),
    (b"A" * 33, Sniffed.OTHER, 33),
    (b"FOO /" + b"a" * 20000, Sniffed.OTHER, 16385),
    (b"GET / RTSP/1.0\r\n", Sniffed.HTTP1, 5),
    (b"DESCRIBE rtsp://a/ RTSP/1.0\r\n", Sniffed.OTHER, 29),
    (b"INVITE sip:a@b SIP/2.0\r\n", Sniffed.OTHER, 24),
]


class SniffTests(SynchronousTestCase):
    """The table."""

    def test_whole(self) -> None:
        """Each stream is known when all of it is there."""
        for wire, answer, _ in CASES:
            self.assertIs(sniff(wire), answer, wire[:60])

    def test_when_it_is_sure(self) -> None:
        """The answer comes with the octet that decides and no earlier."""
        for wire, answer, sure in CASES:
            self.assertIsNone(sniff(wire[: sure - 1]), wire[:60])
            self.assertIs(sniff(wire[:sure]), answer, wire[:60])

    def test_never_changes(self) -> None:
        """An answer stays the same however much more comes."""
        for wire, answer, _ in CASES:
            for length in range(min(len(wire), 200)):
                self.assertIn(sniff(wire[:length]), (None, answer), wire[:60])

    def test_nothing(self) -> None:
        """Nothing is nothing yet."""
        self.assertIsNone(sniff(b""))
