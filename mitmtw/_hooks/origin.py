"""
Whose handler of C{log} is running: what an addon logs while it handles an entry must not come back to it.
"""

from collections.abc import Callable
from contextvars import ContextVar
from typing import Any

from mitmtw._hooks.answers import settle

__all__ = ["HANDLING", "marked"]

#: The link whose handler of C{log} runs now, if one does. A coroutine keeps it over its awaits; a callback of a
#: Deferred does not, as it runs in the context of whoever fires it.
HANDLING: ContextVar[frozenset[object]] = ContextVar("HANDLING", default=frozenset())


def marked(link: object, handler: Callable[..., Any]) -> Callable[[object], object]:
    """Give a handler of C{log} that runs this one, its first leg included, with the link in L{HANDLING}."""

    def handle(entry: object) -> object:
        token = HANDLING.set(frozenset({link}))
        try:
            outcome = handler(entry)
            return outcome if outcome is None else settle(outcome)
        finally:
            HANDLING.reset(token)

    return handle
