"""
The downstream side: what a byte stream is, one layer a protocol, and the conversation itself
(L{mitmtw._layers.exchange}).
"""
