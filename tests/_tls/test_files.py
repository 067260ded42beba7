"""Files that hold secrets."""

import errno
import os
import stat
from pathlib import Path
from typing import Any

from twisted.trial.unittest import SkipTest, SynchronousTestCase

from mitmtw._tls import files
from mitmtw._tls.files import PRIVATE, PUBLIC, create, keep_copy, prepare_directory, read_private, replace
from mitmtw.errors import AuthorityError


def mode(path: Path) -> int:
    """The permission bits of a file."""
    return stat.S_IMODE(path.stat().st_mode)


class FilesTests(SynchronousTestCase):
    """In a directory of their own."""

    def setUp(self) -> None:
        self.directory = Path(self.mktemp()).absolute()
        self.directory.mkdir(mode=0o700)
        self.path = self.directory / "key.pem"

    def refused(self, sentence: str, function: Any, *arguments: Any) -> None:
        error = self.assertRaises(AuthorityError, function, *arguments)
        self.assertIn(sentence, str(error))
        self.assertNotIn("\n", str(error))

    def spy(self, name: str, calls: list[tuple[Any, ...]]) -> None:
        """Note the mode of all files in the directory when a function of os is called."""
        true = getattr(os, name)

        def noted(*arguments: Any, **keywords: Any) -> Any:
            outcome = true(*arguments, **keywords)
            calls.append((name, {path.name: mode(path) for path in self.directory.iterdir()}))
            return outcome

        self.patch(os, name, noted)

    def test_private_from_the_first_moment(self) -> None:
        """With the laxest umask no file is readable by others when it is opened, when it is written, or afterwards."""
        calls: list[tuple[Any, ...]] = []
        for name in ("open", "fsync", "link", "replace"):
            self.spy(name, calls)
        before = os.umask(0)
        try:
            self.assertTrue(create(self.path, b"secret", PRIVATE))
            replace(self.path, b"other", PRIVATE)
        finally:
            os.umask(before)
        self.assertEqual([name for name, _ in calls], ["open", "fsync", "link", "open", "fsync", "replace"])
        for _, modes in calls:
            self.assertTrue(modes)
            self.assertEqual(set(modes.values()), {0o600})

    def test_public(self) -> None:
        """A file for everybody gets its mode before it gets its name."""
        replace(self.path, b"certificate", PUBLIC)
        self.assertEqual(mode(self.path), 0o644)

    def test_written_before_named(self) -> None:
        """The content is whole, and on the disk, when the file gets its name."""
        seen: list[bytes] = []
        synced: list[int] = []
        true_link, true_replace, true_sync = os.link, os.replace, os.fsync

        def sync(descriptor: int) -> None:
            synced.append(descriptor)
            true_sync(descriptor)

        def link(source: Path, target: Path) -> None:
            seen.append(source.read_bytes() * len(synced))
            true_link(source, target)

        def rename(source: Path, target: Path) -> None:
            seen.append(source.read_bytes())
            true_replace(source, target)

        self.patch(os, "fsync", sync)
        self.patch(os, "link", link)
        self.patch(os, "replace", rename)
        create(self.path, b"whole", PRIVATE)
        replace(self.path, b"anew", PRIVATE)
        self.assertEqual(seen, [b"whole", b"anew"])
        self.assertEqual(len(synced), 2)

    def test_create_only_once(self) -> None:
        """Who comes second changes nothing."""
        self.assertTrue(create(self.path, b"first", PRIVATE))
        self.assertFalse(create(self.path, b"second", PRIVATE))
        self.assertEqual(self.path.read_bytes(), b"first")
        self.assertEqual(os.listdir(self.directory), ["key.pem"])

    def test_create_without_links(self) -> None:
        """A file system without links still gets the file, once."""

        def link(source: Path, target: Path) -> None:
            raise OSError(errno.EPERM, "Operation not permitted")

        self.patch(os, "link", link)
        self.assertTrue(create(self.path, b"first", PRIVATE))
        self.assertFalse(create(self.path, b"second", PRIVATE))
        self.assertEqual(self.path.read_bytes(), b"first")
        self.assertEqual(os.listdir(self.directory), ["key.pem"])

    def test_failure_leaves_nothing(self) -> None:
        """If writing fails, the old content stays, no other file remains, and the error is one sentence."""
        replace(self.path, b"old", PRIVATE)

        def fsync(descriptor: int) -> None:
            raise OSError(errno.ENOSPC, "No space left on device")

        self.patch(os, "fsync", fsync)
        self.refused("key.pem cannot be written: No space left on device", replace, self.path, b"new", PRIVATE)
        self.refused("No space left on device", create, self.directory / "new", b"new", PRIVATE)
        self.assertEqual(os.listdir(self.directory), ["key.pem"])
        self.assertEqual(self.path.read_bytes(), b"old")

    def test_read(self) -> None:
        """A file of ours alone is read; one that is not there is None."""
        self.assertIsNone(read_private(self.path))
        create(self.path, b"secret", PRIVATE)
        self.assertEqual(read_private(self.path), b"secret")

    def test_read_loose_mode(self) -> None:
        """Any access by others is refused, with the cure; nothing is repaired."""
        create(self.path, b"secret", PRIVATE)
        for bits in (0o640, 0o604, 0o620, 0o601):
            self.path.chmod(bits)
            self.refused(f"chmod 600 {self.path}", read_private, self.path)
            self.assertEqual(mode(self.path), bits)

    def test_read_unreadable(self) -> None:
        """What cannot be read is an error of ours."""
        self.path.mkdir()
        self.refused("cannot be read", read_private, self.path)

    def test_foreign_owner(self) -> None:
        """A directory or file of another user is refused."""
        if os.geteuid() != 0:
            raise SkipTest("only root can give files away")
        create(self.path, b"secret", PRIVATE)
        os.chown(self.path, 12345, -1)
        self.refused("belongs to another user (uid 12345", read_private, self.path)
        os.chown(self.directory, 12345, -1)
        self.refused("belongs to another user (uid 12345", prepare_directory, self.directory)

    def test_foreign_owner_by_number(self) -> None:
        """The same, seen from the other user, whoever runs the tests."""
        create(self.path, b"secret", PRIVATE)
        self.patch(os, "geteuid", lambda: os.getuid() + 1)
        self.refused("belongs to another user", read_private, self.path)
        self.refused("belongs to another user", prepare_directory, self.directory)

    def test_no_owners(self) -> None:
        """Where the system has no such owners and modes, nothing is refused because of them."""
        create(self.path, b"secret", PRIVATE)
        self.path.chmod(0o666)
        self.patch(files, "os", _WithoutOwners())
        self.assertEqual(read_private(self.path), b"secret")

    def test_directory(self) -> None:
        """It is made with mode 0700 whatever the umask, its parents too; made again it stays."""
        wanted = self.directory / "a" / "b"
        before = os.umask(0)
        try:
            prepare_directory(wanted)
        finally:
            os.umask(before)
        self.assertEqual(mode(wanted), 0o700)
        prepare_directory(wanted)

    def test_directory_refused(self) -> None:
        """One that others can write to, a file, and one below a file are refused; one that others can read is not."""
        self.directory.chmod(0o755)
        prepare_directory(self.directory)
        for bits in (0o770, 0o777, 0o1777, 0o702):
            self.directory.chmod(bits)
            self.refused(f"chmod 700 {self.directory}", prepare_directory, self.directory)
        self.directory.chmod(0o700)
        self.path.write_bytes(b"")
        self.refused("is not a directory", prepare_directory, self.path)
        self.refused("cannot be used", prepare_directory, self.path / "below")

    def test_copy(self) -> None:
        """A copy keeps the content, gets mode 0600 and a name of its own."""
        self.assertIsNone(keep_copy(self.path, "old"))
        create(self.path, b"secret", PRIVATE)
        self.path.chmod(0o644)
        first, second = keep_copy(self.path, "old"), keep_copy(self.path, "old")
        assert first is not None and second is not None
        replace(self.path, b"new", PRIVATE)
        self.assertEqual((first.name, second.name), ("key.pem.old", "key.pem.old-1"))
        self.assertEqual((first.read_bytes(), mode(first)), (b"secret", 0o600))

    def test_copy_fails(self) -> None:
        """A copy that cannot be made is an error: the original must not be lost."""
        create(self.path, b"secret", PRIVATE)

        def link(source: Path, target: Path) -> None:
            raise OSError(errno.EPERM, "Operation not permitted")

        self.patch(os, "link", link)
        self.refused("cannot be kept", keep_copy, self.path, "old")


class _WithoutOwners:
    """The module os of a system that has no geteuid."""

    def __getattr__(self, name: str) -> Any:
        if name == "geteuid":
            raise AttributeError(name)
        return getattr(os, name)
