"""A socket and a reactor that only write down what is done to them."""

from typing import Any


class FakeSocket:
    """Takes as much as it is told to, and gives what it was told to."""

    def __init__(self, room: int = 1 << 30) -> None:
        self.room = room
        self.sent = b""
        self.incoming: list[bytes | Exception] = []
        self.read_sizes: list[int] = []
        self.error: Exception | None = None

    def setblocking(self, flag: bool) -> None:
        assert not flag

    def fileno(self) -> int:
        return 7

    def send(self, data: Any) -> int:
        if self.error is not None:
            raise self.error
        taken = bytes(data[: self.room])
        if not taken:
            raise BlockingIOError(11, "again")
        self.room -= len(taken)
        self.sent += taken
        return len(taken)

    def recv(self, size: int) -> bytes:
        self.read_sizes.append(size)
        if not self.incoming:
            raise BlockingIOError(11, "again")
        answer = self.incoming.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer


class FakeReactor:
    """Knows who wants to read and write."""

    def __init__(self) -> None:
        self.readers: set[Any] = set()
        self.writers: set[Any] = set()
        self.later: list[Any] = []
        self.addReader, self.removeReader = self.readers.add, self.readers.discard
        self.addWriter, self.removeWriter = self.writers.add, self.writers.discard

    def callLater(self, delay: float, function: Any, *arguments: Any) -> None:
        self.later.append((function, arguments))
