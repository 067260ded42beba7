"""
What the rooms that fire events know of the dispatcher (L{IHooks}), and the type of a handler's result.
"""

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any, TypeAlias

from zope.interface import Attribute, Interface

if TYPE_CHECKING:
    from twisted.internet.defer import Deferred

__all__ = ["HookCall", "HookResult", "IHooks"]

#: What a handler may return: nothing, a Deferred, or a coroutine (anything awaitable under the running reactor).
HookResult: TypeAlias = "Deferred[Any] | Awaitable[Any] | None"

#: One attribute of L{IHooks}: None when nobody listens, else the callable that runs the chain.
HookCall: TypeAlias = "Callable[..., Deferred[None] | None] | None"


class IHooks(Interface):
    """
    The dispatcher: one attribute for each hook, beside L{fire}.

    An attribute is None when nobody listens, so an unheard hook costs one attribute read. Otherwise it is a callable
    that takes the hook's arguments, runs the handlers one after another in chain order, and returns None when all of
    them answered at once, else a Deferred that fires with None when the last one is done::

        if hooks.request is not None:
            pending = hooks.request(flow)
            if pending is not None:
                await pending

    The Deferred never fails because of a handler: failures are logged and the addon's failure policy is applied. It
    fails with C{CancelledError} only when its owner cancels it: then the handler that is pending is cancelled too,
    the handlers after it are skipped, and nobody waits any more, in that same turn. Whoever fires the events of one
    flow waits for one before firing the next: the dispatcher keeps no queue for each flow.
    """

    configure: HookCall = Attribute("The hook C{configure}.")
    start: HookCall = Attribute("The hook C{start}.")
    log: HookCall = Attribute("The hook C{log}.")
    tick: HookCall = Attribute("The hook C{tick}.")
    done: HookCall = Attribute("The hook C{done}.")
    clientconnect: HookCall = Attribute("The hook C{clientconnect}.")
    clientdisconnect: HookCall = Attribute("The hook C{clientdisconnect}.")
    serverconnect: HookCall = Attribute("The hook C{serverconnect}.")
    serverdisconnect: HookCall = Attribute("The hook C{serverdisconnect}.")
    next_layer: HookCall = Attribute("The hook C{next_layer}.")
    http_connect: HookCall = Attribute("The hook C{http_connect}.")
    requestheaders: HookCall = Attribute("The hook C{requestheaders}.")
    request: HookCall = Attribute("The hook C{request}.")
    responseheaders: HookCall = Attribute("The hook C{responseheaders}.")
    response: HookCall = Attribute("The hook C{response}.")
    error: HookCall = Attribute("The hook C{error}.")
    websocket_handshake: HookCall = Attribute("The hook C{websocket_handshake}.")
    websocket_start: HookCall = Attribute("The hook C{websocket_start}.")
    websocket_message: HookCall = Attribute("The hook C{websocket_message}.")
    websocket_error: HookCall = Attribute("The hook C{websocket_error}.")
    websocket_end: HookCall = Attribute("The hook C{websocket_end}.")
    tcp_start: HookCall = Attribute("The hook C{tcp_start}.")
    tcp_message: HookCall = Attribute("The hook C{tcp_message}.")
    tcp_error: HookCall = Attribute("The hook C{tcp_error}.")
    tcp_end: HookCall = Attribute("The hook C{tcp_end}.")
    load: HookCall = Attribute("The hook C{load}.")
    running: HookCall = Attribute("The hook C{running}.")
    update: HookCall = Attribute("The hook C{update}.")
    server_connected: HookCall = Attribute("The hook C{server_connected}.")
    server_connect_error: HookCall = Attribute("The hook C{server_connect_error}.")

    wants_request_body: int = Attribute(
        "Who wants whole request bodies: 0 nobody, 1 somebody, but not of streams by nature, 2 somebody wants all."
    )
    wants_response_body: int = Attribute("The same for response bodies.")
    rebuilt: "list[Callable[[], None]]" = Attribute("Called after each change of the attributes above.")

    def fire(name: str, *args: object) -> "Deferred[None]":
        """
        Run a hook by its name.

        @param name: the name of a hook of the table.
        @return: a Deferred that fires with None when the last handler is done; already fired if nobody was waited for.
        @raise AddonError: there is no hook of this name.
        """
