"""Sentences about handshakes that failed."""

from OpenSSL import SSL
from twisted.trial.unittest import SynchronousTestCase

from mitmtw._tls.failures import CLIENT, SERVER, Peer, failure_of, openssl_text


class TextTests(SynchronousTestCase):
    """OpenSSL's own words."""

    def test_forms(self) -> None:
        """All forms in which pyOpenSSL raises: a queue of errors, a number with a word, nothing."""
        self.assertEqual(openssl_text(SSL.Error([("SSL routines", "", "bad record mac")])), "bad record mac")
        self.assertEqual(openssl_text(SSL.Error([("a", "", "one"), ("b", "", "two"), ("c", "", "one")])), "one; two")
        self.assertEqual(openssl_text(SSL.Error([])), "no reason given")
        self.assertEqual(openssl_text(SSL.SysCallError(-1, "Unexpected EOF")), "-1 Unexpected EOF")
        self.assertEqual(openssl_text(SSL.ZeroReturnError()), "ZeroReturnError")


class FailureTests(SynchronousTestCase):
    """What reasons mean."""

    def told(self, reason: str, peer: Peer, handshake_done: bool = False) -> str:
        return str(failure_of(SSL.Error([("SSL routines", "", reason)]), peer, handshake_done))

    def test_depends_on_the_peer(self) -> None:
        """The same alert means another thing from a client than from a server; OpenSSL's text is kept."""
        alert = "tlsv1 alert unknown ca"
        self.assertEqual(
            self.told(alert, Peer("the client", CLIENT)),
            "the TLS handshake with the client failed: it does not trust our root certificate "
            "[OpenSSL: tlsv1 alert unknown ca]",
        )
        self.assertEqual(
            self.told(alert, Peer("a.example", SERVER)),
            "the TLS handshake with a.example failed: it does not trust our client certificate "
            "[OpenSSL: tlsv1 alert unknown ca]",
        )

    def test_after_the_handshake(self) -> None:
        """A failure after the handshake says so."""
        told = self.told("tlsv13 alert certificate required", Peer("a.example", SERVER), True)
        self.assertIn("the TLS connection with a.example failed: it demands a client certificate", told)

    def test_unknown_reason(self) -> None:
        """A reason that means nothing to us is told as it is."""
        self.assertEqual(
            self.told("something new", Peer("a.example", SERVER)),
            "the TLS handshake with a.example failed [OpenSSL: something new]",
        )

    def test_slashes(self) -> None:
        """Newer spellings with slashes are understood."""
        self.assertIn("refused our offer", self.told("ssl/tls alert handshake failure", Peer("a.example", SERVER)))
