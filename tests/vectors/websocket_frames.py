"""WebSocket frames and messages, good and bad (RFC 6455 sections 5 to 8, RFC 7692)."""

KEY = b"\x37\xfa\x21\x3d"


def client(first: int, payload: bytes, length: bytes | None = None) -> bytes:
    """A client's frame: masked with L{KEY}, octet by octet as section 5.3 says."""
    if length is None:
        length = bytes((len(payload),))
    masked = bytes(octet ^ KEY[place % 4] for place, octet in enumerate(payload))
    return bytes((first, length[0] | 0x80)) + length[1:] + KEY + masked


def server(first: int, payload: bytes, length: bytes | None = None) -> bytes:
    """A server's frame: not masked."""
    if length is None:
        length = bytes((len(payload),))
    return bytes((first,)) + length + payload


#: Opcode, whether it is the last, whether RSV1 is set, payload.
Read = tuple[int, bool, bool, bytes]
L126, L65535, L65536 = b"\x7e\x00\x7e", b"\x7e\xff\xff", b"\x7f\x00\x00\x00\x00\x00\x01\x00\x00"

#: Name, role, whether deflate was agreed on, bytes, frames.
GOOD: list[tuple[str, str, bool, bytes, list[Read]]] = [
    ("5.7 text, not masked", "server", False, b"\x81\x05Hello", [(1, True, False, b"Hello")]),
    (
        "5.7 text, masked",
        "client",
        False,
        b"\x81\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58",
        [(1, True, False, b"Hello")],
    ),
    (
        "5.7 text in two fragments",
        "server",
        False,
        b"\x01\x03Hel\x80\x02lo",
        [(1, False, False, b"Hel"), (0, True, False, b"lo")],
    ),
    ("5.7 ping", "server", False, b"\x89\x05Hello", [(9, True, False, b"Hello")]),
    (
        "5.7 pong, masked",
        "client",
        False,
        b"\x8a\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58",
        [(10, True, False, b"Hello")],
    ),
    ("5.7 256 octets", "server", False, b"\x82\x7e\x01\x00" + b"x" * 256, [(2, True, False, b"x" * 256)]),
    ("5.7 65536 octets", "server", False, server(0x82, b"y" * 65536, L65536), [(2, True, False, b"y" * 65536)]),
    ("5.2 nothing", "server", False, b"\x81\x00", [(1, True, False, b"")]),
    ("5.2 nothing, masked", "client", False, client(0x82, b""), [(2, True, False, b"")]),
    ("5.2 125 octets", "client", False, client(0x82, b"z" * 125), [(2, True, False, b"z" * 125)]),
    ("5.2 126 octets", "client", False, client(0x82, b"z" * 126, L126), [(2, True, False, b"z" * 126)]),
    ("5.2 65535 octets", "client", False, client(0x82, b"z" * 65535, L65535), [(2, True, False, b"z" * 65535)]),
    ("5.2 65536 octets, masked", "client", False, client(0x82, b"z" * 65536, L65536), [(2, True, False, b"z" * 65536)]),
    (
        "5.3 lengths of each remainder by four",
        "client",
        False,
        b"".join(client(0x82, b"abcde"[:size]) for size in range(6)),
        [(2, True, False, b"abcde"[:size]) for size in range(6)],
    ),
    ("5.3 a key of zeros", "client", False, b"\x82\x82\0\0\0\0ab", [(2, True, False, b"ab")]),
    (
        "5.4 a ping between fragments",
        "server",
        False,
        b"\x02\x01a\x89\x01p\x80\x01b",
        [(2, False, False, b"a"), (9, True, False, b"p"), (0, True, False, b"b")],
    ),
    (
        "5.4 fragments without octets",
        "server",
        False,
        b"\x01\x00\x00\x00\x80\x00",
        [(1, False, False, b""), (0, False, False, b""), (0, True, False, b"")],
    ),
    (
        "5.4 a message behind a fragmented one",
        "server",
        False,
        b"\x01\x01a\x80\x01b\x81\x01c",
        [(1, False, False, b"a"), (0, True, False, b"b"), (1, True, False, b"c")],
    ),
    ("5.5 125 octets of ping", "server", False, server(0x89, b"p" * 125), [(9, True, False, b"p" * 125)]),
    ("5.5.1 close without a code", "server", False, b"\x88\x00", [(8, True, False, b"")]),
    ("5.5.1 close with a code", "client", False, client(0x88, b"\x03\xe8"), [(8, True, False, b"\x03\xe8")]),
    (
        "5.5.1 close with a reason",
        "server",
        False,
        server(0x88, b"\x03\xe9" + "weg äöü".encode()),
        [(8, True, False, b"\x03\xe9" + "weg äöü".encode())],
    ),
    (
        "5.5.1 close within a message",
        "server",
        False,
        b"\x01\x01a\x88\x02\x03\xe8",
        [(1, False, False, b"a"), (8, True, False, b"\x03\xe8")],
    ),
    ("5.5.3 pong that nobody asked for", "server", False, b"\x8a\x00", [(10, True, False, b"")]),
    *(
        (f"7.4 close code {code}", "server", False, server(0x88, code.to_bytes(2, "big")), [(8, True, False, pair)])
        for code in (1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 1014, 3000, 3999, 4000, 4999)
        for pair in [code.to_bytes(2, "big")]
    ),
    ("7692-6.1 RSV1 on a text", "server", True, b"\xc1\x01a", [(1, True, True, b"a")]),
    (
        "7692-6.1 RSV1 on the first fragment",
        "client",
        True,
        client(0x42, b"a") + client(0x80, b"b"),
        [(2, False, True, b"a"), (0, True, False, b"b")],
    ),
    ("7692-6.1 not deflated", "server", True, b"\x81\x01a", [(1, True, False, b"a")]),
]

#: Name, role, whether deflate was agreed on, bytes, close code of the error, frames before it.
BAD: list[tuple[str, str, bool, bytes, int, int]] = [
    ("5.1 a client's frame without a mask", "client", False, b"\x81\x01a", 1002, 0),
    ("5.1 a server's frame with a mask", "server", False, client(0x81, b"a"), 1002, 0),
    ("5.1 the second frame without a mask", "client", False, client(0x81, b"a") + b"\x81\x01a", 1002, 1),
    ("5.2 RSV1", "server", False, b"\xc1\x01a", 1002, 0),
    ("5.2 RSV2", "server", True, b"\xa1\x01a", 1002, 0),
    ("5.2 RSV3", "server", True, b"\x91\x01a", 1002, 0),
    ("5.2 all reserved bits", "client", True, client(0xF2, b"a"), 1002, 0),
    *((f"5.2 opcode {code}", "server", True, bytes((0x80 | code, 0)), 1002, 0) for code in (3, 4, 5, 6, 7)),
    *((f"5.2 opcode {code}", "client", True, client(0x80 | code, b""), 1002, 0) for code in (11, 12, 13, 14, 15)),
    ("5.2 125 octets in two octets", "server", False, b"\x82\x7e\x00\x7d" + b"a" * 125, 1002, 0),
    ("5.2 0 octets in two octets", "client", False, b"\x82\xfe\x00\x00" + KEY, 1002, 0),
    ("5.2 65535 octets in eight octets", "server", False, b"\x82\x7f" + b"\0" * 6 + b"\xff\xff" + b"a", 1002, 0),
    ("5.2 125 octets in eight octets", "client", False, b"\x82\xff" + b"\0" * 7 + b"\x7d" + KEY, 1002, 0),
    ("5.2 the highest bit of a length", "server", False, b"\x82\x7f\x80" + b"\0" * 7, 1002, 0),
    ("5.2 all bits of a length", "client", False, b"\x82\xff" + b"\xff" * 8, 1002, 0),
    ("5.4 a continuation of nothing", "server", False, b"\x80\x01a", 1002, 0),
    ("5.4 a first continuation of nothing", "server", False, b"\x00\x01a", 1002, 0),
    ("5.4 a continuation of a whole message", "server", False, b"\x81\x01a\x80\x01b", 1002, 1),
    ("5.4 a continuation behind the last one", "server", False, b"\x01\x01a\x80\x01b\x80\x01c", 1002, 2),
    ("5.4 a text within a text", "server", False, b"\x01\x01a\x81\x01b", 1002, 1),
    ("5.4 a binary within a text", "client", False, client(1, b"a") + client(2, b"b"), 1002, 1),
    ("5.5 a ping in fragments", "server", False, b"\x09\x01a", 1002, 0),
    ("5.5 a close in fragments", "client", False, client(8, b""), 1002, 0),
    ("5.5 a pong in fragments", "server", False, b"\x0a\x00", 1002, 0),
    ("5.5 a ping of 126 octets", "server", False, server(0x89, b"a" * 126, L126), 1002, 0),
    ("5.5 a close of 65536 octets", "client", False, client(0x88, b"a" * 65536, L65536), 1002, 0),
    ("5.5.1 half a code", "server", False, b"\x88\x01\x03", 1002, 0),
    ("5.5.1 half a code, masked", "client", False, client(0x88, b"\x03"), 1002, 0),
    ("5.5.1 a reason that is not UTF-8", "server", False, b"\x88\x03\x03\xe8\xff", 1007, 0),
    ("5.5.1 a reason that ends within a character", "server", False, b"\x88\x04\x03\xe8a\xc3", 1007, 0),
    ("5.5.1 a surrogate in a reason", "client", False, client(0x88, b"\x03\xe8\xed\xa0\x80"), 1007, 0),
    ("5.5.1 a text behind a close", "server", False, b"\x88\x00\x81\x01a", 1002, 1),
    ("5.5.1 a ping behind a close", "client", False, client(0x88, b"\x03\xe8") + client(0x89, b""), 1002, 1),
    ("5.5.1 one octet behind a close", "server", False, b"\x88\x00\x81", 1002, 1),
    *(
        (f"7.4 close code {code}", "server", False, server(0x88, code.to_bytes(2, "big")), 1002, 0)
        for code in (0, 1, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000, 65535)
    ),
    ("7692-6.1 RSV1 on a ping", "server", True, b"\xc9\x00", 1002, 0),
    ("7692-6.1 RSV1 on a close", "client", True, client(0xC8, b""), 1002, 0),
    ("7692-6.1 RSV1 on a continuation", "server", True, b"\x41\x01a\xc0\x01b", 1002, 1),
]

#: Name, bytes of a text message of a server that is one frame, whether it is UTF-8.
TEXTS: list[tuple[str, bytes, bool]] = [
    ("8.1 nothing", b"", True),
    ("8.1 one to four octets a character", "aäλ€𐍈".encode(), True),
    ("8.1 the last character", b"\xf4\x8f\xbf\xbf", True),
    ("8.1 a noncharacter", b"\xef\xbf\xbf", True),
    ("8.1 NUL", b"\x00", True),
    ("8.1 behind the last character", b"\xf4\x90\x80\x80", False),
    ("8.1 an octet of five", b"\xf8\x88\x80\x80\x80", False),
    ("8.1 a surrogate", b"\xed\xa0\x80", False),
    ("8.1 a pair of surrogates", b"\xed\xa0\x80\xed\xb0\x80", False),
    ("8.1 too long for a slash", b"\xc0\xaf", False),
    ("8.1 too long for NUL", b"\xe0\x80\x80", False),
    ("8.1 a continuation alone", b"a\x80", False),
    ("8.1 the end within a character", b"a\xe2\x82", False),
    ("8.1 Latin-1", b"caf\xe9 noir", False),
    ("8.1 FF", b"\xff", False),
]

#: Name, value of a field, extensions.
EXTENSION_LISTS: list[tuple[str, bytes, list[tuple[bytes, tuple[tuple[bytes, bytes | None], ...]]]]] = [
    ("9.1 one", b"foo", [(b"foo", ())]),
    ("9.1 two", b"foo, bar", [(b"foo", ()), (b"bar", ())]),
    ("9.1 a parameter", b"bar; baz=2", [(b"bar", ((b"baz", b"2"),))]),
    ("9.1 a parameter without a value", b"foo;use-y", [(b"foo", ((b"use-y", None),))]),
    ("9.1 a quoted value", b'foo; x="10"', [(b"foo", ((b"x", b"10"),))]),
    ("9.1 a quoted value with a backslash", b'foo; x="1\\0"', [(b"foo", ((b"x", b"10"),))]),
    ("9.1 blanks everywhere", b" foo ; x = 1 ; y\t,\tbar ", [(b"foo", ((b"x", b"1"), (b"y", None))), (b"bar", ())]),
    ("9.1 empty elements", b", foo,,bar ,", [(b"foo", ()), (b"bar", ())]),
    ("9.1 nothing", b"", []),
    ("9.1 a repeated parameter", b"foo; x; x=1", [(b"foo", ((b"x", None), (b"x", b"1")))]),
    ("9.1 the same twice", b"foo; x, foo", [(b"foo", ((b"x", None),)), (b"foo", ())]),
    ("9.1 case is kept", b"Foo; X=Y", [(b"Foo", ((b"X", b"Y"),))]),
]

#: Name, value of a field.
BAD_EXTENSION_LISTS: list[tuple[str, bytes]] = [
    ("9.1 a blank within a name", b"foo bar"),
    ("9.1 no name", b"; x=1"),
    ("9.1 no parameter", b"foo;"),
    ("9.1 no parameter between", b"foo; ; x"),
    ("9.1 no value", b"foo; x="),
    ("9.1 a value without a name", b"foo; =1"),
    ("9.1 a quoted name", b'"foo"'),
    ("9.1 a quoted value that is no token", b'foo; x="1 0"'),
    ("9.1 a quoted value that is empty", b'foo; x=""'),
    ("9.1 a quoted value without its end", b'foo; x="10'),
    ("9.1 a quoted value with a comma", b'foo; x="1,0"'),
    ("9.1 a backslash at the end", b'foo; x="10\\'),
    ("9.1 something behind a quoted value", b'foo; x="10"y'),
    ("9.1 a slash", b"foo/1"),
    ("9.1 8 bits", b"f\xf6\xf6"),
]

#: Name, what a client offers, what a server answers, client's and server's no_context_takeover and bits; None: refused.
ANSWERS: list[tuple[str, bytes, bytes, tuple[bool, int, bool, int] | None]] = [
    ("7692-7.1 plain", b"permessage-deflate", b"permessage-deflate", (False, 15, False, 15)),
    (
        "7692-7.1.1.1 accepted",
        b"permessage-deflate; server_no_context_takeover",
        b"permessage-deflate; server_no_context_takeover",
        (False, 15, True, 15),
    ),
    ("7692-7.1.1.1 ignored", b"permessage-deflate; server_no_context_takeover", b"permessage-deflate", None),
    (
        "7692-7.1.1.1 not asked for",
        b"permessage-deflate",
        b"permessage-deflate; server_no_context_takeover",
        (False, 15, True, 15),
    ),
    (
        "7692-7.1.1.2 not asked for",
        b"permessage-deflate",
        b"permessage-deflate; client_no_context_takeover",
        (True, 15, False, 15),
    ),
    (
        "7692-7.1.1.2 offered and not wanted",
        b"permessage-deflate; client_no_context_takeover",
        b"permessage-deflate",
        (False, 15, False, 15),
    ),
    (
        "7692-7.1.2.1 the same",
        b"permessage-deflate; server_max_window_bits=10",
        b"permessage-deflate; server_max_window_bits=10",
        (False, 15, False, 10),
    ),
    (
        "7692-7.1.2.1 smaller",
        b"permessage-deflate; server_max_window_bits=10",
        b'permessage-deflate; server_max_window_bits="8"',
        (False, 15, False, 8),
    ),
    (
        "7692-7.1.2.1 larger",
        b"permessage-deflate; server_max_window_bits=10",
        b"permessage-deflate; server_max_window_bits=11",
        None,
    ),
    ("7692-7.1.2.1 ignored", b"permessage-deflate; server_max_window_bits=10", b"permessage-deflate", None),
    (
        "7692-7.1.2.1 not asked for",
        b"permessage-deflate",
        b"permessage-deflate; server_max_window_bits=9",
        (False, 15, False, 9),
    ),
    (
        "7692-7.1.2.2 a hint",
        b"permessage-deflate; client_max_window_bits",
        b"permessage-deflate; client_max_window_bits=9",
        (False, 9, False, 15),
    ),
    ("7692-7.1.2.2 not asked for", b"permessage-deflate", b"permessage-deflate; client_max_window_bits=15", None),
    (
        "7692-7.1.2.2 larger than the hint",
        b"permessage-deflate; client_max_window_bits=9",
        b"permessage-deflate; client_max_window_bits=10",
        None,
    ),
    (
        "7692-7.1.2.2 without a value",
        b"permessage-deflate; client_max_window_bits",
        b"permessage-deflate; client_max_window_bits",
        None,
    ),
    (
        "7692-7.1.2.2 not wanted",
        b"permessage-deflate; client_max_window_bits=9",
        b"permessage-deflate",
        (False, 15, False, 15),
    ),
    (
        "7692-5 the second offer",
        b"permessage-deflate; server_max_window_bits=8, permessage-deflate; client_max_window_bits",
        b"permessage-deflate; client_max_window_bits=12",
        (False, 12, False, 15),
    ),
    (
        "7692-5 a mixture of two offers",
        b"permessage-deflate; server_max_window_bits=8, permessage-deflate; server_no_context_takeover",
        b"permessage-deflate; server_max_window_bits=9",
        None,
    ),
    ("7692-5 twice", b"permessage-deflate", b"permessage-deflate, permessage-deflate", None),
    ("7692-5 not offered", b"", b"permessage-deflate", None),
    ("7692-5 an offer that must be declined", b"permessage-deflate; x", b"permessage-deflate", None),
    ("9.1 another extension", b"permessage-deflate, foo", b"foo", None),
    ("9.1 another extension beside", b"permessage-deflate", b"permessage-deflate, foo", None),
    ("9.1 another case", b"permessage-deflate", b"Permessage-Deflate", None),
    ("7692-7 an unknown parameter", b"permessage-deflate", b"permessage-deflate; x=1", None),
    (
        "7692-7 a repeated parameter",
        b"permessage-deflate",
        b"permessage-deflate; server_no_context_takeover; server_no_context_takeover",
        None,
    ),
    (
        "7692-7.1.1.1 with a value",
        b"permessage-deflate",
        b"permessage-deflate; server_no_context_takeover=1",
        None,
    ),
    *(
        (f"7692-7.1.2.1 {bits!r}", b"permessage-deflate", b"permessage-deflate; server_max_window_bits=" + bits, None)
        for bits in (b"7", b"16", b"08", b"0", b"1e", b"-9", b'"+9"')
    ),
]
