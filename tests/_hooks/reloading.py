"""What tests of scripts that change share: a script, and a proxy that runs it."""

import os
from pathlib import Path
from textwrap import dedent
from typing import Any

from twisted.internet.defer import Deferred
from twisted.trial.unittest import SynchronousTestCase
from typing_extensions import override

from mitmtw._hooks.script import load_script
from mitmtw.testing import Harness, Origin, Peer

__all__ = ["ANSWER", "REQUEST", "SCRIPT", "ReloadTestCase"]

ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi"
REQUEST = b"GET http://example.com/ HTTP/1.1\r\nHost: example.com\r\n\r\n"

#: Notes what happens to it in a list that all versions share, and marks requests and responses with its version.
SCRIPT = """
    import builtins
    seen = builtins.mitmtw_reload_seen
    def start(): seen.append("start VERSION")
    def configure(options, updated): seen.append("configure VERSION")
    def done(): seen.append("done VERSION")
    def request(flow):
        flow.request.headers["x-asked"] = "VERSION"
        return seen_gates.get("VERSION")
    def response(flow):
        flow.response.headers["x-asked"] = flow.request.headers["x-asked"]
        flow.response.headers["x-answered"] = "VERSION"
    seen_gates = builtins.mitmtw_reload_gates
"""


class ReloadTestCase(SynchronousTestCase):
    """Has a script in a folder of its own, and a proxy that runs it."""

    @override
    def setUp(self) -> None:
        import builtins

        self.seen: list[str] = []
        self.gates: dict[str, Deferred[None]] = {}
        setattr(builtins, "mitmtw_reload_seen", self.seen)  # noqa: B010 - mypy does not know the name
        setattr(builtins, "mitmtw_reload_gates", self.gates)  # noqa: B010
        self.folder = Path(self.mktemp()).absolute()
        self.folder.mkdir()
        self.writes = 0
        self.script = self.write(SCRIPT, "1")

    @override
    def tearDown(self) -> None:
        import builtins

        del builtins.mitmtw_reload_seen, builtins.mitmtw_reload_gates  # type: ignore[attr-defined]

    def write(self, text: str, version: str = "", name: str = "probe.py") -> Path:
        """Write a file, each time with another modification time, however quick the test is."""
        path = self.folder / name
        path.write_text(dedent(text).replace("VERSION", version))
        self.writes += 1
        os.utime(path, ns=(0, 10**9 + self.writes))
        return path

    def run_script(self, *addons: object, **options: Any) -> None:
        """Start the proxy with the script, and a server."""
        self.harness = Harness(load_script(self.script), *addons, **options)
        self.addCleanup(self.stop)
        self.origin: Origin = self.harness.origin("example.com", 80, ANSWER)

    def stop(self) -> None:
        """Stop the proxy; nothing is left on its clock."""
        stopped = self.harness.stop()
        self.harness.advance(*[1] * 30)
        self.successResultOf(stopped)
        self.assertEqual([str(call) for call in self.harness.network.getDelayedCalls()], [])

    def ask(self) -> Peer:
        """A client that has asked."""
        client = self.harness.client()
        client.send(REQUEST)
        self.harness.pump()
        return client

    def versions(self, client: Peer) -> tuple[str, str]:
        """Who marked the request, and who the response."""
        head = client.received.decode().lower()
        found = dict(line.split(": ", 1) for line in head.split("\r\n") if line.startswith("x-"))
        return found["x-asked"], found["x-answered"]

    def names(self) -> list[str]:
        """The addons in the chain."""
        assert self.harness.service.proxy is not None
        return [link.name for link in self.harness.service.proxy.hooks.chain]

    def new_version(self, version: str = "2") -> None:
        """Change the script, and let the change be seen."""
        self.write(SCRIPT, version)
        self.harness.advance(1)
