"""
What a listener is told: C{[MODE@]ENDPOINT}, split at the last C{@} whose right side is an endpoint.

A bare port, or C{host:port}, is TCP; without a mode it is C{regular}; a mode without an endpoint listens where the
proxy listens by default.
"""

import re
from dataclasses import dataclass
from urllib.parse import urlsplit

from twisted.internet.endpoints import serverFromString

from mitmtw._layers.client import Target
from mitmtw.errors import OptionsError

__all__ = ["ListenSpec", "parse_listen"]

_DEFAULT_ENDPOINT = "tcp:8080:interface=127.0.0.1"
_PREFIX = re.compile(r"[a-zA-Z][a-zA-Z0-9_+-]*:")
_HOST_PORT = re.compile(r"(?:(?P<host>[^:@/\[\]]+)|\[(?P<v6>[0-9a-fA-F:.]+)\]):(?P<port>[0-9]{1,5})")
_REVERSE_PORTS = {"http": 80, "https": 443, "tcp": None, "tls": None}
_MODES = ("regular", "reverse:")


@dataclass(frozen=True, slots=True)
class ListenSpec:
    """
    One listener.

    @ivar mode: C{regular}, or C{reverse:…} as it was given.
    @ivar endpoint: a Twisted server endpoint string.
    @ivar target: where everything goes, None in regular mode.
    """

    mode: str
    endpoint: str
    target: Target | None


def parse_listen(text: str) -> ListenSpec:
    """
    Read C{[MODE@]ENDPOINT}.

    @raise OptionsError: when it is not that; the message says what it should be.
    """
    position = len(text)
    while (position := text.rfind("@", 0, position)) >= 0:
        endpoint = _endpoint(text[position + 1 :])
        if endpoint is not None:
            return ListenSpec(text[:position], endpoint, _target(text[:position], text))
    if text.startswith(_MODES) or text == "regular":
        return ListenSpec(text, _DEFAULT_ENDPOINT, _target(text, text))
    endpoint = _endpoint(text)
    if endpoint is None:
        raise OptionsError(
            f"listen: {text!r} is not [MODE@]ENDPOINT; an endpoint is a port, host:port or such as tcp:8080"
        )
    return ListenSpec("regular", endpoint, None)


def _endpoint(text: str) -> str | None:
    """The endpoint string that C{text} means, None when it means none."""
    if text.isdigit() and int(text) < 65536:
        return f"tcp:{text}:interface=127.0.0.1"
    short = _HOST_PORT.fullmatch(text)
    if (
        short is not None
        and int(short["port"]) < 65536
        and short["host"] not in ("tcp", "tcp6", "unix", "ssl", "tls", "systemd")
    ):
        if short["v6"]:
            return f"tcp6:{short['port']}:interface={short['v6']}".replace(short["v6"], short["v6"].replace(":", "\\:"))
        return f"tcp:{short['port']}:interface={short['host']}"
    if _PREFIX.match(text) is None:
        return None
    try:
        serverFromString(_NO_REACTOR, text)
    except (ValueError, TypeError, LookupError, OSError):
        return None
    return text


class _NoReactor:
    """Endpoints take a reactor when they are made, and use it when they listen."""


_NO_REACTOR = _NoReactor()


def _target(mode: str, text: str) -> Target | None:
    """Where a mode sends everything."""
    if mode == "regular":
        return None
    kind, _, url = mode.partition(":")
    if kind != "reverse":
        raise OptionsError(f"listen: {text!r}: unknown mode {kind!r}; known are regular and reverse:URL")
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError as error:
        raise OptionsError(f"listen: {text!r}: {error}") from error
    if parts.scheme not in _REVERSE_PORTS or not host or parts.path not in ("", "/") or parts.query or parts.username:
        raise OptionsError(
            f"listen: {text!r}: reverse takes http://HOST[:PORT], https://…, tcp://HOST:PORT or tls://HOST:PORT"
        )
    number = port if port is not None else _REVERSE_PORTS[parts.scheme]
    if not number:
        raise OptionsError(f"listen: {text!r}: reverse:{parts.scheme} needs a port")
    tls = parts.scheme in ("https", "tls")
    protocol = "http" if parts.scheme.startswith("http") else "tcp"
    return Target(host, number, tls, host if tls else None, protocol, is_fixed=True)
