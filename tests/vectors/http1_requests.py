"""Requests of HTTP/1, good and bad. A name begins with the section of RFC 9112 or RFC 9110 that decides."""

from dataclasses import dataclass, field

from mitmtw._wire.events import CHUNKED, LENGTH, NO_BODY


@dataclass(frozen=True)
class GoodRequest:
    """A request that is taken, and what must be read in it."""

    name: str
    wire: bytes
    method: bytes = b"GET"
    target: bytes = b"/"
    framing: int = NO_BODY
    body: bytes = b""
    trailers: list[tuple[bytes, bytes]] = field(default_factory=list)
    rest: bytes = b""
    keep_alive: bool = True


def get(*lines: bytes) -> bytes:
    """A GET with a Host and these lines."""
    return b"".join((b"GET / HTTP/1.1\r\nHost: a\r\n", *(line + b"\r\n" for line in lines), b"\r\n"))


def post(*lines: bytes, body: bytes = b"") -> bytes:
    """A POST with a Host, these lines, and what comes after the head."""
    return b"".join((b"POST / HTTP/1.1\r\nHost: a\r\n", *(line + b"\r\n" for line in lines), b"\r\n", body))


GOOD = [
    GoodRequest("9112-3 the smallest", get()),
    GoodRequest("9112-3.2 HTTP/1.0 without Host", b"GET / HTTP/1.0\r\n\r\n", keep_alive=False),
    GoodRequest("9112-9.3 HTTP/1.0 keep-alive", b"GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n"),
    GoodRequest(
        "9112-C.2.2 HTTP/1.0 Proxy-Connection",
        b"GET / HTTP/1.0\r\nProxy-Connection: keep-alive\r\n\r\n",
        keep_alive=False,
    ),
    GoodRequest("9112-9.3 close", get(b"Connection: CLOSE"), keep_alive=False),
    GoodRequest("9112-9.3 close in a list", get(b"Connection: x, close ,y"), keep_alive=False),
    GoodRequest("9112-9.3 close in a second field", get(b"Connection: x", b"connection: close"), keep_alive=False),
    GoodRequest("9112-9.3 close in Proxy-Connection", get(b"Proxy-Connection: close"), keep_alive=False),
    GoodRequest("9112-2.2 one empty line before", b"\r\n" + get()),
    GoodRequest("9112-2.2 four empty lines before", b"\r\n\r\n\r\n\r\n" + get()),
    GoodRequest("9110-9.1 an unknown method", b"FooBar / HTTP/1.1\r\nHost: a\r\n\r\n", method=b"FooBar"),
    GoodRequest(
        "9110-9.1 a method of symbols", b"!#$%&'*+-.^_`|~9 / HTTP/1.1\r\nHost: a\r\n\r\n", method=b"!#$%&'*+-.^_`|~9"
    ),
    GoodRequest("9110-9.1 a lower-case method", b"get / HTTP/1.1\r\nHost: a\r\n\r\n", method=b"get"),
    GoodRequest("9112-3.2.1 query", b"GET /a?b=c&d=%20 HTTP/1.1\r\nHost: a\r\n\r\n", target=b"/a?b=c&d=%20"),
    GoodRequest(
        "9112-3.2.1 as browsers send it", b'GET /|{}"<>^`\\[] HTTP/1.1\r\nHost: a\r\n\r\n', target=b'/|{}"<>^`\\[]'
    ),
    GoodRequest("9112-3.2.1 two slashes", b"GET //a/b HTTP/1.1\r\nHost: a\r\n\r\n", target=b"//a/b"),
    GoodRequest("9112-3.2.2 absolute form", b"GET http://b:80/x HTTP/1.1\r\nHost: a\r\n\r\n", target=b"http://b:80/x"),
    GoodRequest("9112-3.2.2 another scheme", b"GET ftp://b/x HTTP/1.1\r\nHost: a\r\n\r\n", target=b"ftp://b/x"),
    GoodRequest(
        "9112-3.2.3 authority form",
        b"CONNECT a:443 HTTP/1.1\r\nHost: a:443\r\n\r\n",
        method=b"CONNECT",
        target=b"a:443",
    ),
    GoodRequest(
        "9112-3.2.3 authority of IPv6",
        b"CONNECT [::1]:443 HTTP/1.1\r\nHost: [::1]:443\r\n\r\n",
        method=b"CONNECT",
        target=b"[::1]:443",
    ),
    GoodRequest("9112-3.2.4 asterisk form", b"OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n", method=b"OPTIONS", target=b"*"),
    GoodRequest("9112-3.2 an empty Host", b"GET / HTTP/1.1\r\nHost:\r\n\r\n"),
    GoodRequest("9110-7.2 Host with port", b"GET / HTTP/1.1\r\nHost: a_b-c.example:8080\r\n\r\n"),
    GoodRequest("9110-7.2 Host with an empty port", b"GET / HTTP/1.1\r\nHost: a:\r\n\r\n"),
    GoodRequest("9110-7.2 Host of IPv6", b"GET / HTTP/1.1\r\nhOST: [2001:db8::1]:1\r\n\r\n"),
    GoodRequest("9112-5 no blank after the colon", get(b"X:y")),
    GoodRequest("9112-5 blanks around the value", get(b"X: \t y \t")),
    GoodRequest("9112-5 an empty value", get(b"X:")),
    GoodRequest("9112-5 only blanks", get(b"X:  \t ")),
    GoodRequest("9110-5.5 a tab inside", get(b"X: a\tb")),
    GoodRequest("9110-5.5 obs-text", get(b"X: caf\xc3\xa9 \x80\xff")),
    GoodRequest("9110-5.6.2 a name of symbols", get(b"!#$%&'*+-.^_`|~9: x")),
    GoodRequest("9110-5.3 repeated fields keep their order", get(b"X: 1", b"x: 2", b"X: 1")),
    GoodRequest(
        "9112-6.2 Content-Length", post(b"Content-Length: 5", body=b"hello"), b"POST", framing=LENGTH, body=b"hello"
    ),
    GoodRequest("9112-6.2 Content-Length 0", post(b"Content-Length: 0"), b"POST", framing=LENGTH),
    GoodRequest(
        "9112-6.2 leading zeros", post(b"Content-Length: 005", body=b"hello"), b"POST", framing=LENGTH, body=b"hello"
    ),
    GoodRequest("9110-9.3.1 GET with a body", get(b"content-length: 2") + b"ab", framing=LENGTH, body=b"ab"),
    GoodRequest(
        "9112-9.3.2 a second request behind",
        post(b"Content-Length: 1", body=b"aGET /2"),
        b"POST",
        framing=LENGTH,
        body=b"a",
        rest=b"GET /2",
    ),
    GoodRequest("9112-9.3.2 behind one without a body", get() + get(), rest=get()),
    GoodRequest(
        "9112-7.1 chunked",
        post(b"Transfer-Encoding: chunked", body=b"5\r\nhello\r\n0\r\n\r\n"),
        b"POST",
        framing=CHUNKED,
        body=b"hello",
    ),
    GoodRequest(
        "9112-7 chunked in capitals",
        post(b"transfer-encoding: CHUNKED", body=b"1\r\na\r\n0\r\n\r\n"),
        b"POST",
        framing=CHUNKED,
        body=b"a",
    ),
    GoodRequest(
        "9112-7.1.2 trailers",
        post(b"Transfer-Encoding: chunked", body=b"1\r\na\r\n0\r\nX-A: 1\r\nx-b:2\r\n\r\nREST"),
        b"POST",
        framing=CHUNKED,
        body=b"a",
        trailers=[(b"X-A", b"1"), (b"x-b", b"2")],
        rest=b"REST",
    ),
    GoodRequest("9110-7.8 Upgrade", get(b"Connection: Upgrade", b"Upgrade: websocket")),
    GoodRequest(
        "9110-10.1.1 Expect",
        post(b"Expect: 100-continue", b"Content-Length: 1", body=b"x"),
        b"POST",
        framing=LENGTH,
        body=b"x",
    ),
    GoodRequest("9110-10.1.1 another Expect", get(b"Expect: something")),
]

TE = b"Transfer-Encoding: chunked"

#: Name, bytes, status.
BAD = [
    ("9112-3 two blanks in the request line", b"GET  / HTTP/1.1\r\nHost: a\r\n\r\n", 400),
    ("9112-3 a blank before the method", b" GET / HTTP/1.1\r\nHost: a\r\n\r\n", 400),
    ("9112-3 a blank after the version", b"GET / HTTP/1.1 \r\nHost: a\r\n\r\n", 400),
    ("9112-3 a tab instead of a blank", b"GET\t/ HTTP/1.1\r\nHost: a\r\n\r\n", 400),
    ("9112-3 no target", b"GET HTTP/1.1\r\nHost: a\r\n\r\n", 400),
    ("9112-3 an empty target", b"GET  HTTP/1.1\r\nHost: a\r\n\r\n", 400),
    ("9112-3 a blank in the target", b"GET /a b HTTP/1.1\r\nHost: a\r\n\r\n", 400),
    ("HTTP/0.9", b"GET /\r\n\r\n", 400),
    ("9112-2.3 HTTP/2.0", b"GET / HTTP/2.0\r\nHost: a\r\n\r\n", 505),
    ("9112-2.3 HTTP/1.2", b"GET / HTTP/1.2\r\nHost: a\r\n\r\n", 505),
    ("9112-2.3 HTTP/0.9 spelled out", b"GET / HTTP/0.9\r\nHost: a\r\n\r\n", 505),
    ("9112-2.3 HTTP/1.10", b"GET / HTTP/1.10\r\nHost: a\r\n\r\n", 400),
    ("9112-2.3 HTTP/01.1", b"GET / HTTP/01.1\r\nHost: a\r\n\r\n", 400),
    ("9112-2.3 lower case", b"GET / http/1.1\r\nHost: a\r\n\r\n", 400),
    ("9112-2.3 another protocol", b"GET / RTSP/1.0\r\nHost: a\r\n\r\n", 400),
    ("9110-9.1 a method that is no token", b"G(T / HTTP/1.1\r\nHost: a\r\n\r\n", 400),
    ("9110-9.1 an 8-bit method", b"G\xc3T / HTTP/1.1\r\nHost: a\r\n\r\n", 400),
    ("9112-3.2 8 bits in the target", b"GET /\xc3\xa9 HTTP/1.1\r\nHost: a\r\n\r\n", 400),
    ("9112-3.2 NUL in the target", b"GET /\x00 HTTP/1.1\r\nHost: a\r\n\r\n", 400),
    ("9112-3.2 DEL in the target", b"GET /\x7f HTTP/1.1\r\nHost: a\r\n\r\n", 400),
    ("9112-3.2 a tab in the target", b"GET /\t HTTP/1.1\r\nHost: a\r\n\r\n", 400),
    ("9110-4.2.5 a fragment", b"GET /a#b HTTP/1.1\r\nHost: a\r\n\r\n", 400),
    ("9112-3.2 no form at all", b"GET a HTTP/1.1\r\nHost: a\r\n\r\n", 400),
    ("9112-3.2.3 authority form without CONNECT", b"GET a:80 HTTP/1.1\r\nHost: a\r\n\r\n", 400),
    ("9112-3.2.4 asterisk form without OPTIONS", b"GET * HTTP/1.1\r\nHost: a\r\n\r\n", 400),
    ("9112-3.2.2 absolute form without a host", b"GET http:///x HTTP/1.1\r\nHost: a\r\n\r\n", 400),
    ("9112-3.2.3 CONNECT to a path", b"CONNECT / HTTP/1.1\r\nHost: a\r\n\r\n", 400),
    ("9110-9.3.6 CONNECT without a port", b"CONNECT a HTTP/1.1\r\nHost: a\r\n\r\n", 400),
    ("9110-9.3.6 CONNECT with an empty port", b"CONNECT a: HTTP/1.1\r\nHost: a\r\n\r\n", 400),
    ("9110-9.3.6 CONNECT to port 0", b"CONNECT a:0 HTTP/1.1\r\nHost: a\r\n\r\n", 400),
    ("9110-9.3.6 CONNECT to port 65536", b"CONNECT a:65536 HTTP/1.1\r\nHost: a\r\n\r\n", 400),
    ("9110-9.3.6 CONNECT without a host", b"CONNECT :80 HTTP/1.1\r\nHost: a\r\n\r\n", 400),
    ("9112-3.2.3 CONNECT with userinfo", b"CONNECT u@a:80 HTTP/1.1\r\nHost: a\r\n\r\n", 400),
    ("9112-3.2.3 CONNECT with absolute form", b"CONNECT http://a:80 HTTP/1.1\r\nHost: a\r\n\r\n", 400),
    ("9112-3.2 no Host", b"GET / HTTP/1.1\r\nX: y\r\n\r\n", 400),
    ("9112-3.2 no fields at all", b"GET / HTTP/1.1\r\n\r\n", 400),
    ("9112-3.2 two Hosts", get(b"host: b"), 400),
    ("9112-3.2 two equal Hosts", get(b"Host: a"), 400),
    ("9112-3.2 a blank in Host", b"GET / HTTP/1.1\r\nHost: a b\r\n\r\n", 400),
    ("9112-3.2 a list in Host", b"GET / HTTP/1.1\r\nHost: a,b\r\n\r\n", 400),
    ("9110-7.2 userinfo in Host", b"GET / HTTP/1.1\r\nHost: a@b\r\n\r\n", 400),
    ("9110-7.2 a path in Host", b"GET / HTTP/1.1\r\nHost: a/b\r\n\r\n", 400),
    ("9110-7.2 a port that is none", b"GET / HTTP/1.1\r\nHost: a:b\r\n\r\n", 400),
    ("9110-7.2 a port that is too large", b"GET / HTTP/1.1\r\nHost: a:65536\r\n\r\n", 400),
    ("9110-7.2 8 bits in Host", b"GET / HTTP/1.1\r\nHost: \xc3\xa9\r\n\r\n", 400),
    ("9112-2.2 LF alone ends all lines", b"GET / HTTP/1.1\nHost: a\n\n", 400),
    ("9112-2.2 LF alone ends the request line", b"GET / HTTP/1.1\nHost: a\r\n\r\n", 400),
    ("9112-2.2 LF alone ends a field", b"GET / HTTP/1.1\r\nHost: a\nX: y\r\n\r\n", 400),
    ("9112-2.2 LF alone ends the head", b"GET / HTTP/1.1\r\nHost: a\r\n\n", 400),
    ("9112-2.2 an empty line of LF before", b"\n" + get(), 400),
    ("9112-2.2 CR alone", b"GET / HTTP/1.1\r\nHost: a\rX: y\r\n\r\n", 400),
    ("9112-2.2 CR alone ends all lines", b"GET / HTTP/1.1\rHost: a\r\rX", 400),
    ("9112-2.2 CR CR LF", b"GET / HTTP/1.1\r\r\nHost: a\r\n\r\n", 400),
    ("9112-2.2 five empty lines before", b"\r\n\r\n\r\n\r\n\r\n" + get(), 400),
    ("a TLS record", b"\x16\x03\x01\x02\x00\x01\x00", 400),
    ("9112-5.1 a blank before the colon", get(b"X : y"), 400),
    ("9112-5.1 a tab before the colon", get(b"X\t: y"), 400),
    ("9112-5 no colon", get(b"X"), 400),
    ("9112-5 no name", get(b": y"), 400),
    ("9112-5 a name that is no token", get(b"X(y): z"), 400),
    ("9112-5 a blank in the name", get(b"X y: z"), 400),
    ("9112-5 an 8-bit name", get(b"X\xc3: z"), 400),
    ("9112-5.2 a folded line", get(b"X: y", b" z"), 400),
    ("9112-5.2 a line folded with a tab", get(b"X: y", b"\tz"), 400),
    ("9112-2.2 a blank before the first field", b"GET / HTTP/1.1\r\n Host: a\r\n\r\n", 400),
    ("9110-5.5 NUL in a value", get(b"X: a\x00b"), 400),
    ("9110-5.5 a vertical tab in a value", get(b"X: a\x0bb"), 400),
    ("9110-5.5 DEL in a value", get(b"X: a\x7fb"), 400),
    ("9110-8.6 a sign", post(b"Content-Length: +5", body=b"hello"), 400),
    ("9110-8.6 a negative length", post(b"Content-Length: -1"), 400),
    ("9110-8.6 a list", post(b"Content-Length: 5, 5", body=b"hello"), 400),
    ("9110-8.6 a blank inside", post(b"Content-Length: 1 0", body=b"hello"), 400),
    ("9110-8.6 hexadecimal", post(b"Content-Length: 0x5", body=b"hello"), 400),
    ("9110-8.6 an underscore", post(b"Content-Length: 1_0", body=b"hello"), 400),
    ("9110-8.6 empty", post(b"Content-Length:"), 400),
    ("9110-8.6 2**63", post(b"Content-Length: 9223372036854775808"), 400),
    ("9110-8.6 thirty digits", post(b"Content-Length: " + b"9" * 30), 400),
    ("9110-8.6 two equal lengths", post(b"Content-Length: 5", b"Content-Length: 5", body=b"hello"), 400),
    ("9110-8.6 two different lengths", post(b"Content-Length: 5", b"content-length: 6", body=b"hello"), 400),
    ("9112-6.3 length before coding", post(b"Content-Length: 5", TE, body=b"0\r\n\r\n"), 400),
    ("9112-6.3 coding before length", post(TE, b"Content-Length: 5", body=b"0\r\n\r\n"), 400),
    ("9112-6.3 a length of 0 beside a coding", post(TE, b"Content-Length: 0", body=b"0\r\n\r\n"), 400),
    ("9112-6.1 coding in HTTP/1.0", b"POST / HTTP/1.0\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400),
    ("9112-6.1 gzip, chunked", post(b"Transfer-Encoding: gzip, chunked"), 501),
    ("9112-6.3 chunked, gzip", post(b"Transfer-Encoding: chunked, gzip"), 400),
    ("9112-6.3 gzip", post(b"Transfer-Encoding: gzip"), 400),
    ("9112-6.1 chunked, chunked", post(b"Transfer-Encoding: chunked, chunked"), 400),
    ("9112-6.1 chunked twice", post(TE, TE), 400),
    ("9112-6.1 chunked and identity", post(TE, b"Transfer-Encoding: identity"), 400),
    ("9112-7 identity", post(b"Transfer-Encoding: identity"), 400),
    ("9112-7 xchunked", post(b"Transfer-Encoding: xchunked"), 400),
    ("9112-7 chunked with a parameter", post(b"Transfer-Encoding: chunked;a=b"), 400),
    ("9112-7 an empty element", post(b"Transfer-Encoding: , chunked"), 400),
    ("9112-7 quoted", post(b'Transfer-Encoding: "chunked"'), 400),
    ("9112-7 empty", post(b"Transfer-Encoding:"), 400),
    ("9112-5.1 a blank before the colon of the coding", post(b"Transfer-Encoding : chunked"), 400),
    ("9112-7 a vertical tab before chunked", post(b"Transfer-Encoding: \x0bchunked"), 400),
    ("9112-7.1.2 a length as trailer", post(TE, body=b"0\r\nContent-Length: 1\r\n\r\n"), 400),
    ("limits: a request line of 20 kB", b"GET /" + b"a" * 20000 + b" HTTP/1.1\r\nHost: a\r\n\r\n", 414),
    ("limits: a field line of 100 kB", get(b"X: " + b"a" * 100000), 431),
    ("limits: 600 fields", get(*[b"X: y"] * 600), 431),
]

#: Not whole: nothing is read and nothing refused.
UNFINISHED = [
    ("nothing", b""),
    ("an empty line", b"\r\n"),
    ("half an empty line", b"\r"),
    ("a part of the method", b"GE"),
    ("a request line", b"GET / HTTP/1.1\r\n"),
    ("a head without its last octet", get()[:-1]),
    ("a part of the body", post(b"Content-Length: 5", body=b"hell")),
    ("no body yet", post(b"Content-Length: 5")),
    ("chunked without its last octet", post(TE, body=b"1\r\na\r\n0\r\n\r")),
    ("a part of the trailers", post(TE, body=b"0\r\nX: y\r\n")),
]
