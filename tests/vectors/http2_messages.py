"""Messages of HTTP/2, good and malformed, one rule each (RFC 9113 section 8, RFC 8441, RFC 7541)."""

from tests.vectors.http2_build import CONNECT, GET, OK, POST, SOCKET, Case, Pairs, block, frame, headers, settings

P = "PROTOCOL_ERROR"


def request(section: str, must: str, *pairs: tuple[bytes, bytes], malformed: bool = True) -> Case:
    """A request without a body: malformed or not."""
    told = f"broken 1 {P}" if malformed else "head 1 end"
    return Case(section, must, "server", headers(1, *pairs) + settings(), (told, "settings"))


def with_field(section: str, must: str, name: bytes, value: bytes, malformed: bool = True) -> Case:
    """A GET with one more field."""
    return request(section, must, *GET, (name, value), malformed=malformed)


def body(section: str, must: str, wire: bytes, *told: str) -> Case:
    """What a server tells of a body."""
    return Case(section, must, "server", wire + settings(), (*told, "settings"))


def response(section: str, must: str, wire: bytes, *told: str, method: bytes = b"GET") -> Case:
    """What a client tells of a response."""
    return Case(section, must, "client", wire + settings(), (*told, "settings"), (method,))


def replaced(name: bytes, value: bytes, pairs: Pairs = GET) -> Pairs:
    """The pairs with another value."""
    return tuple((key, value if key == name else old) for key, old in pairs)


def omitted(name: bytes) -> Pairs:
    """A GET without one pseudo-field."""
    return tuple(pair for pair in GET if pair[0] != name)


def sized(length: bytes, pairs: Pairs = POST) -> bytes:
    """A head with a Content-Length, and a body to come."""
    return headers(1, *pairs, (b"content-length", length), flags=4)


BROKEN = f"broken 1 {P}"
TRAILER = ((b"x-sum", b"1"),)

MESSAGES = [
    request("9113 8.3.1", "a GET", *GET, malformed=False),
    request("9113 8.3.1", "pseudo-fields in any order", *reversed(GET), malformed=False),
    request("9113 8.3.1", "an unknown method", *replaced(b":method", b"FOO"), malformed=False),
    request("9113 8.3.1", "OPTIONS *", *replaced(b":path", b"*", replaced(b":method", b"OPTIONS")), malformed=False),
    request(
        "9113 8.3.1", "Host in place of :authority", *omitted(b":authority"), (b"host", b"a.test"), malformed=False
    ),
    request("9113 8.3.1", "Host beside the same :authority", *GET, (b"host", b"A.test:443"), malformed=False),
    request("9113 8.3.1", "a port", *replaced(b":authority", b"a.test:8443"), malformed=False),
    request("9113 8.3.1", "an IPv6 address", *replaced(b":authority", b"[::1]:80"), malformed=False),
    request("9113 8.3.1", "another scheme", *replaced(b":scheme", b"ftp"), malformed=False),
    *(request("9113 8.3.1", f"no {name.decode()}", *omitted(name)) for name in (b":method", b":scheme", b":path")),
    request("9113 8.3.1", "neither :authority nor Host", *omitted(b":authority")),
    *(request("9113 8.3", f"two {name.decode()}", *GET, (name, value)) for name, value in GET),
    request("9113 8.3", "a pseudo-field after a field", *GET[:3], (b"a", b"b"), GET[3]),
    request("9113 8.3", "an unknown pseudo-field", *GET, (b":x", b"y")),
    request("9113 8.3", "a response's pseudo-field", *GET, (b":status", b"200")),
    request("9113 8.3", "a pseudo-field without a name", *GET, (b":", b"y")),
    request("9113 8.3", "a pseudo-field in capitals", (b":Method", b"GET"), *GET[1:]),
    *(
        request("9113 8.3.1", f"the method {method!r}", *replaced(b":method", method))
        for method in (b"", b"GET /x HTTP/1.1", b"G\r\nX", b"G\0", b"G:T", b"\xc3\xa4")
    ),
    *(
        request("9113 8.3.1", f"the path {path!r}", *replaced(b":path", path))
        for path in (
            b"",
            b"a",
            b"*",
            b"/a b",
            b"/\r\nX: y",
            b"/\0",
            b"/\t",
            b"/#x",
            b"/\x7f",
            b"/\xff",
            b"http://a.test/",
        )
    ),
    *(
        request("9113 8.3.1", f"the scheme {scheme!r}", *replaced(b":scheme", scheme))
        for scheme in (b"", b"1x", b"ht tp", b"http://x", b"h\r\n")
    ),
    *(
        request("9113 8.3.1", f"the authority {authority!r}", *replaced(b":authority", authority))
        for authority in (
            b"",
            b"me@a.test",
            b"me:x@a.test",
            b":80",
            b"a.test:99999",
            b"a.test:x",
            b"a b",
            b"a/b",
            b"a\r\nb",
            b"a.test,b",
        )
    ),
    request("9113 8.3.1", "Host differs", *GET, (b"host", b"b.test")),
    request("9113 8.3.1", "Host has another port", *GET, (b"host", b"a.test:80")),
    request("9113 8.3.1", "two Hosts", *GET, (b"host", b"a.test"), (b"host", b"a.test")),
    request("9113 8.3.1", "Host is no host", *omitted(b":authority"), (b"host", b"a@b")),
    request("9113 8.3.1", "Host is empty", *omitted(b":authority"), (b"host", b"")),
    # fields
    with_field("9113 8.2.1", "a tab in a value", b"a", b"b\tc", False),
    with_field("9113 8.2.1", "an empty value", b"a", b"", False),
    with_field("9113 8.2.1", "octets above 127 in a value", b"a", b"\xff", False),
    with_field("9113 8.2.2", "te: trailers", b"te", b"trailers", False),
    *(
        with_field("9113 8.2.1", f"the name {name!r}", name, b"x")
        for name in (b"", b"A", b"aB", b"a b", b"a:b", b"a\r\nb", b"a\0", b"\x7f", b"\xe4", b" a")
    ),
    *(
        with_field("9113 8.2.1", f"the value {value!r}", b"a", value)
        for value in (b"a\rb", b"a\nb", b"a\0b", b" a", b"a ", b"\ta", b"a\t", b"a\r\nx: y", b"\x01", b"\x7f")
    ),
    *(
        with_field("9113 8.2.2", f"{name.decode()}", name, value)
        for name, value in (
            (b"connection", b"close"),
            (b"connection", b"x"),
            (b"proxy-connection", b"keep-alive"),
            (b"keep-alive", b"timeout=5"),
            (b"transfer-encoding", b"chunked"),
            (b"upgrade", b"websocket"),
            (b"te", b"gzip"),
            (b"te", b"trailers, deflate"),
        )
    ),
    # CONNECT
    request("9113 8.5", "CONNECT", *CONNECT, malformed=False),
    request("9113 8.5", "CONNECT with :scheme", *CONNECT, (b":scheme", b"https")),
    request("9113 8.5", "CONNECT with :path", *CONNECT, (b":path", b"/")),
    request("9113 8.5", "CONNECT without :authority", CONNECT[0]),
    request("9113 8.5", "CONNECT without a port", *replaced(b":authority", b"a.test", CONNECT)),
    request("8441 4", "extended CONNECT", *SOCKET, malformed=False),
    request("8441 4", "extended CONNECT without :path", *SOCKET[:-1]),
    request("8441 4", "extended CONNECT without :scheme", *(pair for pair in SOCKET if pair[0] != b":scheme")),
    request("8441 4", "extended CONNECT without :authority", *(pair for pair in SOCKET if pair[0] != b":authority")),
    request("8441 4", ":protocol with GET", *GET, (b":protocol", b"websocket")),
    request("8441 4", ":protocol is no token", *replaced(b":protocol", b"web socket", SOCKET)),
    # content-length
    body("9113 8.1.1", "the length that was said", sized(b"3") + frame(0, 1, 1, b"abc"), "head 1", "data 1 3 end"),
    body("9113 8.1.1", "less than was said", sized(b"3") + frame(0, 1, 1, b"ab"), "head 1", BROKEN),
    body("9113 8.1.1", "nothing of what was said", sized(b"3") + frame(0, 1, 1), "head 1", BROKEN),
    body("9113 8.1.1", "more than was said", sized(b"3") + frame(0, 0, 1, b"abcd"), "head 1", BROKEN),
    body("9113 8.1.1", "trailers too early", sized(b"3") + headers(1, *TRAILER), "head 1", BROKEN),
    body("9113 8.1.1", "a length and no content", headers(1, *POST, (b"content-length", b"3")), BROKEN),
    body("9113 8.1.1", "a length of nothing", headers(1, *POST, (b"content-length", b"0")), "head 1 end"),
    *(
        body("9110 8.6", f"the length {length!r}", sized(length), BROKEN)
        for length in (b"", b"+1", b"-1", b"1,1", b"0x1", b"1.", b"9" * 20, b"\xb9")
    ),
    body("9110 8.6", "two lengths", sized(b"3", (*POST, (b"content-length", b"3"))), BROKEN),
    # trailers
    body(
        "9113 8.1",
        "trailers",
        headers(1, *POST, flags=4) + frame(0, 0, 1, b"x") + headers(1, *TRAILER),
        "head 1",
        "data 1 1",
        "trailers 1 x-sum",
    ),
    body(
        "9113 8.1",
        "trailers that end nothing",
        headers(1, *POST, flags=4) + headers(1, *TRAILER, flags=4),
        "head 1",
        BROKEN,
    ),
    body(
        "9113 8.1",
        "a pseudo-field in trailers",
        headers(1, *POST, flags=4) + headers(1, (b":path", b"/")),
        "head 1",
        BROKEN,
    ),
    body(
        "9113 8.2.2",
        "connection in trailers",
        headers(1, *POST, flags=4) + headers(1, (b"connection", b"x")),
        "head 1",
        BROKEN,
    ),
    body("9110 6.5.1", "host in trailers", headers(1, *POST, flags=4) + headers(1, (b"host", b"x")), "head 1", BROKEN),
    body(
        "9110 6.5.1",
        "a length in trailers",
        headers(1, *POST, flags=4) + headers(1, (b"content-length", b"0")),
        "head 1",
        BROKEN,
    ),
    # responses
    response("9113 8.3.2", "a response", headers(1, *OK), "head 1 end"),
    response("9113 8.1", "a body", headers(1, *OK, flags=4) + frame(0, 1, 1, b"x"), "head 1", "data 1 1 end"),
    response(
        "9113 8.1",
        "100 first",
        headers(1, (b":status", b"100"), flags=4) + headers(1, *OK),
        "head 1 info",
        "head 1 end",
    ),
    response(
        "9113 8.1",
        "two of 103",
        headers(1, (b":status", b"103"), flags=4) * 2 + headers(1, *OK),
        "head 1 info",
        "head 1 info",
        "head 1 end",
    ),
    response("9113 8.1", "100 that ends", headers(1, (b":status", b"100")), BROKEN),
    response("9113 8.1", "a second final response", headers(1, *OK, flags=4) * 2, "head 1", BROKEN),
    response("9113 8.1", "trailers", headers(1, *OK, flags=4) + headers(1, *TRAILER), "head 1", "trailers 1 x-sum"),
    response("9113 8.6", "101", headers(1, (b":status", b"101"), flags=4), BROKEN),
    *(
        response("9113 8.3.2", f"the status {status!r}", headers(1, (b":status", status)), BROKEN)
        for status in (b"", b"20", b"2000", b"abc", b"+20", b"099", b"2\xb9\xb9")
    ),
    response("9113 8.3.2", "no :status", headers(1, (b"a", b"b")), BROKEN),
    response("9113 8.3.2", "two :status", headers(1, *OK, *OK), BROKEN),
    response("9113 8.3", "a request's pseudo-field", headers(1, *OK, (b":path", b"/")), BROKEN),
    response("9113 8.2.2", "connection in a response", headers(1, *OK, (b"connection", b"close")), BROKEN),
    response(
        "9113 8.1.1",
        "HEAD: a length and no content",
        headers(1, *OK, (b"content-length", b"9")),
        "head 1 end",
        method=b"HEAD",
    ),
    response(
        "9113 8.1.1", "HEAD: content", headers(1, *OK, flags=4) + frame(0, 1, 1, b"x"), "head 1", BROKEN, method=b"HEAD"
    ),
    response(
        "9113 8.1.1",
        "304: a length and no content",
        headers(1, (b":status", b"304"), (b"content-length", b"9")),
        "head 1 end",
    ),
    response(
        "9113 8.1.1", "204: content", headers(1, (b":status", b"204"), flags=4) + frame(0, 1, 1, b"x"), "head 1", BROKEN
    ),
    response("9113 8.1.1", "GET: a length and no content", headers(1, *OK, (b"content-length", b"9")), BROKEN),
    response(
        "9113 8.1.1",
        "less than was said",
        headers(1, *OK, (b"content-length", b"9"), flags=4) + frame(0, 1, 1, b"x"),
        "head 1",
        BROKEN,
    ),
    response(
        "9113 8.5",
        "fields in a tunnel",
        headers(1, *OK, flags=4) + headers(1, *TRAILER),
        "head 1",
        BROKEN,
        method=b"CONNECT",
    ),
    response(
        "9113 8.5",
        "trailers of a refusal",
        headers(1, (b":status", b"403"), flags=4) + headers(1, *TRAILER),
        "head 1",
        "trailers 1 x-sum",
        method=b"CONNECT",
    ),
    # compression
    *(
        Case("7541 " + section, must, "server", frame(1, 5, 1, wire), ("failed COMPRESSION_ERROR",))
        for section, must, wire in (
            ("2.3.3", "an index that is not there", b"\xbe"),
            ("4.2", "a table size after a field", b"\x82\x20"),
            ("4.2", "three table sizes", b"\x20\x20\x20" + block(*GET)),
            ("5.1", "an integer without an end", b"\xff" + b"\x80" * 12 + b"\x01"),
            ("5.1", "an integer that is cut off", b"\x7f\x80"),
            ("5.2", "a string that is cut off", b"\x40\x01a\x7f\xff\xff\x03x"),
            ("5.2", "padding that is not set", b"\x40\x01a\x81\x18"),
            ("5.2", "padding of eight bits", b"\x40\x01a\x82\x1f\xff"),
            ("5.2", "the end of string", b"\x40\x01a\x84\xff\xff\xff\xff"),
            ("6.1", "the index 0", b"\x82\x80"),
            ("6.3", "a table size over the limit", b"\x3f\xe2\x1f" + block(*GET)),
        )
    ),
    Case(
        "7541 4.2",
        "two table sizes first",
        "server",
        frame(1, 5, 1, b"\x20\x3f\xe1\x1f" + block(*GET)),
        ("head 1 end",),
    ),
]
