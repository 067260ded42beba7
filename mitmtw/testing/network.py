"""
An in-memory network that is also the clock: TCP connections whose two ends can be paused, half-closed and reset, names,
and ports that refuse or swallow connections.

Connections behave as L{mitmtw.testing.transport.MemoryTransport} says. Nothing moves but in L{Network.settle} and
L{Network.advance}.
"""

from typing import Any

from twisted.internet.address import IPv4Address
from twisted.internet.defer import Deferred
from twisted.internet.error import (
    CannotListenError,
    ConnectionRefusedError,
    TimeoutError,
    UserError,
)
from twisted.internet.interfaces import (
    IAddress,
    IConnector,
    IHostnameResolver,
    IHostResolution,
    IListeningPort,
    IReactorPluggableNameResolver,
    IReactorTCP,
    IResolutionReceiver,
)
from twisted.internet.task import Clock
from twisted.python.failure import Failure
from typing_extensions import override
from zope.interface import implementer

from mitmtw.testing.threads import MemoryThreads
from mitmtw.testing.transport import MemoryTransport

__all__ = ["MemoryPort", "Network"]


@implementer(IListeningPort)
class MemoryPort:
    """A port that listens; connections wait while it does not read."""

    def __init__(self, network: "Network", address: IPv4Address, factory: Any) -> None:
        self.factory = factory
        self.is_reading = True
        self.waiting: list[MemoryTransport] = []
        self._network = network
        self._address = address

    def startListening(self) -> None:  # noqa: N802 - Twisted's name
        """It does."""

    def stopListening(self) -> Deferred[None]:  # noqa: N802 - Twisted's name
        """Listen no more."""
        self._network.ports.pop((self._address.host, self._address.port), None)
        deferred: Deferred[None] = Deferred()
        deferred.callback(None)
        return deferred

    def getHost(self) -> IPv4Address:  # noqa: N802 - Twisted's name
        """Where it listens."""
        return self._address

    def stopReading(self) -> None:  # noqa: N802 - Twisted's name
        """Accept nobody for a while."""
        self.is_reading = False

    def startReading(self) -> None:  # noqa: N802 - Twisted's name
        """Accept."""
        self.is_reading = True
        waiting, self.waiting = self.waiting, []
        for transport in waiting:
            self.accept(transport)

    def accept(self, transport: MemoryTransport) -> None:
        """A connection is there."""
        if not self.is_reading:
            self.waiting.append(transport)
            return
        protocol = self.factory.buildProtocol(transport.getPeer())
        if protocol is None:
            transport.disconnected = True
            transport.peer._fin_arrived = True
            return
        transport.protocol = protocol
        protocol.makeConnection(transport)
        self._network.transports.append(transport)


@implementer(IConnector)
class _Connector:
    """An attempt to connect."""

    def __init__(self, network: "Network", host: str, port: int, factory: Any, timeout: float, source: Any) -> None:
        self.factory = factory
        self._network = network
        self._address = IPv4Address("TCP", host, port)
        self._source = source
        self._call = network.callLater(0, self._try, timeout)
        factory.startedConnecting(self)

    def getDestination(self) -> IAddress:  # noqa: N802 - Twisted's name
        """Where to."""
        return self._address

    def connect(self) -> None:
        """It does so once, by itself."""

    def disconnect(self) -> None:
        """See L{stopConnecting}."""
        self.stopConnecting()

    def stopConnecting(self) -> None:  # noqa: N802 - Twisted's name
        """Give up."""
        self._fail(UserError())

    def _try(self, timeout: float) -> None:
        network, address = self._network, self._address
        network.attempts.append((address.host, address.port))
        if (address.host, address.port) in network.black_holes:
            self._call = network.callLater(timeout, self._fail, TimeoutError())
            return
        port = network.find(address.host, address.port)
        if port is None:
            self._fail(ConnectionRefusedError())
            return
        here = IPv4Address("TCP", self._source[0] if self._source else "127.0.0.1", network.next_port())
        ours, theirs = MemoryTransport(here, address), MemoryTransport(address, here)
        ours.peer, theirs.peer = theirs, ours
        protocol = self.factory.buildProtocol(address)
        ours.protocol = protocol
        network.transports.append(ours)
        port.accept(theirs)
        protocol.makeConnection(ours)

    def _fail(self, error: Exception) -> None:
        if self._call.active():
            self._call.cancel()
        self.factory.clientConnectionFailed(self, Failure(error))


@implementer(IReactorTCP, IReactorPluggableNameResolver, IHostnameResolver)
class Network(MemoryThreads, Clock):
    """
    The network, the clock, and the threads.

    @ivar names: names to lists of IPv4 addresses; others cannot be resolved.
    @ivar ports: what listens, by (host, port).
    @ivar black_holes: (host, port) pairs that never answer.
    @ivar attempts: the (host, port) of each attempt to connect, in order.
    """

    def __init__(self) -> None:
        MemoryThreads.__init__(self)
        Clock.__init__(self)
        self.rightNow = 1_700_000_000.0
        self.names: dict[str, list[str]] = {"localhost": ["127.0.0.1"]}
        self.ports: dict[tuple[str, int], MemoryPort] = {}
        self.black_holes: set[tuple[str, int]] = set()
        self.attempts: list[tuple[str, int]] = []
        self.transports: list[MemoryTransport] = []
        self.nameResolver: IHostnameResolver = self
        self._last_port = 40000

    def next_port(self) -> int:
        """A port number nobody uses."""
        self._last_port += 1
        return self._last_port

    def find(self, host: str, port: int) -> MemoryPort | None:
        """What listens there."""
        return self.ports.get((host, port)) or self.ports.get(("0.0.0.0", port))

    def listenTCP(self, port: int, factory: Any, backlog: int = 50, interface: str = "") -> MemoryPort:  # noqa: N802
        """Listen."""
        number = port or self.next_port()
        host = interface or "0.0.0.0"
        if (host, number) in self.ports:
            raise CannotListenError(host, number, OSError("the address is in use"))
        listening = MemoryPort(self, IPv4Address("TCP", host, number), factory)
        self.ports[host, number] = listening
        return listening

    def connectTCP(  # noqa: N802 - Twisted's name
        self,
        host: str,
        port: int,
        factory: Any,
        timeout: float = 30,
        bindAddress: Any = None,  # noqa: N803
    ) -> Any:
        """Connect."""
        factory.doStart()
        return _Connector(self, host, port, factory, timeout, bindAddress)

    def resolveHostName(  # noqa: N802 - Twisted's name
        self,
        resolutionReceiver: IResolutionReceiver,  # noqa: N803
        hostName: str,  # noqa: N803
        portNumber: int = 0,  # noqa: N803
        addressTypes: Any = None,  # noqa: N803
        transportSemantics: str = "TCP",  # noqa: N803
    ) -> IHostResolution:
        """Resolve from C{names}."""
        resolution = _Resolution(hostName)
        resolutionReceiver.resolutionBegan(resolution)
        for host in self.names.get(hostName, ()):
            resolutionReceiver.addressResolved(IPv4Address("TCP", host, portNumber))
        resolutionReceiver.resolutionComplete()
        return resolution

    def installNameResolver(self, resolver: IHostnameResolver) -> IHostnameResolver:  # noqa: N802 - Twisted's name
        """Resolve by another resolver."""
        previous, self.nameResolver = self.nameResolver, resolver
        return previous

    def settle(self) -> None:
        """Let everything happen that happens without time passing."""
        for _ in range(100_000):
            self.transports = [each for each in self.transports if not each.disconnected]
            moved = False
            for transport in list(self.transports):
                if transport.protocol is not None:
                    moved = transport.step() or moved
            due = [call for call in self.getDelayedCalls() if call.getTime() <= self.seconds()]
            if due:
                super().advance(0)
            worked = self.hear() or (not self.are_threads_held and self.work())
            if not moved and not due and not worked:
                return
        raise AssertionError("the network does not come to rest")

    @override
    def advance(self, amount: float) -> None:
        """Let time pass, and everything happen that happens in it."""
        super().advance(amount)
        if amount:
            self.settle()


@implementer(IHostResolution)
class _Resolution:
    """A name that is looked up."""

    def __init__(self, name: str) -> None:
        self.name = name

    def cancel(self) -> None:
        """It is over already."""
