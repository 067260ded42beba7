"""What an addon gets with C{load}: the way to declare options of its own."""

from collections.abc import Sequence
from typing import Protocol

from zope.interface import implementer

from mitmtw.interfaces import ILoader
from mitmtw.options import Option

__all__ = ["Loader", "TakesOptions"]


class TakesOptions(Protocol):
    """Where options are declared."""

    def add(self, option: Option) -> None:
        """Declare an option; C{OptionsError} when its name is taken."""


@implementer(ILoader)
class Loader:
    """Declares options in the name of one addon."""

    def __init__(self, options: TakesOptions, owner: str) -> None:
        self._options = options
        self._owner = owner

    def add_option(
        self,
        name: str,
        typespec: "type | str",
        default: object,
        help: str,
        choices: Sequence[str] | None = None,
        unit: str = "",
    ) -> None:
        """See L{ILoader.add_option}."""
        self._options.add(Option(name, typespec, default, help, unit=unit, choices=choices, owner=self._owner))
