"""Connections: clientconnect, next_layer, servers that speak first, serverconnect, http_connect, clientdisconnect."""

from tests.mutants.runner import Mutant

__all__ = ["MUTANTS"]

_CONNECTION = "tests.acceptance.test_connection."
_NEXT_LAYER = "tests.acceptance.test_next_layer."
_CONNECT = "tests.acceptance.test_connect.ConnectTests."

_CLIENT: tuple[Mutant, ...] = (
    Mutant(
        "clientconnect kill",
        "_layers/client.py",
        '            self.client_conn.error = "killed"\n        self.abort()',
        "            pass",
        _CONNECTION + "ClientConnectTests.test_clientconnect_kill",
    ),
    Mutant(
        "clientconnect kill, after a Deferred",
        "_modes/listener.py",
        "            switch.wait(deferred, decided)",
        "            switch.wait(deferred, lambda _: switch.to(chosen(root)))",
        _CONNECTION + "ClientConnectTests.test_clientconnect_kill_later",
    ),
    Mutant(
        "clientconnect replace, by value",
        "_modes/listener.py",
        "switch.to(chosen(root))",
        "switch.to(root)",
        _CONNECTION + "ClientConnectTests.test_clientconnect_replace_by_value",
    ),
    Mutant(
        "clientconnect replace, by Deferred",
        "_modes/listener.py",
        "            switch.wait(deferred, decided)",
        "            decided(None)",
        _CONNECTION + "ClientConnectTests.test_clientconnect_replace_by_deferred",
    ),
    Mutant(
        "clientconnect: what the client sends meanwhile is kept",
        "_layers/switch.py",
        'data = b"".join([leftover, *kept]) if kept else leftover',
        "data = leftover",
        _CONNECTION + "ClientConnectTests.test_clientconnect_replace_by_deferred",
    ),
    Mutant(
        "clientdisconnect last: after a handler of error",
        "_layers/client.py",
        "if self.is_gone and not self._busy:",
        "if self.is_gone:",
        _CONNECTION + "ClientDisconnectTests.test_waits_for_error",
    ),
    Mutant(
        "clientdisconnect last: after serverdisconnect of a connection in use",
        "_upstream/link.py",
        "            deferred.addBoth(self._end)",
        "            self._end(None)",
        _CONNECTION + "ClientDisconnectTests.test_waits_for_serverdisconnect",
    ),
    Mutant(
        "clientdisconnect last: held connections close before",
        "_layers/client.py",
        "                connection.close()",
        "                pass",
        _CONNECTION + "ClientDisconnectTests.test_held_connection",
    ),
    Mutant(
        "clientdisconnect: exactly once per clientconnect",
        "_layers/client.py",
        "if self._announced and hook is not None:",
        "if self._announced and hook is not None and self.held:",
        _CONNECTION + "ClientDisconnectTests.test_clientdisconnect_last",
    ),
)

_LAYERS: tuple[Mutant, ...] = (
    Mutant(
        "next_layer by value",
        "_hooks/event.py",
        "current.replacement = outcome",
        "pass",
        _NEXT_LAYER + "NextLayerTests.test_next_layer_by_value",
    ),
    Mutant(
        "next_layer by Deferred",
        "_layers/opening.py",
        "        switch.wait(deferred, decided)",
        "        decided(None)",
        _NEXT_LAYER + "NextLayerTests.test_next_layer_by_deferred",
    ),
    Mutant(
        "next_layer by Deferred: the end that came meanwhile is kept",
        "_layers/switch.py",
        "if self._ended and self.layer is not None:",
        "if False:",
        _NEXT_LAYER + "NextLayerTests.test_next_layer_by_deferred",
    ),
    Mutant(
        "next_layer: each handler sees the latest choice",
        "_hooks/event.py",
        "self._arguments = (self._offered[-1],)",
        "pass",
        _NEXT_LAYER + "NextLayerTests.test_next_layer_by_assignment",
    ),
    Mutant(
        "next_layer undecided: asked again",
        "_layers/opening.py",
        "elif proposal.wants_more and again is not None:",
        "elif False:",
        _NEXT_LAYER + "NextLayerTests.test_next_layer_undecided",
    ),
    Mutant(
        "next_layer undecided: not at the client's end",
        "_layers/opening.py",
        "None if is_last else again)",
        "again)",
        _NEXT_LAYER + "NextLayerTests.test_undecided_at_the_end",
    ),
    Mutant(
        "next_layer kill",
        "_layers/opening.py",
        "if client.client_conn.error:",
        "if False:",
        _NEXT_LAYER + "NextLayerTests.test_kill",
    ),
    Mutant(
        "next_layer: the client goes meanwhile",
        "_layers/switch.py",
        "            awaited.cancel()\n",
        "",
        _NEXT_LAYER + "NextLayerTests.test_client_gone_while_pending",
    ),
    Mutant(
        "server-first protocol: after CONNECT",
        "_layers/opening.py",
        "self._call = self.clock.callLater(options.server_first_delay, self._silent)",
        "pass",
        _NEXT_LAYER + "ServerFirstTests.test_after_connect",
    ),
    Mutant(
        "server-first protocol: with a fixed target",
        "_layers/opening.py",
        'if target is not None and target.protocol == "tcp" and not target.is_fixed:',
        'if target is not None and target.protocol == "tcp":',
        _NEXT_LAYER + "ServerFirstTests.test_fixed_target",
    ),
    Mutant(
        "server-first protocol: inside TLS",
        "_layers/opening.py",
        "        if target.tls:  # what the server says first is inside TLS",
        "        if False:",
        _NEXT_LAYER + "ServerFirstTests.test_inside_tls",
    ),
    Mutant(
        "server-first protocol: a client that asks after all gets that connection",
        "_upstream/pool.py",
        "link: Link | None = client.early",
        "link: Link | None = None",
        _NEXT_LAYER + "ServerFirstTests.test_client_speaks_after_all",
    ),
)

_SERVER: tuple[Mutant, ...] = (
    Mutant(
        "serverconnect rewrite",
        "_upstream/dial.py",
        "        link = await _connect(proxy, server_conn, client)",
        "        server_conn.address = wanted\n        link = await _connect(proxy, server_conn, client)",
        _CONNECTION + "ServerConnectTests.test_serverconnect_rewrite",
    ),
    Mutant(
        "serverconnect rewrite: of a connection for a silent client",
        "_upstream/pool.py",
        "and link.wanted == key[:2]",
        "and link.server_conn.address == key[:2]",
        _CONNECTION + "ServerConnectTests.test_rewrite_of_an_early_connection",
    ),
    Mutant(
        "serverconnect: source_address",
        "_upstream/dial.py",
        "seconds or 3600, server_conn.source_address)",
        "seconds or 3600, None)",
        _CONNECTION + "ServerConnectTests.test_serverconnect_source_address",
    ),
    Mutant(
        "serverconnect: sni, and the name that is verified follows it",
        "_upstream/pool.py",
        "name = conn.sni or host",
        "name = host",
        "tests.acceptance.test_tls.ServerConnectTests.test_sni_follows",
    ),
    Mutant(
        "serverconnect: tls",
        "_upstream/pool.py",
        "            is_tls = conn.tls\n",
        "",
        "tests.acceptance.test_tls.ServerConnectTests.test_tls_off",
    ),
    Mutant(
        "serverconnect kill",
        "_upstream/dial.py",
        'raise ConnectFailed(f"an addon refused the connection: {server_conn.error}")\n    try:',
        "pass\n    try:",
        _CONNECTION + "ServerConnectTests.test_serverconnect_kill",
    ),
    Mutant(
        "serverconnect via: a proxy",
        "_upstream/dial.py",
        "way = server_conn.endpoint or server_conn.via",
        "way = server_conn.endpoint",
        _CONNECTION + "ServerConnectTests.test_serverconnect_via_httpconnect",
    ),
    Mutant(
        "serverconnect via: a proxy that refuses",
        "_upstream/via.py",
        "if not 200 <= head.status < 300:",
        "if False:",
        _CONNECTION + "ServerConnectTests.test_serverconnect_via_refused",
    ),
    Mutant(
        "serverconnect via: an endpoint string",
        "_upstream/via.py",
        "endpoint: IStreamClientEndpoint = clientFromString(reactor, via)",
        "endpoint: IStreamClientEndpoint = direct(reactor, reactor, host, port, 30, None)",
        _CONNECTION + "ServerConnectTests.test_serverconnect_via_endpoint",
    ),
    Mutant(
        "serverconnect: none for a reused connection",
        "_upstream/pool.py",
        "channel = self._reuse(",
        "channel = None and self._reuse(",
        _CONNECTION + "ServerConnectTests.test_reused_connection_fires_none",
    ),
)

_TUNNEL: tuple[Mutant, ...] = (
    Mutant(
        "http_connect 403: no tunnel",
        "_layers/exchange.py",
        "if response is None or 200 <= response.status_code < 300:",
        "if True:",
        _CONNECT + "test_http_connect_403_with_body",
    ),
    Mutant(
        "http_connect 403: the connection ends",
        "_layers/exchange.py",
        "            down.persistent = False\n            down.send(response)",
        "            down.send(response)",
        _CONNECT + "test_http_connect_403_with_body",
    ),
    Mutant(
        "http_connect custom 2xx",
        "_layers/exchange.py",
        "            if response is None:\n                response = flow.response = Response.of(",
        "            if True:\n                response = flow.response = Response.of(",
        _CONNECT + "test_http_connect_custom_2xx",
    ),
    Mutant(
        "http_connect custom 2xx: without a body",
        "_layers/http1.py",
        "message.raw_reason, fields), None, NO_BODY, ())",
        "message.raw_reason, fields), message.body, LENGTH, ())",
        _CONNECT + "test_http_connect_custom_2xx",
    ),
    Mutant(
        "http_connect moved target",
        "_layers/exchange.py",
        "            await ask(self.hooks.http_connect, flow)\n",
        "            before = flow.request.host, flow.request.port\n"
        "            await ask(self.hooks.http_connect, flow)\n"
        "            flow.request.host, flow.request.port = before\n",
        _CONNECT + "test_http_connect_moved_target",
    ),
    Mutant(
        "http_connect: no connection before it is needed",
        "_layers/exchange.py",
        'self.proxy.options.connection_strategy == "eager"',
        'self.proxy.options.connection_strategy != "eager"',
        _CONNECT + "test_no_connection_before_it_is_needed",
    ),
)

MUTANTS: tuple[Mutant, ...] = (*_CLIENT, *_LAYERS, *_SERVER, *_TUNNEL)
