"""
What the author of an addon needs to test it: one hook at a time, or whole exchanges through a real proxy, in memory and
without waiting.
"""

from collections.abc import Callable, Iterable
from typing import Any, NamedTuple, Self

from twisted.logger import ILogObserver, LogEvent, Logger, eventAsText, globalLogPublisher
from twisted.python.failure import Failure
from zope.interface import implementer

from mitmtw._hooks.table import TABLE
from mitmtw.addon import LogEntry
from mitmtw.model import Request, Response
from mitmtw.testing.addon import Recorder
from mitmtw.testing.canned import Answer, Answers, Canned
from mitmtw.testing.fetch import Fetch
from mitmtw.testing.flows import make_request
from mitmtw.testing.harness import Harness

__all__ = ["AddonTester", "Exchanged"]

# How far the clock is moved for one thing to be over: more than hook_timeout, after which the proxy gives a handler up.
_PATIENCE = 120.0  # seconds
_PORT = 8080
_FLOW_HOOKS = frozenset(name for name, spec in TABLE.items() if spec.arguments == ("flow",))
_LEVELS: Any = {"debug": "debug", "info": "info", "warn": "warn", "error": "error", "critical": "error"}


class Exchanged(NamedTuple):
    """
    What came of an exchange.

    @ivar request: as the server saw it; None when no server was asked.
    @ivar response: as the client saw it; None when its connection ended without.
    """

    request: Request | None
    response: Response | None


@implementer(ILogObserver)
class _Observer:
    """Gives the events of a log to a function."""

    def __init__(self, note: Callable[[LogEvent], None]) -> None:
        self._note = note

    def __call__(self, event: LogEvent) -> None:
        """Something was logged."""
        self._note(event)


class AddonTester:
    """
    Runs addons in a proxy on an in-memory network. Time passes only in its methods, and as much as is needed::

        tester = AddonTester(MyAddon(), greeting="hi")
        self.addCleanup(tester.stop)
        tester.fire("request", flow := http_flow())
        request, response = tester.exchange("http://example.com/a", make_response(200, b"hello"))
        tester.assert_trace(["requestheaders", "request", "responseheaders", "response"])

    A handler that raises makes L{fire} and L{exchange} raise the same error, unless they are told otherwise by
    C{check=False}: the proxy itself only logs it, and applies the addon's failure policy.

    @ivar harness: the proxy, the network and the clock.
    @ivar recorder: the addon before all others that notes what fires.
    @ivar log: what was logged, by anybody.
    @ivar failures: what handlers have raised.
    """

    def __init__(self, *addons: object, **options: object) -> None:
        """
        Start the proxy with these addons.

        @param options: values of options, those that the addons declare included.
        @raise AddonError: an addon cannot be used.
        @raise OptionsError: an option is unknown, or refused.
        """
        self.log: list[LogEntry] = []
        self.failures: list[Failure] = []
        self.recorder = Recorder("addon-tester")
        self.recorder.wants_body = False  # to note things must not change them
        self._servers: dict[tuple[str, int], Canned] = {}
        self._troubles: list[BaseException] = []
        self._observer = _Observer(self._note)
        settings: dict[str, Any] = options
        self.harness = Harness(self.recorder, *addons, start=False, **settings)
        globalLogPublisher.addObserver(self._observer)
        try:
            self._start()
        except BaseException:
            self.stop()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exception: object) -> None:
        self.stop()

    def _start(self) -> None:
        harness = self.harness
        service = harness.service
        service.privilegedStartService()
        if service.proxy is not None:
            hooks = service.proxy.hooks
            # Failures of handlers are the test's business, which raises them; a test runner that watches the log for
            # errors would count them a second time.
            hooks.logger = hooks.patience.log = Logger("mitmtw._hooks.dispatch", observer=_Observer(self._note_hooks))
        service.startService()
        if not self._until(lambda: bool(harness.failures) or self._is_started):
            raise AssertionError(f"the addons had not started after {_PATIENCE:g} s")
        for failure in harness.failures:
            failure.raiseException()
        self._check(True)

    def stop(self) -> None:
        """Stop the proxy, C{done} of all addons included; harmless when it is stopped."""
        stopped = self.harness.stop()
        self._until(lambda: bool(stopped.called))
        globalLogPublisher.removeObserver(self._observer)

    # -- what a test asks for -----------------------------------------------------------------------------------------

    def fire(self, hook: str, *arguments: Any, check: bool = True) -> None:
        """
        Fire one hook, and wait for the handlers: time passes as far as they need.

        @param arguments: the hook's; a flow that is not live is so for the time of the event, so that C{kill} works.
        @param check: raise what a handler has raised.
        @raise AssertionError: the handlers are not done after two minutes, or one missed its deadline.
        """
        self._forget()
        flows = [each for each in arguments if getattr(each, "live", None) is False]
        for flow in flows:
            flow.live = True
        proxy = self.harness.service.proxy
        assert proxy is not None, "the tester is stopped"
        fired = proxy.hooks.fire(hook, *arguments)
        if not self._until(lambda: bool(fired.called)):
            fired.addErrback(lambda _: None)
            fired.cancel()
            raise AssertionError(f"the handlers of {hook} were not done after {_PATIENCE:g} s")
        for flow in flows:
            flow.live = False
        self._check(check)

    def serve(self, host: str, port: int, answers: Answers, tls: bool = False) -> Canned:
        """
        Have a server answer at an address, from now on, or answer otherwise than before.

        @return: it remembers what it is asked.
        """
        canned = self._servers.get((host, port))
        if canned is None:
            canned = self._servers[host, port] = Canned(answers, "https" if tls else "http")
            (self.harness.tls_origin if tls else self.harness.origin)(host, port, canned)
        canned.answers = answers
        return canned

    def exchange(self, request: Request | str, response: Answer | None = None, *, check: bool = True) -> Exchanged:
        """
        Have a client ask one thing, through all layers of the proxy: by an absolute URL for C{http}, and through a
        CONNECT and inside of TLS for C{https}. The client's connection is closed afterwards.

        @param request: the request, or a URL for a GET.
        @param response: what the server at the URL's host and port answers, see L{mitmtw.testing.canned}; None leaves
            it to what L{serve} was told, and if that is nothing the host does not exist.
        @param check: raise what a handler has raised.
        @return: the request as the last server that was asked saw it, and the response as the client saw it.
        @raise AssertionError: there is no end of it after two minutes.
        """
        self._forget()
        asked = make_request(url=request) if isinstance(request, str) else request
        if response is not None:
            self.serve(asked.host, asked.port, response, asked.scheme == "https")
        counts = {canned: len(canned.requests) for canned in self._servers.values()}
        harness = self.harness
        fetching = Fetch(asked, harness.trusted)
        harness.connect(fetching.peer, _PORT)
        if not self._until(lambda: fetching.is_over):
            raise AssertionError(f"there was no answer after {_PATIENCE:g} s")
        fetching.close()
        harness.pump()
        self._check(check)
        seen = [request for canned, count in counts.items() for request in canned.requests[count:]]
        return Exchanged(seen[-1] if seen else None, fetching.response)

    def set_options(self, **changes: object) -> None:
        """
        Change options, and wait for C{configure} of all addons.

        @raise OptionsError: the change was refused, and taken back.
        """
        lifecycle = self.harness.service.lifecycle
        assert lifecycle is not None
        changed = lifecycle.update_options(changes)
        failures: list[Failure] = []
        changed.addErrback(failures.append)
        self._until(lambda: bool(changed.called))
        for failure in failures:
            failure.raiseException()

    def advance(self, seconds: float) -> None:
        """Let time pass; for addons that do something at C{tick}, or by timers of their own."""
        self.harness.advance(seconds)

    # -- what a test looks at -----------------------------------------------------------------------------------------

    @property
    def options(self) -> Any:
        """The options, as addons see them."""
        return self.harness.options.view

    @property
    def trace(self) -> list[str]:
        """The names of all hooks that fired in the latest L{fire} or L{exchange}, in order; those of life left out."""
        return self.recorder.trace

    @property
    def flow(self) -> Any:
        """The latest flow that any hook was about; None without one."""
        return self.recorder.flow

    def messages(self, level: str | None = None) -> list[str]:
        """The texts of what was logged, of one level or of all."""
        return [entry.msg for entry in self.log if level in (None, entry.level)]

    def assert_trace(self, expected: Iterable[str], *, connections: bool = False) -> None:
        """
        Hold that these hooks fired in the latest L{fire} or L{exchange}, in this order and no others.

        @param connections: look at hooks of connections and layers too, and not only at those of flows.
        @raise AssertionError: others did.
        """
        fired = [name for name in self.trace if connections or name in _FLOW_HOOKS]
        wanted = list(expected)
        if fired != wanted:
            raise AssertionError(f"expected the hooks {' '.join(wanted)}, but there were {' '.join(fired) or 'none'}")

    # -- below --------------------------------------------------------------------------------------------------------

    @property
    def _is_started(self) -> bool:
        """Whether the addons take part: the recorder hears of clients from then on."""
        proxy = self.harness.service.proxy
        return proxy is not None and proxy.hooks.clientconnect is not None

    def _forget(self) -> None:
        self.recorder.events.clear()
        self._troubles.clear()

    def _check(self, check: bool) -> None:
        """Raise the first trouble that there was."""
        if check and self._troubles:
            raise self._troubles[0]

    def _until(self, is_over: Callable[[], bool]) -> bool:
        """Let time pass, from one timer to the next, until something is over; whether it is."""
        harness = self.harness
        end = harness.network.seconds() + _PATIENCE
        harness.pump()
        while not is_over():
            calls = harness.network.getDelayedCalls()
            next_at = min((call.getTime() for call in calls), default=end + 1)
            if next_at > end:
                return False
            harness.advance(max(next_at - harness.network.seconds(), 0))
        return True

    def _note(self, event: LogEvent) -> None:
        """Something was logged."""
        text = eventAsText(event, includeTraceback=False, includeTimestamp=False, includeSystem=False)
        if text:
            level = getattr(event.get("log_level"), "name", "info")
            self.log.append(LogEntry(text, _LEVELS.get(level, "info")))

    def _note_hooks(self, event: LogEvent) -> None:
        """The dispatcher has logged something; it goes on to the log, without the traceback of what failed."""
        failure = event.get("log_failure")
        if failure is not None:
            self.failures.append(failure)
            self._troubles.append(failure.value)
        elif event["log_level"].name == "error":
            self._troubles.append(AssertionError(eventAsText(event, includeTimestamp=False, includeSystem=False)))
        text = eventAsText(event, includeTimestamp=False, includeSystem=False)
        shown = {name: value for name, value in event.items() if name != "log_failure"}
        globalLogPublisher({**shown, "log_format": "{shown}", "shown": text})
