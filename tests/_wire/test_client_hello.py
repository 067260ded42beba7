"""Tests of L{mitmtw._wire.client_hello}, with hellos of two OpenSSLs and some made by hand."""

import ssl

from OpenSSL import SSL
from twisted.trial.unittest import SynchronousTestCase

from mitmtw._wire.client_hello import MAX_HELLO_BYTES, ClientHello, read_client_hello
from mitmtw.errors import RemoteProtocolError


def stdlib_hello(name: str | None = "www.Example.com", alpn: tuple[str, ...] = ("h2", "http/1.1")) -> bytes:
    """What the C{ssl} module of Python sends first."""
    context = ssl.create_default_context()
    context.check_hostname = False
    if alpn:
        context.set_alpn_protocols(list(alpn))
    outgoing = ssl.MemoryBIO()
    connection = context.wrap_bio(ssl.MemoryBIO(), outgoing, server_hostname=name)
    try:
        connection.do_handshake()
    except ssl.SSLWantReadError:
        pass
    return outgoing.read()


def pyopenssl_hello(name: bytes | None = b"example.org") -> bytes:
    """What pyOpenSSL sends first; from OpenSSL 3.5 on it has a key share of ML-KEM and more than 1400 octets."""
    connection = SSL.Connection(SSL.Context(SSL.TLS_CLIENT_METHOD), None)
    connection.set_connect_state()
    if name is not None:
        connection.set_tlsext_host_name(name)
    try:
        connection.do_handshake()
    except SSL.WantReadError:
        pass
    return connection.bio_read(65536)


def vector(content: bytes, size: int) -> bytes:
    """The content with its length before it."""
    return len(content).to_bytes(size, "big") + content


def extension(number: int, content: bytes) -> bytes:
    """One extension."""
    return number.to_bytes(2, "big") + vector(content, 2)


def server_name(*names: bytes, kind: int = 0) -> bytes:
    """The extension that asks for names."""
    return extension(0, vector(b"".join(bytes((kind,)) + vector(name, 2) for name in names), 2))


def message(
    extensions: bytes | None = b"", ciphers: bytes = b"\x13\x01", session: bytes = b"", tail: bytes = b""
) -> bytes:
    """A handshake message; without an extension block for None."""
    body = b"\x03\x03" + b"r" * 32 + vector(session, 1) + vector(ciphers, 2) + b"\x01\x00"
    if extensions is not None:
        body += vector(extensions, 2)
    return b"\x01" + vector(body + tail, 3)


def records(handshake: bytes, size: int = 16384) -> bytes:
    """The message in records of at most that many octets."""
    return b"".join(b"\x16\x03\x01" + vector(handshake[i : i + size], 2) for i in range(0, len(handshake), size))


class ClientHelloTests(SynchronousTestCase):
    """Reading hellos."""

    def read(self, *parts: bytes) -> ClientHello:
        """Read a hello of these extensions."""
        hello = read_client_hello(records(message(b"".join(parts))))
        assert hello is not None
        return hello

    def test_stdlib(self) -> None:
        """The hello of the standard library: name in lower case, ALPN in its order, versions, suites."""
        hello = read_client_hello(stdlib_hello())
        assert hello is not None
        self.assertEqual((hello.sni, hello.alpn, hello.version), ("www.example.com", (b"h2", b"http/1.1"), 0x303))
        self.assertEqual(hello.supported_versions[:2], (0x304, 0x303))
        self.assertIn(0x1301, hello.cipher_suites)
        self.assertIn(0x1D, hello.groups)
        self.assertIn(43, [number for number, _ in hello.extensions])

    def test_raw(self) -> None:
        """The raw message is what the records carry, without what comes behind."""
        wire = stdlib_hello()
        hello = read_client_hello(wire + b"\x16\x03\x03junk")
        assert hello is not None
        self.assertEqual(hello.raw, wire[5:])

    def test_pyopenssl(self) -> None:
        """The hello of pyOpenSSL, as large as it is with ML-KEM."""
        wire = pyopenssl_hello()
        hello = read_client_hello(wire)
        assert hello is not None
        self.assertEqual((hello.sni, hello.alpn, hello.raw), ("example.org", (), wire[5:]))

    def test_no_name(self) -> None:
        """A client that asks for no name."""
        for wire in (stdlib_hello(None, ()), pyopenssl_hello(None)):
            hello = read_client_hello(wire)
            assert hello is not None
            self.assertEqual((hello.sni, hello.alpn), (None, ()))

    def test_cut_at_every_octet(self) -> None:
        """Nothing is known before the last octet, and nothing is refused."""
        for wire in (stdlib_hello(), pyopenssl_hello()):
            for length in range(len(wire)):
                self.assertIsNone(read_client_hello(wire[:length]))

    def test_several_records(self) -> None:
        """The same hello in records of many sizes is the same hello."""
        whole = stdlib_hello()[5:]
        expected = read_client_hello(records(whole))
        self.assertIsNotNone(expected)
        for size in (7, 100, len(whole) - 1):
            wire = records(whole, size)
            self.assertEqual(read_client_hello(wire), expected)
            self.assertIsNone(read_client_hello(wire[:-1]))
        # The header of the message alone is cut.
        wire = records(whole[:3], 1) + records(whole[3:])
        self.assertEqual(read_client_hello(wire), expected)

    def test_large(self) -> None:
        """A hello over several full records is read up to the limit."""
        padding = extension(21, b"\x00" * 60000)
        hello = self.read(padding, server_name(b"a.example"))
        self.assertEqual(hello.sni, "a.example")
        self.assertGreater(len(hello.raw), 60000)

    def test_too_large(self) -> None:
        """A hello that says it is larger than the limit is refused at its header."""
        self.assertIsNone(read_client_hello(b"\x16\x03\x01\x40\x00\x01" + (MAX_HELLO_BYTES - 4).to_bytes(3, "big")))
        wire = b"\x16\x03\x01\x40\x00\x01" + (MAX_HELLO_BYTES - 3).to_bytes(3, "big")
        self.assertRaises(RemoteProtocolError, read_client_hello, wire)

    def test_too_many_records(self) -> None:
        """A hello in records of one octet each costs too much to read again and again."""
        self.assertRaises(RemoteProtocolError, read_client_hello, records(message(server_name(b"a" * 200)), 1))

    def test_grease(self) -> None:
        """GREASE values (RFC 8701) are told like any other."""
        hello = self.read(
            extension(0x0A0A, b""),
            extension(16, vector(vector(b"\x0a\x0a", 1) + vector(b"h2", 1), 2)),
            extension(43, vector(b"\x0a\x0a\x03\x04", 1)),
            extension(10, vector(b"\x0a\x0a\x11\xec", 2)),
            extension(0xFAFA, b"x"),
        )
        self.assertEqual(hello.alpn, (b"\x0a\x0a", b"h2"))
        self.assertEqual(hello.supported_versions, (0x0A0A, 0x0304))
        self.assertEqual(hello.groups, (0x0A0A, 0x11EC))
        self.assertEqual((hello.extensions[0], hello.extensions[-1]), ((0x0A0A, b""), (0xFAFA, b"x")))

    def test_without_extensions(self) -> None:
        """An old client may leave out the whole block."""
        hello = read_client_hello(records(message(None)))
        assert hello is not None
        self.assertEqual((hello.sni, hello.extensions, hello.cipher_suites), (None, (), (0x1301,)))

    def test_names(self) -> None:
        """What is a host name is told in lower case; what cannot be one counts as none."""
        long = b".".join([b"a" * 60] * 4)
        for name, sni in (
            (b"A.Example", "a.example"),
            (b"xn--bcher-kva.example", "xn--bcher-kva.example"),
            (b"_dmarc.a_b.example", "_dmarc.a_b.example"),
            (b"a.example.", "a.example"),
            (b"localhost", "localhost"),
            (long, long.decode()),
            (b"1.2.3.4", None),
            (b"::1", None),
            (b"[::1]", None),
            (b"", None),
            (b".", None),
            (b"a..b", None),
            (b"-a.b", None),
            (b"a b", None),
            (b"a\x00b", None),
            (b"a/b", None),
            (b"*.a", None),
            (b"a:443", None),
            (b"b\xc3\xbccher.example", None),
            (b"\xff", None),
            (b"a\n", None),
            (b"a" * 64, None),
            (b".".join([b"a" * 60] * 5), None),
        ):
            self.assertEqual(self.read(server_name(name)).sni, sni, name)

    def test_odd_names(self) -> None:
        """No name, or one of an unknown kind, is no name; two are refused."""
        self.assertIsNone(self.read(extension(0, b"")).sni)
        self.assertIsNone(self.read(server_name()).sni)
        self.assertIsNone(self.read(server_name(b"a", kind=1)).sni)
        self.assertRaises(RemoteProtocolError, self.read, server_name(b"a", b"b"))

    def test_no_hello(self) -> None:
        """Anything else is refused at the first octet that shows it."""
        for wire in (
            b"G",
            b"\x15",
            b"\x16\x02",
            b"\x16\x03\x01\x00\x00",
            b"\x16\x03\x01\x40\x01",
            b"\x16\x03\x01\x00\x04\x02",
            b"\x16\x03\x01\x00\x02\x01\x00\x17",
        ):
            self.assertRaises(RemoteProtocolError, read_client_hello, wire)
            self.assertIsNone(read_client_hello(wire[:-1]))

    def test_wrong_lengths(self) -> None:
        """A length that points behind what it is in, or before its end, is refused."""
        for handshake in (
            b"\x01\x00\x00\x01\x03",
            b"\x01\x00\x00\x00",
            message(b"\x00\x00\x00\x05ab"),
            message(b"\x00"),
            message(tail=b"x"),
            message(None, tail=b"x"),
            message(ciphers=b"\x13"),
            message(session=b"s" * 33),
            message(extension(16, b"\x00\x05\x02h2")),
            message(extension(16, vector(b"\x00", 2))),
            message(extension(16, vector(vector(b"h2", 1), 2) + b"x")),
            message(extension(43, vector(b"\x03", 1))),
            message(extension(0, b"\x00")),
            message(extension(0, b"\x00\x09\x00\x00\x01a")),
            message(extension(10, b"")),
            message(extension(43, b"\x02\x03\x04") * 2),
        ):
            self.assertRaises(RemoteProtocolError, read_client_hello, records(handshake))

    def test_any_octet_may_be_wrong(self) -> None:
        """A hello with one octet changed is read, refused or waited for, and nothing else happens."""
        wire = bytearray(stdlib_hello())
        for place in range(len(wire)):
            for change in (0x01, 0x80, 0xFF):
                wire[place] ^= change
                try:
                    read_client_hello(bytes(wire))
                except RemoteProtocolError:
                    pass
                wire[place] ^= change
