"""
Counts the messages of each WebSocket connection at the hooks, into the ledger that C{MITMTW_CONFORMANCE_LEDGER} names.

    mitmtw run --script tests/conformance/addons/counting.py
"""

import os
from typing import Any

from tests.conformance.ledger import Ledger, Tally, case_of

_ledger = Ledger(os.environ["MITMTW_CONFORMANCE_LEDGER"])
_tallies: dict[int, dict[bool, Tally]] = {}


def websocket_start(flow: Any) -> None:
    """Begin to count."""
    _tallies[id(flow)] = {True: Tally(), False: Tally()}


def websocket_message(flow: Any) -> None:
    """Count a message."""
    message = flow.messages[-1]
    _tallies[id(flow)][bool(message.from_client)].add(message.content, message.is_text)


def websocket_end(flow: Any) -> None:
    """Write down what was counted."""
    tallies = _tallies.pop(id(flow))
    case = case_of(flow.handshake_flow.request.path)
    if case:
        error = str(flow.error) if flow.error is not None else None
        _ledger.write(case, client=tallies[True].total(), server=tallies[False].total(), error=error)
