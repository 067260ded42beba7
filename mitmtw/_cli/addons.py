"""
C{mitmtw addons}: which addons are installed, whether they are right, and a package for a new one.
"""

import dataclasses
import json
import os
from collections.abc import Callable, Mapping, Sequence
from typing import Final, TextIO

from mitmtw._cli import new_addon
from mitmtw._hooks.discover import Discovery, Offer, discover, drop_caches, packages
from mitmtw._hooks.examine import Examined, examine
from mitmtw.errors import AddonError, OptionsError
from mitmtw.settings import configured_addons
from mitmtw.terminal import escaped, say

__all__ = ["main"]

_USAGE = """\
Usage: mitmtw addons list [--json] [--confdir DIR]
       mitmtw addons verify [NAME | FILE]...
       mitmtw addons rescan
       mitmtw addons new NAME [--dir DIR]

  list    the addons that installed packages offer, and whether config.toml switches them on
  verify  load addons, or scripts, as the proxy does, and say what is wrong; all installed ones by default
  rescan  read all offers anew; needed when a package was installed and its addons are not listed
  new     write a package with an addon, a test and all that an installation needs

An installed addon does nothing until it is switched on: by --addon NAME on the command line of `mitmtw run` or
`twistd mitmtw`, or by addons = ["NAME"] in config.toml in the configuration directory.
"""

_OK: Final = 0
_FINDINGS: Final = 1
_WRONG: Final = 2

_Command = Callable[[list[str], TextIO, TextIO], int]


class _UsageError(Exception):
    """The command line is wrong; the message is one line."""


def main(argv: Sequence[str], stdout: TextIO, stderr: TextIO) -> int:
    """Run a command: the exit status is 1 when something is wrong with addons, 2 for a mistake in the command line."""
    arguments = list(argv)
    if not arguments or arguments[0] in ("--help", "-h", "help") or set(arguments) & {"--help", "-h"}:
        stdout.write(_USAGE)
        return _OK if arguments else _WRONG
    command = _COMMANDS.get(arguments[0])
    try:
        if command is None:
            raise _UsageError(f"mitmtw addons does not know {arguments[0]!r}")
        return command(arguments[1:], stdout, stderr)
    except _UsageError as error:
        say(stderr, f"{error}: see mitmtw addons --help")
    except (AddonError, OptionsError) as error:
        say(stderr, str(error))
    return _WRONG


def _take(arguments: list[str], option: str) -> str | None:
    """Take an option with a value out of the arguments."""
    for place, argument in enumerate(arguments):
        if argument.startswith(f"{option}="):
            return arguments.pop(place).partition("=")[2]
        if argument == option:
            if place + 1 == len(arguments):
                raise _UsageError(f"{option} needs a value")
            arguments.pop(place)
            return arguments.pop(place)
    return None


def _nothing_left(arguments: Sequence[str]) -> None:
    if arguments:
        raise _UsageError(f"mitmtw addons does not know {' '.join(arguments)!r}")


# -- list


@dataclasses.dataclass(frozen=True, slots=True)
class _Row:
    """One addon in the list."""

    name: str
    state: str
    version: str
    package: str
    interfaces: list[str]
    options: list[str]
    file: str
    target: str
    description: str
    findings: list[str]


def _list(arguments: list[str], stdout: TextIO, stderr: TextIO) -> int:
    confdir = _take(arguments, "--confdir")
    is_json = "--json" in arguments
    if is_json:
        arguments.remove("--json")
    _nothing_left(arguments)
    on = {wanted.name for wanted in configured_addons(confdir)}
    found = discover()
    owners = packages()
    rows = [_row(offer, examine(offer), on, owners) for offer in found.offers]
    if is_json:
        broken = [dataclasses.asdict(one) for one in found.broken]
        json.dump({"addons": [dataclasses.asdict(row) for row in rows], "broken": broken}, stdout, indent=2)
        stdout.write("\n")
    else:
        _write_table(rows, stdout)
        for one in found.broken:
            stdout.write(escaped(f"broken: {one.file}: {one.reason}") + "\n")
        for name in sorted(on - {row.name for row in rows}):
            stdout.write(escaped(f"not installed, but switched on: {name}") + "\n")
    return _OK


def _row(offer: Offer, examined: Examined, on: set[str], owners: Mapping[str, tuple[str, str]]) -> _Row:
    package, version = owners.get(offer.target.partition(".")[0], ("", ""))
    is_broken = bool(examined.findings) and not examined.interfaces
    return _Row(
        offer.name,
        "broken" if is_broken else "on" if offer.name in on else "off",
        version,
        package,
        examined.interfaces,
        [row.name for row in examined.options],
        offer.file,
        offer.target,
        offer.description,
        examined.findings,
    )


def _write_table(rows: Sequence[_Row], stdout: TextIO) -> None:
    if not rows:
        stdout.write("No addons are installed. (mitmtw addons new NAME writes a package with one.)\n")
        return
    lines = [("NAME", "STATE", "VERSION", "PACKAGE", "INTERFACES", "OPTIONS", "FILE")]
    for row in rows:
        cells = (
            row.name,
            row.state,
            row.version,
            row.package,
            ",".join(row.interfaces),
            ",".join(row.options),
            row.file,
        )
        lines.append(tuple(escaped(cell) or "-" for cell in cells))  # type: ignore[arg-type]  # as many as above
    widths = [max(len(line[column]) for line in lines) for column in range(len(lines[0]))]
    for line in lines:
        stdout.write("  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip() + "\n")
    for row in rows:
        for finding in row.findings:
            stdout.write(escaped(f"{row.name}: {finding}") + "\n")


# -- verify and rescan


def _verify(arguments: list[str], stdout: TextIO, stderr: TextIO) -> int:
    options = [argument for argument in arguments if argument.startswith("-")]
    _nothing_left(options)
    found: Discovery | None = None
    sources: list[Offer | str] = []
    for argument in arguments:
        if argument.endswith(".py") or os.sep in argument:
            sources.append(argument)
            continue
        found = found or discover()
        sources.append(found.find(argument))
    findings = 0
    if not arguments:
        found = discover()
        sources.extend(found.offers)
        for one in found.broken:
            findings += 1
            stdout.write(escaped(f"{one.file}: {one.reason}") + "\n")
        findings += _clashes(found, stdout)
    for source in sources:
        examined = examine(source)
        findings += len(examined.findings)
        for finding in examined.findings or ["ok"]:
            stdout.write(escaped(f"{examined.name}: {finding}") + "\n")
    return _FINDINGS if findings else _OK


def _clashes(found: Discovery, stdout: TextIO) -> int:
    """Say which names two packages offer."""
    count = 0
    for name in sorted({offer.name for offer in found.offers}):
        try:
            found.find(name)
        except AddonError as error:
            count += 1
            stdout.write(escaped(str(error)) + "\n")
    return count


def _rescan(arguments: list[str], stdout: TextIO, stderr: TextIO) -> int:
    _nothing_left(arguments)
    try:
        removed = drop_caches()
    except OSError as error:
        say(stderr, f"{error.filename}: {error.strerror}")
        return _FINDINGS
    for path in removed:
        stdout.write(escaped(f"read anew: {os.path.dirname(path)}") + "\n")
    found = discover()
    stdout.write(f"{len(found.offers)} addons found, {len(found.broken)} broken\n")
    for one in found.broken:
        stdout.write(escaped(f"broken: {one.file}: {one.reason}") + "\n")
    return _FINDINGS if found.broken else _OK


# -- new


def _new(arguments: list[str], stdout: TextIO, stderr: TextIO) -> int:
    folder = _take(arguments, "--dir")
    if len(arguments) != 1 or arguments[0].startswith("-"):
        raise _UsageError("mitmtw addons new takes one NAME")
    name = arguments[0]
    path = new_addon.write_package(name, name if folder is None else folder)
    shown = str(path) if path.is_absolute() else os.path.join(os.curdir, path)
    stdout.write(escaped(f"{shown} is written. Next: pip install --editable {shown}") + "\n")
    return _OK


_COMMANDS: Final[Mapping[str, _Command]] = {"list": _list, "verify": _verify, "rescan": _rescan, "new": _new}
