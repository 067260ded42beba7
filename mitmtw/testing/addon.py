"""
An addon that records what it hears, and does what a test wants at each hook.
"""

from collections.abc import Callable
from typing import Any

from mitmtw._hooks.table import TABLE

__all__ = ["Recorder"]

_QUIET = frozenset({"start", "configure", "log", "tick", "done", "load", "running", "update"})


class Recorder:
    """
    Listens to hooks and remembers them in order.

        recorder = Recorder(request=lambda flow: flow.kill())

    @ivar events: pairs of the hook's name and its argument, in order.
    @ivar wants_body: as on any addon; False leaves bodies to the others.
    """

    def __init__(
        self, name: str = "recorder", only: tuple[str, ...] | None = None, **handlers: Callable[..., Any]
    ) -> None:
        """
        @param only: the hooks to listen to, besides those in C{handlers}; by default all but the lifecycle's.
        @param handlers: what to do at a hook; what it returns is returned to the proxy.
        """
        self.name = name
        self.wants_body: bool | None = None
        self.events: list[tuple[str, Any]] = []
        wanted = set(only) if only is not None else {hook for hook in TABLE if hook not in _QUIET}
        for hook in wanted | set(handlers):
            setattr(self, hook, self._listener(hook, handlers.get(hook)))

    def _listener(self, hook: str, handler: Callable[..., Any] | None) -> Callable[..., Any]:
        """A handler that records."""
        count = len(TABLE[hook].arguments)

        def none() -> Any:
            self.events.append((hook, None))
            return handler() if handler is not None else None

        def one(subject: Any) -> Any:
            self.events.append((hook, subject))
            return handler(subject) if handler is not None else None

        def two(first: Any, second: Any) -> Any:
            self.events.append((hook, (first, second)))
            return handler(first, second) if handler is not None else None

        return (none, one, two)[count]

    @property
    def trace(self) -> list[str]:
        """The names of the hooks, in order."""
        return [name for name, _ in self.events]

    def count(self, hook: str) -> int:
        """How often a hook fired."""
        return self.trace.count(hook)

    def last(self, hook: str) -> Any:
        """The argument of the latest event of a hook."""
        return [subject for name, subject in self.events if name == hook][-1]

    @property
    def flow(self) -> Any:
        """The latest flow that any hook got, None without one."""
        return next((subject for _, subject in reversed(self.events) if hasattr(subject, "request")), None)
