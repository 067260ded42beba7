r"""
How an installed addon is asked for, on the command line and in C{config.toml}: C{NAME[?][:OPTION=VALUE…]}.

C{?} makes it optional: when it is not there or cannot be loaded the proxy starts without it. What follows the name,
behind colons, sets options of the addon, by the names under which it declares them; C{OPTION} alone sets one that is
true or false; C{\:} is a colon within a value and C{\\} a backslash::

    acme.strip?:keep=session:strict:report=http\://logs.example/
"""

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

from twisted.logger import Logger

from mitmtw._hooks.chain import Chain
from mitmtw._hooks.discover import discover
from mitmtw._hooks.lifecycle import Lifecycle
from mitmtw.errors import AddonError, OptionsError
from mitmtw.options import Option, Options

__all__ = ["Wanted", "add_addons", "check_assignments", "defer_assignments", "forget_left_out", "parse_wanted"]

_log = Logger()

_PART = re.compile(r"(?:[^\\:]|\\.)*", re.DOTALL)
_ESCAPE = re.compile(r"\\([\\:])")


@dataclass(slots=True)
class Wanted:
    """
    An installed addon that is to be switched on.

    @ivar name: under which it is offered.
    @ivar is_optional: whether the proxy starts without it when it cannot be loaded.
    @ivar assignments: the texts for each of its options, in order; None is an option without a value.
    """

    name: str
    is_optional: bool = False
    assignments: dict[str, list[str | None]] = field(default_factory=dict)


def parse_wanted(text: str) -> Wanted:
    """
    Read the form above.

    @raise OptionsError: there is no name, or something without a name is assigned.
    """
    parts = _parts(text)
    name = parts[0].strip()
    wanted = Wanted(name.removesuffix("?").strip(), name.endswith("?"))
    if not wanted.name:
        raise OptionsError(f"{text!r} does not name an addon: write NAME, NAME? or NAME:option=value")
    for part in parts[1:]:
        option, equals, value = part.partition("=")
        option = option.strip()
        if not option:
            raise OptionsError(f"addon {text!r}: {part!r} does not assign to an option: write option=value")
        wanted.assignments.setdefault(option, []).append(value if equals else None)
    return wanted


def _parts(text: str) -> list[str]:
    """Split at colons that have no backslash before them."""
    parts = []
    place = 0
    while True:
        found = _PART.match(text, place)
        assert found is not None  # it matches nothing, too
        place = found.end()
        if text[place:] == "\\":  # a last backslash stands for itself
            place += 1
        parts.append(_ESCAPE.sub(r"\1", text[found.start() : place]))
        if place >= len(text):
            return parts
        place += 1


def check_assignments(wanted: Wanted, options: Options) -> None:
    """
    Refuse what cannot be an option of that addon.

    @raise OptionsError: it is one of the core.
    """
    for name in wanted.assignments:
        if name in options and options.find(name).owner == "core":
            raise OptionsError(f"{name} is no option of the addon {wanted.name}: set it by itself")


def defer_assignments(wanted: Wanted, options: Options) -> None:
    """
    Keep the values given behind an addon's name for when it declares its options; they win over other ones.

    @raise OptionsError: as L{check_assignments}.
    """
    check_assignments(wanted, options)
    for name, texts in wanted.assignments.items():
        options.defer(name, _reading(texts))


def _reading(texts: Sequence[str | None]) -> Callable[[Option], object]:
    return lambda option: option.read(texts)


async def add_addons(addons: Iterable[object], life: Lifecycle, options: Options) -> list[Wanted]:
    """
    Put addons into the chain: objects as they are, installed ones by L{Wanted} or by a text for L{parse_wanted}.

    @return: the installed ones, also optional ones that are not there.
    @raise AddonError: one is not there, or cannot be loaded.
    @raise OptionsError: a text is wrong, or what it assigns.
    """
    everything = [parse_wanted(addon) if isinstance(addon, str) else addon for addon in addons]
    wanted = [addon for addon in everything if isinstance(addon, Wanted)]
    installed = discover() if wanted else None
    for addon in everything:
        if not isinstance(addon, Wanted) or installed is None:
            await life.add_addon(addon)
            continue
        defer_assignments(addon, options)
        try:
            offer = installed.find(addon.name)
        except AddonError as error:
            if not addon.is_optional:
                raise
            _log.warn("an optional addon is left out: {reason}", reason=str(error))
        else:
            await life.add_addon(offer, is_optional=addon.is_optional)
    return wanted


def forget_left_out(wanted: Iterable[Wanted], chain: Chain, options: Options) -> None:
    """Values for options of optional addons that are not there are no mistake."""
    there = {link.name for link in chain}
    for addon in wanted:
        if addon.name not in there:
            options.forget(addon.assignments)
