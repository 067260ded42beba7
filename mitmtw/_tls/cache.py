"""
A bounded cache that forgets what was not used for longest.
"""

from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

__all__ = ["RecentlyUsed"]

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


class RecentlyUsed(Generic[K, V]):
    """
    Keeps at most so many values, each until a moment of its own.

    @ivar size: The most values that are kept; at least 1.
    """

    def __init__(self, size: int) -> None:
        """
        @param size: The most values to keep; less than 1 counts as 1.
        """
        self.size = max(1, size)
        self._kept: OrderedDict[K, tuple[V, float]] = OrderedDict()

    def __len__(self) -> int:
        return len(self._kept)

    def get(self, key: K, now: float, make: Callable[[], tuple[V, float]]) -> V:
        """
        Look a value up; make it if it is not there or not good any longer.

        @param key: The value's key.
        @param now: Seconds since the epoch.
        @param make: Makes the value, and says until when it may be used, in seconds since the epoch. What it raises
            leaves the cache as it was.
        """
        kept = self._kept.get(key)
        if kept is not None and now < kept[1]:
            self._kept.move_to_end(key)
            return kept[0]
        fresh = make()
        self._kept[key] = fresh
        self._kept.move_to_end(key)
        if len(self._kept) > self.size:
            self._kept.popitem(last=False)
        return fresh[0]
