"""Noticing that a peer is gone while nobody reads; with real sockets, because it is about descriptors."""

import socket
import struct
from typing import Any

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from mitmtw._streams.watch import Watch, has_news


class Transport:
    """A transport on a socket, or on another transport."""

    def __init__(self, sock: socket.socket | None = None, transport: Any = None) -> None:
        if sock is not None:
            self.fileno = sock.fileno
        self.transport = transport


def tcp_pair() -> tuple[socket.socket, socket.socket]:
    """Two ends of a TCP connection: a socketpair knows no reset."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        one = socket.create_connection(server.getsockname())
        other, _ = server.accept()
    return one, other


def reset(sock: socket.socket) -> None:
    """Close with RST."""
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    sock.close()


class WatchTests(SynchronousTestCase):
    """A watch on a clock of its own."""

    def setUp(self) -> None:
        self.clock = Clock()
        self.watch = Watch(self.clock)
        self.gone: list[str] = []

    def pair(self) -> tuple[socket.socket, socket.socket]:
        """Two ends that are closed when the test is over."""
        ours, theirs = tcp_pair()
        self.addCleanup(ours.close)
        self.addCleanup(theirs.close)
        return ours, theirs

    def add(self, ours: socket.socket, name: str = "gone") -> int:
        """Watch it."""
        return self.watch.add(Transport(ours), lambda: self.gone.append(name))

    def test_reset(self) -> None:
        """It is reported once within a second, also behind bytes that nobody has read."""
        for unread in (b"", b"x" * 1000):
            self.gone.clear()
            ours, theirs = self.pair()
            self.add(ours)
            self.clock.advance(1)
            self.assertEqual(self.gone, [])
            theirs.sendall(unread)
            reset(theirs)
            self.clock.pump([1, 1, 1])
            self.assertEqual(self.gone, ["gone"])
            self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_bytes_and_half_a_close_are_no_news(self) -> None:
        """A peer that sends, or has sent its last byte, is still there."""
        ours, theirs = self.pair()
        self.add(ours)
        theirs.sendall(b"x" * 1000)
        theirs.shutdown(socket.SHUT_WR)
        self.clock.pump([1, 1, 1])
        self.assertEqual(self.gone, [])
        reset(theirs)
        self.clock.advance(1)
        self.assertEqual(self.gone, ["gone"])

    def test_under_tls(self) -> None:
        """The descriptor is found below other transports."""
        ours, theirs = self.pair()
        upper = Transport(transport=Transport(transport=Transport(ours)))
        self.assertEqual(self.watch.add(upper, lambda: self.gone.append("gone")), ours.fileno())
        reset(theirs)
        self.clock.advance(1)
        self.assertEqual(self.gone, ["gone"])

    def test_removed(self) -> None:
        """It is not reported; to remove it again, or what cannot be watched, means nothing; no timer is left."""
        ours, theirs = self.pair()
        number = self.add(ours)
        self.watch.remove(number)
        self.watch.remove(number)
        self.watch.remove(-1)
        self.assertEqual(self.clock.getDelayedCalls(), [])
        reset(theirs)
        self.clock.advance(5)
        self.assertEqual(self.gone, [])

    def test_several(self) -> None:
        """Only those that are gone are reported; the others are watched on."""
        first, second = self.pair(), self.pair()
        self.add(first[0], "first")
        self.add(second[0], "second")
        reset(second[1])
        self.clock.advance(1)
        self.assertEqual(self.gone, ["second"])
        reset(first[1])
        self.clock.advance(1)
        self.assertEqual(self.gone, ["second", "first"])

    def test_without_a_descriptor(self) -> None:
        """In memory, or after the end: it cannot be watched."""
        ours, _ = self.pair()
        ours.close()
        for transport in (Transport(), object(), None, Transport(ours)):
            self.assertEqual(self.watch.add(transport, lambda: None), -1)
        self.assertEqual(self.clock.getDelayedCalls(), [])


class NewsTests(SynchronousTestCase):
    """Whether an idle connection has something to read."""

    def test_news(self) -> None:
        """Bytes, FIN and RST are; silence is not."""
        for act in (lambda peer: peer.sendall(b"x"), lambda peer: peer.shutdown(socket.SHUT_WR), reset):
            ours, theirs = tcp_pair()
            self.addCleanup(ours.close)
            self.addCleanup(theirs.close)
            self.assertFalse(has_news(Transport(ours)))
            act(theirs)
            self.assertTrue(has_news(Transport(ours)))

    def test_unknown(self) -> None:
        """Where there is no descriptor nobody can know."""
        self.assertFalse(has_news(object()))
