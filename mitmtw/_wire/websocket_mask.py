"""
Masking of WebSocket payloads (RFC 6455 section 5.3): XOR with a key of four octets.

Python's long integers do it quickest for short payloads; for long ones there is autobahn's compiled masking, 15 times
as quick at 64 KiB. Importing that takes a moment, so it is done when it is first needed, or by L{load_native} at a
better time. Without it the integers do all, which gives the same octets.
"""

import os
from collections.abc import Callable
from importlib import import_module
from typing import Any, Final

__all__ = ["load_native", "mask_payload", "new_mask"]

#: Octets from which on the compiled masking is quicker than integers: measured, 2.5 µs each at 1 KiB.
_NATIVE_FROM: Final = 1024

#: Makes an object whose C{process} masks octets, from a key and how many there will be.
_Maker = Callable[[bytes, int], Any]


class _Native:
    """
    The compiled masking, once it was looked for.

    @cvar maker: what makes maskers, None without it.
    @cvar is_known: whether it was looked for.
    """

    maker: _Maker | None = None
    is_known = False


def load_native() -> bool:
    """
    Import the compiled masking, unless that was tried before. It takes 0.1 s.

    @return: whether there is one. There is none where autobahn was installed without it, or where the environment
        variable C{AUTOBAHN_USE_NVX} turns it off.
    """
    if not _Native.is_known:
        _Native.is_known = True
        if os.environ.get("AUTOBAHN_USE_NVX", "").strip().lower() not in ("0", "no", "false"):
            try:
                # Not autobahn.websocket.xormasker: that is the slow one when autobahn was imported before without
                # the environment variable, and it brings the half of autobahn along.
                maker: _Maker = import_module("autobahn.nvx._xormasker").create_xor_masker
                maker(b"\0\0\0\0", _NATIVE_FROM).process(b"\0")
            except (ImportError, AttributeError):
                pass
            else:
                _Native.maker = maker
    return _Native.maker is not None


def mask_payload(key: bytes, payload: bytes) -> bytes:
    """
    Mask a payload, or take the mask off: both are the same.

    @param key: four octets.
    """
    size = len(payload)
    if size >= _NATIVE_FROM and load_native() and _Native.maker is not None:
        masked: bytes = _Native.maker(key, size).process(payload)
        return masked
    pattern = (key * ((size + 3) >> 2))[:size]
    return (int.from_bytes(payload, "little") ^ int.from_bytes(pattern, "little")).to_bytes(size, "little")


def new_mask() -> bytes:
    """A key that nobody can foresee (RFC 6455 section 10.3)."""
    return os.urandom(4)
