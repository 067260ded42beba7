"""
What is checked when an addon is loaded, so that a mistake is one line then and not a surprise in the middle of traffic.
"""

import difflib
import inspect
import logging
from collections.abc import Callable, Iterator, Mapping
from functools import partial, wraps
from types import ModuleType
from typing import Any

from twisted.logger import Logger
from zope.interface import Invalid
from zope.interface.exceptions import BrokenMethodImplementation
from zope.interface.verify import verifyObject

from mitmtw._hooks.table import HookSpec
from mitmtw.addon import is_no_op
from mitmtw.errors import AddonError

__all__ = [
    "handlers_of",
    "limit_of",
    "name_of",
    "near_misses",
    "policy_of",
    "verify_interfaces",
    "warn_of_near_misses",
    "wish_of",
]

# How alike a method's name and a hook's must be to be taken for a slip of the pen (difflib's ratio): "respnse" and
# "response" have 0.93, "client_connected" and "clientconnect" 0.90, "start" and "starts_at" 0.71.
_ALIKE = 0.85

_DEFAULT_STATUS = 503  # RFC 9110 section 15.6.4: Service Unavailable

_MISSING = object()


def name_of(addon: object) -> str:
    """
    What an addon is called: its attribute C{name}, or its class's name in lower case.

    @raise AddonError: C{name} is not a text.
    """
    name = getattr(addon, "name", None)
    if name is None:
        return type(addon).__name__.lower()
    if not isinstance(name, str) or not name:
        raise AddonError(f"the name of {type(addon).__name__} must be a text, not {name!r}")
    return name


# What has the name of a hook by custom and is meant as something else: C{import log}, C{log = Logger()}.
_NAMESAKES = (ModuleType, Logger, logging.Logger)


def handlers_of(addon: object, name: str, table: Mapping[str, HookSpec]) -> dict[str, Callable[..., Any]]:
    """
    The handlers of an addon by hook, checked. Inherited no-ops are left out, and so are modules and loggers that happen
    to have the name of a hook.

    @param name: what the addon is called in error messages.
    @raise AddonError: what has a hook's name is something else, or a generator function, or takes the wrong arguments.
    """
    handlers = {}
    for hook, spec in table.items():
        handler = getattr(addon, hook, _MISSING)
        if handler is _MISSING or isinstance(handler, _NAMESAKES) or is_no_op(handler):
            continue
        if not callable(handler) or isinstance(handler, type):
            what = f"the class {handler.__name__}" if isinstance(handler, type) else f"a {type(handler).__name__}"
            raise AddonError(
                f"addon {name}: {hook} is the name of a hook, but {what} is bound to it; give it another name"
            )
        _refuse_generators(handler, name, hook)
        handlers[hook] = _with_right_arguments(handler, name, spec)
    return handlers


def _refuse_generators(handler: Callable[..., Any], name: str, hook: str) -> None:
    function = handler
    while isinstance(function, partial):
        function = function.func
    if inspect.isgeneratorfunction(function) or inspect.isasyncgenfunction(function):
        raise AddonError(
            f"addon {name}: {hook} is a generator function, nothing of it would run; make it 'async def' without yield"
        )


def _takes(handler: Callable[..., Any], count: int) -> bool:
    try:
        signature = inspect.signature(handler)
    except ValueError:  # some functions written in C do not tell
        return True
    try:
        signature.bind(*range(count))
    except TypeError:
        return False
    return True


def _with_right_arguments(handler: Callable[..., Any], name: str, spec: HookSpec) -> Callable[..., Any]:
    if _takes(handler, len(spec.arguments)):
        return handler
    if spec.name == "configure" and _takes(handler, 1):

        @wraps(handler)  # what decorators have written on the handler counts for this function too
        def configure(options: object, updated: object) -> object:
            return handler(updated)

        return configure
    wanted = ", ".join(spec.arguments)
    raise AddonError(f"addon {name}: {spec.name} is called with ({wanted}), but takes {inspect.signature(handler)}")


def verify_interfaces(addon: object, name: str, table: Mapping[str, HookSpec]) -> None:
    """
    Hold an addon to the interfaces of hooks that it says it provides.

    Whether its methods take the right arguments is L{handlers_of}'s matter, who knows more: C{configure} may take one.

    @raise AddonError: it does not have all that is declared there.
    """
    for interface in dict.fromkeys(spec.interface for spec in table.values()):
        if not interface.providedBy(addon):
            continue
        try:
            verifyObject(interface, addon)
        except Invalid as refusal:
            for error in getattr(refusal, "exceptions", [refusal]):  # one, or several at once
                if not isinstance(error, BrokenMethodImplementation):
                    raise AddonError(f"addon {name}: {' '.join(str(error).split())}")


def near_misses(addon: object, table: Mapping[str, HookSpec]) -> Iterator[tuple[str, str]]:
    """
    Each public method whose name is almost that of a hook, and that could be called like it, with the hook's name.
    """
    for attribute in dir(addon):
        if attribute.startswith("_") or attribute in table:
            continue
        method = getattr(addon, attribute, None)
        if not inspect.isroutine(method):
            continue
        alike = difflib.get_close_matches(attribute, table, 1, _ALIKE)
        if alike and _takes(method, len(table[alike[0]].arguments)):
            yield attribute, alike[0]


def warn_of_near_misses(addon: object, name: str, table: Mapping[str, HookSpec], log: Logger) -> None:
    """Log a warning for each of L{near_misses}."""
    for attribute, hook in near_misses(addon, table):
        log.warn(
            "addon {addon}: {attribute} is not the name of a hook; did you mean {hook}?",
            addon=name,
            attribute=attribute,
            hook=hook,
        )


def policy_of(addon: object, name: str) -> int | bool:
    """
    An addon's failure policy: False for C{continue}, True for C{kill}, the status for C{respond}.

    @raise AddonError: its C{failure_policy} is none of those.
    """
    policy = getattr(addon, "failure_policy", "continue")
    if policy in ("continue", "kill"):
        return bool(policy == "kill")
    match policy:
        case "respond":
            return _DEFAULT_STATUS
        case ["respond", int(status)] if 200 <= status <= 599:
            return status
    raise AddonError(
        f"addon {name}: failure_policy must be 'continue', 'kill', 'respond' or ('respond', status), not {policy!r}"
    )


def limit_of(addon: object, name: str) -> int | None:
    """
    How many calls of an addon may be pending: its C{max_pending}.

    @raise AddonError: it is not a number of 1 or more.
    """
    limit: object = getattr(addon, "max_pending", None)
    if limit is None or (isinstance(limit, int) and not isinstance(limit, bool) and limit > 0):
        return limit
    raise AddonError(f"addon {name}: max_pending must be a number of 1 or more, not {limit!r}")


def wish_of(addon: object, name: str, handler: object) -> int:
    """
    How much a handler wants bodies collected: 0 never, 1 ordinary ones, 2 all. The handler's own mark wins over the
    addon's.

    @raise AddonError: C{wants_body} is not None, True or False.
    """
    wanted = getattr(handler, "wants_body", _MISSING)
    if wanted is _MISSING:
        wanted = getattr(addon, "wants_body", None)
    if wanted is None:
        return 1
    if isinstance(wanted, bool):
        return 2 if wanted else 0
    raise AddonError(f"addon {name}: wants_body must be None, True or False, not {wanted!r}")
