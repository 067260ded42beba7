"""
Nouns to plain dictionaries and back: for C{backup} and C{revert}, for copies, for storage.

A state holds C{None}, C{bool}, C{int}, C{float}, C{str}, C{bytes}, and lists, tuples and dictionaries of them; nothing
in it is shared with the object that it describes. The nouns name what belongs to their state; this module knows how
each kind of value is kept.
"""

from collections.abc import Iterable
from typing import Any

from mitmtw.model.headers import Headers

__all__ = ["State", "describe", "restore"]

State = dict[str, Any]
"""A noun as a plain dictionary."""


def describe(noun: object, names: Iterable[str]) -> State:
    """The attributes of these names in a dictionary of their own; a leading underscore is not part of the key."""
    return {name.lstrip("_"): _plain(getattr(noun, name)) for name in names}


def restore(noun: object, names: Iterable[str], state: State) -> None:
    """
    Set the attributes of these names to what the state says.

    @raise KeyError: the state does not say it.
    """
    for name in names:
        value = state[name.lstrip("_")]
        if name in ("headers", "trailers"):
            value = None if value is None else Headers.of([(bytes(key), bytes(held)) for key, held in value])
        setattr(noun, name, _plain(value) if not isinstance(value, Headers) else value)


def _plain(value: Any) -> Any:
    """A value that shares nothing that can be changed with the one given."""
    if isinstance(value, Headers):
        return list(value.raw)
    if isinstance(value, dict):
        return {key: _plain(held) for key, held in value.items()}
    if isinstance(value, list):
        return [_plain(held) for held in value]
    return value
