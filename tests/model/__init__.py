"""Tests of L{mitmtw.model}, file by file."""
