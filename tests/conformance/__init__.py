"""Conformance: what the Autobahn test suite says about WebSocket through the proxy, and without it."""
