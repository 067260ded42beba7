"""
Builds the packages and tries them as a user does: from the wheel, from an editable install, and from a bare checkout.

C{python -m tests.package_check} prints a line for each check; the last one is C{package check: passed} or C{failed},
and the exit status says the same. It needs the package index that pip is configured for.
"""

import http.server
import os
import signal
import socket
import subprocess
import sys
import tarfile
import tempfile
import threading
import time
import urllib.error
import urllib.request
import zipfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PLUGINS = {"twisted/plugins/mitmtw_daemon.py", "twisted/plugins/mitmtw_reactor.py"}
# Modules that every Twisted program on the machine would pay for, if reading our plugin imported them.
HEAVY = ("twisted.internet.reactor", "OpenSSL", "cryptography", "autobahn", "mitmtw.model", "mitmtw.daemon")
BODY = b"through the proxy\n"
INSTALL_SECONDS = 600  # a slow index
COMMAND_SECONDS = 60
START_SECONDS = 30
STOP_SECONDS = 20  # longer than drain_timeout and done_timeout together


class CheckFailed(Exception):
    """One check found something wrong; the message says what."""


class Checks:
    """Runs checks and remembers how they went."""

    def __init__(self) -> None:
        self.failed = 0

    def run(self, name: str, check: Callable[[], object]) -> bool:
        """Run one check and print its line."""
        try:
            check()
        except (CheckFailed, OSError, subprocess.TimeoutExpired) as error:
            self.failed += 1
            print(f"FAILED  {name}: {error}", flush=True)
            return False
        print(f"ok      {name}", flush=True)
        return True


NOTHING: Mapping[str, str] = {}


def command(*arguments: str | Path, seconds: float = COMMAND_SECONDS, environment: Mapping[str, str] = NOTHING) -> str:
    """Run a program from a directory that is not the checkout and give its output; it must succeed."""
    with tempfile.TemporaryDirectory() as elsewhere:
        done = subprocess.run(
            [str(one) for one in arguments],
            cwd=elsewhere,
            env=clean_environment() | dict(environment),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            timeout=seconds,
            check=False,
        )
    if done.returncode:
        raise CheckFailed(f"{arguments[0]} exits with {done.returncode}:\n{done.stdout[-4000:]}")
    return done.stdout


def clean_environment() -> dict[str, str]:
    """Give the environment without what would let a program find the checkout, or go round the proxy."""
    dropped = {"PYTHONPATH", "PYTHONHOME", "VIRTUAL_ENV", "NO_PROXY", "HTTP_PROXY", "ALL_PROXY"}
    return {name: value for name, value in os.environ.items() if name.upper() not in dropped}


def expect(truth: object, message: str) -> None:
    """Fail the check unless it is true."""
    if not truth:
        raise CheckFailed(message)


# -- contents


def build(folder: Path) -> tuple[Path, Path]:
    """Build sdist, and the wheel from it; give their paths."""
    command(sys.executable, "-m", "build", "--outdir", folder, ROOT, seconds=INSTALL_SECONDS)
    return next(folder.glob("*.tar.gz")), next(folder.glob("*.whl"))


def check_sdist(path: Path) -> None:
    """The source archive holds what building and testing needs."""
    with tarfile.open(path) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    wanted = {*PLUGINS, "setup.py", "pyproject.toml", "LICENSE", "README.md", "Makefile", ".importlinter"}
    wanted |= {"mitmtw/py.typed", "tests/package_check.py", "docs/reference/options.rst"} | sources()
    check_names(names, wanted)


def check_wheel(path: Path) -> None:
    """The wheel holds the package and the plugin, and nothing that would shadow another project."""
    with zipfile.ZipFile(path) as archive:
        names = set(archive.namelist())
    check_names(names, {*PLUGINS, "mitmtw/py.typed"} | sources())
    tops = {name.split("/")[0] for name in names}
    foreign = {top for top in tops if top not in ("mitmtw", "twisted") and not top.endswith(".dist-info")}
    expect(not foreign, f"the wheel also holds {sorted(foreign)}")
    twisted = {name for name in names if name.startswith("twisted/")}
    expect(twisted == PLUGINS, f"the wheel puts more into twisted: {sorted(twisted)}")


def check_names(names: set[str], wanted: set[str]) -> None:
    """All wanted files are there, and nothing of Twisted's own or left over."""
    missing = wanted - names
    expect(not missing, f"missing: {sorted(missing)}")
    wrong = {name for name in names if name in ("twisted/__init__.py", "twisted/plugins/__init__.py")}
    wrong |= {name for name in names if name.endswith((".pyc", "dropin.cache"))}
    expect(not wrong, f"must not be there: {sorted(wrong)}")


def sources() -> set[str]:
    """Give the paths of all modules in the checkout."""
    return {path.relative_to(ROOT).as_posix() for path in (ROOT / "mitmtw").rglob("*.py")}


# -- installations


def environment_at(folder: Path) -> Path:
    """Make an empty environment and give the directory of its programs."""
    command(sys.executable, "-m", "venv", folder, seconds=INSTALL_SECONDS)
    return folder / "bin"


def pip(programs: Path, *arguments: str | Path) -> None:
    """Run pip in an environment."""
    quiet = ("--quiet", "--disable-pip-version-check", "--no-input")
    command(programs / "python", "-m", "pip", *quiet, *arguments, seconds=INSTALL_SECONDS)


def check_twistd(programs: Path, environment: Mapping[str, str]) -> None:
    """Twisted's own command knows the proxy, and a mistake is one line and status 2."""
    listed = command(programs / "twistd", "--help", environment=environment)
    expect(any(line.split()[:1] == ["mitmtw"] for line in listed.splitlines()), "twistd does not list mitmtw")
    shown = command(programs / "twistd", "mitmtw", "--help", environment=environment)
    expect("--listen" in shown, f"twistd mitmtw --help has no --listen:\n{shown}")
    try:
        command(programs / "twistd", "--nodaemon", "--pidfile=", "mitmtw", "--set", "absent=1", environment=environment)
    except CheckFailed as error:
        lines = str(error).splitlines()
        expect("exits with 2" in lines[0] and lines[1:] == ["mitmtw: unknown option 'absent'"], str(error))
    else:
        raise CheckFailed("twistd accepts an unknown option")


def check_light(programs: Path, environment: Mapping[str, str]) -> None:
    """Reading the plugin imports no reactor and nothing heavy."""
    program = f"import sys, twisted.plugins.mitmtw_daemon, mitmtw; print([m for m in {HEAVY!r} if m in sys.modules])"
    heavy = command(programs / "python", "-c", program, environment=environment).strip()
    expect(heavy == "[]", f"reading the plugin imports {heavy}")


def check_commands(programs: Path, environment: Mapping[str, str]) -> None:
    """The commands that need no network work, also as a module."""
    version = command(programs / "python", "-m", "mitmtw", "--version", environment=environment)
    expect(version.startswith("mitmtw "), f"strange version {version!r}")
    expect(
        "hook_timeout = 60" in command(programs / "python", "-m", "mitmtw", "options", environment=environment),
        "no options",
    )


# -- a request


class Origin(http.server.BaseHTTPRequestHandler):
    """Answers every request with the same body."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        """Answer."""
        self.send_response(200)
        self.send_header("Content-Length", str(len(BODY)))
        self.end_headers()
        self.wfile.write(BODY)

    def log_message(self, format: str, *arguments: object) -> None:
        """Say nothing."""


@contextmanager
def origin() -> Iterator[str]:
    """Run a server and give its URL."""
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Origin) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}/"
        finally:
            server.shutdown()
            thread.join()


def free_port() -> int:
    """Give a port that nobody listens on at this moment."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port: int = taken.getsockname()[1]
    return port


@contextmanager
def proxy(start: list[str | Path], port: int, environment: Mapping[str, str]) -> Iterator[None]:
    """Run the proxy while the block runs; it must start, and stop in order when it is asked to."""
    with tempfile.TemporaryDirectory() as folder, tempfile.TemporaryFile() as output:
        confdir = os.path.join(folder, "conf")
        arguments = [*map(str, start), "--listen", f"tcp:{port}:interface=127.0.0.1", "--confdir", confdir]
        child = subprocess.Popen(
            arguments,
            cwd=folder,
            env=clean_environment() | dict(environment),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
        try:
            wait_for(child, port)
            yield
            child.send_signal(signal.SIGTERM)
            status = child.wait(STOP_SECONDS)
            # twistd ends by the signal that it got, once everything is shut down.
            wanted = -signal.SIGTERM if Path(start[0]).name == "twistd" else 0
            expect(status == wanted, f"the proxy stops with status {status}")
        except (CheckFailed, OSError, subprocess.TimeoutExpired) as error:
            output.seek(0)
            raise CheckFailed(f"{error}\n{output.read()[-4000:].decode(errors='replace')}") from None
        finally:
            if child.poll() is None:
                child.kill()
                child.wait()


def wait_for(child: "subprocess.Popen[bytes]", port: int) -> None:
    """Wait until the proxy accepts connections."""
    end = time.monotonic() + START_SECONDS
    while time.monotonic() < end:
        expect(child.poll() is None, f"the proxy ended at once with status {child.returncode}")
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
            return
        except OSError:
            time.sleep(0.1)
    raise CheckFailed(f"the proxy does not listen after {START_SECONDS} seconds")


def check_request(start: list[str | Path], environment: Mapping[str, str]) -> None:
    """A request goes through the proxy, and one for a server that is not there is answered by the proxy."""
    port = free_port()
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({"http": f"http://127.0.0.1:{port}"}))
    with origin() as url, proxy(start, port, environment):
        with opener.open(url, timeout=COMMAND_SECONDS) as response:
            body = response.read()
        expect(body == BODY, f"the body that came is {body!r}")
        try:
            opener.open(f"http://127.0.0.1:{free_port()}/", timeout=COMMAND_SECONDS).close()
        except urllib.error.HTTPError as error:
            error.close()
            expect(error.code == 502, f"a server that is not there gives status {error.code}")
        else:
            raise CheckFailed("a server that is not there gives an answer")


def try_installation(
    checks: Checks, name: str, programs: Path, start: list[str | Path], environment: Mapping[str, str] = NOTHING
) -> None:
    """Run all checks of one way of installing."""
    checks.run(f"{name}: light plugin", lambda: check_light(programs, environment))
    checks.run(f"{name}: twistd", lambda: check_twistd(programs, environment))
    checks.run(f"{name}: commands", lambda: check_commands(programs, environment))
    checks.run(f"{name}: request", lambda: check_request(start, environment))


def main() -> int:
    """Run all checks and give the exit status."""
    checks = Checks()
    for name in ("no_proxy", "NO_PROXY"):
        os.environ.pop(name, None)
    with tempfile.TemporaryDirectory() as text:
        folder = Path(text)
        built: list[Path] = []
        if checks.run("build", lambda: built.extend(build(folder / "dist"))):
            sdist, wheel = built
            checks.run("contents of the sdist", lambda: check_sdist(sdist))
            checks.run("contents of the wheel", lambda: check_wheel(wheel))
            programs = folder / "wheel"
            if checks.run("wheel: install", lambda: pip(environment_at(programs), "install", wheel)):
                programs /= "bin"
                try_installation(checks, "wheel", programs, [programs / "mitmtw", "run"])
                if checks.run("checkout: dependencies alone", lambda: pip(programs, "uninstall", "--yes", "mitmtw")):
                    start: list[str | Path] = [programs / "twistd", "--nodaemon", "--pidfile=", "mitmtw"]
                    try_installation(checks, "checkout", programs, start, {"PYTHONPATH": str(ROOT)})
        programs = folder / "editable"
        if checks.run("editable: install", lambda: pip(environment_at(programs), "install", "--editable", ROOT)):
            programs /= "bin"
            try_installation(checks, "editable", programs, [programs / "mitmtw", "run"])
    print("package check: failed" if checks.failed else "package check: passed", flush=True)
    return 1 if checks.failed else 0


if __name__ == "__main__":
    sys.exit(main())
