"""
The two connections of a conversation: the client's to us, ours to the server.

These are facts that the proxy writes down as they become known, and a few wishes that an addon may change before they
are acted upon (C{address}, C{source_address}, C{sni}, C{tls}, C{via}, C{endpoint} in C{serverconnect}). All times are
seconds since the epoch.
"""

from collections.abc import Callable, Sequence
from enum import Flag
from typing import TYPE_CHECKING, ClassVar, Self
from uuid import uuid4

from typing_extensions import override

from mitmtw.model.state import State, describe, restore

if TYPE_CHECKING:
    from cryptography.x509 import Certificate

__all__ = ["Address", "ClientConnection", "Connection", "ConnectionState", "ServerConnection", "Via"]

Address = tuple[str, int]
"""Host (a name or an IP literal without brackets) and port."""

Via = str | tuple[str, Address] | Sequence[object] | None
"""
The way to a server: a proxy's URL or client endpoint string, C{(scheme, (host, port))}, a list of such for a chain, or
None for direct.
"""


def _shown(address: Address) -> str:
    """An address, for people."""
    host, port = address[:2]
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


class ConnectionState(Flag):
    """Which directions of a connection are open."""

    CLOSED = 0
    CAN_READ = 1
    CAN_WRITE = 2
    OPEN = 3


class Connection:
    """
    What both kinds of connection have.

    @ivar sockname: our own address and port.
    @ivar state: which directions are open.
    @ivar tls: TLS is spoken, or wished for.
    @ivar sni: the name in the ClientHello.
    @ivar alpn: the application protocol that was agreed on.
    @ivar alpn_offers: the application protocols in the ClientHello.
    @ivar tls_version: C{"TLSv1.3"} and so on.
    @ivar cipher: the cipher suite that was agreed on, in OpenSSL's spelling.
    @ivar cipher_list: the cipher suites that were offered, or that shall be.
    @ivar error: why the connection failed or was killed, in words for people. Setting it in C{clientconnect} or
        C{serverconnect} closes the connection, or keeps it from being made.
    @ivar timestamp_start: the TCP connection was accepted, or its making began.
    @ivar timestamp_tls_setup: the TLS handshake was complete.
    @ivar timestamp_end: the connection was closed.
    """

    __slots__ = (
        "_certificates",
        "_id",
        "alpn",
        "alpn_offers",
        "cipher",
        "cipher_list",
        "error",
        "sni",
        "sockname",
        "state",
        "timestamp_end",
        "timestamp_start",
        "timestamp_tls_setup",
        "tls",
        "tls_version",
    )

    STATE: ClassVar[tuple[str, ...]] = (
        "alpn",
        "alpn_offers",
        "cipher",
        "cipher_list",
        "error",
        "sni",
        "sockname",
        "timestamp_end",
        "timestamp_start",
        "timestamp_tls_setup",
        "tls",
        "tls_version",
    )
    """What a state holds, in order, beside identity, open directions and certificates."""

    def __init__(self) -> None:
        self._certificates: Sequence[Certificate] | Callable[[], Sequence[Certificate]] = ()
        self._id: str | None = None
        self.alpn: bytes | None = None
        self.alpn_offers: Sequence[bytes] = ()
        self.cipher: str | None = None
        self.cipher_list: Sequence[str] = ()
        self.error: str | None = None
        self.sni: str | None = None
        self.sockname: Address | None = None
        self.state = ConnectionState.CLOSED
        self.timestamp_end: float | None = None
        self.timestamp_start: float | None = None
        self.timestamp_tls_setup: float | None = None
        self.tls = False
        self.tls_version: str | None = None

    @property
    def id(self) -> str:
        """A name for this connection that no other has; made when it is first asked for."""
        if self._id is None:
            self._id = str(uuid4())
        return self._id

    @id.setter
    def id(self, name: str) -> None:
        self._id = name

    @property
    def connected(self) -> bool:
        """Are both directions open?"""
        return self.state is ConnectionState.OPEN

    @property
    def tls_established(self) -> bool:
        """Is the TLS handshake complete?"""
        return self.timestamp_tls_setup is not None

    ssl_established = tls_established

    @property
    def timestamp_ssl_setup(self) -> float | None:
        """An older name of C{timestamp_tls_setup}."""
        return self.timestamp_tls_setup

    @property
    def certificate_list(self) -> "Sequence[Certificate]":
        """
        The peer's certificates, its own first; empty without TLS or when it showed none.

        A callable may be assigned: it is called when somebody looks, so that a chain nobody asks for is never decoded.
        """
        if callable(self._certificates):
            self._certificates = tuple(self._certificates())
        return self._certificates

    @certificate_list.setter
    def certificate_list(self, certificates: "Sequence[Certificate] | Callable[[], Sequence[Certificate]]") -> None:
        self._certificates = certificates

    @property
    def certificate(self) -> "Certificate | None":
        """The peer's own certificate, or None."""
        chain = self.certificate_list
        return chain[0] if chain else None

    def kill(self) -> None:
        """Have this connection closed, or not made: sets C{error}, unless there is one already."""
        if self.error is None:
            self.error = "killed"

    def copy(self) -> Self:
        """The same facts under a new C{id}; the copy is not connected."""
        other = type(self).__new__(type(self))
        for kind in type(self).__mro__:
            for name in getattr(kind, "__slots__", ()):
                setattr(other, name, getattr(self, name))
        other._id = None
        other.state = ConnectionState.CLOSED
        return other

    def get_state(self) -> State:
        """The facts in a plain dictionary, certificates in DER."""
        state = describe(self, self.STATE)
        state["id"] = self.id
        state["state"] = self.state.value
        state["certificates"] = [_der(certificate) for certificate in self.certificate_list]
        return state

    def set_state(self, state: State) -> None:
        """Take the facts from what L{get_state} gave; certificates are decoded when somebody looks."""
        restore(self, self.STATE, state)
        for name in ("address", "peername", "sockname", "source_address"):
            held = state.get(name)
            if isinstance(held, list):  # a storage that knows no tuples
                setattr(self, name, tuple(held))
        self._id = state["id"]
        self.state = ConnectionState(state["state"])
        chain = tuple(state["certificates"])
        self._certificates = (lambda: _from_der(chain)) if chain else ()

    @classmethod
    def from_state(cls, state: State) -> Self:
        """A new connection from what L{get_state} gave."""
        self = cls.__new__(cls)
        self.set_state(state)
        return self

    def _where(self) -> str:
        """The peer, for people."""
        return "somewhere"

    @override
    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self._where()}{' TLS' if self.tls else ''} {self.state.name}>"


def _der(certificate: "Certificate") -> bytes:
    """A certificate's bytes."""
    from cryptography.hazmat.primitives.serialization import Encoding

    return certificate.public_bytes(Encoding.DER)


def _from_der(chain: Sequence[bytes]) -> "Sequence[Certificate]":
    """Certificates of these bytes."""
    from cryptography.x509 import load_der_x509_certificate

    return tuple([load_der_x509_certificate(der) for der in chain])


class ClientConnection(Connection):
    """
    A client's connection to us.

    @ivar address: the client's address and port; None where the transport has none (a UNIX socket).
    @ivar mode: the proxy mode of the listener that accepted it, as it was configured.
    """

    __slots__ = ("address", "mode")

    STATE: ClassVar[tuple[str, ...]] = (*Connection.STATE, "address", "mode")

    def __init__(
        self,
        address: Address | None = None,
        sockname: Address | None = None,
        timestamp_start: float | None = None,
        mode: str = "regular",
    ) -> None:
        super().__init__()
        self.address = address
        self.sockname = sockname
        self.timestamp_start = timestamp_start
        self.mode = mode

    @property
    def peername(self) -> Address | None:
        """The same as C{address}."""
        return self.address

    @peername.setter
    def peername(self, address: Address | None) -> None:
        self.address = address

    ip_address = peername

    @property
    def proxy_mode(self) -> str:
        """The same as C{mode}."""
        return self.mode

    @override
    def _where(self) -> str:
        return _shown(self.address) if self.address else "local"


class ServerConnection(Connection):
    """
    Our connection to a server.

    @ivar address: host and port to connect to; never None when C{serverconnect} fires.
    @ivar source_address: our own address and port to connect from; None leaves the choice to the system.
    @ivar peername: the address that was connected to, an IP and a port.
    @ivar via: the way there: None is direct.
    @ivar endpoint: a Twisted client endpoint string that is used in place of C{address}; None for none.
    @ivar timestamp_dns_setup: the name was resolved.
    @ivar timestamp_tcp_setup: the TCP connection was established.
    """

    __slots__ = (
        "address",
        "endpoint",
        "peername",
        "source_address",
        "timestamp_dns_setup",
        "timestamp_tcp_setup",
        "via",
    )

    STATE: ClassVar[tuple[str, ...]] = (
        *Connection.STATE,
        "address",
        "endpoint",
        "peername",
        "source_address",
        "timestamp_dns_setup",
        "timestamp_tcp_setup",
        "via",
    )

    def __init__(self, address: Address | None = None, tls: bool = False, sni: str | None = None) -> None:
        super().__init__()
        self.address = address
        self.tls = tls
        self.sni = sni
        self.endpoint: str | None = None
        self.peername: Address | None = None
        self.source_address: Address | None = None
        self.timestamp_dns_setup: float | None = None
        self.timestamp_tcp_setup: float | None = None
        self.via: Via = None

    @property
    def host(self) -> str | None:
        """The host in C{address}."""
        return self.address[0] if self.address else None

    @host.setter
    def host(self, host: str) -> None:
        self.address = (host, self.address[1] if self.address else (443 if self.tls else 80))

    @property
    def port(self) -> int | None:
        """The port in C{address}."""
        return self.address[1] if self.address else None

    @port.setter
    def port(self, port: int) -> None:
        self.address = (self.address[0] if self.address else "", port)

    @property
    def ip_address(self) -> Address | None:
        """An older name of C{peername}."""
        return self.peername

    @override
    def _where(self) -> str:
        return _shown(self.address) if self.address else "nowhere"
