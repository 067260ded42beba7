"""Frames of HTTP/2, good and bad, one rule each (RFC 9113 sections 3 to 7, RFC 7540 section 5.3, RFC 9218)."""

from tests.vectors.http2_build import CONNECT, GET, OK, POST, Case, block, frame, headers, settings, word

PING = frame(6, 0, 0, b"12345678")
#: The head of a request with a body.
OPEN = headers(1, *POST, flags=4)


def failed(section: str, must: str, wire: bytes, code: str, role: str = "server", before: str = "") -> Case:
    """A connection error, after these events."""
    opens = (b"GET",) if role == "client" else ()
    told = tuple(before.split(", ")) if before else ()
    return Case(section, must, role, wire, (*told, f"failed {code}"), opens)


def broken(section: str, must: str, wire: bytes, code: str, before: str = "head 1", role: str = "server") -> Case:
    """A stream error on stream 1, after these events; the connection goes on with what follows."""
    opens = (b"GET",) if role == "client" else ()
    told = tuple(before.split(", ")) if before else ()
    return Case(section, must, role, wire + settings(), (*told, f"broken 1 {code}", "settings"), opens)


P, S, F = "PROTOCOL_ERROR", "FRAME_SIZE_ERROR", "FLOW_CONTROL_ERROR"

FRAMES = [
    Case("9113 4.1", "frames of unknown types are ignored", "server", frame(0x77, 255, 3, b"x") + OPEN, ("head 1",)),
    Case("9113 4.1", "the reserved bit is ignored", "server", frame(6, 0, 1 << 31, b"12345678"), ()),
    Case("9113 4.1", "flags without a meaning are ignored", "server", frame(6, 0xFE, 0, b"12345678"), ()),
    Case(
        "9113 4.2",
        "a frame of 16384 octets is taken",
        "server",
        OPEN + frame(0, 0, 1, b"x" * 16384),
        ("head 1", "data 1 16384"),
    ),
    failed("9113 4.2", "DATA over SETTINGS_MAX_FRAME_SIZE", OPEN + frame(0, 0, 1, b"x" * 16385), S, before="head 1"),
    failed("9113 4.2", "HEADERS over SETTINGS_MAX_FRAME_SIZE", frame(1, 5, 1, b"x" * 16385), S),
    failed("9113 4.2", "an unknown frame over the size, by its head", frame(0x77, 0, 0, b"", 16385), S),
    failed("9113 4.3", "a block that cannot be decoded", frame(1, 5, 1, b"\x80"), "COMPRESSION_ERROR"),
    failed("9113 4.3", "a block that is cut off", frame(1, 5, 1, b"\x00\x05ab"), "COMPRESSION_ERROR"),
    failed("9113 4.3", "an integer that is cut off", frame(1, 5, 1, b"\x82\xff"), "COMPRESSION_ERROR"),
    failed("9113 4.3", "another frame within a block", frame(1, 0, 1, b"\x82") + PING, P),
    failed("9113 4.3", "another stream within a block", frame(1, 0, 1, b"\x82") + frame(9, 4, 3), P),
    failed("9113 6.2", "an unknown frame within a block", frame(1, 0, 1, b"\x82") + frame(0x77, 0, 1), P),
    failed("9113 6.2", "HEADERS within a block", frame(1, 0, 1, b"\x82") + headers(1, *GET), P),
    Case(
        "9113 6.10",
        "a block in three frames",
        "server",
        frame(1, 1, 1, block(*GET)[:7]) + frame(9, 0, 1, block(*GET)[7:9]) + frame(9, 4, 1, block(*GET)[9:]),
        ("head 1 end",),
    ),
    Case("9113 6.10", "an empty CONTINUATION", "server", frame(1, 1, 1, block(*GET)) + frame(9, 4, 1), ("head 1 end",)),
    failed("9113 6.10", "CONTINUATION without a block", frame(9, 4, 1, block(*GET)), P),
    failed("9113 6.10", "CONTINUATION after a whole block", OPEN + frame(9, 4, 1), P, before="head 1"),
    failed("9113 6.10", "CONTINUATION on stream 0", frame(9, 4, 0), P),
    failed("9113 10.5.1", "endless CONTINUATION", frame(1, 0, 1) + frame(9, 0, 1) * 9, "ENHANCE_YOUR_CALM"),
    failed(
        "9113 10.5.1",
        "a block over 64 KiB",
        frame(1, 0, 1, b"x" * 16384) + frame(9, 0, 1, b"x" * 16384) * 4,
        "ENHANCE_YOUR_CALM",
    ),
    # 5.1: states
    failed("9113 5.1", "DATA on an idle stream", frame(0, 0, 1, b"x"), P),
    failed("9113 5.1", "RST_STREAM on an idle stream", frame(3, 0, 1, word(8)), P),
    failed("9113 5.1", "WINDOW_UPDATE on an idle stream", frame(8, 0, 1, word(1)), P),
    failed("9113 5.1", "DATA on a stream of ours that was not opened", frame(0, 0, 2, b"x"), P),
    failed("9113 5.1", "DATA on an idle stream", frame(0, 0, 3, b"x"), P, "client"),
    failed("9113 5.1", "HEADERS on an idle stream", headers(3, *OK), P, "client"),
    failed("9113 5.1", "HEADERS on a stream that was never promised", headers(2, *OK), P, "client"),
    failed("9113 5.1", "RST_STREAM on an idle stream", frame(3, 0, 3, word(8)), P, "client"),
    failed("9113 5.1", "WINDOW_UPDATE on an idle stream", frame(8, 0, 5, word(8)), P, "client"),
    Case("9113 5.1", "PRIORITY on an idle stream", "server", frame(2, 0, 7, word(0) + b"\x10") + OPEN, ("head 1",)),
    broken("9113 5.1", "DATA after END_STREAM", headers(1, *GET) + frame(0, 0, 1, b"x"), "STREAM_CLOSED", "head 1 end"),
    broken("9113 5.1", "HEADERS after END_STREAM", headers(1, *GET) * 2, "STREAM_CLOSED", "head 1 end"),
    Case(
        "9113 5.1",
        "WINDOW_UPDATE after END_STREAM",
        "server",
        headers(1, *GET) + frame(8, 0, 1, word(9)),
        ("head 1 end",),
    ),
    Case(
        "9113 5.1",
        "RST_STREAM after END_STREAM",
        "server",
        headers(1, *GET) + frame(3, 0, 1, word(8)),
        ("head 1 end", "reset 1 8"),
    ),
    Case(
        "9113 5.1",
        "PRIORITY after END_STREAM",
        "server",
        headers(1, *GET) + frame(2, 0, 1, word(0) + b"\0"),
        ("head 1 end",),
    ),
    broken(
        "9113 5.1",
        "DATA after RST_STREAM",
        OPEN + frame(3, 0, 1, word(8)) + frame(0, 0, 1, b"x"),
        "STREAM_CLOSED",
        "head 1, reset 1 8",
    ),
    broken(
        "9113 5.1",
        "HEADERS after RST_STREAM",
        OPEN + frame(3, 0, 1, word(8)) + headers(1, *GET),
        "STREAM_CLOSED",
        "head 1, reset 1 8",
    ),
    Case(
        "9113 5.1",
        "WINDOW_UPDATE after RST_STREAM",
        "server",
        OPEN + frame(3, 0, 1, word(8)) + frame(8, 0, 1, word(8)),
        ("head 1", "reset 1 8"),
    ),
    Case(
        "9113 5.1", "RST_STREAM after RST_STREAM", "server", OPEN + frame(3, 0, 1, word(8)) * 2, ("head 1", "reset 1 8")
    ),
    failed(
        "9113 5.1", "HEADERS on a stream that ended well", headers(1, *OK) * 2, "STREAM_CLOSED", "client", "head 1 end"
    ),
    failed(
        "9113 5.1",
        "DATA on a stream that ended well",
        headers(1, *OK) + frame(0, 0, 1, b"x"),
        "STREAM_CLOSED",
        "client",
        "head 1 end",
    ),
    Case(
        "9113 5.1",
        "WINDOW_UPDATE on a stream that ended well",
        "client",
        headers(1, *OK) + frame(8, 0, 1, word(1)),
        ("head 1 end",),
        (b"GET",),
    ),
    Case(
        "9113 5.1",
        "RST_STREAM on a stream that ended well",
        "client",
        headers(1, *OK) + frame(3, 0, 1, word(0)),
        ("head 1 end",),
        (b"GET",),
    ),
    broken(
        "9113 5.1",
        "frames that were on their way to a reset stream",
        frame(0, 0, 1, b"x") + headers(1, *OK) + frame(0, 1, 1, b"y"),
        P,
        "",
        "client",
    ),
    failed("9113 5.1.1", "an even stream from a client", headers(2, *GET), P),
    failed("9113 5.1.1", "HEADERS on stream 0", headers(0, *GET), P),
    failed(
        "9113 5.1.1", "an even stream after an odd one", headers(5, *GET) + headers(4, *GET), P, before="head 5 end"
    ),
    Case(
        "9113 5.1.1",
        "streams may be skipped",
        "server",
        headers(1, *GET) + headers(9, *GET),
        ("head 1 end", "head 9 end"),
    ),
    Case(
        "9113 5.1.1",
        "a stream below the last is closed",
        "server",
        headers(5, *GET) + headers(3, *GET) + settings(),
        ("head 5 end", "broken 3 STREAM_CLOSED", "settings"),
    ),
    Case(
        "9113 5.1.2",
        "more streams than SETTINGS_MAX_CONCURRENT_STREAMS",
        "server",
        b"".join(headers(stream, *POST, flags=4) for stream in range(1, 204, 2)),
        (*(f"head {stream}" for stream in range(1, 200, 2)), "broken 201 REFUSED_STREAM", "broken 203 REFUSED_STREAM"),
    ),
    # 5.3 of RFC 7540
    broken("7540 5.3.1", "HEADERS that depends on itself", frame(1, 0x24, 1, word(1) + b"\0" + block(*POST)), P, ""),
    broken("7540 5.3.1", "PRIORITY that depends on itself", OPEN + frame(2, 0, 1, word(1) + b"\0"), P),
    failed("7540 5.3.1", "PRIORITY of an idle stream that depends on itself", frame(2, 0, 1, word(1) + b"\0"), P),
    # 6.1 DATA
    Case(
        "9113 6.1",
        "octets, and the end",
        "server",
        OPEN + frame(0, 0, 1, b"ab") + frame(0, 1, 1, b"c"),
        ("head 1", "data 1 2", "data 1 1 end"),
    ),
    Case("9113 6.1", "an empty end", "server", OPEN + frame(0, 1, 1), ("head 1", "ended 1")),
    Case("9113 6.1", "nothing and no end", "server", OPEN + frame(0, 0, 1), ("head 1",)),
    Case("9113 6.1", "padding", "server", OPEN + frame(0, 9, 1, b"\x03ab\0\0\0"), ("head 1", "data 1 2 end")),
    Case("9113 6.1", "padding of no octets", "server", OPEN + frame(0, 9, 1, b"\x00ab"), ("head 1", "data 1 2 end")),
    Case("9113 6.1", "only padding", "server", OPEN + frame(0, 9, 1, b"\x02\0\0"), ("head 1", "ended 1")),
    failed("9113 6.1", "padding as long as the frame", OPEN + frame(0, 9, 1, b"\x03ab\0"[:3]), P, before="head 1"),
    failed("9113 6.1", "padding longer than the frame", OPEN + frame(0, 9, 1, b"\xffab"), P, before="head 1"),
    failed("9113 6.1", "no room for the pad length", OPEN + frame(0, 9, 1), S, before="head 1"),
    failed("9113 6.1", "DATA on stream 0", frame(0, 0, 0, b"x"), P),
    broken("9113 8.1", "DATA before the head", frame(0, 0, 1, b"x"), P, "", "client"),
    # 6.2 HEADERS
    Case("9113 6.2", "padding", "server", frame(1, 0x0D, 1, b"\x02" + block(*GET) + b"\0\0"), ("head 1 end",)),
    Case("9113 6.2", "a priority", "server", frame(1, 0x25, 1, word(0) + b"\x20" + block(*GET)), ("head 1 end",)),
    Case(
        "9113 6.2",
        "padding and a priority",
        "server",
        frame(1, 0x2D, 1, b"\x01" + word(3) + b"\x20" + block(*GET) + b"\0"),
        ("head 1 end",),
    ),
    failed("9113 6.2", "padding longer than the frame", frame(1, 0x0D, 1, b"\xff" + block(*GET)), P),
    failed("9113 6.2", "no room for the priority", frame(1, 0x25, 1, b"\0\0\0\0"), S),
    failed("9113 6.2", "padding in the place of the priority", frame(1, 0x2D, 1, b"\x03\0\0\0\0\0"), S),
    # 6.3 PRIORITY
    failed("9113 6.3", "PRIORITY on stream 0", frame(2, 0, 0, b"\0" * 5), P),
    broken("9113 6.3", "PRIORITY with four octets", OPEN + frame(2, 0, 1, b"\0" * 4), S),
    broken("9113 6.3", "PRIORITY with six octets", OPEN + frame(2, 0, 1, b"\0" * 6), S),
    # 6.4 RST_STREAM
    failed("9113 6.4", "RST_STREAM on stream 0", frame(3, 0, 0, word(8)), P),
    failed("9113 6.4", "RST_STREAM with three octets", OPEN + frame(3, 0, 1, b"\0\0\0"), S, before="head 1"),
    failed("9113 6.4", "RST_STREAM with five octets", OPEN + frame(3, 0, 1, b"\0" * 5), S, before="head 1"),
    Case("9113 7", "an unknown error code", "server", OPEN + frame(3, 0, 1, word(0xFFFF)), ("head 1", "reset 1 65535")),
    Case(
        "9113 8.7",
        "REFUSED_STREAM: nothing was done",
        "client",
        frame(3, 0, 1, word(7)),
        ("reset 1 7 unprocessed",),
        (b"GET",),
    ),
    # 6.5 SETTINGS
    Case("9113 6.5", "nothing set", "server", settings(), ("settings",)),
    failed("9113 6.5", "SETTINGS on a stream", frame(4, 0, 1), P),
    failed("9113 6.5", "an acknowledgement with content", frame(4, 1, 0, b"\0" * 6), S),
    failed("9113 6.5", "not entries of six octets", frame(4, 0, 0, b"\0" * 5), S),
    Case("9113 6.5", "an acknowledgement too many", "server", frame(4, 1, 0) * 3, ()),
    Case("9113 6.5.2", "an unknown setting", "server", settings((0xFF00, 7)), ("settings",)),
    Case("9113 6.5.2", "the last of two entries holds", "server", settings((4, 2**31 - 1), (4, 1)), ("settings",)),
    failed("9113 6.5.2", "ENABLE_PUSH is 2", settings((2, 2)), P),
    failed("9113 6.5.2", "ENABLE_PUSH is 1, from a server", settings((2, 1)), P, "client"),
    Case("9113 6.5.2", "ENABLE_PUSH is 0, from a server", "client", settings((2, 0)), ("settings",)),
    Case("9113 6.5.2", "ENABLE_PUSH is 1, from a client", "server", settings((2, 1)), ("settings",)),
    failed("9113 6.5.2", "INITIAL_WINDOW_SIZE over 2**31 - 1", settings((4, 2**31)), F),
    failed("9113 6.5.2", "MAX_FRAME_SIZE under 16384", settings((5, 16383)), P),
    failed("9113 6.5.2", "MAX_FRAME_SIZE over 2**24 - 1", settings((5, 2**24)), P),
    Case("9113 6.5.2", "MAX_FRAME_SIZE is 2**24 - 1", "server", settings((5, 2**24 - 1)), ("settings",)),
    failed("9113 6.5", "33 entries", settings(*[(3, 1)] * 33), "ENHANCE_YOUR_CALM"),
    failed("8441 3", "ENABLE_CONNECT_PROTOCOL is 2", settings((8, 2)), P, "client"),
    failed(
        "8441 3", "ENABLE_CONNECT_PROTOCOL is taken back", settings((8, 1)) + settings((8, 0)), P, "client", "settings"
    ),
    failed("9218 2.1", "NO_RFC7540_PRIORITIES is 2", settings((9, 2)), P),
    # 6.6 PUSH_PROMISE
    failed("9113 6.6", "PUSH_PROMISE though ENABLE_PUSH is 0", frame(5, 4, 1, word(2) + block(*GET)), P, "client"),
    failed("9113 8.4", "PUSH_PROMISE from a client", OPEN + frame(5, 4, 1, word(2) + block(*GET)), P, before="head 1"),
    # 6.7 PING
    Case("9113 6.7", "PING is answered", "server", PING, ()),
    Case("9113 6.7", "the answer to a PING", "client", frame(6, 1, 0, b"12345678"), ("ping 12345678",)),
    failed("9113 6.7", "PING on a stream", frame(6, 0, 1, b"12345678"), P),
    failed("9113 6.7", "PING with seven octets", frame(6, 0, 0, b"1234567"), S),
    failed("9113 6.7", "an answer with nine octets", frame(6, 1, 0, b"123456789"), S),
    # 6.8 GOAWAY
    Case("9113 6.8", "GOAWAY with a reason", "server", frame(7, 0, 0, word(0) + word(0) + b"bye"), ("goaway 0 0 bye",)),
    Case(
        "9113 6.8",
        "streams above the last are unprocessed",
        "client",
        frame(7, 0, 0, word(1) + word(0)) + headers(1, *OK),
        ("goaway 1 0 ", "reset 3 7 unprocessed", "head 1 end"),
        (b"GET", b"GET"),
    ),
    failed("9113 6.8", "GOAWAY on a stream", frame(7, 0, 1, b"\0" * 8), P),
    failed("9113 6.8", "GOAWAY with seven octets", frame(7, 0, 0, b"\0" * 7), S),
    failed(
        "9113 6.8",
        "the last stream rises",
        frame(7, 0, 0, word(1) + word(0)) + frame(7, 0, 0, word(3) + word(0)),
        P,
        "client",
        "goaway 1 0 ",
    ),
    # 6.9 WINDOW_UPDATE
    failed("9113 6.9", "WINDOW_UPDATE with three octets", frame(8, 0, 0, b"\0\0\1"), S),
    failed("9113 6.9", "WINDOW_UPDATE with five octets", frame(8, 0, 0, b"\0\0\0\0\1"), S),
    failed("9113 6.9", "the connection's window grows by nothing", frame(8, 0, 0, word(0)), P),
    broken("9113 6.9", "a stream's window grows by nothing", OPEN + frame(8, 0, 1, word(0)), P),
    failed("9113 6.9.1", "the connection's window over 2**31 - 1", frame(8, 0, 0, word(2**31 - 1)), F),
    broken("9113 6.9.1", "a stream's window over 2**31 - 1", OPEN + frame(8, 0, 1, word(2**31 - 1)), F),
    Case("9113 6.9.1", "a window of just 2**31 - 1", "server", OPEN + frame(8, 0, 1, word(2**31 - 65536)), ("head 1",)),
    failed(
        "9113 6.9.2",
        "a setting makes a window too large",
        OPEN + frame(8, 0, 1, word(2**31 - 65536)) + settings((4, 65536)),
        F,
        before="head 1",
    ),
    broken(
        "9113 6.9.1",
        "DATA over the stream's window",
        OPEN + frame(0, 0, 1, b"x" * 16383) * 5,
        F,
        "head 1, " + ", ".join(["data 1 16383"] * 4),
    ),
    Case(
        "9113 6.9.2",
        "the window may be used up",
        "server",
        OPEN + frame(0, 0, 1, b"x" * 13107) * 5,
        ("head 1", *["data 1 13107"] * 5),
    ),
    # RFC 9218
    Case("9218 7.1", "PRIORITY_UPDATE", "server", frame(16, 0, 0, word(1) + b"u=1, i"), ("priority 1 u=1, i",)),
    failed("9218 7.1", "PRIORITY_UPDATE on a stream", frame(16, 0, 1, word(1)), P),
    failed("9218 7.1", "PRIORITY_UPDATE about stream 0", frame(16, 0, 0, word(0)), P),
    failed("9218 7.1", "PRIORITY_UPDATE about a pushed stream", frame(16, 0, 0, word(2)), P),
    failed("9218 7.1", "PRIORITY_UPDATE that names no stream", frame(16, 0, 0, b"\0\0\0"), S),
    failed("9218 7.1", "PRIORITY_UPDATE from a server", frame(16, 0, 0, word(1)), P, "client"),
    # CONNECT
    broken("9113 8.5", "fields in a tunnel", headers(1, *CONNECT, flags=4) + headers(1, (b"a", b"b")), P),
    Case(
        "9113 8.5",
        "octets in a tunnel",
        "server",
        headers(1, *CONNECT, flags=4) + frame(0, 0, 1, b"x"),
        ("head 1", "data 1 1"),
    ),
]
