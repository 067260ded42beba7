"""
Where in the source a handler is, for those who have to find out what it waits for.
"""

import inspect
from collections.abc import Callable
from functools import partial
from inspect import CO_ITERABLE_COROUTINE
from types import CoroutineType, FrameType, GeneratorType
from typing import Any

__all__ = ["Place", "place_of_await", "place_of_frame", "place_of_handler"]

#: File and line.
Place = tuple[str, int]


def place_of_frame(frame: FrameType | None) -> Place | None:
    """The line that a frame is at; None without a frame."""
    return None if frame is None else (frame.f_code.co_filename, frame.f_lineno)


def place_of_await(coroutine: object) -> Place | None:
    """
    The await where a suspended coroutine stands: that of the innermost coroutine that it awaits.

    @return: None when the coroutine is over, or is of a kind that does not tell.
    """
    found: Place | None = None
    awaited: Any = coroutine
    while True:
        if isinstance(awaited, CoroutineType):
            frame, inner = awaited.cr_frame, awaited.cr_await
        elif isinstance(awaited, GeneratorType) and awaited.gi_code.co_flags & CO_ITERABLE_COROUTINE:
            frame, inner = awaited.gi_frame, awaited.gi_yieldfrom
        else:  # a Deferred, a future: what it is in itself does not tell anything
            return found
        found = place_of_frame(frame) or found
        awaited = inner


def place_of_handler(handler: Callable[..., object]) -> Place | None:
    """Where a handler is defined; None for one that was not written in Python."""
    function: Any = handler
    while isinstance(function, partial):
        function = function.func
    function = inspect.unwrap(function)
    function = getattr(function, "__func__", function)
    code = getattr(function, "__code__", None)
    if code is None:  # an object with a method __call__
        code = getattr(vars(type(function)).get("__call__"), "__code__", None)
    return None if code is None else (code.co_filename, code.co_firstlineno)
