"""Tests for L{mitmtw._hooks.place}."""

import types
from collections.abc import Generator
from functools import partial, wraps
from typing import Any

from twisted.internet.defer import Deferred
from twisted.trial.unittest import SynchronousTestCase

from mitmtw._hooks.place import place_of_await, place_of_frame, place_of_handler
from tests._hooks.fakes import HooksTestCase, addon


def plain(flow: object) -> None:
    """A handler; its place is the line above."""


LINE = plain.__code__.co_firstlineno


class Callable:
    """An object that is a handler."""

    def __call__(self, flow: object) -> None:
        """Its line is known too."""

    def method(self, flow: object) -> None:
        """A bound method."""


class HandlerTests(SynchronousTestCase):
    """Where a handler is defined."""

    def test_kinds(self) -> None:
        """Functions, methods, partials, wrapped functions and objects that are called all have a line."""

        @wraps(plain)
        def wrapping(flow: object) -> None:
            """Not what the author of the addon would look for."""

        self.assertEqual(place_of_handler(plain), (__file__, LINE))
        self.assertEqual(place_of_handler(partial(partial(plain), flow=1)), (__file__, LINE))
        self.assertEqual(place_of_handler(wrapping), (__file__, LINE))
        self.assertEqual(place_of_handler(Callable().method), (__file__, Callable.method.__code__.co_firstlineno))
        self.assertEqual(place_of_handler(Callable()), (__file__, Callable.__call__.__code__.co_firstlineno))

    def test_builtin(self) -> None:
        """What was not written in Python has none."""
        self.assertIsNone(place_of_handler([].append))
        self.assertIsNone(place_of_frame(None))


class AwaitTests(HooksTestCase):
    """Where a coroutine stands."""

    def slow(self, handler: Any, **attributes: Any) -> str:
        """The place in the report about a slow handler."""
        self.add(addon(request=handler, **attributes))
        pending = self.waiting()
        self.clock.advance(5)
        pending.addErrback(lambda _: None)
        pending.cancel()
        (line,) = self.logged("warn")
        return line.removeprefix("addon probe: request has not answered for 5 s, it waits at ").removesuffix(
            "; flow flow-1"
        )

    def test_innermost(self) -> None:
        """The await of the innermost coroutine is named, not the handler's."""

        async def inner() -> None:
            await Deferred()

        async def request(flow: object) -> None:
            await inner()

        self.assertEqual(self.slow(request), f"{__file__}:{inner.__code__.co_firstlineno + 1}")

    def test_later_await(self) -> None:
        """After the first await has fired, the second one is named."""
        first: Deferred[None] = Deferred()

        async def request(flow: object) -> None:
            await first
            await Deferred()

        self.clock.callLater(1, first.callback, None)
        self.assertEqual(self.slow(request), f"{__file__}:{request.__code__.co_firstlineno + 2}")

    def test_generator(self) -> None:
        """Coroutines made of generators have places too."""

        @types.coroutine
        def wait() -> Generator[Any, Any, None]:
            yield Deferred()

        async def request(flow: object) -> None:
            await wait()

        self.assertEqual(self.slow(request), f"{__file__}:{wait.__code__.co_firstlineno + 2}")

    def test_in_line(self) -> None:
        """An addon's line does not hide where its handler waits."""

        async def request(flow: object) -> None:
            await Deferred()

        self.assertEqual(self.slow(request, max_pending=1), f"{__file__}:{request.__code__.co_firstlineno + 1}")

    def test_over(self) -> None:
        """A coroutine that is over stands nowhere."""

        async def request() -> None:
            """Wait for nothing."""

        coroutine = request()
        coroutine.close()
        self.assertIsNone(place_of_await(coroutine))

    def test_unknown(self) -> None:
        """A handler that was not written in Python and waits for a Deferred is reported without a place."""
        self.assertEqual(self.slow({self.flow: Deferred()}.get), "an unknown place")
