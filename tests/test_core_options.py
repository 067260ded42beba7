"""Tests of the core's options."""

from twisted.trial.unittest import SynchronousTestCase

from mitmtw.core_options import core_options


class CoreOptionsTests(SynchronousTestCase):
    """The core's options say what users rely on."""

    def test_contract(self) -> None:
        """Names and defaults of the hook contract are as documented."""
        options = core_options()
        for name, value in (
            ("hook_timeout", 60.0),
            ("hook_slow_warning", 5.0),
            ("tick_interval", 0.1),
            ("drain_timeout", 5.0),
            ("done_timeout", 5.0),
            ("server_first_delay", 0.3),
            ("abort_on_half_close", False),
            ("upstream_pool", "shared"),
            ("stream_large_bodies", 64 * 1024 * 1024),
            ("body_size_limit", None),
            ("collected_bytes_limit", None),
            ("connection_strategy", "lazy"),
            ("upstream_insecure", False),
            ("tls_version_client_min", "TLS1_2"),
            ("tls_version_server_max", "UNBOUNDED"),
        ):
            self.assertEqual(getattr(options, name), value, name)

    def test_known_aliases(self) -> None:
        """Names that users of other intercepting proxies know still mean the same."""
        options = core_options()
        options.apply({"ssl_insecure": True, "ssl_verify_upstream_trusted_ca": "/a", "cert_passphrase": "b"})
        self.assertEqual((options.upstream_insecure, options.upstream_ca, options.ca_passphrase), (True, "/a", "b"))

    def test_every_option_is_explained(self) -> None:
        """Help is a sentence; numbers that measure something say in what."""
        for row in core_options().describe():
            self.assertTrue(row.help.endswith("."), row)
            self.assertEqual(row.owner, "core")
            if row.type.split()[0] in ("seconds", "size", "int"):
                self.assertTrue(row.unit, row)

    def test_registries_are_separate(self) -> None:
        """Two proxies in one process do not share values."""
        first, second = core_options(), core_options()
        first.apply({"hook_timeout": 1})
        self.assertEqual(second.hook_timeout, 60.0)

    def test_defaults_can_be_written(self) -> None:
        """The default that a list of options shows is text that sets the option to its default."""
        options = core_options()
        for row in options.describe():
            if row.default == "none" and row.type.startswith(("str", "path")):
                self.assertIs(options.parse(row.name, ""), None)
            else:
                self.assertEqual(options.parse(row.name, row.default), options.default(row.name), row)
