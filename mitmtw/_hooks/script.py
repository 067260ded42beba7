"""
Scripts: a Python file, or any module, as an addon.

The functions that are defined in the module are the handlers, those that it merely imported are not. A list C{addons}
in it names further addons, which come after the module's own handlers. C{name}, C{before}, C{after}, C{milestone},
C{failure_policy}, C{max_pending}, C{options} and C{wants_body} mean the same as on an addon.
"""

from pathlib import Path
from types import ModuleType

from mitmtw._hooks.imports import Signature, forgotten, run_script
from mitmtw._hooks.table import TABLE

__all__ = ["ScriptAddon", "load_script", "take_state"]

_SETTINGS = (
    "addons",
    "after",
    "before",
    "failure_policy",
    "max_pending",
    "milestone",
    "options",
    "wants_body",
)


class ScriptAddon:
    """
    A module as an addon.

    @ivar module: the module.
    @ivar path: its file, or its name when it has none.
    @ivar files: what it was loaded from, when that can be done again: its file and those of its helper modules.
    """

    def __init__(self, module: ModuleType, name: str | None = None, files: dict[str, Signature] | None = None) -> None:
        self.module = module
        self.files = files or {}
        self.path = getattr(module, "__file__", None) or module.__name__
        for attribute, value in vars(module).items():
            # The decorator wants_body, imported under its own name, is no setting.
            is_setting = attribute in _SETTINGS and not callable(value)
            if is_setting or (not attribute.startswith("_") and _is_own(module, attribute, value)):
                setattr(self, attribute, value)
        stem = name or module.__name__.rpartition(".")[2]
        # A script that only brings addons leaves its name to them: delay.py may hold a class Delay.
        is_shell = not any(hook in vars(self) for hook in TABLE) and getattr(module, "addons", None)
        self.name: str = getattr(module, "name", None) or (f"{stem}.py" if is_shell else stem)


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


def load_script(path: str | Path, *, again: bool = False) -> ScriptAddon:
    """
    Run a file and give the addon that it is. While it runs its folder is on C{sys.path}, so it can import its
    neighbours; later, inside of functions, it no longer is.

    @param again: import its neighbours anew, too.
    @raise AddonError: the file cannot be read or run; one line with the file's name and the line.
    """
    path = Path(path).expanduser().absolute()
    if not again:
        module, files = run_script(path)
    else:
        with forgotten(str(path.parent)):
            module, files = run_script(path)
    return ScriptAddon(module, path.stem, files)


def take_state(new: ScriptAddon, old: ScriptAddon) -> None:
    """
    Hand over what a script wants to keep: when both versions have a dictionary C{state}, the old one's values are put
    into the new one's.
    """
    mine, theirs = (getattr(script.module, "state", None) for script in (new, old))
    if isinstance(mine, dict) and isinstance(theirs, dict):
        mine.update(theirs)
