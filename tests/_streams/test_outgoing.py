"""One message on its way out: how much of it was sent, and in how many writes."""

from twisted.trial.unittest import SynchronousTestCase

from mitmtw._streams.channel import Channel
from mitmtw._streams.outgoing import HEAD, NOTHING, WHOLE, Outgoing
from mitmtw._wire.events import CHUNKED, LENGTH, NO_BODY, UNTIL_CLOSE
from tests._streams.fakes import FakeTransport

TRAILERS = [(b"X-Sum", b"1")]


class OutgoingTests(SynchronousTestCase):
    """Framing, and the state."""

    def outgoing(self) -> Outgoing:
        """A message that has not begun."""
        self.transport = FakeTransport()
        message = Outgoing()
        message.channel = Channel()
        message.channel.open_channel(self.transport)
        message.sent = NOTHING
        return message

    def test_whole_in_one_write(self) -> None:
        """Head, body and trailers go together, by each framing."""
        cases = [
            (b"abc", LENGTH, (), b"HEADabc"),
            (b"", LENGTH, (), b"HEAD"),
            (None, NO_BODY, (), b"HEAD"),
            (b"abc", NO_BODY, (), b"HEAD"),
            (b"abc", CHUNKED, (), b"HEAD3\r\nabc\r\n0\r\n\r\n"),
            (b"abc", CHUNKED, TRAILERS, b"HEAD3\r\nabc\r\n0\r\nX-Sum: 1\r\n\r\n"),
            (b"", CHUNKED, TRAILERS, b"HEAD0\r\nX-Sum: 1\r\n\r\n"),
        ]
        for body, framing, trailers, written in cases:
            message = self.outgoing()
            message.whole(b"HEAD", body, framing, trailers)
            self.assertEqual((self.transport.written, message.sent), ([written], WHOLE))

    def test_large_body_is_not_copied(self) -> None:
        """It goes out by a write of its own."""
        message = self.outgoing()
        body = b"x" * 20000
        message.whole(b"HEAD", body, LENGTH, ())
        self.assertEqual(self.transport.written, [b"HEAD", body])
        self.assertIs(self.transport.written[1], body)

    def test_piece_by_piece(self) -> None:
        """Begin, write, finish, by each framing."""
        for framing, written in (
            (CHUNKED, b"HEAD3\r\nabc\r\n1\r\nd\r\n0\r\nX-Sum: 1\r\n\r\n"),
            (LENGTH, b"HEADabcd"),
            (UNTIL_CLOSE, b"HEADabcd"),
        ):
            message = self.outgoing()
            message.begin(b"HEAD", framing)
            self.assertEqual(message.sent, HEAD)
            message.write(b"abc")
            message.write(b"d")
            self.assertEqual(message.sent, HEAD)
            message.finish(TRAILERS)
            self.assertEqual((b"".join(self.transport.written), message.sent), (written, WHOLE))

    def test_full_and_source_are_the_channels(self) -> None:
        """Who writes to the message is who writes to the connection."""
        message = self.outgoing()
        self.assertFalse(message.full)
        message.channel.pauseProducing()
        self.assertTrue(message.full)

        class Feed:
            def pause(self) -> None: ...

            def resume(self) -> None: ...

        feed = Feed()
        message.source = feed
        self.assertIs(message.channel.source, feed)
        self.assertIs(message.source, feed)
