"""
Compares the verdicts of two runs of the suite, one through the proxy and one without it, case by case.

A proxy that reads messages refuses a bad frame itself. The peer behind it never sees that, and what came before the bad
frame may not come back any more, which the suite calls NON-STRICT instead of OK: here it is stricter, not worse.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

from tests.conformance.ledger import read_ledger

__all__ = ["Comparison", "Outcome", "Verdict", "compare", "compare_messages", "judge", "read_outcomes"]

#: What the suite says, from bad to good. INFORMATIONAL cases have no right and wrong.
_RANKS = {
    "FAILED": 0, "UNCLEAN": 1, "WRONG CODE": 1, "UNIMPLEMENTED": 1, "NON-STRICT": 2, "FAILED BY CLIENT": 2,
    "OK": 3, "INFORMATIONAL": 3,
}  # fmt: skip
#: In these NON-STRICT means that invalid UTF-8 was refused at the end of its message or frame, not in its midst.
_LATE = "6.4."
#: In these the suite sends messages behind its close frame; how many of them a receiver takes is its own business.
_BEHIND_CLOSE = frozenset({"7.1.4", "7.1.5", "7.1.6"})


class Verdict(StrEnum):
    """How a case went through the proxy, compared with how it went without."""

    SAME = "same"
    STRICTER = "stricter"
    LATER = "later"
    WORSE = "worse"


@dataclass(frozen=True, slots=True)
class Outcome:
    """
    One case of one run.

    @ivar behavior: the suite's verdict.
    @ivar close: the suite's verdict on the end of the connection.
    @ivar received: count and digest of the messages that the suite received; None when it did not connect.
    @ivar peer: what our echoing peer saw; None when nothing reached it.
    @ivar proxy: what the addon in the proxy saw; None without addon and without hooks.
    """

    behavior: str
    close: str
    received: list[Any] | None = None
    peer: Mapping[str, Any] | None = None
    proxy: Mapping[str, Any] | None = None

    @property
    def violation(self) -> str | None:
        """What our peer had to refuse, in its words."""
        return self.peer["violation"] if self.peer is not None else None


@dataclass(slots=True)
class Comparison:
    """
    What came out of a run, compared with its reference.

    @ivar verdicts: the verdict on each case.
    @ivar refused: the cases whose bad frame the peer saw in the reference, and not behind the proxy.
    @ivar leaked: the cases whose bad frame the peer saw behind the proxy.
    @ivar equal: the cases whose messages were at the hook as at both ends.
    @ivar unequal: the other cases with hooks: why.
    """

    verdicts: dict[str, Verdict]
    refused: list[str]
    leaked: list[str]
    equal: list[str]
    unequal: dict[str, str]

    def cases(self, verdict: Verdict) -> list[str]:
        """The cases with this verdict."""
        return [case for case, one in self.verdicts.items() if one is verdict]

    @property
    def has_hooks(self) -> bool:
        """Whether an addon saw messages in any case: the proxy reads them."""
        return bool(self.equal or self.unequal)

    @property
    def is_good(self) -> bool:
        """Whether nothing is worse, and, where the proxy reads messages, none is lost and no bad frame gets through."""
        return not (self.cases(Verdict.WORSE) or self.unequal or (self.has_hooks and self.leaked))


def read_outcomes(directory: Path) -> dict[str, Outcome]:
    """
    Read what the suite, the peer and the addon wrote in a run.

    @return: the outcome of each case, in the suite's order.
    """
    index = json.loads((directory / "suite" / "index.json").read_text("utf-8"))
    (reports,) = index.values()
    received = read_ledger(directory / "suite.jsonl")
    peer, proxy = read_ledger(directory / "peer.jsonl"), read_ledger(directory / "proxy.jsonl")
    outcomes = {}
    for case in sorted(reports, key=lambda one: [int(part) for part in one.split(".")]):
        report = reports[case]
        # The peer and the addon know what stands in the address: the case, or its number in this run.
        whole = json.loads((directory / "suite" / report["reportfile"]).read_text("utf-8"))
        name = str(whole["case"]) if whole["isServer"] else case
        outcomes[case] = Outcome(
            report["behavior"], report["behaviorClose"], received.get(case, {}).get("received"), peer.get(name),
            proxy.get(name),
        )  # fmt: skip
    return outcomes


def judge(case: str, reference: Outcome, proxied: Outcome | None) -> Verdict:
    """Compare one case; C{proxied} is None when the suite did not get as far."""
    if proxied is None:
        return Verdict.WORSE
    before = _RANKS[reference.behavior], _RANKS[reference.close]
    after = _RANKS[proxied.behavior], _RANKS[proxied.close]
    if after == before:
        return Verdict.SAME
    if after[0] >= before[0] and after[1] >= before[1]:
        return Verdict.STRICTER
    is_refused = bool(reference.violation) and not proxied.violation
    if is_refused and proxied.behavior == "NON-STRICT" and after[1] >= before[1]:
        return Verdict.LATER if case.startswith(_LATE) else Verdict.STRICTER
    return Verdict.WORSE


def compare_messages(case: str, reference: Outcome, proxied: Outcome, peer_is_server: bool) -> str:
    """
    Compare what was at the hook with what was at both ends, and with what was there without the proxy.

    @param peer_is_server: whether our peer is the WebSocket server.
    @return: what is unequal; empty when nothing is.
    """
    if proxied.proxy is None or proxied.peer is None or reference.peer is None:
        return "nobody counted at " + ("the hook" if proxied.proxy is None else "the echoing peer")
    if proxied.proxy.get("repeated"):
        return "the hooks fired for two connections"
    to_peer, from_peer = ("client", "server") if peer_is_server else ("server", "client")
    if case in _BEHIND_CLOSE and proxied.proxy[to_peer][0] <= reference.peer["received"][0]:
        return ""
    if proxied.proxy[to_peer] != reference.peer["received"]:
        return _differ(
            "the hook from the suite", proxied.proxy[to_peer], "without the proxy", reference.peer["received"]
        )
    if proxied.proxy[to_peer] != proxied.peer["received"]:
        return _differ("the hook from the suite", proxied.proxy[to_peer], "the echoing peer", proxied.peer["received"])
    if reference.violation is None and reference.peer["sent"] == reference.received:
        # Else the echo is on its way while the connection ends, and nobody can say how far it gets.
        if proxied.proxy[from_peer] != proxied.peer["sent"]:
            return _differ("the hook from the peer", proxied.proxy[from_peer], "the peer sent", proxied.peer["sent"])
        if proxied.proxy[from_peer] != proxied.received:
            return _differ("the hook from the peer", proxied.proxy[from_peer], "the suite", proxied.received)
    return ""


def _differ(one: str, there: list[Any], other: str, here: list[Any] | None) -> str:
    """Say it."""
    return f"{one}: {there[0]} messages, {other}: {here[0] if here else None}" + (
        ", of other content" if here and here[0] == there[0] else ""
    )


def compare(
    reference: Mapping[str, Outcome], proxied: Mapping[str, Outcome], peer_is_server: bool, is_counted: bool
) -> Comparison:
    """
    Compare two runs.

    @param is_counted: whether an addon counted messages in the run through the proxy.
    """
    found = Comparison({}, [], [], [], {})
    has_hooks = is_counted and any(one.proxy is not None for one in proxied.values())
    for case, before in reference.items():
        after = proxied.get(case)
        found.verdicts[case] = judge(case, before, after)
        if after is None:
            continue
        if after.violation:
            found.leaked.append(case)
        elif before.violation:
            found.refused.append(case)
        if has_hooks:
            difference = compare_messages(case, before, after, peer_is_server)
            if difference:
                found.unequal[case] = difference
            else:
                found.equal.append(case)
    return found
