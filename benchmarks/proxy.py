"""
The installed command beside mitmdump: C{python -m benchmarks.proxy}.

Both run with the options they have by themselves, verification of servers included, on one interpreter and in one run.
What is compared is processor time per request: unlike requests per second it does not depend on what else the machine
does. See README.md in this folder.
"""

import argparse
import os
import shlex
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.cpu import cpu_seconds, memory_bytes
from benchmarks.installed import find_interpreter, installed_mitmdump, installed_mitmtw
from benchmarks.load import LoadFailed, run_load
from benchmarks.origin import Origin, free_port, wait_for

__all__ = ["main"]

_SCRIPT = Path(__file__).with_name("every_hook.py")
_SCENARIOS = ("plain", "tls")
_MEGABYTE = 1024 * 1024


@dataclass
class Proxy:
    """
    One proxy that is measured.

    @ivar name: what it is called in the table.
    @ivar command: how to start it, but for port, folder and trust.
    @ivar is_mitmdump: which command line it has.
    @ivar costs: per scenario, CPU milliseconds per 1000 requests of each round.
    @ivar rates: per scenario, requests per second of each round.
    @ivar start_bytes: memory before the first request.
    """

    name: str
    command: list[str]
    is_mitmdump: bool = False
    costs: dict[str, list[float]] = field(default_factory=lambda: {scenario: [] for scenario in _SCENARIOS})
    rates: dict[str, list[float]] = field(default_factory=lambda: {scenario: [] for scenario in _SCENARIOS})
    start_bytes: int = 0
    port: int = 0
    root: str = ""

    def forget(self, scenario: str) -> None:
        """Start anew with the figures of a scenario."""
        self.costs[scenario].clear()
        self.rates[scenario].clear()

    def start(self, folder: Path, origin_root: Path, with_addon: bool) -> "subprocess.Popen[bytes]":
        """Start it, and wait until it listens."""
        confdir = folder / self.name
        confdir.mkdir(mode=0o700)
        self.port = free_port()
        if self.is_mitmdump:
            trust = f"ssl_verify_upstream_trusted_ca={origin_root}"
            listen = ["--listen-host", "127.0.0.1", "--listen-port", str(self.port)]
            arguments = ["-q", "--set", f"confdir={confdir}", *listen, "--set", trust]
            self.root = str(confdir / "mitmproxy-ca-cert.pem")
        else:
            listen = ["--listen", f"tcp:{self.port}:interface=127.0.0.1"]
            arguments = ["--confdir", str(confdir), *listen, "--set", f"upstream_ca={origin_root}"]
            self.root = str(confdir / "mitmtw-ca-cert.pem")
        if with_addon:
            arguments += ["-s", str(_SCRIPT)]
        log = (confdir / "log").open("wb")
        process = subprocess.Popen([*self.command, *arguments], stdout=log, stderr=log)
        wait_for(self.port, process)
        self.start_bytes = memory_bytes(process.pid)
        return process


def _measure(proxy: Proxy, pid: int, scenario: str, origin: Origin, arguments: argparse.Namespace) -> None:
    """One slice."""
    is_tls = scenario == "tls"
    port = origin.tls_port if is_tls else origin.port
    before, began = cpu_seconds(pid), time.monotonic()
    root = proxy.root if is_tls else None
    answers = run_load(proxy.port, port, arguments.connections, arguments.seconds, root, arguments.varied)
    spent, passed = cpu_seconds(pid) - before, time.monotonic() - began
    if not answers:
        raise LoadFailed(f"{proxy.name} has answered nothing")
    proxy.costs[scenario].append(spent / answers * 1e6)
    proxy.rates[scenario].append(answers / passed)


def _run(proxies: list[Proxy], arguments: argparse.Namespace, with_addon: bool) -> None:
    """All slices, interleaved: what disturbs the machine for a while disturbs all alike."""
    with tempfile.TemporaryDirectory(prefix="mitmtw-bench-") as name:
        folder = Path(name)
        origin = Origin(folder, arguments.varied)
        running: list[subprocess.Popen[bytes]] = []
        try:
            for proxy in proxies:
                running.append(proxy.start(folder, origin.root, with_addon))
            for number in range(arguments.rounds + 1):
                for scenario in _SCENARIOS:
                    for proxy, process in zip(proxies, running, strict=True):
                        _measure(proxy, process.pid, scenario, origin, arguments)
                        if number == 0:  # certificates are made, connections to the origin opened: not counted
                            proxy.forget(scenario)
        finally:
            for process in running:
                process.send_signal(signal.SIGINT)
            for process in running:
                _end(process)
            origin.stop()


def _end(process: "subprocess.Popen[bytes]") -> None:
    """Wait for a proxy to stop; kill one that does not."""
    try:
        process.wait(10)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _print(proxies: list[Proxy], title: str) -> None:
    """The table: CPU milliseconds per 1000 requests, and ratios to the last proxy."""
    print(f"\n{title}: CPU ms per 1000 requests, min / median; ratio of the last row to this one, min/min and med/med")
    last = proxies[-1]
    for proxy in proxies:
        cells = []
        for scenario in _SCENARIOS:
            least, middle = min(proxy.costs[scenario]), statistics.median(proxy.costs[scenario])
            other = last.costs[scenario]
            ratio = f"{min(other) / least:5.1f}x {statistics.median(other) / middle:5.1f}x"
            rate = statistics.median(proxy.rates[scenario])
            cells.append(f"{scenario} {least:7.1f} / {middle:7.1f}  {ratio}  {rate:6.0f} req/s")
        print(f"{proxy.name:>10}  " + "   ".join(cells) + f"   {proxy.start_bytes / _MEGABYTE:4.0f} MB at start")


def _candidates(arguments: argparse.Namespace) -> list[Proxy]:
    """What to measure."""
    if arguments.smoke:
        return [Proxy("mitmtw", [sys.executable, "-m", "mitmtw", "run"])]
    interpreter = arguments.python or find_interpreter()
    print(f"interpreter: {interpreter}")
    proxies = [Proxy("mitmtw", [installed_mitmtw(interpreter), "run"])]
    for text in arguments.also:
        name, _, command = text.partition("=")
        proxies.append(Proxy(name, shlex.split(command)))
    if not arguments.alone:
        proxies.append(Proxy("mitmdump", [installed_mitmdump(interpreter)], is_mitmdump=True))
    return proxies


def main(argv: list[str] | None = None) -> int:
    """Measure and print; the exit status is 1 when an answer was wrong."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.proxy", description=__doc__)
    parser.add_argument("--rounds", type=int, default=5, help="interleaved rounds")
    parser.add_argument("--seconds", type=float, default=3.0, help="length of one slice")
    parser.add_argument("--connections", type=int, default=32, help="connections that ask at the same time")
    parser.add_argument("--python", help="the interpreter for both proxies")
    parser.add_argument("--addon", action="store_true", help="measure once more with an addon on every hook")
    parser.add_argument("--varied", action="store_true", help="let fields differ from message to message")
    parser.add_argument("--alone", action="store_true", help="leave mitmdump out")
    parser.add_argument("--also", action="append", default=[], metavar="NAME=COMMAND", help="another mitmtw to compare")
    parser.add_argument("--smoke", action="store_true", help="one short round of this checkout, on this interpreter")
    arguments = parser.parse_args(argv)
    if arguments.smoke:
        arguments.rounds, arguments.seconds, arguments.connections = 1, 0.3, 4
    proxies = _candidates(arguments)
    print(f"load average: {os.getloadavg()[0]:.1f}; {arguments.connections} connections; {arguments.rounds} rounds")
    for with_addon in (False, True) if arguments.addon else (False,):
        for proxy in proxies:
            for scenario in _SCENARIOS:
                proxy.forget(scenario)
        try:
            _run(proxies, arguments, with_addon)
        except (LoadFailed, RuntimeError) as error:
            print(f"failed: {error}", file=sys.stderr)
            return 1
        _print(proxies, "one addon on every hook" if with_addon else "no addon")
    return 0


if __name__ == "__main__":
    sys.exit(main())
