"""
A request's body on its way to the server while the response may come already.
"""

from typing import TYPE_CHECKING, Any

from twisted.internet.defer import CancelledError, Deferred, DeferredLock
from twisted.python.failure import Failure

from mitmtw._layers.asking import ask
from mitmtw._layers.body import relay, trailers_of
from mitmtw._streams.body import Body
from mitmtw.errors import MitmtwError

if TYPE_CHECKING:
    from mitmtw._layers.exchange import Exchange

__all__ = ["Upload"]


class Upload:
    """
    Streams a request's body, then fires C{request}, then sends the end of the message.

    Its failure cancels the exchange that it belongs to.

    @ivar all_sent: whether the last byte of the body was given to the server's connection.
    """

    def __init__(self, exchange: "Exchange", body: Body, stream: Any) -> None:
        self._exchange = exchange
        self._body = body
        self._stream = stream
        self._deferred: Deferred[None] | None = None
        self._waiting: Deferred[None] | None = None
        self.all_sent = False

    def start(self, lock: DeferredLock) -> None:
        """Go."""
        self._deferred = Deferred.fromCoroutine(self._run(lock))
        self._deferred.addBoth(self._over)

    def ended(self) -> Deferred[None]:
        """A Deferred that fires when the hook is done and the end was sent; at once when that is so already."""
        deferred: Deferred[None] = Deferred()
        if self._deferred is None:
            deferred.callback(None)
        else:
            self._waiting = deferred
        return deferred

    def abandon(self) -> None:
        """Nobody wants the rest: stop, and skip the hook if it was not fired yet."""
        deferred, self._deferred = self._deferred, None
        if deferred is not None:
            deferred.cancel()

    async def _run(self, lock: DeferredLock) -> None:
        exchange = self._exchange
        flow, up = exchange.flow, exchange.up
        deferred = relay(self._body, up, self._stream, exchange.proxy, flow)
        if deferred is not None:
            await deferred
        self.all_sent = True
        request = flow.request
        request.timestamp_end = exchange.proxy.now()
        request.collected(None, trailers_of(self._body))
        hook = exchange.hooks.request
        if hook is not None:
            await lock.acquire()
            try:
                await ask(hook, flow)
            finally:
                lock.release()
        up.finish(request.trailers.raw if request.trailers else ())

    def _over(self, result: Any) -> None:
        """The upload has ended, well or not."""
        if self._deferred is None:
            return  # abandoned
        self._deferred = None
        waiting, self._waiting = self._waiting, None
        if not isinstance(result, Failure):
            if waiting is not None and not waiting.called:
                waiting.callback(None)
            return
        error = result.value
        if not isinstance(error, MitmtwError):
            error = MitmtwError(
                "the upload was cancelled" if result.check(CancelledError) else f"the upload failed: {error!r}"
            )
        self._exchange.flow.cancel(error)
