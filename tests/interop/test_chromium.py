"""A browser: headless Chromium loads a page and what belongs to it, by HTTPS through the proxy."""

import json
import os
from pathlib import Path
from typing import Any

from twisted.internet.threads import deferToThread

from tests.interop.cases import InteropCase
from tests.interop.origins import Talk
from tests.tools import require_tool

__all__ = ["CHROMIUM_ARGUMENTS", "trust_in_nss"]

_PIXEL = '<svg xmlns="http://www.w3.org/2000/svg" width="%d" height="7"><rect width="9" height="9" fill="red"/></svg>'
_PAGE = """<!DOCTYPE html>
<html><head><title>page</title><link rel="stylesheet" href="/style.css"></head>
<body><p id="marker">waiting</p>{images}
<script src="/script.js"></script></body></html>
"""
# The marker is written when all is loaded: the style, the pictures, two answers of fetch, one of another origin.
_SCRIPT = """
window.addEventListener("load", async () => {
  const told = [];
  told.push("style " + getComputedStyle(document.getElementById("marker")).fontSize);
  told.push("images " + [...document.images].filter(one => one.naturalWidth > 0).length);
  told.push("json " + (await (await fetch("/data.json", {method: "POST", body: "x".repeat(100000)})).json()).answer);
  const other = await fetch("https://api.example.test/cross", {headers: {"X-Asked": "1"}});
  told.push("cross " + await other.text());
  document.getElementById("marker").textContent = "[" + told.join(", ") + "]";
});
"""
#: What makes it print a page when that has settled, without talking to anybody else.
CHROMIUM_ARGUMENTS = (
    "--proxy-bypass-list=<-loopback>", "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic",
    "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync",
    "--disable-dev-shm-usage", "--virtual-time-budget=15000", "--dump-dom",
)  # fmt: skip
_CORS = b"Access-Control-Allow-Origin: *\r\nAccess-Control-Allow-Headers: X-Asked\r\n"


def _serve(talk: Talk) -> None:
    """Answer on one connection as long as it lasts."""
    while head := talk.read_head():
        method, path, _ = head.split(b" ", 2)
        lines = dict(line.lower().split(b": ", 1) for line in head.split(b"\r\n")[1:-2])
        talk.read_exactly(int(lines.get(b"content-length", b"0")))
        kind, body = _content(path.decode(), lines[b"host"].decode())
        if method == b"OPTIONS":
            talk.send(b"HTTP/1.1 204 No Content\r\n" + _CORS + b"\r\n")
        else:
            length = b"Content-Length: %d\r\n" % len(body)
            talk.send(b"HTTP/1.1 200 OK\r\nContent-Type: %b\r\n" % kind + length + _CORS + b"\r\n" + body)


def _content(path: str, host: str) -> tuple[bytes, bytes]:
    """Kind and body of what stands at a path."""
    if path == "/style.css":
        return b"text/css", b"#marker { font-size: 33px }"
    if path == "/script.js":
        return b"text/javascript", _SCRIPT.encode()
    if path == "/data.json":
        return b"application/json", json.dumps({"answer": "original"}).encode()
    if path.startswith("/image"):
        return b"image/svg+xml", (_PIXEL % int(path.removeprefix("/image"))).encode()
    if path == "/cross":
        return b"text/plain", host.encode()
    images = "".join(f'<img src="/image{n}">' for n in range(1, 13))
    return b"text/html", _PAGE.format(images=images).encode()


class Edit:
    """Leads all names to one origin, changes one answer, and keeps the paths."""

    def __init__(self, port: int) -> None:
        self._port = port
        self.seen: list[tuple[str, str]] = []

    def serverconnect(self, server_conn: Any) -> None:
        server_conn.address = ("127.0.0.1", self._port)

    async def response(self, flow: Any) -> None:
        self.seen.append((flow.request.host, flow.request.path))
        if flow.request.path == "/data.json":
            flow.response.text = flow.response.text.replace("original", "edited by an addon")


async def trust_in_nss(case: InteropCase, certutil: str) -> Path:
    """Make a home directory whose NSS database trusts the proxy's certificate."""
    home = case.directory / "home"
    database = home / ".pki" / "nssdb"
    await deferToThread(os.makedirs, database)
    for arguments in (("-N", "--empty-password"), ("-A", "-t", "C,,", "-n", "mitmtw", "-i", case.ca)):
        done = await case.run_program(certutil, "-d", f"sql:{database}", *arguments)
        case.assertEqual(done.returncode, 0, done.stderr)
    return home


class ChromiumTests(InteropCase):
    """Chromium, which trusts our certificate by its NSS database."""

    async def test_page(self) -> None:
        """A page with sub-resources and fetches of two origins loads wholly, and shows what an addon has changed."""
        program = require_tool(self, "chromium")
        certutil = require_tool(self, "certutil")
        origin = self.raw_origin(_serve, is_tls=True)
        addon = Edit(origin.port)
        await self.start_proxy(addon)
        home = await trust_in_nss(self, certutil)
        done = await self.run_program(
            program, f"--proxy-server={self.url}", f"--user-data-dir={home / 'profile'}", *CHROMIUM_ARGUMENTS,
            "https://app.example.test/", environment={"HOME": str(home)},
        )  # fmt: skip
        marker = "[style 33px, images 12, json edited by an addon, cross api.example.test]"
        self.assertIn(marker, done.stdout.decode(), done.stderr.decode()[-2000:])
        paths = {path for host, path in addon.seen if host == "app.example.test"}
        self.assertLessEqual({"/", "/style.css", "/script.js", "/data.json", "/image1", "/image12"}, paths)
        self.assertIn(("api.example.test", "/cross"), addon.seen)
