"""
What a package writes into C{twisted/plugins/mitmtw_NAME.py} to offer its addons.

One line for each addon, and nothing else::

    from mitmtw.plugin import AddonMaker

    strip = AddonMaker("acme.strip", "acme.strip.StripCookies", description="Takes cookies away.")

Every Twisted program on the machine may import that file, so this module is light, and the addon itself is imported
only when somebody switches it on. Twisted keeps the names of the variables in a cache: never rename them.
"""

from twisted.plugin import IPlugin
from zope.interface import implementer

from mitmtw.interfaces.plugins import IAddonMaker

__all__ = ["AddonMaker"]


@implementer(IPlugin, IAddonMaker)
class AddonMaker:
    """
    Offers one addon.

    @ivar name: what it is called, usually C{package.purpose}.
    @ivar target: C{module.Class}, or C{module.object}; a class is called without arguments.
    @ivar description: one line for lists.
    """

    def __init__(self, name: str, target: str, *, description: str = "") -> None:
        self.name = name
        self.target = target
        self.description = description
