"""
A body that an addon's callable changes on its way (C{request.stream} or C{response.stream} set to a callable).

The callable takes C{bytes} and gives bytes, an iterable of bytes, or a Deferred or coroutine of either; at the end it
is called once with C{b""}. While an answer is pending, or the consumer is full, the body is paused; an iterable is
asked for its next piece only when the consumer takes more.
"""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from twisted.internet.defer import Deferred, maybeDeferred
from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.logger import Logger
from twisted.python.failure import Failure

from mitmtw._streams.body import Body, Consumer
from mitmtw._streams.channel import Source
from mitmtw._streams.run import ignore_failure
from mitmtw.errors import AddonError, HookTimedOut, Killed, MitmtwError
from mitmtw.model import Flow

__all__ = ["Transform"]

_log = Logger()
_BYTES = (bytes, bytearray, memoryview)


class Transform:
    """
    Stands between a body and its consumer.

    @ivar full: whether it has enough to do.
    @ivar source: the body.
    """

    def __init__(
        self,
        function: Callable[[bytes], Any],
        consumer: Consumer,
        body: Body,
        clock: IReactorTime,
        timeout: float,
        flow: Flow,
    ) -> None:
        """
        @param timeout: seconds for one answer of C{function}; 0 for no bound.
        @param flow: the flow of the body; nothing is written any more when C{function} has killed it.
        """
        self._flow = flow
        self._function = function
        self._consumer = consumer
        self._body = body
        self._clock = clock
        self._timeout = timeout
        self._inputs: deque[bytes] = deque()
        self._pieces: Iterator[bytes] | None = None
        self._answer: Deferred[Any] | None = None
        self._call: IDelayedCall | None = None
        self._finished: Deferred[None] | None = None
        self._failure: MitmtwError | None = None
        self._ending = False
        self._pumping = False
        self.source: Source | None = None
        consumer.source = self

    @property
    def full(self) -> bool:
        """Whether the body should wait."""
        return self._answer is not None or self._pieces is not None or self._consumer.full

    def write(self, data: bytes) -> None:
        """Take some bytes of the body."""
        self._inputs.append(data)
        self._pump()
        if self.full and self.source is not None:
            self.source.pause()

    def finish(self) -> Deferred[None] | None:
        """
        The body is over: ask the callable for its last words.

        @return: None when all is written, else a Deferred; it fails with L{AddonError} when the callable did.
        """
        self._ending = True
        self._inputs.append(b"")
        self._finished = Deferred(self._abandon)
        finished = self._finished
        if self._failure is not None:
            self._fail(self._failure)
        else:
            self._pump()
        return finished

    def pause(self) -> None:
        """The consumer is full."""
        if self.source is not None:
            self.source.pause()

    def resume(self) -> None:
        """The consumer takes more."""
        self._pump()

    def _pump(self) -> None:
        """Do all that can be done now."""
        if self._pumping:
            return
        self._pumping = True
        while self._failure is None and self._answer is None and not self._consumer.full and self._step():
            pass
        self._pumping = False
        if self._failure is not None or self._answer is not None or self._pieces is not None:
            return
        if not self._inputs and not self._consumer.full:
            if self._ending:
                finished, self._finished = self._finished, None
                if finished is not None:
                    self._consumer.source = None
                    finished.callback(None)
            elif self.source is not None:
                self.source.resume()

    def _step(self) -> bool:
        """Write one piece, or ask the callable once; False when there is nothing to do."""
        if self._pieces is not None:
            try:
                piece = next(self._pieces, None)
            except Exception as error:  # an addon's generator: its failure ends this flow only
                _log.failure("a stream callable failed")
                self._fail(AddonError(f"the stream callable failed: {error!r}"))
                return False
            if self._is_killed():
                return False
            if piece is None:
                self._pieces = None
            elif not isinstance(piece, _BYTES):
                self._fail(AddonError(f"the stream callable gave a {type(piece).__name__} among its pieces, not bytes"))
            elif piece:
                self._consumer.write(bytes(piece))
            return True
        if not self._inputs:
            return False
        answer = maybeDeferred(self._function, self._inputs.popleft())
        self._answer = answer
        if self._is_killed():
            return False
        if self._timeout and not answer.called:
            self._call = self._clock.callLater(self._timeout, self._late)
        answer.addBoth(self._answered, answer)
        return self._answer is None

    def _is_killed(self) -> bool:
        """Whether the callable has killed its flow; then nothing more is written."""
        if not self._flow.killed:
            return False
        self._drop()
        if self._failure is None:
            self._fail(Killed("the flow was killed by an addon"))
        return True

    def _late(self) -> None:
        """The callable took too long."""
        self._call = None
        self._drop()
        self._fail(HookTimedOut(f"the stream callable did not answer within {self._timeout:g} seconds"))

    def _drop(self) -> None:
        """Nobody waits for the answer any more."""
        call, self._call = self._call, None
        if call is not None:
            call.cancel()
        answer, self._answer = self._answer, None
        if answer is not None:
            answer.addErrback(ignore_failure)
            answer.cancel()

    def _answered(self, result: Any, answer: Deferred[Any]) -> None:
        """The callable has answered, or failed."""
        if self._answer is not answer:
            return
        self._answer = None
        call, self._call = self._call, None
        if call is not None:
            call.cancel()
        if isinstance(result, Failure):
            _log.failure("a stream callable failed", result)
            self._fail(AddonError(f"the stream callable failed: {result.value!r}"))
        elif isinstance(result, _BYTES):
            if result:
                self._consumer.write(bytes(result))
        elif isinstance(result, Iterable) and not isinstance(result, str):
            self._pieces = iter(result)
        elif result is not None:
            self._fail(AddonError(f"the stream callable returned {type(result).__name__}, not bytes"))
        self._pump()

    def _fail(self, error: MitmtwError) -> None:
        """Nothing more can be written; the body learns of it, or who waits for the end."""
        self._failure = error
        finished, self._finished = self._finished, None
        if finished is not None:
            finished.errback(error)
        else:
            self._body.fail(error)

    def _abandon(self, deferred: Deferred[None]) -> None:
        """Nobody waits for the end any more."""
        self._finished = None
        self._failure = self._failure or MitmtwError("the flow is over")
        self._drop()

    def stop(self) -> None:
        """The flow is over before the body was: cancel what is pending."""
        self._abandon(Deferred())
