"""Held reading, the writing side of a connection, and half a close."""

import os
import socket
from typing import Any

from twisted.internet.interfaces import ISSLTransport
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase
from zope.interface import directlyProvides

from mitmtw._streams.channel import AHEAD, CONSUMER, WAITING, Channel, Reading, half_close
from mitmtw._streams.watch import Watch
from tests._streams.fakes import FakeTransport, reading


class ReadingTests(SynchronousTestCase):
    """Named reasons."""

    def setUp(self) -> None:
        self.transport = FakeTransport()
        self.reading = reading(self.transport)

    def test_first_and_last(self) -> None:
        """The first reason pauses, the end of the last one resumes."""
        for reason in (AHEAD, CONSUMER, WAITING):
            self.reading.hold(reason)
        self.assertEqual(self.transport.take(), ["pause"])
        self.reading.release(CONSUMER)
        self.reading.release(WAITING)
        self.assertEqual((self.transport.take(), self.reading.is_held()), ([], True))
        self.reading.release(AHEAD)
        self.assertEqual((self.transport.take(), self.reading.is_held()), (["resume"], False))

    def test_the_same_twice(self) -> None:
        """A reason is there or not."""
        self.reading.hold(AHEAD)
        self.reading.hold(AHEAD)
        self.reading.release(AHEAD)
        self.reading.release(AHEAD)
        self.assertEqual(self.transport.take(), ["pause", "resume"])

    def test_half_closed(self) -> None:
        """A transport that reads no more is neither paused nor resumed."""
        self.reading.hold(AHEAD)
        self.transport.take()
        self.reading.half_closed()
        self.reading.release(AHEAD)
        self.reading.hold(CONSUMER)
        self.reading.release(CONSUMER)
        self.assertEqual(self.transport.take(), [])

    def test_closed(self) -> None:
        """A transport that is gone is left alone."""
        self.reading.closed()
        self.reading.hold(AHEAD)
        self.reading.release(AHEAD)
        self.assertEqual(self.transport.take(), [])


class Socket(FakeTransport):
    """A transport with a descriptor."""

    def __init__(self, sock: socket.socket) -> None:
        super().__init__()
        self.sock = sock

    def fileno(self) -> int:
        return self.sock.fileno()


class WatchedReadingTests(SynchronousTestCase):
    """A transport that is held, or half-closed, is watched."""

    def setUp(self) -> None:
        self.clock = Clock()
        self.ours, self.theirs = socket.socketpair()
        self.addCleanup(self.ours.close)
        self.addCleanup(self.theirs.close)
        self.gone: list[str] = []
        self.reading = Reading(Socket(self.ours), Watch(self.clock), lambda: self.gone.append("gone"))

    def test_only_while_it_is_held(self) -> None:
        """A peer that hangs up is reported while reading is held, and no more when it was released or closed."""
        self.theirs.close()
        self.clock.advance(2)
        self.assertEqual(self.gone, [])
        self.reading.hold(AHEAD)
        self.reading.release(AHEAD)
        self.assertEqual(self.clock.getDelayedCalls(), [])
        self.reading.hold(AHEAD)
        self.clock.advance(1)
        self.assertEqual(self.gone, ["gone"])
        self.reading.closed()
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_after_half_a_close(self) -> None:
        """It is watched until it is closed, held or not."""
        self.reading.half_closed()
        self.reading.hold(AHEAD)
        self.reading.release(AHEAD)
        self.theirs.close()
        self.clock.advance(1)
        self.assertEqual(self.gone, ["gone"])

    def test_closed(self) -> None:
        """A descriptor that is closed is not watched, or the next one of its number would be."""
        self.reading.hold(AHEAD)
        number = self.ours.fileno()
        self.reading.closed()
        self.theirs.close()
        self.assertGreaterEqual(os.fstat(number).st_mode, 0)
        self.clock.advance(5)
        self.assertEqual(self.gone, [])


class Feed:
    """What writes to a channel."""

    def __init__(self) -> None:
        self.calls: list[str] = []

    def pause(self) -> None:
        self.calls.append("pause")

    def resume(self) -> None:
        self.calls.append("resume")


class ChannelTests(SynchronousTestCase):
    """A push producer for the connection's whole life."""

    def setUp(self) -> None:
        self.transport = FakeTransport()
        self.drains: list[str] = []

        class Drained(Channel):
            def drained(inner) -> None:  # noqa: N805
                self.drains.append("drained")

        self.channel = Drained()
        self.channel.open_channel(self.transport)

    def test_registered_once(self) -> None:
        """As a streaming producer; unregistered when it is given up."""
        self.assertEqual(self.transport.take(), ["register"])
        self.channel.close_channel()
        self.assertEqual(self.transport.take(), ["unregister"])

    def test_source_is_paused_and_resumed(self) -> None:
        """Who writes is told; drained is for nobody writing."""
        feed = Feed()
        self.channel.source = feed
        self.channel.pauseProducing()
        self.assertTrue(self.channel.full)
        self.channel.resumeProducing()
        self.assertFalse(self.channel.full)
        self.assertEqual((feed.calls, self.drains), (["pause", "resume"], []))

    def test_drained(self) -> None:
        """Nobody was writing."""
        self.channel.pauseProducing()
        self.channel.resumeProducing()
        self.channel.stopProducing()
        self.assertEqual(self.drains, ["drained"])


class HalfCloseTests(SynchronousTestCase):
    """Send no more, but read on."""

    def test_tcp(self) -> None:
        """A transport that can."""

        class Plain:
            calls = 0

            def loseWriteConnection(self) -> None:
                self.calls += 1

        plain = Plain()
        self.assertTrue(half_close(plain))
        self.assertEqual(plain.calls, 1)

    def test_tls_and_others(self) -> None:
        """Half a close is none under TLS, and where there is no way to say it."""

        class Secure:
            def loseWriteConnection(self) -> None:
                raise AssertionError

        secure: Any = Secure()
        directlyProvides(secure, ISSLTransport)
        self.assertFalse(half_close(secure))
        self.assertFalse(half_close(object()))
