"""
Both ends of a conversation through a proxy: a server that echoes, sends or takes, and a client that checks.

C{python -m benchmarks.talkers serve PORT} speaks what a connection's first octet asks for: C{G} WebSocket (an HTTP
request), C{E} echo, C{D} bytes down until the client half-closes, C{U} bytes up until it does.

C{python -m benchmarks.talkers KIND PORT SIZE CONNECTIONS SECONDS} is the client; it prints what was passed on: messages
of both directions for C{echo}, C{text} and C{binary}, bytes for C{down} and C{up}.
"""

import selectors
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable

from benchmarks.load import LoadFailed

__all__ = ["HANDSHAKE", "KINDS", "run_talk", "serve"]

KINDS = ("echo", "text", "binary", "down", "up")
_PATTERN = bytes(range(256)) * 251  # no multiple of any buffer's size
_READ_BYTES = 256 * 1024
_STREAM = _PATTERN * (_READ_BYTES // len(_PATTERN) + 2)  # wherever a read begins in it, it is long enough
_SILENCE_SECONDS = 30.0  # who is silent for so long has found a defect
#: The key is the example's of RFC 6455 section 1.3, and so is the answer.
HANDSHAKE = (
    b"GET /talk HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
    b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
)
_ACCEPTS = {b"dGhlIHNhbXBsZSBub25jZQ==": b"s3pPLMBiTxaQ9kYGzzhZRbK+xOo="}
_SWITCHED = (
    b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: %b\r\n\r\n"
)


def _head(opcode: int, size: int, mask: bytes = b"") -> bytes:
    """The head of a frame that is a whole message."""
    flag = 0x80 if mask else 0
    if size < 126:
        return bytes((0x80 | opcode, flag | size)) + mask
    if size < 65536:
        return bytes((0x80 | opcode, flag | 126)) + size.to_bytes(2, "big") + mask
    return bytes((0x80 | opcode, flag | 127)) + size.to_bytes(8, "big") + mask


def _masked(key: bytes, payload: bytes) -> bytes:
    """The payload XOR the key."""
    pattern = (key * (len(payload) // 4 + 1))[: len(payload)]
    return (int.from_bytes(payload, "little") ^ int.from_bytes(pattern, "little")).to_bytes(len(payload), "little")


def _take_exactly(connection: socket.socket, size: int) -> bytes:
    """Read C{size} octets; fewer when the connection ends."""
    pieces, left = [], size
    while left and (piece := connection.recv(min(left, _READ_BYTES))):
        pieces.append(piece)
        left -= len(piece)
    return b"".join(pieces)


def _check_stream(connection: socket.socket) -> int:
    """
    Read to the end; what comes must be the pattern over and over.

    @return: octets.
    @raise LoadFailed: it was something else.
    """
    total = 0
    while data := connection.recv(_READ_BYTES):
        start = total % len(_PATTERN)
        if data != _STREAM[start : start + len(data)]:
            raise LoadFailed(f"bytes are wrong after {total}")
        total += len(data)
    return total


def _send_stream(connection: socket.socket, is_over: Callable[[], bool]) -> int:
    """Send the pattern until it is over; @return: octets."""
    total = 0
    while not is_over():
        connection.sendall(_PATTERN)
        total += len(_PATTERN)
    return total


class _Served:
    """
    One connection of the server's.

    @ivar is_new: whether nothing was read from it.
    """

    def __init__(self, connection: socket.socket) -> None:
        self.is_new = True
        self._socket = connection
        self._held = b""
        self._read: Callable[[bytes], None] = self._open
        self._last: tuple[bytes, bytes] = (b"", b"")

    def readable(self) -> bool:
        """Read and answer; @return: False at the end."""
        data = self._socket.recv(_READ_BYTES)
        if data:
            self._read(data)
        return bool(data)

    def _open(self, data: bytes) -> None:
        """The first octets."""
        self.is_new = False
        if data[:1] == b"G":
            self._handshake(data)
        else:
            self._read = self._socket.sendall
            if data[1:]:
                self._read(data[1:])

    def _handshake(self, data: bytes) -> None:
        self._held += data
        self._read = self._handshake
        head, end, rest = self._held.partition(b"\r\n\r\n")
        if not end:
            return
        fields = dict(line.split(b": ", 1) for line in head.lower().split(b"\r\n")[1:])
        key = next(key for key in _ACCEPTS if key.lower() == fields[b"sec-websocket-key"])
        self._socket.sendall(_SWITCHED % _ACCEPTS[key])
        self._held = b""
        self._read = self._frames
        if rest:
            self._frames(rest)

    def _frames(self, data: bytes) -> None:
        """Echo each whole frame; a frame like the last one has the answer of the last one."""
        held = self._held = self._held + data if self._held else data
        while len(held) >= 6:
            short = held[1] & 127
            at = 2 + {126: 2, 127: 8}.get(short, 0)
            size = short if short < 126 else int.from_bytes(held[2:at], "big")
            end = at + 4 + size
            if len(held) < end:
                break
            frame = held[:end]
            if frame != self._last[0]:
                payload = _masked(frame[at : at + 4], frame[at + 4 :])
                self._last = (frame, _head(frame[0] & 15, size) + payload)
            self._socket.sendall(self._last[1])
            held = held[end:]
        self._held = held


def _stream(connection: socket.socket) -> None:
    """Send or take on one connection, in a thread."""
    connection.setblocking(True)
    kind = connection.recv(1)
    if kind == b"U":
        connection.sendall(b"%d" % _check_stream(connection))
    else:
        ended = threading.Event()

        def wait() -> None:
            connection.recv(1)
            ended.set()

        threading.Thread(target=wait, daemon=True).start()
        _send_stream(connection, ended.is_set)
    connection.close()


def serve(port: int) -> None:
    """Serve on a port of 127.0.0.1 for ever."""
    listening = socket.create_server(("127.0.0.1", port), backlog=128)
    selector = selectors.DefaultSelector()
    selector.register(listening, selectors.EVENT_READ, None)
    while True:
        for key, _ in selector.select():
            if key.data is None:
                connection, _ = listening.accept()
                connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                selector.register(connection, selectors.EVENT_READ, _Served(connection))
                continue
            assert isinstance(key.fileobj, socket.socket)
            _serve_event(selector, key.fileobj, key.data)


def _serve_event(selector: selectors.BaseSelector, connection: socket.socket, served: _Served) -> None:
    """Something came on a connection."""
    try:
        if served.is_new and connection.recv(1, socket.MSG_PEEK) in (b"D", b"U"):
            selector.unregister(connection)
            threading.Thread(target=_stream, args=(connection,), daemon=True).start()
            return
        is_alive = served.readable()
    except OSError:
        is_alive = False
    if not is_alive:
        selector.unregister(connection)
        connection.close()


class _Talker:
    """One connection of the client's that says one thing again and again."""

    def __init__(self, port: int, kind: str, size: int) -> None:
        self.socket = _connect(port)
        self._got: list[bytes] = []
        self._left = 0
        payload = (b"0123456789abcdef" * (size // 16 + 1))[:size]
        if kind == "echo":
            self.socket.sendall(b"E")
            self._said = self._wanted = payload
            return
        opcode = 1 if kind == "text" else 2
        self.socket.sendall(HANDSHAKE)
        head = b""
        while not head.endswith(b"\r\n\r\n"):
            head += self._take_some()
        if not head.startswith(b"HTTP/1.1 101 "):
            raise LoadFailed(f"the handshake was answered with {head!r}")
        key = b"\x37\xfa\x21\x3d"
        self._said = _head(opcode, size, key) + _masked(key, payload)
        self._wanted = _head(opcode, size) + payload

    def _take_some(self) -> bytes:
        piece = self.socket.recv(4096)
        if not piece:
            raise LoadFailed("the connection was closed in the handshake")
        return piece

    def say(self) -> None:
        """Say it again."""
        self._got.clear()
        self._left = len(self._wanted)
        self.socket.sendall(self._said)

    def read(self) -> bool:
        """Read what there is; @return: whether the answer is whole, and right."""
        piece = self.socket.recv(_READ_BYTES)
        if not piece:
            raise LoadFailed("the proxy has closed the connection")
        self._got.append(piece)
        self._left -= len(piece)
        if self._left > 0:
            return False
        if b"".join(self._got) != self._wanted:
            raise LoadFailed(f"an answer is wrong: {b''.join(self._got)[:100]!r}")
        return True


def _connect(port: int) -> socket.socket:
    connection = socket.create_connection(("127.0.0.1", port), _SILENCE_SECONDS)
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return connection


def _talk(talkers: list[_Talker], seconds: float) -> int:
    """Say and hear until the time is over; @return: messages, of both directions."""
    selector = selectors.DefaultSelector()
    for talker in talkers:
        selector.register(talker.socket, selectors.EVENT_READ, talker)
    until = time.monotonic() + seconds
    for talker in talkers:
        talker.say()
    answers, waiting = 0, len(talkers)
    while waiting:
        events = selector.select(_SILENCE_SECONDS)
        if not events:
            raise LoadFailed(f"no answer for {_SILENCE_SECONDS:g} seconds")
        is_over = time.monotonic() >= until
        for key, _ in events:
            if key.data.read():
                answers += 1
                if is_over:
                    waiting -= 1
                else:
                    key.data.say()
    return 2 * answers


def _down(port: int, seconds: float) -> int:
    """Take bytes until the time is over; @return: how many."""
    connection = _connect(port)
    connection.sendall(b"D")
    timer = threading.Timer(seconds, connection.shutdown, (socket.SHUT_WR,))
    timer.start()
    return _check_stream(connection)


def _up(port: int, seconds: float) -> int:
    """Send bytes until the time is over; @return: how many the server found to be right."""
    connection = _connect(port)
    connection.sendall(b"U")
    until = time.monotonic() + seconds
    sent = _send_stream(connection, lambda: time.monotonic() >= until)
    connection.shutdown(socket.SHUT_WR)
    answer = _take_exactly(connection, 20)
    if answer != b"%d" % sent:
        raise LoadFailed(f"{sent} bytes were sent, the server has found {answer!r}")
    return sent


def run_talk(kind: str, port: int, size: int, connections: int, seconds: float) -> int:
    """
    Talk through a proxy, in a process of its own.

    @param kind: one of L{KINDS}.
    @param size: octets of a message.
    @return: messages or octets that were passed on.
    @raise LoadFailed: something came that was not said.
    """
    numbers = map(str, (port, size, connections, seconds))
    command = [sys.executable, "-m", "benchmarks.talkers", kind, *numbers]
    ended = subprocess.run(command, capture_output=True, text=True, check=False)
    if ended.returncode:
        raise LoadFailed(ended.stderr.strip().rpartition("\n")[2])
    return int(ended.stdout)


def main() -> None:
    """Serve or talk as the command line says."""
    kind, port = sys.argv[1], int(sys.argv[2])
    if kind == "serve":
        serve(port)
        return
    size, connections, seconds = int(sys.argv[3]), int(sys.argv[4]), float(sys.argv[5])
    if kind == "down":
        print(_down(port, seconds))
    elif kind == "up":
        print(_up(port, seconds))
    else:
        print(_talk([_Talker(port, kind, size) for _ in range(connections)], seconds))


if __name__ == "__main__":
    main()
