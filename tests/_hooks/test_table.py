"""Tests for L{mitmtw._hooks.table} and L{mitmtw._hooks.attributes}."""

from twisted.trial.unittest import SynchronousTestCase
from zope.interface import Attribute, Interface

from mitmtw._hooks.attributes import HookAttributes
from mitmtw._hooks.table import TABLE, table_of
from mitmtw.errors import AddonError
from mitmtw.interfaces import IHooks

ASK = {
    *("clientconnect", "next_layer", "serverconnect", "server_connected", "http_connect", "requestheaders", "request"),
    *("responseheaders", "response", "error", "websocket_handshake", "websocket_start", "websocket_message"),
    *("tcp_start", "tcp_message"),
}
TELL = {
    *("clientdisconnect", "serverdisconnect", "server_connect_error", "log", "tcp_error", "tcp_end"),
    *("websocket_error", "websocket_end", "update"),
}
LIFECYCLE = {"start", "configure", "tick", "done", "load", "running"}
RESPOND = ASK & {
    *("http_connect", "requestheaders", "request", "responseheaders", "response", "error", "websocket_handshake"),
}


class TableTests(SynchronousTestCase):
    """The table is the contract's list."""

    def test_gates(self) -> None:
        """Each hook of the contract is there, with its gate, and no other one is."""
        gates = {"ask": ASK, "tell": TELL, "lifecycle": LIFECYCLE}
        self.assertEqual(
            {name: spec.gate for name, spec in TABLE.items()},
            {name: gate for gate, names in gates.items() for name in names},
        )

    def test_arguments(self) -> None:
        """The arguments are those of the specification."""
        self.assertEqual(TABLE["configure"].arguments, ("options", "updated"))
        self.assertEqual(TABLE["tick"].arguments, ())
        self.assertEqual(TABLE["clientconnect"].arguments, ("root_layer",))
        self.assertEqual(TABLE["serverconnect"].arguments, ("server_conn",))
        self.assertEqual(TABLE["log"].arguments, ("entry",))
        self.assertEqual(TABLE["tcp_message"].arguments, ("flow",))

    def test_results(self) -> None:
        """Exactly those hooks that the contract names can respond, or return a layer."""
        self.assertEqual(
            {name for name, spec in TABLE.items() if spec.can_respond},
            RESPOND,
        )
        self.assertEqual({name for name, spec in TABLE.items() if spec.returns_layer}, {"clientconnect", "next_layer"})

    def test_documented(self) -> None:
        """Each hook has a manual, a first version, and names each of its arguments there."""
        for name, spec in TABLE.items():
            self.assertTrue(spec.doc.startswith("Called"), name)
            self.assertTrue(spec.since, name)
            for argument in spec.arguments:
                if name != "running":
                    self.assertIn(f"@param {argument}:" if name != "configure" else argument, spec.doc, name)

    def test_attributes(self) -> None:
        """The dispatcher's typed attributes, and those of its interface, are exactly the hooks."""
        self.assertEqual(set(HookAttributes.__annotations__), set(TABLE))
        attributes = {name for name, one in IHooks.namesAndDescriptions() if isinstance(one, Attribute)}
        own = {"wants_request_body", "wants_response_body", "rebuilt", "fire"}
        self.assertEqual(attributes - own, set(TABLE))

    def test_name_twice(self) -> None:
        """Two interfaces with a hook of the same name are refused, and both are named."""

        class IFirst(Interface):
            def once(flow: object) -> None:  # noqa: N805
                """Once."""

        class ISecond(Interface):
            def once(flow: object) -> None:  # noqa: N805
                """Once more."""

        error = self.assertRaises(AddonError, table_of, [IFirst, ISecond])
        self.assertIn("IFirst", str(error))
        self.assertIn("ISecond", str(error))
        self.assertEqual(table_of([IFirst])["once"].gate, "tell")
