"""The authority's files."""

import os
import stat
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, pkcs12
from twisted.trial.unittest import SynchronousTestCase

from mitmtw._tls import files
from mitmtw._tls import store as store_module
from mitmtw._tls.bundle import Bundle, read_bundle
from mitmtw._tls.settings import TLSSettings
from mitmtw._tls.store import RootStore
from mitmtw.errors import AuthorityError, OptionsError
from tests._tls.certificates import DAY, made

#: What one of several processes does that start at once.
PROCESS = """
import sys, time
from cryptography.hazmat.primitives.serialization import Encoding
from mitmtw._tls.settings import TLSSettings
from mitmtw._tls.store import RootStore
print("ready", flush=True)
sys.stdin.readline()
bundle = RootStore(sys.argv[1], TLSSettings(), time.time).open()
print(bundle.certificate.serial_number)
"""


class StoreTests(SynchronousTestCase):
    """In a directory of their own."""

    def setUp(self) -> None:
        self.directory = Path(self.mktemp()).absolute()

    def store(self, **settings: Any) -> RootStore:
        return RootStore(self.directory, TLSSettings(**settings), time.time)

    def mode(self, name: str) -> int:
        return stat.S_IMODE((self.directory / name).stat().st_mode)

    def test_first_start(self) -> None:
        """The directory and four files are made, each with its mode, and nothing else."""
        bundle = self.store().open()
        self.assertEqual(
            sorted(os.listdir(self.directory)),
            ["mitmtw-ca-cert.cer", "mitmtw-ca-cert.p12", "mitmtw-ca-cert.pem", "mitmtw-ca.pem"],
        )
        self.assertEqual(stat.S_IMODE(self.directory.stat().st_mode), 0o700)
        self.assertEqual(self.mode("mitmtw-ca.pem"), 0o600)
        self.assertEqual(self.mode("mitmtw-ca-cert.pem"), 0o644)
        pem = bundle.certificate.public_bytes(Encoding.PEM)
        self.assertEqual((self.directory / "mitmtw-ca-cert.pem").read_bytes(), pem)
        self.assertEqual((self.directory / "mitmtw-ca-cert.cer").read_bytes(), pem)

    def test_no_key_in_public_files(self) -> None:
        """The PKCS #12 file holds the certificate alone, as do the others."""
        bundle = self.store().open()
        archive = pkcs12.load_pkcs12((self.directory / "mitmtw-ca-cert.p12").read_bytes(), None)
        self.assertIsNone(archive.key)
        held = [one.certificate for one in (archive.cert, *archive.additional_certs) if one is not None]
        self.assertEqual(held, [bundle.certificate])
        for name in ("mitmtw-ca-cert.pem", "mitmtw-ca-cert.cer"):
            self.assertNotIn(b"PRIVATE", (self.directory / name).read_bytes())

    def test_second_start(self) -> None:
        """The authority is the same again, and no file is written."""
        first = self.store().open()
        before = {path.name: path.stat().st_ino for path in self.directory.iterdir()}
        second = self.store().open()
        self.assertEqual(first.certificate, second.certificate)
        self.assertEqual({path.name: path.stat().st_ino for path in self.directory.iterdir()}, before)

    def test_public_files_restored(self) -> None:
        """Public files that are missing, damaged or of another authority are made again."""
        bundle = self.store().open()
        pem = bundle.certificate.public_bytes(Encoding.PEM)
        (self.directory / "mitmtw-ca-cert.pem").write_bytes(made("other", is_authority=True).certificate_pem())
        (self.directory / "mitmtw-ca-cert.cer").unlink()
        (self.directory / "mitmtw-ca-cert.p12").write_bytes(b"damaged")
        self.store().open()
        self.assertEqual((self.directory / "mitmtw-ca-cert.pem").read_bytes(), pem)
        self.assertEqual((self.directory / "mitmtw-ca-cert.cer").read_bytes(), pem)
        pkcs12.load_pkcs12((self.directory / "mitmtw-ca-cert.p12").read_bytes(), None)

    def test_several_threads(self) -> None:
        """Many that start at once end with the same authority, which is that of the file."""
        barrier = threading.Barrier(8)
        found: list[x509.Certificate] = []

        def one() -> None:
            barrier.wait(30)
            found.append(self.store().open().certificate)

        threads = [threading.Thread(target=one) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(30)
        self.assertEqual(len(found), 8)
        self.assertEqual(set(found), {read_bundle(self.directory / "mitmtw-ca.pem", None, "").certificate})
        self.assertEqual([name for name in os.listdir(self.directory) if name.startswith(".")], [])

    def test_several_processes(self) -> None:
        """The same for processes."""
        processes = [
            subprocess.Popen(
                [sys.executable, "-c", PROCESS, str(self.directory)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
                env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
            )
            for _ in range(2)
        ]
        for process in processes:
            assert process.stdout is not None
            self.assertEqual(process.stdout.readline(), "ready\n")
        for process in processes:
            assert process.stdin is not None
            process.stdin.write("go\n")
            process.stdin.flush()
        found = {process.communicate(timeout=60)[0] for process in processes}
        self.assertEqual(
            found, {f"{read_bundle(self.directory / 'mitmtw-ca.pem', None, '').certificate.serial_number}\n"}
        )

    def test_slower_process(self) -> None:
        """Who made an authority, but finds that another was quicker, takes the other's."""
        won: list[Bundle] = []
        true_create = files.create

        def create(path: Path, content: bytes, mode: int) -> bool:
            if not won:
                self.store().new_ca()
                won.append(read_bundle(path, None, ""))
            return true_create(path, content, mode)

        self.patch(store_module, "create", create)
        self.assertEqual(self.store().open().certificate, won[0].certificate)

    def test_key_kinds(self) -> None:
        """C{ca_key_type} chooses the key; what it does not know it refuses."""
        self.assertEqual(type(self.store(ca_key_type="rsa").open().key).__name__, "RSAPrivateKey")
        self.directory = Path(self.mktemp()).absolute()
        self.assertRaises(OptionsError, self.store(ca_key_type="dsa").open)

    def test_passphrase(self) -> None:
        """With a passphrase the key is encrypted; without it the next start is refused, with the option's name."""
        bundle = self.store(ca_passphrase="s3cret").open()
        self.assertIn(b"ENCRYPTED", (self.directory / "mitmtw-ca.pem").read_bytes())
        self.assertEqual(self.store(ca_passphrase="s3cret").open().certificate, bundle.certificate)
        self.assertIn("ca_passphrase", str(self.assertRaises(AuthorityError, self.store().open)))
        self.assertIn("passphrase", str(self.assertRaises(AuthorityError, self.store(ca_passphrase="x").open)))

    def test_loose_key(self) -> None:
        """A key that others can read is refused, not repaired."""
        self.store().open()
        (self.directory / "mitmtw-ca.pem").chmod(0o644)
        self.assertIn("chmod 600", str(self.assertRaises(AuthorityError, self.store().open)))
        self.assertEqual(self.mode("mitmtw-ca.pem"), 0o644)

    def test_unfit_authority(self) -> None:
        """A file of the user's own that clients could not accept is refused."""
        self.directory.mkdir(mode=0o700)
        made("leaf").save(self.directory / "mitmtw-ca.pem")
        self.assertIn("basicConstraints", str(self.assertRaises(AuthorityError, self.store().open)))
        made("old", is_authority=True, start=-2 * DAY, end=-DAY).save(self.directory / "mitmtw-ca.pem")
        self.assertIn("has expired", str(self.assertRaises(AuthorityError, self.store().open)))

    def test_new(self) -> None:
        """A new authority takes the place of the old one, which is kept with mode 0600; the public files follow."""
        old = self.store().open()
        kept = RootStore(self.directory, TLSSettings(), lambda: 1_800_000_000.0).new_ca()
        assert kept is not None
        self.assertEqual(kept.name, "mitmtw-ca.pem.20270115T080000Z")
        self.assertEqual(self.mode(kept.name), 0o600)
        self.assertEqual(read_bundle(kept, None, "").certificate, old.certificate)
        new = read_bundle(self.directory / "mitmtw-ca.pem", None, "")
        self.assertNotEqual(new.certificate, old.certificate)
        self.assertEqual(self.mode("mitmtw-ca.pem"), 0o600)
        public = (self.directory / "mitmtw-ca-cert.pem").read_bytes()
        self.assertEqual(x509.load_pem_x509_certificate(public), new.certificate)

    def test_new_without_old(self) -> None:
        """Where there was none, nothing is kept."""
        self.assertIsNone(self.store().new_ca())
        self.store().open()

    def test_import(self) -> None:
        """A user's own chain is taken over, issuers included; what is unfit changes nothing."""
        old = self.store().open()
        root = made("root", is_authority=True)
        middle = made("middle", root, is_authority=True)
        source = Path(self.mktemp())
        made("leaf").save(source)
        self.assertRaises(AuthorityError, self.store().import_ca, source)
        self.assertEqual(self.store().open().certificate, old.certificate)
        middle.save(source, root)
        self.assertIsNotNone(self.store().import_ca(source))
        bundle = self.store().open()
        self.assertEqual((bundle.certificate, bundle.others), (middle.certificate, (root.certificate,)))

    def test_import_encrypted(self) -> None:
        """An encrypted key stays encrypted, with the same passphrase."""
        source = Path(self.mktemp())
        made("root", is_authority=True).save(source, passphrase=b"s3cret")
        self.assertRaises(AuthorityError, self.store().import_ca, source)
        self.store(ca_passphrase="s3cret").import_ca(source)
        self.assertIn(b"ENCRYPTED", (self.directory / "mitmtw-ca.pem").read_bytes())
        self.store(ca_passphrase="s3cret").open()

    def test_home(self) -> None:
        """C{~} is the user's home."""
        self.patch(os, "environ", {**os.environ, "HOME": "/the/home"})
        self.assertEqual(RootStore("~/.mitmtw", TLSSettings(), time.time).path, Path("/the/home/.mitmtw/mitmtw-ca.pem"))
