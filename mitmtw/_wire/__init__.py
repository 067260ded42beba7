"""
Sans-io codecs: bytes to events and back.

Nothing here knows a reactor, a socket or an addon. A codec is strict: what the protocol does not allow is refused with
L{mitmtw.errors.RemoteProtocolError} when it is read and with L{mitmtw.errors.LocalProtocolError} when it would be
written, and nothing is ever repaired, because two readers that repair differently are how requests are smuggled.
"""
