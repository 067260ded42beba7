"""
Peers that echo, on autobahn: a server for the suite's fuzzing client, and a client for its fuzzing server. Both write
down what they saw, above all whether they had to refuse a frame.

    python -m tests.conformance.echo server LEDGER [CERTIFICATE]
    python -m tests.conformance.echo client LEDGER URL [--form absolute|connect --proxy PORT]
"""

import argparse
import os
import sys
from collections.abc import Callable, Sequence
from typing import Any, cast

os.environ.setdefault("AUTOBAHN_USE_NVX", "1")  # read at the first import of autobahn

from autobahn.twisted.websocket import (
    WebSocketClientFactory,
    WebSocketClientProtocol,
    WebSocketServerFactory,
    WebSocketServerProtocol,
)
from autobahn.websocket.compress import (
    PerMessageDeflateOffer,
    PerMessageDeflateOfferAccept,
    PerMessageDeflateResponse,
    PerMessageDeflateResponseAccept,
)
from OpenSSL.SSL import Context
from twisted.internet.ssl import CertificateOptions, DefaultOpenSSLContextFactory

from tests.conformance.ledger import Ledger, Tally, case_of

__all__ = ["EchoClients", "echo_server"]

#: Bytes; the largest message of the suite is 16 MiB (case 9.1.6).
_LARGEST = 64 * 1024 * 1024
#: Seconds; a case waits for no more than ten for an answer, and a busy machine makes them long.
_PATIENCE = 30
#: Seconds; what a peer waits for the answer to its close frame, which does not come in the midst of a frame (6.4.4).
_CLOSING = 2


def accept_offer(offers: Sequence[Any]) -> Any:
    """Take the first offer of permessage-deflate, as a server."""
    for offer in offers:
        if isinstance(offer, PerMessageDeflateOffer):
            return PerMessageDeflateOfferAccept(offer)
    return None


def accept_response(response: Any) -> Any:
    """Take permessage-deflate, as a client."""
    if isinstance(response, PerMessageDeflateResponse):
        return PerMessageDeflateResponseAccept(response)
    return None


def _why(peer: Any) -> str:
    """Why a peer failed its connection, in words."""
    reason = peer.localCloseReason or b""
    return f"{peer.localCloseCode} {reason.decode('utf-8', 'replace') if isinstance(reason, bytes) else reason}"


class Echo:
    """
    What both echo protocols do.

    @ivar case: the case of this connection, empty when it is none.
    """

    case = ""

    def onOpen(self) -> None:
        self._received, self._sent = Tally(), Tally()

    def onMessage(self, payload: bytes, isBinary: bool) -> None:  # noqa: N803 - autobahn's name
        self._received.add(payload, not isBinary)
        peer = cast(Any, self)
        if peer.state == peer.STATE_OPEN:
            self._sent.add(payload, not isBinary)
            peer.sendMessage(payload, isBinary)

    def write_down(self) -> None:
        """Say what was seen, when the connection is over."""
        peer = cast(Any, self)
        if not self.case or not hasattr(self, "_received"):
            return
        violation = _why(peer) if peer.failedByMe else None
        peer.factory.ledger.write(
            self.case, received=self._received.total(), sent=self._sent.total(), violation=violation,
            closed=[peer.wasClean, peer.remoteCloseCode],
        )  # fmt: skip


class EchoServerProtocol(Echo, WebSocketServerProtocol):  # type: ignore[misc] # two bases differ
    """Sends each message back."""

    def onConnect(self, request: Any) -> None:
        self.case = (request.params.get("case") or [""])[0]

    def onClose(self, wasClean: bool, code: int | None, reason: str | None) -> None:  # noqa: N803 - autobahn's name
        self.write_down()


class EchoClientProtocol(Echo, WebSocketClientProtocol):  # type: ignore[misc] # two bases differ
    """Sends each message back."""

    def onOpen(self) -> None:
        Echo.onOpen(self)
        self.case = self.factory.case

    def onMessage(self, payload: bytes, isBinary: bool) -> None:  # noqa: N803 - autobahn's name
        self.factory.last_message = payload
        if self.case:
            Echo.onMessage(self, payload, isBinary)

    def onClose(self, wasClean: bool, code: int | None, reason: str | None) -> None:  # noqa: N803 - autobahn's name
        self.write_down()


def echo_server(reactor: Any, ledger: Ledger) -> Any:
    """
    A factory of protocols that echo, with compression when it is offered.

    @param ledger: where they write down what they saw.
    """
    factory: Any = WebSocketServerFactory(reactor=reactor)
    factory.protocol = EchoServerProtocol
    factory.ledger = ledger
    factory.setProtocolOptions(
        failByDrop=False, perMessageCompressionAccept=accept_offer, maxFramePayloadSize=_LARGEST,
        maxMessagePayloadSize=_LARGEST, openHandshakeTimeout=_PATIENCE, closeHandshakeTimeout=_CLOSING,
    )  # fmt: skip
    return factory


class _Unverified:
    """TLS to any server: who it is does not matter here."""

    def __init__(self) -> None:
        self._context: Context = CertificateOptions(verify=False).getContext()

    def getContext(self) -> Context:
        return self._context


class EchoClients:
    """
    Runs the cases of a fuzzing server, one connection after another.

    @ivar done: called with None when the reports are written, or with what went wrong.
    """

    def __init__(
        self, reactor: Any, url: str, ledger: Ledger, done: Callable[[str | None], None],
        *, agent: str = "client", form: str = "origin", proxy: int = 0,
    ) -> None:  # fmt: skip
        """
        @param url: of the fuzzing server, or of a proxy that is taken for it: C{ws://127.0.0.1:PORT}.
        @param form: C{origin}: connect to the server of the URL; C{absolute}: ask the proxy with the whole URL;
            C{connect}: ask the proxy for a tunnel.
        @param proxy: the port of the proxy on this machine, for the last two.
        """
        self.done = done
        self._reactor = reactor
        self._url = url
        self._ledger = ledger
        self._agent = agent
        self._form = form
        self._proxy = proxy
        self._count = 0

    def start(self) -> None:
        """Begin by asking how many cases there are."""
        self._connect("/getCaseCount", "", self._counted)

    def _counted(self, answer: bytes | None) -> None:
        if answer is None:
            self.done("the fuzzing server did not say how many cases it has")
            return
        self._count = int(answer)
        self._next(1)

    def _next(self, number: int) -> None:
        if number > self._count:
            self._connect(f"/updateReports?agent={self._agent}", "", lambda _: self.done(None))
            return
        resource = f"/runCase?case={number}&agent={self._agent}"
        self._connect(resource, case_of(resource), lambda _: self._next(number + 1))

    def _connect(self, resource: str, case: str, ended: Callable[[bytes | None], None]) -> None:
        """
        Have one conversation.

        @param ended: called at its end with the last message.
        """
        through = {"host": "127.0.0.1", "port": self._proxy} if self._form == "connect" else None
        factory: Any = _Clients(self._url + resource, proxy=through, reactor=self._reactor)
        factory.ledger, factory.case, factory.ended = self._ledger, case, ended
        factory.setProtocolOptions(
            failByDrop=False, perMessageCompressionOffers=[PerMessageDeflateOffer()],
            perMessageCompressionAccept=accept_response, maxFramePayloadSize=_LARGEST, maxMessagePayloadSize=_LARGEST,
            openHandshakeTimeout=_PATIENCE, closeHandshakeTimeout=_CLOSING, serverConnectionDropTimeout=_PATIENCE,
        )  # fmt: skip
        port = self._proxy or factory.port
        if self._form == "absolute":
            factory.resource = f"http://{factory.host}:{factory.port}{resource}"
        if factory.isSecure:
            self._reactor.connectSSL("127.0.0.1", port, factory, _Unverified())
        else:
            self._reactor.connectTCP("127.0.0.1", port, factory)


class _Clients(WebSocketClientFactory):
    """The factory of one connection, which tells of its end."""

    protocol = EchoClientProtocol
    last_message: bytes | None = None
    ended: Callable[[bytes | None], None]

    def clientConnectionLost(self, connector: Any, reason: Any) -> None:
        self.ended(self.last_message)

    def clientConnectionFailed(self, connector: Any, reason: Any) -> None:
        self.ended(None)


def main(argv: Sequence[str]) -> int:
    """Run a peer: the client until it is done, the server until it is told to stop."""
    from twisted.internet import reactor as installed  # noqa: TID251 - the program begins here

    parser = argparse.ArgumentParser(prog="python -m tests.conformance.echo")
    parser.add_argument("role", choices=("server", "client"))
    parser.add_argument("ledger")
    parser.add_argument("place", nargs="?", help="the server's certificate with its key, or the client's URL")
    parser.add_argument("--form", choices=("origin", "absolute", "connect"), default="origin")
    parser.add_argument("--proxy", type=int, default=0)
    arguments = parser.parse_args(argv)
    reactor: Any = installed
    ledger = Ledger(arguments.ledger)
    wrong: list[str] = []

    def done(reason: str | None) -> None:
        wrong.extend([reason] if reason else [])
        reactor.stop()

    if arguments.role == "client":
        clients = EchoClients(reactor, arguments.place, ledger, done, form=arguments.form, proxy=arguments.proxy)
        reactor.callWhenRunning(clients.start)
    else:
        factory = echo_server(reactor, ledger)
        if arguments.place:
            context = DefaultOpenSSLContextFactory(arguments.place, arguments.place)
            port = reactor.listenSSL(0, factory, context, interface="127.0.0.1")
        else:
            port = reactor.listenTCP(0, factory, interface="127.0.0.1")
        sys.stdout.write(f"listening on port {port.getHost().port}\n")
        sys.stdout.flush()
    reactor.run()
    sys.stderr.writelines(f"{one}\n" for one in wrong)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
