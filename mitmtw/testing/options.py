"""
Options with values that a test gives.
"""

from collections.abc import Mapping
from functools import partial

from mitmtw.core_options import core_options
from mitmtw.options import Option, Options

__all__ = ["options_with"]


def options_with(values: Mapping[str, object]) -> Options:
    """
    The core's options with these values. A name that the core does not know is that of an option that an addon will
    declare; if none does, the proxy does not start.

    @raise OptionsError: a value is refused.
    """
    options = core_options()
    options.apply({name: value for name, value in values.items() if name in options})
    for name in values:
        if name not in options:
            options.defer(name, partial(Option.check, value=values[name]), "given by the test")
    return options
