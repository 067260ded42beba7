"""Tests of L{mitmtw._wire.websocket_agreement}."""

from twisted.trial.unittest import SynchronousTestCase

from mitmtw._wire.websocket_agreement import DeflateOffer, DeflateParameters, accept_answer, choose, read_offer
from mitmtw._wire.websocket_deflate import Coding
from mitmtw._wire.websocket_extensions import Extension, read_extensions, write_extensions
from mitmtw.errors import RemoteProtocolError
from tests.vectors.websocket_frames import ANSWERS


def offer(value: bytes) -> DeflateOffer | None:
    return read_offer(read_extensions([value])[0])


class OfferTests(SynchronousTestCase):
    def test_good(self) -> None:
        """All parameters, and a client that leaves its window open."""
        self.assertEqual(offer(b"permessage-deflate"), DeflateOffer())
        whole = (
            b"permessage-deflate; client_max_window_bits=9; server_max_window_bits=8; "
            b"client_no_context_takeover; server_no_context_takeover"
        )
        self.assertEqual(offer(whole), DeflateOffer(True, True, 8, 9))
        self.assertEqual(offer(b"permessage-deflate; client_max_window_bits"), DeflateOffer(False, False, None, 15))

    def test_declined(self) -> None:
        """Another extension, and what section 7 does not allow in an offer."""
        bad = (
            b"x-webkit-deflate-frame",
            b"permessage-deflate; x",
            b"permessage-deflate; server_max_window_bits",
            b"permessage-deflate; server_max_window_bits=7",
            b"permessage-deflate; client_max_window_bits=16",
            b"permessage-deflate; client_max_window_bits=09",
            b"permessage-deflate; client_no_context_takeover=1",
            b"permessage-deflate; client_max_window_bits; client_max_window_bits=9",
        )
        for value in bad:
            self.assertIsNone(offer(value), value)


class ChooseTests(SynchronousTestCase):
    def test_first_good(self) -> None:
        """The first offer that can be taken is answered word by word, and its client accepts that."""
        rows = (
            (b"foo, permessage-deflate; x, permessage-deflate", b"permessage-deflate", DeflateParameters()),
            (
                b"permessage-deflate; server_max_window_bits=15; client_max_window_bits",
                b"permessage-deflate; server_max_window_bits=15; client_max_window_bits=15",
                DeflateParameters(),
            ),
            (
                b"permessage-deflate; server_no_context_takeover; client_no_context_takeover; "
                b"server_max_window_bits=9; client_max_window_bits=10",
                b"permessage-deflate; server_no_context_takeover; client_no_context_takeover; "
                b"server_max_window_bits=9; client_max_window_bits=10",
                DeflateParameters(True, True, 9, 10),
            ),
        )
        for offered, answer, agreed in rows:
            extensions = read_extensions([offered])
            chosen = choose(extensions)
            assert chosen is not None
            self.assertEqual((chosen[0], write_extensions([chosen[1]])), (agreed, answer))
            self.assertEqual(accept_answer([chosen[1]], extensions), agreed)

    def test_none(self) -> None:
        """Without an offer that can be taken there is no answer."""
        self.assertIsNone(choose([]))
        self.assertIsNone(choose([Extension(b"foo"), Extension(b"permessage-deflate", ((b"x", None),))]))


class AcceptTests(SynchronousTestCase):
    def test_answers(self) -> None:
        """Each answer of the table is accepted with what it means, or refused with 502."""
        for name, offered, answer, agreed in ANSWERS:
            arguments = read_extensions([answer]), read_extensions([offered])
            if agreed is None:
                error = self.assertRaises(RemoteProtocolError, accept_answer, *arguments)
                self.assertEqual(error.http_status, 502, name)
            else:
                parameters = accept_answer(*arguments)
                assert parameters is not None
                self.assertEqual((*parameters.client, *parameters.server), agreed, name)

    def test_nothing(self) -> None:
        """A server need not want any."""
        self.assertIsNone(accept_answer([], [Extension(b"permessage-deflate")]))

    def test_codings(self) -> None:
        """Each side has its own coding."""
        parameters = DeflateParameters(True, False, 9, 10)
        self.assertEqual((parameters.server, parameters.client), (Coding(True, 9), Coding(False, 10)))
