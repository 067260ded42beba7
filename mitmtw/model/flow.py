"""
A conversation as addons see it: who talks to whom, what was said, how it ended.

The proxy's side of a flow is two attributes: C{_run}, the exchange that can be cancelled, and the callables given to
L{Flow.when_resumed}. Nothing here knows a reactor: waiting is done by those who wait.
"""

from collections.abc import Callable
from typing import Any, ClassVar, Self
from uuid import uuid4

from typing_extensions import override

from mitmtw.errors import Killed, MitmtwError
from mitmtw.model.connection import ClientConnection, ServerConnection
from mitmtw.model.error import Error, Run
from mitmtw.model.headers import Headers
from mitmtw.model.http import Request, Response
from mitmtw.model.state import State, describe, restore

__all__ = ["Error", "Flow", "HTTPFlow", "Run"]


class Flow:
    """
    What all kinds of flow have.

    @cvar type: the kind: C{"http"} and so on.
    @ivar client_conn: the client's connection.
    @ivar error: why the flow ended without a response, or None.
    @ivar comment: a note by a person or an addon.
    @ivar intercepted: the flow is held until L{resume}.
    @ivar is_replay: C{"request"} or C{"response"} when the flow is a replay, else None.
    @ivar live: the flow is under way; set by the proxy.
    """

    __slots__ = (
        "_backup",
        "_created",
        "_id",
        "_killed",
        "_marked",
        "_metadata",
        "_resumed",
        "_run",
        "_server_conn",
        "client_conn",
        "comment",
        "error",
        "intercepted",
        "is_replay",
        "live",
    )

    type: ClassVar[str] = "flow"

    def __init__(
        self, client_conn: ClientConnection, server_conn: ServerConnection | None = None, live: bool = False
    ) -> None:
        self.client_conn = client_conn
        self._server_conn = server_conn
        self.live = live
        self._backup: State | None = None
        self._created: float | None = None
        self._id: str | None = None
        self._killed = False
        self._marked = ""
        self._metadata: dict[str, Any] | None = None
        self._resumed: list[Callable[[], object]] | None = None
        self._run: Run | None = None
        self.comment = ""
        self.error: Error | None = None
        self.intercepted = False
        self.is_replay: str | None = None

    @property
    def id(self) -> str:
        """A name for this flow that no other has; made when it is first asked for."""
        if self._id is None:
            self._id = str(uuid4())
        return self._id

    @id.setter
    def id(self, name: str) -> None:
        self._id = name

    @property
    def server_conn(self) -> ServerConnection:
        """Our connection to the server; before there is one, a placeholder that says where it would go."""
        if self._server_conn is None:
            self._server_conn = self._planned()
        return self._server_conn

    @server_conn.setter
    def server_conn(self, server_conn: ServerConnection) -> None:
        self._server_conn = server_conn

    def _planned(self) -> ServerConnection:
        """A connection that was not made yet."""
        return ServerConnection()

    @property
    def metadata(self) -> dict[str, Any]:
        """For addons to keep what they know about the flow; JSON-able values, so that it can be stored."""
        if self._metadata is None:
            self._metadata = {}
        return self._metadata

    @metadata.setter
    def metadata(self, metadata: dict[str, Any]) -> None:
        self._metadata = metadata

    @property
    def marked(self) -> str:
        """A mark to find the flow by, empty for none; C{True} is the mark C{":default:"}."""
        return self._marked

    @marked.setter
    def marked(self, mark: str | bool) -> None:
        self._marked = mark if isinstance(mark, str) else ":default:" if mark else ""

    @property
    def timestamp_created(self) -> float:
        """
        Seconds since the epoch: when the flow began, by its first message or its connection; 0.0 when neither knows.
        """
        return self._created if self._created is not None else self._began() or 0.0

    @timestamp_created.setter
    def timestamp_created(self, seconds: float) -> None:
        self._created = seconds

    def _began(self) -> float | None:
        """When the first thing of this flow happened."""
        return self.client_conn.timestamp_start

    # The proxy's side.

    def begin(self, run: Run) -> None:
        """An exchange starts to serve the flow; C{run} can be cancelled."""
        self._run = run
        self.live = True

    def end(self) -> None:
        """The exchange is over."""
        self._run = None
        self.live = False

    def cancel(self, why: MitmtwError) -> None:
        """End the exchange that serves the flow, if it is still under way, for a reason that is not a kill."""
        if self._run is not None:
            self._run.cancel(why)

    # Killing and holding.

    @property
    def killed(self) -> bool:
        """Was the flow killed?"""
        return self._killed

    @property
    def killable(self) -> bool:
        """Would L{kill} have an effect: is the flow live and not killed yet?"""
        return self.live and not self._killed

    def kill(self) -> bool:
        """
        End the flow at once, on both sides. C{error} is set and the C{error} hook fires; what L{when_resumed} was given
        is forgotten.

        @return: True if that was done now; False, with no effect, if the flow is over or was killed before.
        """
        return self.kill_because(Killed(Error.KILLED_MESSAGE))

    def kill_because(self, why: Killed) -> bool:
        """
        End the flow as L{kill} does, for this reason: an addon's failure policy, for one.

        @return: as L{kill}.
        """
        if not self.killable:
            return False
        self._killed = True
        self.intercepted = False
        self.error = Error(str(why) or Error.KILLED_MESSAGE)
        waiting, self._resumed = self._resumed, None
        if self._run is not None:
            self._run.cancel(why)  # this ends who waits as well
        else:
            for callback in waiting or ():
                callback()
        return True

    def intercept(self) -> None:
        """Hold the flow: after the handler that runs now it goes no further until L{resume}."""
        self.intercepted = True

    def resume(self) -> None:
        """Let a held flow go on."""
        self.intercepted = False
        waiting, self._resumed = self._resumed, None
        for callback in waiting or ():
            callback()

    def when_resumed(self, callback: Callable[[], object]) -> None:
        """
        Have this called once when the flow is resumed; at once when it is not held. If the flow is killed while an
        exchange runs, that exchange is cancelled instead; without one the callable is called, and finds C{killed} True.
        """
        if not self.intercepted:
            callback()
        elif self._resumed is None:
            self._resumed = [callback]
        else:
            self._resumed.append(callback)

    # Copies and state.

    def _snapshot(self) -> State:
        """
        What L{revert} brings back: what people and addons edit. The connections are not in it: they are facts, and go
        on changing.
        """
        return {"comment": self.comment, "marked": self.marked, "metadata": describe(self, ["metadata"])["metadata"]}

    def _restore(self, state: State) -> None:
        """Bring back a snapshot."""
        restore(self, ["comment", "marked", "metadata"], state)

    def backup(self, force: bool = False) -> None:
        """
        Remember the flow as it is now, for L{revert}.

        @param force: forget an earlier backup; else the earlier one stands.
        """
        if force or self._backup is None:
            self._backup = self._snapshot()

    def revert(self) -> None:
        """Bring back what L{backup} remembered, and forget it; without a backup nothing happens."""
        if self._backup is not None:
            state, self._backup = self._backup, None
            self._restore(state)

    def modified(self) -> bool:
        """Is there a backup that differs from what the flow is now?"""
        return self._backup is not None and self._backup != self._snapshot()

    def get_state(self) -> State:
        """The whole flow in a plain dictionary, connections and backup included."""
        state = self._snapshot()
        state["type"] = self.type
        state["id"] = self.id
        state["client_conn"] = self.client_conn.get_state()
        state["server_conn"] = self.server_conn.get_state()
        state["error"] = None if self.error is None else self.error.get_state()
        state["intercepted"] = self.intercepted
        state["is_replay"] = self.is_replay
        state["killed"] = self._killed
        state["timestamp_created"] = self.timestamp_created
        state["backup"] = self._backup
        return state

    def set_state(self, state: State) -> None:
        """
        Become the flow that L{get_state} described.

        @raise ValueError: that is a flow of another type.
        """
        if state["type"] != self.type:
            raise ValueError(f"a flow of type {state['type']!r} is not of type {self.type!r}")
        self._restore(state)
        self._id = state["id"]
        self.client_conn.set_state(state["client_conn"])
        self.server_conn.set_state(state["server_conn"])
        self.error = None if state["error"] is None else Error.from_state(state["error"])
        self.intercepted = state["intercepted"]
        self.is_replay = state["is_replay"]
        self._killed = state["killed"]
        self._created = state["timestamp_created"]
        self._backup = state["backup"]

    @classmethod
    def from_state(cls, state: State) -> Self:
        """A flow from what L{get_state} gave; it is not live."""
        self = cls(ClientConnection())
        self.set_state(state)
        return self

    def copy(self) -> Self:
        """
        The same flow under a new C{id}, with messages of its own; the copy is neither live nor held nor killed, and
        has no backup.
        """
        other = type(self)(self.client_conn.copy(), self.server_conn.copy())
        other._restore(self._snapshot())
        other.error = self.error and Error(self.error.msg, self.error.timestamp)
        other.is_replay = self.is_replay
        other._created = self.timestamp_created
        return other


class HTTPFlow(Flow):
    """
    A request and its response.

    @ivar request: the request. Only in C{error}, and only if it could not be read, it is missing (None).
    @ivar response: the response, or None; one that an addon sets before the server was asked is the answer.
    @ivar websocket: always None: messages are those of the L{WebSocketFlow<mitmtw.model.WebSocketFlow>} whose
        C{handshake_flow} this is; its own C{websocket} is it.
    @ivar upstream: the way to the server for this request alone: a proxy's URL or client endpoint string, or a list of
        them; None is as configured.
    """

    __slots__ = ("request", "response", "upstream", "websocket")

    type: ClassVar[str] = "http"

    request: Request
    response: Response | None

    def __init__(
        self,
        client_conn: ClientConnection,
        server_conn: ServerConnection | None = None,
        request: Request | None = None,
        response: Response | None = None,
        live: bool = False,
    ) -> None:
        super().__init__(client_conn, server_conn, live)
        # Handlers see a request everywhere but in one case, and should not have to ask in the others.
        self.request = request  # type: ignore[assignment]
        self.response = response
        self.upstream: str | list[str] | None = None
        self.websocket: Any = None

    @property
    def requestheaders(self) -> Headers:
        """The request's fields."""
        return self.request.headers

    @property
    def mode(self) -> str:
        """The proxy mode in which the client came."""
        return self.client_conn.mode

    @override
    def _planned(self) -> ServerConnection:
        request = self.request
        if request is None:
            return ServerConnection()
        return ServerConnection((request.host, request.port), request.scheme == "https")

    @override
    def _began(self) -> float | None:
        request = self.request
        if request is None:
            return super()._began()
        return request.timestamp_start

    @override
    def _snapshot(self) -> State:
        state = super()._snapshot()
        state["request"] = self.request and self.request.get_state()
        state["response"] = None if self.response is None else self.response.get_state()
        state["upstream"] = describe(self, ["upstream"])["upstream"]
        return state

    @override
    def _restore(self, state: State) -> None:
        super()._restore(state)
        restore(self, ["upstream"], state)
        if state["request"] is None:
            self.request = None  # type: ignore[assignment]
        elif self.request is None:
            self.request = Request.from_state(state["request"])
        else:
            self.request.set_state(state["request"])
        if state["response"] is None:
            self.response = None
        elif self.response is None:
            self.response = Response.from_state(state["response"])
        else:
            self.response.set_state(state["response"])

    @override
    def __repr__(self) -> str:
        return f"<HTTPFlow {self.request!r} {self.response!r}>"
