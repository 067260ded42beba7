"""What the proxy costs: measured beside another proxy in the same run, and piece by piece in one process."""
