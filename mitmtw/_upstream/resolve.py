"""
Names to addresses, for one connection attempt: tells when the name was resolved, and leaves out our own addresses.
"""

from collections.abc import Callable, Sequence
from typing import Any

from twisted.internet.address import IPv4Address, IPv6Address
from twisted.internet.interfaces import (
    IAddress,
    IHostnameResolver,
    IHostResolution,
    IReactorPluggableNameResolver,
    IReactorTCP,
    IReactorTime,
    IResolutionReceiver,
)
from zope.interface import implementer

__all__ = ["Resolving"]


@implementer(IResolutionReceiver)
class _Receiver:
    """Passes on what is allowed."""

    def __init__(self, receiver: IResolutionReceiver, resolving: "Resolving") -> None:
        self._receiver = receiver
        self._resolving = resolving

    def resolutionBegan(self, resolutionInProgress: IHostResolution) -> None:  # noqa: N802,N803 - Twisted's names
        """The name is being looked up."""
        self._receiver.resolutionBegan(resolutionInProgress)

    def addressResolved(self, address: IAddress) -> None:  # noqa: N802 - Twisted's name
        """An address was found."""
        if isinstance(address, (IPv4Address, IPv6Address)) and self._resolving.is_own(address.host, address.port):
            self._resolving.was_own = True
            return
        self._receiver.addressResolved(address)

    def resolutionComplete(self) -> None:  # noqa: N802 - Twisted's name
        """All addresses were found."""
        self._resolving.resolved()
        self._receiver.resolutionComplete()


@implementer(IReactorPluggableNameResolver, IReactorTCP, IReactorTime, IHostnameResolver)
class Resolving:
    """
    A reactor for one L{twisted.internet.endpoints.HostnameEndpoint}: the given one, but for its resolver.

    @ivar was_own: whether the name resolved to one of our own addresses.
    """

    def __init__(self, reactor: Any, is_own: Callable[[str, int], bool], resolved: Callable[[], None]) -> None:
        """
        @param is_own: whether a host and port are ours.
        @param resolved: called when the name is resolved.
        """
        self._reactor = reactor
        self.is_own = is_own
        self.resolved = resolved
        self.was_own = False
        self.nameResolver = self

    def __getattr__(self, name: str) -> Any:
        """All else is the reactor's."""
        return getattr(self._reactor, name)

    def resolveHostName(  # noqa: N802 - Twisted's name
        self,
        resolutionReceiver: IResolutionReceiver,  # noqa: N803
        hostName: str,  # noqa: N803
        portNumber: int = 0,  # noqa: N803
        addressTypes: Sequence[type[IAddress]] | None = None,  # noqa: N803
        transportSemantics: str = "TCP",  # noqa: N803
    ) -> IHostResolution:
        """Resolve by the reactor's resolver."""
        receiver = _Receiver(resolutionReceiver, self)
        resolution: IHostResolution = self._reactor.nameResolver.resolveHostName(
            receiver, hostName, portNumber, addressTypes, transportSemantics
        )
        return resolution
