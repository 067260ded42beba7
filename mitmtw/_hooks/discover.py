"""
Which addons the installed packages offer: by dropins in C{twisted/plugins}, and by entry points.

A dropin is found by L{twisted.plugin}; entry points are the second source, which also works where an editable install
keeps C{twisted/plugins} out of sight. Both may name the same addon. Nothing is searched in the current folder or in
relative folders of C{sys.path}: whoever can write a file to where the proxy happens to be started must not get code
into it that way.
"""

import difflib
import importlib
import importlib.metadata
import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import twisted.plugin
import twisted.plugins
from twisted.python.reflect import namedAny

from mitmtw.errors import AddonError
from mitmtw.interfaces.plugins import ENTRY_POINT_GROUP, IAddonMaker

__all__ = ["Broken", "Discovery", "Offer", "discover", "drop_caches", "one_line", "packages"]

_CACHE_FILE = "dropin.cache"  # Twisted's name


@dataclass(frozen=True, slots=True)
class Offer:
    """
    An addon that a package offers.

    @ivar name: what it is called.
    @ivar target: C{module.Class}.
    @ivar description: one line; may be empty.
    @ivar file: the file that offers it: a dropin, or the folder of a package's metadata.
    """

    name: str
    target: str
    description: str
    file: str

    def make(self) -> object:
        """
        Import the addon; a class is called without arguments.

        @raise AddonError: it cannot be imported or made; one line that says why.
        """
        module, _, attribute = self.target.rpartition(".")
        try:
            found = getattr(importlib.import_module(module), attribute)
            return found() if isinstance(found, type) else found
        except Exception as error:  # whatever the package's code raises
            raise AddonError(f"addon {self.name}: {self.target} cannot be loaded: {one_line(error)}") from error


@dataclass(frozen=True, slots=True)
class Broken:
    """
    An offer that cannot be read.

    @ivar file: which.
    @ivar reason: why, in one line.
    """

    file: str
    reason: str


@dataclass(slots=True)
class Discovery:
    """
    What was found.

    @ivar offers: sorted by name; two of one name are two packages that want the same name.
    @ivar broken: what could not be read.
    """

    offers: list[Offer] = field(default_factory=list)
    broken: list[Broken] = field(default_factory=list)

    def find(self, name: str) -> Offer:
        """
        The addon of a name.

        @raise AddonError: there is none, and the message says which names are near; or there are two.
        """
        found = [offer for offer in self.offers if offer.name == name]
        if len(found) == 1:
            return found[0]
        if found:
            places = " and ".join(f"{offer.file} ({offer.target})" for offer in found)
            raise AddonError(f"two packages offer an addon {name}: {places}")
        names = [offer.name for offer in self.offers]
        near = difflib.get_close_matches(name, names, 3, 0.5)
        near += [other for other in names if other.rpartition(".")[2] == name and other not in near]
        hint = f" (did you mean {' or '.join(near)}?)" if near else " (see mitmtw addons list)"
        raise AddonError(f"there is no addon {name!r}{hint}")

    def add(self, offer: Offer) -> None:
        """Take an offer, unless it is here already."""
        if not any((one.name, one.target) == (offer.name, offer.target) for one in self.offers):
            self.offers.append(offer)
            self.offers.sort(key=lambda one: one.name)


def one_line(error: BaseException) -> str:
    """An exception as one line; a syntax error names its place."""
    if isinstance(error, SyntaxError) and error.filename:
        return f"{error.filename}:{error.lineno}: {type(error).__name__}: {error.msg}"
    text = " ".join(str(error).split())
    return f"{type(error).__name__}: {text}" if text else type(error).__name__


def discover() -> Discovery:
    """Find all offers. Packages that are broken do not hurt the others: they are in L{Discovery.broken}."""
    discovery = Discovery()
    with _safe_plugin_paths():
        _read_dropins(discovery)
    _read_entry_points(discovery)
    return discovery


def packages() -> dict[str, tuple[str, str]]:
    """Which package has a top-level module, by the module's name: the package's name and version."""
    found: dict[str, tuple[str, str]] = {}
    for distribution in importlib.metadata.distributions(path=_safe_paths()):
        try:
            tops = (distribution.read_text("top_level.txt") or "").split()
            tops = tops or [file.parts[0].removesuffix(".py") for file in distribution.files or () if file.parts]
            metadata = distribution.metadata  # read once: each access parses it anew
            found.update(dict.fromkeys(set(tops) - set(found), (metadata["Name"], metadata["Version"])))
        except Exception:  # metadata that cannot be read: the list has an empty place then
            continue
    return found


def drop_caches() -> list[str]:
    """
    Remove Twisted's caches of dropins, so that the next search reads every file anew.

    @return: the files that were removed.
    @raise OSError: one of them cannot be removed.
    """
    removed = []
    with _safe_plugin_paths():
        for folder in list(twisted.plugins.__path__):
            path = os.path.join(folder, _CACHE_FILE)
            if os.path.exists(path):
                os.remove(path)
                removed.append(path)
    return removed


# -- where nothing is searched


def _is_current(folder: str) -> bool:
    try:
        return os.path.realpath(folder) == os.path.realpath(os.getcwd())
    except OSError:  # the current folder was removed: nothing can be in it
        return False


def _safe_paths() -> list[str]:
    """C{sys.path} without relative entries and the current folder."""
    return [path for path in map(str, sys.path) if os.path.isabs(path) and not _is_current(path)]


@contextmanager
def _safe_plugin_paths() -> Iterator[None]:
    """
    Let C{twisted.plugins} mean its folders below safe paths only. Twisted has extended it by all of C{sys.path}, once,
    when it was imported first: packages that were installed since then are found, too.
    """
    before = twisted.plugins.__path__
    own = os.path.dirname(os.path.abspath(str(twisted.plugins.__file__)))
    folders = [own] + [os.path.join(path, "twisted", "plugins") for path in _safe_paths()]
    folders = [
        folder
        for folder in dict.fromkeys(folders)
        if folder == own or (os.path.isdir(folder) and not os.path.exists(os.path.join(folder, "__init__.py")))
    ]
    twisted.plugins.__path__ = folders
    try:
        yield
    finally:
        twisted.plugins.__path__ = before


# -- dropins


class _NoLog:
    """Stands in for the log of L{twisted.plugin}, which would write a traceback for every broken dropin."""

    def err(self, *_: object, **__: object) -> None:
        """Say nothing: what is broken is found out, and said in one line, here."""

    def msg(self, *_: object, **__: object) -> None:
        """Say nothing of a cache that cannot be written: it is only slower."""


@contextmanager
def _without_tracebacks() -> Iterator[None]:
    plugin: Any = twisted.plugin
    before = getattr(plugin, "log", None)
    plugin.log = _NoLog()
    try:
        yield
    finally:
        plugin.log = before


def _read_dropins(discovery: Discovery) -> None:
    with _without_tracebacks():
        cache: Mapping[str, Any] = twisted.plugin.getCache(twisted.plugins)
    files = dict(_dropin_files(list(twisted.plugins.__path__)))
    for key, file in files.items():
        if key not in cache and _mentions_us(file):
            _load(discovery, file, f"twisted.plugins.{key}")
    for key, dropin in cache.items():
        for plugin in dropin.plugins:
            if any(provided.isOrExtends(IAddonMaker) for provided in plugin.provided):
                _read_maker(discovery, files.get(key, dropin.moduleName), f"{dropin.moduleName}.{plugin.name}")


def _dropin_files(folders: Sequence[str]) -> Iterator[tuple[str, str]]:
    """The modules in these folders; the first folder wins, as it does for an import."""
    seen = set()
    for folder in folders:
        for entry in sorted(os.listdir(folder)):
            key, extension = os.path.splitext(entry)
            if extension == ".py" and key.isidentifier() and key != "__init__" and key not in seen:
                seen.add(key)
                yield key, os.path.join(folder, entry)


def _mentions_us(file: str) -> bool:
    """Whether a broken dropin is likely to be meant for us; those of others are not our business."""
    try:
        with open(file, "rb") as opened:
            return b"mitmtw" in opened.read() or os.path.basename(file).startswith("mitmtw")
    except OSError:
        return True


def _load(discovery: Discovery, file: str, name: str) -> Any:
    try:
        return namedAny(name)
    except (Exception, SystemExit) as error:  # whatever the package's code raises
        cause = error.__cause__ if isinstance(error.__cause__, BaseException) else error
        discovery.broken.append(Broken(file, one_line(cause)))
        return None


def _read_maker(discovery: Discovery, file: str, name: str) -> None:
    maker = _load(discovery, file, name)
    if maker is None:
        return
    offered, target, description = (getattr(maker, attribute, "") for attribute in ("name", "target", "description"))
    if not all(isinstance(text, str) for text in (offered, target, description)) or not offered or "." not in target:
        discovery.broken.append(Broken(file, f"{name}: it needs a name and a target, module.Class, that are texts"))
    else:
        discovery.add(Offer(offered, target, description, file))


# -- entry points


def _read_entry_points(discovery: Discovery) -> None:
    for distribution in importlib.metadata.distributions(path=_safe_paths()):
        try:
            points = distribution.entry_points.select(group=ENTRY_POINT_GROUP)
            place = str(distribution.locate_file("")) if not points else _metadata_folder(distribution)
        except Exception as error:  # metadata that cannot be read, whatever is wrong with it
            discovery.broken.append(Broken(str(getattr(distribution, "_path", "?")), one_line(error)))
            continue
        for point in points:
            target = point.value.partition("[")[0].strip().replace(":", ".")
            if "." in target:
                discovery.add(Offer(point.name, target, "", place))
            else:
                discovery.broken.append(Broken(place, f"{point.name} = {point.value}: write module:Class"))


def _metadata_folder(distribution: importlib.metadata.Distribution) -> str:
    """The folder of a distribution's metadata, as far as the interpreter tells."""
    return str(getattr(distribution, "_path", "") or distribution.locate_file(""))
