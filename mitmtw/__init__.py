"""
An intercepting proxy for Twisted.

This module stays empty but for the version: every Twisted program that looks for plugins on a machine imports it
(the plugin cache holds our interfaces by name), so it must import nothing heavy and no reactor.
"""

from mitmtw._version import __version__

__all__ = ["__version__"]
