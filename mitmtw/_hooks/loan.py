"""
Copies for handlers that run in a thread, and the way back: what a handler has changed in its copy is changed in the
original when the handler is done, in the reactor's thread. A handler that nobody waits for any more has only its copy.
"""

from abc import abstractmethod
from collections.abc import Callable, Iterable
from typing import Any

from typing_extensions import override

from mitmtw.errors import Killed
from mitmtw.model import (
    Connection,
    Error,
    Flow,
    FlowMessage,
    History,
    HTTPFlow,
    Message,
    TCPFlow,
    WebSocketFlow,
    WebSocketMessage,
)
from mitmtw.model.state import State, describe, restore

__all__ = ["Loan", "lend"]

# What an addon may write to a flow, beside request and response, whether it is held, and whether it is killed.
_FLOW = ("comment", "error", "is_replay", "marked", "metadata")
_HTTP_FLOW = (*_FLOW, "upstream")


class Loan:
    """
    One object that is lent.

    @ivar copy: what the handler is given.
    """

    __slots__ = ("_before", "_names", "_original", "copy")

    def __init__(self, original: object, copy: object, names: Iterable[str]) -> None:
        """@param names: the attributes that come back when they were changed."""
        self.copy = copy
        self._original = original
        self._names = tuple(names)
        self._before: State = describe(copy, self._names)

    def give_back(self) -> None:
        """Change in the original what was changed in the copy, and nothing else: others may have changed the rest."""
        after = describe(self.copy, self._names)
        changed = [name for name in self._names if after[name.lstrip("_")] != self._before[name.lstrip("_")]]
        restore(self._original, changed, after)


class _MessageLoan(Loan):
    """A request or a response."""

    __slots__ = ()

    def __init__(self, message: Message) -> None:
        super().__init__(message, message.copy(), (*message.STATE, "stream"))


class _ConnectionLoan(Loan):
    """A connection."""

    __slots__ = ()

    def __init__(self, conn: Connection) -> None:
        copy = conn.copy()
        copy.id = conn.id
        copy.state = conn.state
        super().__init__(conn, copy, conn.STATE)


class _FlowLoan(Loan):
    """A flow: the copy has the same id and looks as live as the flow, but to kill or to hold it only leaves a note."""

    __slots__ = ("_flow", "_parts")

    def __init__(self, flow: Flow) -> None:
        self._flow = flow
        self._parts: dict[str, Loan] = {}
        copy = self._new()
        if flow._server_conn is not None:
            copy.server_conn = self._lent("server_conn", _ConnectionLoan(flow._server_conn))
        copy.id = flow.id
        copy.intercepted = flow.intercepted
        copy._killed = flow.killed
        names = _HTTP_FLOW if isinstance(flow, HTTPFlow) else _FLOW
        restore(copy, names, describe(flow, names))
        copy.error = flow.error and Error(flow.error.msg, flow.error.timestamp)
        super().__init__(flow, copy, (*names, "intercepted"))

    @abstractmethod
    def _new(self) -> Flow:
        """A flow of the same type, with what only this type has."""

    def _lent(self, name: str, part: Loan) -> Any:
        self._parts[name] = part
        return part.copy

    @override
    def give_back(self) -> None:
        """As L{Loan.give_back}; a request or response that was put in place of the other goes over as it is."""
        flow, copy = self._flow, self.copy
        assert isinstance(copy, Flow)
        for name, part in self._parts.items():
            if getattr(copy, name, part.copy) is part.copy:
                part.give_back()
            else:
                setattr(flow, name, getattr(copy, name))
        is_held = flow.intercepted
        super().give_back()
        if is_held and not flow.intercepted:
            flow.resume()
        if copy.killed and not flow.killed:  # the last thing: it ends the exchange, and with it this event
            flow.kill_because(Killed(str(copy.error)))


class _HTTPLoan(_FlowLoan):
    """A request and its response."""

    __slots__ = ()

    _flow: HTTPFlow

    @override
    def _new(self) -> HTTPFlow:
        flow = self._flow
        copy = HTTPFlow(self._lent("client_conn", _ConnectionLoan(flow.client_conn)), live=flow.live)
        for name in ("request", "response"):
            message = getattr(flow, name)
            if message is not None:
                setattr(copy, name, self._lent(name, _MessageLoan(message)))
        return copy

    @override
    def give_back(self) -> None:
        """As L{Loan.give_back}."""
        copy = self.copy
        assert isinstance(copy, HTTPFlow)
        if copy.response is not None and "response" not in self._parts:
            self._flow.response = copy.response
        super().give_back()


class _ConversationLoan(_FlowLoan):
    """
    WebSocket or TCP: the message that the hook is about is a copy, those before it are not, for nothing that is done to
    them has an effect. What is injected goes out when the flow is given back.
    """

    __slots__ = ("_injected",)

    _flow: WebSocketFlow | TCPFlow

    @override
    def _new(self) -> Flow:
        flow = self._flow
        self._injected: list[tuple[WebSocketMessage, bool]] = []
        client_conn = self._lent("client_conn", _ConnectionLoan(flow.client_conn))
        messages: History[Any] = History(flow.messages.max_count, flow.messages.max_bytes)
        messages.forgotten = flow.messages.forgotten
        for message in flow.messages[:-1]:
            messages.append(message)
        if flow.messages:
            messages.append(self._lent("", _SaidLoan(flow.messages[-1])))
        copy: WebSocketFlow | TCPFlow
        if isinstance(flow, WebSocketFlow):
            handshake = self._lent("handshake_flow", _HTTPLoan(flow.handshake_flow))
            copy = WebSocketFlow(client_conn, None, handshake, flow.live, messages)
            for name in ("close_sender", "close_code", "close_reason"):
                setattr(copy, name, getattr(flow, name))
            if flow._inject is not None:
                copy.when_injected(self._inject)
        else:
            copy = TCPFlow(client_conn, None, flow.live, messages)
        copy.ended = flow.ended
        return copy

    def _inject(self, message: WebSocketMessage) -> None:
        """In the thread: keep what is to go out."""
        self._injected.append((message, not message.from_client))

    @override
    def give_back(self) -> None:
        """As L{Loan.give_back}."""
        flow = self._flow
        if isinstance(flow, WebSocketFlow) and not flow.ended:
            for message, to_client in self._injected:
                flow.inject(message, to_client)
        super().give_back()


class _SaidLoan(Loan):
    """One message of a conversation."""

    __slots__ = ()

    def __init__(self, message: FlowMessage) -> None:
        names = ("_content", "_original", "dropped", *(("_type",) if isinstance(message, WebSocketMessage) else ()))
        super().__init__(message, message.from_state(message.get_state()), names)


def lend(argument: Any) -> tuple[Any, Callable[[], None]]:
    """
    A copy of an argument of a handler, and what brings its changes back.

    Connections, flows and lists of them are copied; what cannot be changed is given as it is, and so is what only
    the authors of a hook know.

    @raise TypeError: it is a flow of another kind.
    """
    if isinstance(argument, HTTPFlow):
        loan: Loan = _HTTPLoan(argument)
    elif isinstance(argument, WebSocketFlow | TCPFlow):
        loan = _ConversationLoan(argument)
    elif isinstance(argument, Connection):
        loan = _ConnectionLoan(argument)
    elif isinstance(argument, Flow):
        raise TypeError(f"a flow of type {argument.type!r} cannot be lent to a thread")
    elif isinstance(argument, list | tuple):
        lent = [lend(each) for each in argument]
        return [copy for copy, _ in lent], lambda: _give_all_back([back for _, back in lent])
    else:
        return argument, _nothing
    return loan.copy, loan.give_back


def _give_all_back(parts: list[Callable[[], None]]) -> None:
    for give_back in parts:
        give_back()


def _nothing() -> None:
    """There is nothing to bring back."""
