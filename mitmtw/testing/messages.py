"""
HTTP/1 messages as bytes and back, for the peers of a proxy: what a test means is written as it is, right or wrong.
"""

from abc import ABC, abstractmethod

from typing_extensions import override

from mitmtw._wire.events import CHUNKED, NO_BODY, Fields, RequestHead, ResponseHead
from mitmtw._wire.http1_read import BodyReader, HeadBuffer, body_reader, read_request_head, read_response_head
from mitmtw._wire.http1_write import chunk, last_chunk
from mitmtw.model import Headers, Message, Request, Response
from mitmtw.model.url import parse, parse_authority

__all__ = ["RequestReader", "ResponseReader", "request_bytes", "response_bytes"]

_NO_TIME = 0.0  # seconds since the epoch; nobody asks when a test's own message came


def request_bytes(request: Request, is_absolute: bool = False) -> bytes:
    """
    A request as a client writes it.

    @param is_absolute: with its whole URL for a target, as for a proxy.
    """
    target = request.url.encode() if is_absolute else request.raw_path or b"/"
    return _bytes(b"%b %b %b" % (request.raw_method, target, request.raw_version), request)


def response_bytes(response: Response, method: bytes = b"GET") -> bytes:
    """
    A response as a server writes it.

    @param method: that of the request; HEAD is answered without the body.
    """
    first = b"%b %d %b" % (response.raw_version, response.status_code, response.raw_reason)
    return _bytes(first, response, method != b"HEAD")


def _bytes(first: bytes, message: Message, with_body: bool = True) -> bytes:
    """A whole message; the body is chunked when the fields say so."""
    lines = [first, *(b"%b: %b" % pair for pair in message.headers.raw), b"", b""]
    body = message.body or b""
    if "chunked" in message.headers.get("transfer-encoding", "").lower():
        body = chunk(body) + last_chunk(message.trailers.raw if message.trailers else ())
    return b"\r\n".join(lines) + (body if with_body else b"")


class _Reader(ABC):
    """Reads messages one after another."""

    def __init__(self, heads: HeadBuffer) -> None:
        self._heads = heads
        self._body: BodyReader | None = None
        self._pieces: list[bytes] = []

    def _feed(self, data: bytes) -> None:
        """Add what came."""
        while data:
            if self._body is None:
                block = self._heads.feed(data)
                if block is None:
                    return
                framing, length = self._begin(block)
                data = self._heads.rest
                if framing == NO_BODY or (framing != CHUNKED and length == 0):
                    self._finish(b"", [])
                    continue
                self._body, self._pieces = body_reader(framing, length), []
            self._pieces.append(self._body.feed(data))
            if not self._body.done:
                return
            data = self._body.rest
            self._over()

    def _over(self) -> None:
        """The body is whole."""
        reader, self._body = self._body, None
        assert reader is not None
        self._finish(b"".join(self._pieces), reader.trailers)

    @abstractmethod
    def _begin(self, block: bytes) -> tuple[int, int]:
        """A head came; framing and length of what follows."""

    @abstractmethod
    def _finish(self, body: bytes, trailers: Fields) -> None:
        """A message is whole."""


class RequestReader(_Reader):
    """
    Reads requests, as a server does.

    @ivar requests: those that are whole, in order.
    """

    def __init__(self, scheme: str = "http") -> None:
        super().__init__(HeadBuffer(skip_blank_lines=True))
        self.requests: list[Request] = []
        self._scheme = scheme
        self._head: RequestHead | None = None

    def feed(self, data: bytes) -> list[Request]:
        """
        Add what came, and get the requests that it made whole.

        @raise RemoteProtocolError: it is no HTTP/1.
        """
        before = len(self.requests)
        self._feed(data)
        return self.requests[before:]

    @override
    def _begin(self, block: bytes) -> tuple[int, int]:
        head = self._head = read_request_head(block)
        return head.framing, head.length

    @override
    def _finish(self, body: bytes, trailers: Fields) -> None:
        head = self._head
        assert head is not None
        scheme, path = self._scheme, head.target
        if b"://" in path:
            scheme, host, port, target = parse(path)
            path = target.encode()
        else:
            host, number = parse_authority((head.host or b"").decode("latin-1")) if head.host else ("", None)
            port = number or (443 if scheme == "https" else 80)
        request = Request.of(
            head.method, scheme, host, port, path, head.target, head.version, head.fields, _NO_TIME, body
        )
        request.trailers = Headers.of(trailers) if trailers else None
        self.requests.append(request)


class ResponseReader(_Reader):
    """
    Reads responses, as a client does.

    @ivar interim: those with status 1xx but 101, in order.
    @ivar responses: the others that are whole, in order.
    @ivar head: of a response whose body is not whole.
    """

    def __init__(self, method: bytes = b"GET") -> None:
        """@param method: that of the requests."""
        super().__init__(HeadBuffer(is_response=True))
        self.interim: list[Response] = []
        self.responses: list[Response] = []
        self.head: ResponseHead | None = None
        self._method = method

    def feed(self, data: bytes) -> list[Response]:
        """
        Add what came, and get the responses that it made whole.

        @raise RemoteProtocolError: it is no HTTP/1.
        """
        before = len(self.responses)
        self._feed(data)
        return self.responses[before:]

    def eof(self) -> None:
        """
        The connection has ended.

        @raise RemoteProtocolError: in the middle of a body.
        """
        if self._body is not None:
            self._body.eof()
            self._over()

    @override
    def _begin(self, block: bytes) -> tuple[int, int]:
        head = self.head = read_response_head(block, self._method)
        return head.framing, head.length

    @override
    def _finish(self, body: bytes, trailers: Fields) -> None:
        head, self.head = self.head, None
        assert head is not None
        response = Response.of(head.version, head.status, head.reason, head.fields, _NO_TIME, body)
        response.trailers = Headers.of(trailers) if trailers else None
        is_interim = head.status < 200 and head.status != 101
        (self.interim if is_interim else self.responses).append(response)
