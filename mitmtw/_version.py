"""The version of the package, kept by incremental: C{python -m incremental.update mitmtw}."""

from incremental import Version

__version__ = Version("mitmtw", 26, 11, 0)
__all__ = ["__version__"]
