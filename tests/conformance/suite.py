"""
Installs the Autobahn test suite into an environment of its own: it runs on Python 2.7 alone, with packages of its time.
"""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

__all__ = ["FUZZER", "NoPython2", "find_python2", "installed_suite"]

_HERE = Path(__file__).parent / "python2"
#: The program that runs in the suite's environment.
FUZZER = _HERE / "wstest.py"
_REQUIREMENTS = _HERE / "requirements.txt"
#: The last version that makes environments for Python 2.7.
_VIRTUALENV = "virtualenv==20.21.1"
#: Makes the suite several times as fast, and needs a compiler.
_ACCELERATOR = "wsaccel==0.6.6"


class NoPython2(Exception):
    """There is no Python 2.7 on this machine."""


def _candidates() -> Iterator[str]:
    """Where a Python 2.7 may be: what C{MITMTW_PYTHON2} names, on the path, among the versions of pyenv."""
    yield os.environ.get("MITMTW_PYTHON2", "")
    for name in ("python2.7", "python2"):
        yield shutil.which(name) or ""
    pyenv = shutil.which("pyenv")
    if pyenv is not None:
        root = subprocess.run([pyenv, "root"], capture_output=True, text=True, check=False).stdout.strip()
        for path in sorted(Path(root, "versions").glob("2.7*/bin/python2.7")) if root else []:
            yield str(path)


def find_python2() -> str:
    """
    Give the path of a Python 2.7 that runs; a shim on the path that only says where it would be does not.

    @raise NoPython2: with the reason in words.
    """
    for candidate in filter(None, _candidates()):
        question = [candidate, "-c", "import sys; sys.exit(sys.version_info[:2] != (2, 7))"]
        try:
            if subprocess.run(question, capture_output=True, check=False).returncode == 0:
                return candidate
        except OSError:
            continue
    raise NoPython2("no Python 2.7 on the path or in pyenv; MITMTW_PYTHON2 may name one")


def installed_suite(cache: Path) -> str:
    """
    Give the Python of an environment with the suite, which is made at the first call.

    @param cache: the directory for it.
    @raise NoPython2: it cannot be made.
    @raise subprocess.CalledProcessError: a package could not be installed; pip has said why.
    """
    place = cache / "suite"
    python, stamp = place / "bin" / "python", place / ".installed"
    wanted = _REQUIREMENTS.read_text("utf-8")
    if stamp.exists() and stamp.read_text("utf-8") == wanted:
        return str(python)
    python2 = find_python2()
    shutil.rmtree(place, ignore_errors=True)
    tools = cache / "tools"
    quiet = ["-m", "pip", "install", "-qq", "--disable-pip-version-check"]
    subprocess.run([sys.executable, "-m", "venv", tools], check=True)
    subprocess.run([tools / "bin" / "python", *quiet, _VIRTUALENV], check=True)
    subprocess.run([tools / "bin" / "virtualenv", "--quiet", "--python", python2, place], check=True)
    pip2 = [str(python), "-W", "ignore", *quiet, "--no-deps"]
    subprocess.run([*pip2, "--requirement", str(_REQUIREMENTS)], check=True)
    if subprocess.run([*pip2, _ACCELERATOR], check=False).returncode:
        sys.stderr.write("without wsaccel the suite is slow\n")
    stamp.write_text(wanted, "utf-8")
    return str(python)
