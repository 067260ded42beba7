"""Contexts: versions, cipher suites, ALPN and trust, seen from the other end of the wire."""

import os
import ssl
import warnings
from pathlib import Path
from typing import Any

import certifi
from OpenSSL import SSL
from OpenSSL.crypto import FILETYPE_PEM, load_certificate
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from mitmtw._tls import contexts as contexts_module
from mitmtw._tls import roots
from mitmtw._tls.contexts import Contexts
from mitmtw._tls.engine import Gate, TwistedEngine
from mitmtw._tls.failures import CLIENT, SERVER, Peer
from mitmtw._tls.settings import TLSSettings
from mitmtw._tls.verify import Verification
from mitmtw.errors import OptionsError
from tests._tls import peers
from tests._tls.certificates import Made, made

ROOT = made("root", is_authority=True)
LEAF = made("a.example", ROOT)


class ServerTests(SynchronousTestCase):
    """Towards clients."""

    def shake(self, client: peers.Peer, alpn: tuple[bytes, ...] = (), **settings: Any) -> peers.Recorder:
        context = Contexts(TLSSettings(**settings), None).server_side(LEAF.certificate, LEAF.key, (), alpn)
        inner = peers.Recorder()
        gate = Gate(inner, SSL.Connection(context, None), Peer("the client", CLIENT), None)
        self.wire = peers.Wire(TwistedEngine(Clock()).server(gate))
        self.wire.pump(client)
        return inner

    def client(self, low: ssl.TLSVersion, high: ssl.TLSVersion, alpn: tuple[str, ...] = ()) -> peers.Peer:
        context = peers.client_context(ROOT.certificate_pem(), alpn)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # versions below 1.2
            context.minimum_version, context.maximum_version = low, high
        if low < ssl.TLSVersion.TLSv1_2:
            context.set_ciphers("DEFAULT@SECLEVEL=0")
        return peers.Peer(context, False, "a.example")

    def test_versions(self) -> None:
        """1.2 and 1.3 are spoken by default, and nothing older."""
        v11, v12, v13 = ssl.TLSVersion.TLSv1_1, ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3
        for version, name in ((v12, "TLSv1.2"), (v13, "TLSv1.3")):
            client = self.client(version, version)
            self.assertEqual(self.shake(client).heard, ["made", "handshake"])
            self.assertEqual(client.tls.version(), name)
        inner = self.shake(self.client(v11, v11))
        self.assertIn("it supports none of the TLS versions that are allowed", inner.error())

    def test_bounds(self) -> None:
        """Lowest and highest version are kept to."""
        v12, v13 = ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3
        client = self.client(v12, v13)
        self.shake(client, tls_version_client_max="TLS1_2")
        self.assertEqual(client.tls.version(), "TLSv1.2")
        inner = self.shake(self.client(v12, v12), tls_version_client_min="TLS1_3")
        self.assertIn("none of the TLS versions", inner.error())

    def test_old_versions(self) -> None:
        """Who asks for TLS 1.0 gets it, without having to know about security levels."""
        v10 = ssl.TLSVersion.TLSv1
        for lowest in ("TLS1", "UNBOUNDED"):
            client = self.client(v10, v10)
            self.assertEqual(self.shake(client, tls_version_client_min=lowest).heard, ["made", "handshake"])
            self.assertEqual(client.tls.version(), "TLSv1")

    def test_alpn(self) -> None:
        """Our best of what the client offers; without one in common, offered or wanted the connection goes on."""
        v12, v13 = ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3
        for ours, theirs, chosen in (
            ((b"h2", b"http/1.1"), ("http/1.1", "h2"), "h2"),
            ((b"http/1.1",), ("h2", "http/1.1"), "http/1.1"),
            ((b"h2",), ("foo",), None),
            ((b"h2",), (), None),
            ((), ("h2",), None),
        ):
            client = self.client(v12, v13, theirs)
            inner = self.shake(client, ours)
            self.assertEqual((inner.heard, client.tls.selected_alpn_protocol()), (["made", "handshake"], chosen))

    def test_ciphers(self) -> None:
        """Suites of TLS 1.2 and of TLS 1.3 are chosen by one option."""
        v12, v13 = ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3
        ciphers = "ECDHE-ECDSA-AES256-GCM-SHA384:TLS_CHACHA20_POLY1305_SHA256"
        for version, name in ((v12, "ECDHE-ECDSA-AES256-GCM-SHA384"), (v13, "TLS_CHACHA20_POLY1305_SHA256")):
            client = self.client(version, version)
            self.shake(client, ciphers_client=ciphers)
            cipher = client.tls.cipher()
            assert cipher is not None
            self.assertEqual(cipher[0], name)

    def test_no_ciphers_in_common(self) -> None:
        """A client with other suites is told so in words."""
        client = peers.client_context(ROOT.certificate_pem())
        client.maximum_version = ssl.TLSVersion.TLSv1_2
        client.set_ciphers("ECDHE-ECDSA-AES128-GCM-SHA256")
        inner = self.shake(peers.Peer(client, False, "a.example"), ciphers_client="ECDHE-ECDSA-AES256-GCM-SHA384")
        self.assertIn("we have no cipher suite in common [OpenSSL: no shared cipher]", inner.error())

    def test_no_session(self) -> None:
        """A client that wants to resume its session is given a full handshake, in either version."""
        contexts = Contexts(TLSSettings(), None)
        for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
            context = contexts.server_side(LEAF.certificate, LEAF.key, (), ())
            theirs = peers.client_context(ROOT.certificate_pem())
            theirs.minimum_version = theirs.maximum_version = version
            session: ssl.SSLSession | None = None
            for _ in range(2):
                client = peers.Peer(theirs, False, "a.example", session)
                gate = Gate(peers.Recorder(), SSL.Connection(context, None), Peer("the client", CLIENT), None)
                peers.Wire(TwistedEngine(Clock()).server(gate)).pump(client)
                self.assertTrue(client.is_open)
                self.assertFalse(client.tls.session_reused)
                session = client.tls.session

    def test_chain(self) -> None:
        """Issuers are sent along: a client that knows the root only accepts a leaf of an intermediate authority."""
        middle = made("middle", ROOT, is_authority=True)
        leaf = made("a.example", middle)
        for issuers, is_open in (((middle.certificate,), True), ((), False)):
            context = Contexts(TLSSettings(), None).server_side(leaf.certificate, leaf.key, issuers, ())
            gate = Gate(peers.Recorder(), SSL.Connection(context, None), Peer("the client", CLIENT), None)
            client = peers.client(ROOT.certificate_pem(), "a.example")
            peers.Wire(TwistedEngine(Clock()).server(gate)).pump(client)
            self.assertEqual(client.is_open, is_open)


class ClientTests(SynchronousTestCase):
    """Towards servers."""

    def setUp(self) -> None:
        self.directory = Path(self.mktemp())
        self.directory.mkdir()
        self.root = self.directory / "root.pem"
        self.root.write_bytes(ROOT.certificate_pem())

    def shake(self, server: peers.Peer, verify: bool = True, **settings: Any) -> peers.Recorder:
        settings.setdefault("upstream_ca", str(self.root))
        context = Contexts(TLSSettings(**settings), None).client_side(verify, None)
        inner = peers.Recorder()
        verification = Verification("a.example") if verify else None
        gate = Gate(inner, SSL.Connection(context, None), Peer("a.example", SERVER), verification)
        peers.Wire(TwistedEngine(Clock()).client(gate)).pump(server)
        return inner

    def server(self, *issuers: Made, leaf: Made = LEAF, version: ssl.TLSVersion | None = None) -> peers.Peer:
        context = peers.server_context(self.directory, leaf, *issuers)
        if version is not None:
            context.minimum_version = context.maximum_version = version
        return peers.Peer(context, True)

    def test_versions(self) -> None:
        """1.2 and 1.3 by default; bounds are kept to."""
        for version, name in ((ssl.TLSVersion.TLSv1_2, "TLSv1.2"), (ssl.TLSVersion.TLSv1_3, "TLSv1.3")):
            server = self.server(version=version)
            self.assertEqual(self.shake(server).heard, ["made", "handshake"])
            self.assertEqual(server.tls.version(), name)
        server = self.server()
        self.shake(server, tls_version_server_max="TLS1_2")
        self.assertEqual(server.tls.version(), "TLSv1.2")
        inner = self.shake(self.server(version=ssl.TLSVersion.TLSv1_2), tls_version_server_min="TLS1_3")
        self.assertIn("it supports none of the TLS versions that are allowed", inner.error())

    def test_ciphers(self) -> None:
        """The suites of the option are offered."""
        server = self.server()
        self.shake(server, ciphers_server="TLS_AES_128_GCM_SHA256")
        cipher = server.tls.cipher()
        assert cipher is not None
        self.assertEqual(cipher[0], "TLS_AES_128_GCM_SHA256")

    def test_trusted_intermediate(self) -> None:
        """What C{upstream_ca} holds is trusted: a root, an intermediate authority, or the server's own certificate."""
        middle = made("middle", ROOT, is_authority=True)
        leaf, alone = made("a.example", middle), made("a.example")
        self.assertEqual(self.shake(self.server(middle, leaf=leaf)).heard, ["made", "handshake"])
        self.root.write_bytes(middle.certificate_pem())
        self.assertEqual(self.shake(self.server(leaf=leaf)).heard, ["made", "handshake"])
        self.root.write_bytes(alone.certificate_pem())
        self.assertEqual(self.shake(self.server(leaf=alone)).heard, ["made", "handshake"])

    def test_own_roots_replace_the_systems(self) -> None:
        """With C{upstream_ca} nothing else is trusted."""
        self.root.write_bytes(made("other", is_authority=True).certificate_pem())
        self.patch(os, "environ", {**os.environ, "SSL_CERT_FILE": str(self.directory / "ca.pem")})
        (self.directory / "ca.pem").write_bytes(ROOT.certificate_pem())
        self.assertIn("comes from an unknown issuer, CN=root", self.shake(self.server()).error())

    def test_directory(self) -> None:
        """A directory with hashed names works, too."""
        hashed = self.directory / "hashed"
        hashed.mkdir()
        number = _subject_hash(ROOT.certificate_pem())
        (hashed / f"{number:08x}.0").write_bytes(ROOT.certificate_pem())
        self.assertEqual(self.shake(self.server(), upstream_ca=str(hashed)).heard, ["made", "handshake"])

    def test_environment(self) -> None:
        """Without the option it is the system's roots, which C{SSL_CERT_FILE} may name."""
        os.environ["SSL_CERT_FILE"] = str(self.root)
        self.addCleanup(os.environ.pop, "SSL_CERT_FILE")
        self.assertEqual(self.shake(self.server(), upstream_ca=None).heard, ["made", "handshake"])

    def test_system_without_roots(self) -> None:
        """Where the system has none, certifi's are taken."""
        self.patch(contexts_module, "system_has_roots", lambda: False)
        self.patch(certifi, "where", lambda: str(self.root))
        self.assertEqual(self.shake(self.server(), upstream_ca=None).heard, ["made", "handshake"])

    def test_not_verified(self) -> None:
        """Without verification anything goes."""
        self.assertEqual(self.shake(self.server(leaf=made("other")), verify=False).heard, ["made", "handshake"])


class RootsTests(SynchronousTestCase):
    """Finding the system's roots."""

    def test_places(self) -> None:
        """A file or a directory that is not empty is enough, and so is the environment."""
        directory = Path(self.mktemp()).absolute()
        directory.mkdir()
        self.patch(os, "environ", {})
        self.patch(roots, "_PLACES", (str(directory / "roots.pem"),))
        self.patch(roots, "_DIRECTORIES", (str(directory), str(directory / "missing")))
        self.assertFalse(roots.system_has_roots())
        (directory / "0123abcd.0").write_bytes(b"")
        self.assertTrue(roots.system_has_roots())
        self.patch(roots, "_DIRECTORIES", ())
        self.assertFalse(roots.system_has_roots())
        (directory / "roots.pem").write_bytes(b"")
        self.assertTrue(roots.system_has_roots())
        self.patch(roots, "_PLACES", ())
        self.patch(os, "environ", {"SSL_CERT_DIR": "/x"})
        self.assertTrue(roots.system_has_roots())


class RefusalTests(SynchronousTestCase):
    """Settings that are not acceptable are refused before there is any connection."""

    def refused(self, sentence: str, **settings: Any) -> None:
        error = self.assertRaises(OptionsError, Contexts, TLSSettings(**settings), None)
        self.assertIn(sentence, str(error))

    def test_refused(self) -> None:
        """Versions and cipher suites, by the option's name."""
        self.refused("tls_version_client_max: 'x'", tls_version_client_max="x")
        self.refused("tls_version_server_min: 'x'", tls_version_server_min="x")
        self.refused(
            "tls_version_server_min (TLS1_3) is above", tls_version_server_min="TLS1_3", tls_version_server_max="TLS1_2"
        )
        self.refused("ciphers_client: OpenSSL does not take 'NOSUCH'", ciphers_client="NOSUCH")
        self.refused("ciphers_server: OpenSSL does not take 'TLS_NOSUCH'", ciphers_server="TLS_NOSUCH")

    def test_roots(self) -> None:
        """A trust store that is missing, or holds nothing, is refused."""
        path = Path(self.mktemp())
        contexts = Contexts(TLSSettings(upstream_ca=str(path)), None)
        self.assertIn("there is no such file", str(self.assertRaises(OptionsError, contexts.client_side, True, None)))
        path.write_bytes(b"nothing")
        self.assertIn("upstream_ca", str(self.assertRaises(OptionsError, contexts.client_side, True, None)))
        contexts.client_side(False, None)

    def test_frozen(self) -> None:
        """A context that had a connection cannot be changed: what this room relies upon."""
        context = Contexts(TLSSettings(), None).client_side(False, None)
        SSL.Connection(context, None)
        self.assertRaises(ValueError, context.set_alpn_protos, [b"h2"])


def _subject_hash(pem: bytes) -> int:
    """The number that names a certificate in a hashed directory."""
    return load_certificate(FILETYPE_PEM, pem).subject_name_hash()
