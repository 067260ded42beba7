"""Ways in: what a listener is told by C{[MODE@]ENDPOINT}, one module a mode."""
