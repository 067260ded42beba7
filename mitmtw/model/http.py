"""
Requests and responses, under the name by which addons know their module.
"""

from mitmtw.model.headers import Headers
from mitmtw.model.message import Message
from mitmtw.model.request import Request
from mitmtw.model.response import Response

__all__ = ["Headers", "Message", "Request", "Response"]
