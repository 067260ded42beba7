"""
Peers that speak TLS: the other ends of what the proxy intercepts.

Servers show certificates of the throw-away root, and clients trust it, as a L{mitmtw.testing.Harness}'s proxy does.
"""

from collections.abc import Callable, Sequence
from typing import Any

from twisted.internet.interfaces import IAddress
from typing_extensions import override

from mitmtw.interfaces.authority import IAuthority, TLSParameters
from mitmtw.testing.peers import Origin, Peer

__all__ = ["TLSOrigin", "secure_client"]


def secure_client(
    authority: IAuthority, client: Peer, name: str, alpn: Sequence[bytes], inner: Peer | None = None
) -> Peer:
    """
    Start TLS as a client on a connection.

    @param authority: says whom the client trusts.
    @param client: the connection; what it hears from now on is TLS.
    @param name: the name to send and to verify.
    @param inner: what speaks inside; a new peer unless given.
    @return: the peer that speaks inside.
    """
    inner = inner or Peer()
    protocol: Any = authority.client_side(TLSParameters(name, name, tuple(alpn), None, True), inner)
    protocol.is_of_test = True
    wire = client.wire
    wire.protocol = protocol
    protocol.makeConnection(wire)
    return inner


class TLSOrigin(Origin):
    """A server that speaks TLS; its C{peers} are the plaintexts inside."""

    def __init__(
        self,
        authority: IAuthority,
        names: Sequence[str],
        alpn: Sequence[bytes],
        answer: bytes | Callable[[Peer], None] | None = None,
    ) -> None:
        """
        @param authority: issues its certificates.
        @param names: those in its certificate.
        @param alpn: the protocols it knows.
        @param answer: see L{Origin}.
        """
        super().__init__(answer)
        self._authority = authority
        self._names = names
        self._alpn = alpn

    @override
    def buildProtocol(self, addr: IAddress | None) -> Any:
        """A new connection."""
        protocol: Any = self._authority.server_side(self._names, self._alpn, None, super().buildProtocol(addr))
        protocol.is_of_test = True
        return protocol
