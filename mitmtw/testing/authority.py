"""
A certificate authority that lives as long as the process, for tests.
"""

import tempfile
from functools import cache
from pathlib import Path
from typing import Any

from mitmtw._tls.authority import Authority
from mitmtw._tls.settings import TLSSettings

__all__ = ["throw_away_authority", "throw_away_root"]


@cache
def _directory() -> tempfile.TemporaryDirectory[str]:
    """The directory of the root, removed when the process ends."""
    return tempfile.TemporaryDirectory(prefix="mitmtw-testing-")


def throw_away_authority(clock: Any, **settings: Any) -> Authority:
    """
    An authority with a root that was made for this process; the root is the same each time.

    @param settings: those of L{TLSSettings}.
    """
    return Authority.open(_directory().name, clock=clock, settings=TLSSettings(**settings))


@cache
def throw_away_root() -> str:
    """The path of the certificate of the root of L{throw_away_authority}, for C{upstream_ca}."""
    path = Path(_directory().name, "trusted.pem")
    path.write_bytes(throw_away_authority(None).root_pem())
    return str(path)
