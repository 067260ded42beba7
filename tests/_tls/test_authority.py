"""The authority as a whole, and towards clients, against Python's own TLS."""

import os
import ssl
import stat
from collections.abc import Sequence
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from OpenSSL import SSL
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyObject

from mitmtw._tls.authority import Authority
from mitmtw.errors import AuthorityError, CertificateRejected, OptionsError
from mitmtw.interfaces.authority import IAuthority, TLSDescription, TLSParameters
from tests._tls import peers
from tests._tls.authorities import UPSTREAM_ROOT, AuthorityCase
from tests._tls.certificates import Made, made


class ServerSideTests(AuthorityCase):
    """Towards clients."""

    def shake(
        self,
        authority: Authority,
        name: str,
        names: Sequence[str] | None = None,
        alpn: Sequence[bytes] = (),
        like: Sequence[x509.Certificate] | None = None,
    ) -> tuple[peers.Recorder, peers.Peer]:
        """Shake hands with a client that trusts our root and wants a name."""
        inner = peers.Recorder()
        client = peers.client(authority.root_pem(), name, [protocol.decode() for protocol in alpn])
        peers.Wire(authority.server_side(names or [name], alpn, like, inner)).pump(client)
        return inner, client

    def test_interface(self) -> None:
        """It provides what it says."""
        verifyObject(IAuthority, self.open())

    def test_names(self) -> None:
        """A client that verifies accepts us for DNS names, addresses, U-labels, long names and wildcards."""
        authority = self.open()
        for wanted, name in (
            ("www.example.com", "www.example.com"),
            ("192.0.2.1", "192.0.2.1"),
            ("2001:db8::1", "2001:db8::1"),
            ("bücher.example", "xn--bcher-kva.example"),
            ("a" * 58 + ".example.com", "a" * 58 + ".example.com"),
            ("*.example.com", "any.example.com"),
        ):
            inner, client = self.shake(authority, name, [wanted])
            self.assertTrue(client.is_open, client.error)
            self.assertEqual(inner.heard, ["made", "handshake"])

    def test_second_name(self) -> None:
        """All names are covered, not the first only; others are not."""
        authority = self.open()
        self.assertTrue(self.shake(authority, "192.0.2.1", ["a.example", "192.0.2.1"])[1].is_open)
        self.assertFalse(self.shake(authority, "b.example", ["a.example", "192.0.2.1"])[1].is_open)

    def test_like(self) -> None:
        """The names of the true certificate are covered, too."""
        authority, true = self.open(), made("x", names=["true.example", "*.true.example"])
        self.assertTrue(self.shake(authority, "a.true.example", ["b.example"], like=[true.certificate])[1].is_open)
        self.assertFalse(self.shake(authority, "a.true.example", ["b.example"])[1].is_open)

    def test_own_authorities(self) -> None:
        """A user's own authority, RSA or EC, is what clients see; an intermediate one comes with its chain."""
        for key in (
            rsa.generate_private_key(public_exponent=65537, key_size=2048),
            ec.generate_private_key(ec.SECP384R1()),
        ):
            own = made("Own CA", is_authority=True, key=key)
            middle = made("Middle CA", own, is_authority=True)
            for chain in ((own,), (middle, own)):
                self.confdir = Path(self.mktemp()).absolute()
                self.confdir.mkdir(mode=0o700)
                chain[0].save(self.confdir / "mitmtw-ca.pem", *chain[1:])
                authority = self.open()
                inner = peers.Recorder()
                client = peers.client(own.certificate_pem(), "a.example")
                peers.Wire(authority.server_side(["a.example"], (), None, inner)).pump(client)
                self.assertTrue(client.is_open, client.error)

    def test_rsa_leaf(self) -> None:
        """C{leaf_key_type} rsa gives RSA leaves, which clients accept in TLS 1.2 and 1.3."""
        authority = self.open(leaf_key_type="rsa", ca_key_type="rsa")
        for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
            context = peers.client_context(authority.root_pem())
            context.minimum_version = context.maximum_version = version
            client = peers.Peer(context, False, "a.example")
            peers.Wire(authority.server_side(["a.example"], (), None, peers.Recorder())).pump(client)
            self.assertTrue(client.is_open, client.error)

    def test_describe(self) -> None:
        """What was negotiated, seen from the server: version, suite, protocol, name, and no chain."""
        authority = self.open()
        inner, client = self.shake(authority, "a.example", alpn=[b"h2", b"http/1.1"])
        described = authority.describe(inner.tls)
        cipher = client.tls.cipher()
        assert cipher is not None
        self.assertEqual((described.tls_version, described.cipher), ("TLSv1.3", cipher[0]))
        self.assertEqual((described.alpn, described.sni), (b"h2", "a.example"))
        self.assertEqual((described.chain, described.certificate), ((), None))
        inner, client = self.shake(authority, "192.0.2.1")
        described = authority.describe(inner.tls)
        self.assertEqual((described.alpn, described.sni), (None, None))

    def test_hostile_names(self) -> None:
        """Names that no certificate can be for do not raise: the client says that it wants another."""
        authority = self.open()
        for names in ([], [""], ["a" * 64], ["x\0y"], ["\ud800"], ["..."]):
            _, client = self.shake(authority, "a.example", names or ["\n"])
            self.assertFalse(client.is_open)
            self.assertIsInstance(client.error, ssl.SSLCertVerificationError)


class CacheTests(AuthorityCase):
    """Contexts and their leaves are made once."""

    def context(
        self, authority: Authority, *names: str, alpn: Sequence[bytes] = (), like: Made | None = None
    ) -> SSL.Context:
        inner = peers.Recorder()
        peers.Wire(authority.server_side(names, alpn, [like.certificate] if like else None, inner))
        return inner.tls.get_context()

    def test_identity(self) -> None:
        """The same names, protocols and true certificate give the same context; anything else another."""
        authority, one, other = self.open(), made("x"), made("x")
        first = self.context(authority, "a.example", alpn=[b"h2"], like=one)
        self.assertIs(self.context(authority, "a.example", alpn=[b"h2"], like=one), first)
        for context in (
            self.context(authority, "b.example", alpn=[b"h2"], like=one),
            self.context(authority, "a.example", "b.example", alpn=[b"h2"], like=one),
            self.context(authority, "a.example", alpn=[b"http/1.1"], like=one),
            self.context(authority, "a.example", alpn=[b"h2"], like=other),
            self.context(authority, "a.example", alpn=[b"h2"]),
        ):
            self.assertIsNot(context, first)

    def test_bound(self) -> None:
        """C{cache_size} bounds what is kept."""
        authority = self.open(cache_size=2)
        first = self.context(authority, "a.example")
        self.context(authority, "b.example")
        self.assertIs(self.context(authority, "a.example"), first)
        self.context(authority, "c.example")
        self.assertIs(self.context(authority, "a.example"), first)
        self.context(authority, "d.example")
        self.context(authority, "e.example")
        self.assertIsNot(self.context(authority, "a.example"), first)

    def test_age(self) -> None:
        """A leaf is replaced a day before it expires."""
        self.now = 1_800_000_000.0
        authority = self.open()
        first = self.context(authority, "a.example")
        self.now += 86400 * 194 - 2
        self.assertIs(self.context(authority, "a.example"), first)
        self.now += 2
        self.assertIsNot(self.context(authority, "a.example"), first)

    def test_one_leaf_key(self) -> None:
        """All leaves of one run share one key; another run has another."""
        keys = set()
        for authority in (self.open(), self.open()):
            for name in ("a.example", "b.example"):
                inner = peers.Recorder()
                client = peers.client(authority.root_pem(), name)
                peers.Wire(authority.server_side([name], (), None, inner)).pump(client)
                der = client.tls.getpeercert(True)
                assert der is not None
                certificate = x509.load_der_x509_certificate(der)
                identifier = certificate.extensions.get_extension_for_class(x509.SubjectKeyIdentifier)
                keys.add(identifier.value.digest)
        self.assertEqual(len(keys), 2)


class OpenTests(AuthorityCase):
    """Opening and closing."""

    def test_defaults(self) -> None:
        """Without settings the safe defaults hold: a server of an unknown authority is rejected."""
        authority = Authority.open(self.confdir, clock=Clock())
        inner = peers.Recorder()
        server = peers.Peer(peers.server_context(self.directory, made("a.example", UPSTREAM_ROOT)), True)
        peers.Wire(authority.client_side(TLSParameters("a.example", "a.example"), inner)).pump(server)
        assert inner.reason is not None
        self.assertTrue(inner.reason.check(CertificateRejected))

    def test_root(self) -> None:
        """C{root_pem} is the certificate of the file, without a key."""
        authority = self.open()
        self.assertEqual(authority.root_pem(), (self.confdir / "mitmtw-ca-cert.pem").read_bytes())
        self.assertNotIn(b"PRIVATE", authority.root_pem())

    def test_encrypted(self) -> None:
        """An encrypted authority opens with its passphrase only."""
        self.confdir.mkdir(mode=0o700)
        made("Own CA", is_authority=True).save(self.confdir / "mitmtw-ca.pem", passphrase=b"s3cret")
        self.assertIn("ca_passphrase", str(self.assertRaises(AuthorityError, self.open)))
        self.assertIn("Own CA", self.open(ca_passphrase="s3cret").certificate.subject.rfc4514_string())

    def test_bad_settings(self) -> None:
        """Each setting that cannot be is refused when it is opened, by its name."""
        for name, value in (
            ("ca_key_type", "dsa"),
            ("leaf_key_type", "dsa"),
            ("upstream_ca", "/no/such/file"),
            ("client_certs", "/no/such/file"),
            ("tls_version_client_min", "x"),
            ("ciphers_server", "NOSUCH"),
        ):
            self.confdir = Path(self.mktemp()).absolute()
            error = self.assertRaises(OptionsError, self.open, **{name: value})
            self.assertIn(name, str(error))

    def test_keylog(self) -> None:
        """The secrets of both sides are appended to the key log, which only we can read."""
        path = self.directory / "keys"
        authority = self.open(keylog=str(path))
        client = peers.client(authority.root_pem(), "a.example")
        peers.Wire(authority.server_side(["a.example"], (), None, peers.Recorder())).pump(client)
        first = path.read_bytes().splitlines()
        self.assertIn(b"CLIENT_TRAFFIC_SECRET_0", {line.split()[0] for line in first})
        server = peers.Peer(peers.server_context(self.directory, made("a.example", UPSTREAM_ROOT)), True)
        peers.Wire(authority.client_side(TLSParameters("a.example", "a.example"), peers.Recorder())).pump(server)
        second = path.read_bytes().splitlines()[len(first) :]
        self.assertIn(b"SERVER_TRAFFIC_SECRET_0", {line.split()[0] for line in second})
        self.assertTrue(all(len(line.split()) == 3 for line in first + second))
        self.assertEqual(stat.S_IMODE(path.stat().st_mode), 0o600)
        authority.close()

    def test_keylog_refused(self) -> None:
        """A key log that cannot be written is refused at the start; it is closed when something else is refused."""
        error = self.assertRaises(AuthorityError, self.open, keylog="/no/such/directory/keys")
        self.assertIn("/no/such/directory/keys cannot be opened", str(error))
        before = len(os.listdir("/proc/self/fd")) if os.path.isdir("/proc/self/fd") else 0
        self.assertRaises(OptionsError, self.open, keylog=str(self.directory / "keys"), ciphers_client="NOSUCH")
        after = len(os.listdir("/proc/self/fd")) if os.path.isdir("/proc/self/fd") else 0
        self.assertEqual(before, after)

    def test_close_without_keylog(self) -> None:
        """Closing needs no key log."""
        self.open().close()


class ParameterTests(SynchronousTestCase):
    """The values of the interface."""

    def test_hashable(self) -> None:
        """Equal parameters are one key of a pool; each field makes a difference."""
        one = TLSParameters("a", "a", (b"h2",))
        self.assertEqual({one: 1}[TLSParameters("a", "a", (b"h2",))], 1)
        others = (
            TLSParameters(None, "a", (b"h2",)),
            TLSParameters("a", "b", (b"h2",)),
            TLSParameters("a", "a"),
            TLSParameters("a", "a", (b"h2",), "x.pem"),
            TLSParameters("a", "a", (b"h2",), None, False),
        )
        self.assertEqual(len({one, *others}), 6)

    def test_decoded_once(self) -> None:
        """Certificates are decoded when they are asked for, once."""
        calls: list[int] = []

        def decode() -> tuple[x509.Certificate, ...]:
            calls.append(1)
            return (UPSTREAM_ROOT.certificate,)

        described = TLSDescription("TLSv1.3", None, None, None, decode)
        self.assertEqual(calls, [])
        self.assertEqual(described.certificate, UPSTREAM_ROOT.certificate)
        self.assertEqual(described.chain, (UPSTREAM_ROOT.certificate,))
        self.assertEqual(calls, [1])
