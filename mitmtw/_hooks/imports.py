"""
Running a script's file, and knowing which modules beside it came along: those have to be read anew with it.

While a script runs, its folder is on C{sys.path}. What is imported from there by its top-level name is a helper module
of the script, with all its submodules. Helpers stand in C{sys.modules} under their own names, as Python's imports want
it; the script itself has a private name. Scripts in different folders may have helpers of the same name: each gets its
own.
"""

import importlib
import importlib.util
import itertools
import os
import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from importlib.machinery import SourceFileLoader
from pathlib import Path
from types import CodeType, ModuleType

from typing_extensions import override

from mitmtw._hooks.discover import one_line
from mitmtw.errors import AddonError

__all__ = ["ScriptError", "Signature", "forgotten", "run_script", "signature"]

#: What changes when a file does: its modification time (nanoseconds), size (bytes) and inode; None without a file.
Signature = tuple[int, int, int] | None

# Each script is a module of its own in sys.modules, however often it is loaded and whatever it is called.
_numbers = itertools.count(1)

#: The modules that are here because of scripts, by their folder and name.
_helpers: dict[str, dict[str, ModuleType]] = {}


class ScriptError(AddonError):
    """
    A script cannot be run.

    @ivar files: those that had to do with it; when one of them changes it may be worth another attempt.
    """

    def __init__(self, message: str, files: dict[str, Signature]) -> None:
        super().__init__(message)
        self.files = files


class _SourceLoader(SourceFileLoader):
    """Reads the source each time: compiled files are told apart by the second of their source, which is too coarse."""

    @override
    def get_code(self, fullname: str) -> CodeType:
        """Compile the source."""
        return self.source_to_code(self.get_data(self.path), self.path)


def signature(path: str) -> Signature:
    """What a file is at this moment."""
    try:
        status = os.stat(path)
    except OSError:
        return None
    return status.st_mtime_ns, status.st_size, status.st_ino


def run_script(path: Path) -> tuple[ModuleType, dict[str, Signature]]:
    """
    Run a file as a module of its own.

    @param path: absolute.
    @return: the module, and its file and those of its helpers as they were when they were read.
    @raise ScriptError: it cannot be read or run; one line with the file's name and the line.
    """
    name = f"_mitmtw_script_{path.stem.replace('.', '_')}_{next(_numbers)}"
    files = {str(path): signature(str(path))}
    loader = _SourceLoader(name, str(path))
    spec = importlib.util.spec_from_loader(name, loader)
    assert spec is not None  # a loader was given
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module  # dataclasses and pickle look a class's module up by its name
    folder = str(path.parent)
    before = set(sys.modules)
    try:
        with _importing_from(folder):
            loader.exec_module(module)
    except Exception as error:  # whatever the script's code raises
        del sys.modules[name]
        places = [file for file in _places(error) if os.path.dirname(file).startswith(folder)]
        _note_helpers(folder, before)
        files.update((file, signature(file)) for file in [*_files_in(folder), *places])
        raise ScriptError(_one_line(error, path), files) from error
    _note_helpers(folder, before)
    files.update((file, signature(file)) for file in _files_in(folder))
    return module, files


@contextmanager
def _importing_from(folder: str) -> Iterator[None]:
    """Let imports find what is in a folder, and no helpers from others; nothing compiled is written there."""
    importlib.invalidate_caches()
    before, sys.dont_write_bytecode = sys.dont_write_bytecode, True
    sys.path.insert(0, folder)
    others = {name: module for place, found in _helpers.items() if place != folder for name, module in found.items()}
    for name in others:
        sys.modules.pop(name, None)
    sys.modules.update(_helpers.get(folder, {}))
    try:
        yield
    finally:
        for name, module in others.items():
            sys.modules.setdefault(name, module)
        sys.dont_write_bytecode = before
        if folder in sys.path:  # the script may have taken it away itself
            sys.path.remove(folder)


def _note_helpers(folder: str, before: set[str]) -> None:
    """Remember which modules of a folder have come; not those of packages that were here already."""
    known = {name for found in _helpers.values() for name in found}
    own = _helpers.setdefault(folder, {})
    for name, module in list(sys.modules.items()):
        top = name.partition(".")[0]
        if top in before and top not in known:
            continue
        beside = getattr(sys.modules.get(top), "__file__", None) or ""
        is_beside = beside in (os.path.join(folder, f"{top}.py"), os.path.join(folder, top, "__init__.py"))
        if is_beside and str(getattr(module, "__file__", None)).endswith(".py"):
            own[name] = module


def _files_in(folder: str) -> list[str]:
    """The helpers' files in a folder: of all scripts there, because they share them."""
    return [str(module.__file__) for module in _helpers.get(folder, {}).values()]


@contextmanager
def forgotten(folder: str) -> Iterator[None]:
    """
    Import the helper modules of a folder anew, if they are imported within this block. When it fails, those of before
    are back.
    """
    files = _files_in(folder)
    gone = _take_out(folder)
    for file in files:
        with suppress(OSError, NotImplementedError):  # a compiled file of an earlier time, if there is one at all
            os.remove(importlib.util.cache_from_source(file))
    try:
        yield
    except BaseException:
        _take_out(folder)
        _helpers[folder] = gone
        sys.modules.update(gone)
        raise


def _take_out(folder: str) -> dict[str, ModuleType]:
    """Let nobody find the helpers of a folder any more."""
    helpers = _helpers.pop(folder, {})
    for name, module in helpers.items():
        if sys.modules.get(name) is module:
            del sys.modules[name]
    return helpers


def _places(error: BaseException) -> list[str]:
    """The files that an exception came through."""
    files = [frame.filename for frame in traceback.extract_tb(error.__traceback__)]
    if isinstance(error, SyntaxError) and error.filename:
        files.append(error.filename)
    return files


def _one_line(error: Exception, path: Path) -> str:
    """Where in the script it went wrong, and what."""
    if isinstance(error, SyntaxError) and error.filename:
        return one_line(error)
    if isinstance(error, OSError) and error.filename == str(path):
        return f"{path}: {error.strerror}"
    lines = [frame.lineno for frame in traceback.extract_tb(error.__traceback__) if frame.filename == str(path)]
    place = f"{path}:{lines[-1]}" if lines else str(path)
    return f"{place}: {type(error).__name__}: {' '.join(str(error).split())}"
