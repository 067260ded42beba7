"""
What the tests of interoperability share: a proxy on the real reactor in this process, and clients in processes of their
own. Everything that a test starts is ended when it is over, also when it failed.
"""

import os
import re
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any, cast

from twisted.internet.defer import Deferred
from twisted.internet.threads import deferToThread
from twisted.trial.unittest import SkipTest, TestCase

from mitmtw.core_options import core_options
from mitmtw.daemon import ProxyService
from tests._tls.certificates import made
from tests.interop.origins import HTTPOrigin, RawOrigin, Talk

__all__ = ["ROOT", "InteropCase", "Started", "clean_environment", "require_module"]

ROOT = Path(__file__).parents[2]
_ANY_PORT = "tcp:0:interface=127.0.0.1"
#: Seconds after which a client's process is killed; none takes more than two on an idle machine.
_PATIENCE = 30
_AUTHORITY = made("Origin CA", is_authority=True)
_LEAF = made("localhost", _AUTHORITY, names=["localhost", "127.0.0.1", "::1", "*.example.test"])


def require_module(testcase: TestCase, name: str) -> Any:
    """Import a client library of the test extra; like L{tests.tools.require_tool} where it is missing."""
    try:
        return import_module(name)
    except ImportError:
        reason = f"the module {name} is not installed"
    if os.environ.get("MITMTW_CI"):
        raise testcase.failureException(reason)
    raise SkipTest(reason)


def clean_environment(**more: str) -> dict[str, str]:
    """The environment without proxies and certificates that the machine sets for all programs."""
    foreign = re.compile(r"(?i).*(proxy|ssl|ca_cert|ca_bundle|cainfo|cacerts|roots_file|extra_ca|pip_cert).*")
    kept = {name: value for name, value in os.environ.items() if not foreign.fullmatch(name)}
    return {**kept, "PYTHONPATH": str(ROOT), **more}


class Started:
    """
    A program in a process of its own.

    @ivar pid: its number.
    """

    def __init__(self, argv: Sequence[str], directory: Path, **environment: str) -> None:
        self._output = directory / "output"
        with self._output.open("wb") as output:
            self._process = subprocess.Popen(
                argv, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT, cwd=directory,
                env=clean_environment(**environment),
            )  # fmt: skip
        self.pid = self._process.pid

    @property
    def output(self) -> str:
        """What it has written by now, on both outputs."""
        return self._output.read_text("utf-8", "replace")

    def wait_for(self, pattern: str, count: int = 1, seconds: float = 20) -> list[str]:
        """
        Block until C{pattern} is in the output C{count} times.

        @return: the first group of each match.
        @raise AssertionError: it ended, or took too long.
        """
        for _ in range(int(seconds / 0.02)):
            found = re.findall(pattern, self.output)
            if len(found) >= count:
                return found
            try:
                self._process.wait(0.02)
            except subprocess.TimeoutExpired:
                continue
            break
        found = re.findall(pattern, self.output)
        if len(found) >= count:
            return found
        raise AssertionError(f"{pattern!r} is not in the output:\n{self.output}")

    def wait(self) -> int:
        """Block until it has ended, and give its status."""
        return self._process.wait(_PATIENCE)

    def signal(self, number: int = signal.SIGTERM) -> None:
        """Send it a signal."""
        self._process.send_signal(number)

    def stop(self) -> None:
        """End it, politely at first."""
        if self._process.poll() is None:
            self._process.terminate()
            try:
                self._process.wait(5)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()


class _Running:
    """
    Tells when the proxy runs; hears of no flow.

    @ivar reached: fires then, or fails when it cannot start.
    """

    def __init__(self) -> None:
        self.reached: Deferred[None] = Deferred()

    def running(self) -> None:
        self.reached.callback(None)


class InteropCase(TestCase):
    """A test with a proxy and real sockets."""

    timeout = 60
    port: int
    service: ProxyService

    def setUp(self) -> None:
        self.directory = Path(self.mktemp()).absolute()
        self.directory.mkdir(parents=True)
        self.confdir = self.directory / "confdir"
        self.origin_ca = self.directory / "origin-ca.pem"
        self.origin_ca.write_bytes(_AUTHORITY.certificate_pem())
        self.origin_pem = Path(_LEAF.save(self.directory / "origin.pem"))

    @property
    def ca(self) -> str:
        """The path of the proxy's certificate."""
        return str(self.confdir / "mitmtw-ca-cert.pem")

    @property
    def url(self) -> str:
        """The proxy's URL."""
        return f"http://127.0.0.1:{self.port}"

    async def start_proxy(
        self, *addons: object, listeners: Sequence[str] = (_ANY_PORT,), scripts: Sequence[Path] = (), **options: Any
    ) -> None:
        """Start a proxy in this process, which trusts the authority of our origins."""
        from twisted.internet import reactor  # noqa: TID251 - trial's own

        registry = core_options()
        options.setdefault("upstream_ca", str(self.origin_ca))
        registry.apply({"confdir": str(self.confdir), "drain_timeout": 1, **options})
        running = _Running()
        self.service = service = ProxyService(
            cast(Any, reactor), registry, listeners=listeners, scripts=[str(one) for one in scripts],
            addons=(*addons, running),
        )  # fmt: skip
        service.failed.addErrback(running.reached.errback)
        self.addCleanup(service.stopService)
        service.startService()
        await running.reached
        self.ports = [address.port for address in service.addresses]
        self.port = self.ports[0]

    def http_origin(self, **settings: Any) -> HTTPOrigin:
        """Start Python's own HTTP server; C{is_tls} for HTTPS, C{host} for another address."""
        origin = HTTPOrigin(certificate=self.origin_pem if settings.pop("is_tls", False) else None, **settings)
        self.addCleanup(deferToThread, origin.stop)
        return origin

    def raw_origin(self, answer: Any, **settings: Any) -> RawOrigin:
        """Start a server that calls C{answer} with a L{Talk} for each connection, in a thread."""
        origin = RawOrigin(answer, certificate=self.origin_pem if settings.pop("is_tls", False) else None, **settings)
        self.addCleanup(deferToThread, origin.stop)
        return origin

    def connect(self, port: int | None = None) -> Talk:
        """A connection of our own to the proxy; blocking, so for threads only."""
        talk = Talk.to("127.0.0.1", port or self.port)
        self.addCleanup(talk.close)
        return talk

    async def run_program(
        self, *argv: str, stdin: bytes = b"", environment: Mapping[str, str] = {}
    ) -> subprocess.CompletedProcess[bytes]:
        """Run a program to its end."""
        return await deferToThread(
            subprocess.run, argv, input=stdin, capture_output=True, timeout=_PATIENCE, cwd=self.directory,
            env=clean_environment(**{"HOME": str(self.directory), **environment}),
        )  # fmt: skip

    def start_program(self, *argv: str, name: str = "program", **environment: str) -> Started:
        """Start a program; it is ended when the test is over."""
        directory = self.directory / name
        directory.mkdir()
        started = Started(argv, directory, **environment)
        self.addCleanup(deferToThread, started.stop)
        return started

    def start_command(self, *arguments: str, name: str = "mitmtw", **environment: str) -> Started:
        """Start C{mitmtw run} on any port, with our configuration directory."""
        argv = (sys.executable, "-m", "mitmtw", "run", "--confdir", str(self.confdir), *arguments)
        return self.start_program(*argv, name=name, **environment)
