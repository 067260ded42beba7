"""
How much memory the proxy takes for large transfers: the peak of its resident memory while a body flows whose receiver
is slow and whose sender is not.

    python -m tests.interop.memory --size 1g --rate 20m

runs each combination of direction, TLS, framing and addon against a proxy of its own, as HTTP bodies and as TCP in a
tunnel, prints a table, and fails when one took more than the limit or did not arrive whole. It needs C{/proc}, so
Linux.
"""

import argparse
import hashlib
import socket
import ssl
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from mitmtw.option_types import SIZE
from tests._tls.certificates import made
from tests.interop.cases import Started
from tests.interop.origins import BLOCK, RawOrigin, Talk, digest_of

__all__ = ["COMBINATIONS", "Combination", "Outcome", "measure"]

#: Bytes by which the peak may rise: a thousand times less than what flows, and more than all buffers together.
LIMIT_BYTES = 20 * 1024 * 1024
_PIECE = bytes(65536)
_TIMEOUT_SECONDS = 600.0  # for one silent socket; a receiver at its slowest is never silent for a second
_SCRIPTS = {
    "none": "",
    "responseheaders": "def responseheaders(flow):\n    flow.response.headers['x-seen'] = 'yes'\n",
    "callable": "def responseheaders(flow):\n    flow.response.stream = lambda piece: piece\n",
    "tcp_message": "def tcp_message(flow):\n    len(flow.messages[-1].content)\n",
}


@dataclass(frozen=True, slots=True)
class Combination:
    """
    What flows how.

    @ivar is_upload: from the client to the origin; else the other way.
    @ivar is_tls: on both sides.
    @ivar is_chunked: chunked, of unknown length; else with its length. TCP has neither.
    @ivar addon: which script is loaded.
    @ivar is_tcp: bytes in a tunnel, no HTTP.
    """

    is_upload: bool
    is_tls: bool
    is_chunked: bool
    addon: str = "none"
    is_tcp: bool = False

    def __str__(self) -> str:
        direction = "up" if self.is_upload else "down"
        framing = "tcp" if self.is_tcp else "chunked" if self.is_chunked else "length"
        return f"{direction} {'tls' if self.is_tls else 'plain'} {framing} {self.addon}"


@dataclass(frozen=True, slots=True)
class Outcome:
    """
    What was measured.

    @ivar received: bytes of the body that the receiver got.
    @ivar before: resident memory before, bytes.
    @ivar peak: its peak during the transfer, bytes.
    @ivar seconds: how long the transfer took.
    """

    combination: Combination
    received: int
    before: int
    peak: int
    seconds: float

    @property
    def rise(self) -> int:
        """By how much the peak was higher, bytes."""
        return self.peak - self.before

    def __str__(self) -> str:
        sizes = " ".join(f"{value / 1024**2:8.1f}" for value in (self.before, self.peak, self.rise))
        return f"{self.combination!s:38} {sizes} {self.received / 1024**2 / self.seconds:6.1f}"


_PLAIN = [Combination(up, tls, chunked) for up in (False, True) for tls in (False, True) for chunked in (False, True)]
COMBINATIONS = [
    *_PLAIN,
    *(Combination(False, tls, chunked, "responseheaders") for tls in (False, True) for chunked in (False, True)),
    *(Combination(False, tls, False, "callable") for tls in (False, True)),
    *(
        Combination(up, tls, False, addon, is_tcp=True)
        for up in (False, True)
        for tls in (False, True)
        for addon in ("none", "tcp_message")
    ),
]


def _resident(pid: int, name: str) -> int:
    """A line of C{/proc/PID/status}, in bytes."""
    for line in Path(f"/proc/{pid}/status").read_text("ascii").splitlines():
        if line.startswith(name + ":"):
            return int(line.split()[1]) * 1024
    raise AssertionError(f"/proc/{pid}/status has no {name}")


def _forget_peak(pid: int) -> None:
    """Start a new peak from what is resident now: what the start took does not hide what the transfer takes."""
    Path(f"/proc/{pid}/clear_refs").write_text("5", "ascii")


def _framed(size: int, is_chunked: bool) -> Iterator[bytes]:
    """The body in pieces, as they go out."""
    for start in range(0, size, len(_PIECE)):
        piece = _PIECE[: size - start]
        yield b"%x\r\n%b\r\n" % (len(piece), piece) if is_chunked else piece
    if is_chunked:
        yield b"0\r\n\r\n"


def _field(size: int, is_chunked: bool) -> bytes:
    """The field that frames it."""
    return b"Transfer-Encoding: chunked\r\n\r\n" if is_chunked else b"Content-Length: %d\r\n\r\n" % size


class _Slow:
    """Reads from a connection, no faster than a rate."""

    def __init__(self, talk: Talk, rate: int) -> None:
        self._talk = talk
        self._rate = rate
        self._read = 0
        self._started = time.monotonic()

    def read(self, size: int) -> bytes:
        """At most C{size} bytes, when their time has come."""
        talk = self._talk
        ahead = self._read / self._rate - (time.monotonic() - self._started)
        if ahead > 0:
            time.sleep(ahead)
        if talk.buffer:
            data, talk.buffer = talk.buffer[:size], talk.buffer[size:]
        else:
            data = talk.socket.recv(size)
        self._read += len(data)
        return data

    def body(self, size: int, is_chunked: bool) -> int:
        """Read a body; @return: its bytes, less when it was cut."""
        if not is_chunked:
            left = size
            while left and (data := self.read(min(left, 65536))):
                left -= len(data)
            return size - left
        received = 0
        while True:
            line = self._talk.read_until(b"\r\n")
            length = int(line or b"0", 16)
            left = length + 2
            while left and (data := self.read(min(left, 65536))):
                left -= len(data)
            received += length
            if not length or left:
                return received


def _origin(combination: Combination, size: int, rate: int, received: list[int], certificate: Path) -> RawOrigin:
    """The origin: it sends as fast as it can, or receives slowly."""

    def answer(talk: Talk) -> None:
        talk.socket.settimeout(_TIMEOUT_SECONDS)
        if combination.is_tcp:
            _serve_tcp(talk, combination, size, rate, received)
            return
        while head := talk.read_head():
            if b" /warm " in head:
                talk.send(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
            elif combination.is_upload:
                is_chunked = b"transfer-encoding: chunked" in head.lower()
                received.append(_Slow(talk, rate).body(size, is_chunked))
                talk.send(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
            else:
                talk.send(b"HTTP/1.1 200 OK\r\n" + _field(size, combination.is_chunked))
                for piece in _framed(size, combination.is_chunked):
                    talk.send(piece)

    return RawOrigin(answer, certificate=certificate if combination.is_tls else None)


def _send_blocks(talk: Talk, size: int) -> None:
    """Send bytes of which each piece has its place."""
    for start in range(0, size, len(BLOCK)):
        talk.send(BLOCK[: size - start])


def _take_blocks(slow: _Slow, size: int) -> int:
    """Read what L{_send_blocks} sends; @return: how many bytes came, 0 when they are not those that were sent."""
    digest, left = hashlib.sha256(), size
    while left and (data := slow.read(min(left, 65536))):
        digest.update(data)
        left -= len(data)
    return size if digest.hexdigest() == digest_of(size) else 0


_WARM = b"\0warm"  # no HTTP, as can be seen from its first octet


def _serve_tcp(talk: Talk, combination: Combination, size: int, rate: int, received: list[int]) -> None:
    """The origin's side of one conversation in TCP."""
    talk.send(talk.read_exactly(len(_WARM)))
    talk.read_exactly(1)
    if combination.is_upload:
        received.append(_take_blocks(_Slow(talk, rate), size))
        talk.send(b"!")
    else:
        _send_blocks(talk, size)


def _transfer_tcp(talk: Talk, combination: Combination, size: int, rate: int, received: list[int]) -> None:
    """The client's side, from the first of the many bytes to the last."""
    talk.send(b"?")
    if combination.is_upload:
        _send_blocks(talk, size)
        talk.read_exactly(1)
    else:
        received.append(_take_blocks(_Slow(talk, rate), size))


def _client(port: int, origin: RawOrigin, ca: Path | None, is_tcp: bool) -> tuple[Talk, bytes]:
    """A connection to the proxy, inside TLS when C{ca} is given; and how its request targets begin."""
    host = f"127.0.0.1:{origin.port}".encode()
    talk = Talk(socket.create_connection(("127.0.0.1", port)))
    if ca is None and not is_tcp:
        talk.socket.settimeout(_TIMEOUT_SECONDS)
        return talk, b"http://" + host
    talk.send(b"CONNECT %b HTTP/1.1\r\nHost: %b\r\n\r\n" % (host, host))
    talk.read_head()
    if ca is None:
        talk.socket.settimeout(_TIMEOUT_SECONDS)
        return talk, b""
    context = ssl.create_default_context(cafile=str(ca))
    talk.socket = context.wrap_socket(talk.socket, server_hostname="127.0.0.1")
    talk.socket.settimeout(_TIMEOUT_SECONDS)
    return talk, b""


def _transfer(talk: Talk, base: bytes, combination: Combination, size: int, rate: int, received: list[int]) -> None:
    """The one large body, from its first byte to its last."""
    if combination.is_tcp:
        _transfer_tcp(talk, combination, size, rate, received)
        return
    if not combination.is_upload:
        talk.send(b"GET %b/large HTTP/1.1\r\nHost: %b\r\n\r\n" % (base, base.removeprefix(b"http://") or b"127.0.0.1"))
        is_chunked = b"transfer-encoding: chunked" in talk.read_head().lower()
        received.append(_Slow(talk, rate).body(size, is_chunked))
        return
    head = b"PUT %b/large HTTP/1.1\r\nHost: %b\r\n" % (base, base.removeprefix(b"http://") or b"127.0.0.1")
    talk.send(head + _field(size, combination.is_chunked))
    for piece in _framed(size, combination.is_chunked):
        talk.send(piece)
    talk.read_head()
    talk.read_exactly(2)


def _warm_up(talk: Talk, base: bytes, combination: Combination) -> None:
    """Something small first: what every connection takes is not what the transfer takes."""
    if combination.is_tcp:
        talk.send(_WARM)
        talk.read_exactly(len(_WARM))
        return
    talk.send(b"GET %b/warm HTTP/1.1\r\nHost: %b\r\n\r\n" % (base, base.removeprefix(b"http://") or b"127.0.0.1"))
    talk.read_head()
    talk.read_exactly(2)
    talk.buffer = b""  # the chunked form, where a callable streams


def measure(combination: Combination, size: int, rate: int, directory: Path) -> Outcome:
    """
    Run one combination against a proxy in a process of its own.

    @param size: bytes of the body.
    @param rate: bytes per second that the receiver takes.
    @param directory: an empty one.
    """
    authority = made("Origin CA", is_authority=True)
    roots = directory / "roots.pem"
    roots.write_bytes(authority.certificate_pem())
    leaf = Path(made("127.0.0.1", authority).save(directory / "origin.pem"))
    script = directory / "addon.py"
    script.write_text(_SCRIPTS[combination.addon])
    options = ("--confdir", "confdir", "--listen", "tcp:0:interface=127.0.0.1", "--set", f"upstream_ca={roots}")
    received: list[int] = []
    origin = _origin(combination, size, rate, received, leaf)
    proxy = Started((sys.executable, "-m", "mitmtw", "run", *options, "--script", str(script)), directory)
    try:
        port = int(proxy.wait_for(r"proxy listens on .*port=(\d+)")[0])
        ca = directory / "confdir" / "mitmtw-ca-cert.pem" if combination.is_tls else None
        talk, base = _client(port, origin, ca, combination.is_tcp)
        _warm_up(talk, base, combination)
        _forget_peak(proxy.pid)
        before = _resident(proxy.pid, "VmHWM")
        started = time.monotonic()
        _transfer(talk, base, combination, size, rate, received)
        seconds = time.monotonic() - started
        peak = _resident(proxy.pid, "VmHWM")
        talk.close()
    finally:
        proxy.stop()
        origin.stop()
    return Outcome(combination, received[-1], before, peak, seconds)


def main(argv: Sequence[str]) -> int:
    """Measure all combinations; @return: 0 when all stayed below the limit and arrived whole."""
    what = "Peak memory of large transfers."
    parser = argparse.ArgumentParser(prog="python -m tests.interop.memory", description=what)
    parser.add_argument("--size", type=SIZE.parse, default="1g", help="bytes of each body (default: 1g)")
    parser.add_argument(
        "--rate", type=SIZE.parse, default="20m", help="bytes per second of the receiver (default: 20m)"
    )
    parser.add_argument(
        "--limit", type=SIZE.parse, default=LIMIT_BYTES, help="bytes of the greatest rise (default: 20m)"
    )
    parser.add_argument("--jobs", type=int, default=4, help="transfers at the same time, each alone (default: 4)")
    parser.add_argument("--only", default="", help="only combinations whose name has this in it")
    chosen = parser.parse_args(argv)
    combinations = [each for each in COMBINATIONS if chosen.only in str(each)]
    status = 0
    sys.stdout.write(f"{'direction, TLS, framing, addon':38} {'before':>8} {'peak':>8} {'rise':>8} {'MB/s':>6}\n")
    with ThreadPoolExecutor(chosen.jobs) as pool, tempfile.TemporaryDirectory() as name:

        def run(number: int) -> Outcome:
            directory = Path(name) / str(number)
            directory.mkdir()
            return measure(combinations[number], chosen.size, chosen.rate, directory)

        for outcome in pool.map(run, range(len(combinations))):
            is_good = outcome.rise <= chosen.limit and outcome.received == chosen.size
            status = status if is_good else 1
            sys.stdout.write(f"{outcome}{'' if is_good else '  FAILED'}\n")
            sys.stdout.flush()
    return status


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
