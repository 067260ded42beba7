"""
The opening handshake of a WebSocket connection on its way through: what each side asked for and was told, kept apart,
because addons may edit what passes (RFC 6455 section 4, RFC 7692 section 5).
"""

from mitmtw._wire.events import RequestHead
from mitmtw._wire.websocket_agreement import DeflateParameters, accept_answer
from mitmtw._wire.websocket_extensions import read_extensions, values_of
from mitmtw._wire.websocket_handshake import (
    HandshakeRequest,
    accept_key,
    check_request,
    check_response,
    known_extensions,
    set_value,
)
from mitmtw.errors import RemoteProtocolError
from mitmtw.model import Request, Response

__all__ = ["Handshake"]

_ACCEPT = b"Sec-WebSocket-Accept"
_EXTENSIONS = b"Sec-WebSocket-Extensions"
_PROTOCOL = b"Sec-WebSocket-Protocol"


class Handshake:
    """
    One handshake.

    @ivar client: how messages are deflated between the client and us; None when they are not.
    @ivar server: how messages are deflated between us and the server.
    """

    def __init__(self, came: HandshakeRequest) -> None:
        """@param came: what the client asked for, before any addon saw it."""
        self.client: DeflateParameters | None = None
        self.server: DeflateParameters | None = None
        self._came = came
        self._sent: HandshakeRequest | None = came

    @classmethod
    def of(cls, head: RequestHead) -> "Handshake | None":
        """
        The handshake that a request asks for, None when it asks for something else.

        @raise RemoteProtocolError: it asks badly.
        """
        if head.method != b"GET" or not _wants_websocket(head.upgrade):
            return None
        return cls(check_request(head.fields))

    def sending(self, request: Request) -> None:
        """
        The request goes to the server: leave out extensions that we could not read the frames of. One that does not
        ask for WebSocket any more is let go as it is.

        @raise RemoteProtocolError: an addon has made it one that cannot be sent.
        """
        if request.raw_method != b"GET" or not any(map(_wants_websocket, values_of(request.headers.raw, b"upgrade"))):
            self._sent = None
            return
        fields, _ = known_extensions(request.headers.raw)
        request.headers.raw = fields
        self._sent = check_request(fields)

    def answered(self, response: Response) -> None:
        """
        The server has switched: read what it agreed to.

        @raise RemoteProtocolError: it did not answer what was sent.
        """
        sent = self._sent
        if sent is None:
            raise RemoteProtocolError("the server upgrades a request that did not ask for it", 502)
        agreed = check_response(response.headers.raw, sent.key, sent.protocols, sent.extensions)
        self.server = agreed.deflate

    def answering(self, response: Response) -> None:
        """
        The response goes to the client: make it one to what the client asked, whatever was asked in its place.
        """
        came = self._came
        fields = set_value(response.headers.raw, _ACCEPT, accept_key(came.key))
        protocols = values_of(fields, _PROTOCOL.lower())
        if any(protocol not in came.protocols for protocol in protocols):
            fields = set_value(fields, _PROTOCOL, None)
        try:
            answer = read_extensions(values_of(fields, _EXTENSIONS.lower()), 502)
            self.client = accept_answer(answer, came.extensions)
        except RemoteProtocolError:  # this client did not offer it, or not so: it is for us and the server alone
            self.client = None
            fields = set_value(fields, _EXTENSIONS, None)
        response.headers.raw = fields


def _wants_websocket(upgrade: bytes | None) -> bool:
    """Whether a value of Upgrade names websocket; case does not matter (RFC 6455 section 4.2.1)."""
    return upgrade is not None and any(each.strip().lower() == b"websocket" for each in upgrade.split(b","))
