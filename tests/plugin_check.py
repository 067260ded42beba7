"""
Tries addons as packages: written by C{mitmtw addons new}, installed from a wheel and editable, beside a mitmtw that is
itself a wheel, an editable install or a bare checkout.

C{python -m tests.plugin_check} prints a line for each check; the last one is C{plugin check: passed} or C{failed}, and
the exit status says the same. It needs the package index that pip is configured for.
"""

import json
import os
import re
import sys
import tempfile
import threading
import time
import urllib.request
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from statistics import median

from tests.package_check import (
    COMMAND_SECONDS,
    NOTHING,
    ROOT,
    CheckFailed,
    Checks,
    build,
    command,
    environment_at,
    expect,
    free_port,
    origin,
    pip,
    proxy,
)

BUILDING = ("setuptools>=77",)  # what the packages are built with; once, not for each of them
LIGHT_SECONDS = 0.05  # CPU seconds that importing the interfaces may cost every Twisted program on the machine
LIGHT_RUNS = 9
REQUESTS = 1000
VERSIONS = 10
CLIENTS = 8  # requests that are under way at one time

FAMILY = '''
from mitmtw.addon import HTTPAddon


class Family(HTTPAddon):
    """Writes its name behind those that were there before."""

    after = {after!r}

    def response(self, flow):
        """Write."""
        before = flow.response.headers.get("x-family", "")
        flow.response.headers["x-family"] = before + {name!r}
'''

SCRIPT = """
async def request(flow):
    flow.metadata["version"] = "VERSION"
def response(flow):
    flow.response.headers["x-asked"] = flow.metadata["version"]
    flow.response.headers["x-answered"] = "VERSION"
"""


class Installation:
    """
    One way in which mitmtw is there.

    @ivar programs: the folder of the environment's programs.
    @ivar environment: the variables that are needed.
    """

    def __init__(self, checks: Checks, name: str, programs: Path, environment: Mapping[str, str] = NOTHING) -> None:
        self.checks = checks
        self.name = name
        self.programs = programs
        self.environment = environment

    def run(self, name: str, check: Callable[[], object]) -> bool:
        """Run one check."""
        return self.checks.run(f"{self.name}: {name}", check)

    def mitmtw(self, *arguments: str | Path) -> str:
        """Run the command."""
        return command(self.programs / "python", "-m", "mitmtw", *arguments, environment=self.environment)

    def installed(self, folder: Path, *how: str) -> None:
        """Install a package; mitmtw itself is there already, in whatever way."""
        pip(self.programs, "install", "--no-deps", "--no-build-isolation", *how, folder)

    def removed(self, *names: str) -> None:
        """Remove packages."""
        pip(self.programs, "uninstall", "--yes", *names)

    def twistd(self, *arguments: str) -> list[str | Path]:
        """The command line of the proxy under twistd."""
        return [self.programs / "twistd", "-n", "--pidfile=", "mitmtw", *arguments]


def fetch(url: str, port: int) -> dict[str, str]:
    """The fields of a response that came through the proxy, by their names in lower case."""
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({"http": f"http://127.0.0.1:{port}"}))
    with opener.open(url, timeout=COMMAND_SECONDS) as response:
        response.read()
        return {name.lower(): value for name, value in response.headers.items()}


def fields_with(installation: Installation, *arguments: str) -> dict[str, str]:
    """The fields of a response that came through a proxy under twistd with these arguments."""
    port = free_port()
    with origin() as url, proxy(installation.twistd(*arguments), port, installation.environment):
        return fetch(url, port)


# -- one package


def check_new(installation: Installation, folder: Path) -> None:
    """C{addons new} writes a package, and not twice."""
    installation.mitmtw("addons", "new", "acme", "--dir", folder)
    try:
        installation.mitmtw("addons", "new", "acme", "--dir", folder)
    except CheckFailed as error:
        expect("exits with 2" in str(error) and "nothing is overwritten" in str(error), str(error))
    else:
        raise CheckFailed("a package is overwritten")


def check_listed(installation: Installation) -> None:
    """C{addons list} and C{addons verify} know the addon."""
    rows = json.loads(installation.mitmtw("addons", "list", "--json"))["addons"]
    known = [(row["name"], row["state"], row["version"], row["package"], row["options"]) for row in rows]
    expect(known == [("acme", "off", "0.1.0", "mitmtw-acme", ["acme_value"])], f"the list is {rows}")
    expect("IHTTPAddon" in rows[0]["interfaces"], f"it has the interfaces {rows[0]['interfaces']}")
    verified = installation.mitmtw("addons", "verify")
    expect(verified == "acme: ok\n", verified)
    options = installation.mitmtw("options", "--addon", "acme")
    expect("acme_value = hello" in options, "its option is not listed")


def check_running(installation: Installation) -> None:
    """The proxy runs it when it is asked to, and only then."""
    fields = fields_with(installation, "--addon", "acme")
    expect(fields.get("x-acme") == "hello", f"with the addon the fields are {fields}")
    fields = fields_with(installation, "--addon", "acme:acme_value=good day")
    expect(fields.get("x-acme") == "good day", f"with its option the fields are {fields}")
    expect("x-acme" not in fields_with(installation), "the addon works without being switched on")


def check_tests(installation: Installation, folder: Path) -> None:
    """The package's own tests pass."""
    program = (
        f"import os, sys; os.chdir({str(folder)!r}); sys.path.insert(0, os.getcwd()); sys.argv = ['trial', 'tests']"
    )
    program += "; from twisted.scripts.trial import run; run()"
    shown = command(installation.programs / "python", "-c", program, environment=installation.environment)
    expect("PASSED (successes=2)" in shown, shown[-2000:])


def check_unknown(installation: Installation) -> None:
    """A name that is not there is one line and status 2."""
    try:
        command(*installation.twistd("--addon", "acne"), environment=installation.environment)
    except CheckFailed as error:
        lines = str(error).splitlines()
        wanted = ["mitmtw: there is no addon 'acne' (did you mean acme?)"]
        expect("exits with 2" in lines[0] and lines[1:] == wanted, str(error))
    else:
        raise CheckFailed("twistd runs without the addon")


def try_package(installation: Installation, folder: Path) -> None:
    """Everything with one package, from its wheel and editable."""
    if not installation.run("new", lambda: check_new(installation, folder)):
        return
    for kind, how in (("wheel", ()), ("editable", ("--editable",))):
        if installation.run(f"acme {kind}: install", partial(installation.installed, folder, *how)):
            installation.run(f"acme {kind}: listed and verified", lambda: check_listed(installation))
            installation.run(f"acme {kind}: twistd", lambda: check_running(installation))
    installation.run("acme: its own tests", lambda: check_tests(installation, folder))
    installation.run("acme: an unknown name", lambda: check_unknown(installation))


# -- several packages


def check_order(installation: Installation, folder: Path) -> None:
    """Two packages are ordered by what they say of each other, not by the command line."""
    for name, after in (("alpha", ("beta",)), ("beta", ())):
        package = folder / name
        installation.mitmtw("addons", "new", name, "--dir", package)
        text = FAMILY.format(after=after, name=name).replace("Family", name.capitalize())
        (package / name / "addon.py").write_text(text)
        installation.installed(package)
    fields = fields_with(installation, "--addon", "alpha", "--addon", "beta")
    expect(fields.get("x-family") == "betaalpha", f"the order is {fields.get('x-family')}")


def check_broken(installation: Installation, folder: Path) -> None:
    """A package that raises when it is imported does not hurt the others, and is listed."""
    package = folder / "bad"
    installation.mitmtw("addons", "new", "bad", "--dir", package)
    (package / "twisted" / "plugins" / "mitmtw_bad.py").write_text("import mitmtw\nraise RuntimeError('bad luck')\n")
    (package / "bad" / "addon.py").write_text("raise RuntimeError('worse luck')\n")
    installation.installed(package)
    listed = installation.mitmtw("addons", "list")
    expect("mitmtw_bad.py: RuntimeError: bad luck" in listed, f"the list is:\n{listed}")
    expect(re.search(r"^acme +off", listed, re.MULTILINE), f"the list is:\n{listed}")
    expect(fields_with(installation, "--addon", "acme").get("x-acme") == "hello", "the others do not work")
    try:
        installation.mitmtw(
            "run", "--addon", "bad", "--listen", f"127.0.0.1:{free_port()}", "--confdir", folder / "conf"
        )
    except CheckFailed as error:
        lines = str(error).splitlines()
        wanted = "mitmtw: addon bad: bad.addon.Bad cannot be loaded: RuntimeError: worse luck"
        expect("exits with 2" in lines[0] and wanted in lines, str(error))
    else:
        raise CheckFailed("the proxy runs without the broken addon")
    fields = fields_with(installation, "--addon", "bad?", "--addon", "acme")
    expect(fields.get("x-acme") == "hello", "an optional addon that cannot be loaded stops the proxy")


def check_light(installation: Installation) -> None:
    """Importing the interfaces loads no reactor and no OpenSSL, and takes little time."""
    named = "('twisted.internet.reactor', 'OpenSSL', 'mitmtw.model')"
    tell = f"import sys, time; print(time.process_time(), [name for name in {named} if name in sys.modules])"
    costs: dict[str, list[float]] = {"": [], "import mitmtw.interfaces; ": []}
    for _ in range(LIGHT_RUNS):
        for program, seconds in costs.items():
            shown = command(
                installation.programs / "python", "-c", program + tell, environment=installation.environment
            )
            cost, _, heavy = shown.partition(" ")
            expect(heavy.strip() == "[]", f"importing the interfaces loads {heavy}")
            seconds.append(float(cost))
    without, with_them = map(median, costs.values())
    cost_of_import = with_them - without
    print(f"        importing mitmtw.interfaces takes {cost_of_import * 1000:.1f} ms of CPU", flush=True)
    expect(cost_of_import < LIGHT_SECONDS, f"importing the interfaces takes {cost_of_import * 1000:.0f} ms of CPU")


# -- a script that changes


def check_reload(installation: Installation, folder: Path) -> None:
    """Under load each request is handled wholly by one version of a script that changes ten times."""
    script = folder / "versions.py"
    write_version(script, 0)
    port = free_port()
    done: list[tuple[str, str]] = []
    failures: list[str] = []
    over = threading.Event()
    with origin() as url, proxy(installation.twistd("--script", str(script)), port, installation.environment):
        clients = [threading.Thread(target=ask, args=(url, port, done, failures, over)) for _ in range(CLIENTS)]
        for client in clients:
            client.start()
        end = time.monotonic() + COMMAND_SECONDS
        for version in range(1, VERSIONS + 1):
            write_version(script, version)
            while not any(answered == str(version) for _, answered in done[-CLIENTS:]):
                if failures or time.monotonic() > end:
                    break
                time.sleep(0.02)
        while len(done) < REQUESTS and not failures and time.monotonic() < end:
            time.sleep(0.02)
        over.set()
        for client in clients:
            client.join()
    expect(not failures, f"requests fail: {failures[:3]}")
    mixed = [pair for pair in done if pair[0] != pair[1]]
    expect(not mixed, f"{len(mixed)} requests are handled by two versions: {mixed[:3]}")
    seen = {answered for _, answered in done}
    expect(seen >= {str(version) for version in range(1, VERSIONS + 1)}, f"versions seen: {sorted(seen)}")
    expect(len(done) >= REQUESTS, f"only {len(done)} requests in time")
    print(f"        {len(done)} requests, {len(seen)} versions", flush=True)


def write_version(script: Path, version: int) -> None:
    """Write the script as editors do: wholly, or not at all."""
    beside = script.with_suffix(".new")
    beside.write_text(SCRIPT.replace("VERSION", str(version)))
    os.replace(beside, script)


def ask(url: str, port: int, done: list[tuple[str, str]], failures: list[str], over: threading.Event) -> None:
    """Ask until it is over."""
    while not over.is_set():
        try:
            fields = fetch(url, port)
            done.append((fields["x-asked"], fields["x-answered"]))
        except (OSError, KeyError) as error:
            failures.append(repr(error))
            return


def try_several(installation: Installation, folder: Path) -> None:
    """What is the same however mitmtw is installed."""
    installation.run("two packages in order", lambda: check_order(installation, folder))
    installation.run("a broken package", lambda: check_broken(installation, folder))
    installation.run("light interfaces", lambda: check_light(installation))
    installation.run("reload under load", lambda: check_reload(installation, folder))


def main() -> int:
    """Run all checks and give the exit status."""
    checks = Checks()
    for name in ("no_proxy", "NO_PROXY"):
        os.environ.pop(name, None)
    with tempfile.TemporaryDirectory() as text:
        folder = Path(text)
        built: list[Path] = []
        programs = folder / "environment"
        checks.run("build", lambda: built.extend(build(folder / "dist")))
        if built and checks.run(
            "wheel: install", lambda: pip(environment_at(programs), "install", "--upgrade", built[1], *BUILDING)
        ):
            programs /= "bin"
            wheel = Installation(checks, "wheel", programs)
            try_package(wheel, folder / "acme")
            try_several(wheel, folder)
            everything = ("mitmtw", "mitmtw-acme", "mitmtw-alpha", "mitmtw-beta", "mitmtw-bad")
            if checks.run("checkout: dependencies alone", lambda: wheel.removed(*everything)):
                checkout = Installation(checks, "checkout", programs, {"PYTHONPATH": str(ROOT)})
                try_package(checkout, folder / "acme_of_checkout")
                checks.run("checkout: remove", lambda: checkout.removed("mitmtw-acme"))
            if checks.run("editable: install", lambda: pip(programs, "install", "--no-deps", "--editable", ROOT)):
                try_package(Installation(checks, "editable", programs), folder / "acme_of_editable")
    print("plugin check: failed" if checks.failed else "plugin check: passed", flush=True)
    return 1 if checks.failed else 0


if __name__ == "__main__":
    sys.exit(main())
