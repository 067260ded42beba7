"""
HTTP requests, as addons see them (RFC 9110 sections 7 and 9, RFC 9112 section 3).

C{raw_*} attributes are the bytes of the wire; the same names without it are text. L{Request.of} is for the codecs: it
only assigns. Everything derived is worked out when somebody looks, and edits are written back at once.
"""

import re
from collections.abc import Iterable
from time import time
from typing import ClassVar, Self

from typing_extensions import override

from mitmtw.model import url
from mitmtw.model.coding import CODINGS
from mitmtw.model.headers import Headers, Text, as_bytes, as_text
from mitmtw.model.message import Fields, Message, fill
from mitmtw.model.request_views import RequestViews

__all__ = ["Request"]


class Request(RequestViews):
    """
    A request.

    @ivar raw_method: the method.
    @ivar scheme: C{"http"} or C{"https"}: how the server is asked.
    @ivar raw_path: path and query as sent, C{b"*"} for the asterisk form, C{b""} for CONNECT only.
    @ivar raw_target: the request target as it came; edits do not touch it, and it is never written.
    """

    __slots__ = ("_authority", "_host", "_port", "raw_method", "raw_target", "scheme")

    STATE: ClassVar[tuple[str, ...]] = (
        "raw_method",
        "scheme",
        "_host",
        "_port",
        "raw_path",
        "raw_target",
        "_authority",
        *Message.STATE,
    )

    raw_method: bytes
    scheme: str
    raw_target: bytes
    _host: str
    _port: int
    _authority: bytes | None  # None: to be read from the target

    def __init__(
        self,
        host: str,
        port: int,
        method: Text,
        scheme: Text,
        path: Text,
        http_version: Text = b"HTTP/1.1",
        headers: Fields = (),
        body: bytes | None = b"",
        *,
        trailers: Headers | None = None,
        timestamp_start: float | None = None,
        timestamp_end: float | None = None,
        authority: Text | None = None,
    ) -> None:
        self.raw_method = as_bytes(method)
        self.scheme = as_text(scheme)
        self._host = host
        self._port = port
        self.raw_path = as_bytes(path)
        self.raw_target = self.raw_path or as_bytes(url.hostport("", host, port))
        self._authority = None if authority is None else as_bytes(authority)
        self.raw_version = as_bytes(http_version)
        self.headers = headers if isinstance(headers, Headers) else Headers(headers)
        self.trailers = trailers
        self.stream = False
        self.streamed = False
        # A stamp for people to read, as in mitmtw.model.flow.Error.
        self.timestamp_start = time() if timestamp_start is None else timestamp_start
        self.timestamp_end = timestamp_end
        self._body = body
        self._decoded = None

    @classmethod
    def of(
        cls,
        method: bytes,
        scheme: str,
        host: str,
        port: int,
        path: bytes,
        target: bytes,
        version: bytes,
        fields: list[tuple[bytes, bytes]],
        started: float,
        body: bytes | None = None,
    ) -> Self:
        """
        A request from a parsed head: the arguments are taken as they are, and the list of fields is adopted.

        @param body: C{b""} when the head says that there is none, None when it is still to be read.
        """
        self = cls.__new__(cls)
        headers = Headers.__new__(Headers)
        headers.raw = fields
        self.headers = headers
        self.raw_method = method
        self.scheme = scheme
        self._host = host
        self._port = port
        self.raw_path = path
        self.raw_target = target
        self.raw_version = version
        self.timestamp_start = started
        self._body = body
        self._authority = self._decoded = self.timestamp_end = self.trailers = None
        self.stream = self.streamed = False
        return self

    @classmethod
    def make(cls, method: Text, url: Text, content: bytes | str = b"", headers: Fields = ()) -> Self:
        """
        A request to an absolute URL. Host is added when it is not among the fields, and Content-Length where there is
        content or the method wants some (RFC 9110 section 8.6).

        @raise ValueError: that is no absolute URL.
        """
        self = cls("", 0, method, "http", "/", headers=Headers(headers))
        self.url = as_text(url)
        self.raw_target = self.raw_path
        if "host" not in self.headers:
            self.headers.insert(0, "Host", self._hostport())
        if content or self.raw_method in (b"POST", b"PUT", b"PATCH"):
            fill(self, content)
        self.timestamp_end = self.timestamp_start
        return self

    @property
    def method(self) -> str:
        """The method."""
        return as_text(self.raw_method)

    @method.setter
    def method(self, method: Text) -> None:
        self.raw_method = as_bytes(method)

    @property
    def target_form(self) -> str:
        """
        How the request target came: C{"origin"}, C{"absolute"}, C{"authority"} or C{"asterisk"} (RFC 9112 section 3.2).
        """
        target = self.raw_target
        if self.raw_method == b"CONNECT" and not target.startswith(b"/"):
            return "authority"
        if target == b"*":
            return "asterisk"
        return "origin" if target.startswith(b"/") else "absolute"

    @property
    def first_line_format(self) -> str:
        """An older name for the form: C{"relative"}, C{"absolute"} or C{"authority"}."""
        form = self.target_form
        return form if form in ("absolute", "authority") else "relative"

    # Where to.

    @property
    def host(self) -> str:
        """
        The server that is asked: a name, or an IP literal without brackets. Setting it changes the Host field, if there
        is one, and the authority, if there is one, too.
        """
        return self._host

    @host.setter
    def host(self, host: Text) -> None:
        self._host = as_text(host)
        self._follow()

    @property
    def port(self) -> int:
        """The server's port. Setting it changes Host field and authority as C{host} does."""
        return self._port

    @port.setter
    def port(self, port: int) -> None:
        if not isinstance(port, int):
            raise TypeError(f"a port must be int, not {type(port).__name__}")
        self._port = port
        self._follow()

    def _hostport(self) -> str:
        """Host and port as in a Host field."""
        return url.hostport(self.scheme, self._host, self._port)

    def _follow(self) -> None:
        """Make Host field and authority, where there are such, name the host and port that are asked."""
        if self.raw_authority:
            self._authority = as_bytes(self._hostport())
        if self.headers.first(b"host") is not None:
            self.headers["host"] = self._hostport()

    @property
    def raw_authority(self) -> bytes:
        """
        The authority of the target: C{:authority} in HTTP/2, that of an absolute or authority form in HTTP/1; else
        empty.
        """
        if self._authority is not None:
            return self._authority
        form = self.target_form
        if form == "authority":
            return self.raw_target
        if form == "absolute":
            return self.raw_target.partition(b"://")[2].partition(b"/")[0].partition(b"?")[0]
        return b""

    @property
    def authority(self) -> str:
        """L{raw_authority} as text."""
        return as_text(self.raw_authority)

    @authority.setter
    def authority(self, authority: Text) -> None:
        self._authority = as_bytes(authority)

    @property
    def host_header(self) -> str | None:
        """
        The host that the client names: the Host field, or in HTTP/2 the authority if there is one. None removes both.
        """
        if self.is_http2 and self.raw_authority:
            return self.authority
        return self.headers.get("host")

    @host_header.setter
    def host_header(self, value: Text | None) -> None:
        if value is None:
            self._authority = b""
            self.headers.pop("host", None)
            return
        if self.is_http2:
            self._authority = as_bytes(value)
        if not self.is_http2 or "host" in self.headers:
            self.headers["host"] = as_text(value)

    @property
    def pretty_host(self) -> str:
        """
        The host that the client names (L{host_header}), else C{host}; for people, for it proves nothing about where the
        request goes.
        """
        return self._pretty()[0]

    def _pretty(self) -> tuple[str, int]:
        """Host and port as the client names them."""
        named = self.host_header
        if named:
            try:
                host, port = url.parse_authority(named)
            except ValueError:
                return self._host, self._port
            return host, port or url.default_port(self.scheme) or self._port
        return self._host, self._port

    # What.

    @property
    def path(self) -> str:
        """Path and query as on the wire, percent-encoding included."""
        return as_text(self.raw_path)

    @path.setter
    def path(self, path: Text) -> None:
        self.raw_path = as_bytes(path)

    @property
    def path_components(self) -> tuple[str, ...]:
        """The segments of the path, decoded; may be assigned."""
        path = self.path.partition("?")[0]
        return tuple(url.unquote(segment) for segment in path.split("/") if segment)

    @path_components.setter
    def path_components(self, segments: Iterable[str]) -> None:
        path = "/" + "/".join(url.quote(segment, safe="") for segment in segments)
        _, mark, query = self.path.partition("?")
        self.path = path + mark + query

    @property
    def url(self) -> str:
        """
        The URL that is asked for, C{host:port} for CONNECT. Setting it changes scheme, host, port and path.

        @raise ValueError: on setting, when it is no absolute URL.
        """
        if self.raw_method == b"CONNECT" and self.target_form == "authority":
            return f"{self._host}:{self._port}"
        return url.unparse(self.scheme, self._host, self._port, self.path)

    @url.setter
    def url(self, text: Text) -> None:
        self.scheme, self._host, self._port, path = url.parse(text)
        self.raw_path = as_bytes(path)
        self._follow()

    @property
    def pretty_url(self) -> str:
        """The URL with the host as the client names it."""
        if self.raw_method == b"CONNECT" and self.target_form == "authority":
            return self.url
        return url.unparse(self.scheme, *self._pretty(), self.path)

    # What scripts often do.

    def anticache(self) -> None:
        """Remove what would let the server answer 304 (RFC 9110 section 13.1)."""
        for name in ("if-modified-since", "if-none-match"):
            self.headers.pop(name, None)

    def anticomp(self) -> None:
        """Ask for an answer without content coding."""
        self.headers["accept-encoding"] = "identity"

    def constrain_encoding(self) -> None:
        """Reduce Accept-Encoding, if it is there, to the codings that we can read."""
        accepted = self.headers.get("accept-encoding")
        if accepted is not None:
            members = [member.strip() for member in accepted.split(",")]
            known = [member for member in members if member.partition(";")[0].strip().lower() in CODINGS]
            self.headers["accept-encoding"] = ", ".join(known) or "identity"

    @override
    def replace(self, pattern: Text, replacement: Text, flags: int = 0, count: int = 0) -> int:
        """Replace a regular expression in path, fields and content, see L{Message.replace}."""
        path, times = re.compile(as_bytes(pattern), flags).subn(as_bytes(replacement), self.raw_path, count=count)
        self.raw_path = path
        if count and times >= count:
            return times
        return times + super().replace(pattern, replacement, flags, count - times if count else 0)

    @override
    def __repr__(self) -> str:
        return f"<Request {self.method} {self.url}>"
