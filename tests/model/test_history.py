"""Tests of L{mitmtw.model.history}."""

from twisted.trial.unittest import SynchronousTestCase

from mitmtw.model import ClientConnection, Conversation, Error, FlowMessage, History, TCPFlow, TCPMessage


def said(*contents: bytes, history: History[FlowMessage] | None = None) -> History[FlowMessage]:
    """A history of these."""
    kept: History[FlowMessage] = History() if history is None else history
    for content in contents:
        kept.append(FlowMessage(True, content, 1.0))
    return kept


def contents(history: History[FlowMessage]) -> list[bytes]:
    return [message.content for message in history]


class FlowMessageTests(SynchronousTestCase):
    def test_attributes(self) -> None:
        """Who, what, when; neither dropped nor put in by somebody."""
        message = FlowMessage(False, b"x", 3.0)
        self.assertEqual((message.from_client, message.content, message.timestamp), (False, b"x", 3.0))
        self.assertEqual((message.dropped, message.killed, message.injected, message.changed), (False,) * 4)
        self.assertTrue(FlowMessage(True, b"", injected=True).injected)
        self.assertGreater(FlowMessage(True, b"").timestamp, 1e9)

    def test_change(self) -> None:
        """The first content stays known; one that is set back is no change."""
        message = FlowMessage(True, b"a", 1.0)
        message.content = b"b"
        message.content = b"c"
        self.assertEqual((message.content, message.original, message.changed), (b"c", b"a", True))
        message.content = b"a"
        self.assertEqual((message.original, message.changed), (b"a", False))

    def test_kinds_of_content(self) -> None:
        """Text becomes UTF-8; what can be changed from outside is copied; anything else is refused."""
        message = FlowMessage(True, "ä", 1.0)
        self.assertEqual(message.content, b"\xc3\xa4")
        array = bytearray(b"abc")
        message.content = array
        array[0] = 0
        self.assertEqual((message.content, type(message.content)), (b"abc", bytes))
        for bad in (None, 5, ["a"]):
            with self.assertRaises(TypeError):
                message.content = bad  # type: ignore[assignment]
        self.assertRaises(TypeError, FlowMessage, True, 7)

    def test_kill(self) -> None:
        """By either name."""
        for kill in (FlowMessage.kill, FlowMessage.drop):
            message = FlowMessage(True, b"")
            kill(message)
            self.assertTrue(message.dropped and message.killed)

    def test_size(self) -> None:
        """The original counts when it is another one."""
        message = FlowMessage(True, b"abc")
        self.assertEqual(message.size, 3)
        message.content = b"abcde"
        self.assertEqual(message.size, 8)

    def test_state(self) -> None:
        """All of it comes back."""
        message = FlowMessage(True, b"a", 2.0, True)
        message.content = b"b"
        message.kill()
        other = FlowMessage.from_state(message.get_state())
        self.assertEqual(other.get_state(), message.get_state())
        self.assertEqual((other.original, other.changed, other.injected), (b"a", True, True))

    def test_repr(self) -> None:
        """Who says how it begins, and that it was dropped."""
        message = FlowMessage(False, b"x" * 65)
        message.kill()
        self.assertEqual(repr(message), f"<FlowMessage <- {b'x' * 64!r}… dropped>")


class HistoryTests(SynchronousTestCase):
    def test_like_a_list(self) -> None:
        """Length, places, slices, iteration in both directions, membership."""
        history = said(b"a", b"b", b"c")
        self.assertEqual((len(history), history[0].content, history[-1].content), (3, b"a", b"c"))
        self.assertEqual([message.content for message in history[-2:]], [b"b", b"c"])
        self.assertEqual(contents(history), [b"a", b"b", b"c"])
        self.assertEqual([message.content for message in reversed(history)], [b"c", b"b", b"a"])
        self.assertIn(history[1], history)
        self.assertRaises(IndexError, lambda: history[3])
        self.assertFalse(History())

    def test_count(self) -> None:
        """The oldest go when there are too many, and are counted."""
        history = said(b"a", b"b", b"c", b"d", history=History(max_count=2))
        self.assertEqual((contents(history), history.forgotten), ([b"c", b"d"], 2))

    def test_bytes(self) -> None:
        """The oldest go when the contents are too long together."""
        history = said(b"aaa", b"bbb", history=History(max_bytes=6))
        self.assertEqual((len(history), history.kept_bytes), (2, 6))
        said(b"c", history=history)
        self.assertEqual((contents(history), history.kept_bytes), ([b"bbb", b"c"], 4))

    def test_latest_stays_until_settled(self) -> None:
        """The latest message is there while its hook is pending, even where none is kept."""
        for history in (History[FlowMessage](max_count=0), History[FlowMessage](max_bytes=0)):
            for content in (b"", b"abc"):
                said(content, history=history)
                self.assertEqual(contents(history), [content])
                history.settle()
                self.assertEqual((len(history), history.kept_bytes), (0, 0))
            self.assertEqual(history.forgotten, 2)
            history.settle()

    def test_next_takes_the_place(self) -> None:
        """Where none is kept the next message takes the place of one that was not settled."""
        history = said(b"a", b"b", history=History(max_count=0))
        self.assertEqual(contents(history), [b"b"])

    def test_settle_counts_anew(self) -> None:
        """What a handler made of the message counts, with the original; too much makes older ones go."""
        history = said(b"a" * 4, b"b" * 4, history=History(max_bytes=12))
        history[-1].content = b"c" * 5
        self.assertEqual(history.kept_bytes, 8)
        history.settle()
        self.assertEqual((contents(history), history.kept_bytes), ([b"ccccc"], 9))
        history[-1].content = b"d" * 20
        history.settle()
        self.assertEqual((contents(history), history.kept_bytes), ([], 0))

    def test_clear(self) -> None:
        """All may be forgotten at any time."""
        history = said(b"a", b"b")
        history.clear()
        self.assertEqual((len(history), history.kept_bytes, history.forgotten), (0, 0, 2))

    def test_state(self) -> None:
        """Bounds, count and messages come back, and the bounds go on to hold."""
        history = said(b"a", b"b", b"c", history=History(2, 100))
        other: History[FlowMessage] = History()
        other.set_state(history.get_state(), FlowMessage.from_state)
        self.assertEqual(other.get_state(), history.get_state())
        self.assertEqual(other.kept_bytes, 2)
        said(b"d", history=other)
        self.assertEqual((contents(other), contents(history)), ([b"c", b"d"], [b"b", b"c"]))

    def test_recall(self) -> None:
        """Messages that are still there get what they had; later ones stay, forgotten ones stay forgotten."""
        history = said(b"a", b"b", b"c", history=History(max_count=3))
        state = history.get_state()
        self.assertFalse(history.differs(state))
        said(b"d", history=history)
        self.assertFalse(history.differs(state))
        third = history[1]
        third.content = b"C"
        history[0].kill()
        history[2].content = b"D"
        self.assertTrue(history.differs(state))
        history.recall(state)
        self.assertEqual((contents(history), history[0].dropped), ([b"b", b"c", b"D"], False))
        self.assertIs(history[1], third)
        self.assertFalse(history.differs(state))
        history.clear()
        history.recall(state)
        self.assertEqual((len(history), history.differs(state)), (0, False))

    def test_recall_by_number(self) -> None:
        """Which message is which goes by how many there were before, not by its place."""
        history = said(b"a", b"b")
        fewer = said(b"x", b"B", history=History(1))
        history.recall(fewer.get_state())
        self.assertEqual(contents(history), [b"a", b"B"])

    def test_repr(self) -> None:
        """It shows its messages."""
        self.assertEqual(repr(said(b"a")), "History([<FlowMessage -> b'a'>])")


class ConversationTests(SynchronousTestCase):
    def flow(self) -> TCPFlow:
        flow = TCPFlow(ClientConnection(("192.0.2.1", 5), timestamp_start=6.0))
        flow.messages.append(TCPMessage(True, b"a", 1.0))
        flow.messages.append(TCPMessage(False, b"b", 2.0))
        return flow

    def test_message(self) -> None:
        """The latest one, or None."""
        flow = self.flow()
        self.assertIs(flow.message, flow.messages[-1])
        self.assertIsNone(TCPFlow(ClientConnection()).message)

    def test_history_of_its_own(self) -> None:
        """Bounds are those of the history that was given; without one each flow has its own."""
        history: History[TCPMessage] = History(0, 0)
        self.assertIs(TCPFlow(ClientConnection(), messages=history).messages, history)
        self.assertIsNot(TCPFlow(ClientConnection()).messages, TCPFlow(ClientConnection()).messages)

    def test_end(self) -> None:
        """The end is known, and the flow is not live any more."""
        flow = TCPFlow(ClientConnection(), live=True)
        self.assertFalse(flow.ended)
        flow.end()
        self.assertEqual((flow.ended, flow.live), (True, False))

    def test_revert(self) -> None:
        """Edits are taken back on the very messages; what came since stays, and is no modification."""
        flow = self.flow()
        first = flow.messages[0]
        flow.backup()
        flow.messages.append(TCPMessage(True, b"c", 3.0))
        self.assertFalse(flow.modified())
        first.content = b"A"
        self.assertTrue(flow.modified())
        flow.comment = "x"
        flow.revert()
        self.assertEqual([each.content for each in flow.messages], [b"a", b"b", b"c"])
        self.assertEqual((flow.messages[0] is first, flow.comment, flow.modified()), (True, "", False))
        flow.revert()

    def test_notes_are_modifications(self) -> None:
        """A comment is one, as in every flow."""
        flow = self.flow()
        flow.backup()
        flow.comment = "x"
        self.assertTrue(flow.modified())

    def test_copy(self) -> None:
        """Messages of its own, and the same end."""
        flow = self.flow()
        flow.error = Error("e", 1.0)
        flow.end()
        other = flow.copy()
        other.messages[0].content = b"x"
        self.assertEqual((flow.messages[0].content, other.messages[0].original), (b"a", b"a"))
        self.assertEqual((type(other), other.ended, other.live, other.error), (TCPFlow, True, False, flow.error))
        self.assertNotEqual(other.id, flow.id)

    def test_state(self) -> None:
        """All comes back, in the same classes; the state of another kind is refused."""
        flow = self.flow()
        flow.metadata["a"] = [1]
        flow.backup()
        flow.messages[0].kill()
        flow.end()
        other = TCPFlow.from_state(flow.get_state())
        self.assertEqual(other.get_state(), flow.get_state())
        self.assertEqual((type(other.messages[0]), other.ended, other.modified()), (TCPMessage, True, True))
        other.revert()
        self.assertFalse(other.messages[0].dropped)
        self.assertRaises(ValueError, Conversation.from_state, flow.get_state())

    def test_repr(self) -> None:
        """It says how many messages there were, also those that are not kept."""
        flow = TCPFlow(ClientConnection(), messages=History(1))
        flow.messages.append(TCPMessage(True, b"a"))
        flow.messages.append(TCPMessage(True, b"b"))
        self.assertIn("2 messages", repr(flow))
