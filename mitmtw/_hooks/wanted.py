r"""
How an installed addon is asked for, on the command line and in C{config.toml}: C{NAME[?][:OPTION=VALUE…]}.

C{?} makes it optional: when it is not there or cannot be loaded the proxy starts without it. What follows the name,
behind colons, sets options of the addon, by the names under which it declares them; C{OPTION} alone sets one that is
true or false; C{\:} is a colon within a value and C{\\} a backslash::

    acme.strip?:keep=session:strict:report=http\://logs.example/
"""

import re
from dataclasses import dataclass, field

from mitmtw.errors import OptionsError

__all__ = ["Wanted", "parse_wanted"]

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
