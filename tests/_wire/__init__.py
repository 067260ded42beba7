"""Tests of the sans-io codecs."""
