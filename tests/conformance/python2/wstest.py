"""
Runs one half of the Autobahn test suite, its fuzzing client or its fuzzing server, as a JSON file says.

This is for Python 2.7, the only one the suite runs on; it is in the part of the language that Python 3 has too. What
the suite's own command lacks: the number of a case in the address, a port that the system chooses, on the loopback
interface alone, fewer messages for the cases of compression, and a ledger of the messages that came back.
"""
# mypy: ignore-errors

import hashlib
import json
import sys

from autobahntestsuite import wstest  # isort: skip - it chooses the reactor, so it comes first
from autobahntestsuite import case, fuzzing
from twisted.internet import reactor  # noqa: TID251 - the program begins here


class Ledger(object):  # noqa: UP004 - Python 2.7
    """Writes down what messages came in each case; the form is that of tests/conformance/ledger.py."""

    def __init__(self, path):
        self.path = path

    def follow(self, protocol_class):
        """Have all connections of this class written down."""
        ledger = self
        see, lose = protocol_class.onMessage, protocol_class.connectionLost

        def seen(protocol, content, is_binary):
            if protocol.runCase:
                count, digest = protocol.__dict__.setdefault("tally", (0, hashlib.sha256()))
                digest.update(("binary " if is_binary else "text ") + str(len(content)) + " ")
                digest.update(content)
                protocol.tally = (count + 1, digest)
            see(protocol, content, is_binary)

        def lost(protocol, reason):
            lose(protocol, reason)
            if protocol.runCase:
                count, digest = protocol.__dict__.get("tally", (0, hashlib.sha256()))
                ledger.write(protocol.factory.CaseSet.caseClasstoId(protocol.Case), [count, digest.hexdigest()])

        protocol_class.onMessage, protocol_class.connectionLost = seen, lost

    def write(self, name, received):
        """Add a line."""
        with open(self.path, "a") as lines:
            lines.write(json.dumps({"case": name, "received": received}) + "\n")


class Client(fuzzing.FuzzingClientFactory):
    """The fuzzing client, which names its case to the server."""

    def nextCase(self):
        """Choose the next case: the suite's own, and the resource that goes with it."""
        chosen = fuzzing.FuzzingClientFactory.nextCase(self)
        if chosen:
            self.resource = "/?case=" + self.currentCaseId
        return chosen


def listen(factory, context=None):
    """Listen as the suite does, but on the loopback interface, and say where."""
    if context is None:
        port = reactor.listenTCP(factory.port, factory, interface="127.0.0.1")
    else:
        port = reactor.listenSSL(factory.port, factory, context, interface="127.0.0.1")
    sys.stdout.write("listening on port " + str(port.getHost().port) + "\n")
    return port


def shorten(count):
    """Let the cases that only repeat a message, with compression, send it no more than C{count} times."""
    for one in case.Cases:
        if one.__name__.startswith(("Case12_", "Case13_")):
            one.COUNT = min(one.COUNT, count)


def main(path):
    """Run what the file describes until it is over, or until the process is told to stop."""
    with open(path) as described:
        settings = json.load(described)
    shorten(settings["count"])
    Ledger(settings["ledger"]).follow(fuzzing.FuzzingProtocol)
    if not settings["html"]:
        for factory in (fuzzing.FuzzingClientFactory, fuzzing.FuzzingServerFactory):
            factory.createMasterReportHTML = lambda self, outdir: None
            factory.createAgentCaseReportHTML = lambda self, agent, name, outdir: None
    fuzzing.listenWS = listen
    if settings["mode"] == "client":
        Client(settings["spec"])
    else:
        fuzzing.startServer(settings["spec"], 0)
    reactor.run()


if __name__ == "__main__":
    assert wstest.reactor is reactor
    main(sys.argv[1])
