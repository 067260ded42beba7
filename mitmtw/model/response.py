"""
HTTP responses, as addons see them (RFC 9110 section 15).
"""

from collections.abc import Iterable, Mapping, Sequence
from http import HTTPStatus
from time import time
from typing import Any, ClassVar, Self

from typing_extensions import override

from mitmtw.model import cookies as cookie_fields
from mitmtw.model.cookies import SetCookie
from mitmtw.model.dates import format_date, parse_date
from mitmtw.model.headers import Headers, Text, as_bytes, as_text
from mitmtw.model.message import Fields, Message, fill
from mitmtw.model.multidict import MultiDictView, pairs_of

__all__ = ["Response"]


class Response(Message):
    """
    A response.

    @ivar status_code: the status.
    @ivar raw_reason: the reason phrase; may be empty.
    """

    __slots__ = ("raw_reason", "status_code")

    STATE: ClassVar[tuple[str, ...]] = ("status_code", "raw_reason", *Message.STATE)

    status_code: int
    raw_reason: bytes

    def __init__(
        self,
        http_version: Text = b"HTTP/1.1",
        status_code: int = 200,
        reason: Text = b"OK",
        headers: Fields = (),
        body: bytes | None = b"",
        *,
        trailers: Headers | None = None,
        timestamp_start: float | None = None,
        timestamp_end: float | None = None,
    ) -> None:
        self.raw_version = as_bytes(http_version)
        self.status_code = status_code
        self.raw_reason = as_bytes(reason)
        self.headers = headers if isinstance(headers, Headers) else Headers(headers)
        self.trailers = trailers
        self.stream = False
        self.streamed = False
        self.timestamp_start = time() if timestamp_start is None else timestamp_start
        self.timestamp_end = timestamp_end
        self._body = body
        self._decoded = None

    @classmethod
    def of(
        cls,
        version: bytes,
        status: int,
        reason: bytes,
        fields: list[tuple[bytes, bytes]],
        started: float,
        body: bytes | None = None,
    ) -> Self:
        """
        A response from a parsed head: the arguments are taken as they are, and the list of fields is adopted.

        @param body: C{b""} when the head says that there is none, None when it is still to be read.
        """
        self = cls.__new__(cls)
        headers = Headers.__new__(Headers)
        headers.raw = fields
        self.headers = headers
        self.raw_version = version
        self.status_code = status
        self.raw_reason = reason
        self.timestamp_start = started
        self._body = body
        self._decoded = self.timestamp_end = self.trailers = None
        self.stream = self.streamed = False
        return self

    @classmethod
    def make(cls, status_code: int = 200, content: bytes | str = b"", headers: Fields = ()) -> Self:
        """
        A response of our own: the usual reason phrase, and Content-Length, but not where it may not be (1xx, 204; 304
        without content).

        @param content: text is encoded as Content-Type says; content codings that the fields name are applied.
        """
        try:
            reason = HTTPStatus(status_code).phrase
        except ValueError:
            reason = ""
        self = cls(b"HTTP/1.1", status_code, reason, Headers(headers))
        if content or not (status_code < 200 or status_code in (204, 304)):
            fill(self, content)
        self.timestamp_end = self.timestamp_start
        return self

    @property
    def reason(self) -> str:
        """The reason phrase."""
        return as_text(self.raw_reason)

    @reason.setter
    def reason(self, reason: Text) -> None:
        self.raw_reason = as_bytes(reason)

    @property
    def cookies(self) -> MultiDictView[str, SetCookie]:
        """
        The cookies that are set, as C{name: (value, attributes)}; edits change the Set-Cookie fields, and what is not
        edited keeps its bytes. An attribute is changed by assigning the whole cookie: C{value, attributes =
        cookies["a"]; attributes["path"] = "/"; cookies["a"] = value, attributes}.
        """
        return MultiDictView(self._get_cookies, self._set_cookies)

    @cookies.setter
    def cookies(self, pairs: Mapping[str, Any] | Iterable[tuple[str, Any]]) -> None:
        self._set_cookies(pairs_of(pairs))

    def _get_cookies(self) -> list[tuple[str, SetCookie]]:
        return [cookie_fields.parse_set_cookie(field) for field in self.headers.get_all("set-cookie")]

    def _set_cookies(self, pairs: Sequence[tuple[str, Any]]) -> None:
        self.headers.set_all("Set-Cookie", cookie_fields.rewrite_set_cookies(self.headers.get_all("set-cookie"), pairs))

    def refresh(self, now: float | None = None) -> None:
        """
        Make a stored response look as if it came now: Date, Expires, Last-Modified and the expiry of cookies move by
        the time that has gone by.

        @param now: seconds since the epoch; the system's clock, when it is not given.
        """
        later = (time() if now is None else now) - self.timestamp_start
        for name in ("date", "expires", "last-modified"):
            date = parse_date(self.headers.get(name, ""))
            if date is not None:
                self.headers[name] = format_date(date + later)
        held = self.headers.get_all("set-cookie")
        if held:
            self.headers.set_all("set-cookie", [cookie_fields.refresh_set_cookie(field, later) for field in held])

    @override
    def __repr__(self) -> str:
        return f"<Response {self.status_code} {'streamed' if self._body is None else f'{len(self._body)} B'}>"
