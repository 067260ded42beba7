"""
The list of hooks, made from the interfaces: their methods, signatures, documentation and tags.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from inspect import cleandoc
from types import MappingProxyType

from zope.interface.interface import InterfaceClass, Method

from mitmtw.errors import AddonError
from mitmtw.interfaces import ADDON_INTERFACES
from mitmtw.interfaces.gates import TELL, Gate

__all__ = ["TABLE", "HookSpec", "table_of"]


@dataclass(frozen=True, slots=True)
class HookSpec:
    """
    One hook.

    @ivar name: as handlers spell it.
    @ivar arguments: the names of what a handler is given, in order.
    @ivar gate: whether the wire, teardown or startup waits for it.
    @ivar interface: where it is declared.
    @ivar doc: its manual.
    @ivar can_respond: a handler may answer by setting C{flow.response}.
    @ivar returns_layer: a result that is a layer replaces the argument.
    @ivar since: the first version that has it.
    """

    name: str
    arguments: tuple[str, ...]
    gate: Gate
    interface: InterfaceClass
    doc: str
    can_respond: bool = False
    returns_layer: bool = False
    since: str = ""


def table_of(interfaces: Iterable[InterfaceClass]) -> Mapping[str, HookSpec]:
    """
    Make the table of all hooks that interfaces declare. A method without tags is a hook that only tells.

    @raise AddonError: two of them declare a hook of the same name.
    """
    table: dict[str, HookSpec] = {}
    for interface in interfaces:
        for name, method in interface.namesAndDescriptions():
            if not isinstance(method, Method):
                continue
            if name in table:
                first = table[name].interface.__name__
                raise AddonError(f"the hook {name} is declared by both {first} and {interface.__name__}")
            table[name] = HookSpec(
                name,
                tuple(method.positional),
                method.queryTaggedValue("gate", TELL),
                interface,
                cleandoc(method.__doc__ or ""),
                method.queryTaggedValue("can_respond", False),
                method.queryTaggedValue("returns_layer", False),
                method.queryTaggedValue("since", ""),
            )
    return MappingProxyType(table)


#: All hooks of the core, by name.
TABLE: Mapping[str, HookSpec] = table_of(ADDON_INTERFACES)
