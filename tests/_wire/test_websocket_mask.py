"""Tests of L{mitmtw._wire.websocket_mask}."""

import os

from twisted.trial.unittest import SynchronousTestCase

from mitmtw._wire import websocket_mask
from mitmtw._wire.websocket_mask import load_native, mask_payload, new_mask

KEY = b"\x01\x80\xff\x10"


def by_octets(payload: bytes) -> bytes:
    """Section 5.3 word by word."""
    return bytes(octet ^ KEY[place % 4] for place, octet in enumerate(payload))


class MaskTests(SynchronousTestCase):
    def check(self) -> None:
        """All lengths around the places where something changes."""
        for size in (0, 1, 2, 3, 4, 5, 8, 1023, 1024, 1025, 1026, 1027, 5000):
            payload = (bytes(range(256)) * 20)[:size]
            masked = mask_payload(KEY, payload)
            self.assertEqual((masked, type(masked)), (by_octets(payload), bytes))
            self.assertEqual(mask_payload(KEY, masked), payload)

    def test_native(self) -> None:
        """The compiled masking is found here, and makes the same octets."""
        self.assertTrue(load_native())
        self.check()

    def test_integers(self) -> None:
        """Without it all is done by integers."""
        self.patch(websocket_mask._Native, "maker", None)
        self.assertFalse(load_native())
        self.check()

    def test_missing(self) -> None:
        """Where it cannot be imported, or is turned off, or has changed its name, there is none; it is tried once."""
        tried: list[str] = []

        def absent(name: str) -> object:
            tried.append(name)
            raise ImportError

        def other(name: str) -> object:
            return os

        for importing, environment in ((absent, ""), (other, ""), (absent, "0")):
            self.patch(websocket_mask, "import_module", importing)
            self.patch(websocket_mask._Native, "maker", None)
            self.patch(websocket_mask._Native, "is_known", False)
            self.patch(os, "environ", {"AUTOBAHN_USE_NVX": environment})
            self.assertEqual((load_native(), load_native()), (False, False))
        self.assertEqual(len(tried), 1)
        self.check()

    def test_new_mask(self) -> None:
        """Four octets, others each time."""
        masks = {new_mask() for _ in range(20)}
        self.assertGreater(len(masks), 15)
        self.assertEqual({len(mask) for mask in masks}, {4})
