"""
The load: connections that ask again as soon as they were answered, each answer checked.

wrk makes the plain one where it is installed. It cannot send CONNECT, so the other one is a process of our own:

C{python -m benchmarks.load PROXY_PORT ORIGIN_PORT CONNECTIONS SECONDS VARIED [ROOT]}

It speaks TLS when there is a root to trust, and prints the number of answers.
"""

import re
import selectors
import shutil
import socket
import ssl
import subprocess
import sys
import tempfile
import time

from benchmarks.origin import BODY, HOST

__all__ = ["REQUEST_FIELDS", "LoadFailed", "run_load"]

# What a browser sends.
REQUEST_FIELDS = (
    ("User-Agent", "Mozilla/5.0 (X11; Linux x86_64; rv:134.0) Gecko/20100101 Firefox/134.0"),
    ("Accept", "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"),
    ("Accept-Language", "en-GB,en;q=0.7,de;q=0.3"),
    ("Accept-Encoding", "gzip, deflate, br, zstd"),
    ("Referer", "https://www.example.org/search?q=proxies"),
    ("DNT", "1"),
    ("Sec-Fetch-Dest", "document"),
    ("Sec-Fetch-Mode", "navigate"),
    ("Cookie", "session=8f14e45fceea167a5a36dedd4bea2543; theme=dark"),
)
_PATH = "/articles/2026/how-proxies-work?page=2"
_SILENCE_SECONDS = 20.0  # who is not answered for so long has found a defect

_LUA = """
wrk.method = "GET"
wrk.path = "{target}"
{fields}
"""


_LUA_VARIED = """
local number = 0
request = function()
    number = number + 1
    wrk.headers["Referer"] = "https://www.example.org/search?q=proxies&page=" .. number
    return wrk.format()
end
"""


class LoadFailed(Exception):
    """An answer was wrong, or there was none."""


def run_load(
    proxy_port: int, origin_port: int, connections: int, seconds: float, root: str | None, varied: bool = False
) -> int:
    """
    Load a proxy and count the answers.

    @param varied: let a field of each request differ from the one before.
    @param root: the PEM file of the proxy's authority: then it is asked by CONNECT, and in TLS.
    @raise LoadFailed: an answer was not what the origin sends.
    """
    wrk = shutil.which("wrk")
    if root is None and wrk is not None and seconds >= 1:
        return _run_wrk(wrk, proxy_port, origin_port, connections, seconds, varied)
    numbers = (proxy_port, origin_port, connections, seconds, int(varied))
    command = [sys.executable, "-m", "benchmarks.load", *map(str, numbers)]
    ended = subprocess.run([*command, *([root] if root else [])], capture_output=True, text=True, check=False)
    if ended.returncode:
        raise LoadFailed(ended.stderr.strip().rpartition("\n")[2])
    return int(ended.stdout)


def _run_wrk(wrk: str, proxy_port: int, origin_port: int, connections: int, seconds: float, varied: bool) -> int:
    """Have wrk ask for absolute URLs; every answer must be a 200, and as large as it should be."""
    lines = [f'wrk.headers["{name}"] = "{value}"' for name, value in REQUEST_FIELDS]
    lines.append(f'wrk.headers["Host"] = "{HOST}:{origin_port}"')
    with tempfile.NamedTemporaryFile("w", suffix=".lua") as script:
        script.write(_LUA.format(target=f"http://{HOST}:{origin_port}{_PATH}", fields="\n".join(lines)))
        script.write(_LUA_VARIED if varied else "")
        script.flush()
        command = [wrk, "-t1", f"-c{connections}", f"-d{int(seconds)}s", "-s", script.name]
        ended = subprocess.run(
            [*command, f"http://127.0.0.1:{proxy_port}/"], capture_output=True, text=True, check=False
        )
    found = re.search(r"(\d+) requests in [^,]+, ([\d.]+)([KMG]?)B read", ended.stdout)
    if ended.returncode or found is None or "Non-2xx" in ended.stdout or "Socket errors" in ended.stdout:
        raise LoadFailed(f"wrk: {ended.stdout} {ended.stderr}")
    answers = int(found[1])
    size = float(found[2]) * {"": 1, "K": 1024, "M": 1024**2, "G": 1024**3}[found[3]]
    if not 1.1 * len(BODY) < size / max(answers, 1) < 2.0 * len(BODY):
        raise LoadFailed(f"answers have {size / max(answers, 1):.0f} bytes on average")
    return answers


class _Client:
    """One connection."""

    def __init__(self, proxy_port: int, origin_port: int, context: ssl.SSLContext | None, varied: bool) -> None:
        authority = f"{HOST}:{origin_port}"
        self.socket = socket.create_connection(("127.0.0.1", proxy_port), _SILENCE_SECONDS)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        target = f"http://{authority}{_PATH}"
        if context is not None:
            target = _PATH
            self._open_tunnel(authority)
            self.socket = context.wrap_socket(self.socket, server_hostname=HOST)
        lines = [f"GET {target} HTTP/1.1", f"Host: {authority}", *map(": ".join, REQUEST_FIELDS)]
        self._request = "\r\n".join([*lines, "", ""]).encode()
        self._varied = varied
        self._number = 0
        self._got = b""
        self._head_size = 0

    def _open_tunnel(self, authority: str) -> None:
        """Have the proxy open a tunnel."""
        self.socket.sendall(f"CONNECT {authority} HTTP/1.1\r\nHost: {authority}\r\n\r\n".encode())
        answer = b""
        while not answer.endswith(b"\r\n\r\n"):
            piece = self.socket.recv(4096)
            if not piece:
                raise LoadFailed("the proxy has closed the connection after CONNECT")
            answer += piece
        if answer.split(b" ")[1] != b"200":
            raise LoadFailed(f"CONNECT was answered with {answer!r}")

    def ask(self) -> None:
        """Send the next request."""
        self._got = b""
        request = self._request
        if self._varied:
            self._number += 1
            request = request.replace(b"q=proxies", b"q=proxies%d" % self._number)
        self.socket.sendall(request)

    def read(self) -> bool:
        """Read what there is; @return: whether the answer is whole, and right."""
        try:
            piece = self.socket.recv(65536)
        except (ssl.SSLWantReadError, BlockingIOError):
            return False
        if not piece:
            raise LoadFailed("the proxy has closed the connection")
        got = self._got = self._got + piece
        if not self._head_size:
            self._head_size = got.find(b"\r\n\r\n") + 4
            if self._head_size < 4:
                self._head_size = 0
                return False
        if len(got) < self._head_size + len(BODY):
            return False
        if got[9:12] != b"200" or not got.endswith(BODY) or len(got) != got.find(b"\r\n\r\n") + 4 + len(BODY):
            raise LoadFailed(f"the answer is wrong: {got[:300]!r}")
        return True


def _load(clients: list[_Client], seconds: float) -> int:
    """Ask and be answered until the time is over."""
    selector = selectors.DefaultSelector()
    for client in clients:
        client.socket.setblocking(False)
        selector.register(client.socket, selectors.EVENT_READ, client)
    until = time.monotonic() + seconds
    for client in clients:
        client.ask()
    answers, waiting = 0, len(clients)
    while waiting:
        events = selector.select(_SILENCE_SECONDS)
        if not events:
            raise LoadFailed(f"no answer for {_SILENCE_SECONDS:g} seconds")
        is_over = time.monotonic() >= until
        for key, _ in events:
            if key.data.read():
                answers += 1
                if is_over:
                    waiting -= 1
                else:
                    key.data.ask()
    return answers


def main() -> None:
    """Load as the command line says."""
    proxy_port, origin_port, connections = (int(text) for text in sys.argv[1:4])
    context = ssl.create_default_context(cafile=sys.argv[6]) if len(sys.argv) > 6 else None
    clients = [_Client(proxy_port, origin_port, context, sys.argv[5] == "1") for _ in range(connections)]
    print(_load(clients, float(sys.argv[4])))


if __name__ == "__main__":
    main()
