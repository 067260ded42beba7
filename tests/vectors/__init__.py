"""Bytes that the codecs must take or refuse, each named by the section of the RFC or the weakness that it shows."""
