"""Hooks beyond the specification's 25: they exist wherever an addon wants more than those tell."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from zope.interface import Attribute, Interface

from mitmtw.interfaces.gates import ASK, LIFECYCLE, TELL, tag
from mitmtw.interfaces.hooks import HookResult

if TYPE_CHECKING:
    from mitmtw.model import ServerConnection

__all__ = ["ILoader", "IServerConnectionAddon", "IStartupAddon", "IUpdateAddon"]


class ILoader(Interface):
    """What an addon is given by C{load}."""

    reactor = Attribute("The reactor that the proxy runs on: for timers (C{callLater}), connections and threads.")

    def add_option(
        name: str,
        typespec: Any,
        default: object,
        help: str,
        choices: Sequence[str] | None = None,
        unit: str = "",
    ) -> None:
        """
        Declare an option that belongs to the addon.

        @param name: a name in snake_case that no other option has.
        @param typespec: the type of its values: C{bool}, C{int}, C{float}, C{str}, or what L{mitmtw.options} names.
        @param default: its value until somebody sets it.
        @param help: one sentence for the list of options.
        @param choices: all values that are allowed, if it is a choice.
        @param unit: of the number, such as C{seconds} or C{bytes}; empty if it has none.
        @raise OptionsError: the name is taken, or the default is not acceptable.
        """

    def add_hooks(interface: Any) -> None:
        """
        Declare hooks of the addon's own, for itself and others to listen to. They are fired by
        C{layer.proxy.hooks.fire(name, …)}, or by a layer of L{mitmtw.layers}.

        @param interface: a zope interface; each of its methods is a hook, with the arguments of its handlers.
        @raise AddonError: one of the names is taken.
        """


class IStartupAddon(Interface):
    """The moments before the first and after the last step of startup."""

    def load(loader: ILoader) -> HookResult:
        """
        Called once for each addon, right before its C{start}: the place to add options of its own.

        @param loader: its C{add_option(name, typespec, default, help, choices=None, unit="")} declares an option, its
            C{reactor} is the one that the proxy runs on.
        """

    def running() -> HookResult:
        """Called once, when all ports are open; for an addon added later, when it is in the chain."""


class IUpdateAddon(Interface):
    """Changes that addons make to flows outside of the flows' own events."""

    def update(flows: Sequence[Any]) -> HookResult:
        """
        Called when an addon has changed flows and says so.

        @param flows: the flows that were changed.
        """


class IServerConnectionAddon(Interface):
    """What became of an attempt to connect to a server: each ends in exactly one of these."""

    def server_connected(server_conn: "ServerConnection") -> HookResult:
        """
        Called when a connection to a server is established, before anything is sent on it.

        @param server_conn: the connection; C{peername} and the TLS attributes are known now.
        """

    def server_connect_error(server_conn: "ServerConnection") -> HookResult:
        """
        Called when a connection could not be established.

        @param server_conn: the connection; C{error} says why.
        """


tag(IStartupAddon, LIFECYCLE, "load", "running")
tag(IUpdateAddon, TELL, "update")
tag(IServerConnectionAddon, ASK, "server_connected")
tag(IServerConnectionAddon, TELL, "server_connect_error")
