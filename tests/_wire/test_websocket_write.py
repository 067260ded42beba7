"""Tests of L{mitmtw._wire.websocket_write}."""

from random import Random

from twisted.trial.unittest import SynchronousTestCase

from mitmtw._wire.websocket import Frame, FrameReader, read_close
from mitmtw._wire.websocket_deflate import Coding, Deflater
from mitmtw._wire.websocket_message import Message, MessageReader
from mitmtw._wire.websocket_write import MessageWriter, close_frame, fragments, write_frame, write_message
from mitmtw.errors import LocalProtocolError
from tests.vectors.websocket_frames import GOOD, KEY

PLAIN, FRESH = Coding(), Coding(True, 15)


def written(wire: bytes, masked: bool = False) -> list[Frame]:
    """The frames in these bytes."""
    return FrameReader("client" if masked else "server", compressed=True).feed(wire)


class FrameTests(SynchronousTestCase):
    def test_vectors(self) -> None:
        """All good frames of the table are written as the table has them."""
        for name, role, _, wire, frames in GOOD:
            if "zeros" not in name:
                mask = KEY if role == "client" else None
                pieces = [
                    write_frame(opcode, payload, fin=fin, rsv1=rsv1, mask=mask) for opcode, fin, rsv1, payload in frames
                ]
                self.assertEqual(b"".join(pieces), wire, name)

    def test_bad(self) -> None:
        """What no reader would take is not written."""
        for opcode, payload, fin, rsv1, mask in (
            (3, b"", True, False, None),
            (11, b"", True, False, None),
            (0, b"", True, True, None),
            (9, b"", True, True, None),
            (9, b"", False, False, None),
            (8, b"a" * 126, True, False, None),
            (1, b"", True, False, b"abc"),
        ):
            self.assertRaises(LocalProtocolError, write_frame, opcode, payload, fin=fin, rsv1=rsv1, mask=mask)


class CloseTests(SynchronousTestCase):
    def test_close(self) -> None:
        """Nothing, a code, a code with a reason, with a mask."""
        self.assertEqual(close_frame(None), b"\x88\x00")
        self.assertEqual(close_frame(1000), b"\x88\x02\x03\xe8")
        self.assertEqual(close_frame(4999, "ö"), b"\x88\x04\x13\x87\xc3\xb6")
        self.assertEqual(written(close_frame(1001, "bye", mask=KEY), True)[0].payload, b"\x03\xe9bye")

    def test_long_reason(self) -> None:
        """A reason is cut where a control frame ends, and not within a character."""
        for reason, length in (("a" * 123, 123), ("a" * 124, 123), ("a" * 122 + "ö", 122), ("€" * 41, 123)):
            payload = written(close_frame(1000, reason))[0].payload
            self.assertEqual(read_close(payload), (1000, reason[: len(payload[2:].decode())]))
            self.assertEqual(len(payload), 2 + length)
        self.assertEqual(read_close(written(close_frame(1000, "\ud800"))[0].payload), (1000, "?"))

    def test_bad(self) -> None:
        """Codes that are not for the wire, and words without a code."""
        for code in (0, 1004, 1005, 1006, 1015, 2999, 5000):
            self.assertRaises(LocalProtocolError, close_frame, code)
        self.assertRaises(LocalProtocolError, close_frame, None, "why")


class FragmentsTests(SynchronousTestCase):
    def test_one(self) -> None:
        """What was one frame stays one, however long; so does what nobody sent."""
        long = b"x" * 200000
        self.assertEqual((fragments(long, (3,)), fragments(long)), ([long], [long]))

    def test_same_length(self) -> None:
        """The same places."""
        self.assertEqual(fragments(b"abcdef", (1, 0, 3, 2)), [b"a", b"", b"bcd", b"ef"])

    def test_other_length(self) -> None:
        """At each 64 KiB; nothing is one empty fragment."""
        self.assertEqual(fragments(b"abcdefg", (1, 5)), [b"abcdefg"])
        self.assertEqual([len(each) for each in fragments(b"x" * 140000, (1, 5))], [65536, 65536, 8928])
        self.assertEqual(fragments(b"", (1, 5)), [b""])

    def test_message(self) -> None:
        """The first frame has opcode and RSV1, the last one FIN, each its own mask."""
        wire = write_message(2, b"abcdef", sizes=(2, 2, 2), rsv1=True, masked=True)
        frames = written(wire, True)
        shapes = [(each.opcode, each.fin, each.rsv1, each.payload) for each in frames]
        expected = [(2, False, True, b"ab"), (0, False, False, b"cd"), (0, True, False, b"ef")]
        self.assertEqual(shapes, expected)
        self.assertEqual(len({each.raw[2:6] for each in frames}), 3)
        self.assertEqual(write_message(1, b"abc", masked=False), b"\x81\x03abc")
        self.assertEqual(write_message(1, b"abc", sizes=(1, 2), masked=False), b"\x01\x01a\x80\x02bc")


class MessageWriterTests(SynchronousTestCase):
    """What one side said, on its way to the other."""

    def sent(self, texts: list[bytes], coding: Coding | None, masked: bool = False) -> list[Message]:
        """Messages as they come from one side."""
        deflater = None if coding is None else Deflater(*coding)
        messages = []
        reader = MessageReader("client" if masked else "server", coding=coding)
        for text in texts:
            payload = text if deflater is None else deflater.deflate(text)
            messages += reader.feed(write_message(1, payload, rsv1=deflater is not None, masked=masked))
        return [each for each in messages if isinstance(each, Message)]

    def received(self, wire: bytes, coding: Coding | None, masked: bool = False) -> list[bytes]:
        """What the other side reads."""
        events = MessageReader("client" if masked else "server", coding=coding).feed(wire)
        return [event.payload for event in events]

    def test_untouched(self) -> None:
        """What nobody changed goes as it came, octet for octet, with its mask and deflated as it was."""
        for coding in (None, PLAIN, FRESH, Coding(False, 9)):
            for masked in (False, True):
                writer = MessageWriter(masked=masked, came=coding, goes=coding)
                for message in self.sent([b"abcabc", b"abcabcabc", b""], coding, masked):
                    self.assertEqual(writer.write(message), message.raw)

    def test_changed(self) -> None:
        """Changed content takes the place of the old one, in the fragments of the old one."""
        message = MessageReader("server").feed(b"\x01\x01a\x80\x02bc")[0]
        assert isinstance(message, Message)
        writer = MessageWriter(masked=False)
        self.assertEqual(writer.write(message, b"xyz"), b"\x01\x01x\x80\x02yz")
        self.assertEqual(writer.write(message, b"wxyz"), b"\x81\x04wxyz")
        self.assertEqual(writer.write(message, b"\xff", 2), b"\x82\x01\xff")
        self.assertEqual(writer.write(message, opcode=2), b"\x02\x01a\x80\x02bc")
        self.assertEqual(writer.write(message, b""), b"\x81\x00")

    def test_same_content_is_framed_anew(self) -> None:
        """Content that was given is written, also when it is the same: with a mask of its own."""
        message = self.sent([b"abc"], None, True)[0]
        wire = MessageWriter(masked=True).write(message, b"abc")
        self.assertNotEqual(wire, message.raw)
        self.assertEqual(self.received(wire, None, True), [b"abc"])

    def test_untouched_between_codings(self) -> None:
        """What nobody changed can be read also where the other side may look back less, or not at all."""
        noise = Random(7).randbytes(600).hex().encode()
        codings = (PLAIN, FRESH, Coding(False, 9), Coding(True, 9), None)
        for came in codings:
            for goes in codings:
                writer = MessageWriter(masked=False, came=came, goes=goes)
                wire = b"".join(map(writer.write, self.sent([noise, noise, noise[:50]], came)))
                self.assertEqual(self.received(wire, goes), [noise, noise, noise[:50]], (came, goes))

    def test_changed_and_deflated(self) -> None:
        """Behind a changed or a missing message all goes on to be readable, whatever was agreed on."""
        texts = [b"first " * 20, b"first " * 20, b"second " * 20, b"first second " * 20, b"", b"first " * 20]
        codings = (PLAIN, FRESH, Coding(False, 9), Coding(False, 8), Coding(True, 8), None)
        for came in codings:
            for goes in codings:
                for masked in (False, True):
                    writer = MessageWriter(masked=masked, came=came, goes=goes)
                    expected, wire = [], b""
                    for index, message in enumerate(self.sent(texts, came, masked)):
                        if index == 2:
                            writer.drop(message)
                            continue
                        content = b"changed " * 20 if index in (1, 4) else None
                        expected.append(content or texts[index])
                        wire += writer.write(message, content)
                        wire += writer.inject(1, b"first changed")
                        expected.append(b"first changed")
                    self.assertEqual(self.received(wire, goes, masked), expected, (came, goes))

    def test_as_it_came_again(self) -> None:
        """Where each message is deflated by itself, those behind a changed one go as they came; else they do not."""
        for coding, same in ((FRESH, True), (PLAIN, False)):
            writer = MessageWriter(masked=False, came=coding, goes=coding)
            first, second, third = self.sent([b"abc" * 9, b"defabc" * 9, b"abcdef" * 9], coding)
            self.assertEqual(writer.write(first), first.raw)
            writer.write(second, b"def")
            self.assertEqual(writer.write(third) == third.raw, same)

    def test_deflated_stays_deflated(self) -> None:
        """A changed message is deflated when it came so and the other side can read it, and only then."""
        for came, goes, deflated in ((PLAIN, PLAIN, True), (PLAIN, None, False), (None, PLAIN, False)):
            message = self.sent([b"abc" * 99], came)[0]
            wire = MessageWriter(masked=False, came=came, goes=goes).write(message, b"x" * 300)
            self.assertEqual((written(wire)[0].rsv1, len(wire) < 100), (deflated, deflated))

    def test_injected(self) -> None:
        """An injected message is not deflated and disturbs nothing."""
        writer = MessageWriter(masked=False, came=PLAIN, goes=PLAIN)
        first, second = self.sent([b"abc" * 9, b"abc" * 9], PLAIN)
        wire = writer.write(first) + writer.inject(2, b"\xff") + writer.write(second)
        self.assertEqual(wire, first.raw + b"\x82\x01\xff" + second.raw)

    def test_not_utf8(self) -> None:
        """A text that is none is not written."""
        message = self.sent([b"abc"], None)[0]
        writer = MessageWriter(masked=False)
        self.assertRaises(LocalProtocolError, writer.write, message, b"\xff")
        self.assertRaises(LocalProtocolError, writer.inject, 1, b"a\xc3")
        self.assertEqual(writer.write(message, "ä".encode()), b"\x81\x02\xc3\xa4")
        binary = Message(2, b"\xff", b"\x82\x01\xff", (1,), False)
        self.assertRaises(LocalProtocolError, writer.write, binary, None, 1)
