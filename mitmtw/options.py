"""
The registry of options: typed values with a name, a default, help, a unit and an owner.

The core and the addons add their options to one L{Options}. Values are plain instance attributes, because some are read
for every exchange. They change by L{Options.apply} alone, which takes all changes or none; addons get the read-only
L{OptionsView}. The core's own options stand in L{mitmtw.core_options}, the types in L{mitmtw.option_types}.
"""

import difflib
import keyword
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NoReturn

from typing_extensions import override

from mitmtw.errors import OptionsError
from mitmtw.option_types import (
    BOOL,
    CHOICE,
    INT,
    PATH,
    SECONDS,
    SEQUENCE,
    SIZE,
    STR,
    OptionType,
    TypeSpec,
    type_from,
)
from mitmtw.option_view import OptionsView

__all__ = [
    "BOOL",
    "CHOICE",
    "INT",
    "PATH",
    "SECONDS",
    "SEQUENCE",
    "SIZE",
    "STR",
    "Option",
    "OptionRow",
    "OptionType",
    "Options",
    "OptionsView",
]

# Characters of a refused value that an error message shows; enough to recognise it.
_SHOWN_CHARACTERS = 80


@dataclass(frozen=True, slots=True, eq=True)
class Option:
    """
    The declaration of one option.

    @ivar name: a Python identifier in snake_case.
    @ivar type: what values it takes: an L{OptionType}, a kind's name, or a Python type.
    @ivar default: its value until somebody sets it.
    @ivar help: one sentence for users.
    @ivar unit: of the number, such as C{seconds}; empty when there is none.
    @ivar choices: the only values allowed, if there are any.
    @ivar owner: who declared it: C{core}, or an addon's name.
    @ivar aliases: other names that mean the same.
    @ivar minimum: the least number allowed; seconds and sizes are never negative anyway.
    """

    name: str
    type: TypeSpec
    default: object
    help: str
    unit: str = ""
    choices: Sequence[str] | None = None
    owner: str = "core"
    aliases: Sequence[str] = ()
    minimum: int | None = None

    def __post_init__(self) -> None:
        """Bring the fields to one form; refuse a declaration that can never work, with L{OptionsError}."""
        for name in (self.name, *self.aliases):
            is_ours = hasattr(Options, name) or name in Options.__annotations__
            if not name.isidentifier() or keyword.iskeyword(name) or name.startswith("_") or is_ours:
                raise OptionsError(f"{name!r} of {self.owner} cannot be the name of an option")
        try:
            kind = type_from(self.type)
        except ValueError as error:
            raise OptionsError(f"{self.name}: {self.type!r} is not {error}") from None
        object.__setattr__(self, "type", kind)
        object.__setattr__(self, "aliases", tuple(self.aliases))
        object.__setattr__(self, "choices", None if self.choices is None else tuple(self.choices))
        if kind.kind == "choice" and not self.choices:
            raise OptionsError(f"{self.name}: a choice needs its choices")
        self.check(self.default)

    @property
    def option_type(self) -> OptionType:
        """The type as an L{OptionType}, in whatever form it was declared."""
        return type_from(self.type)

    def parse(self, text: str) -> object:
        """
        Turn text into a value.

        @raise OptionsError: one line that names the option and what it accepts.
        """
        try:
            return self._chosen(self.option_type.parse(text))
        except ValueError as error:
            raise self._refusal(text, error) from None

    def check(self, value: object) -> object:
        """
        Give the value in the form in which it is stored.

        @raise OptionsError: one line that names the option and what it accepts.
        """
        try:
            return self._chosen(self.option_type.check(value))
        except ValueError as error:
            raise self._refusal(value, error) from None

    def read(self, texts: Sequence[str | None]) -> object:
        """
        Turn the texts of all its assignments on a command line into a value: a sequence takes all, others the last.

        @param texts: one or more; None is an assignment without a value, which makes a C{bool} true.
        @raise OptionsError: as L{parse}.
        """
        if None in texts and self.option_type.kind != "bool":
            raise OptionsError(f"{self.name}: needs a value ({self.name}=…)")
        if self.option_type.kind == "sequence":
            return self.check([text for text in texts if text])
        last = texts[-1]
        return True if last is None else self.parse(last)

    def _chosen(self, value: object) -> object:
        if self.choices is not None and value is not None:
            for one in value if isinstance(value, list) else (value,):
                if one not in self.choices:
                    raise ValueError("one of " + ", ".join(self.choices))
        if self.minimum is not None and isinstance(value, int | float) and value < self.minimum:
            raise ValueError(f"{self.minimum} or more")
        return value

    def _refusal(self, value: object, wanted: ValueError) -> OptionsError:
        shown = repr(value)
        if len(shown) > _SHOWN_CHARACTERS:
            shown = shown[:_SHOWN_CHARACTERS] + "…"
        return OptionsError(f"{self.name}: {shown} is not {wanted}")


@dataclass(frozen=True, slots=True)
class OptionRow:
    """One option as text, for lists and manuals; the fields are those of L{Option}."""

    name: str
    type: str
    default: str
    unit: str
    choices: tuple[str, ...]
    aliases: tuple[str, ...]
    owner: str
    help: str


class Options:
    """
    All options and their values: C{options.hook_timeout} is a plain attribute.

    @ivar changed: callables that get the set of names after values changed; append to it. They must not raise.
    @ivar view: the live read-only view for addons.
    """

    changed: list[Callable[[frozenset[str]], None]]
    view: OptionsView
    _declared: dict[str, Option]
    _aliases: dict[str, str]
    _deferred: dict[str, tuple[Callable[[Option], object], str]]

    def __init__(self, declarations: Iterable[Option] = ()) -> None:
        # Not by assignment: that is refused, so that nobody changes a value past apply().
        self.__dict__.update(_declared={}, _aliases={}, _deferred={}, changed=[], view=OptionsView(self))
        for option in declarations:
            self.add(option)

    # -- declarations

    def add(self, option: Option) -> None:
        """
        Register an option and give it its value: the default, or the one that L{defer} kept for it.

        The same declaration once more changes nothing, so that an addon can be removed and added again.

        @raise OptionsError: another option has that name (the message names both owners), or the kept value is wrong.
        """
        if self._declared.get(option.name) == option:
            return
        names = (option.name, *option.aliases)
        for name in names:
            there = self._declared.get(self._aliases.get(name, name))
            if there is not None:
                raise OptionsError(f"option {name!r} of {option.owner} exists already: it belongs to {there.owner}")
        value = option.check(option.default)
        for name in names:
            if name in self._deferred:
                read, origin = self._deferred.pop(name)
                value = _read_at(origin, read, option)
        self._declared[option.name] = option
        self._aliases.update((alias, option.name) for alias in option.aliases)
        self.__dict__[option.name] = value

    def replace(self, option: Option) -> Option | None:
        """
        Register an option whose declaration may have changed since its owner declared it last. Its value stays, if it
        is one for the new declaration too, and if it is not merely the old default.

        @return: the declaration that it had until now; None when it is new, or the same.
        @raise OptionsError: another owner has an option of that name.
        """
        old = self._declared.get(option.name)
        if old is None or old == option or old.owner != option.owner:
            self.add(option)
            return None
        value = self.__dict__[option.name]
        self.remove(old)
        self.add(option)
        if value != old.check(old.default):
            try:
                self.__dict__[option.name] = option.check(value)
            except OptionsError:
                pass  # the default takes its place
        return old

    def remove(self, option: Option) -> None:
        """Forget an option."""
        del self._declared[option.name], self.__dict__[option.name]
        for alias in option.aliases:
            del self._aliases[alias]

    def names(self) -> list[str]:
        """Give the names of all options, sorted, without aliases."""
        return sorted(self._declared)

    def find(self, name: str) -> Option:
        """
        Give the declaration behind a name or an alias.

        @raise OptionsError: there is none; the message proposes the nearest name.
        """
        option = self._declared.get(self._aliases.get(name, name))
        if option is None:
            raise OptionsError(self._unknown(name))
        return option

    def default(self, name: str) -> Any:
        """Give the default of an option in the form of its values."""
        option = self.find(name)
        return option.check(option.default)

    def describe(self) -> list[OptionRow]:
        """Give all options as text: the core's first, then by owner and name."""
        options = sorted(
            self._declared.values(), key=lambda option: (option.owner != "core", option.owner, option.name)
        )
        return [_row(option) for option in options]

    # -- values

    def parse(self, name: str, text: str) -> Any:
        """
        Turn text into a value for that option, without setting it.

        @raise OptionsError: there is no such option, or the text is no value for it.
        """
        return self.find(name).parse(text)

    def check(self, changes: Mapping[str, object]) -> dict[str, object]:
        """
        Give the changes by their true names and with their values as they would be stored; set nothing.

        @raise OptionsError: an unknown option, a wrong value, or two names of one option.
        """
        checked: dict[str, object] = {}
        for name, value in changes.items():
            option = self.find(name)
            if option.name in checked:
                raise OptionsError(f"{option.name} is given twice, once as {name}")
            checked[option.name] = option.check(value)
        return checked

    def apply(self, changes: Mapping[str, object]) -> dict[str, Any]:
        """
        Set values: all of them, or none when one is refused. Observers in L{changed} hear of it once.

        @return: the old values of those options whose value is another now; C{apply(old)} undoes the change.
        @raise OptionsError: an unknown option, a wrong value, or two names of one option.
        """
        checked = self.check(changes)
        values = self.__dict__
        old = {name: values[name] for name, value in checked.items() if values[name] != value}
        for name in old:
            values[name] = checked[name]
        if old:
            names = frozenset(old)
            for observer in tuple(self.changed):
                observer(names)
        return old

    # -- values for options that addons declare later

    def defer(self, name: str, read: Callable[[Option], object], origin: str = "") -> None:
        """
        Keep a value for an option that a script may declare when it is loaded.

        @param read: gives the value for the declaration; it may raise L{OptionsError}.
        @param origin: the file that the value comes from, for messages; empty for the command line.
        """
        self._deferred[name] = (read, origin)

    def forget(self, names: Iterable[str]) -> None:
        """Do not keep values any more that L{defer} kept."""
        for name in names:
            self._deferred.pop(name, None)

    def require_known(self) -> None:
        """
        Refuse what L{defer} kept and nobody declared; to be called when all addons are loaded.

        @raise OptionsError: there is such a name.
        """
        for name, (_, origin) in self._deferred.items():
            raise OptionsError(_placed(origin, self._unknown(name)))

    def _unknown(self, name: str) -> str:
        near = difflib.get_close_matches(name, [*self._declared, *self._aliases], 1)
        proposal = f" (did you mean {near[0]!r}?)" if near else ""
        return f"unknown option {name!r}{proposal}"

    # -- attributes

    def __getattr__(self, name: str) -> Any:
        """Give the value behind an alias; everything that exists under its own name never comes here."""
        if name in self._aliases:
            return self.__dict__[self._aliases[name]]
        raise AttributeError(self._unknown(name))

    @override
    def __setattr__(self, name: str, value: object) -> NoReturn:
        raise AttributeError(f"{name}: options change by apply()")

    @override
    def __delattr__(self, name: str) -> NoReturn:
        raise AttributeError(f"{name}: options change by apply()")

    def __contains__(self, name: object) -> bool:
        return name in self._declared or name in self._aliases


def _read_at(origin: str, read: Callable[[Option], object], option: Option) -> object:
    try:
        return option.check(read(option))
    except OptionsError as error:
        raise OptionsError(_placed(origin, str(error))) from None


def _placed(origin: str, message: str) -> str:
    return f"{origin}: {message}" if origin else message


def _row(option: Option) -> OptionRow:
    kind = option.option_type
    return OptionRow(
        name=option.name,
        type=kind.label,
        default=kind.show(option.default),
        unit=option.unit,
        choices=tuple(option.choices or ()),
        aliases=tuple(option.aliases),
        owner=option.owner,
        help=option.help,
    )
