"""A test case with an authority in a directory of its own."""

from pathlib import Path
from typing import Any

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from mitmtw._tls.authority import Authority
from mitmtw._tls.settings import TLSSettings
from tests._tls.certificates import made

UPSTREAM_ROOT = made("Upstream CA", is_authority=True)


class AuthorityCase(SynchronousTestCase):
    """An authority in a directory of its own, which trusts C{UPSTREAM_ROOT} towards servers."""

    def setUp(self) -> None:
        self.confdir = Path(self.mktemp()).absolute()
        self.directory = Path(self.mktemp()).absolute()
        self.directory.mkdir()
        self.upstream_ca = self.directory / "upstream.pem"
        self.upstream_ca.write_bytes(UPSTREAM_ROOT.certificate_pem())
        self.now: float | None = None

    def open(self, **settings: Any) -> Authority:
        settings.setdefault("upstream_ca", str(self.upstream_ca))
        options = TLSSettings(**settings)
        if self.now is None:
            return Authority.open(self.confdir, clock=Clock(), settings=options)
        return Authority.open(self.confdir, clock=Clock(), settings=options, now=lambda: self.now or 0.0)
