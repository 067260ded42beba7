"""
What one exchange costs without sockets, piece by piece, in microseconds: C{python -m benchmarks.inprocess}.

Each figure is the best of many short slices: what else the machine does can only add. The budgets beside them were set
when the rooms were planned; they are for a quiet machine of its year, so a ratio between two figures says more.
"""

import argparse
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from OpenSSL import SSL
from twisted.internet.protocol import Protocol

from benchmarks.cpu import memory_bytes
from benchmarks.memory import REQUEST, Exchanges, Reactor, make_authority
from benchmarks.origin import ANSWER
from mitmtw._hooks.dispatch import Hooks
from mitmtw._wire.events import LENGTH, NO_BODY
from mitmtw._wire.http1_read import HeadBuffer, body_reader, read_request_head, read_response_head
from mitmtw._wire.http1_write import request_head, response_head
from mitmtw._wire.next_hop import outgoing
from mitmtw.addon import HTTPAddon
from mitmtw.interfaces.authority import IAuthority

__all__ = ["main"]


class Quick(HTTPAddon):
    """Listens to the four hooks of an exchange."""

    def __init__(self, number: int) -> None:
        self.name = f"quick{number}"

    def requestheaders(self, flow: Any) -> Any:
        """Nothing."""

    def request(self, flow: Any) -> Any:
        """Nothing."""

    def responseheaders(self, flow: Any) -> Any:
        """Nothing."""

    def response(self, flow: Any) -> Any:
        """Nothing."""


class Waiting(Quick):
    """The same with coroutines; they wait for nothing."""

    async def requestheaders(self, flow: Any) -> None:
        """Nothing."""

    async def request(self, flow: Any) -> None:
        """Nothing."""

    async def responseheaders(self, flow: Any) -> None:
        """Nothing."""

    async def response(self, flow: Any) -> None:
        """Nothing."""


def _best(run: Callable[[int], float], slices: int, count: int) -> float:
    """Microseconds of the best slice."""
    run(count)
    return min(run(count) for _ in range(slices)) * 1e6


def _timed(action: Callable[[], object]) -> Callable[[int], float]:
    """Make a slice of a plain call."""

    def run(count: int) -> float:
        began = time.perf_counter()
        for _ in range(count):
            action()
        return (time.perf_counter() - began) / count

    return run


def codec() -> Callable[[], object]:
    """The codec's part of an exchange: both heads and a body read, and both messages written."""
    requests, responses = HeadBuffer(skip_blank_lines=True), HeadBuffer(is_response=True)

    def exchange() -> None:
        block = requests.feed(REQUEST)
        assert block is not None
        head = read_request_head(block)
        fields = outgoing(head.fields, head.framing, 0, nominated=head.connection)
        request_head(head.method, b"/articles/2026/how-proxies-work?page=2", head.version, fields)
        block = responses.feed(ANSWER)
        assert block is not None
        answer = read_response_head(block, head.method)
        reader = body_reader(answer.framing, answer.length)
        body = reader.feed(responses.rest)
        fields = outgoing(answer.fields, LENGTH if body else NO_BODY, len(body))
        response_head(answer.version, answer.status, answer.reason, fields) + body

    return exchange


def hook(listening: int) -> Callable[[], object]:
    """One event, guarded as the layers guard it."""
    hooks: Any = Hooks(Reactor())
    for number in range(listening):
        hooks.add(Quick(number))
    flow = object()

    def fire() -> None:
        if hooks.request is not None:
            hooks.request(flow)

    return fire


def _print(name: str, figure: float, budget: float | None, unit: str = "µs") -> None:
    """One line."""
    print(f"{name:<50} {figure:9.2f} {unit:<3} {'' if budget is None else f'budget {budget:g}'}")


def _exchanges(folder: Path, slices: int, count: int) -> None:
    """The codec, whole exchanges, and hooks."""
    alone = _best(_timed(codec()), slices, count)
    _print("codec: parse and serialise, fields not remembered", alone, 10)
    exchanges = Exchanges(folder, ())
    varied = _best(lambda number: exchanges.run(number, varied=True), slices, count)
    _print("whole exchange, fields not remembered", varied, None)
    _print("  of it flow, streams, pool", varied - alone, 6)
    _print("whole exchange, the same fields again", _best(exchanges.run, slices, count), 20)
    for kind, text in ((Quick, "synchronous"), (Waiting, "coroutine")):
        for number in (1, 5):
            exchanges = Exchanges(folder, [kind(index) for index in range(number)])
            _print(f"  with {number} {text} addon(s) on four hooks", _best(exchanges.run, slices, count), None)
    for number, budget in ((0, 0.05), (1, None), (5, 0.5)):
        empty = _best(_timed(lambda: None), slices, count)
        _print(f"one hook, {number} listening", max(_best(_timed(hook(number)), slices, count) - empty, 0), budget)


def _certificates(folder: Path, slices: int, count: int) -> None:
    """A leaf and its context, new and known."""
    reactor = Reactor()
    authority: Any = make_authority(folder, reactor)
    numbers = iter(range(10**9))
    _print(
        "leaf certificate, its context, its connection",
        _best(_timed(lambda: _server_side(authority, f"h{next(numbers)}.example.com")), slices, max(count // 50, 10)),
        None,
    )
    known = _best(_timed(lambda: _server_side(authority, "h.example.com")), slices, count // 5)
    _print("the same for a name seen before (context hit)", known, None)


def _server_side(authority: IAuthority, name: str) -> object:
    """What each intercepted connection asks for."""
    return authority.server_side([name], [b"http/1.1"], None, Protocol())


def _idle_connections(folder: Path, number: int) -> float:
    """Memory of one established TLS connection of a client that says nothing, in kilobytes."""
    reactor = Reactor()
    authority = make_authority(folder, reactor)
    context = SSL.Context(SSL.TLS_CLIENT_METHOD)
    kept: list[object] = [_established(authority, context) for _ in range(50)]
    before = memory_bytes()
    kept.extend(_established(authority, context) for _ in range(number))
    return (memory_bytes() - before) / number / 1024


def _established(authority: IAuthority, context: SSL.Context) -> object:
    """Shake hands; the other end is gone afterwards."""
    from benchmarks.memory import Transport

    tls: Any = authority.server_side(["h.example.com"], [b"http/1.1"], None, Protocol())
    transport = Transport()
    transport.connect(tls)
    client = SSL.Connection(context, None)
    client.set_connect_state()
    client.set_tlsext_host_name(b"h.example.com")
    for _ in range(2):
        try:
            client.do_handshake()
        except SSL.WantReadError:
            pass
        tls.dataReceived(client.bio_read(65536))
        while transport.written:
            client.bio_write(transport.written.pop(0))
    assert client.get_cipher_name() is not None
    return tls


def main(argv: list[str] | None = None) -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.inprocess", description=__doc__)
    parser.add_argument("--slices", type=int, default=60)
    parser.add_argument("--count", type=int, default=1000, help="exchanges in one slice, an even number")
    parser.add_argument("--idle", type=int, default=400, help="idle TLS connections to open")
    arguments = parser.parse_args(argv)
    print(f"Python {sys.version.split()[0]}; best of {arguments.slices} slices of {arguments.count}")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name) / "authority"
        _exchanges(folder, arguments.slices, arguments.count)
        _certificates(folder, arguments.slices, arguments.count)
        _print("idle intercepted TLS connection", _idle_connections(folder, arguments.idle), 30, "KB")
    _print("this process", memory_bytes() / 1024 / 1024, None, "MB")
    return 0


if __name__ == "__main__":
    sys.exit(main())
