"""The hooks of HTTP exchanges, the same for every version of HTTP."""

from typing import TYPE_CHECKING

from zope.interface import Interface

from mitmtw.interfaces.gates import ASK, tag
from mitmtw.interfaces.hooks import HookResult

if TYPE_CHECKING:
    from mitmtw.model import HTTPFlow

__all__ = ["IHTTPAddon"]


class IHTTPAddon(Interface):
    """
    One exchange: C{requestheaders}, the body, C{request}, C{responseheaders}, the body, C{response}; or C{error}.

    Each flow ends in exactly one of C{response} and C{error}. Edits count up to the moment a handler's result fires. A
    body that nobody wants is relayed as it comes; listening to C{request} or C{response} means to want it, unless the
    addon or the handler says C{wants_body = False} (see L{mitmtw.addon.wants_body}). C{flow.kill()} works at any
    moment.
    """

    def http_connect(flow: "HTTPFlow") -> HookResult:
        """
        Called for a CONNECT request, which fires no other HTTP hook but perhaps C{error}; regular and upstream modes
        only.

        A response outside 2xx set on the flow is returned to the client and the connection ends. Changing
        C{flow.request.host} or C{port} moves the tunnel.

        @param flow: the flow of the CONNECT request; C{flow.requestheaders} is C{flow.request.headers}.
        """

    def requestheaders(flow: "HTTPFlow") -> HookResult:
        """
        Called when the head of a request is there, its body unread and C{100 Continue} not yet answered.

        C{flow.request.stream = True}, or a callable, streams the body. A response set here is answered at once:
        C{request} is skipped, C{responseheaders} and C{response} fire. This is the place to refuse a streamed upload.

        @param flow: a flow whose C{request} is not None.
        """

    def request(flow: "HTTPFlow") -> HookResult:
        """
        Called when a whole request is there. Anything in it may be changed: host, port, scheme and version included.

        With C{flow.response} set, no request goes upstream; C{responseheaders} and C{response} still fire. If the
        body was streamed, C{flow.request.body} is None and the hook fires after the last byte went up.

        @param flow: a flow whose C{request} is not None.
        """

    def responseheaders(flow: "HTTPFlow") -> HookResult:
        """
        Called when the head of a response is there, its body unread.

        C{flow.response.stream = True}, or a callable, streams the body.

        @param flow: a flow whose C{request} and C{response} are not None; the response has no content yet.
        """

    def response(flow: "HTTPFlow") -> HookResult:
        """
        Called when a whole response is there, before it is sent; if it was streamed, after its last byte.

        @param flow: C{flow.response.body} is the raw body, C{content} the decoded one; None if it was streamed.
        """

    def error(flow: "HTTPFlow") -> HookResult:
        """
        Called when a flow failed: an invalid message, a connection that broke, a kill. Not for a server's error
        response.

        A handler may set C{flow.response} to replace the error page, if nothing was sent yet.

        @param flow: C{flow.error.msg} says why; C{flow.request} is None if the request itself was invalid.
        """


tag(
    IHTTPAddon,
    ASK,
    "http_connect",
    "requestheaders",
    "request",
    "responseheaders",
    "response",
    "error",
    can_respond=True,
)
