"""
What an installed package offers: addons, by name, for whoever switches them on.
"""

from zope.interface import Attribute, Interface

__all__ = ["ENTRY_POINT_GROUP", "IAddonMaker"]

#: The group of entry points that may name addons as well as dropins in C{twisted/plugins} do.
ENTRY_POINT_GROUP = "mitmtw.addons"


class IAddonMaker(Interface):
    """
    The offer of one addon: names only, so that reading all offers imports no addon.

    L{mitmtw.plugin.AddonMaker} is what packages use.
    """

    name: str = Attribute("What the addon is called: in the command line, in the chain, in C{before} and C{after}.")
    target: str = Attribute("Where it is: C{module.Class}, or C{module.object}.")
    description: str = Attribute("One line for lists; may be empty.")
