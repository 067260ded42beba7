"""
TLS that ends here: the ClientHello is read before anything is decided, then we play the server with a leaf of our own.

The plaintext inside is a byte stream of its own, with a switch and an opening of its own.
"""

from typing import Any

from twisted.internet.defer import Deferred
from twisted.logger import Logger
from twisted.python.failure import Failure
from typing_extensions import override

from mitmtw._layers.client import Client, Target
from mitmtw._layers.layer import Layer
from mitmtw._layers.opening import Opening, inside_tls, is_raw
from mitmtw._layers.server_end import connect_end
from mitmtw._layers.switch import Switch
from mitmtw._streams.timeouts import NEVER
from mitmtw._wire.client_hello import ClientHello, read_client_hello
from mitmtw.errors import RemoteProtocolError
from mitmtw.model import ServerConnection

__all__ = ["TLSLayer"]

_log = Logger()
_HTTP = frozenset({b"h2", b"http/1.1", b"http/1.0"})


class TLSLayer(Layer):
    """
    A client's TLS, from its ClientHello on.

    @ivar may_ask_server: whether a connection of its own may tell the server's certificate; not when TLS began in the
        middle of a dialogue, which a new connection would have to begin with.
    """

    name = "tls"
    may_ask_server = True

    def __init__(self, client: Client, target: Target | None = None) -> None:
        super().__init__(client, target)
        self._buffer = b""
        self._inner: Switch | None = None
        self._protocol: Any = None
        self._is_secured = False

    @override
    def started(self) -> None:
        """Wait for the whole ClientHello."""
        seconds = self.client.proxy.options.tls_handshake_timeout
        self.switch.deadline = self.client.proxy.timeouts.seconds() + (seconds or NEVER)

    @override
    def dataReceived(self, data: bytes) -> None:
        """A part of the ClientHello."""
        self._buffer += data
        try:
            hello = read_client_hello(self._buffer)
        except RemoteProtocolError as error:
            _log.info("a client's TLS is broken: {error}", error=str(error))
            self.transport.abortConnection()
            return
        if hello is not None:
            self._read_hello(hello)

    def _read_hello(self, hello: ClientHello) -> None:
        """Decide what to offer, asking the server first where only it can tell."""
        conn = self.client.client_conn
        conn.sni = hello.sni
        conn.alpn_offers = list(hello.alpn)
        target = self.target
        strange = bool(hello.alpn) and not _HTTP.intersection(hello.alpn)
        sniffs = self.client.proxy.options.upstream_cert and self.may_ask_server
        if target is None or not (strange or sniffs):
            self._accept(hello, self._choices(hello), None)
            return
        sni = target.sni or hello.sni or target.host
        upstream = self.client.proxy.upstream
        if strange:
            server_conn = ServerConnection((target.host, target.port), True, sni)
            asked: Deferred[Any] = Deferred.fromCoroutine(connect_end(self.client, server_conn, tuple(hello.alpn)))
        else:
            asked = upstream.warm(target.host, target.port, sni, self.client)
        self.switch.wait(asked, lambda result: self._asked(hello, strange, result))

    def _choices(self, hello: ClientHello) -> tuple[bytes, ...]:
        """The protocols of those that the client offers which we speak, the best first."""
        proxy = self.client.proxy
        is_read = proxy.options.http2 and not is_raw(self.client, self.target)
        known = (b"h2", b"http/1.1") if is_read else (b"http/1.1",)
        return tuple([each for each in known if each in hello.alpn])

    def _asked(self, hello: ClientHello, strange: bool, result: Any) -> None:
        """The server was asked; when that failed, the client learns it inside TLS."""
        alpn = self._choices(hello)
        like = None
        if not isinstance(result, Failure):
            like = result.server_conn.certificate_list
            if strange:
                chosen = result.server_conn.alpn
                alpn = (chosen,) if chosen else ()
                self.client.early_end = result
        self._accept(hello, alpn, like)

    def _accept(self, hello: ClientHello, alpn: tuple[bytes, ...], like: Any) -> None:
        """Shake hands with the client."""
        client, target = self.client, self.target
        host = hello.sni or (target.host if target is not None else "")
        names = [name for name in (hello.sni, target.host if target is not None else None) if name]
        if not names and client.client_conn.sockname is not None:
            names = [client.client_conn.sockname[0]]
        inner_target = None if target is None else inside_tls(target, hello.sni, host)
        inner = Switch(client, lambda switch: None)
        inner.secured = lambda: self._secured(inner_target)
        self._inner = inner
        protocol = client.proxy.authority.server_side(list(dict.fromkeys(names)), alpn, like, inner)
        self._protocol = protocol
        buffer, self._buffer = self._buffer, b""
        switch = self.switch
        if switch.layer is not self:
            switch.layer = self
        switch.dataReceived = protocol.dataReceived
        seconds = client.proxy.options.tls_handshake_timeout
        switch.deadline = client.proxy.timeouts.seconds() + (seconds or NEVER)
        protocol.makeConnection(self.transport)
        protocol.dataReceived(buffer)

    def _secured(self, target: Target | None) -> None:
        """The handshake is done: what is inside begins."""
        self._is_secured = True
        self.switch.deadline = NEVER
        client = self.client
        conn = client.client_conn
        inner = self._inner
        if self._protocol is None or inner is None:
            return
        description = client.proxy.authority.describe(self._protocol.getHandle())
        conn.tls = True
        conn.timestamp_tls_setup = client.proxy.now()
        conn.tls_version = description.tls_version
        conn.cipher = description.cipher
        conn.alpn = description.alpn
        inner.to(Opening(client, target, is_client_first=conn.alpn in _HTTP))

    @override
    def readConnectionLost(self) -> None:
        """A FIN without close_notify: under TLS that means gone."""
        self.client.is_cut = True
        self.transport.abortConnection()

    @override
    def connectionLost(self, reason: Failure) -> None:
        """The client is gone."""
        if self._protocol is not None:
            self._protocol.connectionLost(reason)
            if not self._is_secured:
                self._failed()

    def _failed(self) -> None:
        """The handshake came to nothing: most often the client does not trust our root."""
        conn = self.client.client_conn
        name = conn.sni or (self.target.host if self.target is not None else "the proxy")
        conn.error = conn.error or f"the TLS handshake failed; does the client trust the certificate for {name}?"
        _log.info("{peer}: {error}", peer=conn.address, error=conn.error)

    @override
    def peer_gone(self) -> None:
        """The client was found to be gone."""
        self.transport.abortConnection()

    @override
    def drain(self) -> None:
        """The proxy shuts down: what is inside decides."""
        if self._inner is not None and self._inner.layer is not None:
            self._inner.layer.drain()
        elif not self._is_secured:
            self.transport.abortConnection()
