"""Tests of L{mitmtw._wire.websocket}: the reader of frames."""

from collections.abc import Iterable
from typing import cast

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from mitmtw._wire.websocket import Frame, FrameReader, Role, WebSocketProtocolError, read_close
from mitmtw._wire.websocket_write import write_frame
from mitmtw.errors import RemoteProtocolError
from tests._wire.reading import cut, octets
from tests.vectors.websocket_frames import BAD, GOOD, Read, client, server

#: Frames, their bytes as they came, and the close code of the error, 0 without one.
Outcome = tuple[list[Read], bytes, int]


def read_frames(reader: FrameReader, pieces: Iterable[bytes]) -> Outcome:
    """What a reader makes of these pieces."""
    frames = []
    code = 0
    for piece in pieces:
        try:
            frames += reader.feed(piece)
        except WebSocketProtocolError as error:
            frames += error.before
            code = error.close_code
            break
    read = [(frame.opcode, frame.fin, frame.rsv1, frame.payload) for frame in frames]
    return read, b"".join(frame.raw for frame in frames), code


class FrameReaderTests(SynchronousTestCase):
    def test_good(self) -> None:
        """Each good row is read as the table says, and kept as it came: whole, octet by octet, cut in two anywhere."""
        for name, role, compressed, wire, frames in GOOD:
            places = range(len(wire)) if len(wire) < 300 else (1, 3, 9, 13, 14, 15, len(wire) - 1)
            for way in ([wire], octets(wire), *(cut(wire, [place]) for place in places)):
                reader = FrameReader(cast(Role, role), compressed=compressed)
                self.assertEqual(read_frames(reader, way), (frames, wire, 0), name)

    def test_bad(self) -> None:
        """Each bad row is refused with the code of the table, after the good frames before it, however it is cut."""
        for name, role, compressed, wire, code, before in BAD:
            for way in ([wire], octets(wire), *(cut(wire, [place]) for place in range(min(len(wire), 20)))):
                frames, _, refused = read_frames(FrameReader(cast(Role, role), compressed=compressed), way)
                self.assertEqual((len(frames), refused), (before, code), name)

    def test_any_cut(self) -> None:
        """Frames that were written are read again, wherever the pieces are cut."""

        @settings(max_examples=30, deadline=None, derandomize=True, database=None)
        @given(
            st.lists(st.tuples(st.sampled_from((1, 2, 9, 10)), st.binary(max_size=140)), max_size=6),
            st.lists(st.integers(0, 2000), max_size=8),
            st.sampled_from((None, b"\x00\x01\xfe\xff")),
        )
        def check(sent: list[tuple[int, bytes]], places: list[int], mask: bytes | None) -> None:
            sent = [(opcode, payload[:125] if opcode > 7 else payload) for opcode, payload in sent]
            wire = b"".join(write_frame(opcode, payload, mask=mask) for opcode, payload in sent)
            reader = FrameReader("server" if mask is None else "client")
            frames, raw, code = read_frames(reader, cut(wire, places))
            expected = [(opcode, True, False, payload) for opcode, payload in sent]
            self.assertEqual((frames, raw, code), (expected, wire, 0))

        check()

    def test_refused_for_good(self) -> None:
        """After an error each call raises it again, without what came before it."""
        reader = FrameReader("server")
        error = self.assertRaises(WebSocketProtocolError, reader.feed, b"\x81\x01a\xff\x00")
        self.assertEqual(len(error.before), 1)
        again = self.assertRaises(WebSocketProtocolError, reader.feed, b"\x81\x01a")
        self.assertEqual((again.close_code, again.before, again.http_status), (1002, [], 400))
        self.assertIsInstance(again, RemoteProtocolError)

    def test_frame_limit(self) -> None:
        """A frame that is too long is refused by its head, before its payload came; one octet less is read."""
        reader = FrameReader("server", max_frame=200)
        self.assertEqual(len(reader.feed(server(0x82, b"x" * 200, b"\x7e\x00\xc8"))), 1)
        error = self.assertRaises(WebSocketProtocolError, reader.feed, b"\x82\x7e\x00\xc9")
        self.assertEqual(error.close_code, 1009)
        reader = FrameReader("server", max_message=200)
        error = self.assertRaises(WebSocketProtocolError, reader.feed, b"\x82\x7f" + b"\x00" * 4 + b"\xff" * 4)
        self.assertEqual(error.close_code, 1009)

    def test_message_limit(self) -> None:
        """The fragments of a message count together, those of different messages do not, nor do control frames."""
        reader = FrameReader("server", max_message=10)
        three = b"\x02\x05aaaaa\x89\x05ppppp\x80\x05bbbbb"
        self.assertEqual(len(reader.feed(three + three)), 6)
        error = self.assertRaises(WebSocketProtocolError, reader.feed, b"\x02\x05aaaaa\x00\x05bbbbb\x80\x01")
        self.assertEqual((error.close_code, len(error.before)), (1009, 2))

    def test_nothing_kept_between_frames(self) -> None:
        """Nothing is held when all frames are whole, and no more than the unfinished frame when one is not."""
        reader = FrameReader("client")
        reader.feed(client(0x81, b"abc") * 3)
        self.assertEqual(len(reader._held), 0)
        reader.feed(client(0x81, b"abc") * 3 + b"\x81")
        self.assertEqual(len(reader._held), 1)

    def test_large_frame_is_searched_once(self) -> None:
        """Of a frame in many pieces nothing is looked at before it is whole: its pieces are only appended."""
        wire = server(0x82, b"x" * 1000000, b"\x7f" + (1000000).to_bytes(8, "big"))
        looks = []

        class Counting(FrameReader):
            __slots__ = ()

            def _read(self, data: bytes, frames: list[Frame]) -> int:
                looks.append(len(data))
                return super()._read(data, frames)

        reader = Counting("server")
        frames: list[Frame] = []
        for start in range(0, len(wire), 1000):
            frames = reader.feed(wire[start : start + 1000])
        self.assertEqual(([frame.raw for frame in frames], looks), ([wire], [1000, len(wire)]))

    def test_state(self) -> None:
        """It says whether a message has begun, and whether the close frame came."""
        reader = FrameReader("server")
        reader.feed(b"\x01\x01a\x89\x00")
        self.assertEqual((reader.in_message, reader.is_closed), (True, False))
        reader.feed(b"\x80\x01a\x88\x00")
        self.assertEqual((reader.in_message, reader.is_closed), (False, True))
        self.assertEqual(reader.feed(b""), [])

    def test_arrived(self) -> None:
        """The payload that is there of an unfinished frame can be seen without its mask, from any octet on."""
        wire = client(0x81, b"0123456789")
        reader = FrameReader("client")
        for length in range(len(wire)):
            for first in range(length + 1):
                reader = FrameReader("client")
                reader.feed(wire[:first])
                reader.feed(wire[first:length])
                if length < 6:
                    self.assertIn(reader.unfinished, (-1, 1))
                else:
                    self.assertEqual((reader.unfinished, reader.unfinished_rsv1), (1, False))
                    for start in range(10):
                        self.assertEqual(reader.arrived(start), b"0123456789"[start : length - 6])
        reader.feed(wire[-1:])
        self.assertEqual(reader.unfinished, -1)


class ReadCloseTests(SynchronousTestCase):
    def test_read(self) -> None:
        """Code and reason, or none of both."""
        self.assertEqual(read_close(b""), (None, ""))
        self.assertEqual(read_close(b"\x03\xe8"), (1000, ""))
        self.assertEqual(read_close(b"\x0f\xa0" + "ö".encode()), (4000, "ö"))
