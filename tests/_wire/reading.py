"""Feeds a codec as a connection would, and tells what came of it."""

from collections.abc import Iterable
from itertools import pairwise

from mitmtw._wire.http1_read import (
    BodyReader,
    HeadBuffer,
    RequestHead,
    ResponseHead,
    body_reader,
    read_request_head,
    read_response_head,
)
from mitmtw.errors import RemoteProtocolError

Trailers = list[tuple[bytes, bytes]]
#: Refused: the status. Not whole: None. Else head (or None), body, trailers, rest, and whether the body is over.
Outcome = int | None | tuple[RequestHead | ResponseHead | None, bytes, Trailers, bytes, bool]

#: More than this is not fed octet by octet: it only takes long.
LONG = 3000


def octets(wire: bytes) -> list[bytes]:
    """Each octet for itself; the middle of something long in pieces of 997."""
    if len(wire) <= LONG:
        return [wire[i : i + 1] for i in range(len(wire))]
    return [*octets(wire[:100]), *(wire[i : i + 997] for i in range(100, len(wire), 997))]


def cut(wire: bytes, places: Iterable[int]) -> list[bytes]:
    """The bytes cut at these places."""
    edges = [0, *sorted(place % (len(wire) + 1) for place in places), len(wire)]
    return [wire[start:end] for start, end in pairwise(edges)]


def read_body(reader: BodyReader, pieces: Iterable[bytes]) -> Outcome:
    """What a reader makes of these pieces."""
    body = b""
    try:
        for piece in pieces:
            body += reader.feed(piece)
    except RemoteProtocolError as refused:
        return refused.http_status
    return None, body, reader.trailers, reader.rest, reader.done


def read_message(pieces: Iterable[bytes], answers: bytes | None = None) -> Outcome:
    """
    What comes of these pieces.

    @param answers: the method of the request that a response answers; None for a request.
    """
    buffer = HeadBuffer(skip_blank_lines=answers is None, is_response=answers is not None)
    head: RequestHead | ResponseHead | None = None
    reader: BodyReader | None = None
    body = b""
    try:
        for piece in pieces:
            if reader is not None:
                body += reader.feed(piece)
                continue
            block = buffer.feed(piece)
            if block is not None:
                head = read_request_head(block) if answers is None else read_response_head(block, answers)
                reader = body_reader(head.framing, head.length, 400 if answers is None else 502)
                body += reader.feed(buffer.rest)
    except RemoteProtocolError as refused:
        return refused.http_status
    if reader is None:
        return None
    return head, body, reader.trailers, reader.rest, reader.done
