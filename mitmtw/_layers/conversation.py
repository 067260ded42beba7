"""
What WebSocket and TCP conversations have in common: a flow, its messages in one queue, and the hooks of their beginning
and their end.

C{start} comes first and nothing is passed before it is done; C{error}, if there is one, comes before C{end}, and C{end}
comes always, once, last.
"""

from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.error import ConnectionAborted, ConnectionDone, ConnectionLost
from twisted.python.failure import Failure
from typing_extensions import override

from mitmtw._layers.joint import TwoSidedLayer
from mitmtw._layers.messages import MessageQueue
from mitmtw._streams.channel import Reading
from mitmtw.errors import MitmtwError
from mitmtw.model import Error
from mitmtw.model.history import History

__all__ = ["Conversation"]


class Conversation(TwoSidedLayer):
    """
    A conversation that addons see as a flow with messages.

    @cvar family: the first word of its hooks: C{tcp}, C{websocket}.
    @ivar flow: the flow, from C{start} on, until C{end} is over.
    @ivar has_begun: whether there is a flow, and its C{start} was fired.
    @ivar queue: what is to happen.
    """

    family = ""
    flow: Any = None
    queue: MessageQueue

    has_begun = False
    _is_over = False
    _error: Error | None = None

    def begin_flow(self, flow: Any, server: Reading) -> None:
        """
        Fire C{start}; what is put into the queue after this waits for it.

        @param server: reading from the server.
        """
        self.flow = flow
        self.has_begun = True
        self.client.begin()
        flow.begin(self)
        self.queue = MessageQueue(flow, self.switch.reading, server)
        hook = self._hook("start")
        if hook is not None:
            self.queue.put(True, 0, lambda: hook(flow), self.nothing)

    def _hook(self, name: str) -> Any:
        """The hook of this family, None when nobody listens."""
        return getattr(self.client.proxy.hooks, f"{self.family}_{name}", None)

    def history(self) -> History[Any]:
        """An empty history with the bounds that the options give."""
        options = self.client.proxy.options
        return History(options.message_history_count, options.message_history_bytes)

    def show(self, message: Any) -> Deferred[Any] | None:
        """Add a message to the flow and fire the hook that is about it."""
        self.flow.messages.append(message)
        hook = self._hook("message")
        deferred: Deferred[Any] | None = hook(self.flow) if hook is not None else None
        return deferred

    def nothing(self) -> None:
        """What is done after a hook that only had to be waited for."""

    def cancel(self, why: MitmtwError) -> None:
        """C{flow.kill()}, or the policy of an addon that failed: see L{mitmtw.model.Flow}."""
        if self._is_over:
            self.flow.error = self._error  # it has ended before, and addons were told how
            self.abort_client()
            if self.end is not None:
                self.end.abort()
        else:
            self.killed(why)

    def killed(self, why: MitmtwError) -> None:
        """End it at once, on both sides."""
        self.queue.stop()
        self.abort_client()
        if self.end is not None:
            self.end.abort()
        self.over(str(why))

    def client_cut(self, reason: Failure) -> str | None:
        """Why the client's connection is gone, None when it was closed; an abort of our own has its own reason."""
        return self.client.client_conn.error or said_of("the client", reason)

    def over(self, error: str | None) -> None:
        """
        The conversation is over: fire what is left to be fired.

        @param error: why it ended badly, None when it ended well.
        """
        if self._is_over or not self.has_begun:
            return
        self._is_over = True
        self.queue.stop()
        self.ending()
        flow = self.flow
        if error is not None and flow.error is None:
            flow.error = Error(error)
        self._error = flow.error
        hook = self._hook("error") if flow.error is not None else None
        deferred: Deferred[Any] | None = hook(flow) if hook is not None else None
        if deferred is None:
            self._end(None)
        else:
            deferred.addBoth(self._end)

    def ending(self) -> None:
        """No more is said; what is left are the last hooks."""

    @override
    def start_tls(self, from_client: bytes = b"") -> None:
        """The conversation ends; what is inside of TLS is another one."""
        super().start_tls(from_client)
        self.over(None)

    @override
    def timed_out(self) -> None:
        """Nothing was said for too long, or a side does not read what was said."""
        if self.has_begun and not self._is_over and not self.queue.is_idle and not self.full:
            self.touch()  # it is we who hold it up, for an addon
            return
        self.abort_client()
        if self.end is not None:
            self.end.abort()
        self.over("nothing was said for too long")

    def _end(self, result: Any) -> None:
        """The last hook."""
        flow = self.flow
        hook = self._hook("end")
        deferred: Deferred[Any] | None = hook(flow) if hook is not None else None
        if deferred is None:
            self._ended(None)
        else:
            deferred.addBoth(self._ended)

    def _ended(self, result: Any) -> None:
        """All is said. What is left of the connection refers to itself, and must not keep the messages until then."""
        flow, self.flow = self.flow, None
        flow.end()
        self.client.done()


def said_of(who: str, reason: Failure) -> str | None:
    """A sentence about a connection that broke, None about one that was closed."""
    if reason.check(ConnectionDone):
        return None
    if reason.check(ConnectionAborted, ConnectionLost):
        return f"{who} broke the connection"
    return f"{who} broke the connection: {reason.getErrorMessage()}"
