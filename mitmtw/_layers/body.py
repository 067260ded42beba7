"""
What happens to a body: is it collected for the addons, or does it flow past them?
"""

from collections.abc import Callable
from typing import Any

from twisted.internet.defer import Deferred
from twisted.logger import Logger

from mitmtw._streams.body import Body, Consumer
from mitmtw._streams.transform import Transform
from mitmtw.errors import BodyTooLarge
from mitmtw.interfaces.services import IProxy
from mitmtw.model import Flow, Headers, Message

__all__ = ["collects", "is_whole", "relay", "trailers_of"]

_log = Logger()
_UNBOUNDED = 1 << 62  # bytes
# Bodies that have no natural end: collecting one would keep the client waiting for ever (hooks.rst, wants_body).
_ENDLESS = ("text/event-stream", "application/grpc", "multipart/x-mixed-replace")


def _is_endless(message: Message) -> bool:
    """Whether the body is of a kind that is made to be read while it comes."""
    return message.headers.get("Content-Type", "").lower().startswith(_ENDLESS)


def is_whole(message: Message, body: Body, wanted: int, proxy: IProxy) -> bool:
    """Whether L{collects} would say so at once: a short body has come with its head, and nothing is to be refused."""
    return (
        body.done
        and body.error is None
        and not message.stream
        and not proxy.options.body_size_limit
        and (wanted != 0 or not proxy.is_heard)
    )


async def collects(message: Message, body: Body, wanted: int, proxy: IProxy, status: int, down: Any) -> bool:
    """
    Collect the body of C{message} when addons want it and no bound is passed.

    @param wanted: 0 when no addon wants it, 1 when some do, 2 when they want endless ones too.
    @param status: the HTTP status for a body beyond C{body_size_limit}.
    @param down: the client's stream when this is a request's body; it may have to be told to send it.
    @return: whether C{body} is whole; else it has to be joined to somebody.
    @raise BodyTooLarge: see C{body_size_limit}.
    """
    options = proxy.options
    if options.body_size_limit:
        body.maximum = options.body_size_limit
        body.too_large_status = status
        if max(body.length, body.received) > body.maximum:
            raise BodyTooLarge(f"the body is larger than {body.maximum} bytes", status)
    if message.stream:
        return False
    if body.done and body.error is None and (wanted or not proxy.is_heard):
        return True
    if not wanted or (wanted == 1 and _is_endless(message)):
        return False
    limit = options.stream_large_bodies or _UNBOUNDED
    if body.length > limit:
        _log.info("a body of {size} bytes is streamed: stream_large_bodies is {limit}", size=body.length, limit=limit)
        return False
    if down is not None and down.expects:
        down.proceed()
    deferred = body.collect(limit, proxy.collected)
    if deferred is None or await deferred:
        return True
    if body.received > limit:
        _log.info("the rest of a body is streamed: it is larger than stream_large_bodies, {limit} bytes", limit=limit)
    else:
        _log.warn("a body is streamed: all collected bodies together reach {limit} bytes", limit=proxy.collected.limit)
    return False


def relay(body: Body, consumer: Consumer, stream: Any, proxy: IProxy, flow: Flow) -> Deferred[Any] | None:
    """
    Let C{body} flow to C{consumer}, through the callable C{stream} when it is one.

    @return: None when all went at once, else a Deferred of the end.
    """
    if callable(stream):
        return Deferred.fromCoroutine(_transformed(body, consumer, stream, proxy, flow))
    return body.join(consumer)


async def _transformed(
    body: Body, consumer: Consumer, stream: Callable[[bytes], Any], proxy: IProxy, flow: Flow
) -> None:
    """Relay through an addon's callable."""
    transform = Transform(stream, consumer, body, proxy.reactor, proxy.options.hook_timeout, flow)
    try:
        deferred = body.join(transform)
        if deferred is not None:
            await deferred
        finished = transform.finish()
        if finished is not None:
            await finished
    finally:
        transform.stop()


def trailers_of(body: Body) -> Headers | None:
    """The fields that came after a body."""
    return Headers.of(body.trailers) if body.trailers else None
