"""
The trivial addon of C{--addon}: it listens to every hook that both proxies know. A script for either of them.
"""

from collections.abc import Callable

_HOOKS = (
    "requestheaders", "request", "responseheaders", "response", "error", "http_connect", "tcp_start",
    "tcp_message", "tcp_end", "tcp_error", "websocket_start", "websocket_message", "websocket_end",
    "client_connected", "client_disconnected", "server_connected", "server_disconnected", "clientconnect",
    "clientdisconnect", "serverconnect", "serverdisconnect",
)  # fmt: skip


class EveryHook:
    """Counts what it hears."""

    def __init__(self) -> None:
        self.heard = 0


def _listener() -> Callable[[EveryHook, object], None]:
    """A method that counts."""

    def heard(self: EveryHook, subject: object) -> None:
        self.heard += 1

    return heard


def _add_hooks() -> None:
    """Give the addon all of its methods; C{vars} of both proxies find them on the class."""
    for name in _HOOKS:
        setattr(EveryHook, name, _listener())


_add_hooks()
addons = [EveryHook()]
