"""
Everything that can be seen to be wrong with an addon without running it.
"""

from collections.abc import Callable, Mapping
from types import ModuleType
from typing import Any

from twisted.logger import Logger, LogPublisher

from mitmtw._hooks.chain import Link, addons_of
from mitmtw._hooks.script import ScriptAddon
from mitmtw._hooks.table import TABLE, HookSpec
from mitmtw._hooks.threads import threads_of
from mitmtw._hooks.verify import (
    handlers_of,
    limit_of,
    name_of,
    near_misses,
    policy_of,
    verify_interfaces,
    wish_of,
)
from mitmtw.errors import AddonError

__all__ = ["verify_addon"]


def verify_addon(addon: object) -> None:
    """
    Check an addon as the proxy does when it is loaded, and more: each declared interface (C{verifyObject}), the
    arguments of each handler, its settings, methods whose names are almost those of hooks (only a warning in the log
    when it is loaded), and in the same way the addons that it brings.

    @param addon: an addon, a class that is called without arguments, or a module.
    @raise AssertionError: with all findings, one a line.
    """
    findings = _findings(addon, TABLE)
    if findings:
        raise AssertionError("\n".join(findings))


def _findings(source: Any, table: Mapping[str, HookSpec]) -> list[str]:
    """What is wrong, in sentences."""
    addon = source() if isinstance(source, type) else ScriptAddon(source) if isinstance(source, ModuleType) else source
    found: list[str] = []

    def attempt(check: Callable[..., Any], *arguments: Any) -> Any:
        """Run one check and note what it says."""
        try:
            return check(*arguments)
        except AddonError as error:
            if str(error) not in found:
                found.append(str(error))
        return None

    name = attempt(name_of, addon) or type(addon).__name__
    provided = addon.module if isinstance(addon, ScriptAddon) else addon
    for spec in table.values():
        alone = {spec.name: spec}
        attempt(verify_interfaces, provided, name, alone)
        for handler in (attempt(handlers_of, addon, name, alone) or {}).values():
            attempt(wish_of, addon, name, handler)
    attempt(policy_of, addon, name)
    attempt(limit_of, addon, name)
    children = attempt(addons_of, addon, name) or []
    if not found:  # what is left to see, such as a handler that cannot run in a thread
        attempt(Link, addon, table, Logger(observer=LogPublisher()), threads_of(None))
    for attribute, hook in near_misses(addon, table):
        found.append(f"addon {name}: {attribute} is not the name of a hook; did you mean {hook}?")
    for child in children:
        found.extend(_findings(child, table))
    return found
