"""
Runs the Autobahn test suite against echoing peers, with the proxy between them and without it, and compares.

    python -m tests.conformance.autobahn
    python -m tests.conformance.autobahn --quick
    python -m tests.conformance.autobahn --run server-ws-reverse-counting --cases '6.*'

The last line is C{conformance: passed} or C{failed}. The exit status is 1 when something is worse with the proxy, 2
when the suite cannot be run. Reports are in C{.conformance/reports}, with a directory for each run.
"""

import argparse
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from typing import TextIO

from tests.conformance.programs import ROOT, ProgramFailed
from tests.conformance.runs import ALL_RUNS, Course, Run
from tests.conformance.suite import NoPython2, installed_suite
from tests.conformance.tables import Table
from tests.conformance.verdicts import Comparison, Outcome, compare, read_outcomes

__all__ = ["CACHE", "QUICK_CASES", "QUICK_COUNT", "main", "perform"]

#: Where the suite is installed and its reports are; git ignores it.
CACHE = ROOT / ".conformance"
#: A few of every group but the long ones, without those that wait: a second or two in all.
QUICK_CASES = (
    *("1.1.*", "2.*", "3.*", "4.1.*", "5.1", "5.3", "5.9", "5.15", "6.2.*", "6.6.*", "7.*"),
    *("10.*", "12.1.1", "13.7.1"),
)
QUICK_COUNT = 2


def _parser() -> argparse.ArgumentParser:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m tests.conformance.autobahn")
    add = parser.add_argument
    add("--quick", action="store_true", help="a few cases of each group, with two messages in the long ones")
    add("--cases", nargs="+", default=["*"], metavar="PATTERN", help="these cases, such as 6.4.1 or 1.*")
    add("--exclude", nargs="+", default=[], metavar="PATTERN", help="not these cases")
    add("--messages", type=int, default=20, help="how many in each case of groups 12 and 13; the suite has 1000")
    add("--run", nargs="+", dest="runs", metavar="NAME", help="only these runs, with their references")
    add("--list", action="store_true", help="print the names of the runs")
    add("--html", action="store_true", help="have the suite write its pages for people too")
    add("--set", action="append", default=[], dest="options", metavar="NAME=VALUE", help="an option of the proxy")
    return parser


def main(argv: Sequence[str], out: TextIO) -> int:
    """Run what the command line says, and give the exit status."""
    parser = _parser()
    arguments = parser.parse_args(argv)
    names = [run.name for run in ALL_RUNS]
    if arguments.list:
        out.writelines(f"{name}\n" for name in names)
        return 0
    unknown = set(arguments.runs or ()) - set(names)
    if unknown:
        parser.error(f"there is no run {', '.join(sorted(unknown))}; see --list")
    try:
        python = installed_suite(CACHE)
    except (NoPython2, OSError, subprocess.CalledProcessError) as error:
        out.write(f"conformance: the suite cannot be run: {error}\n")
        return 2
    reports = CACHE / "reports"
    shutil.rmtree(reports, ignore_errors=True)
    cases, count = (QUICK_CASES, QUICK_COUNT) if arguments.quick else (arguments.cases, arguments.messages)
    course = Course(python, reports, cases, arguments.exclude, count, arguments.html, arguments.options)
    chosen = [run for run in ALL_RUNS if not arguments.runs or run.name in arguments.runs]
    is_good = perform(course, chosen, out)
    out.write(f"conformance: {'passed' if is_good else 'failed'}\n")
    return 0 if is_good else 1


def perform(course: Course, runs: Sequence[Run], out: TextIO) -> bool:
    """
    Do runs, and the references they need; write a line for each, then what was not the same.

    @return: whether all is as good as without the proxy.
    """
    course.prepare()
    table = Table(out)
    references: dict[Run, dict[str, Outcome]] = {}
    compared: dict[Run, Comparison] = {}
    is_whole = True
    for run in dict.fromkeys(each for one in runs for each in (one.reference, one)):
        start = time.monotonic()
        try:
            course.execute(run)
            outcomes = read_outcomes(course.directory_of(run))
        except (ProgramFailed, OSError, ValueError) as error:
            table.say(f"{run.name} FAILED: {error}")
            is_whole = False
            continue
        seconds = time.monotonic() - start
        if run.form == "direct":
            references[run] = outcomes
            table.reference(run.name, len(outcomes), seconds)
        elif run.reference in references:
            compared[run] = compare(references[run.reference], outcomes, run.peer == "server", run.addons != "plain")
            table.compared(run.name, compared[run], seconds)
    for run, comparison in compared.items():
        table.differences(run.name, comparison, course.directory_of(run) / "differences.txt")
        if run.addons != "plain" and not comparison.has_hooks:
            table.say(f"{run.name}: no message was seen at a hook: the proxy relays bytes")
    return is_whole and all(one.is_good for one in compared.values())


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("conformance: stopped"))  # with all programs, like Ctrl-C
    sys.exit(main(sys.argv[1:], sys.stdout))
