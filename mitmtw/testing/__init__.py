"""
What tests of addons need, and tests of this package: an in-memory network with a clock, peers that speak bytes, an
addon that records, builders of flows, a throw-away certificate authority, a whole proxy on all of that, and proxies on
real sockets. Begin with L{AddonTester}.

Nothing here imports a reactor. The names are imported when they are first used: pytest imports this package for its
plugin wherever mitmtw is installed, and should not pay for the rest.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mitmtw.testing.addon import Recorder
    from mitmtw.testing.authority import throw_away_authority, throw_away_root
    from mitmtw.testing.canned import Canned
    from mitmtw.testing.flows import (
        client_conn,
        http_flow,
        make_request,
        make_response,
        server_conn,
        tcp_flow,
        websocket_flow,
    )
    from mitmtw.testing.harness import Harness
    from mitmtw.testing.network import Network
    from mitmtw.testing.peers import Origin, Peer
    from mitmtw.testing.running import RunningOrigin, RunningProxy
    from mitmtw.testing.tester import AddonTester, Exchanged
    from mitmtw.testing.tls import TLSOrigin, secure_client
    from mitmtw.testing.transport import MemoryTransport
    from mitmtw.testing.trial import ProxyMixin
    from mitmtw.testing.verify import verify_addon

__all__ = [
    "AddonTester",
    "Canned",
    "Exchanged",
    "Harness",
    "MemoryTransport",
    "Network",
    "Origin",
    "Peer",
    "ProxyMixin",
    "Recorder",
    "RunningOrigin",
    "RunningProxy",
    "TLSOrigin",
    "client_conn",
    "http_flow",
    "make_request",
    "make_response",
    "secure_client",
    "server_conn",
    "tcp_flow",
    "throw_away_authority",
    "throw_away_root",
    "verify_addon",
    "websocket_flow",
]

# In which module of this package each name is.
_MODULES = {
    "AddonTester": "tester",
    "Canned": "canned",
    "Exchanged": "tester",
    "Harness": "harness",
    "MemoryTransport": "transport",
    "Network": "network",
    "Origin": "peers",
    "Peer": "peers",
    "ProxyMixin": "trial",
    "Recorder": "addon",
    "RunningOrigin": "running",
    "RunningProxy": "running",
    "TLSOrigin": "tls",
    "client_conn": "flows",
    "http_flow": "flows",
    "make_request": "flows",
    "make_response": "flows",
    "secure_client": "tls",
    "server_conn": "flows",
    "tcp_flow": "flows",
    "throw_away_authority": "authority",
    "throw_away_root": "authority",
    "verify_addon": "verify",
    "websocket_flow": "flows",
}


def __getattr__(name: str) -> Any:
    """A name of C{__all__}, imported now."""
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    found = globals()[name] = getattr(import_module(f"{__name__}.{_MODULES[name]}"), name)
    return found
