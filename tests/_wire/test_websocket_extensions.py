"""Tests of L{mitmtw._wire.websocket_extensions}."""

from twisted.trial.unittest import SynchronousTestCase

from mitmtw._wire.websocket_extensions import Extension, read_extensions, values_of, write_extensions
from mitmtw.errors import LocalProtocolError, RemoteProtocolError
from tests.vectors.websocket_frames import BAD_EXTENSION_LISTS, EXTENSION_LISTS


class ReadTests(SynchronousTestCase):
    def test_good(self) -> None:
        """Each list is read as the table says."""
        for name, value, extensions in EXTENSION_LISTS:
            self.assertEqual(read_extensions([value]), [Extension(*each) for each in extensions], name)

    def test_bad(self) -> None:
        """Each bad list is refused, alone and behind a good element, with the status of its side."""
        for name, value in BAD_EXTENSION_LISTS:
            for line in (value, b"ok; a=b, " + value):
                error = self.assertRaises(RemoteProtocolError, read_extensions, [line], 502)
                self.assertEqual(error.http_status, 502, name)
        self.assertEqual(self.assertRaises(RemoteProtocolError, read_extensions, [b";"]).http_status, 400)

    def test_several_fields(self) -> None:
        """Several fields are one list."""
        self.assertEqual(read_extensions([b"a", b"", b"b; c"]), [Extension(b"a"), Extension(b"b", ((b"c", None),))])


class WriteTests(SynchronousTestCase):
    def test_round_trip(self) -> None:
        """What was written is read again."""
        for name, _, rows in EXTENSION_LISTS:
            extensions = [Extension(*row) for row in rows]
            self.assertEqual(read_extensions([write_extensions(extensions)]), extensions, name)

    def test_spelling(self) -> None:
        """In the spelling that is common."""
        extensions = [Extension(b"a", ((b"b", None), (b"c", b"1"))), Extension(b"d")]
        self.assertEqual(write_extensions(extensions), b"a; b; c=1, d")

    def test_no_token(self) -> None:
        """What is no token is not written."""
        bad = (Extension(b""), Extension(b"a,b"), Extension(b"a", ((b"b;", None),)), Extension(b"a", ((b"b", b"1 0"),)))
        for extension in bad:
            self.assertRaises(LocalProtocolError, write_extensions, [extension])


class ValuesTests(SynchronousTestCase):
    def test_values(self) -> None:
        """All values of a name in any case, in order."""
        self.assertEqual(values_of([(b"A", b"1"), (b"b", b"2"), (b"a", b"3")], b"a"), [b"1", b"3"])
