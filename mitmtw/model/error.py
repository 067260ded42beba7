"""
How a flow ends early: the note that stays with it, and what carries it forward and can be told to stop.
"""

from time import time
from typing import ClassVar, Protocol, Self

from typing_extensions import override

from mitmtw.errors import MitmtwError
from mitmtw.model.state import State

__all__ = ["Error", "Run"]


class Run(Protocol):
    """What carries a flow forward while it is live."""

    def cancel(self, why: MitmtwError) -> object:
        """End it for that reason, in this turn."""


class Error:
    """
    Why a flow ended without a response.

    @ivar msg: a sentence for people.
    @ivar timestamp: seconds since the epoch; the system's clock, when it is not given.
    """

    __slots__ = ("msg", "timestamp")

    KILLED_MESSAGE: ClassVar[str] = "Connection killed."

    def __init__(self, msg: str, timestamp: float | None = None) -> None:
        self.msg = msg
        # A stamp for people to read: nothing is decided by it, so that it need not come from the reactor's clock.
        self.timestamp = time() if timestamp is None else timestamp

    @override
    def __eq__(self, other: object) -> bool:
        if isinstance(other, Error):
            return (self.msg, self.timestamp) == (other.msg, other.timestamp)
        return NotImplemented

    __hash__ = None  # type: ignore[assignment]  # it is mutable

    @override
    def __str__(self) -> str:
        return self.msg

    @override
    def __repr__(self) -> str:
        return f"Error({self.msg!r}, {self.timestamp!r})"

    def get_state(self) -> State:
        """The error in a plain dictionary."""
        return {"msg": self.msg, "timestamp": self.timestamp}

    @classmethod
    def from_state(cls, state: State) -> Self:
        """An error from what L{get_state} gave."""
        return cls(state["msg"], state["timestamp"])
