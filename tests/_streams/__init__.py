"""Tests of what both sides of an exchange share."""
