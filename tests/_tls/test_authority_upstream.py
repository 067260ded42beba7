"""The authority towards servers, against Python's own TLS."""

import os
import ssl
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import rsa

from mitmtw._tls.authority import Authority
from mitmtw.errors import CertificateRejected, OptionsError, TLSFailed
from mitmtw.interfaces.authority import TLSParameters
from tests._tls import peers
from tests._tls.authorities import UPSTREAM_ROOT, AuthorityCase
from tests._tls.certificates import DAY, Made, made


class ClientSideTests(AuthorityCase):
    """Towards servers."""

    def shake(
        self, leaf: Made, *issuers: Made, authority: Authority | None = None, **parameters: Any
    ) -> peers.Recorder:
        """Shake hands with a server that shows a certificate."""
        parameters = {"sni": "a.example", "verify_name": "a.example", **parameters}
        context = peers.server_context(self.directory, leaf, *issuers, alpn=["h2", "http/1.1"])
        context.sni_callback = lambda tls, name, _: self.asked.append(name)
        self.asked: list[str | None] = []
        self.server = peers.Peer(context, True)
        self.authority = authority or self.open()
        inner = peers.Recorder(b"secret")
        self.wire = peers.Wire(self.authority.client_side(TLSParameters(**parameters), inner))
        self.wire.pump(self.server)
        return inner

    def rejected(self, sentence: str, leaf: Made, *issuers: Made, **parameters: Any) -> None:
        """Nothing reaches the server, and the sentence says why."""
        inner = self.shake(leaf, *issuers, **parameters)
        self.assertEqual((inner.heard, self.server.received), (["made", "lost"], b""))
        self.assertFalse(self.server.is_open)
        assert inner.reason is not None
        self.assertTrue(inner.reason.check(CertificateRejected))
        self.assertIn(sentence, inner.error())

    def accepted(self, leaf: Made, *issuers: Made, **parameters: Any) -> peers.Recorder:
        inner = self.shake(leaf, *issuers, **parameters)
        self.assertEqual((inner.heard, self.server.received), (["made", "handshake"], b"secret"))
        return inner

    def test_accepted(self) -> None:
        """A good chain, direct or by an intermediate authority; the server is asked for the name."""
        self.accepted(made("a.example", UPSTREAM_ROOT))
        self.assertEqual(self.asked, ["a.example"])
        middle = made("Middle", UPSTREAM_ROOT, is_authority=True)
        self.accepted(made("a.example", middle), middle)

    def test_dates(self) -> None:
        """Expired and not valid yet."""
        old = made("a.example", UPSTREAM_ROOT, start=-9 * DAY, end=-2 * DAY)
        year = f"{old.certificate.not_valid_after_utc:%Y-%m-%d}"
        self.rejected(f"the certificate of a.example has expired (notAfter {year}", old)
        self.rejected("is not valid yet (notBefore ", made("a.example", UPSTREAM_ROOT, start=2 * DAY))
        middle = made("Middle", UPSTREAM_ROOT, is_authority=True, start=-9 * DAY, end=-2 * DAY)
        self.rejected("the certificate of its issuer CN=Middle has expired", made("a.example", middle), middle)

    def test_trust(self) -> None:
        """Self-signed, unknown root, unknown issuer, missing intermediate, an issuer that is no authority."""
        other = made("Other CA", is_authority=True)
        middle = made("Middle", UPSTREAM_ROOT, is_authority=True)
        false = made("leaf.example", UPSTREAM_ROOT)
        self.rejected("the certificate of a.example is self-signed (CN=a.example)", made("a.example"))
        self.rejected("comes from an unknown root, the self-signed CN=Other CA", made("a.example", other), other)
        self.rejected("comes from an unknown issuer, CN=Other CA", made("a.example", other))
        self.rejected("or the server does not send its intermediate certificates", made("a.example", middle))
        self.rejected("X509_V_ERR_", made("a.example", false), false)

    def test_names(self) -> None:
        """The name that is verified is C{verify_name}, whatever was asked for by SNI."""
        leaf = made("x", UPSTREAM_ROOT, names=["a.example", "*.w.example"])
        self.rejected("is for a.example, *.w.example, not for b.example", leaf, verify_name="b.example")
        self.accepted(leaf, sni="b.example")
        self.accepted(leaf, verify_name="b.w.example")

    def test_addresses(self) -> None:
        """Addresses are verified as addresses, and are never sent as a name."""
        leaf = made("x", UPSTREAM_ROOT, names=["192.0.2.1", "2001:db8::1"])
        for literal in ("192.0.2.1", "2001:db8::1"):
            self.accepted(leaf, sni=literal, verify_name=literal)
            self.assertEqual(self.asked, [None])
        self.rejected("not for 192.0.2.2", leaf, verify_name="192.0.2.2")

    def test_sni(self) -> None:
        """None sends no name; U-labels go as A-labels; what cannot be sent is not."""
        leaf = made("a.example", UPSTREAM_ROOT)
        for sni, asked in (
            (None, None),
            ("bücher.example", "xn--bcher-kva.example"),
            ("a.example.", "a.example"),
            ("*.a.example", None),
            ("a\0b", None),
            ("", None),
        ):
            self.accepted(leaf, sni=sni)
            self.assertEqual(self.asked, [asked])

    def test_not_verified(self) -> None:
        """C{verify} False, or the option C{upstream_insecure}, accepts anything."""
        self.accepted(made("b.example"), verify=False)
        self.accepted(made("b.example"), authority=self.open(upstream_insecure=True))

    def test_alpn(self) -> None:
        """The protocols are offered; the server chooses; none is offered if there are none."""
        leaf = made("a.example", UPSTREAM_ROOT)
        for offered, chosen in (
            ((b"h2", b"http/1.1"), b"h2"),
            ((b"http/1.1",), b"http/1.1"),
            ((), None),
            ((b"x",), None),
            ((b"", b"x" * 256, b"h2"), b"h2"),
        ):
            inner = self.accepted(leaf, alpn=offered)
            self.assertEqual(self.authority.describe(inner.tls).alpn, chosen)

    def test_contexts_are_shared(self) -> None:
        """Other names and protocols share the context with the roots; without verification it is another."""
        authority, leaf = self.open(), made("x", UPSTREAM_ROOT, names=["a.example", "b.example"])
        first = self.shake(leaf, authority=authority, alpn=(b"h2",)).tls.get_context()
        second = self.shake(leaf, authority=authority, sni="b.example", verify_name="b.example").tls.get_context()
        third = self.shake(leaf, authority=authority, verify=False).tls.get_context()
        self.assertIs(first, second)
        self.assertIsNot(first, third)

    def test_names_do_not_mix(self) -> None:
        """Two handshakes on one context at a time are verified each for its own name."""
        authority = self.open()
        leaf = made("a.example", UPSTREAM_ROOT)
        context = peers.server_context(self.directory, leaf)
        inners = [peers.Recorder(), peers.Recorder()]
        servers = [peers.Peer(context, True), peers.Peer(context, True)]
        wires = [
            peers.Wire(authority.client_side(TLSParameters(name, name), inner))
            for name, inner in zip(("a.example", "b.example"), inners, strict=True)
        ]
        for wire, server in zip(wires, servers, strict=True):
            wire.pump(server)
        self.assertEqual([inner.heard for inner in inners], [["made", "handshake"], ["made", "lost"]])

    def test_describe(self) -> None:
        """The server's chain as it was sent, also after the connection is gone, decoded when it is asked for."""
        middle = made("Middle", UPSTREAM_ROOT, is_authority=True)
        leaf = made("a.example", middle)
        inner = self.accepted(leaf, middle)
        described = self.authority.describe(inner.tls)
        self.wire.lose()
        self.assertEqual(described.certificate, leaf.certificate)
        self.assertEqual(described.chain, (leaf.certificate, middle.certificate))
        self.assertIs(described.chain, described.chain)
        self.assertEqual((described.tls_version, described.sni), ("TLSv1.3", "a.example"))

    def test_secrets_are_not_described_early(self) -> None:
        """Before the handshake there is nothing to tell, and it does not raise."""
        authority = self.open()
        inner = peers.Recorder()
        peers.Wire(authority.client_side(TLSParameters("a.example", "a.example"), inner))
        described = authority.describe(inner.tls)
        self.assertEqual((described.cipher, described.alpn, described.chain), (None, None, ()))


class ClientCertificateTests(AuthorityCase):
    """Certificates that we show to servers."""

    def shake(self, authority: Authority, path: str | None) -> tuple[peers.Recorder, peers.Peer]:
        """Shake hands with a server that demands a certificate of C{UPSTREAM_ROOT}."""
        context = peers.server_context(self.directory, made("a.example", UPSTREAM_ROOT))
        context.load_verify_locations(cadata=UPSTREAM_ROOT.certificate_pem().decode())
        context.verify_mode = ssl.CERT_REQUIRED
        server, inner = peers.Peer(context, True), peers.Recorder()
        parameters = TLSParameters("a.example", "a.example", client_certificate=path)
        peers.Wire(authority.client_side(parameters, inner)).pump(server)
        return inner, server

    def subject(self, server: peers.Peer) -> str:
        der = server.tls.getpeercert(True)
        assert der is not None
        return x509.load_der_x509_certificate(der).subject.rfc4514_string()

    def test_shown(self) -> None:
        """It is shown, its issuers too."""
        middle = made("Middle", UPSTREAM_ROOT, is_authority=True)
        path = made("me", middle).save(self.directory / "me.pem", middle)
        inner, server = self.shake(self.open(), path)
        self.assertEqual(inner.heard, ["made", "handshake"])
        self.assertEqual(self.subject(server), "CN=me")

    def test_demanded(self) -> None:
        """A server that demands one, and gets none or a foreign one, is understood: in TLS 1.3 after the handshake."""
        inner, _ = self.shake(self.open(), None)
        self.assertEqual(inner.heard, ["made", "handshake", "lost"])
        self.assertIn("it demands a client certificate (option client_certs)", inner.error())
        assert inner.reason is not None
        self.assertTrue(inner.reason.check(TLSFailed))
        path = made("me", made("Other CA", is_authority=True)).save(self.directory / "me.pem")
        inner, _ = self.shake(self.open(), path)
        self.assertIn("it does not trust our client certificate", inner.error())

    def test_read_again(self) -> None:
        """A file that changed is read again; one that did not is not."""
        authority = self.open()
        path = made("one", UPSTREAM_ROOT).save(self.directory / "me.pem")
        first, server = self.shake(authority, path)
        self.assertEqual(self.subject(server), "CN=one")
        again, _ = self.shake(authority, path)
        self.assertIs(first.tls.get_context(), again.tls.get_context())
        made("another", UPSTREAM_ROOT).save(Path(path))
        os.utime(path, (1, 1))
        _, server = self.shake(authority, path)
        self.assertEqual(self.subject(server), "CN=another")

    def test_refused(self) -> None:
        """A file that is missing, no certificate, or encrypted fails the connection; nobody is asked on a terminal."""
        authority, path = self.open(), self.directory / "me.pem"
        parameters = TLSParameters("a.example", "a.example", client_certificate=str(path))

        def sentence() -> str:
            return str(self.assertRaises(TLSFailed, authority.client_side, parameters, peers.Recorder()))

        self.assertIn("cannot be read: No such file", sentence())
        path.write_bytes(b"nothing")
        self.assertIn("holds no private key", sentence())
        made("me").save(path, passphrase=b"s3cret")
        self.assertIn("is encrypted: decrypt it first", sentence())
        made("me", key=rsa.generate_private_key(public_exponent=65537, key_size=1024)).save(path)
        self.assertIn("key too small", sentence())

    def test_one_for_all(self) -> None:
        """C{client_certs} as a file is for every host; a bad one is refused at the start."""
        path = made("me", UPSTREAM_ROOT).save(self.directory / "me.pem")
        authority = self.open(client_certs=path)
        self.assertEqual(authority.client_certificate("a.example"), path)
        Path(path).write_bytes(b"nothing")
        error = self.assertRaises(OptionsError, self.open, client_certs=path)
        self.assertIn("client_certs: ", str(error))
        error = self.assertRaises(OptionsError, self.open, client_certs=path + "x")
        self.assertIn("there is no file or directory", str(error))

    def test_one_a_host(self) -> None:
        """C{client_certs} as a directory has one file a host, found by any spelling of it; nothing outside is found."""
        certs = self.directory / "certs"
        certs.mkdir()
        for name in ("a.example", "xn--bcher-kva.example", "192.0.2.1"):
            (certs / f"{name}.pem").write_bytes(b"")
        (self.directory / "outside.pem").write_bytes(b"")
        (certs / "None.pem").write_bytes(b"")
        authority = self.open(client_certs=str(certs))
        for host in ("a.example", "A.Example.", "bücher.example", "192.0.2.1"):
            self.assertIsNotNone(authority.client_certificate(host), host)
        for host in ("b.example", "../outside", "/outside", "", "a.example\0", "a b"):
            self.assertIsNone(authority.client_certificate(host), host)

    def test_none(self) -> None:
        """Without the option there is none."""
        self.assertIsNone(self.open().client_certificate("a.example"))
