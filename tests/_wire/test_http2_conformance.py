"""Tests of L{mitmtw._wire.http2} by tables: one rule of an RFC each."""

from twisted.trial.unittest import SynchronousTestCase

from mitmtw._wire.http2 import CODERS, ErrorCode
from tests._wire.http2_reading import Frames, run
from tests._wire.reading import cut, octets
from tests.vectors.http2_build import Case
from tests.vectors.http2_frames import FRAMES
from tests.vectors.http2_messages import MESSAGES

CASES = [*FRAMES, *MESSAGES]


def errors_in(frames: Frames) -> list[str]:
    """The errors that are told to the peer, in the words of the table."""
    found = []
    for kind, _, stream, payload in frames:
        if kind == 3:
            found.append(f"broken {stream} {ErrorCode(int.from_bytes(payload, 'big')).name}")
        elif kind == 7:
            found.append(f"failed {ErrorCode(int.from_bytes(payload[4:8], 'big')).name}")
    return found


class ConformanceTests(SynchronousTestCase):
    def check(self, case: Case, pieces: list[bytes]) -> None:
        """One case, fed like this."""
        told, frames = run(case, pieces)
        name = f"{case.section}: {case.must}"
        self.assertEqual(told, case.told, name)
        expected = [event for event in case.told if event.startswith(("broken", "failed"))]
        self.assertEqual(errors_in(frames), expected, name)

    def test_whole(self) -> None:
        """Each case is told as the table says, and its errors go to the peer with the code of the table."""
        for case in CASES:
            self.check(case, [case.wire])

    def test_octets(self) -> None:
        """So it is octet by octet."""
        for case in CASES:
            self.check(case, octets(case.wire))

    def test_cut(self) -> None:
        """So it is when the head of the first frame is cut off, and its first octets."""
        for case in CASES:
            self.check(case, cut(case.wire, [9, 14]))

    def test_coders(self) -> None:
        """Both coders read each message alike."""
        for coder in CODERS:
            for case in MESSAGES:
                self.assertEqual(run(case, [case.wire], coder)[0], case.told, f"{coder}: {case.section}: {case.must}")

    def test_many(self) -> None:
        """There are as many cases as there ought to be, and no two alike."""
        self.assertGreaterEqual(len(CASES), 150)
        self.assertEqual(len({(case.role, case.wire, case.opens) for case in CASES}), len(CASES))
