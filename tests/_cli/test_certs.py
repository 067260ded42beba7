"""C{mitmtw ca}."""

import io
import os
import stat
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from twisted.trial.unittest import SynchronousTestCase

from mitmtw._cli.certs import main
from tests._tls.certificates import made

NOW = 1_800_000_000.0


class CertsTests(SynchronousTestCase):
    """The command, run in the process."""

    def setUp(self) -> None:
        self.confdir = Path(self.mktemp()).absolute()
        self.out = ""
        self.err = ""

    def run_main(self, *argv: str, confdir: bool = True) -> int:
        stdout, stderr = io.StringIO(), io.StringIO()
        arguments = ["--confdir", str(self.confdir), *argv] if confdir else list(argv)
        status = main(arguments, stdout, stderr, lambda: NOW)
        self.out, self.err = stdout.getvalue(), stderr.getvalue()
        return status

    def certificate(self) -> x509.Certificate:
        return x509.load_pem_x509_certificate((self.confdir / "mitmtw-ca-cert.pem").read_bytes())

    def failed(self, status: int, sentence: str, *argv: str, confdir: bool = True) -> None:
        """The command complains in one line, and prints nothing else."""
        self.assertEqual(self.run_main(*argv, confdir=confdir), status)
        self.assertEqual(self.out, "")
        self.assertEqual(self.err.count("\n"), 1)
        self.assertTrue(self.err.startswith("mitmtw ca: "))
        self.assertIn(sentence, self.err)

    def test_show(self) -> None:
        """It makes the authority if it is missing, and shows subject, fingerprint, dates, files and how to trust it."""
        for argv in ((), ("--show",)):
            self.assertEqual(self.run_main(*argv), 0)
            self.assertEqual(self.err, "")
            certificate = self.certificate()
            for part in (
                "O=mitmtw,CN=mitmtw",
                "EC secp256r1",
                certificate.fingerprint(hashes.SHA256()).hex(":").upper(),
                "2027-01-13 08:00:00 UTC",
                "2037-01-10 08:00:00 UTC",
                str(self.confdir / "mitmtw-ca.pem"),
                str(self.confdir / "mitmtw-ca-cert.cer"),
                str(self.confdir / "mitmtw-ca-cert.p12"),
                f"curl --cacert {self.confdir / 'mitmtw-ca-cert.pem'}",
            ):
                self.assertIn(part, self.out)
        self.assertNotIn("PRIVATE", self.out)

    def test_show_changes_nothing(self) -> None:
        """Showing twice shows the same authority."""
        self.run_main()
        first = self.certificate()
        self.run_main("--show")
        self.assertEqual(self.certificate(), first)

    def test_new(self) -> None:
        """A new authority replaces the old one, which is kept with mode 0600 and named."""
        self.run_main()
        first = self.certificate()
        self.assertEqual(self.run_main("--new", "--key-type", "rsa"), 0)
        self.assertNotEqual(self.certificate(), first)
        self.assertIn("RSA 2048 bit", self.out)
        kept = self.confdir / "mitmtw-ca.pem.20270115T080000Z"
        self.assertIn(f"The old authority is kept as {kept}", self.out)
        self.assertEqual(stat.S_IMODE(kept.stat().st_mode), 0o600)

    def test_new_first(self) -> None:
        """Without an old one nothing is kept or told."""
        self.assertEqual(self.run_main("--new"), 0)
        self.assertNotIn("old authority", self.out)

    def test_import(self) -> None:
        """A user's own authority is taken over; what is unfit is refused in one line."""
        source = Path(self.mktemp())
        self.failed(1, "cannot be read: No such file", "--import", str(source))
        made("leaf").save(source)
        self.failed(1, "basicConstraints", "--import", str(source))
        self.assertFalse((self.confdir / "mitmtw-ca.pem").exists())
        own = made("Own CA", is_authority=True)
        own.save(source)
        arguments = ["--confdir", str(self.confdir), "--import", str(source)]
        self.assertEqual(main(arguments, io.StringIO(), io.StringIO()), 0)
        self.assertEqual(self.certificate(), own.certificate)

    def test_passphrase(self) -> None:
        """The passphrase comes from a file; the key is encrypted with it."""
        secret = Path(self.mktemp())
        self.failed(1, "cannot be read: No such file", "--passphrase-file", str(secret))
        secret.write_text("\n")
        self.failed(1, "is empty", "--passphrase-file", str(secret))
        secret.write_bytes(b"\xff\n")
        self.failed(1, "is not UTF-8", "--passphrase-file", str(secret))
        secret.write_text("s3cret\nrest\n")
        self.assertEqual(self.run_main("--passphrase-file", str(secret)), 0)
        self.assertIn(b"ENCRYPTED", (self.confdir / "mitmtw-ca.pem").read_bytes())
        self.failed(1, "is encrypted")

    def test_failures(self) -> None:
        """A directory or key that cannot be used is one line and status 1."""
        self.run_main()
        (self.confdir / "mitmtw-ca.pem").chmod(0o644)
        self.failed(1, "chmod 600")
        self.confdir = self.confdir / "mitmtw-ca.pem"
        self.failed(1, "is not a directory")

    def test_usage(self) -> None:
        """A wrong command line is one line and status 2, and makes nothing."""
        for argv in (("--bogus",), ("--new", "--show"), ("--import",), ("--key-type", "dsa"), ("extra",)):
            self.failed(2, "try: mitmtw ca --help", *argv)
        self.assertFalse(self.confdir.exists())

    def test_help(self) -> None:
        """Help is printed where it is wanted, and makes nothing."""
        self.assertEqual(self.run_main("--help"), 0)
        for option in ("--confdir", "--show", "--new", "--import", "--key-type", "--passphrase-file"):
            self.assertIn(option, self.out)
        self.assertFalse(self.confdir.exists())

    def test_default_directory(self) -> None:
        """Without C{--confdir} it is C{~/.mitmtw}."""
        home = Path(self.mktemp()).absolute()
        self.patch(os, "environ", {**os.environ, "HOME": str(home)})
        self.assertEqual(self.run_main(confdir=False), 0)
        self.assertTrue((home / ".mitmtw" / "mitmtw-ca.pem").exists())
