"""
The parts of a request that are looked at as dictionaries: query, cookies, forms.

Each is read from path, field or content when somebody looks, and written back there by each edit; what is not edited
keeps its bytes.
"""

from collections.abc import Iterable, Mapping, Sequence

from mitmtw.model import cookies as cookie_fields
from mitmtw.model import form, url
from mitmtw.model.charset import parse_content_type
from mitmtw.model.headers import as_bytes, as_text
from mitmtw.model.message import Message
from mitmtw.model.multidict import MultiDictView, pairs_of

__all__ = ["RequestViews"]

URLENCODED = "application/x-www-form-urlencoded"
MULTIPART = "multipart/form-data"


class RequestViews(Message):
    """
    The editable views of a request.

    @ivar raw_path: path and query as sent.
    """

    __slots__ = ("raw_path",)

    raw_path: bytes

    @property
    def query(self) -> MultiDictView[str, str]:
        """The pairs of the query, decoded; edits change the path. What is not edited keeps its spelling."""
        return MultiDictView(self._get_query, self._set_query)

    @query.setter
    def query(self, pairs: Mapping[str, str] | Iterable[tuple[str, str]]) -> None:
        self._set_query(pairs_of(pairs))

    def _get_query(self) -> list[tuple[str, str]]:
        return url.decode_form(as_text(self.raw_path).partition("?")[2])

    def _set_query(self, pairs: Sequence[tuple[str, str]]) -> None:
        path, _, old = as_text(self.raw_path).partition("?")
        query = url.rewrite_form(old, pairs)
        self.raw_path = as_bytes(f"{path}?{query}" if query else path)

    @property
    def cookies(self) -> MultiDictView[str, str]:
        """The cookies; edits change the Cookie field. What is not edited keeps its bytes."""
        return MultiDictView(self._get_cookies, self._set_cookies)

    @cookies.setter
    def cookies(self, pairs: Mapping[str, str] | Iterable[tuple[str, str]]) -> None:
        self._set_cookies(pairs_of(pairs))

    def _get_cookies(self) -> list[tuple[str, str]]:
        return cookie_fields.parse_cookies("; ".join(self.headers.get_all("cookie")))

    def _set_cookies(self, pairs: Sequence[tuple[str, str]]) -> None:
        old = "; ".join(self.headers.get_all("cookie"))
        self.headers.set_all("Cookie", [cookie_fields.rewrite_cookies(old, pairs)] if pairs else [])

    # Forms.

    def _is_form(self, kind: str) -> bool:
        """Is the content a form of that media type?"""
        return parse_content_type(self.headers.get("content-type", ""))[0] == kind

    @property
    def urlencoded_form(self) -> MultiDictView[str, str]:
        """The pairs of an urlencoded form, none when the content is something else; edits change the content."""
        return MultiDictView(self._get_urlencoded, self._set_urlencoded)

    @urlencoded_form.setter
    def urlencoded_form(self, pairs: Mapping[str, str] | Iterable[tuple[str, str]]) -> None:
        self._set_urlencoded(pairs_of(pairs))

    def _get_urlencoded(self) -> list[tuple[str, str]]:
        if not self._is_form(URLENCODED):
            return []
        return url.decode_form(as_text(self.get_content(strict=False) or b""))

    def _set_urlencoded(self, pairs: Sequence[tuple[str, str]]) -> None:
        old = b""
        if self._is_form(URLENCODED):
            old = self.get_content() or b""
        else:
            self.headers["Content-Type"] = URLENCODED
        self.content = as_bytes(url.rewrite_form(as_text(old), pairs))

    @property
    def multipart_form(self) -> MultiDictView[bytes, bytes]:
        """The parts of a multipart form by name, none when the content is something else; edits change the content."""
        return MultiDictView(self._get_multipart, self._set_multipart)

    @multipart_form.setter
    def multipart_form(self, pairs: Mapping[bytes, bytes] | Iterable[tuple[bytes, bytes]]) -> None:
        self._set_multipart(pairs_of(pairs))

    def _boundary(self) -> str:
        """The boundary that Content-Type declares; empty when the content is no multipart form."""
        kind, parameters = parse_content_type(self.headers.get("content-type", ""))
        return parameters.get("boundary", "") if kind == MULTIPART else ""

    def _get_multipart(self) -> list[tuple[bytes, bytes]]:
        boundary = self._boundary()
        return form.parse_multipart(self.get_content(strict=False) or b"", boundary) if boundary else []

    def _set_multipart(self, pairs: Sequence[tuple[bytes, bytes]]) -> None:
        boundary = self._boundary()
        old = (self.get_content() or b"") if boundary else b""
        if not boundary:
            boundary = form.new_boundary()
            self.headers["Content-Type"] = f"{MULTIPART}; boundary={boundary}"
        self.content = form.rewrite_multipart(old, boundary, pairs)
