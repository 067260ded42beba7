"""
What the author of an addon imports.

An addon is any object (or module) that has methods with the names of hooks. There are two ways to write one: give a
plain class the methods it needs, or derive from the base of an interface, such as L{HTTPAddon}, and override::

    from mitmtw.addon import HTTPAddon

    class NoCookies(HTTPAddon):
        async def request(self, flow):
            flow.request.headers.pop("cookie", None)

Each base implements all methods of its interface as no-ops; one that is not overridden costs nothing, the dispatcher
leaves it out. The hooks are described by the interfaces in L{mitmtw.interfaces}. A handler returns None, a Deferred or
a coroutine. Beside its handlers an addon may have these attributes:

  - C{name}: what the log, the options and error messages call it; its class's name in lower case unless given.
  - C{addons}: further addons, which come right after it in the chain and leave with it.
  - C{options}: a tuple of L{mitmtw.options.Option}, as another way than C{load} to declare options of its own.
  - C{before}, C{after}: names of addons, or of a milestone as a whole, that it wants to come before or after in the
    chain; C{milestone}: C{"decide"}, C{"modify"} (unless given) or C{"record"}, which follow one another.
  - C{failure_policy}: what happens to a flow when a handler of this addon fails: C{"continue"} (the default) goes on
    with the next addon, C{"kill"} kills the flow or connection, C{"respond"} or C{("respond", status)} answers with
    that status (503 unless given), and kills where the hook has no response to give. The last two end the chain for
    that event.
  - C{max_pending}: so many calls of its handlers may be pending at one time; more wait in line, first come first
    served.
  - C{wants_body}: see L{wants_body}.

A handler that blocks is marked by L{in_thread}.
"""

from collections.abc import Callable, Sequence
from collections.abc import Set as AbstractSet
from inspect import isasyncgenfunction, iscoroutinefunction, isgeneratorfunction
from typing import TYPE_CHECKING, Any, TypeVar

from zope.interface import implementer

from mitmtw.errors import AddonError, OptionsError, StopChain
from mitmtw.interfaces import (
    IConnectionAddon,
    IHTTPAddon,
    ILayerAddon,
    ILifecycleAddon,
    ILoader,
    IServerConnectionAddon,
    IStartupAddon,
    ITCPAddon,
    IUpdateAddon,
    IWebSocketAddon,
)
from mitmtw.interfaces.hooks import HookResult
from mitmtw.interfaces.lifecycle import LogEntry

if TYPE_CHECKING:
    from mitmtw.model import HTTPFlow, ServerConnection

__all__ = [
    "Addon",
    "AddonError",
    "ConnectionAddon",
    "HTTPAddon",
    "HookResult",
    "LayerAddon",
    "LifecycleAddon",
    "LogEntry",
    "OptionsError",
    "ServerConnectionAddon",
    "StartupAddon",
    "StopChain",
    "TCPAddon",
    "UpdateAddon",
    "WebSocketAddon",
    "in_thread",
    "is_no_op",
    "wants_body",
]

_Handler = TypeVar("_Handler", bound=Callable[..., Any])


def wants_body(wanted: bool | None) -> Callable[[_Handler], _Handler]:
    """
    Say for one handler of C{request} or C{response} whether bodies are to be collected for it; it wins over the
    attribute C{wants_body} of the addon.

    @param wanted: None collects, but not streams by nature (C{text/event-stream}, gRPC, C{multipart/x-mixed-replace});
        True collects these too; False never: if everybody says so, bodies are relayed as they come, and the handler is
        called after the last byte.
    """
    if wanted is not None and not isinstance(wanted, bool):
        raise AddonError(f"wants_body takes True, False or None, not {wanted!r}")

    def mark(handler: _Handler) -> _Handler:
        handler.__dict__["wants_body"] = wanted
        return handler

    return mark


def in_thread(handler: _Handler) -> _Handler:
    """
    Run a handler that blocks in a thread of the reactor's pool; the flow waits for it as for any other, and no other
    flow does::

        @in_thread
        def response(self, flow):
            self.folder.joinpath(flow.id).write_bytes(flow.response.content or b"")

    The handler works on a copy of the flow or connection. When it returns, or raises, its changes are made in the
    original, and then the next handler is called. When the deadline passes or the flow is cancelled before that,
    nobody waits any more, and nothing that the thread still does has an effect on the flow: no thread can be stopped
    from outside. C{flow.kill()}, C{intercept()}, C{resume()} and C{inject()} count when the handler is done.

    It is for ordinary functions, and not for hooks whose argument is a layer (C{clientconnect}, C{clientdisconnect},
    C{next_layer}) nor for C{load}: those belong to the reactor's thread. What the addon itself
    keeps is not copied: where other handlers use it too, it needs a lock.

    @raise AddonError: the handler is C{async}, or a generator function.
    """
    if iscoroutinefunction(handler) or isgeneratorfunction(handler) or isasyncgenfunction(handler):
        raise AddonError(f"in_thread is for ordinary functions that block, {handler.__qualname__} is none")
    handler.__dict__["in_thread"] = True
    return handler


@implementer(ILifecycleAddon)
class LifecycleAddon:
    """No-ops for L{ILifecycleAddon}."""

    def start(self) -> Any:
        """See L{ILifecycleAddon.start}."""
        return None

    def configure(self, options: Any, updated: AbstractSet[str]) -> HookResult:
        """See L{ILifecycleAddon.configure}."""
        return None

    def log(self, entry: LogEntry) -> HookResult:
        """See L{ILifecycleAddon.log}."""
        return None

    def tick(self) -> HookResult:
        """See L{ILifecycleAddon.tick}."""
        return None

    def done(self) -> HookResult:
        """See L{ILifecycleAddon.done}."""
        return None


@implementer(IConnectionAddon)
class ConnectionAddon:
    """No-ops for L{IConnectionAddon}."""

    def clientconnect(self, root_layer: Any) -> Any:
        """See L{IConnectionAddon.clientconnect}."""
        return None

    def clientdisconnect(self, root_layer: Any) -> HookResult:
        """See L{IConnectionAddon.clientdisconnect}."""
        return None

    def serverconnect(self, server_conn: "ServerConnection") -> HookResult:
        """See L{IConnectionAddon.serverconnect}."""
        return None

    def serverdisconnect(self, server_conn: "ServerConnection") -> HookResult:
        """See L{IConnectionAddon.serverdisconnect}."""
        return None


@implementer(ILayerAddon)
class LayerAddon:
    """No-ops for L{ILayerAddon}."""

    def next_layer(self, layer: Any) -> Any:
        """See L{ILayerAddon.next_layer}."""
        return None


@implementer(IHTTPAddon)
class HTTPAddon:
    """No-ops for L{IHTTPAddon}."""

    def http_connect(self, flow: "HTTPFlow") -> HookResult:
        """See L{IHTTPAddon.http_connect}."""
        return None

    def requestheaders(self, flow: "HTTPFlow") -> HookResult:
        """See L{IHTTPAddon.requestheaders}."""
        return None

    def request(self, flow: "HTTPFlow") -> HookResult:
        """See L{IHTTPAddon.request}."""
        return None

    def responseheaders(self, flow: "HTTPFlow") -> HookResult:
        """See L{IHTTPAddon.responseheaders}."""
        return None

    def response(self, flow: "HTTPFlow") -> HookResult:
        """See L{IHTTPAddon.response}."""
        return None

    def error(self, flow: "HTTPFlow") -> HookResult:
        """See L{IHTTPAddon.error}."""
        return None


@implementer(IWebSocketAddon)
class WebSocketAddon:
    """No-ops for L{IWebSocketAddon}."""

    def websocket_handshake(self, flow: "HTTPFlow") -> HookResult:
        """See L{IWebSocketAddon.websocket_handshake}."""
        return None

    def websocket_start(self, flow: Any) -> HookResult:
        """See L{IWebSocketAddon.websocket_start}."""
        return None

    def websocket_message(self, flow: Any) -> HookResult:
        """See L{IWebSocketAddon.websocket_message}."""
        return None

    def websocket_error(self, flow: Any) -> HookResult:
        """See L{IWebSocketAddon.websocket_error}."""
        return None

    def websocket_end(self, flow: Any) -> HookResult:
        """See L{IWebSocketAddon.websocket_end}."""
        return None


@implementer(ITCPAddon)
class TCPAddon:
    """No-ops for L{ITCPAddon}."""

    def tcp_start(self, flow: Any) -> HookResult:
        """See L{ITCPAddon.tcp_start}."""
        return None

    def tcp_message(self, flow: Any) -> HookResult:
        """See L{ITCPAddon.tcp_message}."""
        return None

    def tcp_error(self, flow: Any) -> HookResult:
        """See L{ITCPAddon.tcp_error}."""
        return None

    def tcp_end(self, flow: Any) -> HookResult:
        """See L{ITCPAddon.tcp_end}."""
        return None


@implementer(IStartupAddon)
class StartupAddon:
    """No-ops for L{IStartupAddon}."""

    def load(self, loader: ILoader) -> HookResult:
        """See L{IStartupAddon.load}."""
        return None

    def running(self) -> HookResult:
        """See L{IStartupAddon.running}."""
        return None


@implementer(IUpdateAddon)
class UpdateAddon:
    """No-ops for L{IUpdateAddon}."""

    def update(self, flows: Sequence[Any]) -> HookResult:
        """See L{IUpdateAddon.update}."""
        return None


@implementer(IServerConnectionAddon)
class ServerConnectionAddon:
    """No-ops for L{IServerConnectionAddon}."""

    def server_connected(self, server_conn: "ServerConnection") -> HookResult:
        """See L{IServerConnectionAddon.server_connected}."""
        return None

    def server_connect_error(self, server_conn: "ServerConnection") -> HookResult:
        """See L{IServerConnectionAddon.server_connect_error}."""
        return None


class Addon(
    LifecycleAddon,
    ConnectionAddon,
    LayerAddon,
    HTTPAddon,
    WebSocketAddon,
    TCPAddon,
    StartupAddon,
    UpdateAddon,
    ServerConnectionAddon,
):
    """No-ops for all hooks."""


_NO_OPS = frozenset(
    function
    for base in Addon.__mro__[1:-1]
    for name, function in vars(base).items()
    if not name.startswith("_") and callable(function)
)


def is_no_op(method: object) -> bool:
    """Whether a method is one that a base of this module supplies, not overridden: nobody needs to call it."""
    return getattr(method, "__func__", method) in _NO_OPS
