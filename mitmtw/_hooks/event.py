"""
One event on its way through the chain, from the first handler that does not simply answer None.

What an event does with a failure is the addon's policy: go on, kill, or respond.
"""

from collections.abc import Callable, Iterator
from typing import Any

from twisted.internet.defer import Deferred
from twisted.python.failure import Failure
from typing_extensions import override

from mitmtw._hooks.answers import PENDING, invoke
from mitmtw._hooks.chain import Listener
from mitmtw._hooks.waiting import Patience, Waiting, abandon, report_failure
from mitmtw.errors import PolicyApplied, StopChain

__all__ = ["Event", "LayerEvent", "Step", "report_misuse"]

#: What is called, and for whom.
Step = tuple[Callable[..., object], Listener]


def report_misuse(patience: Patience, listener: Listener, value: object) -> None:
    """Log once for each addon and hook that a handler's result means nothing."""
    if listener.is_reported:
        return
    listener.is_reported = True
    patience.log.warn(
        "addon {addon}: {hook} returned a {kind}, which means nothing there; return None, a Deferred or a coroutine",
        addon=listener.link.name,
        hook=listener.spec.name,
        kind=type(value).__name__,
    )


class Event:
    """
    The rest of an event.

    @ivar done: fires with None after the last handler; there is none as long as nobody had to be waited for.
    """

    __slots__ = ("_arguments", "_is_over", "_patience", "_rest", "_waiting", "done")

    def __init__(self, patience: Patience, rest: Iterator[Step], arguments: tuple[Any, ...]) -> None:
        self._patience = patience
        self._rest = rest
        self._arguments = arguments
        self._is_over = False
        self._waiting: Waiting | None = None
        self.done: Deferred[None] | None = None

    def run(self) -> Deferred[None] | None:
        """
        Begin with the first handler.

        @return: None when no handler was waited for.
        """
        self._go_on()
        return self._deferred()

    def begin(self, listener: Listener, outcome: object) -> Deferred[None] | None:
        """
        Begin with the answer of a handler that was called already.

        @param outcome: its answer, settled.
        @return: None when no handler was waited for.
        """
        self._take(listener, outcome)
        return self._deferred()

    def _deferred(self) -> Deferred[None] | None:
        if not self._is_over:
            self.done = Deferred(self._cancelled)
        return self.done

    def _take(self, listener: Listener, outcome: object) -> None:
        """Wait for a handler that is pending, or go on after it if the chain goes on."""
        if isinstance(outcome, PENDING):
            self._waiting = Waiting(listener, self._arguments, outcome, self._patience, self._woke)
        elif self._has_answered(listener, outcome):
            self._go_on()
        else:
            self._end()

    def _go_on(self) -> None:
        """Call the handlers that are left, up to one that has to be waited for."""
        for function, listener in self._rest:
            if listener.link.is_retired:
                continue
            outcome = invoke(function, self._arguments)
            if self._is_over:  # the handler has killed its flow: nobody waits any more
                self._drop(listener, outcome)
                return
            if isinstance(outcome, PENDING):
                self._take(listener, outcome)
                return
            if not self._has_answered(listener, outcome):
                break
        self._end()

    def _woke(self, outcome: object) -> None:
        assert self._waiting is not None
        listener = self._waiting.listener
        self._waiting = None
        self._take(listener, outcome)

    def _end(self) -> None:
        if not self._is_over:
            self._is_over = True
            if self.done is not None:
                self.done.callback(None)

    def _cancelled(self, _done: Deferred[None]) -> None:
        self._is_over = True
        if self._waiting is not None:
            self._waiting.abandon()

    def _drop(self, listener: Listener, outcome: object) -> None:
        if isinstance(outcome, PENDING):
            abandon(self._patience.log, listener, self._arguments, outcome)
        elif isinstance(outcome, Failure) and not outcome.check(StopChain):
            report_failure(self._patience.log, listener, self._arguments, outcome)

    def _has_answered(self, listener: Listener, outcome: object) -> bool:
        """
        Take a handler's final answer.

        @return: whether the chain goes on.
        """
        if outcome is None:
            return True
        if isinstance(outcome, Failure):
            return self._has_failed(listener, outcome)
        report_misuse(self._patience, listener, outcome)
        return True

    def _has_failed(self, listener: Listener, failure: Failure) -> bool:
        if failure.check(StopChain):
            return False
        report_failure(self._patience.log, listener, self._arguments, failure)
        policy = listener.link.policy
        if policy is False:
            return True
        subject = self._arguments[0] if self._arguments else None
        if policy is not True and listener.spec.can_respond and not _is_answered(listener, subject):
            self._respond(subject, listener, policy)
            return False
        return not _kill(subject, PolicyApplied(f"Killed, because the addon {listener.link.name} failed."))

    def _respond(self, flow: Any, listener: Listener, status: int) -> None:
        from mitmtw.model import Response  # not at the top: only this failure path needs the model

        text = f"{status}: the addon {listener.link.name} failed\n"
        flow.response = Response.make(status, text, {"content-type": "text/plain; charset=utf-8"})


def _kill(subject: Any, why: PolicyApplied) -> bool:
    """Kill a flow, a connection or a layer; others, such as a log entry, cannot be killed: False."""
    if hasattr(subject, "kill_because"):
        subject.kill_because(why)
    elif hasattr(subject, "kill"):
        subject.kill()
    else:
        return False
    return True


def _is_answered(listener: Listener, flow: Any) -> bool:
    """Whether the answer has already gone to the client, as that of a streamed response has when C{response} fires."""
    return listener.spec.name == "response" and bool(getattr(flow.response, "streamed", False))


class LayerEvent(Event):
    """
    An event whose argument is a layer that handlers may replace: by returning another, or by C{layer.replacement}.

    Each handler is given the latest choice. Afterwards the caller follows C{replacement} from the layer it asked about.
    """

    __slots__ = ("_offered",)

    def __init__(self, patience: Patience, rest: Iterator[Step], arguments: tuple[Any, ...]) -> None:
        super().__init__(patience, rest, arguments)
        self._offered: list[Any] = [arguments[0]]

    @override
    def _has_answered(self, listener: Listener, outcome: object) -> bool:
        """A result that is a layer is no mistake here; a handler may also have assigned one, even if it failed then."""
        current = self._offered[-1]
        if outcome is not None and hasattr(outcome, "dataReceived"):
            if outcome is not current:
                current.replacement = outcome
            outcome = None
        goes_on = super()._has_answered(listener, outcome)
        while (choice := getattr(self._offered[-1], "replacement", None)) is not None:
            if any(choice is layer for layer in self._offered):
                choice.replacement = None  # chosen again after it had been replaced: the way to it must not be a circle
            self._offered.append(choice)
        self._arguments = (self._offered[-1],)
        return goes_on
