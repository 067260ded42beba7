"""
Look every host up in a database, but never more than four at a time: further requests wait in line.

    mitmtw run --script examples/limit_pending.py
"""

import sqlite3
import threading

from mitmtw.addon import in_thread
from mitmtw.model import HTTPFlow


class Lookup:
    """One connection to the database for each thread that ever asks."""

    max_pending = 4
    path = ":memory:"

    def __init__(self) -> None:
        self.local = threading.local()

    @in_thread
    def requestheaders(self, flow: HTTPFlow) -> None:
        """In a thread, plain blocking code is right."""
        if not hasattr(self.local, "database"):
            self.local.database = sqlite3.connect(self.path)
        (length,) = self.local.database.execute("select length(?)", (flow.request.host,)).fetchone()
        flow.request.headers["X-Host-Length"] = str(length)


addons = [Lookup()]
