"""
The attributes of the dispatcher, one for each hook, with their types: what the core reads for every event.

They stand here one by one because a type checker cannot see those that are made from a table; a test holds them
against it.
"""

from mitmtw.interfaces.hooks import HookCall

__all__ = ["HookAttributes"]


class HookAttributes:
    """One attribute for each hook: None when nobody listens, else the callable that runs the chain."""

    start: HookCall = None
    configure: HookCall = None
    log: HookCall = None
    tick: HookCall = None
    done: HookCall = None
    clientconnect: HookCall = None
    clientdisconnect: HookCall = None
    serverconnect: HookCall = None
    serverdisconnect: HookCall = None
    next_layer: HookCall = None
    http_connect: HookCall = None
    requestheaders: HookCall = None
    request: HookCall = None
    responseheaders: HookCall = None
    response: HookCall = None
    error: HookCall = None
    websocket_handshake: HookCall = None
    websocket_start: HookCall = None
    websocket_message: HookCall = None
    websocket_error: HookCall = None
    websocket_end: HookCall = None
    tcp_start: HookCall = None
    tcp_message: HookCall = None
    tcp_error: HookCall = None
    tcp_end: HookCall = None
    load: HookCall = None
    running: HookCall = None
    update: HookCall = None
    server_connected: HookCall = None
    server_connect_error: HookCall = None
