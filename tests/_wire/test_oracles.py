"""
The codec beside two others, h11 and httptools: what we take, both take and read alike, or the difference has a reason
here.

The other way round is not asked: we refuse some forms that one of them repairs.
"""

from importlib import import_module
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from mitmtw._wire.events import UNTIL_CLOSE, RequestHead, ResponseHead
from tests._wire.reading import read_message
from tests.vectors import http1_chunks, http1_requests, http1_responses

#: First line's target or status, body, fields in lower case, and what comes behind.
Reading = tuple[bytes, bytes, list[tuple[bytes, bytes]], bytes]


def installed(name: str) -> Any:
    """A module that need not be there."""
    try:
        return import_module(name)
    except ImportError:
        return None


h11: Any = installed("h11")
httptools: Any = installed("httptools")

#: What we take and h11 does not, or reads in another way.
H11_DIFFERS = {
    "9112-2.2 one empty line before": "it passes over none, which RFC 9112 asks a server to do",
    "9112-2.2 four empty lines before": "it passes over none, which RFC 9112 asks a server to do",
    "9112-7 chunked in capitals": "it writes the value in lower case",
}
#: What we take and httptools does not, or reads in another way.
HTTPTOOLS_DIFFERS = {
    "9110-9.1 an unknown method": "it knows the registered methods alone",
    "9110-9.1 a method of symbols": "it knows the registered methods alone",
    "9110-9.1 a lower-case method": "it knows the registered methods alone",
    "9112-6.3 tunnel": "it cannot be told that a response answers CONNECT",
    "9110-9.3.6 tunnel with a length": "it cannot be told that a response answers CONNECT",
    "7.1.1 a blank after the semicolon": "it takes no blank in an extension, which RFC 9112 asks a recipient to do",
}


def h11_reads(connection: Any, wire: bytes, ends: bool = False) -> Reading | None:
    """First line, body, fields in lower case, and the rest, as h11 reads them; None when it refuses."""
    connection.receive_data(wire)
    if ends:
        connection.receive_data(b"")
    first, body, fields = b"", b"", []
    try:
        while True:
            event = connection.next_event()
            if isinstance(event, (h11.Request, h11.Response, h11.InformationalResponse)):
                first = event.target if isinstance(event, h11.Request) else b"%d" % event.status_code
                fields = [(bytes(name), bytes(value)) for name, value in event.headers]
                if isinstance(event, h11.InformationalResponse):
                    break
            elif isinstance(event, h11.Data):
                body += event.data
            else:
                break
    except h11.RemoteProtocolError:
        return None
    return bytes(first), body, fields, bytes(connection.trailing_data[0])


class HTTPToolsReading:
    """Collects what httptools calls."""

    def __init__(self) -> None:
        self.target = b""
        self.body = b""
        self.fields: list[tuple[bytes, bytes]] = []
        self.messages = 0

    def on_url(self, piece: bytes) -> None:
        if not self.messages:
            self.target += piece

    def on_header(self, name: bytes, value: bytes) -> None:
        if not self.messages:
            self.fields.append((name.lower(), value.rstrip(b" \t")))

    def on_body(self, piece: bytes) -> None:
        if not self.messages:
            self.body += piece

    def on_message_complete(self) -> None:
        self.messages += 1


def httptools_reads(wire: bytes, is_response: bool) -> Reading | None:
    """The same as httptools reads it."""
    reading = HTTPToolsReading()
    parser = (httptools.HttpResponseParser if is_response else httptools.HttpRequestParser)(reading)
    try:
        parser.feed_data(wire)
    except httptools.HttpParserUpgrade:
        pass
    except httptools.HttpParserError:
        if not reading.messages:
            return None
    return (b"%d" % parser.get_status_code() if is_response else reading.target), reading.body, reading.fields, b""


def ours(wire: bytes, answers: bytes | None = None) -> Reading:
    """The same as we read it."""
    outcome = read_message([wire], answers)
    assert isinstance(outcome, tuple)
    head, body, _, rest, _ = outcome
    first = head.target if isinstance(head, RequestHead) else b""
    if isinstance(head, ResponseHead):
        first = b"%d" % head.status
    assert head is not None
    return first, body, [(name.lower(), value) for name, value in head.fields], rest


class H11Tests(SynchronousTestCase):
    """Beside h11."""

    if h11 is None:
        skip = "h11 is not installed"

    def test_requests(self) -> None:
        """Each good request is read alike."""
        for case in http1_requests.GOOD:
            alike = h11_reads(h11.Connection(h11.SERVER), case.wire) == ours(case.wire)
            self.assertEqual(alike, case.name not in H11_DIFFERS, case.name)

    def test_responses(self) -> None:
        """Each good response is read alike."""
        for case in http1_responses.GOOD:
            connection = h11.Connection(h11.CLIENT)
            fields = [("Host", "a")]
            if case.status == 101:
                fields += [("Connection", "upgrade"), ("Upgrade", "x")]
            target = "a:1" if case.method == b"CONNECT" else "/"
            connection.send(h11.Request(method=case.method, target=target, headers=fields))
            connection.send(h11.EndOfMessage())
            reading = h11_reads(connection, case.wire, case.framing == UNTIL_CLOSE)
            self.assertEqual(reading == ours(case.wire, case.method), case.name not in H11_DIFFERS, case.name)

    def test_chunks(self) -> None:
        """Each good chunked body is read alike."""
        for name, wire, body, _, rest in http1_chunks.GOOD:
            reading = h11_reads(h11.Connection(h11.SERVER), http1_requests.post(http1_requests.TE, body=wire))
            alike = reading is not None and (reading[1], reading[3]) == (body, rest)
            self.assertEqual(alike, name not in H11_DIFFERS, name)


class HTTPToolsTests(SynchronousTestCase):
    """Beside httptools; it does not tell what comes behind a message, and tells trailers as if they were fields."""

    if httptools is None:
        skip = "httptools is not installed"

    def compare(self, name: str, reading: Reading | None, our: Reading) -> None:
        """They are alike, or it is known that they are not."""
        alike = reading is not None and reading[:2] == our[:2] and reading[2][: len(our[2])] == our[2]
        self.assertEqual(alike, name not in HTTPTOOLS_DIFFERS, name)

    def test_requests(self) -> None:
        """Each good request is read alike."""
        for case in http1_requests.GOOD:
            self.compare(case.name, httptools_reads(case.wire, False), ours(case.wire))

    def test_responses(self) -> None:
        """Each good response is read alike."""
        for case in http1_responses.GOOD:
            self.compare(case.name, httptools_reads(case.wire, True), ours(case.wire, case.method))

    def test_chunks(self) -> None:
        """Each good chunked body is read alike."""
        for name, wire, _, _, _ in http1_chunks.GOOD:
            whole = http1_requests.post(http1_requests.TE, body=wire)
            self.compare(name, httptools_reads(whole, False), ours(whole))
