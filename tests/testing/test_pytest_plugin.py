"""Tests for L{mitmtw.testing.pytest_plugin}: a run of pytest in a process of its own."""

import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

from twisted.trial.unittest import SkipTest, SynchronousTestCase

ROOT = Path(__file__).parents[2]

TESTS = """
import threading, urllib.error, urllib.request
import pytest
from mitmtw.errors import OptionsError
from mitmtw.testing import make_response

done = []

class Tag:
    def request(self, flow):
        self.thread = threading.current_thread().name
        flow.request.headers["x-tag"] = "1"
    def done(self):
        done.append(1)

def test_urllib(mitmtw_proxy, mitmtw_origin):
    origin, tag = mitmtw_origin({"/": make_response(200, b"hi")}), Tag()
    proxy = mitmtw_proxy(addons=[tag])
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({"http": proxy.url}))
    assert opener.open(origin.url + "/", timeout=10).read() == b"hi"
    assert origin.requests[0].headers["x-tag"] == "1"
    assert tag.thread == proxy.call(lambda: threading.current_thread().name) == "mitmtw-reactor"

def test_stopped():
    assert done == [1]

def test_https(mitmtw_proxy, mitmtw_origin):
    origin = mitmtw_origin({"/": make_response(200, b"hi")}, tls=True)
    proxy = mitmtw_proxy(addons=[Tag()])
    assert proxy.fetch(origin.url + "/").content == b"hi"
    assert "CERTIFICATE" in open(proxy.ca_file).read()

def test_two(mitmtw_proxy):
    assert mitmtw_proxy().port != mitmtw_proxy().port

def test_refused(mitmtw_proxy):
    with pytest.raises(OptionsError):
        mitmtw_proxy(nonsense=1)
    with pytest.raises(ZeroDivisionError):
        mitmtw_proxy().call(lambda: 1 / 0)

def test_taken(mitmtw_reactor):
    from mitmtw.testing.pytest_plugin import ReactorThread
    with pytest.raises(RuntimeError):
        ReactorThread()
"""


class PluginTests(SynchronousTestCase):
    """The fixtures."""

    def test_fixtures(self) -> None:
        """They start proxies and servers for tests that block, and stop them when the test is over."""
        if find_spec("pytest") is None:
            if os.environ.get("MITMTW_CI"):
                self.fail("pytest is not installed")
            raise SkipTest("pytest is not installed")
        folder = Path(self.mktemp())
        folder.mkdir()
        (folder / "test_fixtures.py").write_text(TESTS, "utf-8")
        done = subprocess.run(
            # The plugin is named here, so that it is tested in a checkout that is not installed too.
            [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "mitmtw.testing.pytest_plugin"],
            cwd=folder,
            env={**os.environ, "PYTHONPATH": str(ROOT), "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"},
            capture_output=True,
            text=True,
            timeout=60,
        )
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        self.assertIn("6 passed", done.stdout)
