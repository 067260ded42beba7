"""
TLS: our certificate authority and its leaf certificates, frozen contexts, one TLS engine, and verification of servers.

Everything outside this room meets it through L{IAuthority<mitmtw.interfaces.authority.IAuthority>};
L{Authority<mitmtw._tls.authority.Authority>} is made once, by the composition root.
"""
