"""Tests of the hook contract on a whole proxy, on an in-memory network."""
