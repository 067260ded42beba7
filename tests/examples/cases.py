"""What the tests of the examples share."""

from pathlib import Path
from types import ModuleType
from typing import Any

from twisted.trial.unittest import TestCase

from mitmtw._hooks.script import load_script
from mitmtw.model import Request, Response
from mitmtw.testing import ProxyMixin, RunningProxy, make_request
from mitmtw.testing.canned import Answer

__all__ = ["FOLDER", "NOBODY", "ExampleCase", "echo", "load"]

FOLDER = Path(__file__).parents[2] / "examples"
#: A server that does not exist; names below C{invalid} never do (RFC 2606 section 2).
NOBODY = "http://nobody.invalid/"


def load(name: str) -> ModuleType:
    """The module of an example, loaded anew."""
    return load_script(FOLDER / f"{name}.py").module


def echo(request: Request) -> Response:
    """Answer with the request's line and fields, one a line."""
    lines = [
        f"{request.method} {request.path}",
        *(f"{name}: {value}" for name, value in request.headers.items(multi=True)),
    ]
    return Response.make(200, "\n".join(lines), {"Content-Type": "text/plain"})


class ExampleCase(ProxyMixin, TestCase):
    """A test that runs an example in a proxy on real sockets, with a server of its own."""

    timeout = 20

    def run_example(self, name: str, answers: Answer | dict[str, Answer] = echo, **options: Any) -> None:
        """Start the server and the proxy with the example."""
        self.origin = self.start_origin(answers)
        self.proxy: RunningProxy = self.start_proxy(scripts=[str(FOLDER / f"{name}.py")], **options)

    async def get(self, path: str = "/", **headers: str) -> Response:
        """What a GET is answered."""
        return await self.ask(make_request("GET", self.origin.url + path, b"", **headers))

    async def ask(self, request: Request | str) -> Response:
        """What a request is answered; there must be an answer."""
        response = await self.proxy.fetch(request)
        assert response is not None, "the connection ended without an answer"
        return response
