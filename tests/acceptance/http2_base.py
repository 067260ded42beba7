"""
What the tests of HTTP/2 share: a scene of a proxy, a client and a server, each of the version that is wanted.
"""

from collections.abc import Callable
from typing import Any

from mitmtw.testing import Harness, Origin, Peer, Recorder, secure_client
from tests.acceptance.failures_base import FailureCase
from tests.acceptance.http2_ends import Client1, Client2, Got, Origins, pairs, respond

__all__ = ["CONNECT", "Client2", "EndingCase", "Got", "HTTP2Case", "Origins", "Scene2", "pairs", "respond"]

CONNECT = b"CONNECT example.com:443 HTTP/1.1\r\nHost: example.com:443\r\n\r\n"


class Scene2:
    """A proxy, a client and a server, each of the version that is wanted."""

    def __init__(
        self,
        case: "HTTP2Case",
        down: int = 2,
        up: int = 1,
        *,
        is_tls: bool = False,
        reply: Callable[[Got], None] | None = None,
        recorder: Recorder | None = None,
        **settings: Any,
    ) -> None:
        """
        @param is_tls: whether the client speaks inside of TLS in a tunnel.
        @param reply: what the server does with each whole request.
        @param settings: options, and handlers by hook name as C{on_HOOK}.
        """
        handlers = {name[3:]: settings.pop(name) for name in list(settings) if name.startswith("on_")}
        if down == 1 and up == 2:
            handlers["requestheaders"] = _as_http2(handlers.get("requestheaders"))
        self.recorder = recorder or Recorder(**handlers)
        self.harness: Harness = case.proxy(self.recorder, http2=True, **settings)
        self.origins = Origins(up, reply)
        is_secure = is_tls or up == 2
        if is_secure:
            alpn = (b"h2", b"http/1.1") if up == 2 else (b"http/1.1",)
            origin: Origin = self.harness.tls_origin("example.com", 443, self.origins.hear, alpn=alpn)
        else:
            origin = self.harness.origin("example.com", 80, self.origins.hear)
        self.origins.origin = origin
        self.down, self.is_tls, self.is_secure = down, is_tls, is_secure
        self.client = self.new_client()

    def new_client(self) -> Any:
        """One more client."""
        scheme = b"https" if self.is_secure else b"http"
        client: Any = Client2(scheme) if self.down == 2 else Client1(scheme)
        peer = Peer(client.hear)
        if self.is_tls:
            outer = self.harness.client()
            outer.send(CONNECT)
            self.harness.pump()
            outer.take()
            alpn = (b"h2", b"http/1.1") if self.down == 2 else (b"http/1.1",)
            secure_client(self.harness.trusted, outer, "example.com", alpn, peer)
            self.harness.pump()
            client.outer = outer
        else:
            self.harness.connect(peer)
            self.harness.pump()
        client.peer = peer
        return client

    def ask(self, *arguments: Any, **settings: Any) -> Got:
        """The client asks, and all happens that follows."""
        number = self.client.request(*arguments, **settings)
        self.harness.pump()
        got: Got = self.client.answer(number)
        return got

    def respond(self, got: Got | None = None, *arguments: Any, **settings: Any) -> None:
        """The server answers a request, the latest unless given."""
        respond(got or self.origins.request, *arguments, **settings)
        self.harness.pump()

    @property
    def flow(self) -> Any:
        """The latest flow that a hook has got."""
        return self.recorder.flow

    def names(self, flow: Any = None) -> list[str]:
        """The hooks of one flow, the latest unless given."""
        wanted = flow or self.flow
        return [name for name, subject in self.recorder.events if subject is wanted]


def _as_http2(handler: Callable[[Any], Any] | None) -> Callable[[Any], Any]:
    """A handler that has a request of an HTTP/1 client sent by HTTP/2."""

    def handle(flow: Any) -> Any:
        flow.request.http_version = "HTTP/2.0"
        return handler(flow) if handler is not None else None

    return handle


class HTTP2Case(FailureCase):
    """A test with HTTP/2 on some side; see L{check_all}."""

    #: Client's and server's version.
    SIDES = ((2, 1), (2, 2), (1, 2))

    def scenes(self, **settings: Any) -> list[Scene2]:
        """A scene for each pair of sides, and one inside of TLS."""
        plain = [Scene2(self, down, up, **settings) for down, up in self.SIDES]
        return [*plain, Scene2(self, 2, 2, is_tls=True, **settings), Scene2(self, 2, 1, is_tls=True, **settings)]

    def check_all(self, scene: Scene2) -> None:
        """End what is left, and look whether every flow and connection has ended as it must."""
        peers = [scene.client.peer] if scene.client.peer.is_connected else []
        self.check_over(scene.harness, scene.recorder, *peers)


class EndingCase(HTTP2Case):
    """A stream that ends while its connection goes on."""

    def check_goes_on(self, scene: Scene2) -> None:
        """Another request on the same connection of the client is served."""
        count = len(scene.origins.requests)
        number = scene.client.request("GET", "/next")
        scene.harness.pump()
        if len(scene.origins.requests) > count:
            scene.respond(None, 200, body=b"next")
        self.assertEqual((scene.client.answer(number).status, scene.client.answer(number).body), (200, b"next"))
