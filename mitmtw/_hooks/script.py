"""
Scripts: a Python file, or any module, as an addon.

The functions that are defined in the module are the handlers, those that it merely imported are not. A list C{addons}
in it names further addons, which come after the module's own handlers. C{name}, C{failure_policy}, C{max_pending} and
C{wants_body} mean the same as on an addon.
"""

import importlib.util
import itertools
import sys
import traceback
from importlib.machinery import SourceFileLoader
from pathlib import Path
from types import ModuleType

from mitmtw._hooks.table import TABLE
from mitmtw.errors import AddonError

__all__ = ["ScriptAddon", "load_script"]

# Each script is a module of its own in sys.modules, however often it is loaded and whatever it is called.
_numbers = itertools.count(1)

_SETTINGS = ("addons", "failure_policy", "max_pending", "wants_body")


class ScriptAddon:
    """
    A module as an addon.

    @ivar module: the module.
    @ivar path: its file, or its name when it has none.
    """

    def __init__(self, module: ModuleType, name: str | None = None) -> None:
        self.module = module
        self.path = getattr(module, "__file__", None) or module.__name__
        self.name = getattr(module, "name", None) or name or module.__name__.rpartition(".")[2]
        for attribute, value in vars(module).items():
            # The decorator wants_body, imported under its own name, is no setting.
            is_setting = attribute in _SETTINGS and not callable(value)
            if is_setting or (not attribute.startswith("_") and _is_own(module, attribute, value)):
                setattr(self, attribute, value)


def _is_own(module: ModuleType, attribute: str, value: object) -> bool:
    """
    Whether a module's attribute is part of the addon: a callable that is defined in the module, or something else
    that has the name of a hook and is refused for it. Modules, and callables from elsewhere, are not.
    """
    if isinstance(value, ModuleType):
        return False
    if not callable(value):
        return attribute in TABLE
    defined_in = getattr(value, "__module__", None) or type(value).__module__
    if isinstance(value, type) and attribute not in TABLE:
        return False
    return bool(defined_in == module.__name__)


def load_script(path: str | Path) -> ScriptAddon:
    """
    Run a file and give the addon that it is. While it runs its folder is on C{sys.path}, so it can import its
    neighbours; later, inside of functions, it no longer is.

    @raise AddonError: the file cannot be read or run; one line with the file's name and the line.
    """
    path = Path(path).expanduser().absolute()
    name = f"_mitmtw_script_{path.stem.replace('.', '_')}_{next(_numbers)}"
    loader = SourceFileLoader(name, str(path))
    spec = importlib.util.spec_from_loader(name, loader)
    assert spec is not None  # a loader was given
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module  # dataclasses and pickle look a class's module up by its name
    folder = str(path.parent)
    sys.path.insert(0, folder)
    try:
        loader.exec_module(module)
    except Exception as error:
        del sys.modules[name]
        raise AddonError(_one_line(error, path)) from error
    finally:
        if folder in sys.path:  # the script may have taken it away itself
            sys.path.remove(folder)
    return ScriptAddon(module, path.stem)


def _one_line(error: Exception, path: Path) -> str:
    """Where in the script it went wrong, and what."""
    if isinstance(error, SyntaxError) and error.filename:
        return f"{error.filename}:{error.lineno}: {type(error).__name__}: {error.msg}"
    if isinstance(error, OSError) and error.filename == str(path):
        return f"{path}: {error.strerror}"
    lines = [frame.lineno for frame in traceback.extract_tb(error.__traceback__) if frame.filename == str(path)]
    place = f"{path}:{lines[-1]}" if lines else str(path)
    return f"{place}: {type(error).__name__}: {' '.join(str(error).split())}"
