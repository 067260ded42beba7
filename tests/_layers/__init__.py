"""Tests of L{mitmtw._layers}."""
