"""
What addons see of the options.
"""

import copy
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, NoReturn

from typing_extensions import override

if TYPE_CHECKING:
    from mitmtw.options import Options

__all__ = ["OptionsView"]


class OptionsView:
    """
    What addons see of the options: live values by attribute, and nothing that changes them.

    Values that could be changed in place (lists) are copies. C{in} and attributes know aliases, C{keys()} and
    iteration give true names.
    """

    __slots__ = ("_options",)

    _options: "Options"

    def __init__(self, options: "Options") -> None:
        object.__setattr__(self, "_options", options)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_") or name not in self._options:
            raise AttributeError(self._options._unknown(name))
        return copy.deepcopy(getattr(self._options, name))

    @override
    def __setattr__(self, name: str, value: object) -> NoReturn:
        raise AttributeError(f"{name}: options cannot be set here")

    @override
    def __delattr__(self, name: str) -> NoReturn:
        raise AttributeError(f"{name}: options cannot be set here")

    def keys(self) -> list[str]:
        """Give the names of all options, sorted."""
        return self._options.names()

    def __iter__(self) -> Iterator[str]:
        return iter(self._options.names())

    def __len__(self) -> int:
        return len(self._options.names())

    def __contains__(self, name: object) -> bool:
        return name in self._options
