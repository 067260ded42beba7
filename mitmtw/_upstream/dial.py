"""
One attempt to connect to a server: the hooks around it, the way out, and what went wrong in words.
"""

from typing import Any, NoReturn

from twisted.internet import error as errors
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.protocol import Factory

from mitmtw._upstream.link import Link
from mitmtw._upstream.resolve import Resolving
from mitmtw._upstream.via import direct, through
from mitmtw.errors import (
    ConnectFailed,
    ConnectRefused,
    ConnectTimedOut,
    LoopDetected,
    MitmtwError,
    NameNotFound,
    UpstreamClosed,
)
from mitmtw.interfaces.layers import IClient
from mitmtw.interfaces.services import IProxy
from mitmtw.model import ServerConnection

__all__ = ["dial"]


def _explained(error: Exception, where: str, seconds: float) -> MitmtwError:
    """Our error for one of Twisted's."""
    if isinstance(error, MitmtwError):
        return error
    if isinstance(error, errors.DNSLookupError):
        return NameNotFound(f"the name of {where} cannot be resolved")
    if isinstance(error, (errors.ConnectingCancelledError, CancelledError)):
        return ConnectFailed(f"the attempt to connect to {where} was given up")
    if isinstance(error, (errors.TimeoutError, errors.TCPTimedOutError, TimeoutError)):
        return ConnectTimedOut(f"no connection to {where} within {seconds:g} seconds")
    if isinstance(error, errors.ConnectionRefusedError):
        return ConnectRefused(f"{where} refused the connection")
    if isinstance(error, errors.NoRouteError):
        return ConnectRefused(f"there is no route to {where}")
    return ConnectFailed(f"cannot connect to {where}: {str(error) or type(error).__name__}")


def _timed_out(result: object, seconds: float) -> NoReturn:
    """What an attempt that was cancelled because it took too long ends in."""
    raise errors.TimeoutError


async def dial(proxy: IProxy, server_conn: ServerConnection, client: IClient) -> Link:
    """
    Connect to C{server_conn.address}, or to what addons make of it in C{serverconnect}.

    @return: an established link, on which nothing is spoken yet.
    @raise ConnectFailed: or one of its subclasses.
    """
    client.begin()  # the hooks of an attempt that is cancelled come before clientdisconnect too
    try:
        return await _dial(proxy, server_conn, client)
    finally:
        client.done()


async def _dial(proxy: IProxy, server_conn: ServerConnection, client: IClient) -> Link:
    """The attempt and its hooks."""
    hooks = proxy.hooks
    wanted = server_conn.address
    server_conn.timestamp_start = proxy.now()
    if hooks.serverconnect is not None:
        deferred = hooks.serverconnect(server_conn)
        if deferred is not None:
            await deferred
        if server_conn.error:
            raise ConnectFailed(f"an addon refused the connection: {server_conn.error}")
    try:
        link = await _connect(proxy, server_conn, client)
    except MitmtwError as error:
        server_conn.error = str(error)
        if hooks.server_connect_error is not None:
            deferred = hooks.server_connect_error(server_conn)
            if deferred is not None:
                await deferred
        raise
    if hooks.server_connected is not None:
        deferred = hooks.server_connected(server_conn)
        if deferred is not None:
            link.settling(deferred)
            try:
                await deferred
            except CancelledError:
                link.abort()
                raise
        if server_conn.error:
            link.abort()
            raise ConnectFailed(f"an addon refused the connection: {server_conn.error}")
        if link.is_lost:
            raise UpstreamClosed("the server closed the connection before anything was asked")
    link.wanted = wanted
    return link


async def _connect(proxy: IProxy, server_conn: ServerConnection, client: IClient) -> Link:
    """The attempt itself; what addons write from here on has no effect."""
    address = server_conn.address
    if address is None:
        raise ConnectFailed("there is no address to connect to")
    host, port = address[0], int(address[1])
    literal = f"[{host}]" if ":" in host else host
    where = f"{literal}:{port}"
    seconds = proxy.options.connect_timeout
    way = server_conn.endpoint or server_conn.via

    def resolved() -> None:
        server_conn.timestamp_dns_setup = proxy.now()

    reactor = proxy.reactor
    resolving = Resolving(reactor, proxy.is_own_address, resolved)
    if way:
        endpoint = through(reactor, way, host, port)
    elif proxy.is_own_address(host, port):
        raise LoopDetected(f"{where} is this proxy itself")
    else:
        endpoint = direct(reactor, resolving, host, port, seconds or 3600, server_conn.source_address)
    factory: Any = Factory.forProtocol(lambda: Link(proxy, server_conn, client))
    factory.noisy = False
    attempt: Deferred[Any] = endpoint.connect(factory)
    if seconds:
        attempt.addTimeout(seconds, reactor, _timed_out)
    try:
        link: Link = await attempt
    except Exception as error:
        if resolving.was_own:
            raise LoopDetected(f"{where} is this proxy itself") from error
        raise _explained(error, where, seconds) from error
    peer, here = server_conn.peername, server_conn.sockname
    if peer is not None and here is not None and proxy.is_own_address(peer[0], peer[1], here[0]):
        link.abort()  # another address of this machine, which a listener on all addresses has as well
        raise LoopDetected(f"{where} is this proxy itself")
    return link
