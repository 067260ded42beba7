"""
Conversations beside mitmdump and HAProxy: C{python -m benchmarks.messages}.

WebSocket in reverse mode, 16 connections that say something as soon as they were answered: processor time per message
that is passed on, the echo being one more. TCP in reverse mode beside HAProxy's C{mode tcp}: processor time per
round trip of 64 octets, and per GB of one connection. See README.md in this folder.
"""

import argparse
import os
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.cpu import cpu_seconds
from benchmarks.installed import find_interpreter, installed_mitmdump, installed_mitmtw
from benchmarks.load import LoadFailed
from benchmarks.origin import free_port, wait_for
from benchmarks.talkers import run_talk

__all__ = ["SCENARIOS", "Scenario", "main"]

_ADDON = Path(__file__).with_name("every_hook.py")
_HAPROXY = """
global
    maxconn 2000
defaults
    mode tcp
    timeout connect 5s
    timeout client 600s
    timeout server 600s
listen all
    bind 127.0.0.1:{port}
    server origin 127.0.0.1:{origin}
"""


@dataclass(frozen=True)
class Scenario:
    """
    What is said.

    @ivar name: what it is called in the table.
    @ivar kind: see L{benchmarks.talkers.KINDS}.
    @ivar size: octets of a message.
    @ivar unit: of what the costs are.
    @ivar scale: from seconds per message or octet to that unit.
    """

    name: str
    kind: str
    size: int = 0
    unit: str = "us/message"
    scale: float = 1e6

    @property
    def is_tcp(self) -> bool:
        """Whether it is no WebSocket."""
        return self.kind not in ("text", "binary")


#: By the name of their group.
SCENARIOS = {
    "websocket": [
        Scenario("text 125 B", "text", 125),
        Scenario("binary 125 B", "binary", 125),
        Scenario("text 64 KB", "text", 65536),
        Scenario("binary 64 KB", "binary", 65536),
    ],
    "tcp": [
        Scenario("echo 64 B", "echo", 64, "us/round trip", 2e6),  # a round trip is two messages
        Scenario("down", "down", unit="s/GB", scale=1e9),
        Scenario("up", "up", unit="s/GB", scale=1e9),
    ],
}


@dataclass
class Candidate:
    """
    One proxy that is measured.

    @ivar name: C{mitmtw}, C{mitmdump} or C{haproxy}.
    @ivar command: how to start it, but for what it shall do.
    @ivar costs: per name of a scenario, what each round took, in its unit.
    """

    name: str
    command: list[str]
    costs: dict[str, list[float]] = field(default_factory=dict)
    http_port: int = 0
    tcp_port: int = 0

    def start(self, folder: Path, origin: int, with_addon: bool) -> "subprocess.Popen[bytes]":
        """Start it, and wait until it listens."""
        own = folder / self.name
        own.mkdir(mode=0o700)
        self.costs.clear()
        self.http_port, self.tcp_port = free_port(), free_port()
        targets = (
            (f"reverse:http://127.0.0.1:{origin}", self.http_port),
            (f"reverse:tcp://127.0.0.1:{origin}", self.tcp_port),
        )
        if self.name == "haproxy":
            path = own / "haproxy.cfg"
            path.write_text(_HAPROXY.format(port=self.tcp_port, origin=origin))
            arguments = ["-db", "-f", str(path)]
        elif self.name == "mitmdump":
            arguments = ["-q", "--set", f"confdir={own}"]
            arguments += [word for mode, port in targets for word in ("--mode", f"{mode}@127.0.0.1:{port}")]
        else:
            arguments = ["--confdir", str(own)]
            arguments += [word for mode, port in targets for word in ("--listen", f"{mode}@127.0.0.1:{port}")]
        if with_addon and self.name != "haproxy":
            arguments += ["-s", str(_ADDON)]
        log = (own / "log").open("wb")
        process = subprocess.Popen([*self.command, *arguments], stdout=log, stderr=log)
        wait_for(self.tcp_port, process)
        return process

    def measure(self, scenario: Scenario, pid: int, connections: int, seconds: float) -> None:
        """One slice."""
        if self.name == "haproxy" and not scenario.is_tcp:
            return
        port = self.tcp_port if scenario.is_tcp else self.http_port
        before = cpu_seconds(pid)
        passed = run_talk(scenario.kind, port, scenario.size, connections, seconds)
        if not passed:
            raise LoadFailed(f"{self.name} has passed nothing on")
        self.costs.setdefault(scenario.name, []).append((cpu_seconds(pid) - before) / passed * scenario.scale)


def _run(candidates: list[Candidate], arguments: argparse.Namespace, with_addon: bool) -> None:
    """All slices, interleaved: what disturbs the machine for a while disturbs all alike."""
    scenarios = [each for group in arguments.only for each in SCENARIOS[group]]
    with tempfile.TemporaryDirectory(prefix="mitmtw-bench-") as name:
        port = free_port()
        server = subprocess.Popen([sys.executable, "-m", "benchmarks.talkers", "serve", str(port)])
        running = [server]
        try:
            wait_for(port, server)
            for candidate in candidates:
                running.append(candidate.start(Path(name), port, with_addon))
            for number in range(arguments.rounds + 1):
                for scenario in scenarios:
                    for candidate, process in zip(candidates, running[1:], strict=True):
                        candidate.measure(scenario, process.pid, arguments.connections, arguments.seconds)
                        if number == 0:  # code is warm from now on
                            candidate.costs.pop(scenario.name, None)
        finally:
            for process in reversed(running):
                process.send_signal(signal.SIGTERM)
                try:
                    process.wait(10)
                except subprocess.TimeoutExpired:
                    process.kill()
                    process.wait()


def _print(candidates: list[Candidate], arguments: argparse.Namespace, title: str) -> None:
    """The tables: one line for each scenario and proxy."""
    print(f"\n{title}: CPU, min / median; ratio to mitmtw, min/min and med/med")
    first = candidates[0]
    for scenario in [each for group in arguments.only for each in SCENARIOS[group]]:
        for candidate in candidates:
            costs = candidate.costs.get(scenario.name)
            if costs:
                own = first.costs[scenario.name]
                least, middle = min(costs), statistics.median(costs)
                ratio = f"{least / max(min(own), 1e-9):6.2f}x {middle / max(statistics.median(own), 1e-9):6.2f}x"
                figures = f"{least:8.2f} / {middle:8.2f} {scenario.unit:13}"
                print(f"{scenario.name:>13} {candidate.name:>9}  {figures}  {ratio}")


def _candidates(arguments: argparse.Namespace) -> list[Candidate]:
    """What to measure."""
    if arguments.smoke:
        return [Candidate("mitmtw", [sys.executable, "-m", "mitmtw", "run"])]
    interpreter = arguments.python or find_interpreter()
    print(f"interpreter: {interpreter}")
    candidates = [Candidate("mitmtw", [installed_mitmtw(interpreter), "run"])]
    haproxy = shutil.which("haproxy") or shutil.which("haproxy", path="/usr/sbin:/usr/local/sbin")
    if haproxy and "tcp" in arguments.only:
        candidates.append(Candidate("haproxy", [haproxy]))
    if not arguments.alone:
        candidates.append(Candidate("mitmdump", [installed_mitmdump(interpreter)]))
    return candidates


def main(argv: list[str] | None = None) -> int:
    """Measure and print; the exit status is 1 when something that was not said has come."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.messages", description=__doc__)
    parser.add_argument(
        "--only", action="append", choices=sorted(SCENARIOS), help="a group of scenarios; may be given twice"
    )
    parser.add_argument("--rounds", type=int, default=5, help="interleaved rounds")
    parser.add_argument("--seconds", type=float, default=2.0, help="length of one slice")
    parser.add_argument("--connections", type=int, default=16, help="connections that talk at the same time")
    parser.add_argument("--python", help="the interpreter for both proxies")
    parser.add_argument("--addon", action="store_true", help="measure once more with an addon on every hook")
    parser.add_argument("--alone", action="store_true", help="leave mitmdump out")
    parser.add_argument("--smoke", action="store_true", help="one short round of this checkout, on this interpreter")
    arguments = parser.parse_args(argv)
    arguments.only = arguments.only or list(SCENARIOS)
    if arguments.smoke:
        arguments.rounds, arguments.seconds, arguments.connections = 1, 0.1, 4
    candidates = _candidates(arguments)
    print(f"load average: {os.getloadavg()[0]:.1f}; {arguments.connections} connections; {arguments.rounds} rounds")
    for with_addon in (False, True) if arguments.addon else (False,):
        try:
            _run(candidates, arguments, with_addon)
        except (LoadFailed, RuntimeError) as error:
            print(f"failed: {error}", file=sys.stderr)
            return 1
        _print(candidates, arguments, "one addon on every hook" if with_addon else "no addon")
    return 0


if __name__ == "__main__":
    sys.exit(main())
