"""What an addon gets with C{load}: the way to declare options of its own; and options that it has as an attribute."""

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Protocol

from twisted.internet.interfaces import IReactorTime
from zope.interface import implementer
from zope.interface.interface import InterfaceClass

from mitmtw._hooks.table import HookSpec
from mitmtw.errors import AddonError
from mitmtw.interfaces import ILoader
from mitmtw.options import Option

__all__ = ["Loader", "TakesHooks", "TakesOptions", "declare_options"]


class TakesHooks(Protocol):
    """
    Where hooks are declared.

    @ivar table: those there are.
    """

    table: Mapping[str, HookSpec]

    def declare(self, interface: InterfaceClass) -> None:
        """Add the hooks of an interface; L{AddonError} when a name is taken."""


class TakesOptions(Protocol):
    """Where options are declared."""

    def add(self, option: Option) -> None:
        """Declare an option; C{OptionsError} when its name is taken."""


@implementer(ILoader)
class Loader:
    """
    Declares options, and hooks, in the name of one addon.

    @ivar owner: the addon's name.
    @ivar reactor: see L{ILoader.reactor}.
    """

    def __init__(
        self, options: TakesOptions, owner: str, reactor: IReactorTime, hooks: TakesHooks | None = None
    ) -> None:
        """@param hooks: where hooks are declared."""
        self._options = options
        self.owner = owner
        self.reactor = reactor
        self._hooks = hooks

    def add_hooks(self, interface: InterfaceClass) -> None:
        """See L{ILoader.add_hooks}."""
        hooks = self._hooks
        if hooks is None:
            raise AddonError("hooks cannot be declared here")
        known = {name for name, spec in hooks.table.items() if spec.interface.__name__ == interface.__name__}
        if known != set(interface.names()):  # else a script is loaded anew, and has declared them before
            hooks.declare(interface)

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
        self.add(Option(name, typespec, default, help, unit=unit, choices=choices, owner=self.owner))

    def add(self, option: Option) -> None:
        """
        Declare an option that is there as a whole; its owner is the addon, whatever it says.

        @raise OptionsError: its name is taken.
        """
        self._options.add(dataclasses.replace(option, owner=self.owner))


def declare_options(addon: object, loader: Loader) -> None:
    """
    Declare the options that an addon has as its attribute C{options}: a tuple or list of L{Option}. Anything else of
    that name is the addon's own business.

    @raise AddonError: some in the list are options, others are not.
    @raise OptionsError: a name is taken.
    """
    options = getattr(addon, "options", ())
    if not isinstance(options, tuple | list) or not any(isinstance(option, Option) for option in options):
        return
    for option in options:
        if not isinstance(option, Option):
            raise AddonError(f"addon {loader.owner}: options has a {type(option).__name__} among the options")
        loader.add(option)
