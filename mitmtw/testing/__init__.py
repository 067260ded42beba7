"""
Helpers for tests of addons and of this package: an in-memory network with a clock, peers that speak bytes, an addon
that records, builders of flows, a throw-away certificate authority, and a whole proxy on all of that.
"""

from mitmtw.testing.addon import Recorder
from mitmtw.testing.authority import throw_away_authority
from mitmtw.testing.flows import client_conn, http_flow, make_request, make_response, server_conn
from mitmtw.testing.harness import Harness
from mitmtw.testing.network import Network
from mitmtw.testing.peers import Origin, Peer
from mitmtw.testing.tls import TLSOrigin, secure_client
from mitmtw.testing.transport import MemoryTransport

__all__ = [
    "Harness",
    "MemoryTransport",
    "Network",
    "Origin",
    "Peer",
    "Recorder",
    "TLSOrigin",
    "client_conn",
    "http_flow",
    "make_request",
    "make_response",
    "secure_client",
    "server_conn",
    "throw_away_authority",
]
