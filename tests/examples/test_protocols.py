"""Tests of examples that speak protocols of their own."""

import io
from contextlib import redirect_stdout
from typing import Any

from mitmtw.interfaces.authority import IAuthority
from mitmtw.testing import Harness, Origin, Peer, Recorder
from tests.acceptance.base import Acceptance
from tests.examples.cases import load


class ProtocolCase(Acceptance):
    """A proxy with an example, on a network in memory."""

    def run_example(self, name: str, *addons: object, port: int, **settings: Any) -> Harness:
        """Start the proxy in front of a server."""
        printed = io.StringIO()
        redirected = redirect_stdout(printed)
        redirected.__enter__()
        self.addCleanup(redirected.__exit__, None, None, None)
        self.printed = printed
        module = load(name)
        listen = [f"reverse:tcp://server.example:{port}@tcp:8080:interface=127.0.0.1"]
        return self.proxy(*module.addons, *addons, listen=listen, **settings)

    def lines(self) -> list[str]:
        """What was printed."""
        return self.printed.getvalue().splitlines()


class LineTests(ProtocolCase):
    """C{line_protocol.py}."""

    def open(self, *addons: object, port: int = 6667, **settings: Any) -> tuple[Harness, Peer, Origin]:
        """A client that has sent a line and a half."""
        harness = self.run_example("line_protocol", *addons, port=port, **settings)
        origin = harness.origin("server.example", port)
        client = self.send(harness, b"NICK me\r\nUS")
        return harness, client, origin

    def test_line_protocol(self) -> None:
        """Whole lines are passed on, one hook each, whatever the pieces they come in."""
        harness, client, origin = self.open()
        self.assertEqual(origin.received, b"NICK me\r\n")
        client.send(b"ER me\r\nJOIN\r\n")
        harness.pump()
        origin.peer.send(b":irc 001 me\r\n")
        harness.pump()
        self.assertEqual(origin.received, b"NICK me\r\nUSER me\r\nJOIN\r\n")
        self.assertEqual(client.received, b":irc 001 me\r\n")
        self.assertEqual(
            self.lines(),
            [
                *(r"<TCPMessage -> b'NICK me\r\n'>", r"<TCPMessage -> b'USER me\r\n'>", r"<TCPMessage -> b'JOIN\r\n'>"),
                r"<TCPMessage <- b':irc 001 me\r\n'>",
            ],
        )

    def test_rest(self) -> None:
        """What has no end of line is passed on at the end."""
        harness, client, origin = self.open()
        client.close()
        harness.pump()
        self.assertEqual(origin.received, b"NICK me\r\nUS")
        self.assertTrue(origin.peer.has_ended)

    def test_other_addons(self) -> None:
        """Addons listen to the hook as to any other one: they change, drop and wait."""

        class Censor:
            name = "censor"

            def line_message(self, flow: Any) -> None:
                message = flow.messages[-1]
                if message.content.startswith(b"PASS"):
                    message.kill()
                else:
                    message.content = message.content.replace(b"me", b"you")

        harness, client, origin = self.open(Censor())
        client.send(b"ER me\r\nPASS x\r\nJOIN\r\n")
        harness.pump()
        self.assertEqual(origin.received, b"NICK you\r\nUSER you\r\nJOIN\r\n")

    def test_long_line(self) -> None:
        """A line without an end is not kept without an end."""
        harness, client, origin = self.open()
        client.send(bytes(100_000))
        harness.pump()
        self.assertGreater(len(origin.received), 65536)

    def test_listener_leaves(self) -> None:
        """When nobody listens any more, what was kept of a line goes on with the rest of it."""
        harness, client, origin = self.open()
        lifecycle: Any = harness.service.lifecycle
        lifecycle.remove_addon("lineprotocol")
        harness.pump()
        client.send(b"ER me")
        harness.pump()
        self.assertEqual(origin.received, b"NICK me\r\nUSER me")

    def test_other_port(self) -> None:
        """Other ports are TCP as usual."""
        recorder = Recorder()
        _, _, origin = self.open(recorder, port=70)
        self.assertEqual((origin.received, self.lines()), (b"NICK me\r\nUS", []))
        self.assertIn("tcp_message", recorder.trace)

    def test_refused(self) -> None:
        """A server that is not there: the client is told by the end of its connection, and nothing is logged."""
        harness = self.run_example("line_protocol", port=6667)
        client = self.send(harness, b"NICK me\r\n")
        harness.advance(1)
        self.assertTrue(client.has_ended)


class StartTLSTests(ProtocolCase):
    """C{starttls.py}."""

    def greet(self, *addons: object, **settings: Any) -> tuple[Harness, Peer, Peer]:
        """A dialogue up to the server's answer to STARTTLS."""
        harness = self.run_example("starttls", *addons, port=25, **settings)
        origin = harness.origin("server.example", 25)
        client = harness.client()
        harness.advance(0.4)
        server = origin.peer
        for speaker, line in (
            (server, b"220 server.example\r\n"),
            (client, b"EHLO me\r\n"),
            (server, b"250-server.example\r\n250 STARTTLS\r\n"),
            (client, b"STARTTLS\r\n"),
        ):
            speaker.send(line)
            harness.pump()
            self.assertEqual((client if speaker is server else server).take(), line)
        return harness, client, server

    def secure(self, authority: IAuthority, server: Peer, name: str = "server.example") -> Peer:
        """The server's side of TLS."""
        inner = Peer()
        protocol: Any = authority.server_side([name], (), None, inner)
        protocol.is_of_test = True
        server.wire.protocol = protocol
        protocol.makeConnection(server.wire)
        return inner

    def test_starttls(self) -> None:
        """After STARTTLS both sides speak TLS on the same connections, and the dialogue goes on and is seen."""
        recorder = Recorder()
        harness, client, server = self.greet(recorder)
        server.send(b"220 go ahead\r\n")
        harness.pump()
        self.assertEqual(client.take(), b"220 go ahead\r\n")
        inside_server = self.secure(harness.trusted, server)
        inside_client = harness.secure(client, "server.example", alpn=())
        inside_client.send(b"EHLO me\r\n")
        harness.pump()
        self.assertEqual(inside_server.take(), b"EHLO me\r\n")
        inside_server.send(b"250 server.example\r\n")
        harness.pump()
        self.assertEqual(inside_client.take(), b"250 server.example\r\n")
        inside_client.send(b"QUIT\r\n")
        harness.pump()
        inside_server.send(b"221 bye\r\n")
        inside_server.close()
        harness.pump()
        self.assertEqual(inside_client.received, b"221 bye\r\n")
        self.assertTrue(inside_client.lost)
        self.assertEqual(recorder.count("serverconnect"), 1)
        self.assertEqual(
            [(line[:3], line.partition("b'")[2].removesuffix(r"\r\n'>")) for line in self.lines()],
            [
                *(("   ", said) for said in ("220 server.example", "EHLO me", "250-server.example", "250 STARTTLS")),
                *(("   ", said) for said in ("STARTTLS", "220 go ahead")),
                *(("TLS", said) for said in ("EHLO me", "250 server.example", "QUIT", "221 bye")),
            ],
        )
        names = [name for name in recorder.trace if name.startswith("tcp_") and name != "tcp_message"]
        self.assertEqual(names, ["tcp_start", "tcp_end", "tcp_start", "tcp_end"])
        self.assertEqual(recorder.trace[-2:], ["serverdisconnect", "clientdisconnect"])
        flow = recorder.last("tcp_end")
        self.assertTrue(flow.client_conn.tls_established and flow.server_conn.tls_established)

    def test_unheard(self) -> None:
        """It works when no other addon listens, and when the client is the one to wait inside of TLS."""
        recorder = Recorder(only=("serverconnect",))
        harness, client, server = self.greet(recorder, upstream_cert=True)
        server.send(b"220 go ahead\r\n")
        harness.pump()
        inside_server = self.secure(harness.trusted, server)
        inside_client = harness.secure(client, "server.example", alpn=())
        harness.advance(0.5)
        inside_client.send(b"EHLO me\r\n")
        harness.pump()
        self.assertEqual(inside_server.take(), b"EHLO me\r\n")
        self.assertEqual([conn.sni for _, conn in recorder.events], ["server.example"])

    def test_refused(self) -> None:
        """A server that does not want it: the dialogue goes on in the open."""
        harness, client, server = self.greet()
        for line in (b"454 not now\r\n", b"220 not meant so\r\n"):
            server.send(line)
            harness.pump()
            self.assertEqual(client.take(), line)
        client.send(b"QUIT\r\n")
        harness.pump()
        self.assertEqual(server.take(), b"QUIT\r\n")

    def test_not_verified(self) -> None:
        """A server whose certificate is for another name gets nothing of what is said inside."""
        recorder = Recorder()
        harness, client, server = self.greet(recorder)
        server.send(b"220 go ahead\r\n")
        harness.pump()
        inside_server = self.secure(harness.trusted, server, "other.example")
        inside_client = harness.secure(client, "server.example", alpn=())
        inside_client.send(b"AUTH PLAIN secret\r\n")
        harness.pump()
        self.assertEqual(inside_server.received, b"")
        self.assertTrue(inside_client.lost)
        self.assertEqual(recorder.trace.count("tcp_error"), 1)
        self.assertIn("certificate", recorder.last("tcp_error").error.msg)

    def test_injected_by_a_stranger(self) -> None:
        """What comes in the open behind the server's answer is not taken for something that was said inside."""
        harness, client, server = self.greet()
        server.send(b"220 go ahead\r\n250 trust me\r\n")
        harness.pump()
        self.assertEqual(client.take(), b"220 go ahead\r\n")
        inside_server = self.secure(harness.trusted, server)
        inside_client = harness.secure(client, "server.example", alpn=())
        inside_client.send(b"EHLO me\r\n")
        harness.pump()
        self.assertEqual((inside_server.take(), inside_client.take()), (b"EHLO me\r\n", b""))

    def test_client_hangs_up(self) -> None:
        """A client that hangs up instead of shaking hands takes the server's connection with it."""
        recorder = Recorder()
        harness, client, server = self.greet(recorder)
        server.send(b"220 go ahead\r\n")
        harness.pump()
        client.close()
        harness.pump()
        self.assertFalse(server.is_connected)
        self.assertEqual(recorder.trace[-2:], ["serverdisconnect", "clientdisconnect"])

    def test_server_hangs_up(self) -> None:
        """A server that hangs up meanwhile: the client's dialogue inside of TLS ends with an error."""
        recorder = Recorder()
        harness, client, server = self.greet(recorder)
        server.send(b"220 go ahead\r\n")
        server.close()
        harness.pump()
        inside_client = harness.secure(client, "server.example", alpn=())
        inside_client.send(b"EHLO me\r\n")
        harness.pump()
        self.assertTrue(inside_client.lost)
        self.assertEqual(recorder.count("tcp_error"), 1)
