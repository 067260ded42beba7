"""
The field Sec-WebSocket-Extensions (RFC 6455 section 9.1), read and written.
"""

import re
from collections.abc import Iterable
from typing import Final, NamedTuple

from mitmtw._wire.events import Fields
from mitmtw._wire.fields import TOKEN, is_token
from mitmtw.errors import LocalProtocolError, RemoteProtocolError

__all__ = ["EXTENSIONS", "Extension", "read_extensions", "values_of", "write_extensions"]

#: The field, as it is commonly spelled.
EXTENSIONS: Final = b"Sec-WebSocket-Extensions"

# Blanks may stand between all parts (RFC 6455 takes the lists and the implied blanks of RFC 2616 section 2.1).
_match_name: Final = re.compile(rb"[ \t]*(%b)[ \t]*" % TOKEN).match
_match_parameter: Final = re.compile(
    rb';[ \t]*(%b)[ \t]*(?:=[ \t]*(?:(%b)|"((?:[^"\\\x00-\x08\x0a-\x1f\x7f]|\\[\x01-\x7e])*)")[ \t]*)?' % (TOKEN, TOKEN)
).match
_unescape: Final = re.compile(rb"\\(.)", re.DOTALL).sub


class Extension(NamedTuple):
    """
    An extension that is offered or agreed on.

    @ivar name: a token, in the case it came in: C{permessage-deflate} is a name, C{Permessage-Deflate} another one.
    @ivar parameters: names and values in their order, repeated ones included; None for one without a value.
    """

    name: bytes
    parameters: tuple[tuple[bytes, bytes | None], ...] = ()


def values_of(fields: Fields, name: bytes) -> list[bytes]:
    """
    The values of all fields of that name, in order.

    @param name: in lower case.
    """
    return [value for key, value in fields if key.lower() == name]


def read_extensions(values: Iterable[bytes], http_status: int = 400) -> list[Extension]:
    """
    Read the field's values; several fields are one list (section 9.1).

    @param http_status: the status of the error.
    @raise RemoteProtocolError: when it is no such list. A quoted value must be a token without its quotes.
    """
    extensions = []
    for value in values:
        at = _after_commas(value, 0)
        while at < len(value):
            name = _match_name(value, at)
            if name is None:
                raise _unreadable(http_status)
            at = name.end()
            parameters: list[tuple[bytes, bytes | None]] = []
            while (found := _match_parameter(value, at)) is not None:
                at = found.end()
                key, plain, quoted = found.groups()
                if quoted is not None:
                    plain = _unescape(rb"\1", quoted)
                    if not is_token(plain):
                        raise _unreadable(http_status)
                parameters.append((key, plain))
            if at < len(value) and value[at] != 0x2C:
                raise _unreadable(http_status)
            extensions.append(Extension(name[1], tuple(parameters)))
            at = _after_commas(value, at)
    return extensions


def write_extensions(extensions: Iterable[Extension]) -> bytes:
    """
    The field's value.

    @raise LocalProtocolError: a name or a value is no token.
    """
    return b", ".join([_written(extension) for extension in extensions])


def _written(extension: Extension) -> bytes:
    """
    One extension.

    @raise LocalProtocolError: a name or a value is no token.
    """
    parts = [extension.name]
    for name, value in extension.parameters:
        parts.append(name if value is None else name + b"=" + value)
        if not is_token(name) or not (value is None or is_token(value)):
            raise LocalProtocolError("A parameter of an extension is no token.")
    if not is_token(extension.name):
        raise LocalProtocolError("The name of an extension is no token.")
    return b"; ".join(parts)


def _after_commas(value: bytes, at: int) -> int:
    """Where the next element begins: a list may have empty ones."""
    while at < len(value) and value[at] in b", \t":
        at += 1
    return at


def _unreadable(http_status: int) -> RemoteProtocolError:
    """The error for a value that is no list of extensions."""
    return RemoteProtocolError("Sec-WebSocket-Extensions is no list of extensions (RFC 6455 section 9.1).", http_status)
