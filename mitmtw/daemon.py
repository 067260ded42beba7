"""
The composition root, and the way to embed the proxy: L{ProxyService} is an L{IService} for any Twisted program.

    service = ProxyService(reactor, core_options(), listeners=["tcp:8080:interface=127.0.0.1"], addons=[MyAddon()])
    service.setServiceParent(parent)

Nothing here is global, and no reactor is imported.
"""

import gc
import os
from collections.abc import Callable, Sequence
from typing import Any, cast

from twisted.application.service import Service
from twisted.internet.defer import CancelledError, Deferred, DeferredList, maybeDeferred
from twisted.internet.endpoints import serverFromString
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger
from twisted.python.failure import Failure
from typing_extensions import override
from zope.interface import implementer

from mitmtw._hooks.bridge import LogBridge
from mitmtw._hooks.dispatch import Hooks
from mitmtw._hooks.lifecycle import Lifecycle
from mitmtw._hooks.reload import Reloader
from mitmtw._hooks.script import load_script
from mitmtw._hooks.wanted import add_addons, forget_left_out
from mitmtw._layers.client import Client
from mitmtw._layers.http1 import HTTP1Layer
from mitmtw._layers.http2 import HTTP2Layer
from mitmtw._layers.layer import Layer
from mitmtw._layers.opening import Opening
from mitmtw._layers.relay import RelayLayer
from mitmtw._layers.tcp import TCPLayer
from mitmtw._layers.tls import TLSLayer
from mitmtw._modes.listener import Listener
from mitmtw._modes.spec import parse_listen
from mitmtw._streams.body import Collected
from mitmtw._streams.timeouts import Timeouts
from mitmtw._streams.watch import Watch
from mitmtw._tls.authority import Authority
from mitmtw._tls.settings import TLSSettings
from mitmtw._upstream.pool import Upstream
from mitmtw.interfaces.authority import IAuthority
from mitmtw.interfaces.services import IProxy
from mitmtw.model import Flow
from mitmtw.options import Options

__all__ = ["Proxy", "ProxyService"]

_log = Logger()
_TIMEOUTS = (
    "client_idle_timeout",
    "request_head_timeout",
    "response_head_timeout",
    "tcp_timeout",
    "tls_handshake_timeout",
    "upstream_idle_timeout",
)
# Who listens to one of these can keep a flow and write to it at any later moment.
_FLOW_HOOKS = ("requestheaders", "request", "responseheaders", "response", "error", "websocket_handshake")
_FALLBACK_MEMORY = 1 << 30  # bytes; when the system does not tell how much memory there is


def _quarter_of_memory() -> int:
    """The default bound of all collected bodies together, bytes."""
    try:
        return int(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 4)
    except (AttributeError, ValueError, OSError):
        return _FALLBACK_MEMORY // 4


@implementer(IProxy)
class Proxy:
    """
    What all rooms share.

    @ivar listeners: the L{Listener}s.
    @ivar is_heard: whether any addon gets to see HTTP flows.
    """

    def __init__(self, reactor: Any, options: Options, hooks: Hooks, authority: IAuthority) -> None:
        self.reactor = reactor
        self.options = options
        self.hooks = hooks
        self.authority = authority
        self.now: Callable[[], float] = reactor.seconds
        self.watch = Watch(reactor)
        self.timeouts = Timeouts(reactor)
        self.collected = Collected(0)
        self.clients: set[Client] = set()
        self.listeners: list[Listener] = []
        self.upstream = Upstream(self)
        self.layers: dict[str, Callable[[Layer], Layer]] = {
            "opening": lambda layer: Opening(layer.client, layer.target),
            "tls": lambda layer: TLSLayer(layer.client, layer.target),
            "http1": lambda layer: HTTP1Layer(layer.client, layer.target),
            "http2": lambda layer: HTTP2Layer(layer.client, layer.target),
            "tcp": lambda layer: TCPLayer(layer.client, layer.target),
            "relay": lambda layer: RelayLayer(layer.client, layer.target),
        }
        self.is_heard = False
        self._all_gone: list[Deferred[None]] = []
        hooks.rebuilt.append(self._hooks_changed)
        self.options_changed(frozenset(options.names()))

    def options_changed(self, names: frozenset[str]) -> None:
        """Take over values that are kept elsewhere."""
        options = self.options
        self.collected.limit = options.collected_bytes_limit or _quarter_of_memory()
        patience = self.hooks.patience
        patience.timeout = options.hook_timeout
        patience.slow_warning = options.hook_slow_warning
        for name in _TIMEOUTS:
            if getattr(options, name):
                self.timeouts.shortest(getattr(options, name))

    def _hooks_changed(self) -> None:
        """Addons came or went."""
        hooks = self.hooks
        self.is_heard = any(getattr(hooks, name) is not None for name in _FLOW_HOOKS)

    def live_flows(self) -> list[Flow]:
        """
        The flows that are under way; slow, for rare occasions.

        Nobody keeps a list of them, which every flow would have to pay for: the interpreter's own is looked through.
        """
        own = {id(client.client_conn) for client in self.clients}
        flows = [one for one in gc.get_objects() if issubclass(type(one), Flow)]
        return [flow for flow in flows if flow.live and id(flow.client_conn) in own]

    def client_ended(self, client: Client) -> None:
        """The last hook of a client is done."""
        if not self.clients:
            waiting, self._all_gone = self._all_gone, []
            for deferred in waiting:
                deferred.callback(None)

    def when_all_gone(self) -> Deferred[None]:
        """A Deferred that fires when no client is left."""
        deferred: Deferred[None] = Deferred()
        if self.clients:
            self._all_gone.append(deferred)
        else:
            deferred.callback(None)
        return deferred

    def is_own_address(self, host: str, port: int, here: str | None = None) -> bool:
        """
        Whether one of our listeners is at this address; a listener on all addresses is at every loopback one.

        @param here: our own address on a connection to C{host}; the same as C{host} when that is this machine.
        """
        for listener in self.listeners:
            address: Any = listener.port.getHost() if listener.port is not None else None
            if address is None or getattr(address, "port", None) != port:
                continue
            own = address.host
            is_any = own in ("0.0.0.0", "::")
            if host == own or (is_any and (_is_loopback(host) or host == here)):
                return True
            if host in ("localhost", "0.0.0.0", "::") and (is_any or _is_loopback(own)):
                return True
        return False


def _is_loopback(host: str) -> bool:
    """Whether this is an address of the loopback interface."""
    return host.startswith("127.") or host == "::1"


class ProxyService(Service):
    """
    The proxy as a service.

    @ivar failed: a Deferred that fails when the proxy cannot start; it never fires otherwise.
    @ivar proxy: what all rooms share; None before it is started.
    @ivar lifecycle: the addons' life: C{add_addon}, C{remove_addon}, C{update_options}.
    """

    def __init__(
        self,
        reactor: Any,
        options: Options,
        *,
        listeners: Sequence[str] = ("tcp:8080:interface=127.0.0.1",),
        scripts: Sequence[str] = (),
        addons: Sequence[object] = (),
        authority: IAuthority | None = None,
    ) -> None:
        """
        @param reactor: the reactor to use.
        @param options: from L{mitmtw.core_options.core_options}.
        @param listeners: C{[MODE@]ENDPOINT} strings.
        @param scripts: paths of Python files.
        @param addons: addon objects, after the scripts; or the names of installed ones, as C{--addon} takes them:
            C{NAME[?][:OPTION=VALUE...]}.
        @param authority: the certificate authority; by default that of the option C{confdir}.
        @raise OptionsError: a listener is not C{[MODE@]ENDPOINT}.
        """
        self.failed: Deferred[None] = Deferred()
        self.proxy: Proxy | None = None
        self.lifecycle: Lifecycle | None = None
        self._reactor = reactor
        self._options = options
        self._specs = [parse_listen(text) for text in listeners]
        self._scripts = list(scripts)
        self._addons = list(addons)
        self._authority = authority
        self._own_authority: Authority | None = None
        self._bridge: LogBridge | None = None
        self._reloader: Reloader | None = None
        self._stopping: list[Deferred[None]] = []

    @property
    def addresses(self) -> list[Any]:
        """The addresses of the listeners, in their order, once they are bound."""
        proxy = self.proxy
        return [cast(Any, each.port).getHost() for each in (proxy.listeners if proxy else []) if each.port is not None]

    # -- start --------------------------------------------------------------------------------------------------------

    @override
    def privilegedStartService(self) -> None:
        """Make the certificate authority if there is none, and bind all sockets; nobody is accepted yet."""
        super().privilegedStartService()
        try:
            self._prepare()
        except Exception:  # any reason not to start is told where the service is started from
            self._fail(Failure())

    def _prepare(self) -> None:
        """Make what needs privileges."""
        hooks = Hooks(cast(IReactorTime, self._reactor))
        authority = self._authority
        if authority is None:
            authority = self._own_authority = self._open_authority()
        proxy = self.proxy = Proxy(self._reactor, self._options, hooks, authority)
        self.lifecycle = Lifecycle(hooks, self._options, self._reactor)
        self._options.changed.append(proxy.options_changed)
        for spec in self._specs:
            listener = Listener(proxy, spec)
            proxy.listeners.append(listener)
            bound = serverFromString(self._reactor, spec.endpoint).listen(listener)
            bound.addCallback(listener.bound)
            bound.addErrback(self._fail)
            if self.failed.called:
                return

    def _open_authority(self) -> Authority:
        """The certificate authority of the configuration directory."""
        options = self._options
        names = [name for name in TLSSettings.__slots__ if hasattr(options, name)]
        settings = TLSSettings(
            **{name: getattr(options, name) for name in names}, keylog=os.environ.get("SSLKEYLOGFILE") or None
        )
        return Authority.open(options.confdir, clock=self._reactor, settings=settings)

    @override
    def startService(self) -> None:
        """Load, start and configure the addons, then accept clients."""
        super().startService()
        if self.proxy is None and not self.failed.called:
            self.privilegedStartService()
        if self.failed.called:
            return
        Deferred.fromCoroutine(self._start()).addErrback(self._fail)

    async def _start(self) -> None:
        """Addons first, then traffic."""
        proxy, lifecycle = self.proxy, self.lifecycle
        assert proxy is not None and lifecycle is not None
        self._bridge = LogBridge(proxy.hooks, self._reactor)
        self._bridge.start()
        for path in self._scripts:
            await lifecycle.add_addon(load_script(path))
        wanted = await add_addons(self._addons, lifecycle, self._options)
        await lifecycle.startup()
        forget_left_out(wanted, proxy.hooks.chain, self._options)
        self._options.require_known()
        if self.failed.called or not self.running:
            return
        for listener in proxy.listeners:
            listener.open()
        for listener, address in zip(proxy.listeners, self.addresses, strict=False):
            _log.info("{mode} proxy listens on {address}", mode=listener.spec.mode, address=address)
        await lifecycle.running()
        self._reloader = Reloader(lifecycle, proxy.hooks, self._options, self._reactor, proxy.live_flows)
        self._reloader.start()

    def _fail(self, failure: Failure) -> None:
        """Tell that the proxy cannot start, once, and give back what it has already."""
        if failure.check(CancelledError) is not None and not self.running:
            return  # it was stopped while it started
        if not self.failed.called:
            self.failed.errback(failure)
            self.stopService().addErrback(lambda left: _log.failure("the proxy did not stop", left))

    # -- stop ---------------------------------------------------------------------------------------------------------

    @override
    def stopService(self) -> Deferred[None]:
        """Stop accepting, drain what is under way, kill the rest, and end the addons; harmless when it is stopped."""
        super().stopService()
        stopped: Deferred[None] = Deferred()
        self._stopping.append(stopped)
        if len(self._stopping) == 1:
            Deferred.fromCoroutine(self._stop()).addBoth(self._stopped)
        return stopped

    def _stopped(self, result: Any) -> None:
        """All is over: tell all who asked for it."""
        waiting, self._stopping = self._stopping, []
        for stopped in waiting:
            stopped.callback(result)

    async def _stop(self) -> None:
        proxy, lifecycle = self.proxy, self.lifecycle
        if proxy is None or lifecycle is None:
            return
        lifecycle.stop_ticks()
        if self._reloader is not None:
            self._reloader.stop()
        closing = [maybeDeferred(each.port.stopListening) for each in proxy.listeners if each.port is not None]
        await DeferredList(closing, consumeErrors=True)
        await self._drain(proxy)
        proxy.upstream.close_all()
        await self._at_most(proxy.upstream.when_closed())
        proxy.upstream.abort_all()
        await self._at_most(proxy.upstream.when_closed())
        await lifecycle.shutdown()
        if proxy.options_changed in self._options.changed:
            self._options.changed.remove(proxy.options_changed)
        if self._bridge is not None:
            self._bridge.stop()
        if self._own_authority is not None:
            self._own_authority.close()
        self.proxy = None

    async def _drain(self, proxy: Proxy) -> None:
        """Let flows finish for C{drain_timeout} seconds, then kill what is left."""
        for client in list(proxy.clients):
            client.drain()
        seconds = self._options.drain_timeout
        if seconds:
            await self._at_most(proxy.when_all_gone(), seconds)
        self._kill_all(proxy)
        await self._at_most(proxy.when_all_gone())

    async def _at_most(self, deferred: Deferred[None], seconds: float | None = None) -> None:
        """
        Wait, but not for ever: a handler may be pending that never answers, and is cancelled by what comes next.

        @param seconds: C{done_timeout} unless given; 0 for no bound.
        """
        bound = self._options.done_timeout if seconds is None else seconds
        either: Deferred[None] = Deferred()
        call = self._reactor.callLater(bound, either.callback, None) if bound and not deferred.called else None

        def fired(_: object) -> None:
            if not either.called:
                either.callback(None)
            if call is not None and call.active():
                call.cancel()

        deferred.addBoth(fired)
        await either

    def _kill_all(self, proxy: Proxy) -> None:
        """The time to drain is over."""
        for client in list(proxy.clients):
            client.client_conn.error = client.client_conn.error or "the proxy shuts down"
            client.abort()
