"""Tests for L{mitmtw._hooks.answers}: coroutines and other awaitables as answers of handlers."""

import asyncio
import types
from collections.abc import Callable, Generator
from contextvars import ContextVar
from typing import Any

from twisted.internet.defer import CancelledError, Deferred, fail, succeed

from tests._hooks.fakes import Flow, HooksTestCase, Seer, addon

SETTING: ContextVar[str] = ContextVar("SETTING", default="none")


class CoroutineTests(HooksTestCase):
    """Native coroutines."""

    def run_until_waiting(self, handler: Callable[[Flow], object]) -> "Deferred[None]":
        """Fire a handler that waits, with another addon after it."""
        self.add(addon(request=handler), Seer("next"))
        pending = self.waiting()
        self.assertNotIn("next", self.flow.seen)
        return pending

    def assert_finished(self, pending: "Deferred[None]") -> None:
        """The handler is done and the next addon had its turn."""
        self.assertIsNone(self.successResultOf(pending))
        self.assertEqual(self.flow.seen[-1], "next")
        self.assert_nothing_left()

    def test_never_suspends(self) -> None:
        """A coroutine that waits for nothing, or for what is there, is no reason to wait."""

        async def request(flow: Flow) -> None:
            flow.seen.append(await succeed("now"))

        self.add(addon(request=request), Seer("next"))
        self.assertIsNone(self.request())
        self.assertEqual(self.flow.seen, ["now", "next"])
        self.assert_nothing_left()

    def test_first_leg(self) -> None:
        """It runs up to its first wait at once."""
        answer: Deferred[str] = Deferred()

        async def request(flow: Flow) -> None:
            flow.seen.append("first")
            flow.seen.append(await answer)

        pending = self.run_until_waiting(request)
        self.assertEqual(self.flow.seen, ["first"])
        answer.callback("second")
        self.assertEqual(self.flow.seen, ["first", "second", "next"])
        self.assert_finished(pending)

    def test_several_waits(self) -> None:
        """It waits as often as it likes, also for what has fired in the meantime."""
        answers: list[Deferred[str]] = [Deferred(), Deferred(), Deferred()]

        async def request(flow: Flow) -> None:
            for answer in answers:
                flow.seen.append(await answer)

        pending = self.run_until_waiting(request)
        answers[1].callback("two")
        self.assertEqual(self.flow.seen, [])
        answers[0].callback("one")
        self.assertEqual(self.flow.seen, ["one", "two"])
        answers[2].callback("three")
        self.assert_finished(pending)

    def test_raises_at_once(self) -> None:
        """An exception in the first leg is the handler's failure."""

        async def request(flow: Flow) -> None:
            raise ValueError("boom")

        self.add(addon(request=request), Seer("next"))
        self.assertIsNone(self.request())
        self.assertEqual(self.flow.seen, ["next"])
        self.assertIn("addon probe: request failed", self.logged("error")[0])

    def test_raises_later(self) -> None:
        """So is one in a later leg."""
        answer: Deferred[None] = Deferred()

        async def request(flow: Flow) -> None:
            await answer
            raise ValueError("boom")

        pending = self.run_until_waiting(request)
        answer.callback(None)
        self.assert_finished(pending)
        self.assertEqual(len(self.logged("error")), 1)

    def test_failure_is_thrown(self) -> None:
        """The failure of what it waits for is raised in it, whether it comes later or is there already."""
        answer: Deferred[None] = Deferred()

        async def request(flow: Flow) -> None:
            for one in (answer, fail(KeyError("there"))):
                try:
                    await one
                except KeyError as error:
                    flow.seen.append(error.args[0])

        pending = self.run_until_waiting(request)
        answer.errback(KeyError("later"))
        self.assertEqual(self.flow.seen, ["later", "there", "next"])
        self.assert_finished(pending)
        self.assertEqual(self.events, [])

    def test_returns_deferred(self) -> None:
        """A Deferred that it returns is waited for; it can be cancelled through it."""
        answer: Deferred[None] = Deferred()

        async def request(flow: Flow) -> "Deferred[None]":
            return answer

        pending = self.run_until_waiting(request)
        answer.callback(None)
        self.assert_finished(pending)

    def test_returns_deferred_later(self) -> None:
        """The same after a wait; a cancellation reaches it."""
        first: Deferred[None] = Deferred()
        cancelled: list[object] = []
        second: Deferred[None] = Deferred(cancelled.append)

        async def request(flow: Flow) -> "Deferred[None]":
            await first
            return second

        pending = self.run_until_waiting(request)
        first.callback(None)
        self.assertNoResult(pending)
        pending.cancel()
        self.assertEqual(cancelled, [second])
        self.failureResultOf(pending, CancelledError)

    def test_context(self) -> None:
        """Context variables that it sets are still set after a wait, and are not set for others."""
        answer: Deferred[None] = Deferred()

        async def request(flow: Flow) -> None:
            SETTING.set("mine")
            await answer
            flow.seen.append(SETTING.get())

        async def whole() -> None:
            pending = self.run_until_waiting(request)
            SETTING.set("others")
            answer.callback(None)
            self.assert_finished(pending)
            self.assertEqual(SETTING.get(), "others")

        self.successResultOf(Deferred.fromCoroutine(whole()))
        self.assertEqual(self.flow.seen, ["mine", "next"])

    def test_wrong_await(self) -> None:
        """What cannot be awaited here is an error in the handler, not a handler that hangs."""

        class Odd:
            def __await__(self) -> Generator[int, None, None]:
                yield 42

        async def request(flow: Flow) -> None:
            try:
                await Odd()
            except TypeError as error:
                flow.seen.append(str(error))

        self.add(addon(request=request), Seer("next"))
        self.assertIsNone(self.request())
        self.assertEqual(self.flow.seen, ["a handler cannot await 42 here", "next"])

    def test_wrong_await_later(self) -> None:
        """The same in a later leg; a bare yield too means nothing without a loop."""
        answer: Deferred[None] = Deferred()

        @types.coroutine
        def bare() -> Generator[None, None, None]:
            yield

        async def request(flow: Flow) -> None:
            await answer
            await bare()

        pending = self.run_until_waiting(request)
        answer.callback(None)
        self.assert_finished(pending)
        self.assertEqual(len(self.logged("error")), 1)


class AwaitableTests(HooksTestCase):
    """What else can be awaited."""

    def test_object(self) -> None:
        """An object with C{__await__}."""
        answer: Deferred[None] = Deferred()

        class Slow:
            def __await__(self) -> Any:
                return answer.__await__()

        self.add(addon(request=lambda flow: Slow()), Seer("next"))
        pending = self.waiting()
        answer.callback(None)
        self.successResultOf(pending)
        self.assertEqual(self.flow.seen, ["next"])

    def test_generator_based(self) -> None:
        """A coroutine made of a generator by C{types.coroutine}."""
        answer: Deferred[None] = Deferred()

        @types.coroutine
        def request(flow: Flow) -> Generator[Any, None, None]:
            yield from answer

        coroutine = request(self.flow)
        self.add(addon(request=lambda flow: coroutine), Seer("next"))
        pending = self.waiting()
        answer.callback(None)
        self.successResultOf(pending)
        self.assertEqual(self.events, [])

    def test_deferred_subclass(self) -> None:
        """A subclass of Deferred."""

        class Special(Deferred[None]):
            pass

        answer = Special()
        self.add(addon(request=lambda flow: answer), Seer("next"))
        pending = self.waiting()
        answer.callback(None)
        self.successResultOf(pending)

    def test_chained(self) -> None:
        """A Deferred that has fired with another one waits for that."""
        inner: Deferred[None] = Deferred()
        outer: Deferred[None] = succeed(None)
        outer.addCallback(lambda _: inner)
        self.add(addon(request=lambda flow: outer), Seer("next"))
        pending = self.waiting()
        self.assertEqual(self.flow.seen, [])
        inner.callback(None)
        self.successResultOf(pending)
        self.assertEqual(self.flow.seen, ["next"])

    def test_paused(self) -> None:
        """A Deferred that is paused is waited for, though it has fired."""
        answer: Deferred[None] = succeed(None)
        answer.pause()
        self.add(addon(request=lambda flow: answer), Seer("next"))
        pending = self.waiting()
        self.assertEqual(self.flow.seen, [])
        answer.unpause()
        self.successResultOf(pending)
        self.assertEqual(self.flow.seen, ["next"])


class AsyncioTests(HooksTestCase):
    """What asyncio awaits, where its loop is running."""

    def in_loop(self, handler: Callable[[Flow], object], trigger: Callable[[], object] = lambda: None) -> None:
        """Fire a handler in a loop of asyncio, pull the trigger, and wait until the chain is done."""
        self.add(addon(request=handler), Seer("next"))

        async def whole() -> None:
            pending = self.waiting()
            self.assertEqual(self.flow.seen, [])
            trigger()
            await pending.asFuture(asyncio.get_running_loop())

        loop = asyncio.new_event_loop()
        try:
            loop.run_until_complete(asyncio.wait_for(whole(), 5))
        finally:
            loop.close()

    def test_future(self) -> None:
        """A task as a result."""

        async def work(flow: Flow) -> None:
            await asyncio.sleep(0)
            flow.seen.append("worked")

        self.in_loop(lambda flow: asyncio.ensure_future(work(flow)))
        self.assertEqual(self.flow.seen, ["worked", "next"])

    def test_awaited(self) -> None:
        """A coroutine that awaits a future, a sleep, and the next turn."""
        futures: list[asyncio.Future[str]] = []

        async def request(flow: Flow) -> None:
            future = asyncio.get_running_loop().create_future()
            futures.append(future)
            text = await future
            await asyncio.sleep(0)
            await asyncio.sleep(0.001)
            flow.seen.append(text)

        self.in_loop(request, lambda: futures[0].set_result("done"))
        self.assertEqual(self.flow.seen, ["done", "next"])

    def test_cancelled(self) -> None:
        """A future that is cancelled is the handler's failure."""
        futures: list[asyncio.Future[None]] = []

        async def request(flow: Flow) -> None:
            futures.append(asyncio.get_running_loop().create_future())
            await futures[0]

        self.in_loop(request, lambda: futures[0].cancel())
        self.assertEqual(self.flow.seen, ["next"])
        self.assertEqual(len(self.logged("error")), 1)
