"""
The room to read first: one request and its response, from the parsed head to the last byte, in the order of the hooks.

One coroutine per exchange, driven by L{mitmtw._streams.run.Run}. It awaits only where something is really pending, and
asks a hook only when somebody listens. Every failure, cancellation included, ends in C{error(flow)}, once; every flow
ends in exactly one of C{response} and C{error}.
"""

from typing import TYPE_CHECKING, Any

from twisted.internet.defer import Deferred, DeferredLock
from twisted.logger import Logger

from mitmtw._layers.asking import ask, held
from mitmtw._layers.body import collects, is_whole, relay, trailers_of
from mitmtw._layers.forwarding import answer_here, wire_request
from mitmtw._layers.handshake import Handshake
from mitmtw._layers.pages import error_page
from mitmtw._layers.upload import Upload
from mitmtw._streams.body import Body
from mitmtw._streams.outgoing import NOTHING, WHOLE
from mitmtw._streams.run import Run
from mitmtw._wire.events import CHUNKED, ResponseHead
from mitmtw.errors import ClientGone, Killed, LocalProtocolError, MitmtwError, RemoteProtocolError, UpstreamClosed
from mitmtw.model import Error, HTTPFlow, Request, Response, ServerConnection

if TYPE_CHECKING:
    from mitmtw._layers.http1 import HTTP1Layer
    from mitmtw._layers.http2 import HTTP2Layer
    from mitmtw._layers.http2_stream import HTTP2ServerStream
    from mitmtw._layers.server_stream import ServerStream

__all__ = ["Exchange", "refuse"]

_log = Logger()
# Methods that a proxy may send again by itself (RFC 9110 section 9.2.2).
_IDEMPOTENT = frozenset({b"GET", b"HEAD", b"OPTIONS", b"TRACE", b"PUT", b"DELETE"})


class Exchange:
    """
    One flow on its way between a client's stream (C{down}) and a server's (C{up}).

    @ivar driver: what drives L{run}.
    """

    __slots__ = (
        "_came",
        "_handshake",
        "_is_over",
        "_lock",
        "_upload",
        "down",
        "driver",
        "flow",
        "hooks",
        "layer",
        "proxy",
        "up",
    )

    def __init__(
        self, flow: HTTPFlow, down: "ServerStream | HTTP2ServerStream", layer: "HTTP1Layer | HTTP2Layer"
    ) -> None:
        self.flow = flow
        self.down = down
        self.layer = layer
        self.proxy = layer.client.proxy
        self.hooks = self.proxy.hooks
        self.up: Any = None
        self._upload: Upload | None = None
        self._lock: DeferredLock | None = None
        self._came: Body | None = None  # the response's body
        self.driver: Run | None = None
        self._handshake: Handshake | None = None
        self._is_over = False

    async def run(self) -> None:
        """The whole exchange; raises nothing that was foreseen."""
        try:
            if self.flow.request.raw_method == b"CONNECT":
                await self._connect()
            else:
                await self._converse()
        except MitmtwError as error:
            await self.fail(error)
        except Exception:  # the top of an exchange: a defect of ours ends this flow only
            _log.failure("an exchange failed in an unforeseen way")
            await self.fail(MitmtwError("the proxy has failed"))
        self._release()

    # -- the conversation ---------------------------------------------------------------------------------------------

    async def _converse(self) -> None:
        """Request, then response."""
        flow, down, hooks = self.flow, self.down, self.hooks
        request = flow.request
        if down.head is not None and down.head.upgrade is not None:
            self._handshake = Handshake.of(down.head)
        if hooks.requestheaders is not None:
            await ask(hooks.requestheaders, flow)
        body, upload = down.body, None
        if body is None:
            request.timestamp_end = request.timestamp_start
        elif flow.response is None:
            upload = await self._request_body(request, body)
        if upload is None and flow.response is None and hooks.request is not None:
            await ask(hooks.request, flow)
        if self._handshake is not None and flow.response is None and hooks.websocket_handshake is not None:
            await ask(hooks.websocket_handshake, flow)
        response = flow.response or answer_here(flow.request) or await self._fetch(upload)
        flow.response = response
        if hooks.responseheaders is not None:
            await self._ask(hooks.responseheaders)
            if flow.response is not response and flow.response is not None:
                self._abandon_server()
                response = flow.response
        up = self.up
        if up is not None and up.is_switching:
            await self._switch(response)
        elif up is None or up.body is None:
            await self._respond(response, False)
        else:
            await self._response_body(response, up.body)

    async def _request_body(self, request: Request, body: Body) -> Body | None:
        """Collect the body, or give it back because it is to be streamed."""
        down = self.down
        if await collects(request, body, self.hooks.wants_request_body, self.proxy, 413, down):
            request.collected(body.take(), trailers_of(body))
            request.timestamp_end = self.proxy.now()
            return None
        request.streamed = True
        request.collected(None)
        return body

    async def _response_body(self, response: Response, body: Body) -> None:
        """Collect the body and answer, or let it flow."""
        hooks, down = self.hooks, self.down
        self._came = body
        wanted, proxy = hooks.wants_response_body, self.proxy
        if is_whole(response, body, wanted, proxy) or await collects(response, body, wanted, proxy, 502, None):
            response.collected(body.take(), trailers_of(body))
            await self._respond(response, body.framing == CHUNKED)
            return
        response.streamed = True
        response.collected(None)
        stream = response.stream
        if callable(stream):
            down.send_head(response, CHUNKED, -1)
        else:
            down.send_head(response, body.framing, body.length)
        deferred = relay(body, down, stream, self.proxy, self.flow)
        if deferred is not None:
            await deferred
        response.timestamp_end = self.proxy.now()
        response.collected(None, trailers_of(body))
        if self._upload is not None:
            await self._upload_over()
        if hooks.response is not None:
            await self._ask(hooks.response)
        self._is_over = True
        down.finish(response.trailers.raw if response.trailers else ())
        self._server_finished()

    async def _respond(self, response: Response, chunked: bool) -> None:
        """The response is whole: the last hook, then one write."""
        response.timestamp_end = self.proxy.now()
        if self._upload is not None:
            await self._upload_over()
        if self.hooks.response is not None:
            await self._ask(self.hooks.response)
        self._is_over = True
        self.down.send(self.flow.response or response, chunked)
        self._server_finished()

    async def _ask(self, hook: Any) -> None:
        """Fire a hook of this flow; never while the one of a streamed upload is pending (rule H2)."""
        lock = self._lock
        if lock is None:
            await ask(hook, self.flow)
            return
        await lock.acquire()
        try:
            await ask(hook, self.flow)
        finally:
            lock.release()

    # -- the server ---------------------------------------------------------------------------------------------------

    async def _fetch(self, upload: Body | None) -> Response:
        """Send the request as it is now, and wait for the head of the answer."""
        flow, down = self.flow, self.down
        wire = wire_request(flow.request, down.head, self.layer, self.proxy.is_heard)
        handshake = self._handshake
        if handshake is not None:
            wire = flow.request.copy() if wire is flow.request else wire
            handshake.sending(wire)
        must_be_fresh = False
        head: ResponseHead | None = None
        while head is None:
            up = self.proxy.upstream.open(wire, flow, self.layer.client, self.layer.target, must_be_fresh)
            if isinstance(up, Deferred):
                up = await up
            self.up = up
            flow.server_conn = up.server_conn
            try:
                head = await self._send(up, wire, upload)
            except UpstreamClosed:
                is_repeatable = not up.fresh and not up.has_answered and wire.raw_method in _IDEMPOTENT
                if must_be_fresh or upload is not None or not (is_repeatable or up.is_unprocessed):
                    raise
                self.up = None
                must_be_fresh = True  # an idle connection turned out to be dead: once more, on a new one
        down.note(head)
        body = b"" if self.up.body is None else None
        response = Response.of(head.version, head.status, head.reason, head.fields, self.proxy.now(), body)
        if handshake is not None and head.status == 101:
            handshake.answered(response)
        return response

    async def _send(self, up: Any, wire: Request, upload: Body | None) -> ResponseHead:
        """Send the request and wait for the final head."""
        came = self.down.body
        if upload is None:
            up.send(wire, came is not None and came.framing == CHUNKED, self.down.head)
        else:
            framing, length = (CHUNKED, -1) if callable(wire.stream) else (upload.framing, upload.length)
            up.send_head(wire, framing, length, self.down.head)
            self._lock = DeferredLock()
            self._upload = Upload(self, upload, wire.stream)
            self._upload.start(self._lock)
        head: ResponseHead = up.take_head() or await up.read_head()
        while head.status < 200 and head.status != 101:
            self.down.send_interim(head)
            head = up.take_head() or await up.read_head()
        return head

    async def _upload_over(self) -> None:
        """
        The response is whole: wait for the end of the upload's hook, or abandon an upload that the server did not
        want.
        """
        upload = self._upload
        if upload is None:
            return
        if upload.all_sent:
            await upload.ended()
        else:
            upload.abandon()
            self.down.persistent = False

    def _server_finished(self) -> None:
        """The server's stream is done with, well."""
        up, self.up = self.up, None
        if up is not None:
            up.finished()

    def _abandon_server(self) -> None:
        """An addon has put another response in place of the server's."""
        up, self.up = self.up, None
        if self._upload is not None:
            self._upload.abandon()
            self._upload = None
            self.down.persistent = False
        if up is not None:
            if up.body is None or up.body.done:
                up.finished()
            else:
                up.reset(MitmtwError("the response was replaced"))

    # -- other endings ------------------------------------------------------------------------------------------------

    async def _connect(self) -> None:
        """CONNECT: one hook, one answer, then the connection is a tunnel (RFC 9110 section 9.3.6)."""
        flow = self.flow
        down: Any = self.down  # of HTTP/1, as is its layer
        layer: Any = self.layer
        if self.hooks.http_connect is not None:
            await ask(self.hooks.http_connect, flow)
        response = flow.response
        if response is None and self.proxy.options.connection_strategy == "eager":
            request = flow.request
            conn = ServerConnection((request.host, request.port))
            self.layer.client.early = await self.proxy.upstream.connect(conn, self.layer.client)
        self._is_over = True
        if response is None or 200 <= response.status_code < 300:
            if response is None:
                response = flow.response = Response.of(
                    b"HTTP/1.1", 200, b"Connection established", [], self.proxy.now(), b""
                )
            down.send_switching(response, True)
            layer.open_tunnel(flow, down.detach())
        else:
            down.persistent = False
            down.send(response)

    async def _switch(self, response: Response) -> None:
        """101: the last hook, then the two connections are something else (RFC 9110 section 7.8)."""
        flow, up = self.flow, self.up
        down: Any = self.down  # of HTTP/1, as is its layer
        layer: Any = self.layer
        response.timestamp_end = self.proxy.now()
        if self.hooks.response is not None:
            await self._ask(self.hooks.response)
        self._is_over = True
        final = flow.response or response
        if final.status_code != 101:
            self._abandon_server()
            down.send(final)
            return
        self.up = None
        if self._handshake is not None:
            self._handshake.answering(final)
        down.send_switching(final, False)
        layer.open_upgraded(flow, up.detach(), down.detach(), self._handshake)

    async def fail(self, error: MitmtwError) -> None:
        """Something went wrong: C{error(flow)} once, then a page when nothing was sent yet, else a reset."""
        flow, down = self.flow, self.down
        if self.driver is not None and isinstance(error, Killed):
            self.driver.told()  # a handler that killed its flow is how we know: the error hook is not to be cancelled
        if self._upload is not None:
            self._upload.abandon()
        up, self.up = self.up, None
        if up is not None:
            up.reset(error)
        gone = isinstance(error, (ClientGone, Killed)) or down.sent not in (NOTHING, WHOLE)
        if gone:
            down.reset(error)
        if self._is_over and flow.request.raw_method != b"CONNECT":
            self._not_written(error)
            return
        await tell_error(flow, down, error, self.hooks, gone)

    def _not_written(self, error: MitmtwError) -> None:
        """C{response} was the flow's last hook, and what addons made of the response cannot be sent: a page instead."""
        if isinstance(error, LocalProtocolError):
            _log.warn("a response from {host} cannot be sent: {error}", host=self.flow.request.host, error=str(error))
            if self.down.sent == NOTHING:
                self.down.send(error_page(error, self.flow.request))

    def _release(self) -> None:
        """Give back what the flow held."""
        flow, down = self.flow, self.down
        if down.body is not None:
            down.body.release()
        if self._came is not None:
            self._came.release()
        flow.end()


async def tell_error(
    flow: HTTPFlow, down: "ServerStream | HTTP2ServerStream", error: MitmtwError, hooks: Any, gone: bool
) -> None:
    """Fire C{error} and answer with a page, or with what a handler of it gave instead."""
    if flow.error is None:
        flow.error = Error(str(error))
    before = flow.response
    if hooks.error is not None:
        try:
            deferred = hooks.error(flow)
            if deferred is not None:
                await deferred
            if flow.intercepted and not gone and not flow.killed:
                await held(flow)
        except MitmtwError as why:  # the client is gone, or the flow was killed, while the hook was pending
            down.reset(why)
            return
    if gone or flow.killed or down.sent != NOTHING:
        down.reset(error)
        return
    if isinstance(error, RemoteProtocolError) and error.http_status < 500:
        down.persistent = False
    response = flow.response
    if response is None or response is before:
        response = error_page(error, flow.request)
    try:
        down.send(response)
    except LocalProtocolError as unsendable:  # a handler's page that cannot be written
        down.send(error_page(unsendable, flow.request))


async def refuse(
    flow: HTTPFlow, down: "ServerStream | HTTP2ServerStream", layer: "HTTP1Layer | HTTP2Layer", error: MitmtwError
) -> None:
    """What came is no request: C{error} with a flow that has none, and a page."""
    try:
        await tell_error(flow, down, error, layer.client.proxy.hooks, False)
    except MitmtwError as why:
        down.reset(why)
    flow.end()
