"""Tests for L{mitmtw._hooks.event.LayerEvent}, and for the dispatcher's summary of who wants bodies."""

from typing import Any

from twisted.internet.defer import Deferred
from typing_extensions import override

from mitmtw import addon as authors
from tests._hooks.fakes import Flow, HooksTestCase, Seer, addon


def boom(*_arguments: object) -> Any:
    """Fail, as a handler."""
    raise ValueError("boom")


class WishTests(HooksTestCase):
    """Whether bodies are collected."""

    def wishes(self) -> tuple[int, int]:
        return self.hooks.wants_request_body, self.hooks.wants_response_body

    def test_nobody(self) -> None:
        """Nobody listens, or only to hooks that have no use for bodies."""
        self.assertEqual(self.wishes(), (0, 0))
        self.add(addon(requestheaders=boom, responseheaders=boom, error=boom))
        self.assertEqual(self.wishes(), (0, 0))

    def test_request(self) -> None:
        """Who listens to C{request} wants request bodies."""
        self.add(Seer("a"))
        self.assertEqual(self.wishes(), (1, 0))

    def test_response(self) -> None:
        """Who listens to C{response} wants both, as it may read the request's there."""
        self.add(addon(response=boom))
        self.assertEqual(self.wishes(), (1, 1))

    def test_refused(self) -> None:
        """Whoever says False wants none; the others' wishes count all the same."""
        self.add(addon(request=boom, response=boom, wants_body=False))
        self.assertEqual(self.wishes(), (0, 0))
        self.add(Seer("a"))
        self.assertEqual(self.wishes(), (1, 0))

    def test_always(self) -> None:
        """True wants streams by nature too; the greatest wish counts."""
        self.add(addon(response=boom, wants_body=True), Seer("a"))
        self.assertEqual(self.wishes(), (2, 2))

    def test_decorator_wins(self) -> None:
        """A handler's own mark wins over the addon's attribute."""

        class Picky:
            wants_body = False

            @authors.wants_body(True)
            def request(self, flow: Flow) -> None:
                pass

            def response(self, flow: Flow) -> None:
                pass

        picky = Picky()
        self.add(picky)
        self.assertEqual(self.wishes(), (2, 0))
        self.hooks.remove(picky)
        self.assertEqual(self.wishes(), (0, 0))

    def test_marked_none(self) -> None:
        """A handler may go back to the ordinary against its addon."""
        self.add(addon(request=authors.wants_body(None)(lambda flow: None), wants_body=True))
        self.assertEqual(self.wishes(), (1, 0))


class Layer:
    """A layer that can be replaced."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.replacement: Layer | None = None

    @override
    def __repr__(self) -> str:
        return self.name

    def dataReceived(self, data: bytes) -> None:
        pass

    def chosen(self) -> "Layer":
        """What the caller of the hook ends up with."""
        layer, steps = self, 0
        while layer.replacement is not None:
            layer, steps = layer.replacement, steps + 1
            assert steps < 10, "a circle"
        return layer


class LayerTests(HooksTestCase):
    """H9: clientconnect and next_layer may be answered with a layer."""

    @override
    def setUp(self) -> None:
        super().setUp()
        self.a, self.b, self.c = Layer("a"), Layer("b"), Layer("c")
        self.offered: list[Layer] = []

    def choose(self, *answers: Any) -> "Deferred[None]":
        """Ask addons that answer like this, one after another; they note what they were offered."""
        for number, answer in enumerate(answers):
            self.add(addon(name=f"addon{number}", next_layer=self._chooser(answer)))
        return self.hooks.fire("next_layer", self.a)

    def _chooser(self, answer: Any) -> Any:
        def next_layer(layer: Layer) -> object:
            self.offered.append(layer)
            return answer(layer) if callable(answer) else answer

        return next_layer

    def test_by_value(self) -> None:
        """The layer returned is the choice, and what the next handler is offered."""
        self.successResultOf(self.choose(None, self.b, None, self.c))
        self.assertEqual(self.offered, [self.a, self.a, self.b, self.b])
        self.assertIs(self.a.chosen(), self.c)

    def test_by_assignment(self) -> None:
        """The same by C{layer.replacement}."""
        self.successResultOf(self.choose(lambda layer: setattr(layer, "replacement", self.b), None))
        self.assertEqual(self.offered, [self.a, self.b])
        self.assertIs(self.a.chosen(), self.b)

    def test_by_deferred(self) -> None:
        """The same by a Deferred, and by a coroutine."""
        later: Deferred[Layer] = Deferred()

        async def coroutine(layer: Layer) -> Layer:
            return self.c

        pending = self.choose(later, coroutine)
        self.assertNoResult(pending)
        later.callback(self.b)
        self.successResultOf(pending)
        self.assertEqual(self.offered, [self.a, self.b])
        self.assertIs(self.a.chosen(), self.c)

    def test_back_again(self) -> None:
        """To choose what had been replaced makes no circle."""
        self.successResultOf(self.choose(self.b, self.c, self.b, None))
        self.assertIs(self.offered[-1], self.b)
        self.assertIs(self.a.chosen(), self.b)

    def test_back_to_the_proposal(self) -> None:
        """Nor does it to go back to the first one."""
        self.successResultOf(self.choose(self.b, self.a, None))
        self.assertIs(self.offered[-1], self.a)
        self.assertIs(self.a.chosen(), self.a)

    def test_same(self) -> None:
        """To return what was offered keeps it."""
        self.successResultOf(self.choose(lambda layer: layer, None))
        self.assertEqual(self.offered, [self.a, self.a])
        self.assertIsNone(self.a.replacement)

    def test_no_layer(self) -> None:
        """Anything that is no layer is reported as a mistake and chooses nothing."""
        self.successResultOf(self.choose("http", None))
        self.assertIs(self.a.chosen(), self.a)
        self.assertIn("next_layer returned a str", self.logged("warn")[0])

    def test_failure(self) -> None:
        """A handler that fails chooses nothing; the next is offered the same."""
        self.successResultOf(self.choose(boom, self.b))
        self.assertEqual(self.offered, [self.a, self.a])
        self.assertIs(self.a.chosen(), self.b)

    def test_clientconnect(self) -> None:
        """C{clientconnect} works the same way."""
        self.add(addon(clientconnect=lambda root_layer: self.b))
        self.successResultOf(self.hooks.fire("clientconnect", self.a))
        self.assertIs(self.a.chosen(), self.b)
        self.assertEqual(self.events, [])
