"""
The quick way to the network on Linux: a reactor that spends less on each read and write. Nothing else depends on it.
"""
