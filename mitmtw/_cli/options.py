"""
C{mitmtw options}: every option with its type, default, unit and meaning, as text, JSON or reStructuredText.

Those of addons are among them when the addons are named on the same command line, or in C{config.toml}.
"""

import dataclasses
import json
import textwrap
from collections.abc import Callable, Mapping, Sequence
from typing import Final, TextIO

from mitmtw.core_options import core_options
from mitmtw.errors import AddonError, MitmtwError
from mitmtw.options import OptionRow, Options
from mitmtw.settings import Arguments, read_settings
from mitmtw.terminal import say

__all__ = ["main", "rows_as_json", "rows_as_rst", "rows_as_text"]

_USAGE = """\
Usage: mitmtw options [--json | --rst] [--addon NAME]... [--script FILE]... [--confdir DIR]

Lists all options: of the core, and of the addons and scripts that are named here or in config.toml (--rst leaves
config.toml out). Set one by --set NAME=VALUE on the command line of `mitmtw run` or `twistd mitmtw`, or by
NAME = VALUE in config.toml in the configuration directory.
"""

_WIDTH = 96  # characters of a line of help in the text form


def main(argv: Sequence[str], stdout: TextIO, stderr: TextIO) -> int:
    """Print the list in the form asked for; the exit status is 2 for an argument that is not known."""
    if list(argv) in (["--help"], ["-h"]):
        stdout.write(_USAGE)
        return 0
    arguments = Arguments()
    form = _FORMS.get(tuple(_read(argv, arguments)))
    if form is None:
        say(stderr, f"mitmtw options does not know {' '.join(argv)!r}: see mitmtw options --help")
        return 2
    is_page = form is rows_as_rst and not (arguments.addons or arguments.scripts or arguments.confdir)
    try:
        options = core_options() if is_page else _with_addons(arguments)
    except MitmtwError as error:
        say(stderr, str(error))
        return 2
    stdout.write(form(options.describe()))
    return 0


def _read(argv: Sequence[str], arguments: Arguments) -> list[str]:
    """Take the arguments with a value; @return: the others."""
    rest = []
    left = iter(argv)
    for argument in left:
        option, equals, value = argument.partition("=")
        if option not in ("--addon", "--script", "-s", "--confdir"):
            rest.append(argument)
            continue
        if not equals:
            value = next(left, "")
        if not value:
            rest.append(argument)
        elif option == "--confdir":
            arguments.confdir = value
        else:
            (arguments.addons if option == "--addon" else arguments.scripts).append(value)
    return rest


def _with_addons(arguments: Arguments) -> Options:
    """
    The core's options and those of addons and scripts.

    @raise MitmtwError: an addon is not there, or something is wrong with it.
    """
    settings = read_settings(arguments, lambda listener: None)
    options = core_options()
    if settings.addons or settings.scripts:
        from mitmtw._hooks.discover import Offer, discover
        from mitmtw._hooks.examine import examine

        offers = discover().offers
        chosen = [offer for wanted in settings.addons for offer in offers if offer.name == wanted.name]
        sources: list[Offer | str] = [*settings.scripts, *chosen]
        for source in sources:
            examined = examine(source, options)
            if examined.findings and not examined.options:
                raise AddonError(f"{examined.name}: {examined.findings[0]}")
    return options


def rows_as_text(rows: Sequence[OptionRow]) -> str:
    """Give a paragraph for each option, in a form for reading and for grep."""
    return "\n".join(_paragraph(row) for row in rows)


def rows_as_json(rows: Sequence[OptionRow]) -> str:
    """Give a JSON list with an object for each option."""
    return json.dumps([dataclasses.asdict(row) for row in rows], indent=2) + "\n"


def rows_as_rst(rows: Sequence[OptionRow]) -> str:
    """Give the reference page of the options."""
    title = "Options"
    parts = [
        ".. This page is made by `mitmtw options --rst`.",
        f"{title}\n{'=' * len(title)}",
        "Set an option with ``--set NAME=VALUE`` on the command line, or with ``NAME = VALUE`` in ``config.toml`` in\n"
        "the configuration directory. Sizes may end in k, m or g. The command line wins over the file.",
    ]
    for row in rows:
        parts.append(f".. _option-{row.name.replace('_', '-')}:\n\n``{row.name}``\n{'-' * (len(row.name) + 4)}")
        parts.append(textwrap.fill(row.help, _WIDTH))
        parts.append("\n".join(f":{name}: {text}" for name, text in _facts(row)))
    return "\n\n".join(parts) + "\n"


def _paragraph(row: OptionRow) -> str:
    indented = textwrap.fill(row.help, _WIDTH, initial_indent="    ", subsequent_indent="    ")
    facts = "; ".join(f"{name}: {text}" for name, text in _facts(row) if name != "Default")
    return f"{row.name} = {row.default}\n{indented}\n    ({facts})\n"


def _facts(row: OptionRow) -> list[tuple[str, str]]:
    facts = [("Type", row.type), ("Default", row.default), ("Unit", row.unit), ("Choices", ", ".join(row.choices))]
    facts += [("Also called", ", ".join(row.aliases)), ("Owner", row.owner)]
    return [(name, text) for name, text in facts if text]


_FORMS: Final[Mapping[tuple[str, ...], Callable[[Sequence[OptionRow]], str]]] = {
    (): rows_as_text,
    ("--json",): rows_as_json,
    ("--rst",): rows_as_rst,
}
