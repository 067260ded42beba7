"""
What requests and responses have in common: version, fields, body, trailers, times.

C{body} is what the wire carries; C{content} and C{text} are views of it that undo the content codings and the character
encoding. A body that nobody edits is never changed, nor are the fields.
"""

import json
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cache
from operator import attrgetter
from typing import Any, ClassVar, Self

from mitmtw.model import coding as codings
from mitmtw.model.charset import charset_of
from mitmtw.model.headers import Headers, Text, as_bytes, as_text
from mitmtw.model.state import State, describe, restore

__all__ = ["Fields", "Message", "fill"]

Fields = Mapping[str, str] | Iterable[Sequence[Text]]
"""What an author may give as fields: L{Headers}, a mapping, or pairs."""

Stream = bool | Callable[[bytes], Any]
"""
C{False} collects the body, C{True} relays it as it comes, a callable gets each piece and returns what goes on in its
place.
"""


class Message:
    """
    A request or a response.

    @ivar headers: the fields.
    @ivar trailers: the fields after the body, or None.
    @ivar raw_version: the version as the wire spells it.
    @ivar stream: False, True, or a callable that takes each piece of the body (C{b""} at its end) and returns what goes
        on in its place.
    @ivar streamed: the body was relayed as it came, so that C{body} is None; set by the proxy.
    @ivar timestamp_start: seconds since the epoch when the first byte was seen.
    @ivar timestamp_end: seconds since the epoch when the last byte was seen; None before that.
    """

    __slots__ = (
        "_body",
        "_decoded",
        "headers",
        "raw_version",
        "stream",
        "streamed",
        "timestamp_end",
        "timestamp_start",
        "trailers",
    )

    STATE: ClassVar[tuple[str, ...]] = (
        "raw_version",
        "headers",
        "_body",
        "trailers",
        "streamed",
        "timestamp_start",
        "timestamp_end",
    )
    """What a state holds, in order."""

    headers: Headers
    trailers: Headers | None
    raw_version: bytes
    stream: Stream
    streamed: bool
    timestamp_start: float
    timestamp_end: float | None
    _body: bytes | None
    _decoded: tuple[bytes, str, bytes] | None  # body, Content-Encoding, content: the last decoding

    @property
    def http_version(self) -> str:
        """The version as text, C{"HTTP/1.1"}; an edit counts on the wire."""
        return as_text(self.raw_version)

    @http_version.setter
    def http_version(self, version: Text) -> None:
        self.raw_version = as_bytes(version)

    @property
    def is_http10(self) -> bool:
        """Is this HTTP/1.0?"""
        return self.raw_version == b"HTTP/1.0"

    @property
    def is_http11(self) -> bool:
        """Is this HTTP/1.1?"""
        return self.raw_version == b"HTTP/1.1"

    @property
    def is_http2(self) -> bool:
        """Is this HTTP/2?"""
        return self.raw_version in (b"HTTP/2.0", b"HTTP/2")

    @property
    def is_streamed(self) -> bool:
        """Is the body relayed as it comes, by an addon's wish or because it was too large to collect?"""
        return self.streamed or bool(self.stream)

    # The body and its views.

    def collected(self, body: bytes | None, trailers: Headers | None = None) -> None:
        """
        Take the body (None when it was streamed) and trailers that came from the wire: unlike an edit this leaves all
        fields alone.
        """
        self._body = body
        if trailers is not None:
            self.trailers = trailers

    @property
    def body(self) -> bytes | None:
        """
        The body as the wire carries it, content codings included; None when it was streamed or is not read yet.

        Setting it makes Content-Length right, and adds it where there is no Transfer-Encoding.
        """
        return self._body

    @body.setter
    def body(self, body: bytes | None) -> None:
        self._body = None if body is None else _checked(body)
        if body is not None:
            self._frame(len(body))

    @property
    def raw_content(self) -> bytes | None:
        """The same as L{body}."""
        return self._body

    @raw_content.setter
    def raw_content(self, body: bytes | None) -> None:
        self.body = body

    def _frame(self, size: int) -> None:
        """Make Content-Length say C{size}, unless the framing is that of a transfer coding."""
        length = b"%d" % size
        fields = self.headers
        held = fields.get_all("content-length")
        if held:
            if held != [length.decode()]:
                fields.set_all("content-length", [length])
        elif fields.first(b"transfer-encoding") is None:
            fields.raw.append((b"content-length" if self.is_http2 else b"Content-Length", length))

    @property
    def content(self) -> bytes | None:
        """
        The body without its content codings; None when there is no body to look at. Setting it applies the codings that
        Content-Encoding names (one that we cannot write is removed from the fields) and makes Content-Length right.

        @raise ValueError: on reading, when the coding is unknown or the body is damaged; C{get_content(strict=False)}
            does not mind.
        """
        return self.get_content()

    @content.setter
    def content(self, content: bytes | None) -> None:
        self.set_content(content)

    def get_content(self, strict: bool = True) -> bytes | None:
        """
        The body without its content codings.

        @param strict: when False, a body that cannot be decoded is given as it is.
        @raise ValueError: strict, and the coding is unknown, the body is damaged, or the content would be too large
            (L{mitmtw.model.coding.ContentTooLarge}).
        """
        body = self._body
        if body is None:
            return None
        coding = self.headers.get("content-encoding", "")
        if not coding:
            return body
        last = self._decoded
        if last is not None and last[0] is body and last[1] == coding:
            return last[2]
        try:
            content = codings.decode(body, coding)
        except ValueError:
            if strict:
                raise
            return body
        self._decoded = (body, coding, content)
        return content

    def set_content(self, content: bytes | None) -> None:
        """
        Set the body by its content, see L{content}.

        @raise TypeError: it is not C{bytes}; text goes to L{text}.
        """
        if content is None:
            self._body = None
            return
        content = _checked(content)
        coding = self.headers.get("content-encoding", "")
        body = content
        if coding:
            try:
                body = codings.encode(content, coding)
            except ValueError:
                del self.headers["content-encoding"]
            else:
                self._decoded = (body, coding, content)
        self.body = body

    def decode(self, strict: bool = True) -> None:
        """
        Undo the content codings for good: the body becomes the content and Content-Encoding goes.

        @raise ValueError: see L{get_content}.
        """
        content = self.get_content(strict)
        if "content-encoding" in self.headers:
            del self.headers["content-encoding"]
            if content is not None:
                self.body = content

    def encode(self, coding: str) -> None:
        """
        Give the body this content coding, instead of the one it has.

        @param coding: C{"gzip"}, C{"deflate"}, C{"br"}, C{"zstd"}, C{"identity"}, or a list of them with commas.
        @raise ValueError: the coding is unknown, or the present body cannot be decoded.
        """
        codings.codings_of(coding)  # before anything is changed
        self.decode()
        content = self._body
        self.headers["content-encoding"] = coding
        if content is not None:
            self.set_content(content)

    @property
    def text(self) -> str | None:
        """
        The content as text; None when there is no body to look at. How the encoding is found:
        L{mitmtw.model.charset.charset_of}. Text that this encoding cannot express is written in UTF-8, and Content-Type
        then says so.

        @raise ValueError: on reading, when the content is not in that encoding; C{get_text(strict=False)} does not
            mind.
        """
        return self.get_text()

    @text.setter
    def text(self, text: str | None) -> None:
        self.set_text(text)

    def get_text(self, strict: bool = True) -> str | None:
        """
        The content as text.

        @param strict: when False, what cannot be decoded is read as UTF-8 with surrogateescape.
        @raise ValueError: strict, and the content cannot be decoded.
        """
        content = self.get_content(strict)
        if content is None:
            return None
        charset = charset_of(self.headers.get("content-type", ""), content)
        try:
            return content.decode(charset)
        except LookupError as error:
            if strict:
                raise ValueError(f"unknown character encoding {charset!r}") from error
        except ValueError:
            if strict:
                raise
        return content.decode("utf-8", "surrogateescape")

    def set_text(self, text: str | None) -> None:
        """
        Set the content by its text, see L{text}.

        @raise TypeError: it is not C{str}; bytes go to L{content}.
        """
        if text is None:
            self.set_content(None)
            return
        if not isinstance(text, str):
            raise TypeError(f"text must be str, not {type(text).__name__}; bytes go to .content")
        declared = self.headers.get("content-type", "")
        # An undeclared encoding is that of the old content, so that editing a page does not move it to another one.
        charset = charset_of(declared, self.get_content(strict=False) or b"")
        try:
            content = text.encode(charset)
        except (LookupError, ValueError):
            content = text.encode("utf-8", "surrogateescape")
            kind = re.sub(r";\s*charset\s*=\s*(\"[^\"]*\"|[^;]*)", "", declared, flags=re.I).strip() or "text/plain"
            self.headers["content-type"] = f"{kind}; charset=utf-8"
        self.set_content(content)

    def json(self, **options: Any) -> Any:
        """
        The content, read as JSON.

        @param options: go to C{json.loads}.
        @raise TypeError: there is no body to look at.
        @raise ValueError: it is no JSON.
        """
        content = self.get_content(strict=False)
        if content is None:
            raise TypeError("the message has no content")
        return json.loads(content, **options)

    def replace(self, pattern: Text, replacement: Text, flags: int = 0, count: int = 0) -> int:
        """
        Replace a regular expression in the fields and in the content, and say how often.

        @param count: at most so many replacements; 0 is all.
        """
        total = self.headers.replace(pattern, replacement, flags, count)
        content = self.get_content(strict=False)
        if content and not (count and total >= count):
            left = count - total if count else 0
            content, times = re.compile(as_bytes(pattern), flags).subn(as_bytes(replacement), content, count=left)
            if times:
                self.set_content(content)
                total += times
        return total

    # Copies and state.

    def copy(self) -> Self:
        """The same message with fields of its own."""
        kind = type(self)
        other = kind.__new__(kind)
        names, values_of = _slots_of(kind)  # type: ignore[arg-type]  # a class is hashable
        for name, value in zip(names, values_of(self), strict=True):
            setattr(other, name, value)
        other.headers = self.headers.copy()
        if self.trailers is not None:
            other.trailers = self.trailers.copy()
        return other

    def get_state(self) -> State:
        """
        Everything that makes this message, in a plain dictionary; what the proxy does with it (C{stream}) is left out.
        """
        return describe(self, self.STATE)

    def set_state(self, state: State) -> None:
        """Become the message that L{get_state} described."""
        restore(self, self.STATE, state)

    @classmethod
    def from_state(cls, state: State) -> Self:
        """A new message from what L{get_state} gave."""
        self = cls.__new__(cls)
        self.stream = False
        self._decoded = None
        self.set_state(state)
        return self


@cache
def _slots_of(kind: type) -> tuple[tuple[str, ...], Callable[[Message], tuple[Any, ...]]]:
    """The names of all attributes of a class of messages, and what gets all of their values at once."""
    names = tuple(name for base in kind.__mro__ for name in getattr(base, "__slots__", ()))
    return names, attrgetter(*names)


def _checked(content: bytes) -> bytes:
    """
    Bytes that nobody can change any more.

    @raise TypeError: it is something else, text most often.
    """
    if isinstance(content, bytes):
        return content
    if isinstance(content, bytearray | memoryview):
        return bytes(content)
    raise TypeError(f"a body must be bytes, not {type(content).__name__}; text goes to .text")


def fill(message: Message, content: bytes | str) -> None:
    """Set the content of a new message, of whichever type it is."""
    if isinstance(content, str):
        message.text = content
    else:
        message.content = content
