"""
What each hook's method in an interface is tagged with: the gate, the first version, and what a result means.

The tags are tagged values of the interface's methods, so that the table of hooks, its documentation and the tests are
all made from the interfaces.
"""

from typing import Final, Literal, TypeAlias

from zope.interface.interface import InterfaceClass

__all__ = ["ASK", "LIFECYCLE", "TELL", "Gate", "tag"]

Gate: TypeAlias = Literal["ask", "tell", "lifecycle"]

#: Nothing moves on the wire in that direction until every handler has finished.
ASK: Final = "ask"
#: The wire does not wait, but teardown does (bounded), so that the last events really come last.
TELL: Final = "tell"
#: Startup and shutdown wait for it.
LIFECYCLE: Final = "lifecycle"


def tag(
    interface: InterfaceClass,
    gate: Gate,
    *names: str,
    since: str = "26.11",
    can_respond: bool = False,
    returns_layer: bool = False,
) -> None:
    """
    Tag methods of an interface as hooks.

    @param interface: the interface that has them.
    @param gate: L{ASK}, L{TELL} or L{LIFECYCLE}.
    @param names: the methods.
    @param since: the version that had them first.
    @param can_respond: a handler may answer by setting C{flow.response}.
    @param returns_layer: a result that is a layer replaces the argument.
    """
    for name in names:
        method = interface[name]
        method.setTaggedValue("gate", gate)
        method.setTaggedValue("since", since)
        method.setTaggedValue("can_respond", can_respond)
        method.setTaggedValue("returns_layer", returns_layer)
