"""The room's settings."""

from OpenSSL import SSL
from twisted.trial.unittest import SynchronousTestCase

from mitmtw._tls.settings import TLSSettings, version_number
from mitmtw.errors import OptionsError


class VersionTests(SynchronousTestCase):
    """Names of versions."""

    def test_names(self) -> None:
        """The names that users know from elsewhere."""
        self.assertEqual(version_number("x", "UNBOUNDED"), 0)
        self.assertEqual(version_number("x", "TLS1"), SSL.TLS1_VERSION)
        self.assertEqual(version_number("x", "TLS1_1"), SSL.TLS1_1_VERSION)
        self.assertEqual(version_number("x", "TLS1_2"), SSL.TLS1_2_VERSION)
        self.assertEqual(version_number("x", "TLS1_3"), SSL.TLS1_3_VERSION)

    def test_unknown(self) -> None:
        """Another name is refused, naming the option, the value and the choices."""
        error = self.assertRaises(OptionsError, version_number, "tls_version_client_min", "SSL3")
        self.assertEqual(
            str(error), "tls_version_client_min: 'SSL3' is none of UNBOUNDED, TLS1, TLS1_1, TLS1_2, TLS1_3"
        )

    def test_safe_by_default(self) -> None:
        """Without any choice servers are verified, and TLS 1.2 is the least."""
        settings = TLSSettings()
        self.assertFalse(settings.upstream_insecure)
        self.assertEqual((settings.tls_version_client_min, settings.tls_version_server_min), ("TLS1_2", "TLS1_2"))
