"""
C{mitmtw run}: the proxy in the foreground, with its log on standard error, until it is told to stop.
"""

import sys
from collections.abc import Callable, Sequence
from typing import Any, TextIO, cast

from twisted.internet.defer import maybeDeferred
from twisted.internet.interfaces import IReactorCore
from twisted.logger import globalLogBeginner
from twisted.python.failure import Failure

from mitmtw import tap
from mitmtw._net.reactor import install
from mitmtw.settings import Settings
from mitmtw.terminal import TerminalLog, say

__all__ = ["RunOptions", "main", "run_on"]


class RunOptions(tap.Options):
    """The command line of C{mitmtw run}."""

    synopsis = "Usage: mitmtw run [options]"


def main(argv: Sequence[str], stdout: TextIO, stderr: TextIO) -> int:
    """Read the command line, run the proxy on the quickest reactor of this system, and give the exit status."""
    arguments = RunOptions()
    arguments.parseOptions(argv)
    if "twisted.internet.reactor" not in sys.modules:  # one that was installed before stays
        install()
    from twisted.internet import reactor  # noqa: TID251 - the program begins here

    log = TerminalLog(arguments.settings.options.termlog_verbosity, stderr)
    globalLogBeginner.beginLoggingTo([log.observer], redirectStandardIO=False)
    return run_on(cast(IReactorCore, reactor), arguments.settings, log, stderr)


def run_on(
    reactor: IReactorCore,
    settings: Settings,
    log: TerminalLog,
    stderr: TextIO,
    make_service: Callable[..., Any] | None = None,
) -> int:
    """
    Run the proxy until the reactor stops, which SIGINT and SIGTERM make it do; flows in progress are drained.

    @param make_service: called as L{mitmtw.daemon.ProxyService}, which is what None means.
    @return: 0, or 2 when the proxy could not start; then standard error has one line that says why.
    """
    if make_service is None:
        from mitmtw.daemon import ProxyService

        make_service = ProxyService
    options = settings.options
    status = 0

    def follow_level(names: frozenset[str]) -> None:
        if "termlog_verbosity" in names:
            log.set_level(options.termlog_verbosity)

    def failed(failure: Failure) -> None:
        nonlocal status
        status = 2
        say(stderr, tap.log_failed_start(failure, is_shown=True))
        reactor.stop()

    service = make_service(
        reactor, options, listeners=settings.listeners, scripts=settings.scripts, addons=settings.addons
    )
    service.failed.addErrback(failed)
    options.changed.append(follow_level)
    reactor.addSystemEventTrigger("before", "shutdown", service.stopService)
    reactor.callWhenRunning(lambda: maybeDeferred(service.startService).addErrback(failed))
    reactor.run()
    return status
