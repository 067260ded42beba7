"""
C{mitmtw hooks}: every hook with its arguments and its manual, made from the interfaces; as text, or as the pages of the
reference.
"""

import re
from collections.abc import Sequence
from inspect import cleandoc
from pathlib import Path
from typing import Final, TextIO

from zope.interface.interface import InterfaceClass

from mitmtw._hooks.table import TABLE, HookSpec
from mitmtw.interfaces import ADDON_INTERFACES
from mitmtw.terminal import say

__all__ = ["PAGES", "main", "page_of"]

_USAGE = """\
Usage: mitmtw hooks [NAME | --rst DIRECTORY]

Lists all hooks, tells all about one, or writes the reference pages into a directory.
"""

#: Pages of the reference: file name, title, the interfaces on it.
PAGES: Final[tuple[tuple[str, str, tuple[str, ...]], ...]] = (
    ("lifecycle", "Lifecycle", ("ILifecycleAddon", "IStartupAddon", "IUpdateAddon")),
    ("connection", "Connections and layers", ("IConnectionAddon", "IServerConnectionAddon", "ILayerAddon")),
    ("http", "HTTP", ("IHTTPAddon",)),
    ("websocket", "WebSocket", ("IWebSocketAddon",)),
    ("tcp", "TCP", ("ITCPAddon",)),
)

_GATES: Final = {
    "ask": "Nothing moves in that direction until its handlers are done.",
    "tell": "Traffic does not wait for its handlers; the end of the connection does.",
    "lifecycle": "Start, reconfiguration or shutdown waits for its handlers.",
}
# Epytext's markup in reStructuredText's, inside out.
_match_markup: Final = re.compile(r"([CLBI])\{([^{}]*)\}")


def main(argv: Sequence[str], stdout: TextIO, stderr: TextIO) -> int:
    """Print the list, one manual, or write the pages; the exit status is 2 for an argument that is not known."""
    arguments = list(argv)
    if arguments in (["--help"], ["-h"]):
        stdout.write(_USAGE)
    elif len(arguments) == 2 and arguments[0] == "--rst":
        directory = Path(arguments[1])
        directory.mkdir(parents=True, exist_ok=True)
        for name, _, _ in PAGES:
            (directory / f"{name}.rst").write_text(page_of(name), encoding="utf-8")
    elif not arguments:
        for spec in TABLE.values():
            stdout.write(f"{_signature(spec):<40} {spec.gate:<10} {_first_sentence(spec)}\n")
    elif len(arguments) == 1 and arguments[0] in TABLE:
        spec = TABLE[arguments[0]]
        stdout.write(f"{_signature(spec)}\n\n{_plain(spec.doc)}\n\n{_GATES[spec.gate]}\n")
    else:
        say(stderr, f"there is no hook {' '.join(arguments)!r}: see mitmtw hooks")
        return 2
    return 0


def page_of(name: str) -> str:
    """The reference page with this file name, in reStructuredText."""
    _, title, interfaces = next(each for each in PAGES if each[0] == name)
    parts = [f"{title} hooks", "=" * len(f"{title} hooks"), ""]
    parts += ["Made from the interfaces by ``mitmtw hooks --rst``; in which order they fire: `order <order.rst>`_.", ""]
    for interface in [each for each in ADDON_INTERFACES if each.__name__ in interfaces]:
        parts += [interface.__name__, "-" * len(interface.__name__), "", *_manual_of(interface), ""]
        for spec in TABLE.values():
            if spec.interface is interface:
                parts += _entry(spec)
    return "\n".join(parts).rstrip() + "\n"


def _manual_of(interface: InterfaceClass) -> list[str]:
    """What the interface says of itself."""
    return _rst(cleandoc(interface.__doc__ or "")).splitlines()


def _entry(spec: HookSpec) -> list[str]:
    """One hook on a page."""
    lines = [f"``{_signature(spec)}``", "~" * (len(_signature(spec)) + 4), "", *_rst(spec.doc).splitlines(), ""]
    notes = [_GATES[spec.gate]]
    if spec.can_respond:
        notes.append("A handler may answer by setting ``flow.response``.")
    if spec.returns_layer:
        notes.append("A result that is a layer takes the argument's place.")
    return [*lines, " ".join(notes), ""]


def _signature(spec: HookSpec) -> str:
    return f"{spec.name}({', '.join(spec.arguments)})"


def _first_sentence(spec: HookSpec) -> str:
    """Enough for a list."""
    return _plain(spec.doc).split(".\n")[0].split(". ")[0].replace("\n", " ").rstrip(".") + "."


def _plain(text: str) -> str:
    """Epytext without its markup."""
    text = _match_markup.sub(r"\2", text)
    return re.sub(r"^@param (\w+):", r"\1:", text, flags=re.MULTILINE)


def _rst(text: str) -> str:
    """Epytext as reStructuredText."""

    def replaced(match: re.Match[str]) -> str:
        mark = {"B": "**", "I": "*"}.get(match[1], "``")
        return f"{mark}{match[2]}{mark}"

    text = _match_markup.sub(replaced, text)
    text = re.sub(r"^@param (\w+):", r":\1:", text, flags=re.MULTILINE)
    return re.sub(r"^@(return|raise)( \w+)?:", r":\1\2:", text, flags=re.MULTILINE)
