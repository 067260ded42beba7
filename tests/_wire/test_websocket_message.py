"""Tests of L{mitmtw._wire.websocket_message}."""

from collections.abc import Iterable
from typing import cast

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from mitmtw._wire import websocket_message
from mitmtw._wire.websocket import Frame, Role, WebSocketProtocolError
from mitmtw._wire.websocket_deflate import Coding, Deflater
from mitmtw._wire.websocket_message import Event, Message, MessageReader
from mitmtw._wire.websocket_write import write_frame
from tests._wire.reading import cut, octets
from tests.vectors.websocket_frames import BAD, TEXTS, client, server

PLAIN = Coding()


def read_events(reader: MessageReader, pieces: Iterable[bytes]) -> tuple[list[Event], int]:
    """Events, and the close code of the error, 0 without one."""
    events: list[Event] = []
    for piece in pieces:
        try:
            events += reader.feed(piece)
        except WebSocketProtocolError as error:
            return events + error.before, error.close_code
    return events, 0


class MessageReaderTests(SynchronousTestCase):
    def ways(self, wire: bytes, expected: list[Event], code: int = 0, coding: Coding | None = None) -> None:
        """Read it whole, octet by octet, and cut in two anywhere."""
        for way in ([wire], octets(wire), *(cut(wire, [place]) for place in range(min(len(wire), 100)))):
            self.assertEqual(read_events(MessageReader("server", coding=coding), way), (expected, code))

    def test_whole(self) -> None:
        """A message of one frame: what it says, how it came, and how long its frame was."""
        self.ways(b"\x81\x03abc", [Message(1, b"abc", b"\x81\x03abc", (3,), False)])
        self.ways(b"\x82\x02\xff\xfe", [Message(2, b"\xff\xfe", b"\x82\x02\xff\xfe", (2,), False)])
        text = server(0x81, "aäλ€𐍈".encode())
        self.ways(text, [Message(1, text[2:], text, (len(text) - 2,), False)])

    def test_client(self) -> None:
        """What a client says is unmasked, and kept with its mask."""
        wire = client(0x01, "aä".encode()) + client(0x80, b"b")
        for way in ([wire], octets(wire)):
            events, _ = read_events(MessageReader("client"), way)
            self.assertEqual(events, [Message(1, "aäb".encode(), wire, (3, 1), False)])

    def test_fragments(self) -> None:
        """Fragments are put together; a ping between them comes first and is not in the message's bytes."""
        wire = b"\x02\x01a\x89\x01p\x00\x00\x80\x02bc\x8a\x00"
        message = Message(2, b"abc", b"\x02\x01a\x00\x00\x80\x02bc", (1, 0, 2), False)
        ping, pong = Frame(9, True, False, b"p", b"\x89\x01p"), Frame(10, True, False, b"", b"\x8a\x00")
        self.ways(wire, [ping, message, pong])

    def test_character_in_two_fragments(self) -> None:
        """A character may begin in one fragment and end in the next one (section 5.6)."""
        self.ways(b"\x01\x01\xc3\x80\x01\xa4", [Message(1, b"\xc3\xa4", b"\x01\x01\xc3\x80\x01\xa4", (1, 1), False)])

    def test_texts(self) -> None:
        """Each text of the table in one frame, and in fragments of one octet, is read or refused as the table says."""
        for name, text, good in TEXTS:
            whole = server(0x81, text)
            singles = [text[i : i + 1] for i in range(len(text))]
            pieces = b"\x01\x00" + b"".join(server(0, each) for each in singles) + b"\x80\x00"
            for wire in (whole, pieces):
                for way in ([wire], octets(wire)):
                    events, code = read_events(MessageReader("server"), way)
                    self.assertEqual((len(events), code), (1, 0) if good else (0, 1007), name)

    def test_binary_is_not_looked_at(self) -> None:
        """A binary message may hold anything, in fragments too."""
        for name, text, _ in TEXTS:
            events, code = read_events(MessageReader("server"), [b"\x02\x00" + server(0x80, text)])
            self.assertEqual((len(events), code), (1, 0), name)

    def test_text_fails_at_once(self) -> None:
        """Broken text is refused with the octet that breaks it, in a frame and in a fragment that are not whole."""
        begin = "κόσμε".encode() + b"\xf4"
        for first, head in ((0x81, b""), (0x80, client(0x01, "ä".encode()))):
            reader = MessageReader("client")
            wire = head + client(first, begin + b"\x90\x80\x80edited")
            bad = len(head) + 6 + len(begin)  # behind the head of the frame and its mask
            for octet in octets(wire[:bad]):
                self.assertEqual(reader.feed(octet), [])
            error = self.assertRaises(WebSocketProtocolError, reader.feed, wire[bad : bad + 1])
            self.assertEqual(error.close_code, 1007)

    def test_bad_frames(self) -> None:
        """What is wrong with a frame is wrong here too; what came before it is kept for the caller."""
        for name, role, compressed, wire, code, _ in BAD:
            reader = MessageReader(cast(Role, role), coding=PLAIN if compressed else None)
            self.assertEqual(read_events(reader, [wire])[1], code, name)
        events, code = read_events(MessageReader("server"), [b"\x81\x01a\x89\x00\x83\x00"])
        self.assertEqual(([type(event) for event in events], code), ([Message, Frame], 1002))

    def test_first_error_counts(self) -> None:
        """Text that is none is found before a broken frame behind it, and each later call raises the same again."""
        reader = MessageReader("server")
        error = self.assertRaises(WebSocketProtocolError, reader.feed, b"\x81\x01a\x81\x01\xff\x83\x00")
        self.assertEqual((error.close_code, len(error.before)), (1007, 1))
        again = self.assertRaises(WebSocketProtocolError, reader.feed, b"\x81\x01a")
        self.assertEqual((again.close_code, again.before), (1007, []))

    def test_closed(self) -> None:
        """The close frame is an event, and the last one."""
        reader = MessageReader("server")
        self.assertEqual(reader.feed(b"\x88\x00"), [Frame(8, True, False, b"", b"\x88\x00")])
        self.assertTrue(reader.is_closed)

    def test_fragment_limit(self) -> None:
        """A message cannot have fragments without end, not even empty ones."""
        self.patch(websocket_message, "MAX_FRAGMENTS", 3)
        self.assertEqual(len(MessageReader("server").feed(b"\x02\x00\x00\x00\x80\x00")), 1)
        error = self.assertRaises(
            WebSocketProtocolError, MessageReader("server").feed, b"\x02\x00\x00\x00\x00\x00\x00\x00"
        )
        self.assertEqual(error.close_code, 1009)

    def test_limits(self) -> None:
        """Limits for frames and messages are handed on."""
        for reader in (MessageReader("server", max_frame=2), MessageReader("server", max_message=2)):
            self.assertEqual(len(reader.feed(b"\x82\x02ab")), 1)
            self.assertRaises(WebSocketProtocolError, reader.feed, b"\x82\x03abc")

    def test_any_cut(self) -> None:
        """Messages cut into frames anywhere, and frames cut into pieces anywhere, are the messages that were sent."""

        @settings(max_examples=30, deadline=None, derandomize=True, database=None)
        @given(
            st.lists(st.tuples(st.text(max_size=30), st.lists(st.integers(0, 100), max_size=3)), max_size=5),
            st.lists(st.integers(0, 2000), max_size=8),
            st.booleans(),
            st.booleans(),
        )
        def check(sent: list[tuple[str, list[int]]], places: list[int], is_client: bool, deflated: bool) -> None:
            wire, mask = b"", b"abcd" if is_client else None
            deflater = Deflater(False, 15)
            for text, edges in sent:
                payload = deflater.deflate(text.encode()) if deflated else text.encode()
                pieces = cut(payload, edges)
                for index, piece in enumerate(pieces):
                    opcode, fin = 0 if index else 1, index == len(pieces) - 1
                    wire += write_frame(opcode, piece, fin=fin, rsv1=deflated and not index, mask=mask)
            reader = MessageReader("client" if is_client else "server", coding=PLAIN if deflated else None)
            events, code = read_events(reader, cut(wire, places))
            messages = [event for event in events if isinstance(event, Message)]
            self.assertEqual([message.payload.decode() for message in messages], [text for text, _ in sent])
            self.assertEqual((b"".join(message.raw for message in messages), code), (wire, 0))

        check()


class DeflatedTests(SynchronousTestCase):
    """Messages that come deflated."""

    def test_example(self) -> None:
        """RFC 7692 section 7.2.3.1, in one frame and in two; the sizes are those of the wire."""
        whole = b"\xc1\x07\xf2\x48\xcd\xc9\xc9\x07\x00"
        fragments = b"\x41\x03\xf2\x48\xcd\x80\x04\xc9\xc9\x07\x00"
        for wire, sizes in ((whole, (7,)), (fragments, (3, 4))):
            for way in ([wire], octets(wire)):
                events, code = read_events(MessageReader("server", coding=PLAIN), way)
                self.assertEqual((events, code), ([Message(1, b"Hello", wire, sizes, True)], 0))

    def test_second_message(self) -> None:
        """Section 7.2.3.2: the second message points back to the first one, unless that was agreed away."""
        wire = b"\xc1\x07\xf2\x48\xcd\xc9\xc9\x07\x00" + b"\xc1\x05\xf2\x00\x11\x00\x00"
        events, code = read_events(MessageReader("server", coding=PLAIN), [wire])
        self.assertEqual(([cast(Message, event).payload for event in events], code), ([b"Hello", b"Hello"], 0))
        events, code = read_events(MessageReader("server", coding=Coding(True, 15)), [wire])
        self.assertEqual((len(events), code), (1, 1007))

    def test_plain_between(self) -> None:
        """A message that is not deflated stands between two that are (section 6)."""
        wire = b"\xc1\x07\xf2\x48\xcd\xc9\xc9\x07\x00" + b"\x81\x02Hi" + b"\xc1\x05\xf2\x00\x11\x00\x00"
        events, _ = read_events(MessageReader("server", coding=PLAIN), octets(wire))
        self.assertEqual([cast(Message, event).payload for event in events], [b"Hello", b"Hi", b"Hello"])

    def test_text(self) -> None:
        """Deflated text is looked at too, fragment by fragment; the deflated octets are not."""
        deflated = Deflater(True, 15).deflate(b"ab\xff" * 50)
        reader = MessageReader("server", coding=PLAIN)
        error = self.assertRaises(WebSocketProtocolError, reader.feed, server(0x41, deflated) + b"\x00")
        self.assertEqual(error.close_code, 1007)
        fine = Deflater(True, 15).deflate("ä€".encode() * 50)
        events, code = read_events(MessageReader("server", coding=PLAIN), octets(server(0xC1, fine)))
        self.assertEqual((len(events), code), (1, 0))

    def test_bomb(self) -> None:
        """What becomes too long is refused, in one frame and in the fragment that makes it too long."""
        deflated = Deflater(True, 15).deflate(b"\0" * 100001)
        reader = MessageReader("server", max_message=100000, coding=PLAIN)
        error = self.assertRaises(WebSocketProtocolError, reader.feed, write_frame(2, deflated, rsv1=True))
        self.assertEqual(error.close_code, 1009)
        reader = MessageReader("server", max_message=100001, coding=PLAIN)
        self.assertEqual(len(reader.feed(write_frame(2, deflated, rsv1=True))), 1)
        reader = MessageReader("server", max_message=100000, coding=PLAIN)
        reader.feed(write_frame(2, deflated[:20], fin=False, rsv1=True))
        error = self.assertRaises(WebSocketProtocolError, reader.feed, write_frame(0, deflated[20:]))
        self.assertEqual(error.close_code, 1009)

    def test_incompressible(self) -> None:
        """A message as long as allowed may be a little longer on the wire."""
        content = bytes(range(256)) * 4
        stored = b"".join(b"\x00\x01\x00\xfe\xff" + bytes((octet,)) for octet in content[:5]) + b"\x00"
        reader = MessageReader("server", max_message=5, coding=PLAIN)
        event = reader.feed(write_frame(2, stored, rsv1=True))[0]
        self.assertEqual(cast(Message, event).payload, content[:5])

    def test_not_deflate(self) -> None:
        """Octets that no deflate makes are refused."""
        reader = MessageReader("server", coding=PLAIN)
        error = self.assertRaises(WebSocketProtocolError, reader.feed, b"\xc2\x02\xff\xff")
        self.assertEqual(error.close_code, 1007)
