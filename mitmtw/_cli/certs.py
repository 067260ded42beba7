"""
C{mitmtw ca}: show, make or import the certificate authority.
"""

import argparse
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final, NoReturn, TextIO

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from typing_extensions import override

from mitmtw._tls.bundle import Bundle
from mitmtw._tls.settings import TLSSettings
from mitmtw._tls.store import RootStore
from mitmtw.errors import AuthorityError, MitmtwError

__all__ = ["main"]

_OK: Final = 0
_FAILED: Final = 1
_USAGE: Final = 2
_DEFAULT_CONFDIR: Final = "~/.mitmtw"


class _UsageError(Exception):
    """The command line is wrong; the message is one line."""


class _Parser(argparse.ArgumentParser):
    """A parser that raises instead of printing and ending the program."""

    @override
    def error(self, message: str) -> NoReturn:
        """
        Refuse a command line.

        @param message: What is wrong.
        @raise _UsageError: Always.
        """
        raise _UsageError(message)


def main(argv: Sequence[str], stdout: TextIO, stderr: TextIO, now: Callable[[], float] = time.time) -> int:
    """
    Run the command.

    @param argv: The arguments after C{ca}.
    @param stdout: Where to print.
    @param stderr: Where to complain, in one line.
    @param now: Tells seconds since the epoch.
    @return: The exit status: 0, 1 for a failure, 2 for a wrong command line.
    """
    parser = _parser()
    try:
        chosen = parser.parse_args(list(argv))
    except _UsageError as error:
        print(f"mitmtw ca: {error} (try: mitmtw ca --help)", file=stderr)
        return _USAGE
    if chosen.help:
        parser.print_help(stdout)
        return _OK
    try:
        settings = TLSSettings(ca_key_type=chosen.key_type, ca_passphrase=_passphrase(chosen.passphrase_file))
        _run(RootStore(chosen.confdir, settings, now), chosen.new, chosen.imported, stdout)
    except MitmtwError as error:
        print(f"mitmtw ca: {error}", file=stderr)
        return _FAILED
    return _OK


def _parser() -> _Parser:
    """Make the parser of the command line."""
    parser = _Parser(
        prog="mitmtw ca",
        description="Show, make or import the certificate authority. It is shown by default, made if missing.",
        add_help=False,
    )
    parser.add_argument("-h", "--help", action="store_true", help="show this text")
    directory = "configuration directory (default: %(default)s)"
    parser.add_argument("--confdir", metavar="DIR", default=_DEFAULT_CONFDIR, help=directory)
    kind = "key of a new authority (default: %(default)s)"
    parser.add_argument("--key-type", choices=("ec", "rsa"), default="ec", help=kind)
    parser.add_argument("--passphrase-file", metavar="FILE", help="file whose first line is the passphrase of the key")
    action = parser.add_mutually_exclusive_group()
    action.add_argument("--show", action="store_true", help="show the authority and how to trust it")
    action.add_argument("--new", action="store_true", help="make a new one; the old one is kept beside it")
    taken = "take the key and certificates of a PEM file; the old one is kept beside it"
    action.add_argument("--import", dest="imported", metavar="FILE", help=taken)
    return parser


def _passphrase(path: str | None) -> str | None:
    """
    Read a passphrase; from a file, since arguments can be seen by other users.

    @param path: The file, or None.
    @raise AuthorityError: It cannot be read.
    """
    if path is None:
        return None
    try:
        lines = Path(path).expanduser().read_text("utf-8").splitlines()
    except UnicodeDecodeError as error:
        raise AuthorityError(f"the passphrase file {path} is not UTF-8") from error
    except OSError as error:
        raise AuthorityError(f"the passphrase file {path} cannot be read: {error.strerror}") from error
    if not lines or not lines[0]:
        raise AuthorityError(f"the passphrase file {path} is empty")
    return lines[0]


def _run(store: RootStore, is_new: bool, imported: str | None, stdout: TextIO) -> None:
    """
    Do what was asked for, and show the outcome.

    @param store: The authority's files.
    @param is_new: Whether to make a new authority.
    @param imported: The file to import, or None.
    @param stdout: Where to print.
    @raise MitmtwError: It cannot be done.
    """
    kept = None
    if imported is not None:
        kept = store.import_ca(Path(imported).expanduser())
    elif is_new:
        kept = store.new_ca()
    _show(store, store.open(), stdout)
    if kept is not None:
        print(f"\nThe old authority is kept as {kept}; who trusts only that one must trust the new one.", file=stdout)


def _show(store: RootStore, bundle: Bundle, stdout: TextIO) -> None:
    """
    Print what the authority is, where it is, and how to trust it.

    @param store: The authority's files.
    @param bundle: The authority.
    @param stdout: Where to print.
    """
    certificate = bundle.certificate
    key = bundle.key
    kind = f"EC {key.curve.name}" if isinstance(key, ec.EllipticCurvePrivateKey) else f"RSA {key.key_size} bit"
    fingerprint = certificate.fingerprint(hashes.SHA256()).hex(":").upper()
    pem = store.certificate_path
    print(
        f"Subject:      {certificate.subject.rfc4514_string()}",
        f"Key:          {kind}",
        f"SHA-256:      {fingerprint}",
        f"Valid from:   {certificate.not_valid_before_utc:%Y-%m-%d %H:%M:%S} UTC",
        f"Valid until:  {certificate.not_valid_after_utc:%Y-%m-%d %H:%M:%S} UTC",
        "",
        f"{store.path}  (key and certificate: keep it secret)",
        f"{pem}  (certificate, PEM)",
        f"{store.android_path}  (the same, for Android)",
        f"{store.pkcs12_path}  (the same, PKCS #12 without a password, for Windows)",
        "",
        "To trust it (the variables are for clients: do not set them for the proxy itself):",
        f"  curl --cacert {pem} …",
        f"  SSL_CERT_FILE={pem}           OpenSSL, Python, Ruby, Go",
        f"  REQUESTS_CA_BUNDLE={pem}      Python requests",
        f"  NODE_EXTRA_CA_CERTS={pem}     Node.js",
        f"  Debian:   cp {pem} /usr/local/share/ca-certificates/mitmtw.crt && update-ca-certificates",
        f"  Fedora:   cp {pem} /etc/pki/ca-trust/source/anchors/mitmtw.pem && update-ca-trust",
        f"  macOS:    security add-trusted-cert -d -r trustRoot -k /Library/Keychains/System.keychain {pem}",
        f"  Windows:  certutil -addstore root {store.android_path}",
        "  Firefox:  Settings, Certificates, View Certificates, Authorities, Import",
        sep="\n",
        file=stdout,
    )
