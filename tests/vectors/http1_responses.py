"""Responses of HTTP/1, good and bad. A name begins with the section of RFC 9112 or RFC 9110 that decides."""

from dataclasses import dataclass

from mitmtw._wire.events import CHUNKED, LENGTH, NO_BODY, UNTIL_CLOSE


@dataclass(frozen=True)
class GoodResponse:
    """A response that is taken, and what must be read in it."""

    name: str
    wire: bytes
    status: int = 200
    reason: bytes = b"OK"
    framing: int = LENGTH
    body: bytes = b""
    rest: bytes = b""
    keep_alive: bool = True
    method: bytes = b"GET"


def ok(*lines: bytes, body: bytes = b"", first: bytes = b"HTTP/1.1 200 OK") -> bytes:
    """A response of these lines, and what comes after its head."""
    return b"".join((first, b"\r\n", *(line + b"\r\n" for line in lines), b"\r\n", body))


CL = b"Content-Length: 2"
TE = b"Transfer-Encoding: chunked"

GOOD = [
    GoodResponse("9112-6.2 Content-Length", ok(CL, body=b"ab"), body=b"ab"),
    GoodResponse("9112-6.2 Content-Length 0", ok(b"Content-Length: 0")),
    GoodResponse("9112-6.2 something behind", ok(CL, body=b"abHTTP"), body=b"ab", rest=b"HTTP"),
    GoodResponse("9112-7.1 chunked", ok(TE, body=b"2\r\nab\r\n0\r\n\r\n"), framing=CHUNKED, body=b"ab"),
    GoodResponse("9112-6.3 until close", ok(body=b"ab"), framing=UNTIL_CLOSE, body=b"ab", keep_alive=False),
    GoodResponse(
        "9112-6.3 until close, HTTP/1.0",
        ok(body=b"ab", first=b"HTTP/1.0 200 OK"),
        framing=UNTIL_CLOSE,
        body=b"ab",
        keep_alive=False,
    ),
    GoodResponse(
        "9112-9.3 until close beside keep-alive",
        ok(b"Connection: keep-alive", first=b"HTTP/1.0 200 OK"),
        framing=UNTIL_CLOSE,
        keep_alive=False,
    ),
    GoodResponse(
        "9112-9.3 keep-alive of HTTP/1.0",
        ok(CL, b"Connection: keep-alive", body=b"ab", first=b"HTTP/1.0 200 OK"),
        body=b"ab",
    ),
    GoodResponse("9112-9.3 HTTP/1.0", ok(CL, body=b"ab", first=b"HTTP/1.0 200 OK"), body=b"ab", keep_alive=False),
    GoodResponse("9112-9.3 close", ok(CL, b"Connection: close", body=b"ab"), body=b"ab", keep_alive=False),
    GoodResponse("9112-6.3 answer to HEAD", ok(CL), framing=NO_BODY, method=b"HEAD"),
    GoodResponse("9112-6.1 answer to HEAD, chunked", ok(TE), framing=NO_BODY, method=b"HEAD"),
    GoodResponse("9112-6.3 answer to HEAD, no framing", ok(), framing=NO_BODY, method=b"HEAD"),
    GoodResponse("9112-6.3 304", ok(CL, first=b"HTTP/1.1 304 X"), 304, b"X", framing=NO_BODY),
    GoodResponse("9112-6.1 304, chunked", ok(TE, first=b"HTTP/1.1 304 X"), 304, b"X", framing=NO_BODY),
    GoodResponse("9112-6.3 204", ok(first=b"HTTP/1.1 204 X"), 204, b"X", framing=NO_BODY),
    GoodResponse("9112-6.3 204 with a length", ok(CL, first=b"HTTP/1.1 204 X"), 204, b"X", framing=NO_BODY),
    GoodResponse("9112-6.3 100", ok(first=b"HTTP/1.1 100 Continue"), 100, b"Continue", framing=NO_BODY),
    GoodResponse(
        "9110-15.2.2 101",
        ok(b"Connection: upgrade", b"Upgrade: x", first=b"HTTP/1.1 101 X"),
        101,
        b"X",
        framing=NO_BODY,
    ),
    GoodResponse("9112-6.3 tunnel", ok(body=b"ab"), framing=NO_BODY, method=b"CONNECT", rest=b"ab"),
    GoodResponse("9110-9.3.6 tunnel with a length", ok(CL, body=b"ab"), framing=NO_BODY, method=b"CONNECT", rest=b"ab"),
    GoodResponse("9110-9.3.6 tunnel, chunked", ok(TE, body=b"ab"), framing=NO_BODY, method=b"CONNECT", rest=b"ab"),
    GoodResponse(
        "9110-9.3.6 tunnel refused",
        ok(CL, body=b"ab", first=b"HTTP/1.1 403 X"),
        403,
        b"X",
        body=b"ab",
        method=b"CONNECT",
    ),
    GoodResponse("9112-4 empty reason", ok(CL, body=b"ab", first=b"HTTP/1.1 200 "), reason=b"", body=b"ab"),
    GoodResponse(
        "9112-4 no blank before an empty reason", ok(CL, body=b"ab", first=b"HTTP/1.1 200"), reason=b"", body=b"ab"
    ),
    GoodResponse(
        "9112-4 a long reason", ok(CL, body=b"ab", first=b"HTTP/1.1 200 a b\tc\xe9"), reason=b"a b\tc\xe9", body=b"ab"
    ),
    GoodResponse("9110-15 999", ok(CL, body=b"ab", first=b"HTTP/1.1 999 X"), 999, b"X", body=b"ab"),
    GoodResponse("9110-15 an unknown status", ok(CL, body=b"ab", first=b"HTTP/1.1 299 X"), 299, b"X", body=b"ab"),
    GoodResponse("9110-5.5 obs-text", ok(CL, b"X: \xe9", body=b"ab"), body=b"ab"),
    GoodResponse("9112-3.2 Host is nothing in a response", ok(CL, b"Host: not a host", body=b"ab"), body=b"ab"),
]

#: Name, bytes, method of the request; the status is always 502.
BAD = [
    ("9112-4 HTTP/2.0", ok(CL, first=b"HTTP/2.0 200 OK"), b"GET"),
    ("9112-4 HTTP/1.2", ok(CL, first=b"HTTP/1.2 200 OK"), b"GET"),
    ("9112-4 lower case", ok(CL, first=b"http/1.1 200 OK"), b"GET"),
    ("9112-4 two digits", ok(CL, first=b"HTTP/1.1 20 OK"), b"GET"),
    ("9112-4 four digits", ok(CL, first=b"HTTP/1.1 2000 OK"), b"GET"),
    ("9112-4 no digits", ok(CL, first=b"HTTP/1.1 OK"), b"GET"),
    ("9112-4 a sign", ok(CL, first=b"HTTP/1.1 +20 OK"), b"GET"),
    ("9110-15 099", ok(CL, first=b"HTTP/1.1 099 OK"), b"GET"),
    ("9112-4 two blanks", ok(CL, first=b"HTTP/1.1  200 OK"), b"GET"),
    ("9112-4 NUL in the reason", ok(CL, first=b"HTTP/1.1 200 O\x00K"), b"GET"),
    ("9112-4 CR in the reason", ok(CL, first=b"HTTP/1.1 200 O\rK"), b"GET"),
    ("9112-2.2 an empty line before", b"\r\n" + ok(CL, body=b"ab"), b"GET"),
    ("HTTP/0.9", b"<html>", b"GET"),
    ("ICY", ok(CL, first=b"ICY 200 OK"), b"GET"),
    ("SSH", b"SSH-2.0-x\r\n", b"GET"),
    ("9112-2.2 LF alone", b"HTTP/1.1 200 OK\nContent-Length: 0\n\n", b"GET"),
    ("9112-5.2 a folded line", ok(CL, b" x", body=b"ab"), b"GET"),
    ("9112-5.1 a blank before the colon", ok(b"Content-Length : 2", body=b"ab"), b"GET"),
    ("9112-5 no colon", ok(CL, b"X", body=b"ab"), b"GET"),
    ("9110-5.5 NUL in a value", ok(CL, b"X: \x00", body=b"ab"), b"GET"),
    ("9110-8.6 two equal lengths", ok(CL, CL, body=b"ab"), b"GET"),
    ("9110-8.6 two different lengths", ok(CL, b"Content-Length: 3", body=b"ab"), b"GET"),
    ("9110-8.6 a list", ok(b"Content-Length: 2, 2", body=b"ab"), b"GET"),
    ("9110-8.6 not a number, in an answer to HEAD", ok(b"Content-Length: x"), b"HEAD"),
    ("9112-6.3 length and coding", ok(CL, TE, body=b"0\r\n\r\n"), b"GET"),
    ("9112-6.3 coding and length", ok(TE, CL, body=b"0\r\n\r\n"), b"GET"),
    ("9112-6.3 length and coding in an answer to HEAD", ok(CL, TE), b"HEAD"),
    ("9112-6.1 coding in HTTP/1.0", ok(TE, first=b"HTTP/1.0 200 OK"), b"GET"),
    ("9112-6.1 coding in a 204", ok(TE, first=b"HTTP/1.1 204 X"), b"GET"),
    ("9112-6.1 coding in a 100", ok(TE, first=b"HTTP/1.1 100 X"), b"GET"),
    ("9112-6.1 gzip, chunked", ok(b"Transfer-Encoding: gzip, chunked"), b"GET"),
    ("9112-7 identity", ok(b"Transfer-Encoding: identity"), b"GET"),
    ("9112-6.1 chunked twice", ok(TE, TE), b"GET"),
    ("9112-7.1 a chunk size that is none", ok(TE, body=b"x\r\n"), b"GET"),
    ("limits: a head of 100 kB", ok(CL, b"X: " + b"a" * 100000), b"GET"),
    ("limits: a status line of 20 kB", ok(CL, first=b"HTTP/1.1 200 " + b"a" * 20000), b"GET"),
    ("limits: 600 fields", ok(CL, *[b"X: y"] * 600), b"GET"),
]
