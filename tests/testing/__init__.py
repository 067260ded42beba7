"""Tests for L{mitmtw.testing}: the kit for tests of addons."""
