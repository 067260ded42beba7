"""
The console command C{mitmtw}: finds the subcommand and gives it the rest of the line.
"""

import os
import sys
from collections.abc import Callable, Sequence
from typing import TextIO

from mitmtw import __version__
from mitmtw.terminal import say

__all__ = ["main"]

_USAGE = """\
Usage: mitmtw COMMAND [ARGUMENTS]

Commands:
  run      start the proxy in the foreground (mitmtw run --help)
  ca       make, show and export the certificate authority (mitmtw ca --help)
  options  list all options (mitmtw options --help)
  hooks    list all hooks, and tell about one (mitmtw hooks --help)
  addons   list, verify and begin addons (mitmtw addons --help)

  --version, --help

Under twistd the proxy is `twistd mitmtw`, with the arguments of `mitmtw run`.
"""

_Command = Callable[[Sequence[str], TextIO, TextIO], int]


def main(argv: Sequence[str] | None = None, stdout: TextIO | None = None, stderr: TextIO | None = None) -> int:
    """
    Run the command line and give its exit status: 0, or 2 for a mistake in it and a proxy that cannot start.

    @param argv: the arguments without the program's name; None means those of the process.
    """
    arguments = list(sys.argv[1:] if argv is None else argv)
    out = sys.stdout if stdout is None else stdout
    err = sys.stderr if stderr is None else stderr
    try:
        status = _dispatch(arguments, out, err)
        out.flush()
    except BrokenPipeError:
        # Whoever read our output has seen enough (`mitmtw options | head`). Python would complain once more at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    return status


def _dispatch(arguments: list[str], out: TextIO, err: TextIO) -> int:
    name = arguments[0] if arguments else ""
    if name in ("--help", "-h", "help"):
        out.write(_USAGE)
        return 0
    if name == "--version":
        out.write(f"mitmtw {__version__.public()}\n")
        return 0
    command = _command(name)
    if command is None:
        say(err, f"unknown command {name!r}: see mitmtw --help" if name else "no command: see mitmtw --help")
        return 2
    return command(arguments[1:], out, err)


def _command(name: str) -> _Command | None:
    """Import the command's module, and no other: `mitmtw options` needs no TLS."""
    if name == "run":
        from mitmtw._cli import run

        return run.main
    if name == "ca":
        from mitmtw._cli import certs

        return certs.main
    if name == "hooks":
        from mitmtw._cli import hooks

        return hooks.main
    if name == "options":
        from mitmtw._cli import options

        return options.main
    if name == "addons":
        from mitmtw._cli import addons

        return addons.main
    return None
