"""
Connections to servers that many requests share: which one a request goes out on, and who waits for the next.

There is one lane for each server, by the key of the pool; for each client and server where connections are not shared.
A request whose lane has no room waits until a stream is over or another connection is there, whichever is first.
"""

from collections import deque
from collections.abc import Callable, Coroutine
from typing import Any

from twisted.internet.defer import CancelledError, Deferred

from mitmtw._upstream.client_stream import ClientStream
from mitmtw._upstream.http1 import HTTP1Channel
from mitmtw._upstream.http2 import HTTP2Channel
from mitmtw._upstream.http2_stream import HTTP2ClientStream

__all__ = ["Connected", "Lane", "Stream"]

Stream = ClientStream | HTTP2ClientStream
Connected = HTTP1Channel | HTTP2Channel

_MOST_CONNECTIONS = 8  # to one server; more than browsers open to one host with HTTP/1
_STREAMS_HOPED_FOR = 100  # that a connection which is being made will carry (RFC 9113 section 6.5.2)
_HTTP1, _TRY = "http1", "try"  # what one who waits is told, in place of a stream


class _Waiter(Deferred[Any]):
    """
    One request that waits.

    @ivar is_gone: whether it was given up.
    """

    is_gone = False


class Lane:
    """
    The connections to one server, and who waits for room on them.

    @ivar channels: the connections that take new requests.
    """

    def __init__(self, channels: list[Any], emptied: Callable[[], None]) -> None:
        """
        @param channels: an empty list, perhaps kept elsewhere too.
        @param emptied: called when nothing is left.
        """
        self.channels: list[HTTP2Channel] = channels
        self._emptied = emptied
        self._waiting: deque[_Waiter] = deque()
        self._connecting = 0

    def free(self, is_careful: bool) -> HTTP2ClientStream | None:
        """A stream on a connection that is there; None when there is no room."""
        for channel in self.channels:
            if channel.is_usable(is_careful):
                return channel.stream()
        return None

    async def next(self, connect: Callable[[], Coroutine[Any, Any, Connected]]) -> Stream | None:
        """
        A stream on a new connection, or on one that has got room, in the order in which they were asked for.

        @param connect: makes a connection of either version.
        @return: None when the server turned out to speak HTTP/1, on somebody else's connection.
        @raise ConnectFailed: no connection can be made.
        """
        while True:
            waiter = _Waiter(self._forget)
            self._waiting.append(waiter)
            attempt = None
            if self._should_connect():
                attempt = Deferred.fromCoroutine(self._attempt(connect, waiter))
            try:
                told = await waiter
            except CancelledError:
                waiter.is_gone = True
                if attempt is not None:
                    attempt.cancel()  # another one who waits begins anew
                raise
            if told is _HTTP1:
                return None
            if told is not _TRY:
                stream: Stream = told
                return stream

    def _should_connect(self) -> bool:
        """Whether one more connection is worth making."""
        coming = self._connecting
        if len(self._waiting) <= coming * _STREAMS_HOPED_FOR:
            return False
        return len(self.channels) + coming < _MOST_CONNECTIONS

    async def _attempt(self, connect: Callable[[], Coroutine[Any, Any, Connected]], first: "_Waiter") -> None:
        """
        Make a connection; all who wait share its fate.

        @param first: who wanted it, and gets it when it is of HTTP/1.
        """
        self._connecting += 1
        try:
            channel = await connect()
        except Exception as error:  # whatever it is, those who wait end with it
            self._connecting -= 1
            if first.is_gone:
                self._tell_next(_TRY)
            else:
                for waiter in self._take_waiting():
                    waiter.errback(error)
        else:
            self._connecting -= 1
            if isinstance(channel, HTTP2Channel):
                channel.changed = self._changed
                self.channels.append(channel)
                self._serve()
            else:
                self._tell_http1(channel, first)
        self._look_whether_empty()

    def _tell_http1(self, channel: HTTP1Channel, first: "_Waiter") -> None:
        """The server speaks HTTP/1."""
        waiting = self._take_waiting()
        stream = channel.stream()
        if first not in waiting:
            channel.keep_unused(stream)
        for waiter in waiting:
            waiter.callback(stream if waiter is first else _HTTP1)

    def _changed(self, channel: HTTP2Channel) -> None:
        """There is room on a connection, or there will not be any more."""
        if channel.is_leaving and channel in self.channels:
            self.channels.remove(channel)
            self._tell_next(_TRY)
            self._look_whether_empty()
        self._serve()

    def _serve(self) -> None:
        """Give those who wait what room there is."""
        while self._waiting:
            stream = self.free(False)
            if stream is None:
                return
            self._waiting.popleft().callback(stream)

    def _tell_next(self, what: str) -> None:
        """Tell the first of those who wait."""
        if self._waiting and not self._connecting:
            self._waiting.popleft().callback(what)

    def _take_waiting(self) -> "list[_Waiter]":
        """Those who wait, who do so no longer."""
        waiting, self._waiting = list(self._waiting), deque()
        return waiting

    def _forget(self, deferred: Deferred[Any]) -> None:
        """One who waits was cancelled."""
        waiting = [each for each in self._waiting if each is not deferred]
        self._waiting = deque(waiting)

    def _look_whether_empty(self) -> None:
        if not self.channels and not self._connecting and not self._waiting:
            self._emptied()
