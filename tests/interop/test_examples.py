"""Each script of the folder examples, run by the installed command and asked by curl."""

from twisted.internet.threads import deferToThread

from tests.interop.cases import ROOT, InteropCase, Started
from tests.tools import require_tool

_LISTENS = r"proxy listens on .*port=(\d+)"


class ExampleTests(InteropCase):
    """C{mitmtw run --script examples/…}."""

    async def _start(self, name: str) -> Started:
        self.curl = require_tool(self, "curl")
        started = self.start_command("--listen", "tcp:0:interface=127.0.0.1", "--script", str(ROOT / "examples" / name))
        self.port = int((await deferToThread(started.wait_for, _LISTENS))[0])
        return started

    async def _fetch(self, *arguments: str) -> str:
        done = await self.run_program(self.curl, "-q", "-sS", "--max-time", "20", "-x", self.url, *arguments)
        self.assertEqual((done.returncode, done.stderr), (0, b""))
        return done.stdout.decode()

    async def test_modify_header(self) -> None:
        """The origin sees the field that was added and not the one that was taken away; the client not the server's."""
        origin = self.http_origin()
        await self._start("modify_header.py")
        out = await self._fetch("-i", "--compressed", f"http://127.0.0.1:{origin.port}/e")
        fields = origin.requests[0][2]
        self.assertEqual(fields["X-Proxied-By"], "mitmtw")
        self.assertNotIn("Accept-Encoding", fields)
        self.assertNotIn("\nServer:", out)
        self.assertTrue(out.endswith("\r\n\r\nGET /e"))

    async def test_answer_locally(self) -> None:
        """A host that does not exist answers, and only at that path."""
        await self._start("answer_locally.py")
        self.assertEqual(
            await self._fetch("http://anything.invalid/teapot", "-w", "%{http_code}"), "short and stout\n418"
        )
        self.assertTrue((await self._fetch("http://anything.invalid/else", "-w", "%{http_code}")).endswith("502"))

    async def test_stream_upper(self) -> None:
        """Text is changed on its way, of unknown length then; other bodies are not."""
        origin = self.raw_origin(lambda talk: talk.send(_answer(talk.read_head())))
        started = await self._start("stream_upper.py")
        url = f"http://127.0.0.1:{origin.port}"
        out = await self._fetch("-i", f"{url}/plain")
        self.assertIn("Transfer-Encoding: chunked\r\n", out)
        self.assertTrue(out.endswith("\r\n\r\nSOME TEXT"), out)
        self.assertEqual(await self._fetch(f"{url}/html"), "some text")
        self.assertNotIn("Traceback", started.output)


def _answer(head: bytes) -> bytes:
    """Text of the kind that the path names."""
    kind = head.split()[1].removeprefix(b"/")
    return b"HTTP/1.1 200 OK\r\nContent-Type: text/%b\r\nContent-Length: 9\r\nConnection: close\r\n\r\nsome text" % kind
