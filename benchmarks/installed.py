"""
The two proxies as a user gets them: each in a virtual environment of its own, on the same interpreter.

The environments are kept, so only the first run has to download. mitmtw is installed anew for each run, from a copy of
the checkout: building in the checkout would leave its traces there.
"""

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

__all__ = ["cache_folder", "find_interpreter", "installed_mitmdump", "installed_mitmtw"]

_CHECKOUT = Path(__file__).resolve().parent.parent
_WANTED = ("3.13", "3.12")  # newest first; mitmdump needs 3.12
_PACKAGE = ("mitmtw", "twisted", "pyproject.toml", "setup.py", "README.md", "LICENSE", "MANIFEST.in")


def cache_folder() -> Path:
    """Where the environments are kept."""
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "mitmtw-bench"


def find_interpreter() -> str:
    """
    A Python that both proxies run on: from pyenv or the search path, else the one that runs this.

    @raise RuntimeError: there is none.
    """
    for version in _WANTED:
        for candidate in (*_pyenv_interpreters(version), shutil.which(f"python{version}")):
            if candidate is not None and _version_of(candidate) == version:
                return candidate
    if sys.version_info >= (3, 12):
        return sys.executable
    raise RuntimeError("no Python 3.12 or 3.13 was found, and mitmdump needs one")


def _pyenv_interpreters(version: str) -> list[str]:
    """The interpreters that pyenv has of a version, the newest first."""
    if shutil.which("pyenv") is None:
        return []
    root = subprocess.run(["pyenv", "root"], capture_output=True, text=True, check=False).stdout.strip()
    return sorted((str(path) for path in Path(root).glob(f"versions/{version}.*/bin/python")), reverse=True)


def _version_of(interpreter: str) -> str:
    """Major and minor version, empty for something that does not run (pyenv leaves such)."""
    code = "import sys; print('%d.%d' % sys.version_info[:2])"
    return subprocess.run([interpreter, "-c", code], capture_output=True, text=True, check=False).stdout.strip()


def _environment(interpreter: str, name: str) -> Path:
    """A virtual environment; made if there is none."""
    folder = cache_folder() / f"{name}-{_version_of(interpreter)}"
    if not (folder / "bin" / "pip").exists():
        folder.parent.mkdir(parents=True, exist_ok=True)
        subprocess.run([interpreter, "-m", "venv", str(folder)], check=True)
    return folder / "bin"


def _install(folder: Path, *arguments: str) -> None:
    """Let pip install something."""
    pip = [str(folder / "pip"), "install", "--quiet", "--disable-pip-version-check"]
    subprocess.run([*pip, *arguments], check=True)


def installed_mitmdump(interpreter: str) -> str:
    """The path of the command, from PyPI."""
    folder = _environment(interpreter, "mitmproxy")
    if not (folder / "mitmdump").exists():
        _install(folder, "mitmproxy")
    return str(folder / "mitmdump")


def installed_mitmtw(interpreter: str) -> str:
    """The path of the command, as the checkout is now."""
    folder = _environment(interpreter, "mitmtw")
    with tempfile.TemporaryDirectory() as copy:
        for name in _PACKAGE:
            source, target = _CHECKOUT / name, Path(copy) / name
            if source.is_dir():
                shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__", "dropin.cache"))
            elif source.exists():
                shutil.copy(source, target)
        _install(folder, "--force-reinstall", "--no-deps", copy)
        _install(folder, "mitmtw")  # it is there, but what it has needed only lately may not be
    return str(folder / "mitmtw")
