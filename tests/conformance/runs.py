"""
The runs: which half of the suite talks to which of our peers, how the proxy stands between them, and with which addons.
"""

import json
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from tests._tls.certificates import made
from tests.conformance.programs import Program
from tests.conformance.suite import FUZZER

__all__ = ["ALL_RUNS", "Course", "Run"]

_ADDONS = Path(__file__).parent / "addons"
#: What is loaded into the proxy: nothing; an addon that listens; one more that writes every message anew.
_SCRIPTS: dict[str, Sequence[str]] = {
    "plain": (),
    "counting": ("counting.py",),
    "recreating": ("counting.py", "recreating.py"),
}
_ANY_PORT = "tcp:0:interface=127.0.0.1"
#: Seconds; a whole run takes about forty on an idle machine, with twenty messages in the long cases.
_PATIENCE = 1800.0


@dataclass(frozen=True, slots=True)
class Run:
    """
    One run of all cases.

    @ivar peer: what our echoing peer is, C{server} or C{client}; the suite is the other.
    @ivar scheme: C{ws} or C{wss}, on both sides of the proxy.
    @ivar form: how the proxy is reached: C{reverse}, C{absolute}, C{connect}; C{direct} without one.
    @ivar addons: C{plain}, C{counting} or C{recreating}.
    """

    peer: str
    scheme: str
    form: str = "direct"
    addons: str = "plain"

    @property
    def name(self) -> str:
        """For people, and for a directory."""
        return "-".join([self.peer, self.scheme, *([self.form] if self.form == "direct" else [self.form, self.addons])])

    @property
    def reference(self) -> "Run":
        """The run without proxy that this one is compared with."""
        return Run(self.peer, self.scheme)


def _all_runs() -> Iterator[Run]:
    """The references first, then what is compared with them."""
    for scheme in ("ws", "wss"):
        yield Run("server", scheme)
        for addons in _SCRIPTS:
            yield Run("server", scheme, "reverse", addons)
    yield Run("client", "ws")
    for addons in _SCRIPTS:
        yield Run("client", "ws", "reverse", addons)
    yield Run("client", "ws", "absolute", "counting")
    yield Run("client", "ws", "connect", "counting")
    yield Run("client", "wss")
    yield Run("client", "wss", "reverse", "recreating")


ALL_RUNS = tuple(_all_runs())


@dataclass(frozen=True, slots=True)
class Course:
    """
    What all runs have in common.

    @ivar suite_python: the Python with the suite.
    @ivar directory: where each run gets a directory.
    @ivar cases: patterns of the suite.
    @ivar excluded: patterns of the suite.
    @ivar count: messages in the cases of groups 12 and 13.
    @ivar has_html: whether the suite writes its pages for people.
    @ivar proxy_options: C{NAME=VALUE} for the proxy.
    """

    suite_python: str
    directory: Path
    cases: Sequence[str]
    excluded: Sequence[str]
    count: int
    has_html: bool
    proxy_options: Sequence[str] = ()

    def prepare(self) -> None:
        """Make the certificate of all peers, which nobody verifies but the proxy."""
        self.directory.mkdir(parents=True, exist_ok=True)
        authority = made("Conformance CA", is_authority=True)
        leaf = made("localhost", authority, names=["localhost", "127.0.0.1"])
        leaf.save(self._leaf)
        self._authority.write_bytes(authority.certificate_pem())

    @property
    def _leaf(self) -> Path:
        return self.directory / "leaf.pem"

    @property
    def _authority(self) -> Path:
        return self.directory / "ca.pem"

    def directory_of(self, run: Run) -> Path:
        """Where a run writes."""
        return self.directory / run.name

    def execute(self, run: Run) -> None:
        """
        Do a run; what it wrote is read by L{tests.conformance.verdicts.read_outcomes}.

        @raise ProgramFailed: one of its programs did.
        """
        directory = self.directory_of(run)
        directory.mkdir(parents=True)
        if run.peer == "server":
            self._suite_is_client(run, directory)
        else:
            self._suite_is_server(run, directory)

    def _suite_is_client(self, run: Run, directory: Path) -> None:
        """Have our server tested."""
        with ExitStack() as stack:
            arguments = ["server", str(directory / "peer.jsonl"), *([str(self._leaf)] if run.scheme == "wss" else [])]
            port = stack.enter_context(self._echo(arguments, directory)).port()
            if run.form != "direct":
                port = stack.enter_context(self._proxy(run, port, directory)).port()
            server = {"agent": run.name, "url": f"{run.scheme}://127.0.0.1:{port}"}
            with self._suite("client", {"servers": [server]}, directory) as client:
                client.finish(_PATIENCE)

    def _suite_is_server(self, run: Run, directory: Path) -> None:
        """Have our client tested."""
        spec: dict[str, object] = {"url": f"{run.scheme}://127.0.0.1:0"}
        if run.scheme == "wss":
            spec.update(key=str(self._leaf), cert=str(self._leaf))
        with ExitStack() as stack:
            port = stack.enter_context(self._suite("server", spec, directory)).port()
            through: list[str] = []
            if run.form != "direct":
                proxy = stack.enter_context(self._proxy(run, port, directory)).port()
                if run.form == "reverse":
                    port = proxy
                else:
                    through = ["--form", run.form, "--proxy", str(proxy)]
            url = f"{run.scheme}://127.0.0.1:{port}"
            with self._echo(["client", str(directory / "peer.jsonl"), url, *through], directory) as client:
                client.finish(_PATIENCE)

    def _echo(self, arguments: Sequence[str], directory: Path) -> Program:
        return Program("echo", [sys.executable, "-m", "tests.conformance.echo", *arguments], directory)

    def _suite(self, mode: str, spec: dict[str, object], directory: Path) -> Program:
        settings = {
            "mode": mode, "count": self.count, "html": self.has_html, "ledger": str(directory / "suite.jsonl"),
            "spec": {
                **spec, "outdir": str(directory / "suite"), "cases": [*self.cases], "exclude-cases": [*self.excluded],
            },
        }  # fmt: skip
        path = directory / "suite.json"
        path.write_text(json.dumps(settings, indent=1), "utf-8")
        return Program("suite", [self.suite_python, "-u", FUZZER, path], directory)

    def _proxy(self, run: Run, port: int, directory: Path) -> Program:
        mode = "regular"
        if run.form == "reverse":
            mode = f"reverse:{'https' if run.scheme == 'wss' else 'http'}://127.0.0.1:{port}"
        argv: list[str | Path] = [sys.executable, "-m", "mitmtw", "run", "--confdir", self.directory / "confdir"]
        argv += ["--listen", f"{mode}@{_ANY_PORT}", "--set", f"upstream_ca={self._authority}"]
        for option in self.proxy_options:
            argv += ["--set", option]
        for script in _SCRIPTS[run.addons]:
            argv += ["--script", _ADDONS / script]
        return Program("proxy", argv, directory, {"MITMTW_CONFORMANCE_LEDGER": str(directory / "proxy.jsonl")})
