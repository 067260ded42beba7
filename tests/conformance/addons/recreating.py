"""
Gives each WebSocket message its own content anew, so that the proxy may have to write it itself.

    mitmtw run --script tests/conformance/addons/counting.py --script tests/conformance/addons/recreating.py
"""

from typing import Any


def websocket_message(flow: Any) -> None:
    """Set the content to an equal one."""
    message = flow.messages[-1]
    message.content = bytes(bytearray(message.content))
