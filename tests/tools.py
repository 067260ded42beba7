"""Programs that tests of interoperability need, and which a machine may lack."""

import os
import shutil
from typing import Any

from twisted.trial.unittest import SkipTest

__all__ = ["require_tool"]


def require_tool(testcase: Any, name: str) -> str:
    """
    Give the path of a program.

    Where it is missing the test is skipped, with the reason; but it fails when C{MITMTW_CI} is set, because there
    everything is installed and a test that is quietly left out would hide what it is for.
    """
    path = shutil.which(name)
    if path is not None:
        return path
    reason = f"{name} is not installed"
    if os.environ.get("MITMTW_CI"):
        raise testcase.failureException(reason)
    raise SkipTest(reason)
