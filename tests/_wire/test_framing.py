"""Tests of L{mitmtw._wire.framing} beyond the tables of messages."""

from twisted.trial.unittest import SynchronousTestCase

from mitmtw._wire.framing import is_host, read_length
from mitmtw.errors import RemoteProtocolError


class HostTests(SynchronousTestCase):
    """What a Host may be."""

    def test_good(self) -> None:
        """Names, addresses, with and without a port, and nothing at all."""
        for host in (
            b"",
            b"a",
            b"a.b-c_d~",
            b"1.2.3.4",
            b"[::1]",
            b"a:",
            b"a:0",
            b"a:65535",
            b"[::ffff:1.2.3.4]:443",
            b"a.",
        ):
            self.assertTrue(is_host(host), host)

    def test_bad(self) -> None:
        """Whatever a reader might take apart in another way."""
        for host in (
            b"a b",
            b"a,b",
            b"a/b",
            b"a?b",
            b"a#b",
            b"a@b",
            b"a\\b",
            b"::1",
            b"a:b",
            b"a:1:2",
            b"a:65536",
            b"[a",
            b"[]",
            b"[g]",
            b"%41",
            b"a\n",
        ):
            self.assertFalse(is_host(host), host)


class LengthTests(SynchronousTestCase):
    """What a Content-Length may be."""

    def test_bounds(self) -> None:
        """2**63 - 1 is the most, and digits are ASCII."""
        self.assertEqual(read_length(b"9223372036854775807"), 2**63 - 1)
        for value in (b"9223372036854775808", b"0" * 20, b"\xb2", b" 1", b"1\n", b""):
            self.assertRaises(RemoteProtocolError, read_length, value)
