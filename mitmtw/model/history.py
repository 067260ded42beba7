"""
What WebSocket and TCP conversations have in common: what was said, a history of that which does not grow without end,
and the flow around both.
"""

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from time import time
from typing import Any, ClassVar, Generic, Self, TypeVar, overload

from typing_extensions import override

from mitmtw.model.connection import ClientConnection, ServerConnection
from mitmtw.model.flow import Flow
from mitmtw.model.state import State

__all__ = ["MAX_BYTES", "MAX_COUNT", "Conversation", "FlowMessage", "History"]

#: Messages that a history keeps, unless it is told otherwise.
MAX_COUNT = 1000
#: Bytes of content that a history keeps, unless it is told otherwise: with a hundred conversations, 1.6 GB.
MAX_BYTES = 16 * 1024 * 1024


class FlowMessage:
    """
    One thing that one side said to the other.

    @ivar from_client: the client said it, or it is said in its name.
    @ivar timestamp: seconds since the epoch when it was whole; the system's clock, when it is not given.
    @ivar dropped: it is not passed on; see L{kill}.
    @ivar injected: neither side said it: an addon put it in.
    """

    __slots__ = ("_content", "_original", "dropped", "from_client", "injected", "timestamp")

    def __init__(
        self, from_client: bool, content: bytes | str, timestamp: float | None = None, injected: bool = False
    ) -> None:
        """
        @raise TypeError: the content is neither bytes nor text.
        @raise ValueError: the content cannot be that of such a message.
        """
        self.from_client = from_client
        self.timestamp = time() if timestamp is None else timestamp
        self.dropped = False
        self.injected = injected
        self._content = content if type(content) is bytes else self._checked(content)
        self._original: bytes | None = None

    def _checked(self, content: object) -> bytes:
        """
        Content as it is kept; text becomes UTF-8.

        @raise TypeError: it is neither bytes nor text.
        @raise ValueError: it cannot be the content of such a message.
        """
        if isinstance(content, str):
            return content.encode()
        if isinstance(content, bytes | bytearray | memoryview):
            return bytes(content)
        raise TypeError(f"content is bytes or text, not {type(content).__name__}")

    @property
    def content(self) -> bytes:
        """
        What is said. It may be changed, by bytes or text, until the hook that shows the message is over.

        @raise TypeError: it is set to something else.
        @raise ValueError: it is set to what cannot be the content of such a message.
        """
        return self._content

    @content.setter
    def content(self, content: bytes | bytearray | memoryview | str) -> None:
        new = self._checked(content)
        if self._original is None:
            self._original = self._content
        self._content = new

    @property
    def original(self) -> bytes:
        """What was said at first."""
        return self._content if self._original is None else self._original

    @property
    def changed(self) -> bool:
        """Is the content another one than at first?"""
        return self._original is not None and self._original != self._content

    @property
    def killed(self) -> bool:
        """The same as C{dropped}."""
        return self.dropped

    def kill(self) -> None:
        """Do not pass this message on; it stays in the history, marked."""
        self.dropped = True

    drop = kill

    @property
    def size(self) -> int:
        """Bytes that it takes in memory: its content, and the original when that is another one."""
        size = len(self._content)
        return size if self._original is None or self._original is self._content else size + len(self._original)

    def get_state(self) -> State:
        """The message in a plain dictionary."""
        return {
            "from_client": self.from_client,
            "content": self._content,
            "original": self._original,
            "timestamp": self.timestamp,
            "dropped": self.dropped,
            "injected": self.injected,
        }

    def set_state(self, state: State) -> None:
        """Become the message that L{get_state} described."""
        self.from_client = state["from_client"]
        self._content = state["content"]
        self._original = state["original"]
        self.timestamp = state["timestamp"]
        self.dropped = state["dropped"]
        self.injected = state["injected"]

    @classmethod
    def from_state(cls, state: State) -> Self:
        """A message from what L{get_state} gave."""
        self = cls.__new__(cls)
        self.set_state(state)
        return self

    def _shown(self) -> str:
        """Who said what, for people."""
        arrow = "->" if self.from_client else "<-"
        return f"{arrow} {self._content[:64]!r}{'…' if len(self._content) > 64 else ''}"

    @override
    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self._shown()}{' dropped' if self.dropped else ''}>"


M = TypeVar("M", bound=FlowMessage)


class History(Sequence[M], Generic[M]):
    """
    The latest messages, oldest first; like a list, but that the oldest go when there are too many.

    The very latest stays, however long it is, until L{settle}: while a handler looks at C{messages[-1]} it is there.

    @ivar max_count: messages that are kept; 0 keeps none.
    @ivar max_bytes: bytes of content that are kept; 0 keeps none.
    @ivar forgotten: how many there were before the first one that is kept.
    """

    __slots__ = ("_bytes", "_messages", "_sizes", "forgotten", "max_bytes", "max_count")

    def __init__(self, max_count: int = MAX_COUNT, max_bytes: int = MAX_BYTES) -> None:
        self.max_count = max_count
        self.max_bytes = max_bytes
        self.forgotten = 0
        self._bytes = 0
        self._messages: deque[M] = deque()
        # What each counts for: content may be changed at any time, and what was added must be what is taken away.
        self._sizes: deque[int] = deque()

    @property
    def kept_bytes(self) -> int:
        """Bytes of content that are kept now; the latest message counts as it was before its hook."""
        return self._bytes

    def append(self, message: M) -> None:
        """Add the latest message; the ones before it that are too many go."""
        size = message.size
        self._messages.append(message)
        self._sizes.append(size)
        self._bytes += size
        if len(self._messages) > self.max_count or self._bytes > self.max_bytes:
            self._trim(1)

    def settle(self) -> None:
        """The hook of the latest message is over: count it as it is now, and let it go if that is too much."""
        if self._messages:
            size = self._messages[-1].size
            self._bytes += size - self._sizes[-1]
            self._sizes[-1] = size
            self._trim(0)

    def clear(self) -> None:
        """Forget all."""
        self.forgotten += len(self._messages)
        self._messages.clear()
        self._sizes.clear()
        self._bytes = 0

    def _trim(self, least: int) -> None:
        """Let the oldest go until no more than allowed are left, or C{least}."""
        messages = self._messages
        while len(messages) > least and (
            len(messages) > self.max_count or self._bytes > self.max_bytes or self.max_bytes <= 0
        ):
            messages.popleft()
            self._bytes -= self._sizes.popleft()
            self.forgotten += 1

    @overload
    def __getitem__(self, index: int) -> M: ...

    @overload
    def __getitem__(self, index: slice) -> list[M]: ...

    @override
    def __getitem__(self, index: int | slice) -> M | list[M]:
        if isinstance(index, slice):
            return list(self._messages)[index]
        return self._messages[index]

    @override
    def __len__(self) -> int:
        return len(self._messages)

    @override
    def __iter__(self) -> Iterator[M]:
        return iter(self._messages)

    @override
    def __repr__(self) -> str:
        return f"History({list(self._messages)!r})"

    def get_state(self) -> State:
        """The history in a plain dictionary."""
        return {
            "max_count": self.max_count,
            "max_bytes": self.max_bytes,
            "forgotten": self.forgotten,
            "messages": [message.get_state() for message in self._messages],
        }

    def set_state(self, state: State, make: Callable[[State], M]) -> None:
        """
        Become the history that L{get_state} described.

        @param make: makes a message from its state.
        """
        self.max_count, self.max_bytes = state["max_count"], state["max_bytes"]
        self.forgotten = state["forgotten"]
        self._messages = deque(map(make, state["messages"]))
        self._sizes = deque(message.size for message in self._messages)
        self._bytes = sum(self._sizes)

    def recall(self, state: State) -> None:
        """
        Give the messages that are still kept the state they had in what L{get_state} described; later ones stay as
        they are, and what was forgotten stays forgotten.
        """
        for message, earlier in self._pairs(state):
            message.set_state(earlier)

    def differs(self, state: State) -> bool:
        """Was a message changed that is in what L{get_state} described? That there are new ones is no change."""
        return any(message.get_state() != earlier for message, earlier in self._pairs(state))

    def _pairs(self, state: State) -> Iterator[tuple[M, State]]:
        """The messages that are kept here and in a state, each with its own."""
        first = max(self.forgotten, state["forgotten"])
        earlier = state["messages"][first - state["forgotten"] :]
        return zip(list(self._messages)[first - self.forgotten :], earlier, strict=False)


class Conversation(Flow, Generic[M]):
    """
    A flow of messages that both sides may send at any time.

    @ivar messages: the latest messages.
    @ivar ended: it is over: nothing more will be said.
    """

    __slots__ = ("ended", "messages")

    message_class: ClassVar[type[FlowMessage]] = FlowMessage
    """What its messages are."""

    def __init__(
        self,
        client_conn: ClientConnection,
        server_conn: ServerConnection | None = None,
        live: bool = False,
        messages: History[M] | None = None,
    ) -> None:
        """@param messages: where messages are kept; a history with the usual bounds, when it is not given."""
        super().__init__(client_conn, server_conn, live)
        self.messages: History[M] = History() if messages is None else messages
        self.ended = False

    @property
    def message(self) -> M | None:
        """The message that the hook is about; outside of a hook, the latest one that is kept."""
        return self.messages[-1] if self.messages else None

    @override
    def end(self) -> None:
        """The conversation is over."""
        super().end()
        self.ended = True

    # Copies and state.

    @override
    def _snapshot(self) -> State:
        state = super()._snapshot()
        state["messages"] = self.messages.get_state()
        return state

    @override
    def _restore(self, state: State) -> None:
        super()._restore(state)
        make: Any = self.message_class.from_state
        self.messages.set_state(state["messages"], make)

    @override
    def revert(self) -> None:
        """
        Bring back what L{backup} remembered, and forget it: notes, and the messages that there were then. Messages that
        came since stay. Without a backup nothing happens.
        """
        if self._backup is not None:
            state, self._backup = self._backup, None
            super()._restore(state)
            self.messages.recall(state["messages"])

    @override
    def modified(self) -> bool:
        """Is there a backup that differs from what the flow is now? That new messages came is no difference."""
        backup = self._backup
        if backup is None:
            return False
        notes = super()._snapshot()
        return any(backup[name] != value for name, value in notes.items()) or self.messages.differs(backup["messages"])

    @override
    def get_state(self) -> State:
        """The whole flow in a plain dictionary, connections, messages and backup included."""
        state = super().get_state()
        state["ended"] = self.ended
        return state

    @override
    def set_state(self, state: State) -> None:
        """
        Become the flow that L{get_state} described.

        @raise ValueError: that is a flow of another type.
        """
        super().set_state(state)
        self.ended = state["ended"]

    @override
    def copy(self) -> Self:
        """
        The same flow under a new C{id}, with messages of its own; the copy is neither live nor held nor killed, and has
        no backup.
        """
        other = super().copy()
        other.ended = self.ended
        return other

    @override
    def __repr__(self) -> str:
        count = self.messages.forgotten + len(self.messages)
        return f"<{type(self).__name__} {self.server_conn!r} {count} messages>"
