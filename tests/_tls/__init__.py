"""Tests of the room that speaks TLS."""
