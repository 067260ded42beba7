"""Tests with real sockets and the programs of others: curl, OpenSSL, nginx, Chromium, Python's clients, twistd."""
