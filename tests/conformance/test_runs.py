"""Tests of the plan of runs, and of what makes them fail."""

import sys
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from tests.conformance.programs import Program, ProgramFailed
from tests.conformance.runs import ALL_RUNS, Run


class RunTests(SynchronousTestCase):
    """Tests of L{Run} and L{ALL_RUNS}."""

    def test_names_are_unique(self) -> None:
        """Each run has a directory of its own."""
        self.assertEqual(len(ALL_RUNS), len({run.name for run in ALL_RUNS}))
        self.assertEqual("server-wss-reverse-counting", Run("server", "wss", "reverse", "counting").name)

    def test_references_come_first(self) -> None:
        """What a run is compared with is there before it, and is its own reference."""
        for position, run in enumerate(ALL_RUNS):
            self.assertIn(run.reference, ALL_RUNS[: position + 1])
            self.assertEqual(run.reference, run.reference.reference)

    def test_all_addons_on_all_ways(self) -> None:
        """A server is tested over both schemes with each set of addons; a client by each way to the proxy."""
        server = {(run.scheme, run.addons) for run in ALL_RUNS if run.peer == "server" and run.form == "reverse"}
        self.assertEqual({(s, a) for s in ("ws", "wss") for a in ("plain", "counting", "recreating")}, server)
        forms = {run.form for run in ALL_RUNS if run.peer == "client"}
        self.assertEqual({"direct", "reverse", "absolute", "connect"}, forms)


class ProgramTests(SynchronousTestCase):
    """Tests of L{Program}."""

    def program(self, code: str) -> Program:
        directory = Path(self.mktemp())
        directory.mkdir()
        return Program("thing", [sys.executable, "-c", code], directory)

    def test_port(self) -> None:
        """The port is what the program says, and the program ends with the context."""
        with self.program("print('listening on port 4711', flush=True); import time; time.sleep(600)") as program:
            self.assertEqual(4711, program.port())
        self.assertRaises(ProgramFailed, program.finish, 10)

    def test_port_of_one_that_ends(self) -> None:
        """What it said last is in the error."""
        with self.program("print('no such thing')") as program:
            error = self.assertRaises(ProgramFailed, program.port)
        self.assertIn("no such thing", str(error))

    def test_finish(self) -> None:
        """Status 0 is success; another, or none in time, is not."""
        with self.program("") as program:
            program.finish(30)
        with self.program("raise SystemExit(3)") as program:
            self.assertIn("status 3", str(self.assertRaises(ProgramFailed, program.finish, 30)))
        with self.program("import time; time.sleep(600)") as program:
            self.assertIn("not done", str(self.assertRaises(ProgramFailed, program.finish, 0.01)))
