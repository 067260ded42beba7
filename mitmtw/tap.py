"""
The proxy as a service of C{twistd mitmtw} and C{twist mitmtw}, and the command line that C{mitmtw run} shares with it.

Mistakes on the command line are one line on standard error and exit status 2. They never reach C{twistd}, which would
print its whole help before the message.
"""

import sys
from collections.abc import Callable, Sequence
from typing import Any, NoReturn, cast

from twisted.application.service import IService
from twisted.internet.error import CannotListenError
from twisted.internet.interfaces import IReactorCore
from twisted.logger import Logger
from twisted.python import usage
from twisted.python.failure import Failure
from typing_extensions import override

from mitmtw import __version__
from mitmtw.errors import MitmtwError, OptionsError
from mitmtw.settings import Arguments, Settings, read_settings
from mitmtw.terminal import SHOWN, escaped, say

__all__ = ["Options", "log_failed_start", "makeService", "service_on"]

_log = Logger()

# What a user can do something about: these need no traceback.
_FORESEEN = (MitmtwError, CannotListenError, OSError)


class Options(usage.Options):
    """
    The command line of the service.

    @ivar settings: what was understood; there after C{parseOptions}.
    @ivar parse_listener: what refuses a wrong C{--listen}; None means that of the proxy's modes.
    """

    longdesc = (
        "An intercepting proxy. MODE is regular when it is left out; ENDPOINT is a Twisted endpoint string, a port, or "
        "host:port. `mitmtw options` lists the options; they can stand in config.toml in the configuration directory."
    )
    settings: Settings
    parse_listener: Callable[[str], object] | None = None

    def __init__(self) -> None:
        self._arguments = Arguments()
        super().__init__()

    def opt_listen(self, text: str) -> None:
        """Listen there, [MODE@]ENDPOINT; can be repeated. [default: tcp:8080:interface=127.0.0.1]"""
        self._arguments.listeners.append(text)

    def opt_script(self, path: str) -> None:
        """Load the addons of this Python file; can be repeated."""
        self._arguments.scripts.append(path)

    opt_s = opt_script

    def opt_addon(self, text: str) -> None:
        """Switch on an installed addon, NAME[:OPTION=VALUE...]; NAME? starts without it if need be; can be repeated."""
        self._arguments.addons.append(text)

    def opt_set(self, text: str) -> None:
        """Set an option, NAME=VALUE; can be repeated. NAME alone sets a true-or-false option."""
        self._arguments.assignments.append(text)

    def opt_confdir(self, path: str) -> None:
        """The directory of config.toml and of the certificate authority. [default: ~/.mitmtw]"""
        self._arguments.confdir = path

    @override
    def opt_version(self) -> NoReturn:
        """Print the version and exit."""
        sys.stdout.write(f"mitmtw {__version__.public()}\n")
        raise SystemExit(0)

    @override
    def parseOptions(self, options: Sequence[str] | None = None) -> None:
        """Read the command line; a mistake in it ends the program with status 2."""
        try:
            super().parseOptions(options)
        except usage.UsageError as error:
            self._refuse(str(error))

    @override
    def postOptions(self) -> None:
        try:
            self.settings = read_settings(self._arguments, self.parse_listener)
        except OptionsError as error:
            self._refuse(str(error))

    def _refuse(self, message: str) -> NoReturn:
        say(sys.stderr, message)
        raise SystemExit(2)


def reason_of(failure: Failure) -> str:
    """Say in one line why the proxy could not start; an error nobody foresaw is named by its type."""
    error = failure.value
    if isinstance(error, _FORESEEN):
        return str(error)
    return f"{type(error).__name__}: {error}"


def log_failed_start(failure: Failure, is_shown: bool = False) -> str:
    """
    Log, as critical, that the proxy could not start, with a traceback where the error is not a foreseen one.

    @param is_shown: the caller writes the reason to the terminal, so the log there leaves a foreseen one out.
    @return: the reason in one line.
    """
    reason = reason_of(failure)
    if failure.check(*_FORESEEN):
        fields: dict[str, Any] = {SHOWN: is_shown}
        _log.critical("cannot start: {reason}", reason=escaped(reason), **fields)
    else:
        _log.failure("cannot start: {reason}", failure, reason=escaped(reason))
    return reason


def makeService(options: Options) -> IService:
    """Make the service for C{twistd}; when the proxy cannot start, C{twistd} is stopped and the log says why."""
    from twisted.internet import reactor  # noqa: TID251 - twistd has installed one, and passes none

    return service_on(cast(IReactorCore, reactor), options.settings)


def service_on(reactor: IReactorCore, settings: Settings) -> IService:
    """Make the service on that reactor, which is stopped when the proxy cannot start."""
    from mitmtw.daemon import ProxyService

    service: Any = ProxyService(
        reactor,
        settings.options,
        listeners=settings.listeners,
        scripts=settings.scripts,
        addons=settings.addons,
    )

    def stop(failure: Failure) -> None:
        log_failed_start(failure)
        # The service is started before the reactor runs, when it cannot be stopped yet.
        reactor.callWhenRunning(reactor.stop)

    service.failed.addErrback(stop)
    return cast(IService, service)
