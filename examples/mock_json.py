"""
Stand in for a JSON service that is not there yet: POST keeps an item, GET gives one or all.

    mitmtw run --script examples/mock_json.py
    curl -x http://127.0.0.1:8080 http://api.example/items --json '{"name": "a"}'
    curl -x http://127.0.0.1:8080 http://api.example/items/0
"""

import json
from typing import Any

from mitmtw.model import HTTPFlow, Response

items: list[Any] = []


def request(flow: HTTPFlow) -> None:
    """No connection is made to a host that we answer for."""
    if flow.request.host == "api.example":
        status, answer = _answer(flow)
        flow.response = Response.make(status, json.dumps(answer), {"Content-Type": "application/json"})


def _answer(flow: HTTPFlow) -> tuple[int, Any]:
    match flow.request.method, flow.request.path_components:
        case "POST", ("items",):
            try:
                items.append(flow.request.json())
            except ValueError:
                return 400, {"error": "that is no JSON"}
            return 201, {"id": len(items) - 1}
        case "GET", ("items",):
            return 200, items
        case "GET", ("items", number) if number.isdigit() and int(number) < len(items):
            return 200, items[int(number)]
    return 404, {"error": "there is no such thing"}
