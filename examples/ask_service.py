"""
Ask a web service about each URL before the request may go on: it says 200 for yes, anything else for no.

    mitmtw run --script examples/ask_service.py --set ask_service=http://127.0.0.1:9000/allowed
"""

from typing import Any
from urllib.parse import quote

from twisted.web.client import Agent, readBody

from mitmtw.interfaces import ILoader
from mitmtw.model import HTTPFlow, Response


class AskService:
    """Coroutines may await Deferreds; the request waits, up to the option hook_timeout."""

    # When the service cannot be asked, the client is told so; without this line the request would go on.
    failure_policy = ("respond", 503)

    def load(self, loader: ILoader) -> None:
        """Declare the option; make the client on the proxy's reactor."""
        self.agent = Agent(loader.reactor, connectTimeout=5)
        loader.add_option("ask_service", str, "http://127.0.0.1:9000/allowed", "The URL of the service.")

    def configure(self, options: Any, updated: set[str]) -> None:
        """Keep the options."""
        self.options = options

    async def requestheaders(self, flow: HTTPFlow) -> None:
        """Ask."""
        url = f"{self.options.ask_service}?url={quote(flow.request.url, safe='')}"
        answer = await self.agent.request(b"GET", url.encode())
        reason = await readBody(answer)
        if answer.code != 200:
            flow.response = Response.make(403, reason)


addons = [AskService()]
