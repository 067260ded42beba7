"""What a connection remembers of its last head."""

from twisted.trial.unittest import SynchronousTestCase

from mitmtw._wire.block import Block, Memory, Remembered, block_of
from mitmtw._wire.events import CHUNKED, LENGTH, NO_BODY
from mitmtw._wire.http1_read import read_request_head, read_response_head
from mitmtw.errors import RemoteProtocolError

_HEAD = b"GET /a HTTP/1.1\r\nHost: a\r\nX: 1"


class BlockTests(SynchronousTestCase):
    """One block."""

    def setUp(self) -> None:
        self.block: Block[int] = Block(b"A: 1", "about", [(b"A", b"1")], 5)

    def test_of_unchanged(self) -> None:
        """Fields as they came, and copies of them, know their block."""
        fields = Remembered.of(self.block)
        self.assertEqual(fields, [(b"A", b"1")])
        self.assertIs(block_of(fields), self.block)
        self.assertIs(block_of(fields.copy()), self.block)

    def test_of_changed(self) -> None:
        """Fields that were changed, and other lists, do not; the block keeps the old ones."""
        fields = Remembered.of(self.block)
        copied = fields.copy()
        fields.append((b"B", b"2"))
        copied[0] = (b"A", b"2")
        self.assertEqual([block_of(each) for each in (fields, copied, [(b"A", b"1")])], [None] * 3)
        self.assertEqual(self.block.fields, [(b"A", b"1")])

    def test_lines(self) -> None:
        """What was sent in one way is known for that way alone, without the first line."""
        self.assertIsNone(self.block.lines_for((LENGTH, 1, None)))
        self.block.remember((LENGTH, 1, None), b"GET / HTTP/1.1\r\nA: 1\r\n\r\n")
        self.assertEqual(self.block.lines_for((LENGTH, 1, None)), b"A: 1\r\n\r\n")
        self.assertIsNone(self.block.lines_for((LENGTH, 1, b"close")))
        self.assertIsNone(self.block.lines_for((CHUNKED, 1, None)))


class MemoryTests(SynchronousTestCase):
    """Heads that are read with a memory."""

    def test_same_request(self) -> None:
        """The same fields are read once; the first line each time; nobody shares a list."""
        memory: Memory[object] = Memory()
        one = read_request_head(_HEAD, memory=memory)  # type: ignore[arg-type]
        last = memory.last
        two = read_request_head(_HEAD.replace(b"GET /a", b"PUT /b"), memory=memory)  # type: ignore[arg-type]
        self.assertIs(memory.last, last)
        self.assertEqual((two.method, two.target, two.host, two.fields), (b"PUT", b"/b", b"a", one.fields))
        one.fields.append((b"Y", b"2"))
        self.assertEqual(len(two.fields), 2)

    def test_other_request(self) -> None:
        """Other fields, or another version, are read anew."""
        memory: Memory[object] = Memory()
        read_request_head(_HEAD, memory=memory)  # type: ignore[arg-type]
        other = read_request_head(_HEAD + b"\r\nContent-Length: 3", memory=memory)  # type: ignore[arg-type]
        self.assertEqual((other.framing, other.length, len(other.fields)), (LENGTH, 3, 3))
        again = read_request_head(_HEAD, memory=memory)  # type: ignore[arg-type]
        self.assertEqual((again.framing, again.keep_alive), (NO_BODY, True))
        old = read_request_head(_HEAD.replace(b"1.1", b"1.0"), memory=memory)  # type: ignore[arg-type]
        self.assertFalse(old.keep_alive)

    def test_refused(self) -> None:
        """A head that is refused is not remembered, and the limit holds for remembered ones."""
        memory: Memory[object] = Memory()
        bad = _HEAD + b"\r\nno colon"
        for _ in range(2):
            self.assertRaises(RemoteProtocolError, read_request_head, bad, 100, memory)
        self.assertIsNone(memory.last)
        read_request_head(_HEAD, 2, memory)  # type: ignore[arg-type]
        self.assertRaises(RemoteProtocolError, read_request_head, _HEAD, 1, memory)

    def test_response(self) -> None:
        """The verdict on a response is for its status and the method that it answers."""
        memory: Memory[object] = Memory()
        head = b"HTTP/1.1 200 OK\r\nContent-Length: 3"
        lengths = [
            read_response_head(text, method, memory=memory).length  # type: ignore[arg-type]
            for text, method in (
                (head, b"GET"),
                (head, b"HEAD"),
                (head, b"GET"),
                (head.replace(b"200 OK", b"304 Not Modified"), b"GET"),
            )
        ]
        self.assertEqual(lengths, [3, 0, 3, 0])
