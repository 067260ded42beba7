"""
Files that hold secrets: written whole or not at all, and at no moment readable by others.
"""

import os
import secrets
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from mitmtw.errors import AuthorityError

__all__ = ["PRIVATE", "PUBLIC", "create", "keep_copy", "prepare_directory", "read_private", "replace"]

PRIVATE: Final = 0o600  # mode of a file with a key
PUBLIC: Final = 0o644  # mode of a file for everybody
_DIRECTORY: Final = 0o700
_ANY_ACCESS_BY_OTHERS: Final = 0o077
_WRITABLE_BY_OTHERS: Final = 0o022
_LARGEST_FILE: Final = 1_048_576  # bytes; a key with a long chain has some 20 KB


def prepare_directory(directory: Path) -> None:
    """
    Make a directory with mode 0700 if it is missing; check it if it is there.

    @param directory: The directory.
    @raise AuthorityError: It cannot be made, is no directory, belongs to another user, or others can write to it.
    """
    try:
        directory.parent.mkdir(parents=True, exist_ok=True)
        try:
            directory.mkdir(mode=_DIRECTORY)
        except FileExistsError:
            pass
        status = directory.stat()
    except OSError as error:
        raise AuthorityError(f"the directory {directory} cannot be used: {error.strerror}") from error
    if not stat.S_ISDIR(status.st_mode):
        raise AuthorityError(f"{directory} is not a directory")
    _check(status, directory, _WRITABLE_BY_OTHERS, "written to", "700")


def read_private(path: Path) -> bytes | None:
    """
    Read a file that only its owner may read.

    @param path: The file.
    @return: Its content; None if there is no such file.
    @raise AuthorityError: It cannot be read, belongs to another user, or others have access.
    """
    try:
        with path.open("rb") as file:
            _check(os.fstat(file.fileno()), path, _ANY_ACCESS_BY_OTHERS, "accessed", "600")
            return file.read(_LARGEST_FILE)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise AuthorityError(f"{path} cannot be read: {error.strerror}") from error


def _check(status: os.stat_result, path: Path, forbidden: int, what: str, mode: str) -> None:
    """
    Refuse what is not ours alone. Nothing is repaired: who could read a key before still has it.

    @param status: Owner and mode.
    @param path: The file or directory.
    @param forbidden: Bits that must not be set.
    @param what: What others can do because of them.
    @param mode: The mode to advise.
    @raise AuthorityError: It belongs to another user, or a forbidden bit is set.
    """
    if not hasattr(os, "geteuid"):  # Windows: access is a matter of the profile's directory
        return
    if status.st_uid != os.geteuid():
        raise AuthorityError(f"{path} belongs to another user (uid {status.st_uid}, not {os.geteuid()})")
    if status.st_mode & forbidden:
        raise AuthorityError(f"{path} can be {what} by other users; if it was meant to be private: chmod {mode} {path}")


def create(path: Path, content: bytes, mode: int) -> bool:
    """
    Make a file that does not exist yet; if several processes try, one of them succeeds.

    @param path: The file.
    @param content: What to write.
    @param mode: Its mode.
    @return: Whether we made it.
    @raise AuthorityError: It cannot be written.
    """
    with _written(path, content, mode) as written:
        try:
            os.link(written, path)
        except FileExistsError:
            return False
        except OSError:
            # a file system without links: two processes in the same instant may then differ until they restart
            if path.exists():
                return False
            os.replace(written, path)
        return True


def replace(path: Path, content: bytes, mode: int) -> None:
    """
    Write a file anew: readers see the old or the new content, nothing between.

    @param path: The file.
    @param content: What to write.
    @param mode: Its mode.
    @raise AuthorityError: It cannot be written.
    """
    with _written(path, content, mode) as written:
        os.replace(written, path)


def keep_copy(path: Path, suffix: str) -> Path | None:
    """
    Give a file a second name, so that it survives being replaced.

    @param path: The file.
    @param suffix: What to append to its name; a number is added if that name is taken.
    @return: The second name; None if there is no such file.
    @raise AuthorityError: It cannot be named.
    """
    for number in range(1000):
        copy = path.with_name(f"{path.name}.{suffix}" + (f"-{number}" if number else ""))
        try:
            os.link(path, copy)
            copy.chmod(PRIVATE)
        except FileExistsError:
            continue
        except FileNotFoundError:
            return None
        except OSError as error:
            raise AuthorityError(f"{path} cannot be kept as {copy}: {error.strerror}") from error
        return copy
    raise AuthorityError(f"{path} cannot be kept: too many copies with the name {suffix}")


@contextmanager
def _written(path: Path, content: bytes, mode: int) -> Iterator[Path]:
    """
    Write a file under a name of its own in the same directory, and remove that name afterwards.

    @param path: The file that it is to become.
    @param content: What to write; it is on the disk before this goes on.
    @param mode: Its mode; until it is written it is 0600.
    @raise AuthorityError: It cannot be written, or what the caller does with it fails.
    """
    own = path.with_name(f".{path.name}.{os.getpid()}.{secrets.token_hex(8)}")
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_BINARY", 0)
    try:
        with os.fdopen(os.open(own, flags, PRIVATE), "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        if mode != PRIVATE:
            own.chmod(mode)
        yield own
    except OSError as error:
        raise AuthorityError(f"{path} cannot be written: {error.strerror}") from error
    finally:
        own.unlink(missing_ok=True)
