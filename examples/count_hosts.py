"""
Count requests by host, in bounded memory however long the proxy runs, and log the first ten at the end.

    mitmtw run --script examples/count_hosts.py
"""

from collections import Counter

from twisted.logger import Logger

from mitmtw.model import HTTPFlow

MOST_HOSTS = 10_000
log = Logger()
counts: Counter[str] = Counter()


def requestheaders(flow: HTTPFlow) -> None:
    """Count; when there are too many hosts, the rarer half is forgotten."""
    if len(counts) >= MOST_HOSTS and flow.request.host not in counts:
        kept = counts.most_common(MOST_HOSTS // 2)
        counts.clear()
        counts.update(dict(kept))
    counts[flow.request.host] += 1


def done() -> None:
    """The last event of every addon."""
    for host, count in counts.most_common(10):
        log.info("{count} requests to {host}", count=count, host=host)
