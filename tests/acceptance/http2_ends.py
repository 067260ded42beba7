"""
Clients and servers of either version of HTTP that are driven alike, for the tests of HTTP/2.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import h11

from mitmtw._wire.http2 import (
    Connection,
    ConnectionFailed,
    DataReceived,
    GoAwayReceived,
    HeadersReceived,
    StreamEnded,
    StreamReset,
    TrailersReceived,
    WindowOpened,
)
from mitmtw.testing import Origin, Peer

__all__ = ["Client1", "Client2", "Got", "Origins", "pairs", "respond"]

Fields = list[tuple[bytes, bytes]]


def pairs(*fields: str) -> Fields:
    """Fields given as C{"name: value"}."""
    split = (each.partition(": ") for each in fields)
    return [(name.encode(), value.encode()) for name, _, value in split]


@dataclass
class Got:
    """
    One message as one end has got it: a request at a server, a response at a client.

    @ivar end: the end that got it.
    @ivar reset: the code by which it was reset, None while it was not.
    """

    end: Any
    number: int
    method: bytes = b""
    path: bytes = b""
    authority: bytes | None = None
    status: int = 0
    fields: Fields = field(default_factory=list)
    body: bytes = b""
    trailers: Fields = field(default_factory=list)
    interims: list[tuple[int, Fields]] = field(default_factory=list)
    ended: bool = False
    reset: int | None = None

    def get(self, name: bytes) -> bytes | None:
        """The value of a field, None without."""
        return next((value for each, value in self.fields if each.lower() == name), None)

    def names(self) -> list[bytes]:
        """The names of the fields in their order, in lower case."""
        return [name.lower() for name, _ in self.fields]


class End2:
    """
    An end that speaks HTTP/2.

    @ivar got: messages by stream.
    @ivar is_taking: whether bodies are acknowledged as they come.
    """

    version = 2

    def __init__(self, role: Any, told: Callable[[Got], None] | None = None) -> None:
        self.connection = Connection(role)
        self.got: dict[int, Got] = {}
        self.is_taking = True
        self.goaway: int | None = None
        self.failure: str | None = None
        self.peer: Peer
        self._told = told
        self._left: dict[int, tuple[bytes, bool, Fields]] = {}

    def hear(self, peer: Peer) -> None:
        """Read what came."""
        self.peer = peer
        events = self.connection.feed(peer.take())
        for event in events:
            self._read(event)
        self.flush()
        if self._told is not None:
            for number in {event.stream for event in events if hasattr(event, "stream")}:
                if number in self.got:
                    self._told(self.got[number])
            self.flush()

    def _read(self, event: Any) -> None:
        if isinstance(event, HeadersReceived):
            if event.is_informational:
                got = self.got.setdefault(event.stream, Got(self, event.stream))
                got.interims.append((event.status, event.fields))
                return
            got = self.got.setdefault(event.stream, Got(self, event.stream))
            got.method, got.path, got.authority = event.method, event.path or b"", event.authority
            got.status, got.fields, got.ended = event.status, event.fields, event.end_stream
        elif isinstance(event, DataReceived):
            got = self.got[event.stream]
            got.body += event.data
            got.ended = event.end
            if self.is_taking:
                self.connection.acknowledge(event.stream, len(event.data))
        elif isinstance(event, StreamEnded):
            self.got[event.stream].ended = True
        elif isinstance(event, TrailersReceived):
            self.got[event.stream].trailers = event.fields
            self.got[event.stream].ended = True
        elif isinstance(event, StreamReset):
            self.got.setdefault(event.stream, Got(self, event.stream)).reset = event.code
            self._left.pop(event.stream, None)
        elif isinstance(event, WindowOpened):
            for number in list(self._left):
                self._go_on(number)
        elif isinstance(event, GoAwayReceived):
            self.goaway = event.last
        elif isinstance(event, ConnectionFailed):
            self.failure = event.message

    def data(self, number: int, body: bytes, end: bool = False, trailers: Fields | None = None) -> None:
        """Send a part of a body, now or when the windows let."""
        held, _, _ = self._left.get(number, (b"", False, []))
        self._left[number] = (held + body, end, trailers or [])
        self._go_on(number)
        self.flush()

    def _go_on(self, number: int) -> None:
        body, end, trailers = self._left.pop(number)
        went = self.connection.send_data(number, body, end and not trailers) if body else 0
        if went < len(body):
            self._left[number] = (body[went:], end, trailers)
        elif end and (trailers or not body):
            self.connection.end_stream(number, trailers or None)

    def reset(self, number: int, code: int = 8) -> None:
        """Reset a stream."""
        self.connection.reset(number, code)
        self.flush()

    def flush(self) -> None:
        """Send what waits."""
        out = self.connection.take_output()
        if out:
            self.peer.send(out)


class Client2(End2):
    """A client that speaks HTTP/2."""

    def __init__(self, scheme: bytes = b"http", authority: bytes = b"example.com") -> None:
        super().__init__("client")
        self.scheme = scheme
        self.authority = authority

    def request(
        self,
        method: str = "GET",
        path: str = "/",
        *fields: str,
        body: bytes | None = None,
        end: bool = True,
        trailers: Fields | None = None,
    ) -> int:
        """Send a request; C{body} None for none. Its number is returned."""
        head = [
            (b":method", method.encode()),
            (b":scheme", self.scheme),
            (b":authority", self.authority),
            (b":path", path.encode()),
        ]
        number = self.connection.open_stream(head + pairs(*fields), end and body is None)
        if body is not None:
            self.data(number, body, end, trailers)
        self.flush()
        return number

    def answer(self, number: int) -> Got:
        """What was answered."""
        return self.got.setdefault(number, Got(self, number))


class End1:
    """An end that speaks HTTP/1, on a state machine of another project; C{got} is by the number of the message."""

    version = 1

    def __init__(self, role: Any, told: Callable[[Got], None] | None = None) -> None:
        self.connection = h11.Connection(role, max_incomplete_event_size=100_000)
        self.got: dict[int, Got] = {}
        self.peer: Peer
        self.count = 0
        self._told = told

    def hear(self, peer: Peer) -> None:
        """Read what came."""
        self.peer = peer
        self.connection.receive_data(peer.take())
        while True:
            event = self.connection.next_event()
            if event in (h11.NEED_DATA, h11.PAUSED) or isinstance(event, h11.ConnectionClosed):
                break
            self._read(event)
        if self._told is not None and self.count in self.got:
            self._told(self.got[self.count])

    def _read(self, event: Any) -> None:
        if isinstance(event, h11.Request):
            self.count += 1
            got = self.got[self.count] = Got(self, self.count)
            got.method, got.path = bytes(event.method), bytes(event.target)
            got.fields = [(bytes(name), bytes(value)) for name, value in event.headers]
            got.authority = got.get(b"host")
        elif isinstance(event, h11.InformationalResponse):
            fields = [(bytes(name), bytes(value)) for name, value in event.headers]
            self.got[self.count].interims.append((event.status_code, fields))
        elif isinstance(event, h11.Response):
            got = self.got[self.count]
            got.status = event.status_code
            got.fields = [(bytes(name), bytes(value)) for name, value in event.headers]
        elif isinstance(event, h11.Data):
            self.got[self.count].body += bytes(event.data)
        elif isinstance(event, h11.EndOfMessage):
            self.got[self.count].trailers = [(bytes(name), bytes(value)) for name, value in event.headers]
            self.got[self.count].ended = True
            self._cycle()

    def _cycle(self) -> None:
        if self.connection.our_state is h11.DONE and self.connection.their_state is h11.DONE:
            self.connection.start_next_cycle()

    def send(self, event: Any) -> None:
        """Send an event."""
        self.peer.send(self.connection.send(event) or b"")

    def data(self, number: int, body: bytes, end: bool = False, trailers: Fields | None = None) -> None:
        """Send a part of a body."""
        if body:
            self.send(h11.Data(data=body))
        if end:
            self.send(h11.EndOfMessage(headers=trailers or []))
            self._cycle()

    def reset(self, number: int, code: int = 8) -> None:
        """Reset the connection."""
        self.peer.reset()


class Client1(End1):
    """A client that speaks HTTP/1, with requests in absolute form."""

    def __init__(self, scheme: bytes = b"http", authority: bytes = b"example.com") -> None:
        super().__init__(h11.CLIENT)
        self.scheme = scheme
        self.authority = authority

    def request(
        self,
        method: str = "GET",
        path: str = "/",
        *fields: str,
        body: bytes | None = None,
        end: bool = True,
        trailers: Fields | None = None,
    ) -> int:
        """Send a request; chunked when there is no length and a C{body}, or more to come."""
        self.count += 1
        self.got[self.count] = Got(self, self.count)
        head = [(b"Host", self.authority), *pairs(*fields)]
        if (body is not None or not end) and not any(name.lower() == b"content-length" for name, _ in head):
            head.append((b"Transfer-Encoding", b"chunked"))
        target = self.scheme + b"://" + self.authority + path.encode()
        self.send(h11.Request(method=method.encode(), target=target, headers=head))
        if body is not None or end:
            self.data(self.count, body or b"", end, trailers)
        return self.count

    def answer(self, number: int) -> Got:
        """What was answered."""
        return self.got[number]


class Origins:
    """
    A server of either version.

    @ivar requests: all that came, in order.
    @ivar ends: one for each connection.
    """

    def __init__(self, version: int, reply: Callable[[Got], None] | None = None) -> None:
        """@param reply: called when a request is whole; None leaves all to the test."""
        self.version = version
        self.requests: list[Got] = []
        self.ends: list[Any] = []
        self._by_peer: dict[int, Any] = {}
        self._reply = reply
        self._replied: set[int] = set()
        self.origin: Origin

    def hear(self, peer: Peer) -> None:
        """Some connection has got something."""
        end = self._by_peer.get(id(peer))
        if end is None:
            end = End2("server", self._told) if self.version == 2 else End1(h11.SERVER, self._told)
            end.peer = peer
            self._by_peer[id(peer)] = end
            self.ends.append(end)
        end.hear(peer)

    def _told(self, got: Got) -> None:
        if not any(each is got for each in self.requests):
            self.requests.append(got)
        if got.ended and self._reply is not None and id(got) not in self._replied:
            self._replied.add(id(got))
            self._reply(got)

    @property
    def request(self) -> Got:
        """The latest request."""
        return self.requests[-1]


def respond(
    got: Got,
    status: int = 200,
    *fields: str,
    body: bytes | None = None,
    end: bool = True,
    trailers: Fields | None = None,
) -> None:
    """Answer a request at a server; 1xx are interim."""
    target, head = got.end, pairs(*fields)
    if target.version == 1:
        if status < 200:
            target.send(h11.InformationalResponse(status_code=status, headers=head))
            return
        target.send(h11.Response(status_code=status, headers=head, reason=b"Fine"))
        if body is not None or end:
            target.data(got.number, body or b"", end, trailers)
        return
    target.connection.send_headers(
        got.number, [(b":status", b"%d" % status), *head], status >= 200 and end and body is None
    )
    if body is not None:
        target.data(got.number, body, end, trailers)
    target.flush()
