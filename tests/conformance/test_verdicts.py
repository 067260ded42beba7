"""Tests of the comparison."""

import json
from pathlib import Path
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from tests.conformance.ledger import Ledger
from tests.conformance.verdicts import Outcome, Verdict, compare, compare_messages, judge, read_outcomes

_ONE, _TWO, _NONE = [1, "digest"], [2, "digests"], [0, ""]


def outcome(
    behavior: str = "OK", close: str = "OK", *, violation: str | None = None, here: list[Any] = _ONE,
    there: list[Any] = _ONE, hook: tuple[list[Any], list[Any]] | None = None,
) -> Outcome:  # fmt: skip
    """
    Make an outcome.

    @param here: what the suite received.
    @param there: what our peer received and sent.
    @param hook: what the addon saw of the client and of the server.
    """
    proxy = {"client": hook[0], "server": hook[1], "error": None} if hook else None
    return Outcome(behavior, close, here, {"received": there, "sent": there, "violation": violation}, proxy)


class JudgeTests(SynchronousTestCase):
    """Tests of L{judge}."""

    def test_table(self) -> None:
        """Each change of the suite's verdicts has its meaning."""
        table = [
            (("OK", "OK"), ("OK", "OK"), Verdict.SAME),
            (("FAILED", "UNCLEAN"), ("FAILED", "UNCLEAN"), Verdict.SAME),
            (("INFORMATIONAL", "INFORMATIONAL"), ("OK", "OK"), Verdict.SAME),
            (("FAILED", "FAILED"), ("OK", "OK"), Verdict.STRICTER),
            (("OK", "UNCLEAN"), ("OK", "OK"), Verdict.STRICTER),
            (("NON-STRICT", "OK"), ("OK", "OK"), Verdict.STRICTER),
            (("OK", "OK"), ("FAILED", "OK"), Verdict.WORSE),
            (("OK", "OK"), ("UNIMPLEMENTED", "OK"), Verdict.WORSE),
            (("OK", "OK"), ("NON-STRICT", "OK"), Verdict.WORSE),
            (("OK", "OK"), ("OK", "WRONG CODE"), Verdict.WORSE),
            (("OK", "OK"), ("OK", "UNCLEAN"), Verdict.WORSE),
            (("OK", "OK"), ("OK", "FAILED BY CLIENT"), Verdict.WORSE),
            (("NON-STRICT", "UNCLEAN"), ("OK", "FAILED"), Verdict.WORSE),
        ]
        for before, after, verdict in table:
            self.assertIs(verdict, judge("1.1.1", outcome(*before), outcome(*after)), (before, after))

    def test_refused_before_the_peer_is_stricter(self) -> None:
        """No echo came back, because the proxy refused the bad frame that followed: the peer never saw it."""
        before = outcome(violation="1002 reserved bits")
        self.assertIs(Verdict.STRICTER, judge("3.2", before, outcome("NON-STRICT")))

    def test_no_echo_and_the_peer_saw_it(self) -> None:
        """It is worse when the bad frame got through, or there was none, or the end was worse too."""
        before = outcome(violation="1002 reserved bits")
        self.assertIs(Verdict.WORSE, judge("3.2", before, outcome("NON-STRICT", violation="1002 reserved bits")))
        self.assertIs(Verdict.WORSE, judge("3.2", before, outcome("NON-STRICT", "UNCLEAN")))
        self.assertIs(Verdict.WORSE, judge("3.2", before, outcome("FAILED")))
        self.assertIs(Verdict.WORSE, judge("3.2", outcome(), outcome("NON-STRICT")))

    def test_invalid_utf8_may_be_refused_later(self) -> None:
        """In group 6.4 the same verdict means another thing."""
        before = outcome(violation="1007 invalid UTF-8")
        self.assertIs(Verdict.LATER, judge("6.4.3", before, outcome("NON-STRICT")))
        self.assertIs(Verdict.WORSE, judge("6.4.3", before, outcome("FAILED")))

    def test_a_case_that_is_missing_is_worse(self) -> None:
        """The suite did not get as far."""
        self.assertIs(Verdict.WORSE, judge("1.1.1", outcome(), None))


class CompareMessagesTests(SynchronousTestCase):
    """Tests of L{compare_messages}."""

    def check(
        self, reference: Outcome, proxied: Outcome, expected: str, peer_is_server: bool = True, case: str = "1.1.1"
    ) -> None:  # fmt: skip
        """Compare, and look for C{expected} in the difference; empty for no difference."""
        difference = compare_messages(case, reference, proxied, peer_is_server)
        self.assertEqual(bool(expected), bool(difference), difference)
        self.assertIn(expected, difference)

    def test_equal(self) -> None:
        """The same messages at the hook, at both ends, and without the proxy."""
        self.check(outcome(), outcome(hook=(_ONE, _ONE)), "")

    def test_the_hook_saw_other_messages_than_the_reference(self) -> None:
        """The suite sends what it sent without the proxy, and the hook sees it."""
        self.check(outcome(), outcome(hook=(_TWO, _ONE)), "without the proxy: 1")
        self.check(outcome(), outcome(hook=([1, "other"], _ONE)), "of other content")

    def test_the_peer_got_other_messages_than_the_hook(self) -> None:
        """A message that was at the hook arrives."""
        self.check(outcome(), outcome(there=_NONE, hook=(_ONE, _ONE)), "the echoing peer: 0")

    def test_the_way_back(self) -> None:
        """What the peer echoes is at the hook, and arrives at the suite."""
        self.check(outcome(), outcome(hook=(_ONE, _NONE)), "the hook from the peer: 0")
        self.check(outcome(), outcome(here=_NONE, hook=(_ONE, _ONE)), "the suite: 0")

    def test_the_way_back_is_open_after_a_violation(self) -> None:
        """An echo that is on its way while the connection fails may get lost, on either leg."""
        self.check(outcome(violation="1002"), outcome(here=_NONE, hook=(_ONE, _NONE)), "")
        self.check(outcome(here=_NONE), outcome(here=_NONE, hook=(_ONE, _NONE)), "")

    def test_a_client_that_echoes(self) -> None:
        """With the suite as the server the directions are the other way round."""
        self.check(outcome(there=_TWO, here=_TWO), outcome(there=_TWO, here=_TWO, hook=(_ONE, _TWO)), "peer: 1", False)
        self.check(outcome(there=_TWO, here=_TWO), outcome(there=_TWO, here=_TWO, hook=(_TWO, _TWO)), "", False)

    def test_messages_behind_a_close_frame(self) -> None:
        """They may be left out, on all ways; but there cannot be more of them than were sent."""
        self.check(outcome(there=_TWO), outcome(there=_NONE, hook=(_ONE, _NONE)), "", case="7.1.4")
        self.check(outcome(there=_ONE), outcome(there=_TWO, hook=(_TWO, _TWO)), "without the proxy: 1", case="7.1.4")

    def test_somebody_did_not_count(self) -> None:
        """A missing line is a difference."""
        self.check(outcome(), outcome(), "nobody counted at the hook")
        unseen = Outcome("OK", "OK", _ONE, None, {"client": _ONE, "server": _ONE})
        self.check(outcome(), unseen, "nobody counted at the echoing peer")
        twice = Outcome("OK", "OK", _ONE, outcome().peer, {"client": _ONE, "server": _ONE, "repeated": True})
        self.check(outcome(), twice, "two connections")


class CompareTests(SynchronousTestCase):
    """Tests of L{compare}."""

    def test_a_proxy_that_relays_bytes(self) -> None:
        """All is the same, bad frames get through, nothing is at the hooks, and that is good."""
        outcomes = {"1.1.1": outcome(), "3.1": outcome(violation="1002")}
        found = compare(outcomes, outcomes, True, True)
        self.assertEqual((["1.1.1", "3.1"], ["3.1"], [], False), (
            found.cases(Verdict.SAME), found.leaked, found.refused, found.has_hooks,
        ))  # fmt: skip
        self.assertTrue(found.is_good)

    def test_a_proxy_that_reads_messages(self) -> None:
        """The bad frame ends at the proxy; messages are counted."""
        before = {"1.1.1": outcome(), "3.1": outcome(violation="1002", there=_NONE, here=_NONE)}
        after = {"1.1.1": outcome(hook=(_ONE, _ONE)), "3.1": outcome(there=_NONE, here=_NONE, hook=(_NONE, _NONE))}
        found = compare(before, after, True, True)
        self.assertEqual((["3.1"], [], ["1.1.1", "3.1"], {}), (
            found.refused, found.leaked, found.equal, found.unequal,
        ))  # fmt: skip
        self.assertTrue(found.is_good)

    def test_a_leak_is_bad_where_messages_are_read(self) -> None:
        """A proxy that reads messages lets no bad frame through."""
        before = {"3.1": outcome(violation="1002")}
        after = {"3.1": outcome(violation="1002", hook=(_ONE, _ONE))}
        found = compare(before, after, True, True)
        self.assertEqual((["3.1"], False), (found.leaked, found.is_good))

    def test_a_lost_message_is_bad(self) -> None:
        """Messages that differ fail the run although the suite is content."""
        found = compare({"1.1.1": outcome()}, {"1.1.1": outcome(hook=(_NONE, _ONE))}, True, True)
        self.assertEqual((["1.1.1"], False), (list(found.unequal), found.is_good))

    def test_a_hook_that_misses_a_case(self) -> None:
        """Once there are hooks, a case without is a difference."""
        before = {"1.1.1": outcome(), "1.1.2": outcome()}
        found = compare(before, {"1.1.1": outcome(hook=(_ONE, _ONE)), "1.1.2": outcome()}, True, True)
        self.assertEqual(["1.1.2"], list(found.unequal))

    def test_one_case_that_is_worse_is_bad(self) -> None:
        """The others being the same doesn't help, and a missing case is one."""
        before = {"1.1.1": outcome(), "1.1.2": outcome()}
        found = compare(before, {"1.1.1": outcome()}, True, False)
        self.assertEqual((["1.1.2"], False), (found.cases(Verdict.WORSE), found.is_good))


class ReadOutcomesTests(SynchronousTestCase):
    """Tests of L{read_outcomes}."""

    def written(self, is_server: bool) -> Path:
        """Write what a run leaves; the peer and the addon know case 2.10 as 2.10, or as the third of the run."""
        directory = Path(self.mktemp())
        (directory / "suite").mkdir(parents=True)
        index = {}
        for number, case in ((3, "2.10"), (2, "2.9")):
            report = f"agent_case_{case}.json"
            index[case] = {"behavior": "OK", "behaviorClose": "UNCLEAN", "reportfile": report}
            whole = {"case": number, "isServer": is_server}
            (directory / "suite" / report).write_text(json.dumps(whole), "utf-8")
        (directory / "suite" / "index.json").write_text(json.dumps({"agent": index}), "utf-8")
        Ledger(directory / "suite.jsonl").write("2.10", received=_ONE)
        Ledger(directory / "peer.jsonl").write("3" if is_server else "2.10", violation="1002")
        Ledger(directory / "proxy.jsonl").write("3" if is_server else "2.10", client=_TWO)
        return directory

    def test_joins_what_all_wrote(self) -> None:
        """The same outcome, whichever half of the suite ran; cases are in the suite's order."""
        expected = Outcome("OK", "UNCLEAN", _ONE, {"violation": "1002"}, {"client": _TWO})
        for is_server in (True, False):
            outcomes = read_outcomes(self.written(is_server))
            self.assertEqual(["2.9", "2.10"], list(outcomes))
            self.assertEqual(expected, outcomes["2.10"])
            self.assertEqual(Outcome("OK", "UNCLEAN"), outcomes["2.9"])
