"""
What the proxy is started with: options, listeners, scripts and addons, from the command line and from C{config.toml}.

C{twistd mitmtw} (L{mitmtw.tap}) and C{mitmtw run} share it. The defaults give way to C{config.toml} in the
configuration directory, and that gives way to the command line. Everything that can be known to be wrong before a port
is opened is refused here, with an L{OptionsError} of one line.
"""

import os
import tomllib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from mitmtw.core_options import core_options
from mitmtw.errors import AddonError, OptionsError
from mitmtw.options import Option, Options

if TYPE_CHECKING:
    from mitmtw._hooks.wanted import Wanted

__all__ = [
    "CONFIG_FILE",
    "DEFAULT_LISTENER",
    "Arguments",
    "Settings",
    "assignments",
    "configured_addons",
    "read_settings",
]

#: Where the proxy listens when nothing is said; only this machine can reach it.
DEFAULT_LISTENER = "tcp:8080:interface=127.0.0.1"
#: The name of the file in the configuration directory.
CONFIG_FILE = "config.toml"


@dataclass(slots=True)
class Arguments:
    """
    What a command line said, unread.

    @ivar listeners: C{[MODE@]ENDPOINT} strings.
    @ivar scripts: paths.
    @ivar assignments: C{name=value} strings.
    @ivar confdir: the configuration directory; None when it was not given.
    @ivar addons: C{NAME[?][:OPTION=VALUE...]} strings.
    """

    listeners: list[str] = field(default_factory=list)
    scripts: list[str] = field(default_factory=list)
    assignments: list[str] = field(default_factory=list)
    confdir: str | None = None
    addons: list[str] = field(default_factory=list)


@dataclass(slots=True)
class Settings:
    """
    What the proxy is started with.

    @ivar options: the core's options with their values, and values that wait for options of scripts and addons.
    @ivar listeners: at least one C{[MODE@]ENDPOINT}, each known to be well-formed.
    @ivar scripts: absolute paths of readable files, in loading order.
    @ivar addons: installed addons to switch on, in loading order; those that are not optional are there.
    """

    options: Options
    listeners: list[str]
    scripts: list[str]
    addons: "list[Wanted]" = field(default_factory=list)


def read_settings(arguments: Arguments, parse_listener: Callable[[str], object] | None = None) -> Settings:
    """
    Put defaults, C{config.toml} and the command line together.

    Listeners, scripts and addons of the command line replace those of the file. A name that is no option is an error,
    but for when there are scripts or addons: those may declare it when they are loaded, so its value is kept
    (L{Options.defer}).

    @param parse_listener: refuses a wrong listener with L{OptionsError}; None means that of the proxy's modes.
    @raise OptionsError: anything is wrong; the message is one line, and names the file when it is about a file.
    """
    options = core_options()
    assigned = assignments(options, arguments.assignments)
    confdir = _confdir(options, arguments, assigned)
    options.apply({"confdir": confdir})
    path = os.path.join(options.confdir, CONFIG_FILE)
    table = _read_config(path)
    listeners = arguments.listeners or _texts(path, table, "listen") or [DEFAULT_LISTENER]
    from_file = [os.path.join(options.confdir, os.path.expanduser(one)) for one in _texts(path, table, "scripts")]
    scripts = [_readable(one) for one in arguments.scripts or from_file]
    addons = _wanted(options, arguments.addons or _texts(path, table, "addons"))
    may_be_declared = bool(scripts or addons)
    _take_config(options, path, table, may_be_declared)
    _take_assignments(options, assigned, may_be_declared)
    for listener in listeners:
        (parse_listener or _mode_parser())(listener)
    return Settings(options, list(listeners), scripts, addons)


def _wanted(options: Options, texts: Sequence[str]) -> "list[Wanted]":
    """Understand which addons are asked for, and refuse those that are not installed."""
    if not texts:
        return []
    # Only here: to search all packages takes time, and brings Twisted along.
    from mitmtw._hooks.discover import discover
    from mitmtw._hooks.wanted import check_assignments, parse_wanted

    wanted = [parse_wanted(text) for text in texts]
    installed = discover()
    for one in wanted:
        check_assignments(one, options)
        try:
            if not one.is_optional:
                installed.find(one.name)
        except AddonError as error:
            raise OptionsError(str(error)) from None
    return wanted


def configured_addons(confdir: str | None = None) -> "list[Wanted]":
    """
    The installed addons that C{config.toml} switches on.

    @param confdir: the configuration directory; None means the default one.
    @raise OptionsError: the file is wrong.
    """
    from mitmtw._hooks.wanted import parse_wanted

    options = core_options()
    path = os.path.join(str(_confdir(options, Arguments(confdir=confdir), {})), CONFIG_FILE)
    return [parse_wanted(text) for text in _texts(path, _read_config(path), "addons")]


def assignments(options: Options, texts: Sequence[str]) -> dict[str, list[str | None]]:
    """
    Sort C{name=value} strings by option; aliases count for their option, a bare C{name} has the value None.

    @raise OptionsError: a string without a name.
    """
    found: dict[str, list[str | None]] = {}
    for text in texts:
        name, equals, value = text.partition("=")
        name = name.strip()
        if not name:
            raise OptionsError(f"{text!r} does not assign to an option: write name=value")
        if name in options:
            name = options.find(name).name
        found.setdefault(name, []).append(value if equals else None)
    return found


def _mode_parser() -> Callable[[str], object]:
    # Only here, because the modes bring endpoints and layers along, which a refused option does not need.
    from mitmtw._modes.spec import parse_listen

    return parse_listen


def _confdir(options: Options, arguments: Arguments, assigned: Mapping[str, list[str | None]]) -> object:
    option = options.find("confdir")
    if arguments.confdir is not None:
        return option.parse(arguments.confdir)
    if "confdir" in assigned:
        return option.read(assigned["confdir"])
    return option.default


def _read_config(path: str) -> dict[str, object]:
    try:
        with open(path, "rb") as file:
            return tomllib.load(file)
    except FileNotFoundError:
        return {}
    except OSError as error:
        raise OptionsError(f"{path}: {error.strerror}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise OptionsError(f"{path}: not TOML: {' '.join(str(error).split())}") from None


def _texts(path: str, table: Mapping[str, object], key: str) -> list[str]:
    value = table.get(key, [])
    if isinstance(value, str):
        return [value]
    if not isinstance(value, list) or not all(isinstance(one, str) for one in value):
        raise OptionsError(f"{path}: {key}: {value!r} is not a list of texts")
    return list(value)


def _take_config(options: Options, path: str, table: Mapping[str, object], may_be_declared: bool) -> None:
    changes: dict[str, object] = {}
    for name, value in table.items():
        if name in ("addons", "listen", "scripts"):
            continue
        if name == "confdir":
            raise OptionsError(f"{path}: confdir says where this file is, so it cannot stand in it")
        if name not in options and may_be_declared:
            options.defer(name, _constant(value), path)
        else:
            changes[name] = value
    try:
        options.apply(changes)
    except OptionsError as error:
        raise OptionsError(f"{path}: {error}") from None


def _take_assignments(options: Options, assigned: Mapping[str, list[str | None]], may_be_declared: bool) -> None:
    changes: dict[str, object] = {}
    for name, texts in assigned.items():
        if name == "confdir":
            continue
        if name not in options and may_be_declared:
            options.defer(name, _reading(texts))
        else:
            changes[name] = options.find(name).read(texts)
    options.apply(changes)


def _constant(value: object) -> Callable[[Option], object]:
    return lambda option: value


def _reading(texts: Sequence[str | None]) -> Callable[[Option], object]:
    return lambda option: option.read(texts)


def _readable(path: str) -> str:
    absolute = os.path.abspath(os.path.expanduser(path))
    try:
        with open(absolute, "rb") as file:
            file.read(1)
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else str(error)
        raise OptionsError(f"script {path!r}: {reason}") from None
    return absolute
