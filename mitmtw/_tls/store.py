"""
Where the authority lives: its files in the configuration directory.

C{mitmtw-ca.pem} holds key and certificates. The others hold the certificate alone, in the forms that systems want to
be given, and are made from it again when they are missing or differ.
"""

from collections.abc import Callable
from datetime import UTC, datetime
from os import PathLike
from pathlib import Path
from typing import Final

from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    KeySerializationEncryption,
    NoEncryption,
    PrivateFormat,
    pkcs12,
)

from mitmtw._tls.bundle import Bundle, parse_bundle, read_bundle
from mitmtw._tls.files import PRIVATE, PUBLIC, create, keep_copy, prepare_directory, read_private, replace
from mitmtw._tls.root import check_root, make_root
from mitmtw._tls.settings import TLSSettings
from mitmtw.errors import AuthorityError

__all__ = ["RootStore"]

_PASSPHRASE_OPTION: Final = "ca_passphrase"


class RootStore:
    """
    The authority's files.

    @ivar directory: The configuration directory.
    @ivar path: The file with the key.
    @ivar certificate_path: The certificate as PEM.
    @ivar android_path: The same, under the name that Android wants.
    @ivar pkcs12_path: The certificate as PKCS #12, for Windows; without a key.
    """

    def __init__(self, confdir: str | PathLike[str], settings: TLSSettings, now: Callable[[], float]) -> None:
        """
        @param confdir: The configuration directory; C{~} is the user's home.
        @param settings: C{ca_key_type} and C{ca_passphrase} count here.
        @param now: Tells seconds since the epoch.
        """
        self.directory = Path(confdir).expanduser()
        self.path = self.directory / "mitmtw-ca.pem"
        self.certificate_path = self.directory / "mitmtw-ca-cert.pem"
        self.android_path = self.directory / "mitmtw-ca-cert.cer"
        self.pkcs12_path = self.directory / "mitmtw-ca-cert.p12"
        self._settings = settings
        self._now = now

    def open(self) -> Bundle:
        """
        Load the authority; make one if there is none. Several processes that start at once end with the same.

        @raise AuthorityError: A file or the directory cannot be used; the message says why.
        @raise OptionsError: C{ca_key_type} is unknown.
        """
        prepare_directory(self.directory)
        content = read_private(self.path)
        if content is None:
            create(self.path, self._encode(make_root(self._settings.ca_key_type, self._now())), PRIVATE)
            content = read_private(self.path)  # another process may have been quicker: what is in the file counts
        if content is None:
            raise AuthorityError(f"{self.path} vanished while it was made")
        bundle = parse_bundle(content, str(self.path), self._settings.ca_passphrase, _PASSPHRASE_OPTION)
        check_root(bundle, str(self.path), self._now())
        self._publish(bundle)
        return bundle

    def new_ca(self) -> Path | None:
        """
        Make a new authority in place of the one that is there.

        @return: Where the old one was kept; None if there was none.
        @raise AuthorityError: A file cannot be written.
        @raise OptionsError: C{ca_key_type} is unknown.
        """
        return self._replace(make_root(self._settings.ca_key_type, self._now()))

    def import_ca(self, path: str | PathLike[str]) -> Path | None:
        """
        Take a user's own authority in place of the one that is there.

        @param path: PEM file with its key, its certificate, and perhaps issuers.
        @return: Where the old one was kept; None if there was none.
        @raise AuthorityError: The file is not fit, or a file cannot be written.
        """
        bundle = read_bundle(path, self._settings.ca_passphrase, _PASSPHRASE_OPTION)
        check_root(bundle, str(path), self._now())
        return self._replace(bundle)

    def _replace(self, bundle: Bundle) -> Path | None:
        """
        Put an authority in place of the one that is there.

        @param bundle: The new one.
        @return: Where the old one was kept; None if there was none.
        """
        prepare_directory(self.directory)
        kept = keep_copy(self.path, f"{datetime.fromtimestamp(self._now(), UTC):%Y%m%dT%H%M%SZ}")
        replace(self.path, self._encode(bundle), PRIVATE)
        self._publish(bundle)
        return kept

    def _encode(self, bundle: Bundle) -> bytes:
        """
        Write an authority as PEM, the key encrypted if there is a passphrase.

        @param bundle: The authority.
        """
        passphrase = self._settings.ca_passphrase
        encryption: KeySerializationEncryption = (
            BestAvailableEncryption(passphrase.encode()) if passphrase else NoEncryption()
        )
        key = bundle.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, encryption)
        return key + b"".join(one.public_bytes(Encoding.PEM) for one in (bundle.certificate, *bundle.others))

    def _publish(self, bundle: Bundle) -> None:
        """
        Write the files that are to be given to clients, where they are missing or of another authority.

        @param bundle: The authority.
        """
        pem = bundle.certificate.public_bytes(Encoding.PEM)
        for path in (self.certificate_path, self.android_path):
            if _content(path) != pem:
                replace(path, pem, PUBLIC)
        if not _holds(self.pkcs12_path, bundle):
            archive = pkcs12.serialize_key_and_certificates(b"mitmtw", None, bundle.certificate, None, NoEncryption())
            replace(self.pkcs12_path, archive, PUBLIC)


def _content(path: Path) -> bytes | None:
    """
    Read a file.

    @param path: The file.
    @return: Its content; None if it cannot be read.
    """
    try:
        return path.read_bytes()
    except OSError:
        return None


def _holds(path: Path, bundle: Bundle) -> bool:
    """
    Whether a PKCS #12 file holds an authority's certificate.

    @param path: The file.
    @param bundle: The authority.
    """
    content = _content(path)
    try:
        archive = pkcs12.load_pkcs12(content, None) if content else None
    except ValueError:
        return False
    held = [] if archive is None else [archive.cert, *archive.additional_certs]
    return any(one is not None and one.certificate == bundle.certificate for one in held)
