"""Python's own clients: requests and httpx."""

import ssl

from twisted.internet.threads import deferToThread

from tests.interop.cases import InteropCase, require_module


class RequestsTests(InteropCase):
    """requests, on urllib3 and http.client."""

    async def test_session(self) -> None:
        """Plain and HTTPS in one session, with upload and download."""
        requests = require_module(self, "requests")
        plain, secure = self.http_origin(), self.http_origin(is_tls=True)
        await self.start_proxy()

        def talk() -> list[str]:
            with requests.Session() as session:
                session.trust_env = False
                session.proxies = {"http": self.url, "https": self.url}
                session.verify = self.ca
                answers = []
                for origin in (f"http://127.0.0.1:{plain.port}", f"https://localhost:{secure.port}"):
                    answers.append(session.get(origin + "/r", timeout=20).text)
                    answers.append(session.post(origin, data=b"u" * 300_000, timeout=20).text.split()[0])
                    pieces = iter([b"a" * 1000, b"b" * 2000])
                    answers.append(session.put(origin, data=pieces, timeout=20).text.split()[0])
                    answers.append(session.get(origin + "/gzip", timeout=20).text)
                return answers

        self.assertEqual(await deferToThread(talk), ["GET /r", "300000", "3000", "packed text"] * 2)
        self.assertEqual((plain.connections, secure.connections), (1, 1))


class HTTPXTests(InteropCase):
    """httpx, on h11."""

    async def test_client(self) -> None:
        """Plain and HTTPS in one client, with a streamed answer."""
        httpx = require_module(self, "httpx")
        plain, secure = self.http_origin(), self.http_origin(is_tls=True)
        await self.start_proxy()

        def talk() -> list[object]:
            context = ssl.create_default_context(cafile=self.ca)
            with httpx.Client(proxy=self.url, verify=context, trust_env=False, timeout=20) as client:
                answers: list[object] = []
                for origin in (f"http://127.0.0.1:{plain.port}", f"https://localhost:{secure.port}"):
                    answers.append(client.get(origin + "/br").text)
                    answers.append(client.post(origin, content=b"12345").text.split()[0])
                    with client.stream("GET", origin + "/chunked/500000") as streamed:
                        answers.append(sum(len(piece) for piece in streamed.iter_raw()))
                return answers

        self.assertEqual(await deferToThread(talk), ["packed text", "5", 500_000] * 2)
