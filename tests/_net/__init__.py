"""Tests of mitmtw._net."""
