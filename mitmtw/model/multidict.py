"""
Ordered dictionaries whose keys may repeat: the form of queries, forms and cookies.

L{MultiDict} owns its pairs; L{MultiDictView} reads and writes pairs that live somewhere else, so that
C{request.query["a"] = "1"} changes the request's path. L{mitmtw.model.headers.Headers} has the same methods over raw
bytes and shares the views of this module.
"""

from abc import abstractmethod
from collections.abc import (
    Callable,
    ItemsView,
    Iterable,
    Iterator,
    KeysView,
    Mapping,
    MutableMapping,
    Sequence,
    ValuesView,
)
from typing import Generic, TypeVar

from typing_extensions import override

__all__ = ["MultiDict", "MultiDictView", "MultiMapping", "pairs_of"]

K = TypeVar("K")
V = TypeVar("V")


def pairs_of(fields: Mapping[K, V] | Iterable[tuple[K, V]]) -> list[tuple[K, V]]:
    """
    The pairs of whatever an author may assign: a multi-dict (all its pairs), a plain mapping, or an iterable of pairs.

    @raise ValueError: an item of the iterable is no pair.
    @raise TypeError: it is not iterable.
    """
    if isinstance(fields, MultiMapping):
        return list(fields.items(multi=True))
    if isinstance(fields, Mapping):
        return list(fields.items())
    return [(key, value) for key, value in fields]


class MultiKeys(KeysView[K]):
    """The keys of a list of pairs, repeated ones included."""

    __slots__ = ("_pairs",)

    def __init__(self, pairs: Sequence[tuple[K, object]]) -> None:
        super().__init__(dict(pairs))
        self._pairs = pairs

    @override
    def __iter__(self) -> Iterator[K]:
        return iter([key for key, _ in self._pairs])

    @override
    def __len__(self) -> int:
        return len(self._pairs)


class MultiValues(ValuesView[V]):
    """The values of a list of pairs, those of repeated keys included."""

    __slots__ = ("_pairs",)

    def __init__(self, pairs: Sequence[tuple[object, V]]) -> None:
        super().__init__({})
        self._pairs = pairs

    @override
    def __iter__(self) -> Iterator[V]:
        return iter([value for _, value in self._pairs])

    @override
    def __contains__(self, value: object) -> bool:
        return any(value == held for _, held in self._pairs)

    @override
    def __len__(self) -> int:
        return len(self._pairs)


class MultiItems(ItemsView[K, V]):
    """All pairs of a list of pairs."""

    __slots__ = ("_pairs",)

    def __init__(self, pairs: Sequence[tuple[K, V]]) -> None:
        super().__init__({})
        self._pairs = pairs

    @override
    def __iter__(self) -> Iterator[tuple[K, V]]:
        return iter(self._pairs)

    @override
    def __contains__(self, item: object) -> bool:
        return item in self._pairs

    @override
    def __len__(self) -> int:
        return len(self._pairs)


class MultiMapping(MutableMapping[K, V]):
    """What all multi-dicts have: iteration over every pair beside the mapping's one value a key."""

    __slots__ = ()

    @abstractmethod
    def _pairs(self) -> Sequence[tuple[K, V]]:
        """All pairs, in order."""

    @override
    def keys(self, multi: bool = False) -> KeysView[K]:
        """
        The keys in order of first appearance.

        @param multi: name a key as often as it is there.
        """
        return MultiKeys(self._pairs()) if multi else super().keys()

    @override
    def values(self, multi: bool = False) -> ValuesView[V]:
        """
        One value a key, as C{self[key]} gives it.

        @param multi: give every value instead.
        """
        return MultiValues(self._pairs()) if multi else super().values()

    @override
    def items(self, multi: bool = False) -> ItemsView[K, V]:
        """
        One pair a key, the value as C{self[key]} gives it.

        @param multi: give every pair instead.
        """
        return MultiItems(self._pairs()) if multi else super().items()


class MultiDict(MultiMapping[K, V], Generic[K, V]):
    """
    An ordered dictionary whose keys may repeat. C{self[key]} is the first value of that key.

    @ivar fields: all pairs as a tuple; may be assigned anything that L{pairs_of} takes.
    """

    __slots__ = ("_fields",)
    __hash__ = None  # type: ignore[assignment]  # it is mutable

    def __init__(self, fields: Mapping[K, V] | Iterable[tuple[K, V]] = ()) -> None:
        self._fields: tuple[tuple[K, V], ...] = tuple(pairs_of(fields))

    @property
    def fields(self) -> tuple[tuple[K, V], ...]:
        """All pairs, in order."""
        return self._load()

    @fields.setter
    def fields(self, fields: Mapping[K, V] | Iterable[tuple[K, V]]) -> None:
        self._store(pairs_of(fields))

    def _load(self) -> tuple[tuple[K, V], ...]:
        """Read the pairs from where they live."""
        return self._fields

    def _store(self, pairs: list[tuple[K, V]]) -> None:
        """Write the pairs to where they live."""
        self._fields = tuple(pairs)

    @override
    def _pairs(self) -> Sequence[tuple[K, V]]:
        return self.fields

    def fold(self, key: object) -> object:
        """What two keys must have in common to be the same key; subclasses may ignore case here."""
        return key

    @override
    def __getitem__(self, key: K) -> V:
        wanted = self.fold(key)
        for held, value in self.fields:
            if self.fold(held) == wanted:
                return value
        raise KeyError(key)

    @override
    def __setitem__(self, key: K, value: V) -> None:
        self.set_all(key, [value])

    @override
    def __delitem__(self, key: K) -> None:
        wanted = self.fold(key)
        before = self.fields
        after = tuple(pair for pair in before if self.fold(pair[0]) != wanted)
        if len(after) == len(before):
            raise KeyError(key)
        self.fields = after

    @override
    def __contains__(self, key: object) -> bool:
        return any(
            key == held or (isinstance(key, str) and self.fold(held) == self.fold(key)) for held, _ in self.fields
        )

    @override
    def __iter__(self) -> Iterator[K]:
        seen: dict[object, K] = {}
        for key, _ in self.fields:
            seen.setdefault(self.fold(key), key)
        return iter(seen.values())

    @override
    def __len__(self) -> int:
        return len({self.fold(key) for key, _ in self.fields})

    @override
    def __eq__(self, other: object) -> bool:
        if isinstance(other, MultiDict):
            return self.fields == other.fields
        if isinstance(other, Mapping) and not isinstance(other, MultiMapping):
            return dict(self.items()) == dict(other.items())
        return NotImplemented

    def get_all(self, key: K) -> list[V]:
        """All values of that key, in order; an empty list when there is none."""
        wanted = self.fold(key)
        return [value for held, value in self.fields if self.fold(held) == wanted]

    def set_all(self, key: K, values: Iterable[V]) -> None:
        """
        Give that key exactly these values: they take the places of the old ones, which keep their spelling of the key;
        superfluous old ones go, and values that are more are appended.
        """
        wanted = self.fold(key)
        left = list(values)
        fields: list[tuple[K, V]] = []
        for pair in self.fields:
            if self.fold(pair[0]) != wanted:
                fields.append(pair)
            elif left:
                fields.append((pair[0], left.pop(0)))
        fields += [(key, value) for value in left]
        self.fields = tuple(fields)

    def add(self, key: K, value: V) -> None:
        """Append a pair, whatever is there already."""
        self.fields = (*self.fields, (key, value))

    def insert(self, index: int, key: K, value: V) -> None:
        """Insert a pair before position C{index} of all pairs."""
        fields = list(self.fields)
        fields.insert(index, (key, value))
        self.fields = tuple(fields)

    def copy(self) -> "MultiDict[K, V]":
        """The same pairs in a dictionary of their own, also when this is a view."""
        return MultiDict(self.fields)

    @override
    def __repr__(self) -> str:
        return f"{type(self).__name__}[{', '.join(repr(pair) for pair in self.fields)}]"


class MultiDictView(MultiDict[K, V]):
    """
    A multi-dict over pairs that live elsewhere: every look reads them afresh and every edit writes them back at once.

    @ivar fields: all pairs, read from and written to where they live.
    """

    __slots__ = ("_getter", "_setter")

    def __init__(
        self, getter: Callable[[], Iterable[tuple[K, V]]], setter: Callable[[Sequence[tuple[K, V]]], None]
    ) -> None:
        self._getter = getter
        self._setter = setter

    @override
    def _load(self) -> tuple[tuple[K, V], ...]:
        return tuple(self._getter())

    @override
    def _store(self, pairs: list[tuple[K, V]]) -> None:
        self._setter(pairs)
