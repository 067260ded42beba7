"""
The ordered addons: a tree, because an addon may bring others, read depth first.

While a script is being replaced by its new version, both are in the chain, the old one first; L{Link.since} and
L{Link.until} say which flows are whose (L{mitmtw._hooks.pins}).
"""

import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from types import ModuleType
from typing import TYPE_CHECKING, Any

from twisted.logger import Logger

from mitmtw._hooks.discover import Offer
from mitmtw._hooks.line import Line
from mitmtw._hooks.order import sort, wishes_of
from mitmtw._hooks.origin import marked
from mitmtw._hooks.script import ScriptAddon
from mitmtw._hooks.table import HookSpec
from mitmtw._hooks.threads import RunsThreads, threaded, threads_of
from mitmtw._hooks.verify import (
    handlers_of,
    limit_of,
    name_of,
    policy_of,
    verify_interfaces,
    warn_of_near_misses,
    wish_of,
)
from mitmtw.errors import AddonError

if TYPE_CHECKING:
    from mitmtw._hooks.waiting import Waiting

__all__ = ["Chain", "Link", "Listener"]


class Listener:
    """
    One addon's handler for one hook.

    @ivar handler: what the addon wrote.
    @ivar function: what an event calls: the handler, behind its addon's line if it has one.
    @ivar wish: how much bodies are wanted: 0, 1 or 2.
    @ivar is_reported: its useless result was reported already.
    """

    __slots__ = ("function", "handler", "is_reported", "link", "spec", "wish")

    def __init__(self, link: "Link", spec: HookSpec, handler: Callable[..., Any], threads: RunsThreads) -> None:
        """@raise AddonError: it is marked to run in a thread, and cannot."""
        self.link = link
        self.spec = spec
        if getattr(handler, "in_thread", False) is True:
            handler = threaded(handler, link.name, spec, threads)
        self.handler = handler
        function: Callable[..., object] = marked(link, handler) if spec.name == "log" else handler
        self.function = function if link.line is None else link.line.limit(function)
        self.wish = wish_of(link.addon, link.name, handler)
        self.is_reported = False


class Link:
    """
    One addon in the chain.

    @ivar source: what was added: the addon itself, a class of which it is an instance, a module, or the offer of a
        package.
    @ivar wishes: where in the chain it wants to be.
    @ivar script: the file that it comes from, if it can be loaded anew.
    @ivar is_optional: whether the proxy starts without it when it cannot be started.
    @ivar since: the era of flows from which on it takes part.
    @ivar until: the era of flows from which on it does not any more, because a new version does; None while there is
        no end.
    @ivar policy: what its failure means: False to go on, True to kill, or the status to respond with.
    @ivar pending: its calls that did not answer yet.
    @ivar is_started: C{start} was called, so C{done} will be.
    @ivar is_active: it takes part in events.
    @ivar is_retired: it gets no further event, also none that began before.
    @ivar idle: called once, when no call is pending any more.
    """

    __slots__ = (
        "addon",
        "children",
        "idle",
        "is_active",
        "is_optional",
        "is_retired",
        "is_started",
        "line",
        "listeners",
        "name",
        "parent",
        "pending",
        "policy",
        "script",
        "since",
        "source",
        "until",
        "wishes",
    )

    def __init__(self, source: object, table: Mapping[str, HookSpec], log: Logger, threads: RunsThreads) -> None:
        self.source = source
        self.addon = _instance_of(source, log)
        self.name = source.name if isinstance(source, Offer) else name_of(self.addon)
        self.wishes = wishes_of(self.addon, self.name)
        self.script = self.addon if isinstance(self.addon, ScriptAddon) and self.addon.files else None
        self.since = 0
        self.until: int | None = None
        self.policy = policy_of(self.addon, self.name)
        limit = limit_of(self.addon, self.name)
        self.line = None if limit is None else Line(limit)
        self.pending: set[Waiting] = set()
        self.parent: Link | None = None
        self.children: list[Link] = []
        self.idle: Callable[[], None] | None = None
        self.is_started = self.is_active = self.is_retired = self.is_optional = False
        self.listeners = {
            hook: Listener(self, table[hook], handler, threads)
            for hook, handler in handlers_of(self.addon, self.name, table).items()
        }
        verify_interfaces(self.addon.module if isinstance(self.addon, ScriptAddon) else self.addon, self.name, table)
        warn_of_near_misses(self.addon, self.name, table, log)

    def call_ended(self) -> None:
        """A call is not pending any more, and what follows from it was done."""
        if self.idle is not None and not self.pending:
            idle, self.idle = self.idle, None
            idle()

    def subtree(self) -> Iterator["Link"]:
        """This link and all below it, in the order of the chain."""
        yield self
        for child in self.children:
            yield from child.subtree()


def _instance_of(source: object, log: Logger) -> object:
    """What a source stands for: a module is adapted, an offer loaded, a class called without arguments."""
    if isinstance(source, Offer):
        source = source.make()
    if isinstance(source, ModuleType):
        return ScriptAddon(source)
    if not isinstance(source, type):
        return source
    log.info("addon {addon}: a class was given, an instance of it is used", addon=source.__name__)
    try:
        return source()
    except Exception as error:
        raise AddonError(
            f"addon {source.__name__}: {source.__name__}() failed: {type(error).__name__}: {error}"
        ) from error


def addons_of(addon: object, name: str) -> list[object]:
    """
    The addons that another one brings: its C{addons}.

    @raise AddonError: it is not a list or tuple.
    """
    addons = getattr(addon, "addons", ())
    if not isinstance(addons, list | tuple):
        raise AddonError(f"addon {name}: addons must be a list, not a {type(addons).__name__}")
    return list(addons)


class Chain:
    """
    The addons, in the order in which they get events.

    @ivar roots: those that no other addon brought.
    """

    def __init__(self, table: Mapping[str, HookSpec], log: Logger, threads: RunsThreads | None = None) -> None:
        """@param threads: where handlers run that are marked by L{mitmtw.addon.in_thread}; without, where they are."""
        self.table = table
        self._log = log
        self._threads = threads or threads_of(None)
        self.roots: list[Link] = []
        self._names: dict[str, Link] = {}

    def __iter__(self) -> Iterator[Link]:
        """All links, depth first."""
        for root in self.roots:
            yield from root.subtree()

    def find(self, addon: object) -> Link:
        """
        The link of an addon, given as itself, as what was added, or by its name.

        @raise AddonError: it is not in the chain.
        """
        for link in self:
            if link.addon is addon or link.source is addon:
                return link
        if isinstance(addon, str) and addon in self._names:
            return self._names[addon]
        raise AddonError(f"the addon {addon if isinstance(addon, str) else name_of(addon)} is not in the chain")

    def add(self, source: object, parent: Link | None = None) -> Link:
        """
        Put an addon, without those that it brings, at the end of the chain, or of its parent's children.

        @raise AddonError: something is wrong with it, or its name is taken.
        """
        link = self._made(source)
        link.parent = parent
        self._siblings(link).append(link)
        return link

    def add_children(self, parent: Link) -> list[Link]:
        """
        Put the addons that another one brings right after it.

        @raise AddonError: something is wrong with one of them, or a name is taken.
        """
        return [self.add(source, parent) for source in addons_of(parent.addon, parent.name)]

    def replace(self, old: Link, sources: Iterable[object]) -> list[Link]:
        """
        Put other addons in an addon's place. If it is itself among them, it keeps its link.

        @raise AddonError: something is wrong with one of them, or a name is taken; then the old one is still there.
        """
        siblings = self._siblings(old)
        del self._names[old.name]
        new: list[Link] = []
        try:
            for source in sources:
                if source is old.addon and old not in new:
                    self._names[old.name] = old
                    new.append(old)
                else:
                    new.append(self._made(source))
        except AddonError:
            for link in new:
                del self._names[link.name]
            self._names[old.name] = old
            raise
        for link in new:
            link.parent, link.script, link.is_optional = old.parent, old.script, old.is_optional
        place = siblings.index(old)
        siblings[place : place + 1] = new
        return new

    def remove(self, link: Link) -> list[Link]:
        """Take an addon out, with all below it; they are given in the order of the chain."""
        gone = list(link.subtree())
        self._siblings(link).remove(link)
        self.free_names(gone)
        return gone

    def add_after(self, last: Link, source: object) -> Link:
        """
        Put an addon, without those that it brings, right after a root.

        @raise AddonError: something is wrong with it, or its name is taken.
        """
        link = self._made(source)
        self.roots.insert(self.roots.index(last) + 1, link)
        return link

    def free_names(self, links: Iterable[Link]) -> None:
        """Let other addons have these ones' names."""
        for link in links:
            if self._names.get(link.name) is link:
                del self._names[link.name]

    def claim_names(self, links: Iterable[Link]) -> None:
        """Take back what L{free_names} gave away."""
        self._names.update((link.name, link) for link in links)

    def order(self) -> None:
        """
        Bring the addons into the order that they want; each takes those that it brought with it. An old version stays
        right before what came after it.

        @raise AddonError: they want to be before one another in a circle; then nothing has changed.
        """
        roots = _ordered([root for root in self.roots if root.until is None])
        children = {link: _ordered(link.children) for link in self}
        for place, root in enumerate(self.roots):
            if root.until is not None:
                follower = next((one for one in self.roots[place + 1 :] if one.until is None), None)
                roots.insert(len(roots) if follower is None else roots.index(follower), root)
        self.roots[:] = roots
        for link, ordered in children.items():
            link.children[:] = ordered

    def _siblings(self, link: Link) -> list[Link]:
        return self.roots if link.parent is None else link.parent.children

    def learn(self, new: Mapping[str, HookSpec]) -> None:
        """
        Hooks were declared: find the handlers for them that the addons have which are here already.

        @raise AddonError: one of these takes other arguments.
        """
        for link in self:
            for hook, handler in handlers_of(link.addon, link.name, new).items():
                link.listeners[hook] = Listener(link, new[hook], handler, self._threads)

    def _made(self, source: object) -> Link:
        link = Link(source, self.table, self._log, self._threads)
        other = self._names.setdefault(link.name, link)
        if other is not link:
            raise AddonError(
                f"two addons are called {link.name}: {_shown(other)} and {_shown(link)}; set 'name' on one"
            )
        return link


def _ordered(siblings: Sequence[Link]) -> list[Link]:
    """Links that stand beside one another in the order that they, and all below them, want."""
    if len(siblings) < 2:
        return list(siblings)
    groups = [{link.name: link.wishes for link in sibling.subtree()} for sibling in siblings]
    return [siblings[place] for place in sort(groups)]


def _shown(link: Link) -> str:
    """What an addon is and where it comes from."""
    if isinstance(link.addon, ScriptAddon):
        return str(link.addon.path)
    kind = type(link.addon)
    shown = f"{kind.__module__}.{kind.__qualname__}"
    place = link.source.file if isinstance(link.source, Offer) else None
    place = place or getattr(sys.modules.get(kind.__module__), "__file__", None)
    return f"{shown} ({place})" if place else shown
