"""
A guard that lets nothing pass when it fails itself: what an addon's own failure means is its C{failure_policy}.

    mitmtw run --script examples/guard.py
"""

import json

from mitmtw.addon import StopChain
from mitmtw.model import HTTPFlow

# "continue" would go on without the guard; ("respond", 503) would answer the client. Here the flow is killed.
failure_policy = "kill"


def request(flow: HTTPFlow) -> None:
    """Kill what holds a secret. JSON that cannot be read raises, and that kills, too."""
    if not flow.request.headers.get("Content-Type", "").startswith("application/json"):
        return
    fields = json.loads(flow.request.content or b"{}")
    if "password" in fields:
        flow.kill()
    elif fields.get("trusted") is True:
        raise StopChain  # no failure: the addons after this one do not see this event
