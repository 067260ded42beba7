"""
Looking at an addon without running it: what it listens to, which options it declares, what is wrong with it.

It is done with the same code that loads addons, in a chain of its own; C{load} is the only hook that is called.
"""

from dataclasses import dataclass, field

from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.logger import ILogObserver, LogEvent, Logger, LogPublisher, formatEvent
from twisted.python.failure import Failure
from zope.interface import implementer

from mitmtw._hooks.chain import Link
from mitmtw._hooks.discover import Offer, one_line
from mitmtw._hooks.dispatch import Hooks
from mitmtw._hooks.lifecycle import Lifecycle
from mitmtw._hooks.loader import Loader, declare_options
from mitmtw._hooks.script import load_script
from mitmtw.core_options import core_options
from mitmtw.errors import MitmtwError
from mitmtw.options import OptionRow, Options

__all__ = ["Examined", "examine"]


@dataclass(slots=True)
class Examined:
    """
    What is known of an addon.

    @ivar name: what it is called.
    @ivar interfaces: those of whose hooks it, or one that it brings, listens to.
    @ivar options: those that they declare.
    @ivar findings: what is wrong, one line each.
    """

    name: str
    interfaces: list[str] = field(default_factory=list)
    options: list[OptionRow] = field(default_factory=list)
    findings: list[str] = field(default_factory=list)


@implementer(ILogObserver)
class _Notes:
    """Keeps what was worth a warning when an addon was loaded."""

    def __init__(self, findings: list[str]) -> None:
        self._findings = findings

    def __call__(self, event: LogEvent) -> None:
        """Take an event."""
        if event["log_level"].name in ("warn", "error", "critical"):
            failure = event.get("log_failure")
            reason = f": {one_line(failure.value)}" if isinstance(failure, Failure) and failure.value else ""
            self._findings.append(formatEvent(event).removesuffix("; flow None") + reason)


def examine(source: Offer | str, options: Options | None = None) -> Examined:
    """
    Look at an installed addon, or at a script.

    @param source: an offer, or a script's path.
    @param options: where its options are declared, too; a new registry of the core's unless given.
    """
    examined = Examined(source.name if isinstance(source, Offer) else source)
    registry = core_options() if options is None else options
    hooks = Hooks(Clock(), log=Logger(namespace="mitmtw", observer=LogPublisher(_Notes(examined.findings))))
    life = Lifecycle(hooks, registry, hooks.patience.clock)
    try:
        root = hooks.chain.add(source if isinstance(source, Offer) else load_script(source))
        _load(hooks, life, registry, root)
        hooks.chain.order()
    except MitmtwError as error:
        examined.findings.append(str(error))
    owners = set()
    for link in hooks.chain:
        owners.add(link.name)
        for listener in link.listeners.values():
            if listener.spec.interface.__name__ not in examined.interfaces:
                examined.interfaces.append(listener.spec.interface.__name__)
    examined.options = [row for row in registry.describe() if row.owner in owners]
    return examined


def _load(hooks: Hooks, life: Lifecycle, options: Options, link: Link) -> None:
    """
    Let an addon, and those that it brings, declare their options.

    @raise MitmtwError: something is wrong.
    """
    loader = Loader(options, link.name, hooks.patience.clock, hooks)
    declare_options(link.addon, loader)
    loaded: Deferred[object] = Deferred.fromCoroutine(life.call(link, "load", loader))
    failures: list[Failure] = []
    loaded.addErrback(failures.append)
    if not loaded.called:
        loaded.cancel()
        hooks.logger.warn("addon {addon}: load does not answer at once", addon=link.name)
    for failure in failures:
        if isinstance(failure.value, MitmtwError):
            raise failure.value
    for child in hooks.chain.add_children(link):
        _load(hooks, life, options, child)
