"""
The package that C{mitmtw addons new} writes, made from the files in C{template}.

In their names and texts C{@name@} stands for the addon's name, C{@class@} for its class, C{@title@} for a heading.
"""

import keyword
import re
import sys
from collections.abc import Iterator
from importlib import resources
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Final

from mitmtw.errors import AddonError

__all__ = ["check_name", "write_package"]

_NAME: Final = re.compile(r"[a-z][a-z0-9_]{0,39}")
# Top-level modules that a package must not hide; those of Python itself are known to it.
_TAKEN: Final = frozenset({"autobahn", "mitmproxy", "mitmtw", "setuptools", "test", "tests", "twisted", "zope"})


def check_name(name: str) -> None:
    """
    Refuse what cannot be the name of a package and its addon.

    @raise AddonError: it cannot be.
    """
    if not _NAME.fullmatch(name) or keyword.iskeyword(name) or keyword.issoftkeyword(name):
        raise AddonError(f"{name!r} cannot be the name of a package: take lower-case letters, digits and _, up to 40")
    if name in _TAKEN or name in sys.stdlib_module_names:
        raise AddonError(f"{name!r} is the name of another module: importing one would hide the other")


def write_package(name: str, folder: str) -> Path:
    """
    Write the package.

    @param folder: where to; made if it is not there.
    @return: the folder.
    @raise AddonError: the name cannot be, the folder holds something already, or it cannot be written.
    """
    check_name(name)
    target = Path(folder).expanduser()
    texts = dict(_texts(name))
    try:
        if target.exists() and (not target.is_dir() or any(target.iterdir())):
            raise AddonError(f"{target} is there already, and nothing is overwritten")
        for relative, text in texts.items():
            path = target / relative
            path.parent.mkdir(parents=True, exist_ok=True)
            with path.open("x", encoding="utf-8") as file:
                file.write(text)
    except OSError as error:
        raise AddonError(f"{error.filename or target}: {error.strerror}") from None
    return target


def _texts(name: str) -> Iterator[tuple[str, str]]:
    """The files by their path in the package."""
    words = {"name": name, "class": "".join(part.capitalize() for part in name.split("_")), "title": "=" * len(name)}
    for path, file in _files(resources.files("mitmtw._cli") / "template", ""):
        text = file.read_text(encoding="utf-8")
        yield _filled(path.removesuffix(".in").replace("dot_", "."), words), _filled(text, words)


def _filled(text: str, words: dict[str, str]) -> str:
    return re.sub("@(name|class|title)@", lambda found: words[found[1]], text)


def _files(folder: Traversable, path: str) -> Iterator[tuple[str, Traversable]]:
    for entry in sorted(folder.iterdir(), key=lambda one: one.name):
        if entry.is_dir():
            yield from _files(entry, f"{path}{entry.name}/")
        elif entry.name.endswith(".in"):
            yield f"{path}{entry.name}", entry
