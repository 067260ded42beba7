"""The hooks of an addon's own life: start, configuration, the log, the clock and the end."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from zope.interface import Interface

from mitmtw.interfaces.gates import LIFECYCLE, TELL, tag
from mitmtw.interfaces.hooks import HookResult

if TYPE_CHECKING:
    from collections.abc import Set as AbstractSet

__all__ = ["ILifecycleAddon", "LogEntry"]


@dataclass(frozen=True, slots=True)
class LogEntry:
    """
    One entry of the log, as the hook C{log} gets it.

    @ivar msg: the text.
    @ivar level: how urgent it is.
    """

    msg: str
    level: Literal["debug", "info", "warn", "error"]


class ILifecycleAddon(Interface):
    """
    What every addon may take part in.

    Startup is: C{load} and C{start} of each addon, then C{configure} with all options, then the ports open, then
    C{running}. Shutdown is: ports close, ticks stop, flows are drained, then C{done} in reverse order.
    """

    def start() -> Any:
        """
        Called once for each addon, before any other event but C{load}.

        A result, or the result of a Deferred or coroutine, that is an addon or a list of addons takes this addon's
        place in the chain, and is started in turn (at most 8 times over). An addon that was replaced gets no further
        event, not even C{done}; a list may hold the addon itself, which then stays and is not started again.
        """

    def configure(options: Any, updated: "AbstractSet[str]") -> HookResult:
        """
        Called once on startup with the names of all options, and later with those that changed.

        Raise C{mitmtw.errors.OptionsError} to refuse: the whole change is taken back and C{configure} is called again
        with the old values; on startup the program ends with that message. Changes never overlap: one is finished,
        with all handlers, before the next begins; so do not wait in a handler for a change that the handler itself
        asks for. A handler with one parameter is given C{updated} alone.

        @param options: a live, read-only view of all options.
        @param updated: names of the options that changed.
        """

    def log(entry: LogEntry) -> HookResult:
        """
        Called for each log entry, soon after it was made, in order.

        Entries wait in a bounded queue; when it is full, those of level debug and info are dropped and counted. What an
        addon logs while it handles an entry is not delivered to that addon.

        @param entry: C{entry.msg} is the text, C{entry.level} one of C{debug}, C{info}, C{warn}, C{error}.
        """

    def tick() -> HookResult:
        """
        Called every C{tick_interval} seconds (0.1 unless set) from the end of startup to the begin of shutdown.

        An addon whose last tick is still pending is left out until it is done.
        """

    def done() -> HookResult:
        """
        Called exactly once, as the last event of the addon: it was removed, or the proxy shuts down.

        Children get theirs before their parent. It may return a Deferred, which is given C{done_timeout} seconds.
        """


tag(ILifecycleAddon, LIFECYCLE, "start", "configure", "tick", "done")
tag(ILifecycleAddon, TELL, "log")
