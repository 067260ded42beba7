"""
Make every tenth request fail, to see whether a client can live with that.

    mitmtw run --script examples/every_tenth.py
"""

from itertools import cycle

from mitmtw.model import HTTPFlow, Response

fates = cycle([*(["pass"] * 9), "fail"])


def request(flow: HTTPFlow) -> None:
    """Half of the failures are answers, the other half are connections that end without one."""
    if next(fates) == "fail":
        if flow.request.method == "GET":
            flow.response = Response.make(500, b"bad luck\n")
        else:
            flow.kill()
