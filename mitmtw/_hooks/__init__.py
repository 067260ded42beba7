"""
The dispatcher: which hooks there are, who listens to them, and how an event goes through the chain of addons.

L{mitmtw._hooks.dispatch.Hooks} is what the rest of the program fires events with; L{mitmtw._hooks.lifecycle.Lifecycle}
starts, configures and ends addons; L{mitmtw._hooks.script} makes addons of files.
"""

from mitmtw._hooks.dispatch import Hooks

__all__ = ["Hooks"]
