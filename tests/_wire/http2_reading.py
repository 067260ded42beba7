"""Feeds an HTTP/2 connection, and writes down what it tells."""

from collections.abc import Iterable
from typing import cast

from mitmtw._wire import http2
from mitmtw._wire.events import Fields
from mitmtw._wire.http2 import Connection, ErrorCode, Event, Role
from tests.vectors.http2_build import PREFACE, Case, settings

GET: Fields = [(b":method", b"GET"), (b":scheme", b"https"), (b":authority", b"a.test"), (b":path", b"/")]
POST: Fields = [(b":method", b"POST"), *GET[1:]]
CONNECT: Fields = [(b":method", b"CONNECT"), (b":authority", b"a.test:443")]
OK: Fields = [(b":status", b"200")]
#: Frames as they are on the wire: type, flags, stream, payload.
Frames = list[tuple[int, int, int, bytes]]


def tell(event: Event) -> str:
    """An event in a few words."""
    match event:
        case http2.HeadersReceived():
            ends = " info" if event.is_informational else " end" if event.end_stream else ""
            return f"head {event.stream}{ends}"
        case http2.HeadersTooLarge():
            return f"large {event.stream} {event.size}"
        case http2.TrailersReceived():
            return " ".join([f"trailers {event.stream}", *(name.decode() for name, _ in event.fields)])
        case http2.DataReceived():
            return f"data {event.stream} {len(event.data)}{' end' if event.end else ''}"
        case http2.StreamEnded():
            return f"ended {event.stream}"
        case http2.StreamReset(is_local=True):
            return f"broken {event.stream} {ErrorCode(event.code).name}"
        case http2.StreamReset():
            return f"reset {event.stream} {event.code}{' unprocessed' if event.is_unprocessed else ''}"
        case http2.SettingsChanged():
            return "settings"
        case http2.GoAwayReceived():
            return f"goaway {event.last} {event.code} {event.reason.decode()}"
        case http2.PriorityReceived():
            return f"priority {event.stream} {event.value.decode()}"
        case http2.WindowOpened():
            return f"opened {event.stream}"
        case http2.PingAnswered():
            return f"ping {event.opaque.decode()}"
        case http2.ConnectionFailed():
            return f"failed {ErrorCode(event.code).name}"


def split(wire: bytes) -> Frames:
    """The frames of an output."""
    frames, start = [], len(PREFACE) if wire.startswith(PREFACE) else 0
    while start < len(wire):
        end = start + 9 + int.from_bytes(wire[start : start + 3], "big")
        stream = int.from_bytes(wire[start + 5 : start + 9], "big")
        frames.append((wire[start + 3], wire[start + 4], stream, wire[start + 9 : end]))
        start = end
    return frames


def opened(role: str, methods: Iterable[bytes] = (), coder: http2.Coder = http2.CODER) -> Connection:
    """An end whose peer sent an empty SETTINGS frame, with these requests on their way."""
    connection = Connection(cast(Role, role), coder=coder)
    connection.feed((PREFACE if role == "server" else b"") + settings())
    for method in methods:
        fields = CONNECT if method == b"CONNECT" else [(b":method", method), *GET[1:]]
        connection.open_stream(fields, end=method != b"CONNECT")
    connection.take_output()
    return connection


def run(case: Case, pieces: Iterable[bytes], coder: http2.Coder = http2.CODER) -> tuple[tuple[str, ...], Frames]:
    """What is told of these pieces, and what goes out then."""
    connection = opened(case.role, case.opens, coder)
    told = [tell(event) for piece in pieces for event in connection.feed(piece)]
    return tuple(told), split(connection.take_output())


class Pair:
    """A client and a server, and what they were told."""

    def __init__(self, client: Connection | None = None, server: Connection | None = None) -> None:
        self.client = client or Connection("client")
        self.server = server or Connection("server")
        self.at_client: list[Event] = []
        self.at_server: list[Event] = []
        self.pump()
        self.take()

    def pump(self) -> None:
        """Carry what waits, until nothing does."""
        while True:
            up, down = self.client.take_output(), self.server.take_output()
            if not up and not down:
                return
            self.at_server += self.server.feed(up)
            self.at_client += self.client.feed(down)

    def take(self) -> tuple[list[str], list[str]]:
        """What server and client were told since the last call."""
        told = [tell(event) for event in self.at_server], [tell(event) for event in self.at_client]
        self.at_server, self.at_client = [], []
        return told

    def turn(self) -> tuple[list[str], list[str]]:
        """Carry, and take."""
        self.pump()
        return self.take()
